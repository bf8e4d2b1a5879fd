"""BG/NBD: the optimum, its honesty on awkward data, predictions, and what must not matter."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.special as sc
from clv_models import AWKWARD, at, cdnow_log, customers, simulate
from numpy.testing import assert_allclose

import tenure as tn

CDNOW = (0.242594522, 4.41360202, 0.792922017, 2.42590678)


@pytest.fixture(scope="module")
def base():
    return cdnow_log().summary(unit="week", end="1997-09-30")


@pytest.fixture(scope="module")
def model(base):
    return tn.clv.BGNBD().fit(base)


def columns(data):
    return data["frequency"], data["recency"], data["T"]


def oracle(u, x, t_x, age):
    """Mean negative log-likelihood [Fader, Hardie & Lee 2005, eq. 7] by scipy's gamma functions."""
    r, alpha, a, b = np.exp(u)
    common = sc.gammaln(r + x) - sc.gammaln(r) + r * np.log(alpha)
    alive = sc.betaln(a, b + x) - sc.betaln(a, b) - (r + x) * np.log(alpha + age)
    left = sc.betaln(a + 1, b + np.maximum(x, 1) - 1) - sc.betaln(a, b)
    left = np.where(x > 0, left - (r + x) * np.log(alpha + t_x), -np.inf)
    return -np.mean(common + np.logaddexp(alive, left))


def test_finds_the_optimum_that_scipy_finds():
    data = simulate(3000, seed=1)
    model = tn.clv.BGNBD().fit(data)
    found = scipy.optimize.minimize(
        oracle,
        np.zeros(4),
        columns(data),
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 10_000, "maxfev": 10_000},
    )
    assert model.converged_
    assert_allclose(list(model.params_.values()), np.exp(found.x), rtol=2e-6)
    assert_allclose(model.log_likelihood_, -found.fun * 3000, rtol=1e-12)


def test_standard_errors_are_those_of_the_observed_information():
    data = simulate(3000, seed=1)
    model = tn.clv.BGNBD().fit(data)
    u = np.log(list(model.params_.values()))
    h = 1e-3
    shift = h * np.eye(4)

    def moved(step):
        return 3000 * oracle(u + step, *columns(data))

    hessian = [
        [(moved(a + b) - moved(a - b) - moved(b - a) + moved(-a - b)) / (4 * h * h) for b in shift]
        for a in shift
    ]
    assert_allclose(model.log_covariance_, np.linalg.inv(hessian), rtol=2e-3)
    error = np.sqrt(np.diagonal(model.covariance_))
    assert_allclose(list(model.standard_errors_.values()), error, rtol=1e-12)
    table = model.interval(0.9)
    assert_allclose(table.lower * table.upper, table.estimate**2, rtol=1e-12)
    spread = np.log(table.upper / table.estimate) / np.sqrt(np.diagonal(model.log_covariance_))
    assert_allclose(spread, 1.6448536269514722, rtol=1e-12)


@pytest.mark.parametrize("l2", [0.01, 1.0])
def test_the_penalty_is_the_one_it_says(l2):
    data = simulate(2000, seed=2)
    tenths = 10.0 / data["T"].max()

    def penalised(u):
        r, alpha, a, b = np.exp(u)
        squares = r**2 + (alpha * tenths) ** 2 + a**2 + b**2
        return oracle(u, *columns(data)) + l2 * squares

    model = tn.clv.BGNBD(l2=l2).fit(data)
    u = np.log(list(model.params_.values()))
    gradient = scipy.optimize.approx_fprime(u, penalised, 1e-6)
    assert_allclose(gradient, 0.0, atol=1e-5)
    assert model.log_likelihood_ == pytest.approx(-2000 * oracle(u, *columns(data)), rel=1e-12)
    assert model.log_likelihood_ < tn.clv.BGNBD().fit(data).log_likelihood_


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "dict", "lists", "structured"])
def test_every_kind_of_frame_gives_the_same(base, model, kind):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    names = ["customer", "frequency", "recency", "T"]
    table = base.to_arrow().select(names)
    frame = {
        "pandas": table.to_pandas,
        "polars": lambda: pl.from_arrow(table),
        "arrow": lambda: table,
        "dict": lambda: {n: table[n].to_numpy() for n in names},
        "lists": lambda: {n: table[n].to_pylist() for n in names},
        "structured": lambda: table.to_pandas().to_records(index=False),
    }[kind]()
    again = tn.clv.BGNBD().fit(frame)
    assert again.params_ == model.params_
    assert again.unit_ is None
    got = again.expected_purchases(frame, 39, interval=0.95)
    assert pa.array(got.customer).to_pylist() == table["customer"].to_pylist()
    assert got.value.tolist() == model.expected_purchases(base, "39w").tolist()
    assert isinstance(got.to_pandas(), pd.DataFrame)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("one-time buyers only", "boundary"),
        ("identical customers", "boundary"),
        ("Poisson buyers", "boundary"),
        ("nobody leaves", "boundary"),
        ("a large simulation", "converged"),
        ("an outlier", "converged"),
        ("continuous times", "converged"),
        ("heavy buyers", "converged"),
    ],
)
def test_the_status_tells_what_happened(name, status):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        model = tn.clv.BGNBD().fit(AWKWARD[name])
    assert model.status_ == status
    if name == "Poisson buyers":
        assert model.params_["r"] > 100.0
        assert model.params_["r"] / model.params_["alpha"] == pytest.approx(0.1, rel=0.05)
    if name == "nobody leaves":
        assert model.params_["a"] / model.params_["b"] < 1e-4


