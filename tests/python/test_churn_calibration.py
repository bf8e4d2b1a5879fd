"""Calibration maps and measures: against scikit-learn, mpmath, brute force and simulations."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from churn_calibrations import binary, drawn, labelled
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

import tenure as tn

PARAMETRIC = ["platt", "temperature", "beta"]


# --- maps -------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(labelled, st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_isotonic_is_that_of_scikit_learn(rows, weights):
    y, p = binary(rows)
    w = np.array(weights[: len(y)], float)
    if not (w[y].any() and w[~y].any()):
        w[:] = 1.0
    ours = tn.churn.Calibrator().fit(p, y, w)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(p, y, w)
    at = np.linspace(0.0, 1.0, 41)
    least = 1.0 / (w.sum() + 2.0)
    expected = np.interp(
        at, theirs.X_thresholds_, np.clip(theirs.y_thresholds_, least, 1.0 - least)
    )
    assert_allclose(ours.predict(at), expected, atol=1e-12)


def loss_of(columns, target):
    def loss(b):
        eta = columns @ b
        return np.sum(np.logaddexp(0.0, eta) - target * eta)

    return loss


@pytest.mark.parametrize("method", PARAMETRIC)
def test_maps_have_the_least_loss(method):
    p, y = drawn(400, seed=3, slope=0.6, shift=0.4)
    model = tn.churn.Calibrator(method).fit(p, y)
    odds = np.log(p / (1.0 - p))
    ones = np.ones(len(p))
    columns, target = {
        "platt": (
            np.column_stack([ones, odds]),
            np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2)),
        ),
        "temperature": (odds[:, None], y),
        "beta": (np.column_stack([ones, np.log(p), -np.log1p(-p)]), y),
    }[method]
    start = np.zeros(columns.shape[1])
    found = minimize(loss_of(columns, target), start, method="BFGS", options={"gtol": 1e-7})
    # BFGS by differences stops where the loss is flat to 1e-9: coefficients agree to its root.
    assert_allclose(model.coef_, found.x, atol=2e-4)
    assert loss_of(columns, target)(model.coef_) <= found.fun + 1e-9
    assert_allclose(model.predict(p), 1.0 / (1.0 + np.exp(-columns @ model.coef_)), rtol=1e-12)


@pytest.mark.parametrize("method", [*PARAMETRIC, "isotonic"])
@settings(max_examples=25)
@given(rows=labelled)
def test_maps_never_turn_the_order_round(method, rows):
    y, p = binary(rows)
    with np.errstate(all="raise", under="ignore"):
        model = quiet(tn.churn.Calibrator(method), p, y)
    at = model.predict(np.linspace(0.0, 1.0, 101))
    assert ((at >= 0.0) & (at <= 1.0)).all()
    if method == "beta" or model.coef_[-1:].sum() >= 0.0:
        assert (np.diff(at) >= -1e-15).all()


def quiet(model, p, y):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return model.fit(p, y)


def test_beta_holds_a_coefficient_at_zero_that_would_fall():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.02, 0.98, 3000)
    y = rng.random(3000) < 1.0 / (1.0 + np.exp(-(1.0 + 1.5 * np.log(p) - 0.5 * np.log1p(-p) * -1)))
    model = tn.churn.Calibrator("beta").fit(p, y)
    assert model.coef_[2] == 0.0
    assert model.covariance_[2].tolist() == [0.0, 0.0, 0.0]
    assert model.coef_[1] > 0.0


def test_temperature_recovers_the_one_that_scaled_the_odds():
    p, y = drawn(200_000, seed=8, slope=0.5, shift=0.0)
    model = tn.churn.Calibrator("temperature").fit(p, y)
    told = model.summary()
    assert told.lower[0] < 0.5 < told.upper[0]
    assert told.upper[0] - told.lower[0] < 0.02


@pytest.mark.parametrize("method", PARAMETRIC)
def test_limits_of_maps_cover(method):
    """Truths are maps of each kind; limits at three probabilities and of the coefficients."""
    truth = {"platt": (0.3, 0.7), "temperature": (0.7,), "beta": (0.2, 0.8, 1.3)}[method]
    at = np.array([0.1, 0.4, 0.8])
    want = map_of(method, truth, at)
    inside = np.zeros(3 + len(truth))
    runs = 200
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        p = rng.beta(1.5, 2.0, 1500)
        y = rng.random(len(p)) < map_of(method, truth, p)
        model = tn.churn.Calibrator(method).fit(p, y)
        lower, upper = model.predict_interval(at)
        told = model.summary()
        inside[:3] += (lower <= want) & (want <= upper)
        inside[3:] += (told.lower <= truth) & (truth <= told.upper)
    # 0.95 less and plus three and a half errors of a share of 200, 0.0154.
    assert ((inside / runs >= 0.896) & (inside / runs <= 1.0)).all(), inside / runs


def map_of(method, coef, p):
    odds = np.log(p / (1.0 - p))
    eta = {
        "platt": lambda: coef[0] + coef[1] * odds,
        "temperature": lambda: coef[0] * odds,
        "beta": lambda: coef[0] + coef[1] * np.log(p) - coef[2] * np.log1p(-p),
    }[method]()
    return 1.0 / (1.0 + np.exp(-eta))


@pytest.mark.parametrize("method", [*PARAMETRIC, "isotonic"])
def test_files_keep_the_map(method, tmp_path):
    p, y = drawn(300, seed=4)
    model = tn.churn.Calibrator(method).fit(p, y)
    model.save(tmp_path / "map.tenure")
    again = tn.load(tmp_path / "map.tenure")
    assert_array_equal(again.predict(p), model.predict(p))
    assert again.get_params() == model.get_params()


def test_one_probability_maps_to_the_rate_of_all():
    y = np.array([1, 0, 0, 0])
    half = np.full(4, 0.5)
    assert_allclose(tn.churn.Calibrator().fit(half, y).predict([0.1, 0.9]), 0.25)
    assert_allclose(tn.churn.Calibrator("beta").fit(half, y).predict([0.1, 0.9]), 0.25)
    # Platt's targets: 2/3 of one churner, 1/5 of three others.
    expected = (2 / 3 + 3 / 5) / 4
    assert_allclose(tn.churn.Calibrator("platt").fit(half, y).predict([0.2]), expected)
    assert_allclose(tn.churn.Calibrator("temperature").fit(half, y).predict([0.2]), 0.2)


def test_separated_classes_are_told():
    with pytest.warns(tn.ConvergenceWarning, match="do not overlap"):
        model = tn.churn.Calibrator("temperature").fit([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert not model.converged_
    assert model.predict([0.2])[0] < 0.2
    # Platt's targets are never certain: there is a finite map.
    assert tn.churn.Calibrator("platt").fit([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]).converged_


# --- measures ---------------------------------------------------------------------------------


def test_recalibration_solves_its_score_equations_to_30_digits():
    p, y = drawn(40, seed=2)
    told = tn.churn.calibration_slope(y, p)
    mpmath.mp.dps = 30
    odds = [mpmath.log(mpmath.mpf(float(v)) / (1 - mpmath.mpf(float(v)))) for v in p]

    def scores(a, b):
        left = [int(t) - 1 / (1 + mpmath.exp(-(a + b * z))) for t, z in zip(y, odds, strict=True)]
        return [mpmath.fsum(left), mpmath.fsum(r * z for r, z in zip(left, odds, strict=True))]

    a, b = mpmath.findroot(scores, (0, 1))
    assert_allclose([told.intercept, told.slope], [float(a), float(b)], rtol=1e-9)
    large = mpmath.findroot(
        lambda c: mpmath.fsum(
            int(t) - 1 / (1 + mpmath.exp(-(c + z))) for t, z in zip(y, odds, strict=True)
        ),
        0,
    )
    assert_allclose(told.in_the_large, float(large), rtol=1e-9, atol=1e-11)


def test_groups_of_one_row_change_errors_little_and_copies_not_at_all():
    p, y = drawn(500, seed=6)
    once = tn.churn.calibration_slope(y, p, groups=np.arange(500) // 2)
    twice = tn.churn.calibration_slope(
        np.tile(y, 2), np.tile(p, 2), groups=np.tile(np.arange(500) // 2, 2)
    )
    assert_allclose(twice.value, once.value, rtol=1e-9)
    assert_allclose(twice.standard_error, once.standard_error, rtol=1e-8)


@settings(max_examples=60)
@given(labelled, st.integers(1, 12))
def test_parts_of_the_brier_score_add_up(rows, bins):
    y, p = binary(rows)
    s = tn.churn.brier_score(y, p, bins=bins)
    assert_allclose(s.value, np.mean((p - y) ** 2), atol=1e-15)
    assert_allclose(s.reliability - s.resolution + s.uncertainty + s.within, s.value, atol=1e-14)
    assert s.bins <= bins
    assert s.lower <= s.value <= s.upper
    if bins >= 12 and len(np.unique(p)) == 1:
        assert_allclose(s.within, 0.0, atol=1e-15)


def test_bins_of_equal_probabilities_hide_nothing():
    """Murphy (1973): over distinct forecasts the three parts are the whole."""
    y = np.array([0, 0, 1, 0, 1, 1, 0, 1])
    p = np.array([0.1, 0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 0.9])
    s = tn.churn.brier_score(y, p, bins=8)
    assert s.bins == 3
    assert_allclose(s.within, 0.0, atol=1e-16)
    by_hand = (3 * (1 / 3 - 0.1) ** 2 + 0.0 + 3 * (2 / 3 - 0.9) ** 2) / 8
    assert_allclose(s.reliability, by_hand)
    assert_allclose(s.resolution, (3 * (1 / 3 - 0.5) ** 2 + 3 * (2 / 3 - 0.5) ** 2) / 8)


@settings(max_examples=60)
@given(labelled)
def test_diagram_is_that_of_scikit_learns_isotonic_regression(rows):
    y, p = binary(rows)
    r = tn.churn.reliability(y, p, n_bootstrap=0)
    fitted = IsotonicRegression().fit(p, y).predict(p)
    assert_allclose(r.brier, np.mean((p - y) ** 2))
    assert_allclose(r.miscalibration, r.brier - np.mean((fitted - y) ** 2), atol=1e-14)
    assert_allclose(r.discrimination, r.uncertainty - np.mean((fitted - y) ** 2), atol=1e-14)
    assert r.miscalibration >= -1e-15
    assert r.discrimination >= -1e-15
    assert_allclose(np.sum(r.customers * r.rate), y.sum())
    assert (np.diff(r.rate) > 0).all()
    place = np.searchsorted(r.first, p, side="right") - 1
    assert_allclose(r.rate[place], fitted, atol=1e-14)


def test_band_holds_the_steps_of_calibrated_probabilities():
    inside, runs = np.zeros(3), 100
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 3, 400)
        r = tn.churn.reliability(rng.random(400) < p, p, n_bootstrap=200, random_state=seed)
        for k, at in enumerate((0.2, 0.4, 0.6)):
            j = np.searchsorted(r.at, at)
            step = r.rate[np.searchsorted(r.first, r.at[j], side="right") - 1]
            inside[k] += r.band_lower[j] <= step <= r.band_upper[j]
    assert ((inside / runs > 0.87) & (inside / runs < 0.995)).all(), inside / runs


def test_band_is_the_same_on_every_thread():
    p, y = drawn(2000, seed=1)
    one, many = (tn.churn.reliability(y, p, n_threads=t).band_upper for t in (1, 3))
    assert_array_equal(one, many)


def test_plot_of_the_diagram_shows_its_steps():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    p, y = drawn(500, seed=1)
    r = tn.churn.reliability(y, p, n_bootstrap=50)
    figure, ax = pyplot.subplots()
    assert r.plot(ax) is ax
    x, height = ax.lines[1].get_data()
    assert_array_equal(x[::2], r.first)
    assert_array_equal(height[::2], r.rate)
    pyplot.close(figure)


def test_ici_is_the_mean_distance_to_its_curve():
    p, y = drawn(800, seed=9, slope=0.5)
    e = tn.churn.ici(y, p, n_bootstrap=0)
    assert_allclose(e.ici, np.mean(np.abs(e.smooth - p)))
    assert_allclose(e.value[1:], np.quantile(np.abs(e.smooth - p), [0.5, 0.9]))
    assert np.isnan(e.lower).all()


def test_the_smoother_is_a_natural_spline_fitted_by_likelihood():
    """Another basis of the same splines, fitted by SciPy."""
    p, y = drawn(600, seed=10, slope=0.7)
    e = tn.churn.ici(y, p, knots=4, n_bootstrap=0)
    z = np.log(p / (1 - p))
    assert_allclose(e.knots, np.quantile(z, [0.05, 0.35, 0.65, 0.95]))

    def d(k):
        cube = [np.maximum(z - t, 0) ** 3 for t in e.knots]
        return (cube[k] - cube[3]) / (e.knots[3] - e.knots[k])

    columns = np.column_stack([np.ones(len(z)), z, d(0) - d(2), d(1) - d(2)])
    scale = np.abs(columns).max(axis=0)
    found = minimize(loss_of(columns / scale, y), np.zeros(4), method="BFGS")
    assert_allclose(e.smooth, 1 / (1 + np.exp(-(columns / scale) @ found.x)), atol=2e-4)


def test_calibrated_probabilities_are_seldom_accused():
    """The lower limit of the ICI of calibrated probabilities is above 0 in a share of 0.05."""
    runs, accused = 200, 0
    for seed in range(runs):
        p, y = drawn(400, seed=seed)
        e = tn.churn.ici(y, p, n_bootstrap=2)
        assert (e.lower[0] > 0.0) <= (e.p_value < 0.05)
        accused += e.p_value < 0.05
    # Three and a half errors of a share of 200 are 0.054.
    assert 0.005 <= accused / runs <= 0.104, accused / runs


def test_a_line_is_left_where_few_probabilities_are():
    rng = np.random.default_rng(2)
    p = rng.choice([0.2, 0.5], 300)
    e = tn.churn.ici(rng.random(300) < p, p)
    assert len(e.knots) == 0
    rate = np.array([np.mean(np.abs(e.smooth - p)[p == v]) for v in (0.2, 0.5)])
    assert_allclose(e.ici, np.average(rate, weights=[np.mean(p == 0.2), np.mean(p == 0.5)]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tn.churn.Calibrator().fit([0.5, 1.2], [0, 1]), r"probability\[1\]"),
        (lambda: tn.churn.Calibrator().fit([0.5, np.nan], [0, 1]), r"probability\[1\]"),
        (lambda: tn.churn.Calibrator().fit([0.5, 0.4], [0, 2]), r"churned\[1\]"),
        (lambda: tn.churn.Calibrator().fit([0.5, 0.4], [0, 0]), "nobody churned"),
        (lambda: tn.churn.Calibrator().fit([0.5, 0.4], [1, 0], [1.0, 0.0]), "everybody churned"),
        (lambda: tn.churn.Calibrator().fit([0.5], [1, 0]), "probability has 1 rows"),
        (lambda: tn.churn.Calibrator("spline").fit([0.5], [1]), "method must be one of"),
        (lambda: tn.churn.Calibrator().fit([0.5, 0.4], [1, 0]).summary(), "needs a map"),
        (lambda: tn.churn.calibration_slope([0, 1], [0.5, 0.5]), "must differ"),
        (lambda: tn.churn.calibration_slope([0, 1], [0.2, 0.5]), "separates the classes"),
        (lambda: tn.churn.ici([0, 1], [0.2, 0.5]), "separates the classes"),
        (lambda: tn.churn.ici([0, 1, 0], [0.2, 0.5, 0.6], knots=6), "knots must be one of"),
        (lambda: tn.churn.brier_score([0, 1], [0.2, 0.5], bins=0), "bins must be >= 1"),
        (lambda: tn.churn.brier_score([0, 1], [0.2, 0.5], groups=[1]), "groups has 1 rows"),
        (lambda: tn.churn.brier_score([0, 1], [0.2, 0.5], groups=[1, None]), r"groups\[1\]"),
        (lambda: tn.churn.reliability([0, 1], [0.2, 0.5], n_bootstrap=1), "n_bootstrap"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        call()
