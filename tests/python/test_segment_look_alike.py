"""Look-alikes: captures by counting, limits by simulation, nobody scored by memory."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.neighbors import KNeighborsClassifier

import tenure as tn
from tenure.segment import look_alike


class Known:
    """A classifier that has nothing to learn: the first column is the score."""

    def fit(self, X, y):
        assert set(y.tolist()) == {0, 1}
        return self

    def decision_function(self, X):
        return X[:, 0]


def normals(random, n_seed, n_pool, shift=1.0):
    return {"x": random.normal(shift, 1, n_seed)}, {"x": random.normal(0, 1, n_pool)}


SCORES = st.lists(st.integers(0, 6).map(float), min_size=3, max_size=14)


def folds_of(n_seed, n_pool, folds):
    random = np.random.default_rng(0)
    out = []
    for n in (n_seed, n_pool):
        fold = np.empty(n, dtype=int)
        fold[random.permutation(n)] = np.arange(n) % folds
        out.append(fold)
    return out


@settings(max_examples=40)
@given(SCORES, SCORES, st.sampled_from([0.1, 0.3, 0.5, 0.7, 1.0]))
def test_captures_are_counted_with_ties_in_part(seed, pool, top):
    """Who ties with part of the pool gets the places left for them in equal parts."""
    if len({*seed, *pool}) == 1:
        return
    found = look_alike({"x": seed}, {"x": pool}, classifier=Known(), n_folds=3, top=[top]).lift
    of_seed, of_pool = folds_of(len(seed), len(pool), 3)
    held = []
    for score, fold in zip(seed, of_seed, strict=True):
        others = np.array(pool)[of_pool == fold]
        better, equal = (others > score).sum(), (others == score).sum()
        room = top * len(others) - better
        held.append(np.clip(room / equal, 0, 1) if equal else float(room >= -1e-9))
    assert_allclose(found.capture, np.mean(held), atol=1e-9)
    assert_allclose(found.lift, np.mean(held) / top, atol=1e-9)
    assert found.customers == round(top * len(pool))
    assert 0.0 <= found.capture_lower <= found.capture + 1e-12
    assert found.capture <= found.capture_upper + 1e-12


def coverage(draws, seed):
    """Of the lift of a known score among normals, at the best 5 and 20 %."""
    random = np.random.default_rng(seed)
    top = np.array([0.05, 0.2])
    truth = stats.norm.sf(stats.norm.isf(top) - 1.0) / top
    held = np.zeros(2)
    for _ in range(draws):
        lift = look_alike(*normals(random, 150, 400), classifier=Known(), top=top).lift
        held += (lift.lift_lower <= truth) & (truth <= lift.lift_upper)
    return held / draws


def test_limits_of_the_lift_cover():
    # 100 draws: 4 standard errors are 0.087.
    held = coverage(100, seed=6)
    assert (held > 0.863).all()


@pytest.mark.slow
def test_limits_of_the_lift_cover_in_many_draws():
    held = coverage(5_000, seed=7)
    assert (held > 0.935).all()
    assert (held < 0.985).all()


def test_the_lift_of_a_fitted_model_is_found():
    """Two normals: the likelihood ratio is the first column, which the model has to find."""
    random = np.random.default_rng(9)
    parts = [
        {f"x{j}": random.normal(m * (j == 0), 1, n) for j in range(5)}
        for m, n in ((1, 600), (0, 6000))
    ]
    lift = look_alike(*parts, top=[0.1]).lift
    truth = stats.norm.sf(stats.norm.isf(0.1) - 1.0) / 0.1
    assert lift.lift_lower[0] < truth < lift.lift_upper[0]
    assert lift.lift[0] > 0.85 * truth


def test_memory_is_not_lift():
    """One neighbour knows each customer again: seen by its model, the seed would all be caught."""
    random = np.random.default_rng(3)
    seed, pool = normals(random, 200, 800, shift=0.0)
    lift = look_alike(seed, pool, classifier=KNeighborsClassifier(1), top=[0.1]).lift
    assert lift.lift_lower[0] < 1.0 < lift.lift_upper[0]
    model = KNeighborsClassifier(1).fit(
        np.r_[seed["x"], pool["x"]][:, None], np.repeat([1, 0], [200, 800])
    )
    assert model.predict(seed["x"][:, None]).mean() == 1.0


def test_the_units_of_a_column_and_the_kind_of_a_frame_do_not_matter():
    random = np.random.default_rng(4)
    seed, pool = normals(random, 80, 300)
    seed["shop"], pool["shop"] = ["web"] * 80, ["web", "street"] * 150
    first = look_alike(seed, pool)
    scaled = [{**part, "x": part["x"] * 1e200} for part in (seed, pool)]
    assert_allclose(look_alike(*scaled).percentile, first.percentile)
    frames = look_alike(pd.DataFrame(seed), pa.table(pool).select(["shop", "x"]))
    assert_array_equal(frames.score, first.score)
    category = pd.DataFrame(seed).astype({"shop": "category"})
    assert_array_equal(look_alike(category, pool).score, first.score)


def test_gaps_are_filled_and_known():
    seed = {"x": [None] * 30 + [1.0] * 10, "y": np.zeros(40)}
    pool = {"x": [None] * 10 + [1.0, 2.0] * 45, "y": np.zeros(100)}
    found = look_alike(seed, pool)
    assert found.constant == ("y",)
    assert found.score[:10].min() > found.score[10:].max()
    assert sorted(found.best(10)) == list(range(10))
    assert "Look-alikes of 40 customers among 100: the best 10 % hold" in repr(found)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": {"x": [1.0, 2.0]}}, "seed has 2 customers"),
        ({"pool": {"x": []}}, "'x' holds texts|pool has 0 customers"),
        ({"pool": {"z": [1.0] * 9}}, "'x' is not a column of pool"),
        ({"pool": {"x": ["a"] * 9}}, "holds numbers in seed and texts in pool"),
        ({"pool": {"x": [1.0] * 9}, "seed": {"x": [1.0] * 9}}, "alike in every column"),
        ({"top": [0.0]}, "top must hold shares"),
        ({"top": []}, "top must hold shares"),
        ({"n_folds": 1}, "n_folds must be >= 2"),
        ({"classifier": "forest"}, "must have fit"),
        ({"level": 1.0}, "level must be"),
        ({"columns": []}, "must name one"),
        ({"rare": "no"}, "rare must be"),
    ],
)
def test_settings_are_checked(change, says):
    seed, pool = normals(np.random.default_rng(0), 20, 50)
    call = {"seed": seed, "pool": pool, **change}
    with pytest.raises(tn.InvalidInputError, match=says):
        look_alike(**call)


def test_a_classifier_without_scores_is_refused():
    class Silent(Known):
        def decision_function(self, X):
            return np.full(len(X), np.nan)

    seed, pool = normals(np.random.default_rng(0), 20, 50)
    with pytest.raises(tn.InvalidInputError, match="gave no score"):
        look_alike(seed, pool, classifier=Silent())
    with pytest.raises(tn.InvalidInputError, match="n must be <= 50"):
        look_alike(seed, pool).best(51)


def test_the_curve_is_drawn():
    found = look_alike(*normals(np.random.default_rng(0), 50, 200))
    _, ax = plt.subplots()
    assert found.plot(ax) is ax
    x, y = ax.lines[1].get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert (np.diff(y) >= 0).all()
    plt.close(ax.figure)
