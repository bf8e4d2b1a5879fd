"""The contest of models: scores by their definitions, margins, order, honesty."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
from clv_holdouts import holdout as customers_with_orders
from clv_holdouts import simulated
from clv_models import at, cdnow_log
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import tenure as tn
from tenure.clv import _holdout
from tenure.clv._transaction import TransactionModel

BG = (0.243, 4.414, 0.793, 2.426)
MBG = (0.525, 6.183, 0.891, 1.614)
PARETO = (0.553, 10.578, 0.606, 11.669)
MODELS = {
    "BGNBD": BG,
    "MBGNBD": MBG,
    "ParetoNBD": PARETO,
    "NBD": (0.385, 12.07),
    "GGompertzNBD": (0.55, 10.6, 0.01, 0.6, 0.2),
    "BGCNBD": BG,
    "MBGCNBD": MBG,
}


def model_of(name):
    return at(getattr(tn.clv, name), MODELS[name], **({"k": 3} if "CNBD" in name else {}))


@pytest.fixture(scope="module")
def log():
    return cdnow_log()


@pytest.fixture(scope="module")
def holdout(log):
    return log.calibration_holdout("1997-09-30")


@pytest.fixture(scope="module")
def contest(holdout):
    return tn.clv.compare(holdout, [tn.clv.BGNBD(), tn.clv.MBGNBD(), tn.clv.ParetoNBD()])


# --- the scores are what they are called ----------------------------------------------------------


def predictive_bg(parameters, x, t_x, age, n, t, modified):
    """P(n orders in the next t | history), by quadrature over the two rates of the customer."""
    r, alpha, a, b = parameters
    y, u = scipy.special.roots_genlaguerre(
        80, r + x - 1
    )  # weight y^(r+x-1) e^-y, y = rate (alpha+T)
    rate = y / (alpha + age)
    # p ~ beta(a, b + x), or b + x + 1 where the first purchase may be the last.
    s, v = scipy.special.roots_jacobi(80, b + x + modified - 1, a - 1)
    p = (1 + s) / 2
    u, v = u / u.sum(), v / v.sum()
    k = np.arange(400)[:, None]
    poisson = scipy.stats.poisson.pmf(k, rate * t)
    at_least = poisson[::-1].cumsum(axis=0)[::-1][n]
    buys = (1 - p[:, None]) ** n * poisson[n]
    if n:
        buys = buys + p[:, None] * (1 - p[:, None]) ** (n - 1) * at_least
    alive = v @ buys @ u
    # Weight of having left against being alive, from the two halves of the likelihood.
    left = 0.0
    if x or modified:
        times = ((alpha + age) / (alpha + t_x)) ** (r + x)
        left = times * a / (b + x - (0 if modified else 1))
    return (alive + (left if n == 0 else 0.0)) / (1 + left)


@pytest.mark.parametrize("name", ["BGNBD", "MBGNBD"])
@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0.0, 20.0), (2, 30.4, 38.9), (7, 20.0, 39.0)])
def test_log_scores_are_those_of_quadrature_over_the_customers(name, x, t_x, age):
    counts = np.arange(6)
    data = customers_with_orders(*np.tile([[x], [t_x], [age]], 6), counts, 26.0)
    got = _holdout.forecast(at(getattr(tn.clv, name), MODELS[name]), data)
    expected = [
        predictive_bg(MODELS[name], x, t_x, age, int(n), 26.0, name == "MBGNBD") for n in counts
    ]
    assert_allclose(got.probability, expected, rtol=1e-9)
    assert_allclose(got.below, np.cumsum(expected) - expected, rtol=1e-9, atol=1e-12)


def test_scores_of_a_pareto_base_are_those_of_simulated_futures():
    """400,000 futures of one history: shares within 5 standard errors."""
    r, alpha, s, beta = PARETO
    rng = np.random.default_rng(3)
    n, x, age, t = 400_000, 3, 30.0, 26.0
    model = at(tn.clv.ParetoNBD, PARETO)
    alive = model.probability_alive({"frequency": [x], "recency": [25.0], "T": [age]})[0]
    rate = rng.gamma(r + x, 1 / (alpha + age), n)
    life = rng.exponential(1, n) / rng.gamma(s, 1 / (beta + age), n)
    future = rng.poisson(rate * np.minimum(life, t)) * (rng.random(n) < alive)
    data = customers_with_orders(*np.tile([[x], [25.0], [age]], 5), np.arange(5), t)
    share = np.bincount(future)[:5] / n
    got = _holdout.forecast(model, data)
    assert_allclose(got.probability, share, atol=5 * np.sqrt(0.25 / n))
    # E|X - y| - E|X - X'| / 2, the other form of CRPS, over the simulated futures.
    apart = np.abs(future - rng.permutation(future)).mean() / 2
    energy = [np.abs(future - y).mean() - apart for y in range(5)]
    assert_allclose(got.crps, energy, atol=0.01)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_crps_is_its_definition_row_by_row(name, seed):
    rng = np.random.default_rng(seed)
    n = 12
    x = rng.integers(0, 12, n)
    age = rng.integers(1, 60, n) / 2
    t_x = np.where(x > 0, age * rng.integers(1, 5, n) / 4, 0.0)
    y = rng.integers(0, 40, n)
    model = model_of(name)
    data = customers_with_orders(x, t_x, age, y, rng.uniform(0.5, 40))
    got = _holdout.forecast(model, data)
    k = np.arange(300)
    pmf = model.probability_of_n_purchases_given(data.calibration, k, data.duration)
    step = np.cumsum(pmf, axis=1) - (y[:, None] <= k)
    assert_allclose(got.crps, (step**2).sum(axis=1), rtol=1e-9, atol=1e-9)
    assert_allclose(got.probability, pmf[np.arange(n), y], rtol=1e-12)


def test_small_blocks_give_the_same(holdout, monkeypatch):
    model = at(tn.clv.BGNBD, BG)
    whole = _holdout.forecast(model, holdout, (0.5, 0.9))
    monkeypatch.setattr(_holdout, "_CELLS", 300)
    parts = _holdout.forecast(model, holdout, (0.5, 0.9))
    for name in whole.__dataclass_fields__:
        assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12, atol=1e-12)


def test_heavy_buyers_are_followed_to_the_end_of_their_distribution():
    data = customers_with_orders([400, 0], [39.0, 0.0], [39.0, 39.0], [700, 0], 78.0)
    model = at(tn.clv.BGNBD, BG)
    got = _holdout.forecast(model, data, (0.95,))
    assert got.inside.min() >= 0.95
    assert 500 < got.upper[0, 0] < 1200
    assert np.isfinite(np.log(got.probability)).all()


# --- margins, order, verdict ---------------------------------------------------------------------


def test_columns_are_what_they_are_called(contest, holdout):
    y = holdout.orders_holdout
    for i, model in enumerate(contest.models):
        score, first = contest.log_scores[:, i], contest.log_scores[:, 0]
        assert contest.log_score[i] == pytest.approx(score.mean(), rel=1e-12)
        assert contest.difference[i] == pytest.approx((first - score).mean(), abs=1e-12)
        error = scipy.stats.sem(first - score)
        assert contest.standard_error[i] == pytest.approx(error, rel=1e-12)
        margin = scipy.stats.norm.ppf(0.975) * error
        assert contest.margin[i] == pytest.approx(margin, rel=1e-9)
        assert contest.crps[i] == pytest.approx(contest.crps_scores[:, i].mean())
        expected = model.expected_purchases(holdout, 39)
        assert contest.mae[i] == pytest.approx(np.abs(expected - y).mean())
        assert contest.bias[i] == pytest.approx((expected - y).mean())
        assert contest.expected[i] == pytest.approx(expected.sum())
        likelihood = model.score(holdout) * len(holdout)
        assert contest.log_likelihood[i] == pytest.approx(likelihood, rel=1e-12)
        assert contest.aic[i] == pytest.approx(8 - 2 * likelihood)
        assert contest.bic[i] == pytest.approx(4 * np.log(2357) - 2 * likelihood)
    assert contest.actual == 1882
    assert contest.n_customers == 2357
    assert np.all(np.diff(contest.log_score) <= 0)
    assert len(contest.to_pandas()) == 3


def test_a_log_and_its_holdout_are_one_contest(log, contest):
    again = tn.clv.compare(
        log,
        {"first": tn.clv.BGNBD(), "second": tn.clv.MBGNBD(), "third": tn.clv.ParetoNBD()},
        cut="1997-09-30",
    )
    assert again.log_score.tolist() == contest.log_score.tolist()
    names = {"BGNBD": "first", "MBGNBD": "second", "ParetoNBD": "third"}
    assert again.model == tuple(names[m] for m in contest.model)


def test_data_of_ones_own_are_read_instead(holdout, contest):
    """A frame with more columns, of which each customer is one: the same numbers."""
    frame = holdout.calibration.to_pandas().assign(channel="web")
    models = [tn.clv.BGNBD()]
    again = tn.clv.compare(holdout, models, data=frame)
    same = contest.model.index("BGNBD")
    assert_allclose(again.log_scores[:, 0], contest.log_scores[:, same], rtol=1e-9)
    assert_allclose(again.crps_scores[:, 0], contest.crps_scores[:, same], rtol=1e-9, atol=1e-12)
    with pytest.raises(tn.InvalidInputError, match="data has 2356 rows"):
        tn.clv.compare(holdout, models, data=frame[1:])
    with pytest.raises(tn.InvalidInputError, match=r"data\[0\] has another"):
        tn.clv.compare(holdout, models, data=frame[::-1])
    bg = again.models[0]
    assert_allclose(
        tn.clv.calibration(bg, holdout, data=frame).pit_low,
        tn.clv.calibration(bg, holdout).pit_low,
        rtol=1e-9,
        atol=1e-12,
    )
    table = bg.conditional_expectation_by_frequency(holdout, data=frame)
    assert_allclose(
        table.expected, bg.conditional_expectation_by_frequency(holdout).expected, rtol=1e-12
    )


def test_the_true_model_wins_clearly():
    """Many of MBG/NBD's customers are gone from the start, which BG/NBD cannot say."""
    data = simulated("MBGNBD", (1.2, 6.0, 1.0, 1.5), 5000, seed=4, ages=(39.0, 39.0))
    contest = tn.clv.compare(data, [tn.clv.BGNBD(), tn.clv.MBGNBD()])
    assert (contest.winner, contest.clear) == ("MBGNBD", True)
    assert contest._title().endswith(
        f"MBGNBD by {contest.difference[1]:.4f} +- {contest.margin[1]:.4f} a customer over BGNBD"
    )
    assert contest.crps[0] < contest.crps[1]


