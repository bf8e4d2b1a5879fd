"""Kaplan-Meier: published values, the definition in exact fractions, properties, refusals."""

from __future__ import annotations

import csv
import itertools
import math
import pickle
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.churn import KaplanMeier

REFERENCE = Path(__file__).parents[1] / "reference"
#: Columns of time, event and group.
COLUMNS = {
    "rossi": ("week", "arrest", "fin"),
    "lung": ("time", "status", "sex"),
    "veteran": ("Survival_in_days", "Status", "Treatment"),
}
Z95 = scipy.stats.norm.ppf(0.975)


def load(name, group=None):
    time, event, by = COLUMNS.get(name, ("duration", "churned", "group"))
    path = REFERENCE / f"{name}.csv" if name in COLUMNS else REFERENCE / "survival" / f"{name}.csv"
    with path.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if group is None or r[by] == group]
    return [float(r[time]) for r in rows], [int(r[event] in ("1", "dead")) for r in rows]


# --- published values (R 4.2.2, survival 3.5-3) ---------------------------------------------------


def test_rossi_curve():
    km = KaplanMeier().fit(*load("rossi"))
    assert_allclose(km.predict([10, 26, 52]), [0.96527778, 0.875, 0.73611111], rtol=0, atol=5e-9)
    at = np.searchsorted(km.curve_.time, [10, 26, 52])
    assert_allclose(
        km.curve_.standard_error[at], [0.00880822, 0.01591172, 0.02120510], rtol=0, atol=5e-9
    )
    assert_allclose(km.curve_.lower[at[2]], 0.69185972, rtol=0, atol=5e-9)
    assert_allclose(km.curve_.upper[at[2]], 0.77506318, rtol=0, atol=5e-9)
    assert_allclose(km.restricted_mean(52).value, 45.85416667, rtol=0, atol=5e-9)
    assert km.median_ == math.inf


def test_lung_median_with_limits_on_the_log_scale():
    km = KaplanMeier(interval="log").fit(*load("lung"))
    median = km.quantile([0.5], interval=0.95)
    assert (median.value[0], median.lower[0], median.upper[0]) == (310, 285, 363)
    assert_allclose(km.predict([365]), 0.40924162, rtol=0, atol=5e-9)
    at = np.searchsorted(km.curve_.time, 365, side="right") - 1
    assert_allclose(km.curve_.standard_error[at], 0.03582364, rtol=0, atol=5e-9)
    assert_allclose(km.restricted_mean(365).value, 263.222, rtol=0, atol=5e-4)


@pytest.mark.parametrize(
    ("name", "group", "median"),
    [
        ("lung", "1", 270),
        ("lung", "2", 426),
        ("waltons", None, 56),
        ("waltons", "control", 58),
        ("waltons", "miR-137", 26),
        ("aml", "maintained", 31),
        ("aml", "not maintained", 23),
    ],
)
def test_medians(name, group, median):
    assert KaplanMeier().fit(*load(name, group)).median_ == median


def test_veteran_median_with_limits_on_the_log_scale():
    median = KaplanMeier(interval="log").fit(*load("veteran")).quantile(0.5, interval=0.95)
    assert (median.value[0], median.lower[0], median.upper[0]) == (80, 52, 105)


# --- the definition, in exact arithmetic ----------------------------------------------------------

row = st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 11), st.integers(0, 3)).map(
    lambda r: (r[0], r[1], min(r[2], r[0] - 1), r[3])
)
samples = st.lists(row, min_size=1, max_size=25).filter(lambda s: any(r[3] for r in s))


def exact_curve(sample):
    """(time, n, d, S, Greenwood) at each time someone churned, from the definition."""
    out = []
    survival, greenwood = Fraction(1), Fraction(0)
    for t in sorted({d for d, event, _, w in sample if event and w}):
        n = sum(w for d, _, e, w in sample if (e < t or e == 0) and d >= t)
        c = sum(w for d, event, _, w in sample if event and d == t)
        survival *= 1 - Fraction(c, n)
        greenwood = (
            math.inf if n == c or greenwood == math.inf else greenwood + Fraction(c, n * (n - c))
        )
        out.append((t, n, c, survival, greenwood))
    return out


