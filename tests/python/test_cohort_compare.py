"""Tests between cohorts: published values, rational arithmetic, SciPy, definitions by customer."""

from __future__ import annotations

import datetime as dt
import random
from fractions import Fraction

import mpmath
import numpy as np
import pyarrow as pa
import pytest
import retention_oracle as oracle
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core

START = dt.datetime(2017, 9, 20, 12, tzinfo=dt.UTC)
ZONES = ["UTC", "America/Sao_Paulo", "Europe/London"]
PLANS = {0: "free", 1: "paid", 2: "free", 3: "paid", 4: "paid", 5: "free"}


# --- log-rank -------------------------------------------------------------------------------------


def log_rank(rows, groups, weights=("log_rank", 0.0, 0.0)):
    """Rows of (duration, churned, group, stratum, entry)."""
    t, c, g, s, e = zip(*rows, strict=True)
    return _core.survival.log_rank(
        np.array(t, float), np.array(c, np.uint8), np.array(g, np.int32), groups,
        np.array(e, float), np.array(s, np.int32), max(s) + 1, *weights,
    )  # fmt: skip


def by_definition(rows, groups, weight=lambda n, s: 1):
    """Sums over strata and times in rational numbers: U and V."""
    u = [Fraction(0)] * groups
    v = [[Fraction(0)] * groups for _ in range(groups)]
    for stratum in {r[3] for r in rows}:
        mine = [r for r in rows if r[3] == stratum]
        curve = Fraction(1)
        for t in sorted({r[0] for r in mine if r[1]}):
            at_risk = [r for r in mine if r[0] >= t and (r[4] < t or r[4] == 0)]
            n, d = len(at_risk), sum(r[0] == t and r[1] for r in at_risk)
            share = [Fraction(sum(r[2] == k for r in at_risk), n) for k in range(groups)]
            w = weight(n, curve)
            for k in range(groups):
                u[k] += w * (sum(r[2] == k and r[0] == t and r[1] for r in at_risk) - share[k] * d)
                for j in range(groups if n > 1 else 0):
                    spread = Fraction(w * w * d * (n - d), n - 1)
                    v[k][j] += spread * share[k] * ((k == j) - share[j])
            curve *= 1 - Fraction(d, n)
    return u, v


def statistic_of(u, v):
    """u' V^- u and the rank of V by elimination in rational numbers."""
    u, v, total, rank = list(u), [list(row) for row in v], Fraction(0), 0
    for k in range(len(u)):
        if v[k][k] == 0:
            continue
        total, rank = total + u[k] ** 2 / v[k][k], rank + 1
        for j in range(k + 1, len(u)):
            factor = v[j][k] / v[k][k]
            u[j] -= factor * u[k]
            v[j] = [a - factor * b for a, b in zip(v[j], v[k], strict=True)]
    return total, rank


def small_samples(draw_entry):
    row = st.tuples(
        st.integers(1, 6), st.booleans(), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)
    )
    # Whole entries before the duration, or 0: at risk from the start.
    return st.lists(row, min_size=1, max_size=25).map(
        lambda rows: [(t, c, g, s, e if draw_entry and e < t else 0) for t, c, g, s, e in rows]
    )


WEIGHTS = {
    ("log_rank", 0.0, 0.0): lambda n, s: 1,
    ("gehan", 0.0, 0.0): lambda n, s: n,
    ("fleming_harrington", 1.0, 0.0): lambda n, s: s,
    ("fleming_harrington", 1.0, 2.0): lambda n, s: s * (1 - s) ** 2,
}


@settings(max_examples=40)
@given(small_samples(draw_entry=True), st.sampled_from(list(WEIGHTS)))
def test_log_rank_equals_its_definition(rows, weights):
    got = log_rank(rows, 4, weights)
    u, v = by_definition(rows, 4, WEIGHTS[weights])
    assert_allclose(got["observed"] - got["expected"], [float(x) for x in u], atol=1e-11)
    assert_allclose(got["variance"], [float(x) for row in v for x in row], rtol=1e-12, atol=1e-13)
    statistic, rank = statistic_of(u, v)
    assert got["df"] == rank
    assert_allclose(got["statistic"], float(statistic), rtol=1e-8, atol=1e-10)
    p = float(mpmath.gammainc(rank / 2, float(statistic) / 2, regularized=True)) if rank else 1.0
    assert_allclose(got["p_value"], p, rtol=1e-8)


