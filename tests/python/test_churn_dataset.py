"""Labels against brute force; no feature knows the future; splits keep time and customers apart."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tenure as tn

BEGIN, DAYS = pd.Timestamp("2024-01-01"), 120
CUTOFFS = ["2024-02-09", "2024-02-29", "2024-03-15"]  # a date: the end of that day
AFTER = [pd.Timestamp(c) + pd.Timedelta(days=1) for c in CUTOFFS]
orders = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, DAYS * 4 - 1), st.integers(-1, 9)),
    min_size=1,
    max_size=40,
)


def frame_of(rows):
    return pd.DataFrame(
        {
            "who": [f"c{w}" for w, *_ in rows],
            "when": [BEGIN + pd.Timedelta(hours=6 * t) for _, t, _ in rows],
            "paid": [float(v) for *_, v in rows],
        }
    )


def log_of(frame):
    return tn.EventLog(
        frame, customer="who", time="when", amount="paid", observed_until="2024-04-29"
    )


def silent_by_hand(frame, horizon, within):
    told = []
    frame = frame[frame.paid >= 0]  # what is less is a refund
    for cutoff in AFTER:
        before = frame[frame.when < cutoff]
        if within is not None:
            before = before[before.when >= cutoff - pd.Timedelta(days=within)]
        after = frame[(frame.when >= cutoff) & (frame.when < cutoff + pd.Timedelta(days=horizon))]
        told += [(cutoff, who, who not in set(after.who)) for who in sorted(set(before.who))]
    return told


@settings(max_examples=50)
@given(orders, st.sampled_from([None, 20]), st.sampled_from([7, 30]))
def test_silence_is_what_a_reader_would_call_it(rows, within, horizon):
    frame = frame_of(rows)
    data = tn.churn.make_dataset(
        log_of(frame), CUTOFFS, horizon, label=tn.churn.Silence(within), windows=["7d"]
    )
    told = zip(data.at, data.customer.tolist(), data.churned.tolist(), strict=True)
    assert [(pd.Timestamp(a), w, c) for a, w, c in told] == silent_by_hand(frame, horizon, within)


def test_rows_carry_the_features_of_their_cutoff():
    log = log_of(frame_of([(w, 7 * w + 11 * k, k) for w in range(7) for k in range(9)]))
    data = tn.churn.make_dataset(log, CUTOFFS, "30d", label=tn.churn.Silence("20d"))
    table = log.features(CUTOFFS, ["30d", "90d", "365d"]).to_pandas()
    keys = pd.DataFrame({"at": data.at, "customer": data.customer})
    expected = keys.merge(table, on=["at", "customer"], how="left", validate="one_to_one")
    for name in data.names:
        assert_array_equal(data.columns[name], expected[name].to_numpy(np.float32))
    assert data.X.shape == (len(data), len(data.names))


def days_known(history, cutoff):
    base = history.summary(unit="day").to_pandas()
    return pd.DataFrame({"customer": base.customer, "own": base["T"] + cutoff.day})


@settings(max_examples=25)
@given(orders, orders)
def test_the_future_changes_no_feature(rows, other):
    """Whatever happens at or after a cutoff."""
    cutoff = AFTER[0]
    frame, another = frame_of(rows), frame_of(other)
    first = pd.DataFrame(
        {"who": ["c0"], "when": [BEGIN], "paid": [1.0]}
    )  # so that somebody is at risk
    before = pd.concat([first, frame[frame.when < cutoff]])
    future = [frame[frame.when >= cutoff], another[another.when >= cutoff], frame[:0]]
    made = [
        tn.churn.make_dataset(
            log_of(pd.concat([before, f])), CUTOFFS[:1], "30d", features=days_known
        )
        for f in future
    ]
    for name in made[0].names:
        for data in made[1:]:
            assert_array_equal(made[0].columns[name], data.columns[name])
    for data in made[1:]:
        assert_array_equal(made[0].customer, data.customer)


@settings(max_examples=25)
@given(orders, orders)
def test_what_follows_the_horizon_changes_no_label(rows, other):
    frame, another = frame_of([(0, 0, 1), *rows]), frame_of(other)
    end = AFTER[0] + pd.Timedelta(days=30)
    labels = [
        tn.churn.make_dataset(log_of(f), CUTOFFS[:1], "30d", windows=["7d"]).churned
        for f in (frame, pd.concat([frame[frame.when < end], another[another.when >= end]]))
    ]
    assert_array_equal(*labels)


EVENTS = ["start", "cancel", "renewal"]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, DAYS - 1), st.sampled_from(EVENTS)),
        min_size=1,
        max_size=25,
    )
)
def test_contracts_end_within_the_horizon(rows):
    rows = [(9, 0, "start"), (9, 1, "renewal"), (9, 2, "cancel"), *rows]
    frame = pd.DataFrame(rows, columns=["who", "day", "what"])
    frame["when"] = BEGIN + pd.to_timedelta(frame.day, unit="D")
    log = tn.EventLog(
        frame, customer="who", time="when", event="what", orders=["start"],
        observed_until="2024-04-29",
    )  # fmt: skip
    data = tn.churn.make_dataset(log, CUTOFFS, "30d", label=tn.churn.ContractEnd(), windows=["7d"])

    def under_contract(who, until):
        """Before an instant, and since when."""
        since = None
        for day in sorted(set(frame.when[(frame.who == who) & (frame.when < until)])):
            today = set(frame.what[(frame.who == who) & (frame.when == day)])
            opens = bool(today & {"start", "renewal"})
            if since is None and opens and "cancel" not in today:
                since = day
            elif since is not None and "cancel" in today and not opens:
                since = None
        return since

    expected = []
    for cutoff in AFTER:
        for who in sorted(set(frame.who)):
            since = under_contract(who, cutoff)
            if since is not None:
                still = under_contract(who, cutoff + pd.Timedelta(days=30)) == since
                expected.append((cutoff, who, not still))
    told = zip(data.at, data.customer.tolist(), data.churned.tolist(), strict=True)
    assert [(pd.Timestamp(a), w, c) for a, w, c in told] == expected


@pytest.fixture(scope="module")
def cdnow():
    return tn.EventLog(
        tn.datasets.load_cdnow(sample=True), customer="customer_id", time="date", amount="amount"
    )


def test_a_model_says_who_is_probably_gone(cdnow):
    model = tn.clv.MBGNBD().fit(cdnow.summary(unit="week", end="1997-06-30"))
    label = tn.churn.LowProbabilityAlive(model, threshold=0.4)
    data = tn.churn.make_dataset(cdnow, ["1997-06-30", "1997-09-30"], "90d", label=label)
    for k, (cutoff, later) in enumerate(
        [("1997-06-30", "1997-09-28"), ("1997-09-30", "1997-12-29")]
    ):
        alive = {}
        for end in (cutoff, later):
            base = cdnow.summary(unit="week", end=end)
            alive[end] = pd.Series(model.probability_alive(base), index=base.customer)
        at_risk = alive[cutoff].index[alive[cutoff] >= 0.4]
        mine = data.at == np.datetime64(pd.Timestamp(cutoff) + pd.Timedelta(days=1))
        assert_array_equal(data.customer[mine], at_risk)
        assert_array_equal(data.churned[mine], (alive[later][at_risk] < 0.4).to_numpy())
        assert 0 < data.churned[mine].mean() < 1, k


@pytest.fixture(scope="module")
def monthly(cdnow):
    return tn.churn.make_dataset(cdnow, [f"1997-{m:02}-28" for m in range(3, 10)], "60d")


@pytest.mark.parametrize(("gap", "months"), [(0, 5), ("40d", 3)])
def test_a_split_learns_only_from_what_has_ended(monthly, gap, months):
    train, test = monthly.split(-1, gap=gap)
    assert len(train.dates) == months
    assert test.dates == monthly.dates[-1:]
    assert train.at.max() + np.timedelta64(60, "D") <= test.at.min()
    assert len(train) + len(test) < len(monthly)
    _, new = monthly.split(-1, gap=gap, customers="new")
    assert not set(new.group) & set(train.group)
    assert_array_equal(new.customer, test.customer[~np.isin(test.group, train.group)])


def test_folds_are_splits(monthly):
    folds = list(monthly.folds(3))
    assert len(folds) == 3
    for k, (train, test) in zip((-3, -2, -1), folds, strict=True):
        assert set(monthly.at[test].view(np.int64)) == {monthly._cutoffs()[k]}
        assert monthly.at[train].max() + np.timedelta64(60, "D") <= monthly.at[test].min()
    part = list(monthly.customer_folds(4))
    assert_array_equal(np.sort(np.concatenate([test for _, test in part])), np.arange(len(monthly)))
    for train, test in part:
        assert not set(monthly.group[train]) & set(monthly.group[test])
        assert len(test) == pytest.approx(len(monthly) / 4, rel=0.1)


def test_scikit_learn_takes_it(monthly):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_score

    scores = cross_val_score(
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
        monthly.X, monthly.y, cv=monthly.folds(2), scoring="roc_auc",
    )  # fmt: skip
    assert np.all(scores > 0.6)


def twice(history, cutoff):
    return {"customer": [1, 1], "own": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"horizon": "0d"}, "horizon must be longer than 0"),
        ({"cutoffs": []}, "cutoffs"),
        ({"cutoffs": ["1998-06-01"]}, "who churned is not known yet"),
        ({"cutoffs": ["1999-06-01"]}, "behind the end of observation"),
        ({"cutoffs": ["1997-09-30", "1997-06-30"]}, "ascend"),
        ({"label": tn.churn.Silence("0d")}, "active_within must be longer than 0"),
        ({"features": twice}, "names a customer twice"),
        ({"features": lambda *_: {"own": [1.0]}}, "must return a column 'customer'"),
        ({"features": lambda *_: {"customer": [1], "own": ["x"]}}, "must return numbers"),
        (
            {"features": lambda *_: {"customer": [1], "at": [dt.datetime(2024, 1, 1)]}},
            "must return numbers",
        ),
        (
            {"features": lambda *_: {"customer": [1], "events_30d": [1.0]}},
            "'events_30d', which there is already",
        ),
    ],
)
def test_settings_are_checked(cdnow, asked, said):
    settings = {"cutoffs": ["1997-09-30"], "horizon": "90d", **asked}
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.make_dataset(cdnow, **settings)


def test_too_few_cutoffs_say_what_is_missing(cdnow):
    data = tn.churn.make_dataset(cdnow, ["1997-08-31", "1997-09-30"], "90d")
    with pytest.raises(tn.InvalidInputError, match="nothing to learn from"):
        data.split()
    with pytest.raises(tn.InvalidInputError, match="n_splits must be at most"):
        list(data.folds(5))
    with pytest.raises(tn.InvalidInputError, match="position in dates"):
        data.split(7)


def test_customers_that_a_function_does_not_name_are_unknown(cdnow):
    data = tn.churn.make_dataset(
        cdnow, ["1997-09-30"], "90d", features=lambda *_: {"customer": [4, 18], "own": [1, 2]}
    )
    own = pd.Series(data.columns["own"], index=data.customer)
    assert own[own.notna()].to_dict() == {4: 1.0, 18: 2.0}
