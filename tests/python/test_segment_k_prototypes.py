"""k-modes and k-prototypes against their definitions."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import polars as pl
import prototype_oracle as oracle
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import KModes, KPrototypes


def mixed(rows: int, seed: int = 0, groups: int = 4, numbers: int = 3, categories: int = 3):
    """Numbers and codes of rows that belong to groups."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, rows)
    number = rng.normal(0, 2, (groups, numbers))[group] + rng.normal(size=(rows, numbers))
    usual = rng.integers(0, 4, (groups, categories))[group]
    code = np.where(rng.random((rows, categories)) < 0.6, usual, rng.integers(0, 4, usual.shape))
    return number, code


def as_rows(number, code):
    return [(tuple(x), tuple(c)) for x, c in zip(number.tolist(), code.tolist(), strict=True)]


def fitted(number, code, k, **settings):
    X = np.hstack([number, code])
    places = list(range(number.shape[1], X.shape[1]))
    return KPrototypes(k, categorical=places, **settings).fit(X), X


def modes_of(model):
    return [
        tuple(levels[m] for levels, m in zip(model.categories_, row, strict=True))
        for row in model.modes_
    ]


@pytest.mark.parametrize("algorithm", ["lloyd", "huang"])
@pytest.mark.parametrize("seed", range(4))
def test_prototypes_are_those_of_the_definition(algorithm, seed):
    number, code = mixed(150, seed)
    rows = as_rows(number, code)
    start = np.hstack([number, code])[:4]
    model, _ = fitted(number, code, 4, init=start, algorithm=algorithm, gamma=1.7)
    expected = getattr(oracle, algorithm)(rows, rows[:4], 1.7)
    assert_allclose(model.cluster_centers_, [p[0] for p in expected], rtol=0, atol=1e-12)
    assert modes_of(model) == [p[1] for p in expected]
    assert_allclose(model.cost_, oracle.cost(rows, expected, 1.7), rtol=1e-13)
    assert model.labels_.tolist() == [oracle.nearest(r, expected, 1.7) for r in rows]


@pytest.mark.parametrize("algorithm", ["lloyd", "huang"])
@pytest.mark.parametrize("seed", range(4))
def test_modes_are_those_of_the_definition(algorithm, seed):
    _, code = mixed(150, seed, categories=5)
    rows = as_rows(np.empty((150, 0)), code)
    distinct = [list(r) for r in dict.fromkeys(map(tuple, code.tolist()))][:4]
    model = KModes(4, init=distinct, algorithm=algorithm).fit(code)
    start = [((), tuple(d)) for d in distinct]
    expected = getattr(oracle, algorithm)(rows, start, 1.0)
    assert modes_of(model) == [p[1] for p in expected]
    assert model.cost_ == oracle.cost(rows, expected, 1.0)


def test_finds_the_best_of_all_partitions_of_few_rows():
    code = np.array([[0, 0, 1], [0, 1, 1], [2, 0, 0], [2, 2, 0], [0, 0, 0], [2, 1, 0], [1, 1, 1]])
    rows = as_rows(np.empty((len(code), 0)), code)

    def within(members):
        return oracle.cost(members, [oracle.middle(members)], 1.0) if members else 0.0

    best = min(
        within([r for r, s in zip(rows, side, strict=True) if s])
        + within([r for r, s in zip(rows, side, strict=True) if not s])
        for side in itertools.product([0, 1], repeat=len(rows))
    )
    assert KModes(2, init="k-modes++", n_init=20).fit(code).cost_ == best