def test_equal_models_have_no_clear_winner(holdout):
    twins = {"one": tn.clv.BGNBD(), "two": tn.clv.BGNBD()}
    contest = tn.clv.compare(holdout, twins)
    assert contest.difference.tolist() == [0.0, 0.0]
    assert not contest.clear
    assert "no model is clearly better (one leads two by 0.0000" in repr(contest)


def test_the_margin_holds_the_true_difference():
    """Over 30 bases, 95 % margins hold the difference of a very large base in nearly all."""
    models = [at(tn.clv.BGNBD, BG), at(tn.clv.ParetoNBD, PARETO)]

    def difference(n, seed):
        data = simulated("BGNBD", BG, n, seed, ages=(39.0, 39.0))
        one, two = (np.log(_holdout.forecast(m, data).probability) for m in models)
        return (one - two).mean(), scipy.stats.sem(one - two)

    truth, error = difference(8000, 1)
    rows = np.array([difference(300, seed) for seed in range(2, 32)])
    hit = np.abs(rows[:, 0] - truth) <= 1.96 * np.hypot(rows[:, 1], error)
    assert scipy.stats.binom.cdf(hit.sum(), 30, 0.95) > 0.001
    assert rows[:, 1].mean() == pytest.approx(rows[:, 0].std(), rel=0.35)