def test_the_budget_is_kept(base):
    with pytest.warns(tn.ConvergenceWarning, match="max_iterations"):
        model = tn.clv.BGNBD(max_iter=2).fit(base)
    assert model.n_iter_ <= 4 * 2
    assert not model.converged_
    unfitted = tn.clv.BGNBD(max_iter=2, on_failure="raise")
    with pytest.raises(tn.NotConvergedError):
        unfitted.fit(base)
    with pytest.raises(tn.NotFittedError):
        unfitted.probability_alive(base)


# --- predictions ---------------------------------------------------------------------------------


def test_conditional_expectations_average_to_the_unconditional_one():
    """E[X(26) | x, t_x, T] averaged over simulated histories of 13 weeks is E[X(39)] - E[X(13)]."""
    truth = at(tn.clv.BGNBD, (0.5, 4.0, 0.8, 2.4))
    data = simulate(400_000, 15, 0.5, 4.0, 0.8, 2.4, days=False, horizon=(13.0, 13.0 + 1e-12))
    got = truth.expected_purchases(data, 26.0)
    expected = truth.expected_purchases_new(39.0) - truth.expected_purchases_new(13.0)
    assert abs(got.mean() - expected) < 4 * got.std() / np.sqrt(len(got))


def test_horizons_may_be_texts(base, model):
    weeks = model.expected_purchases(base, 39.0)
    assert model.expected_purchases(base, "39w").tolist() == weeks.tolist()
    assert model.expected_purchases(base, "273d").tolist() == weeks.tolist()
    assert model.expected_purchases_new("1y") == model.expected_purchases_new(365.25 / 7)
    assert model.probability_of_n_purchases(2, "39 weeks") == model.probability_of_n_purchases(
        2, 39
    )
    assert not model.expected_purchases(base, 0).any()
    assert not model.expected_purchases(base, "0w").any()


def test_a_plain_frame_needs_a_unit_for_texts():
    data = simulate(500, seed=16)
    with pytest.raises(tn.InvalidInputError, match=r'unit="week"'):
        tn.clv.BGNBD().fit(data).expected_purchases(data, "1y")
    model = tn.clv.BGNBD(unit="week").fit(data)
    assert model.unit_ == "week"
    got = model.expected_purchases(data, "1y")
    assert got.tolist() == model.expected_purchases(data, 365.25 / 7).tolist()


def test_units_are_not_mixed(base, model):
    days = cdnow_log().summary(unit="day", end="1997-09-30")
    with pytest.raises(tn.InvalidInputError, match="days, but the model was fitted in weeks"):
        model.probability_alive(days)
    with pytest.raises(tn.InvalidInputError, match="unit='day'"):
        tn.clv.BGNBD(unit="day").fit(base)


# --- limits of predictions -----------------------------------------------------------------------


def test_limits_follow_from_the_gradient(base, model):
    """The delta method with gradients taken here, one parameter at a time."""
    rows = {n: getattr(base, n)[:40].astype(float) for n in ("frequency", "recency", "T")}
    u = np.log(list(model.params_.values()))

    def gradient(predict):
        h = 1e-5
        up, down = (
            np.array([predict(at(tn.clv.BGNBD, np.exp(u + s * h * e))) for e in np.eye(4)])
            for s in (1, -1)
        )
        return (up - down) / (2 * h)

    def error(g):
        return np.sqrt(np.einsum("in,ij,jn->n", g, model.log_covariance_, g))

    z = 1.959963984540054
    got = model.expected_purchases(rows, 39, interval=0.95)
    g = gradient(lambda m: np.log(m.expected_purchases(rows, 39)))
    assert_allclose(np.log(got.upper / got.value), z * error(g), rtol=1e-5)
    assert_allclose(got.lower * got.upper, got.value**2, rtol=1e-12)

    repeat = rows["frequency"] > 0
    rows = {n: column[repeat] for n, column in rows.items()}
    alive = model.probability_alive(rows, interval=0.95)
    g = gradient(lambda m: sc.logit(m.probability_alive(rows)))
    logit = sc.logit(alive.value)
    assert_allclose(sc.logit(alive.upper) - logit, z * error(g), rtol=1e-5)
    assert_allclose(logit - sc.logit(alive.lower), z * error(g), rtol=1e-5)