def test_starts_from_dense_rows_far_from_one_another():
    _, code = mixed(90, 3, categories=4)
    shares = [np.bincount(column, minlength=4) / len(code) for column in code.T]
    density = np.mean([s[c] for s, c in zip(shares, code.T, strict=True)], axis=0)
    seeds = [int(density.argmax())]
    while len(seeds) < 5:
        score = density * (code[:, None, :] != code[seeds]).sum(axis=2).min(axis=1)
        # Rows of one score are one by the densities' rounding; the first of them is meant.
        seeds.append(int(np.flatnonzero(score >= score.max() - 1e-12)[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # one iteration shows the start
        ours = KModes(5, max_iter=1).fit(code)
        theirs = KModes(5, init=code[seeds], max_iter=1).fit(code)
    assert_array_equal(ours.modes_, theirs.modes_)


def test_draws_rows_far_from_one_another():
    number, code = mixed(400, 5, groups=6)
    worst = 0.0
    for seed in range(10):
        model, X = fitted(number * 10, code, 6, random_state=seed)
        rng = np.random.default_rng(seed)
        plain, _ = fitted(number * 10, code, 6, init=X[rng.choice(400, 6, replace=False)])
        worst += plain.cost_ - model.cost_
    assert worst > 0.0


def test_gamma_is_half_the_mean_standard_deviation():
    number, code = mixed(60)
    model, X = fitted(number, code, 2)
    assert_allclose(model.gamma_, 0.5 * number.std(axis=0).mean(), rtol=1e-14)
    assert fitted(np.ones_like(number), code, 2)[0].gamma_ == 1.0
    twice = np.repeat(X, [1, 3] * 30, axis=0)
    weighted = KPrototypes(2, categorical=[3, 4, 5]).fit(X, sample_weight=[1, 3] * 30)
    repeated = KPrototypes(2, categorical=[3, 4, 5]).fit(twice)
    assert_allclose(weighted.gamma_, repeated.gamma_, rtol=1e-14)


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_a_weight_is_a_repetition(seed, k):
    number, code = mixed(40, seed)
    weight = np.random.default_rng(seed).integers(0, 4, 40)
    weight[:k] += 1
    X = np.hstack([number, code])
    settings = {"categorical": [3, 4, 5], "init": X[:k], "gamma": 2.0, "max_iter": 200}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # clusters may end empty
        weighted = KPrototypes(k, **settings).fit(X, sample_weight=weight)
        repeated = KPrototypes(k, **settings).fit(np.repeat(X, weight, axis=0))
    assert_allclose(weighted.cost_, repeated.cost_, rtol=1e-12)
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=0, atol=1e-12)
    assert modes_of(weighted) == modes_of(repeated)


@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from(["lloyd", "huang"]))
def test_labels_are_predictions_and_cost_is_their_sum(seed, k, algorithm):
    number, code = mixed(60, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        model, X = fitted(number, code, k, random_state=seed, algorithm=algorithm)
    assert_array_equal(model.predict(X), model.labels_)
    rows = as_rows(number, code)
    prototypes = list(
        zip(map(tuple, model.cluster_centers_.tolist()), modes_of(model), strict=True)
    )
    assert_allclose(model.cost_, oracle.cost(rows, prototypes, model.gamma_), rtol=1e-12)
    assert model.score(X) == -model.cost_


def test_threads_never_change_a_bit():
    number, code = mixed(30_000)
    models = [fitted(number, code, 5, n_init=2, n_threads=t)[0] for t in (1, 2, 5)]
    for other in models[1:]:
        assert other.cost_ == models[0].cost_
        assert_array_equal(other.cluster_centers_, models[0].cluster_centers_)
        assert_array_equal(other.labels_, models[0].labels_)


FRAME = {
    "orders": [1, 2, 9, 11, 10, 1],
    "spend": [5.0, 6.0, 50.0, 60.0, 55.0, 4.5],
    "channel": ["web", "web", "shop", None, "shop", "web"],
    "member": [True, False, True, True, True, False],
}


def frames():
    yield pa.table(FRAME)
    yield pa.table(FRAME | {"channel": pa.array(FRAME["channel"]).dictionary_encode()})
    yield pd.DataFrame(FRAME)
    yield pd.DataFrame(FRAME).astype({"channel": "category"})
    yield pl.DataFrame(FRAME)
    yield pl.DataFrame(FRAME, schema_overrides={"channel": pl.Categorical})


def test_every_frame_is_read_alike():
    expected = KPrototypes(2).fit(pa.table(FRAME))
    assert expected.categories_ == (("shop", "web", None), (False, True))
    assert expected.categorical_features_ == (2, 3)
    for frame in frames():
        model = KPrototypes(2).fit(frame)
        assert model.cost_ == expected.cost_
        assert model.categories_ == expected.categories_
        assert model.feature_names_in_.tolist() == list(FRAME)
        assert_array_equal(expected.predict(frame), expected.labels_)
    listed = [list(row) for row in zip(*FRAME.values(), strict=True)]
    by_position = KPrototypes(2, categorical=[2, 3]).fit(listed)
    assert by_position.cost_ == expected.cost_


def test_a_missing_category_is_a_level_with_a_name():
    model = KModes(2).fit([["a", None], ["a", None], ["b", "x"]])
    table = model.prototypes().to_arrow().to_pydict()
    assert table == {
        "cluster": [0, 1], "rows": [2, 1], "x0": ["a", "b"], "x1": ["(missing)", "x"]
    }  # fmt: skip
    floats = KModes(1).fit(np.array([[1.0], [np.nan], [np.nan], [-0.0], [0.0]]))
    assert floats.categories_ == ((0.0, 1.0, None),)
    assert floats.modes_.tolist() == [[0]]  # two zeros, two missing: the first level


def test_an_unseen_category_differs_from_every_mode():
    model = KModes(2).fit([["a", "x"], ["a", "x"], ["b", "y"]])
    new = [["c", "y"], [None, "x"]]
    with pytest.warns(tn.DataWarning, match=r"X\[0, 0\] = 'c'"):
        assert model.predict(new).tolist() == [1, 0]
    assert model.set_params(unseen="ignore").score(new) == -2.0
    with pytest.raises(tn.InvalidInputError, match="not seen") as caught:
        model.set_params(unseen="error").predict([["a", "x"], ["a", None]])
    assert caught.value.row == 1


@pytest.mark.parametrize("model", [KModes(2), KPrototypes(2, categorical=[0])])
def test_comes_back_from_a_file(model, tmp_path):
    X = [["1", 2.0], ["1", 3.0], [None, 9.0], ["2", 8.0]]
    model.fit(X)
    model.save(tmp_path / "m.tenure")
    back = tn.load(tmp_path / "m.tenure")
    assert back.get_params() == model.get_params()
    assert_array_equal(back.predict(X), model.labels_)
    assert repr(back.prototypes()) == repr(model.prototypes())


def test_is_a_clusterer_of_scikit_learn():
    from sklearn.base import clone, is_clusterer
    from sklearn.pipeline import make_pipeline

    model = clone(KPrototypes(3, categorical=[0], gamma=2.0))
    assert is_clusterer(model)
    assert model.get_params()["gamma"] == 2.0
    assert clone(KModes(3)).__sklearn_tags__().input_tags.categorical
    number, code = mixed(30)
    X = np.hstack([code[:, :1], number])
    pipe = make_pipeline(model.set_params(categorical=[0]))
    assert_array_equal(pipe.fit_predict(X), model.fit(X).labels_)


TABLE = [["a", 1.0], ["b", 2.0], ["a", 3.0]]
BAD = [
    (KPrototypes(2), [["a", 1.0], ["b", np.nan]], r"X\[1, 1\] must be finite, got NaN"),
    (KPrototypes(2), [["a", 1.0], ["b", np.inf]], r"X\[1, 1\] must be finite, got inf"),
    (KPrototypes(2), [["a", 1.0], ["b", 1e200]], "X must be small enough"),
    (KPrototypes(2), [["a", "b"], ["b", "c"]], "use KModes"),
    (KPrototypes(2), [[1.0, 2.0]] * 3, "list them in categorical"),
    (KPrototypes(2, categorical=[1]), TABLE, r"X\[0\] holds no numbers"),
    (KPrototypes(2, categorical=[7]), TABLE, "categorical must name columns of X, got 7"),
    (KPrototypes(2, gamma=-1.0), TABLE, "gamma must be"),
    (KPrototypes(2, init="cao"), TABLE, "init must be one of"),
    (KPrototypes(2, init=[["a", 1.0]]), TABLE, "init must have n_clusters = 2 rows"),
    (KPrototypes(2, init=[["a", 1.0], ["z", 2.0]]), TABLE, r"init\[1, 0\] must be a category"),
    (KModes(2, algorithm="fast"), TABLE, "algorithm must be one of"),
    (KModes(2, n_init=3), TABLE, "n_init must be 1"),
    (KModes(4), TABLE, "n_samples=3"),
    (KModes(2), [["a", 1.0], ["b", "x"]], r"X\[1\] must hold texts or numbers of one kind"),
    (KModes(2), [["a"], ["b", "x"]], "Expected a 2D array"),
    (KModes(2), ["a", "b"], "Expected a 2D array"),
    (KModes(2), np.empty((0, 2)), "at least one row"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "X", "says"), BAD)
def test_refuses(model, X, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        model.fit(X)


def test_refuses_other_columns_than_those_of_the_fit():
    model = KPrototypes(2).fit(pa.table(FRAME))
    with pytest.raises(tn.InvalidInputError, match="must have the 4 columns of the fit"):
        model.predict(pa.table(FRAME).select(["spend", "orders", "channel", "member"]))
    with pytest.raises(tn.InvalidInputError, match="must hold numbers, as it did in fit"):
        model.predict(pa.table(FRAME | {"orders": ["1"] * 6}))