def fit(sample, **settings):
    duration, churned, entry, weight = zip(*sample, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.DataWarning)
        return KaplanMeier(**settings).fit(duration, churned, entry=entry, sample_weight=weight)


@given(samples)
def test_equals_the_definition(sample):
    curve = fit(sample).curve_
    expected = exact_curve(sample)
    time, n, d, survival, greenwood = zip(*expected, strict=True) if expected else ((),) * 5
    assert_array_equal(curve.time, np.array(time, float))
    assert_array_equal(curve.at_risk, np.array(n, float))
    assert_array_equal(curve.churned, np.array(d, float))
    assert_allclose(curve.survival, np.array([float(s) for s in survival]), rtol=1e-14)
    assert_allclose(curve.greenwood, np.array([float(g) for g in greenwood]), rtol=1e-14)


@given(samples, st.sampled_from(["log-log", "log", "plain"]), st.floats(0.01, 0.99))
def test_limits_follow_their_formulas(sample, interval, level):
    curve = fit(sample, interval=interval, level=level).curve_
    z = scipy.stats.norm.isf((1 - level) / 2)
    for j, (_, _, _, survival, greenwood) in enumerate(exact_curve(sample)):
        if survival == 0:
            assert np.isnan([curve.standard_error[j], curve.lower[j], curve.upper[j]]).all()
            continue
        s, g = float(survival), z * math.sqrt(greenwood)
        if interval == "plain":
            expected = max(s - s * g, 0), min(s + s * g, 1)
        elif interval == "log":
            expected = s * math.exp(-g), min(s * math.exp(g), 1)
        else:
            # On the scale log(-log S), whose derivative is 1 / (S log S).
            y = math.log(-math.log(s))
            w = g / abs(math.log(s))
            expected = math.exp(-math.exp(y + w)), math.exp(-math.exp(y - w))
        assert_allclose((curve.lower[j], curve.upper[j]), expected, rtol=1e-11, atol=1e-300)
        assert_allclose(curve.standard_error[j], s * g / z, rtol=1e-13)


@given(samples, st.fractions(0, 1, max_denominator=60).filter(lambda p: 0 < p < 1))
def test_quantile_is_the_first_time_at_or_below(sample, p):
    times = [t for t, _, _, survival, _ in exact_curve(sample) if survival <= 1 - p]
    assert fit(sample).quantile(float(p)) == (times[0] if times else math.inf)


@given(samples, st.fractions(0, 1, max_denominator=7))
def test_restricted_mean_equals_the_exact_area(sample, share):
    km = fit(sample)
    until = share * int(km.curve_.last_time)
    steps = exact_curve(sample)

    def area(start):
        knots = sorted({start, until, *(Fraction(t) for t, *_ in steps if start < t < until)})
        heights = (
            next((s for t, _, _, s, _ in reversed(steps) if t <= x), Fraction(1)) for x in knots
        )
        widths = (b - a for a, b in itertools.pairwise(knots))
        return sum((w * h for w, h in zip(widths, heights, strict=False)), Fraction(0))

    variance = Fraction(0)
    for t, n, d, survival, _ in steps:
        if t <= until and survival > 0:
            variance += area(Fraction(t)) ** 2 * Fraction(d, n * (n - d))
    mean = km.restricted_mean(float(until))
    assert_allclose(mean.value, float(area(Fraction(0))), rtol=1e-13)
    assert_allclose(mean.standard_error, math.sqrt(variance), rtol=1e-9, atol=1e-12)
    half = Z95 * math.sqrt(variance)
    assert_allclose(mean.lower, max(float(area(Fraction(0))) - half, 0), rtol=1e-9, atol=1e-9)
    assert_allclose(mean.upper, min(float(area(Fraction(0))) + half, float(until)), rtol=1e-9)


# --- properties -----------------------------------------------------------------------------------


@given(samples, st.randoms(use_true_random=False))
def test_does_not_depend_on_row_order(sample, random):
    shuffled = list(sample)
    random.shuffle(shuffled)
    a, b = fit(sample).curve_, fit(shuffled).curve_
    assert a.survival.tobytes() == b.survival.tobytes()
    assert a.greenwood.tobytes() == b.greenwood.tobytes()