def test_limits_enclose_the_same_values(base, model):
    for got, plain in (
        (model.probability_alive(base, interval=0.9), model.probability_alive(base)),
        (model.expected_purchases(base, 52, interval=0.9), model.expected_purchases(base, 52)),
    ):
        assert_allclose(got.value, plain, rtol=1e-12)
        assert np.all((got.lower <= got.value) & (got.value <= got.upper))
        assert got.customer.tolist() == base.customer.tolist()
        assert got.level == 0.9
        with pytest.raises(ValueError, match="read-only"):
            got.value[0] = 1.0
    single = base.frequency == 0
    alive = model.probability_alive(base, interval=0.9)
    assert np.all(alive.lower[single] == 1.0)
    nothing = model.expected_purchases(base, 0, interval=0.9)
    assert not np.any([nothing.value, nothing.lower, nothing.upper])


# --- checks of fit -------------------------------------------------------------------------------


def test_frequency_counts_sum_the_distribution(base, model):
    counts = model.expected_frequency_counts(base, max_frequency=5)
    expected = [
        sum(model.probability_of_n_purchases(n, t) for t in base.T.tolist()) for n in range(5)
    ]
    assert_allclose(counts.expected[:5], expected, rtol=1e-10)
    assert counts.expected.sum() == pytest.approx(2357, rel=1e-12)
    assert counts.observed.tolist() == [1411, 439, 214, 100, 62, 131]
    assert counts.to_pandas()["observed"].sum() == 2357


def test_frequency_counts_take_weights(model):
    data = {**customers([0, 2], [0, 5], [10, 20]), "weight": [3, 4]}
    counts = model.expected_frequency_counts(data, max_frequency=1)
    zero = [
        3 * model.probability_of_n_purchases(0, 10),
        4 * model.probability_of_n_purchases(0, 20),
    ]
    assert_allclose(counts.expected, [sum(zero), 7 - sum(zero)], rtol=1e-12)
    assert counts.observed.tolist() == [3.0, 4.0]


def test_tracking_counts_every_repeat_purchase(base, model):
    log = cdnow_log()
    got = model.tracking(log)
    assert len(got) == 78
    first = (base.first_order - base.first_order.min()).astype("timedelta64[D]").astype(float) / 7
    for week in (1, 12, 13, 40, 78):
        ages = np.maximum(week - first, 0.0)
        assert got.expected[week - 1] == pytest.approx(
            model.expected_purchases_new(ages).sum(), rel=1e-12
        )
        assert model.tracking(first, [week]).expected[0] == pytest.approx(
            got.expected[week - 1], rel=1e-12
        )
    orders = tn.datasets.load_cdnow(sample=True).to_pandas()
    days = orders.drop_duplicates(["sample_id", "date"]).sort_values(["sample_id", "date"])
    repeat = days[days.duplicated("sample_id")]
    day = (repeat["date"].astype("datetime64[ns]") - np.datetime64("1997-01-01")).dt.days
    for week in (1, 20, 39, 78):
        assert got.actual[week - 1] == (day <= 7 * week).sum()
    assert got.actual_per_step.sum() == got.actual[-1]
    assert np.isnan(model.tracking(first, [1, 2]).actual).all()


def test_tracking_of_part_of_the_customers(model):
    log = cdnow_log()
    january = model.tracking(log, [10, 20], acquired_until="1997-01-31")
    everyone = model.tracking(log, [10, 20])
    assert np.all(january.expected < everyone.expected)
    assert np.all(january.actual < everyone.actual)
    nobody = model.tracking(log, [10, 20], acquired_until="1996-12-31")
    assert nobody.expected.tolist() == nobody.actual.tolist() == [0.0, 0.0]


def test_pictures(base, model):
    pytest.importorskip("matplotlib").use("Agg")
    pytest.importorskip("tenure.plotting")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert model.expected_frequency_counts(base).plot(ax=ax) is ax
    assert len(ax.patches) == 16
    assert ax.get_xticklabels()[-1].get_text() == "7+"
    ax = Figure().subplots()
    track = model.tracking(cdnow_log())
    assert track.plot(ax=ax, cut=39.0) is ax
    assert [line.get_label() for line in ax.get_lines()[:2]] == ["actual", "expected"]
    assert_allclose(ax.get_lines()[1].get_ydata(), track.expected)
    ax = track.plot(ax=Figure().subplots(), cumulative=False)
    assert_allclose(ax.get_lines()[0].get_ydata(), track.actual_per_step)


def test_who_bought_once_is_alive_for_ever():
    """Nobody can leave before the first repeat purchase."""
    model = at(tn.clv.BGNBD, CDNOW)
    assert model.probability_alive(customers([0, 0], [0, 0], [1, 1e6])).tolist() == [1.0, 1.0]