#: Survival in acute myelogenous leukaemia, with and without maintenance. [Miller 1997, Survival
#: Analysis, p. 49; `aml` of R's survival, whose survdiff gives 3.39638870]
AML = [
    [(9, 1), (13, 1), (13, 0), (18, 1), (23, 1), (28, 0), (31, 1), (34, 1), (45, 0), (48, 1),
     (161, 0)],
    [(5, 1), (5, 1), (8, 1), (8, 1), (12, 1), (16, 0), (23, 1), (27, 1), (30, 1), (33, 1), (43, 1),
     (45, 1)],
]  # fmt: skip


def test_log_rank_has_the_published_value():
    rows = [(t, c, g, 0, 0) for g, group in enumerate(AML) for t, c in group]
    assert_allclose(log_rank(rows, 2)["statistic"], 3.39638870, rtol=0, atol=5e-9)
    of_scipy = scipy.stats.logrank(
        *[scipy.stats.CensoredData.right_censored([t for t, _ in group], [not c for _, c in group])
          for group in AML]
    )  # fmt: skip
    assert_allclose(log_rank(rows, 2)["statistic"], of_scipy.statistic**2, rtol=1e-12)


def test_log_rank_tests_hold_their_level():
    # Five groups of one exponential time, censored: the p-value is uniform.
    rng = np.random.default_rng(4)
    p = []
    for _ in range(400):
        time, until = rng.exponential(1.0, 150), rng.uniform(0.2, 2.0, 150)
        rows = zip(np.minimum(time, until), time <= until, rng.integers(0, 5, 150),
                   rng.integers(0, 2, 150), np.zeros(150), strict=True)  # fmt: skip
        p.append(log_rank(list(rows), 5)["p_value"])
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01


# --- two proportions ------------------------------------------------------------------------------

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=30)
@given(st.lists(counts, min_size=2, max_size=5))
def test_proportion_tests_are_chi_square_tests(table):
    k, n = (np.array(column, float) for column in zip(*table, strict=True))
    statistic, df, p = _core.survival.proportion_homogeneity(k, n, len(k))
    if 0 < k.sum() < n.sum():
        expected = scipy.stats.chi2_contingency(np.array([k, n - k]), correction=False)
        assert_allclose([statistic[0], p[0]], expected[:2], rtol=1e-10, atol=1e-12)
        assert df[0] == expected.dof
    d, low, high, z, p2 = _core.survival.compare_proportions(k[:1], n[:1], k[1:2], n[1:2], 0.9)
    assert low[0] <= d[0] <= high[0]
    limits = [
        scipy.stats.binomtest(int(a), int(b)).proportion_ci(0.9, method="wilson")
        for a, b in table[:2]
    ]
    (p1, w1), (q1, w2) = ((a / b, w) for (a, b), w in zip(table[:2], limits, strict=True))
    assert_allclose(low[0], d[0] - np.hypot(p1 - w1.low, w2.high - q1), atol=1e-12)
    assert_allclose(high[0], d[0] + np.hypot(w1.high - p1, q1 - w2.low), atol=1e-12)
    if 0 < k[:2].sum() < n[:2].sum():
        two = scipy.stats.chi2_contingency(np.array([k[:2], (n - k)[:2]]), correction=False)
        assert_allclose([z[0] ** 2, p2[0]], two[:2], rtol=1e-10, atol=1e-12)
    else:
        assert (z[0], p2[0]) == (0.0, 1.0)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_their_step_rules(p):
    values = np.array(p)
    holm = _core.survival.adjusted_p_values(values, "holm")
    bh = _core.survival.adjusted_p_values(values, "benjamini_hochberg")
    assert_allclose(bh, scipy.stats.false_discovery_control(values), rtol=1e-12)
    # Holm rejects at level a: those before the first p_(j) > a / (m - j + 1).
    for level in (0.01, 0.05, 0.3):
        order, rejected = np.argsort(values, kind="stable"), np.zeros(len(p), bool)
        for j, i in enumerate(order):
            if values[i] * (len(p) - j) > level:
                break
            rejected[i] = True
        assert_array_equal(holm <= level, rejected)


def test_difference_limits_cover():
    rng = np.random.default_rng(2)
    k1, k2 = rng.binomial(40, 0.2, 20_000), rng.binomial(70, 0.1, 20_000)
    _, low, high, _, _ = _core.survival.compare_proportions(
        k1.astype(float), np.full(20_000, 40.0), k2.astype(float), np.full(20_000, 70.0), 0.95
    )
    assert 0.94 <= ((low <= 0.1) & (high >= 0.1)).mean() <= 0.965


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