@given(samples)
def test_weight_is_repetition(sample):
    repeated = [(d, c, e, 1) for d, c, e, w in sample for _ in range(w)]
    a, b = fit(sample).curve_, fit(repeated).curve_
    for name in ("time", "at_risk", "churned", "survival", "greenwood"):
        assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.last_time == b.last_time


@given(samples, st.sampled_from([1 / 7, 86_400.0, 1e-3]))
def test_unit_of_time_changes_only_times(sample, unit):
    a = fit(sample).curve_
    b = fit([(d * unit, c, e * unit, w) for d, c, e, w in sample]).curve_
    assert_array_equal(a.survival, b.survival)
    assert_allclose(b.time, a.time * unit, rtol=1e-15)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=30))
def test_no_truncation_is_entry_zero(sample):
    duration, churned = zip(*sample, strict=True)
    a = KaplanMeier().fit(duration, churned).curve_
    b = KaplanMeier().fit(duration, churned, entry=np.zeros(len(duration))).curve_
    for name in ("time", "at_risk", "churned", "survival", "lower", "upper"):
        assert_array_equal(getattr(a, name), getattr(b, name))


# --- conventions ----------------------------------------------------------------------------------


def test_churn_comes_before_censoring_at_the_same_time():
    assert KaplanMeier().fit([2, 2], [1, 0]).curve_.at_risk.tolist() == [2]


def test_times_that_differ_by_one_bit_are_different_times():
    later = np.nextafter(1.0, 2.0)
    assert KaplanMeier().fit([1.0, later], [1, 1]).curve_.time.tolist() == [1.0, later]


def test_is_unknown_beyond_the_last_time_unless_nobody_is_left():
    assert KaplanMeier().fit([1, 5], [1, 0]).predict([5, 5.01]).tolist()[0] == 0.5
    assert np.isnan(KaplanMeier().fit([1, 5], [1, 0]).predict([5.01])).all()
    assert KaplanMeier().fit([1, 5], [1, 1]).predict([1e9]).tolist() == [0.0]


def test_predict_with_limits():
    km = KaplanMeier().fit([1, 2, 3, 4, 5], [1, 1, 1, 0, 0])
    table = km.predict([0, 2.5, 9], interval=0.95)
    assert table.value.tolist()[:2] == [1.0, km.curve_.survival[1]]
    assert table.lower.tolist()[:2] == [1.0, km.curve_.lower[1]]
    assert table.upper.tolist()[:2] == [1.0, km.curve_.upper[1]]
    assert np.isnan([table.value[2], table.lower[2], table.upper[2]]).all()
    narrow = km.predict([2.5], interval=0.5)
    assert km.curve_.lower[1] < narrow.lower[0] < narrow.upper[0] < km.curve_.upper[1]


def test_nobody_churned():
    km = KaplanMeier().fit([3, 4], [0, 0])
    assert km.curve_.time.size == 0
    assert km.median_ == math.inf
    assert km.predict([4]).tolist() == [1.0]
    mean = km.restricted_mean(4)
    assert (mean.value[0], mean.standard_error[0], mean.lower[0]) == (4.0, 0.0, 4.0)


def test_warns_where_the_risk_set_dies_out_before_others_enter():
    with pytest.warns(tn.DataWarning, match="everyone under observation at 1 churned"):
        km = KaplanMeier().fit([1, 5, 6], [1, 1, 0], entry=[0, 2, 2])
    assert km.curve_.survival.tolist() == [0, 0]
    assert len(km.warnings_) == 1
    assert KaplanMeier().fit([1, 5], [1, 1]).warnings_ == ()


# --- saving, settings, refusals -------------------------------------------------------------------