# --- honesty -------------------------------------------------------------------------------------


def test_a_fit_that_did_not_converge_is_shown_and_never_crowned(holdout):
    models = {"stopped": tn.clv.MBGNBD(max_iter=1), "fitted": tn.clv.ParetoNBD()}
    with pytest.warns(tn.ConvergenceWarning, match="max_iterations"):
        contest = tn.clv.compare(holdout, models)
    assert contest.model == ("fitted", "stopped")
    assert contest.status == ("converged", "max_iterations")
    assert contest.winner == "fitted"
    assert "fitted, the only one that can win" in repr(contest)
    with pytest.warns(tn.ConvergenceWarning):
        none = tn.clv.compare(holdout, [tn.clv.BGNBD(max_iter=1)])
    assert none.winner is None
    assert not none.clear
    assert "no fit converged that gives" in repr(none)


def test_a_model_without_counts_is_shown_and_never_crowned(holdout, monkeypatch):
    class Silent(tn.clv.BGNBD):
        probability_of_n_purchases_given = property()

    contest = tn.clv.compare(holdout, [Silent(), tn.clv.ParetoNBD()])
    assert contest.model == ("ParetoNBD", "Silent")
    assert contest.winner == "ParetoNBD"
    assert np.isnan([contest.log_score[1], contest.crps[1], contest.margin[1]]).all()
    assert contest.mae[1] == pytest.approx(0.785454, abs=1e-6)
    alone = tn.clv.compare(holdout, [Silent()])
    assert alone.winner is None
    with pytest.raises(tn.InvalidInputError, match="Silent has no distribution"):
        tn.clv.calibration(alone.models[0], holdout)


