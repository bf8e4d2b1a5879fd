"""Comparisons of cohorts and of their curves: by hand, and by definition, customer by customer."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import pyarrow as pa
import pytest
import retention_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from log_rank_oracle import by_definition, statistic_of
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core

START = dt.datetime(2017, 9, 20, 12, tzinfo=dt.UTC)
ZONES = ["UTC", "America/Sao_Paulo", "Europe/London"]
PLANS = {0: "free", 1: "paid", 2: "free", 3: "paid", 4: "paid", 5: "free"}


# --- compare --------------------------------------------------------------------------------------


def many_rows(seed, n):
    rng = random.Random(seed)
    return [
        oracle.Row(rng.randrange(9), START + dt.timedelta(minutes=30 * rng.randrange(260 * 48)),
                   rng.choice(["buy", "buy", "view"]), rng.randint(-1, 8) / 4,
                   rng.choice(["ads", "shop", None]))
        for _ in range(n)
    ]  # fmt: skip


logs = st.builds(many_rows, st.integers(0, 2**32), st.integers(20, 70))


def log_of(rows, zone="UTC", days=3):
    ids = sorted({r.customer for r in rows})
    until = max(r.time for r in rows) + dt.timedelta(days=days, hours=5)
    frame = pa.table(
        {"id": [r.customer for r in rows],
         "t": pa.array([r.time for r in rows], pa.timestamp("us", "UTC")),
         "what": [r.event for r in rows], "v": [r.amount for r in rows],
         "channel": pa.array([r.channel for r in rows], pa.string())}
    )  # fmt: skip
    log = tn.EventLog(
        frame, customer="id", time="t", event="what", amount="v", orders=["buy"],
        properties=["channel"], timezone=zone, observed_until=until,
        customers={"id": ids, "plan": [PLANS.get(c) for c in ids]},
    )  # fmt: skip
    return log, until


@settings(max_examples=15)
@given(logs, st.sampled_from(["cohorts", "groups"]), st.sampled_from(["calendar", "rolling"]))
def test_compare_tests_what_retention_counted(rows, between, clock):
    r = tn.cohort.retention(log_of(rows)[0], by="channel", clock=clock)
    labels = r.cohorts.tolist() if between == "cohorts" else r.groups.values
    if len(labels) < 2 or len(r.ages) < 2:
        return
    c = tn.cohort.compare(r, between, correction="none")

    def counted(label, age):
        at = list(r.ages).index(age)
        if between == "cohorts":
            i = labels.index(label)
            return r.counts[i, at], r.denominators[i, at]
        part = r.groups[label]
        return np.nansum(part.counts[:, at]), np.nansum(part.denominators[:, at])

    for i, (age, a, b) in enumerate(zip(c.age, c.group, c.reference, strict=True)):
        (k1, n1), (k2, n2) = counted(a, age), counted(b, age)
        assert (c.rate[i], c.reference_rate[i]) == (k1 / n1, k2 / n2)
        assert (c.n_group[i], c.n_reference[i]) == (n1, n2)
    seen = {(age, a, b) for age, a, b in zip(c.age, c.group, c.reference, strict=True)}
    for age in r.ages[1:]:
        for j, a in enumerate(labels):
            for b in labels[:j]:
                both = all(counted(x, age)[1] > 0 for x in (a, b))  # NaN is not
                assert ((age, a, b) in seen) == both
    assert c.overall.age.tolist() == r.ages[1:].tolist()
    assert c.overall.n_groups.tolist() == [
        sum(bool(counted(x, age)[1] > 0) for x in labels) for age in r.ages[1:]
    ]


def acquired(web, tv):
    """A log in which of 100 web and 100 tv customers so many return in the second month."""
    rows = [(f"{ad}{i}", m, ad) for ad, k in (("web", web), ("tv", tv)) for i in range(100)
            for m in ((1, 2) if i < k else (1,))]  # fmt: skip
    return tn.EventLog(
        {"id": [c for c, *_ in rows], "d": [dt.date(2024, m, 9) for _, m, _ in rows],
         "ad": [ad for *_, ad in rows]},
        customer="id", time="d", properties=["ad"], observed_until="2024-02-29",
    )  # fmt: skip


def test_compare_by_hand():
    c = tn.cohort.compare(tn.cohort.retention(acquired(30, 50), by="ad"), reference="tv")
    # chi-square = 200 (30 x 50 - 70 x 50)^2 / (100 x 100 x 80 x 120)
    assert_allclose(c.z, [-np.sqrt(200 * 2000**2 / (100 * 100 * 80 * 120))], rtol=1e-14)
    assert (c.group, c.reference, c.between) == (["web"], ["tv"], "ad")
    assert_allclose(c.overall.statistic, c.z**2, rtol=1e-14)
    same = tn.cohort.compare(tn.cohort.retention(acquired(40, 40), by="ad"))
    assert (same.z.tolist(), same.p_value.tolist()) == ([0.0], [1.0])


def test_adjustment_is_over_all_rows():
    log, _ = log_of(many_rows(5, 70))
    r = tn.cohort.retention(log)
    raw = tn.cohort.compare(r, correction="none")
    for correction in ("holm", "benjamini_hochberg"):
        c = tn.cohort.compare(r, correction=correction)
        assert_array_equal(c.p_value, raw.p_adjusted)
        assert_array_equal(c.p_adjusted, _core.survival.adjusted_p_values(raw.p_value, correction))
    one = tn.cohort.compare(r, ages=2, reference=r.cohorts[0])
    assert set(one.age.tolist()) <= {2}
    assert set(one.reference) <= {r.cohorts[0].item()}


# --- compare_curves -------------------------------------------------------------------------------


def waits_of(rows, until, silence, **setting):
    """(days, ended, group, cohort's month) of each customer, from the oracle's days."""
    found = []
    for m in oracle.members_of(rows, until, period="day", **setting):
        days = sorted(a for a, n in m.events.items() if n > 0 and a > 0)
        last = max(m.last, 0)
        if silence is None:
            end = (days[0], True) if days else (last, False)
        else:
            end = (last, False)
            signs = [0, *days]
            for sign, following in zip(signs, [*signs[1:], None], strict=True):
                dead = sign + silence
                if dead <= m.last and (following is None or following > dead):
                    end = (dead, True)
                    break
        day = dt.date.fromordinal(m.cohort)
        found.append((*end, m.group, day.year * 12 + day.month))
    return found


@settings(max_examples=30)
@given(
    logs,
    st.sampled_from(ZONES),
    st.sampled_from([None, 1, 7, 30]),
    st.sampled_from([None, "channel", "plan"]),
    st.sampled_from([None, "cohort", "plan"]),
    st.sampled_from(["first_ever", "first_matching"]),
    st.sampled_from([None, "view", ["buy", "view"]]),
)
def test_curves_equal_their_definition(rows, zone, silence, by, strata, anchor, event):
    log, until = log_of(rows, zone)
    if by is None and strata == "cohort":
        strata = None
    where = {"channel": ["ads"]} if anchor == "first_matching" else None
    c = tn.cohort.compare_curves(
        log, by=by, strata=strata, anchor=anchor, where=where, return_event=event,
        **({} if silence is None else {"curve": "churn", "inactive_after": silence}),
    )  # fmt: skip
    setting = {"zone": zone, "anchor": anchor, "where": ["ads"] if where else None}
    if event:
        setting["return_event"] = [event] if isinstance(event, str) else event
    group = {"by": by, "by_customer": PLANS if by == "plan" else None}
    waits = waits_of(rows, until, silence, **setting, **group)
    of_plan = waits_of(rows, until, silence, **setting, by="plan", by_customer=PLANS)
    values = [w[3] if by is None else w[2] for w in waits]
    labels = sorted({v for v in values if v is not None}) + [None] * (None in values)
    assert c.group == [
        dt.date((v - 1) // 12, (v - 1) % 12 + 1, 1) if by is None else v for v in labels
    ]
    worlds = {None: [0] * len(waits), "cohort": [w[3] for w in waits],
              "plan": [str(w[2]) for w in of_plan]}[strata]  # fmt: skip
    sample = [
        (w[0], w[1], labels.index(v), sorted(set(worlds)).index(s), 0)
        for w, v, s in zip(waits, values, worlds, strict=True)
    ]
    for k in range(len(labels)):
        assert c.customers[k] == sum(s[2] == k for s in sample)
        assert c.ended[k] == sum(s[2] == k and s[1] for s in sample)
    if sample:
        u, v = by_definition(sample, len(labels))
        statistic, rank = statistic_of(u, v)
        assert_allclose(c.statistic, float(statistic), rtol=1e-9, atol=1e-10)
        assert c.df == rank


def test_curves_are_kaplan_meier_and_pairs_are_tests_of_two():
    log, _ = log_of(many_rows(8, 70))
    c = tn.cohort.compare_curves(log, by="plan", pairwise=True, weights="peto")
    for k, label in enumerate(c.group):
        ids = [i for i in log.customer_ids.tolist() if PLANS.get(i) == label]
        alone = log.where(customers=ids)
        one = tn.cohort.compare_curves(alone, by="plan")
        assert_array_equal(one.curves[0].share, c.curves[k].share)
        km = tn.churn.KaplanMeier().fit(*times_of(alone)).curve_
        assert_allclose(c.curves[k].share, 1 - km.survival, rtol=1e-14)
        assert_allclose(c.curves[k].lower, 1 - km.upper, rtol=1e-14)
    for i, (a, b) in enumerate(zip(c.pairs.group, c.pairs.reference, strict=True)):
        both = [i for i in log.customer_ids.tolist() if PLANS.get(i) in (a, b)]
        two = tn.cohort.compare_curves(log.where(customers=both), by="plan", weights=(1, 0))
        assert_allclose(c.pairs.statistic[i], two.statistic, rtol=1e-12)
    assert_array_equal(
        c.pairs.p_adjusted, _core.survival.adjusted_p_values(c.pairs.p_value, "holm")
    )


def times_of(log):
    times = _core.cohort.return_times(
        log._core, period=_core.events.Period.month, anchor="first_ever", start_event=[],
        return_event=[], where=[], signup=None, by_property=None, by_customer=None, silence=None,
        threads=1,
    )  # fmt: skip
    return times["days"], times["ended"]


def test_same_bits_for_every_thread_count_and_order():
    rows = many_rows(3, 400)
    a, b = (tn.cohort.compare_curves(log_of(r)[0], by="plan", n_threads=n)
            for r, n in ((rows, 1), (rows[::-1], 3)))  # fmt: skip
    assert a.to_pandas().equals(b.to_pandas())
    assert a.statistic == b.statistic


def test_pictures_show_the_numbers():
    pytest.importorskip("matplotlib").use("Agg")
    log = log_of(many_rows(5, 70))[0]
    r = tn.cohort.retention(log, by="channel")
    c = tn.cohort.compare(r)
    shown = c.plot(age=2).lines[0].get_xdata()
    assert_array_equal(shown, c.difference[c.age == 2])
    pair = tn.cohort.compare(tn.cohort.retention(acquired(3, 9), by="ad"))
    assert "web - tv" in pair.plot().get_xlabel()
    curves = tn.cohort.compare_curves(log, by="channel")
    ax = curves.plot()
    assert_array_equal(ax.lines[0].get_ydata()[1:], curves.curves[0].share)
    labels = ["(none)" if v is None else v for v in curves.group]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == labels


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given", "argument"),
    [
        ({"value": "events"}, {}, "r"),
        ({"anchor": "recurring"}, {}, "r"),
        ({"match": "on_or_after"}, {}, "r"),
        ({"denominator": "cohort"}, {}, "r"),
        ({}, {"between": "groups"}, "between"),
        ({}, {"between": "plans"}, "between"),
        ({}, {"ages": 99}, "ages"),
        ({}, {"ages": [1.5]}, "ages"),
        ({}, {"reference": "1999-01-01"}, "reference"),
        ({}, {"correction": "bonferroni"}, "correction"),
        ({}, {"level": 1}, "level"),
    ],
)
def test_compare_refuses(asked, given, argument):
    r = tn.cohort.retention(log_of(many_rows(5, 70))[0], n_bootstrap=2, **asked)
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.compare(r, **given)
    assert error.value.argument == argument


def test_compare_refuses_what_is_no_comparison():
    with pytest.raises(tn.InvalidInputError, match="two at least"):
        tn.cohort.compare(tn.cohort.retention(acquired(3, 4)))
    with pytest.raises(tn.InvalidInputError, match="must be what"):
        tn.cohort.compare([[1, 2]])


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"period": "fortnight"}, "period"),
        ({"curve": "buy"}, "curve"),
        ({"curve": "churn"}, "inactive_after"),
        ({"inactive_after": 7}, "inactive_after"),
        ({"curve": "churn", "inactive_after": 0}, "inactive_after"),
        ({"curve": "churn", "inactive_after": "1.5d"}, "inactive_after"),
        ({"anchor": "recurring"}, "anchor"),
        ({"by": "colour"}, "by"),
        ({"strata": "cohort"}, "strata"),
        ({"by": "plan", "strata": "channel"}, "strata"),
        ({"weights": "wilcoxon"}, "weights"),
        ({"weights": (1, -1)}, "weights"),
        ({"weights": 3}, "weights"),
        ({"correction": "sidak"}, "correction"),
        ({"signup": "plan", "start_event": "buy"}, "signup"),
        ({"return_event": "fly"}, "return_event"),
        ({"level": 0}, "level"),
        ({"n_threads": 0}, "n_threads"),
    ],
)
def test_compare_curves_refuses(given, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.compare_curves(log_of(many_rows(5, 70))[0], **given)
    assert error.value.argument == argument
