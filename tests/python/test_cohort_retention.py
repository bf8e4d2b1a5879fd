"""Retention: an independent pandas reading of CDNOW and of random logs, properties, refusals."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

ALIAS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y-DEC"}
ZONES = ["UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo"]


def log_of(frame, timezone="UTC", **settings):
    columns = {"customer": "customer", "time": "time"}
    if "amount" in frame:
        columns["amount"] = "amount"
    return tn.EventLog(frame, **columns, timezone=timezone, **settings)


def by_pandas(frame, period, timezone, until):
    """Counts and revenue by (cohort, age) as frames with NaN where not observed, and sizes."""
    alias = ALIAS[period]
    local = frame.time.dt.tz_convert(timezone).dt.tz_localize(None)
    rows = frame.assign(period=local.dt.to_period(alias))
    orders = rows[rows.amount >= 0]
    first = orders.groupby("customer").period.min().rename("cohort")
    rows = rows.join(first, on="customer").dropna(subset="cohort")
    if rows.empty:
        return None
    rows = rows[rows.period >= rows.cohort]

    def ordinal(p):
        return p.ordinal

    rows["age"] = rows.period.map(ordinal) - rows.cohort.map(ordinal)
    sizes = first.groupby(first).size()
    cohorts = pd.period_range(sizes.index.min(), sizes.index.max(), freq=alias)

    last = (until - pd.Timedelta(microseconds=1)).tz_convert(timezone).tz_localize(None)
    last = last.to_period(alias)
    end = (last + 1).start_time.tz_localize(timezone, nonexistent="shift_forward", ambiguous=True)
    complete = last.ordinal - (end > until)
    ages = max(complete - cohorts[0].ordinal + 1, 1)
    mask = np.add.outer([c.ordinal for c in cohorts], np.arange(ages)) <= complete

    def grid(values):
        table = values.unstack().reindex(index=cohorts, columns=range(ages))
        return np.where(mask, table.fillna(0.0).to_numpy(dtype=float), np.nan)

    active = rows[rows.amount >= 0].groupby(["cohort", "age"]).customer.nunique()
    return {
        "cohorts": cohorts.start_time.to_numpy().astype("datetime64[D]"),
        "sizes": sizes.reindex(cohorts, fill_value=0).to_numpy(),
        "customers": grid(active),
        "revenue": grid(rows.groupby(["cohort", "age"]).amount.sum()),
    }


# --- against pandas -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow():
    frame = tn.datasets.load_cdnow().to_pandas()
    frame = frame.rename(columns={"customer_id": "customer", "date": "time"})
    frame["time"] = pd.to_datetime(frame.time).dt.tz_localize("UTC")
    return frame[["customer", "time", "amount"]], log_of(frame)


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
@pytest.mark.parametrize("value", ["customers", "revenue"])
def test_equals_pandas_on_cdnow(cdnow, period, value):
    frame, log = cdnow
    expected = by_pandas(frame, period, "UTC", pd.Timestamp("1998-07-01", tz="UTC"))
    r = tn.cohort.retention(log, period, value=value, n_bootstrap=2)
    assert_array_equal(r.cohorts, expected["cohorts"])
    assert_array_equal(r.sizes, expected["sizes"])
    assert_allclose(r.counts, expected[value], rtol=1e-12)
    base = expected["sizes"] if value == "customers" else expected["revenue"][:, 0]
    assert_allclose(r.rates, expected[value] / base[:, None], rtol=1e-12)


def test_cdnow_by_month(cdnow):
    r = tn.cohort.retention(cdnow[1])
    assert r.sizes.tolist() == [7846, 8476, 7248]
    assert r.rates.shape == (3, 18)
    assert_array_equal(np.isnan(r.rates).sum(axis=1), [0, 1, 2])


events = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.integers(0, 500 * 86_400),
        st.integers(-4, 40).map(lambda q: q / 4),
    ),
    min_size=1,
    max_size=40,
)


def frame_of(rows):
    customer, second, amount = zip(*rows, strict=True)
    start = pd.Timestamp("2023-09-20 12:00", tz="UTC")
    time = start + pd.to_timedelta(np.array(second), unit="s")
    return pd.DataFrame({"customer": customer, "time": time, "amount": amount})


@settings(max_examples=40)
@given(events, st.sampled_from(ZONES), st.sampled_from(list(ALIAS)), st.integers(0, 40))
def test_equals_pandas_on_random_logs(rows, zone, period, days_longer):
    frame = frame_of(rows)
    until = frame.time.max() + pd.Timedelta(days=days_longer, seconds=1)
    log = log_of(frame, zone, observed_until=until)
    r = tn.cohort.retention(log, period)
    expected = by_pandas(frame, period, zone, until)
    if expected is None:
        assert r.cohorts.size == 0
        assert r.n_without_orders == frame.customer.nunique()
        return
    assert_array_equal(r.cohorts, expected["cohorts"])
    assert_array_equal(r.sizes, expected["sizes"])
    assert_array_equal(r.counts, expected["customers"])
    money = tn.cohort.retention(log, period, value="revenue", n_bootstrap=2)
    assert_array_equal(money.counts, expected["revenue"])
    with np.errstate(divide="ignore", invalid="ignore"):
        for denominator in ("cohort", "at_risk"):
            q = tn.cohort.retention(log, period, denominator=denominator)
            assert_array_equal(q.rates, expected["customers"] / expected["sizes"][:, None])
        q = tn.cohort.retention(log, period, denominator="previous", n_bootstrap=2)
        before = expected["customers"][:, :-1]
        ratio = np.where(before > 0, expected["customers"][:, 1:] / before, np.nan)
        assert_array_equal(q.rates[:, 1:], ratio)
        assert np.isnan(q.rates[:, 0]).all()
    pooled = np.nansum(np.where(np.isnan(r.rates), np.nan, r.counts), axis=0)
    size = np.nansum(np.where(np.isnan(r.rates), np.nan, r.sizes[:, None]), axis=0)
    assert_allclose(
        r.mean.rate, np.divide(pooled, size, out=np.full(len(size), np.nan), where=size > 0)
    )
    simple = tn.cohort.retention(log, period, mean="simple", n_bootstrap=2).mean
    for k, n in enumerate(simple.n_cohorts):
        column = r.rates[:, k][~np.isnan(r.rates[:, k])]
        assert n == column.size
        assert_allclose(simple.rate[k], column.mean() if n else np.nan, rtol=1e-14)


# --- intervals ------------------------------------------------------------------------------------


def test_customers_carry_wilson_intervals(cdnow):
    r = tn.cohort.retention(cdnow[1], level=0.9)
    for cohort, age in [(0, 0), (0, 5), (2, 15)]:
        expected = scipy.stats.binomtest(
            int(r.counts[cohort, age]), int(r.sizes[cohort])
        ).proportion_ci(0.9, method="wilson")
        assert_allclose((r.lower[cohort, age], r.upper[cohort, age]), expected, rtol=1e-10)
    pooled = scipy.stats.binomtest(int(r.counts[:, 3].sum()), int(r.sizes.sum()))
    expected = pooled.proportion_ci(0.9, method="wilson")
    assert_allclose((r.mean.lower[3], r.mean.upper[3]), expected, rtol=1e-10)


def test_few_customers_are_flagged():
    frame = pd.DataFrame({"customer": [*range(10), *range(5), *range(4)]})
    month = [1] * 10 + [2] * 5 + [3] * 4
    frame["time"] = [dt.date(2024, m, 2) for m in month]
    r = tn.cohort.retention(log_of(frame, observed_until="2024-04-30"))
    assert r.few.tolist() == [[False, False, True, True]]
    assert r.mean.few.tolist() == [False, False, True, True]


def test_bootstrap_resamples_whole_customers():
    # The ratio of sums over customers has a delta-method standard error to compare with.
    rng = np.random.default_rng(1)
    first = rng.gamma(2.0, 50.0, 400)
    later = first * rng.uniform(0.0, 1.0, 400)
    frame = pd.DataFrame(
        {
            "customer": np.tile(np.arange(400), 2),
            "time": [dt.date(2024, 1, 5)] * 400 + [dt.date(2024, 2, 5)] * 400,
            "amount": np.concatenate([first, later]),
        }
    )
    log = log_of(frame, observed_until="2024-02-29")
    r = tn.cohort.retention(log, value="revenue", n_bootstrap=4000, level=0.95, random_state=7)
    rate = later.sum() / first.sum()
    error = np.sqrt(np.sum((later - rate * first) ** 2)) / first.sum()
    assert_allclose(r.rates[0, 1], rate, rtol=1e-12)
    assert_allclose(
        [r.lower[0, 1], r.upper[0, 1]], [rate - 1.96 * error, rate + 1.96 * error], atol=0.1 * error
    )
    assert r.lower[0, 0] == r.upper[0, 0] == 1.0


@pytest.mark.parametrize(
    "settings",
    [{"value": "revenue"}, {"mean": "simple"}, {"denominator": "previous", "mean": "simple"}],
)
def test_same_bits_for_every_thread_count(cdnow, settings):
    runs = [
        tn.cohort.retention(cdnow[1], "week", n_bootstrap=9, n_threads=n, **settings)
        for n in (1, 2, 3, 7)
    ]
    for other in runs[1:]:
        for name in ("counts", "rates", "lower", "upper"):
            assert getattr(other, name).tobytes() == getattr(runs[0], name).tobytes()
        assert other.mean.lower.tobytes() == runs[0].mean.lower.tobytes()


def test_seed_decides_the_replicates(cdnow):
    a, b, c = (
        tn.cohort.retention(cdnow[1], value="revenue", n_bootstrap=20, random_state=s).lower
        for s in (0, 0, 1)
    )
    assert_array_equal(a, b)
    assert not np.array_equal(a, c, equal_nan=True)


# --- conventions ----------------------------------------------------------------------------------


def days(*months):
    return [dt.date(2024, m, 15) for m in months]


def test_gap_cohorts_have_zeros_and_no_rates():
    frame = pd.DataFrame({"customer": [1, 2], "time": days(1, 3)})
    r = tn.cohort.retention(log_of(frame, observed_until="2024-04-30"))
    assert r.sizes.tolist() == [1, 0, 1]
    assert r.counts[1].tolist()[:3] == [0, 0, 0]
    assert np.isnan(r.rates[1]).all()
    assert r.mean.n_cohorts.tolist() == [2, 2, 1, 1]


def test_the_running_period_is_missing_and_not_zero():
    frame = pd.DataFrame({"customer": [1, 1, 2], "time": days(1, 3, 3)})
    r = tn.cohort.retention(log_of(frame))
    assert r.sizes.tolist() == [1, 0, 1]
    assert_array_equal(r.counts, [[1, 0], [0, np.nan], [np.nan, np.nan]])
    assert r.to_pandas()[["cohort", "age"]].values.tolist() == [
        [dt.date(2024, 1, 1), 0],
        [dt.date(2024, 1, 1), 1],
        [dt.date(2024, 2, 1), 0],
    ]


def test_refunds_are_money_and_no_visit():
    frame = pd.DataFrame(
        {"customer": [1, 1, 1, 2], "time": days(1, 2, 3, 1), "amount": [-5.0, 10.0, -1.0, -2.0]}
    )
    log = log_of(frame, observed_until="2024-03-31")
    r = tn.cohort.retention(log)
    assert r.cohorts.astype(str).tolist() == ["2024-02-01"]
    assert r.counts.tolist() == [[1, 0]]
    assert (r.n_without_orders, r.unassigned_revenue) == (1, -7.0)
    money = tn.cohort.retention(log, value="revenue", n_bootstrap=10)
    assert money.rates.tolist() == [[1.0, -0.1]]


def test_an_empty_log_gives_an_empty_result():
    frame = pd.DataFrame(
        {"customer": pd.Series([], dtype=int), "time": pd.Series([], dtype="datetime64[us]")}
    )
    r = tn.cohort.retention(log_of(frame, observed_until="2024-01-01"))
    assert r.to_pandas().columns.tolist() == [
        "cohort", "age", "size", "count", "denominator", "rate", "lower", "upper", "few",
    ]  # fmt: skip
    assert len(r.to_pandas()) == 0


@settings(max_examples=15)
@given(events, st.integers(0, 6))
def test_max_age_only_cuts_columns(rows, max_age):
    log = log_of(frame_of(rows))
    whole, part = tn.cohort.retention(log), tn.cohort.retention(log, max_age=max_age)
    assert_array_equal(part.counts, whole.counts[:, : max_age + 1])
    assert_array_equal(part.lower, whole.lower[:, : max_age + 1])
    assert_array_equal(part.mean.rate, whole.mean.rate[: max_age + 1])


@settings(max_examples=15)
@given(events, st.randoms(use_true_random=False))
def test_row_order_and_names_of_customers_do_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    a = tn.cohort.retention(log_of(frame_of(rows)), "week", value="revenue", n_bootstrap=4)
    b = tn.cohort.retention(log_of(frame_of(shuffled)), "week", value="revenue", n_bootstrap=4)
    assert a.to_arrow().to_pandas().equals(b.to_arrow().to_pandas())


@settings(max_examples=15)
@given(events)
def test_every_first_order_is_in_its_own_age_zero(rows):
    r = tn.cohort.retention(log_of(frame_of(rows)))
    observed = ~np.isnan(r.counts[:, :1])
    assert_array_equal(r.counts[:, :1][observed], r.sizes[observed.any(axis=1)])
    assert ((r.rates >= 0) & (r.rates <= 1) | np.isnan(r.rates)).all()
    inside = (r.lower <= r.rates) & (r.rates <= r.upper)
    assert (inside | np.isnan(r.rates)).all()


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "argument"),
    [
        ({"period": "fortnight"}, "period"),
        ({"clock": "rolling?"}, "clock"),
        ({"match": "sometimes"}, "match"),
        ({"anchor": "last"}, "anchor"),
        ({"value": "profit"}, "value"),
        ({"value": "revenue"}, "value"),
        ({"denominator": "next"}, "denominator"),
        ({"mean": "median"}, "mean"),
        ({"max_age": -1}, "max_age"),
        ({"max_age": 1.5}, "max_age"),
        ({"level": 1.0}, "level"),
        ({"level": math.nan}, "level"),
        ({"n_bootstrap": 1}, "n_bootstrap"),
        ({"denominator": "previous", "n_bootstrap": 2**40}, "n_bootstrap"),
        ({"random_state": -1}, "random_state"),
        ({"n_threads": 0}, "n_threads"),
    ],
)
def test_refuses_settings_out_of_range(settings, argument):
    log = log_of(pd.DataFrame({"customer": [1], "time": days(1)}), observed_until="2024-02-29")
    with pytest.raises(tn.InvalidInputError) as error:
        tn.cohort.retention(log, **settings)
    assert error.value.argument == argument


def test_refuses_more_cells_than_anyone_reads():
    frame = pd.DataFrame({"customer": [1, 2], "time": [dt.date(1990, 1, 1), dt.date(2024, 1, 1)]})
    with pytest.raises(tn.InvalidInputError, match="choose a longer period or max_age"):
        tn.cohort.retention(log_of(frame), "day")
    assert tn.cohort.retention(log_of(frame), "day", max_age=3).ages.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("value", ["customers", "revenue", "events"])
@pytest.mark.parametrize("mean", ["weighted", "simple"])
@pytest.mark.parametrize("anchor", ["first_ever", "recurring"])
def test_without_replicates_there_are_no_limits_where_they_would_be_drawn(value, mean, anchor):
    log = tn.EventLog(
        tn.datasets.load_cdnow(sample=True), customer="sample_id", time="date", amount="amount"
    )
    asked = {"period": "quarter", "value": value, "mean": mean, "anchor": anchor}
    r = tn.cohort.retention(log, **asked, n_bootstrap=0)
    drawn = tn.cohort.retention(log, **asked, n_bootstrap=10)
    np.testing.assert_array_equal(r.rates, drawn.rates)
    np.testing.assert_array_equal(r.mean.rate, drawn.mean.rate)
    proportion = value == "customers" and anchor == "first_ever"
    assert np.isnan(r.lower).all() != proportion
    assert np.isnan(r.mean.upper).all() != (proportion and mean == "weighted")