def test_impossible_counts_cost_everything(holdout, monkeypatch):
    """A model that gave no chance to what came loses by an infinite difference."""
    inner = _holdout.forecast

    def forecast(model, *given, **more):
        got = inner(model, *given, **more)
        if isinstance(model, tn.clv.ParetoNBD):
            got.probability[7] = 0.0
        return got

    monkeypatch.setattr(_holdout, "forecast", forecast)
    contest = tn.clv.compare(holdout, [tn.clv.BGNBD(), tn.clv.ParetoNBD()])
    assert contest.log_score[1] == -np.inf
    assert contest.difference[1] == np.inf
    assert (contest.winner, contest.clear) == ("BGNBD", True)


def test_models_that_are_given_stay_as_they_are(holdout):
    model = tn.clv.BGNBD(l2=0.01)
    contest = tn.clv.compare(holdout, [model, tn.clv.BGNBD()])
    assert not hasattr(model, "params_")
    assert set(contest.model) == {"BGNBD(l2=0.01)", "BGNBD()"}
    assert contest.models[contest.model.index("BGNBD(l2=0.01)")].l2 == 0.01


def test_every_model_that_foretells_counts_enters_by_default(holdout):
    """The likelihood of regular purchases needs gaps, which the split of a log brings along."""
    flat = ("b runs to 0", "as correlated as the model can have them")
    with pytest.warns(match=flat[0]), pytest.warns(match=flat[1]):
        contest = tn.clv.compare(holdout)
    offered = {getattr(tn.clv, name) for name in tn.clv.__all__}
    kinds = {k for k in offered if hasattr(k, "probability_of_n_purchases_given")}
    kinds = {k for k in kinds if issubclass(k, TransactionModel)}
    regular = {tn.clv.BGCNBD, tn.clv.MBGCNBD}
    assert {type(m) for m in contest.models} == kinds - regular
    with pytest.warns(match=flat[0]), pytest.warns(match=flat[1]):
        contest = tn.clv.compare(cdnow_log(), cut="1997-09-30")
    assert {type(m) for m in contest.models} == kinds
    assert set(MODELS) <= set(contest.model)
    assert np.isfinite(contest.log_scores).all()
    assert set(contest.model[:2]) == {"MBGNBD", "MBGCNBD"}
    assert set(contest.model[-2:]) == {"GGompertzNBD", "CorrelatedParetoNBD"}
    # Nobody on CDNOW buys regularly: k = 1, and the scores are those of BG/NBD.
    score = dict(zip(contest.model, contest.log_score, strict=True))
    assert score["BGCNBD"] == pytest.approx(score["BGNBD"], rel=1e-9)
    assert score["NBD"] == min(score.values())