def test_saves_and_pickles(tmp_path):
    km = KaplanMeier(interval="plain", level=0.9).fit(*load("aml"))
    km.save(tmp_path / "km.tenure")
    for copy in (tn.load(tmp_path / "km.tenure"), pickle.loads(pickle.dumps(km))):
        assert copy.get_params() == {"interval": "plain", "level": 0.9}
        assert copy.curve_.to_arrow().equals(km.curve_.to_arrow())
        assert copy.quantile(0.3) == km.quantile(0.3)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("survival", lambda a: a[::-1].copy()),
        ("survival", lambda a: a + 1.0),
        ("survival", lambda a: np.where(a == a[0], np.nan, a)),
        ("time", lambda a: -a),
        ("time", lambda a: a[:-1]),
        ("churned", lambda a: a * 1e6),
        ("greenwood", lambda a: a.astype(np.float32)),
        ("greenwood", lambda a: a * np.nan),
        ("last_time", lambda _: 0.5),
        ("last_time", lambda _: math.nan),
    ],
)
def test_refuses_a_file_with_values_that_no_curve_has(tmp_path, name, change):
    km = KaplanMeier().fit([1, 2, 3, 4, 5], [1, 0, 1, 1, 0])
    km.save(tmp_path / "good.tenure")
    tn.load(tmp_path / "good.tenure")
    object.__setattr__(km.curve_, name, change(getattr(km.curve_, name)))
    km.save(tmp_path / "bad.tenure")
    with pytest.raises(tn.ModelFileError):
        tn.load(tmp_path / "bad.tenure")


NAN = math.nan


@pytest.mark.parametrize(
    ("arguments", "argument", "row"),
    [
        (([1, NAN], [1, 0]), "duration", 1),
        (([1, -1], [1, 0]), "duration", 1),
        (([1, math.inf], [1, 0]), "duration", 1),
        (([1, None], [1, 0]), "duration", 1),
        (([1, "2"], [1, 0]), "duration", None),
        (([[1, 2]], [1, 0]), "duration", None),
        (([], []), "duration", None),
        (([1, 2], [1, 2]), "churned", 1),
        (([1, 2], [1, NAN]), "churned", 1),
        (([1, 2], [1]), "churned", None),
        (([1, 2], [1, 0], [0, 2]), "entry", 1),
        (([1, 2], [1, 0], [0, -1]), "entry", 1),
        (([1, 2], [1, 0], [0, NAN]), "entry", 1),
        (([1, 2], [1, 0], [0]), "entry", None),
        (([1, 2], [1, 0], None, [1, -1]), "sample_weight", 1),
        (([1, 2], [1, 0], None, [1, NAN]), "sample_weight", 1),
        (([1, 2], [1, 0], None, [0, 0]), "sample_weight", None),
        (([1, 2], [1, 0], None, [1e308, 1e308]), "sample_weight", None),
        (([1, 2], [1, 0], None, [1]), "sample_weight", None),
    ],
)
def test_names_the_bad_cell(arguments, argument, row):
    with pytest.raises(tn.InvalidInputError) as error:
        KaplanMeier().fit(*arguments)
    assert error.value.argument == argument
    assert error.value.row == row


@pytest.mark.parametrize(
    ("settings", "argument"),
    [({"interval": "wald"}, "interval"), ({"level": 1.0}, "level"), ({"level": "x"}, "level")],
)
def test_refuses_settings_out_of_range(settings, argument):
    with pytest.raises(tn.InvalidInputError) as error:
        KaplanMeier(**settings).fit([1], [1])
    assert error.value.argument == argument


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda km: km.predict([-1.0]), "t"),
        (lambda km: km.predict([NAN]), "t"),
        (lambda km: km.predict([1.0], interval=2), "interval"),
        (lambda km: km.quantile(0.0), "p"),
        (lambda km: km.quantile([0.5, NAN]), "p"),
        (lambda km: km.quantile(0.5, interval=0), "interval"),
        (lambda km: km.restricted_mean(6), "until"),
        (lambda km: km.restricted_mean(-1), "until"),
        (lambda km: km.restricted_mean(math.inf), "until"),
    ],
)
def test_refuses_questions_without_an_answer(call, argument):
    km = KaplanMeier().fit([1, 2, 3, 5], [1, 1, 0, 0])
    with pytest.raises(tn.InvalidInputError) as error:
        call(km)
    assert error.value.argument == argument


def test_is_not_fitted_before_fit():
    for call in (lambda km: km.predict([1]), lambda km: km.quantile(0.5), lambda km: km.median_):
        with pytest.raises(tn.NotFittedError):
            call(KaplanMeier())