@pytest.mark.parametrize(
    ("truth", "parameters", "rival"),
    [
        ("MBGCNBD", (4, 1.2, 1.5, 1.0, 1.5), "MBGNBD"),
        ("GGompertzNBD", (1.5, 4.0, 0.15, 1.5, 50.0), "NBD"),
    ],
)
def test_each_of_them_wins_where_it_is_the_truth(truth, parameters, rival):
    data = simulated(truth, parameters, 2500, seed=6, ages=(39.0, 39.0))
    contest = tn.clv.compare(data, [getattr(tn.clv, truth)(), getattr(tn.clv, rival)()])
    assert (contest.winner, contest.clear) == (truth, True)
    checked = tn.clv.calibration(contest.models[0], data, levels=[0.5, 0.9])
    assert np.all((checked.lower <= checked.expected) & (checked.expected <= checked.upper))


def test_progress_goes_from_0_to_1(holdout):
    told = []
    tn.clv.compare(
        holdout, [tn.clv.BGNBD()], progress=lambda share, what: told.append((share, what))
    )
    assert [what for _, what in told] == [
        "splitting the log",
        "fitting BGNBD",
        "scoring BGNBD",
        "done",
    ]
    shares = [share for share, _ in told]
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert shares == sorted(shares)


def test_the_number_of_threads_does_not_change_a_bit(holdout):
    def bits(threads):
        kinds = (tn.clv.BGNBD, tn.clv.ParetoNBD)
        got = tn.clv.compare(holdout, [k(n_threads=threads) for k in kinds])
        return got.log_scores.tobytes() + got.crps_scores.tobytes()

    assert bits(1) == bits(3)


def test_one_customer_has_a_score_and_no_margin():
    data = customers_with_orders([3], [20.0], [30.0], [1], 10.0)
    with pytest.warns(tn.ConvergenceWarning):
        contest = tn.clv.compare(data, [tn.clv.BGNBD(), tn.clv.MBGNBD()])
    assert np.isnan(contest.margin[1])
    assert np.isfinite(contest.log_score).all()


BAD = [
    ({"models": []}, "models must name at least one"),
    ({"models": 3}, "models must be a list"),
    ({"models": "BGNBD"}, "models must be a list"),
    ({"models": [tn.clv.BGNBD]}, r"models\[0\] must be a model of repeat purchases"),
    ({"models": [tn.clv.BGNBD(), tn.clv.GammaGamma()]}, r"models\[1\] must be a model"),
    ({"models": [tn.clv.BGNBD(), tn.clv.BGNBD()]}, r"models\[1\]: there are two"),
    ({"cut": None}, "cut is needed"),
    ({"cut": "1999-01-01"}, "cut"),
    ({"end": "1997-06-30"}, "end"),
    ({"cut": "1997-09-30", "end": "1997-09-30"}, "hold-out of length 0"),
    ({"cut": "1996-12-31"}, "no customers|lies before|cut"),
    ({"unit": "fortnight"}, "unit must be"),
    ({"level": 1.0}, "level must be"),
]


@pytest.mark.parametrize(("given", "says"), BAD, ids=[str(list(b[0])) + b[1][:20] for b in BAD])
def test_bad_arguments_are_named(log, given, says):
    arguments = {"models": [tn.clv.BGNBD()], "cut": "1997-09-30"} | given
    with pytest.raises(tn.InvalidInputError, match=says):
        tn.clv.compare(log, **arguments)


def test_a_holdout_takes_no_cut_and_a_frame_is_no_log(holdout):
    with pytest.raises(tn.InvalidInputError, match="cut is for a log"):
        tn.clv.compare(holdout, cut="1997-09-30")
    with pytest.raises(tn.InvalidInputError, match="must be an EventLog"):
        tn.clv.compare({"customer": [1]}, cut="1997-09-30")
