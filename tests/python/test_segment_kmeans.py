"""k-means: what scikit-learn finds from the same start, and what the docstring promises."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.cluster
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import tenure as tn
from tenure import _core


def blobs(seed, n, d, k, spread=1.0, dtype=np.float64):
    """Rows around k centres, and k of the rows to start from."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, d)) * 2
    X = (centres[rng.integers(0, k, n)] + spread * rng.normal(size=(n, d))).astype(dtype)
    return X, X[rng.choice(n, k, replace=False)].copy()


def both(X, start, weight=None, **settings):
    """Our fit and scikit-learn's from the same start, each without its warnings."""
    settings = {"n_clusters": len(start), "init": start, "n_init": 1, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sklearn.cluster.KMeans(**settings, algorithm="lloyd").fit(X, sample_weight=weight)
        ours = tn.segment.KMeans(**settings).fit(X, sample_weight=weight)
    return ours, theirs


# --- the same as scikit-learn ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "d", "k"),
    [(50, 1, 2), (500, 2, 3), (3000, 3, 5), (2000, 8, 8), (1000, 17, 11), (9000, 5, 33)],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_takes_scikit_learns_steps(n, d, k, weighted):
    X, start = blobs(n + d, n, d, k)
    weight = np.random.default_rng(1).exponential(size=n) if weighted else None
    for max_iter in (1, 2, 5):
        ours, theirs = both(X, start, weight, max_iter=max_iter, tol=0)
        assert_array_equal(ours.labels_, theirs.labels_)
        assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10)
        assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-11)
    ours, theirs = both(X, start, weight)  # and it stops where scikit-learn stops
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10)


@given(seed=st.integers(0, 2**32), n=st.integers(2, 60), d=st.integers(1, 9), data=st.data())
def test_equals_scikit_learn_on_any_shape(seed, n, d, data):
    k = data.draw(st.integers(1, min(n, 9)))
    scale = 10.0 ** data.draw(st.integers(-6, 6))
    offset = data.draw(st.sampled_from([0.0, 1.0, -30.0]))
    X, start = blobs(seed, n, d, k)
    X, start = scale * (X + offset), scale * (start + offset)
    ours, theirs = both(X, start, max_iter=300, tol=0)
    assert ours.n_iter_ == theirs.n_iter_
    assert_array_equal(ours.labels_, theirs.labels_)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10, atol=1e-20 * scale**2)


def test_float32_is_as_good_as_scikit_learns():
    X, start = blobs(3, 20_000, 8, 8, dtype=np.float32)
    ours, theirs = both(X, start, max_iter=15, tol=0)
    assert ours.cluster_centers_.dtype == np.float32
    assert np.mean(ours.labels_ != theirs.labels_) < 1e-3
    exact, _ = both(X.astype(np.float64), start.astype(np.float64), max_iter=15, tol=0)
    assert_allclose(ours.inertia_, exact.inertia_, rtol=1e-6)  # theirs adds up in float32
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-4)


def test_an_empty_cluster_moves_as_in_scikit_learn():
    X, start = blobs(5, 400, 3, 4)
    start[2] = 1e3  # no row is nearest to it
    ours, theirs = both(X, start)
    assert ours.n_iter_ == theirs.n_iter_
    assert_array_equal(ours.labels_, theirs.labels_)
    start[1] = -1e3  # two at once: the same rows, whichever of them goes where
    ours, theirs = both(X, start)
    assert_allclose(ours.inertia_, theirs.inertia_, rtol=1e-10)


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_keeps_its_precision_far_from_the_origin(offset):
    X, start = blobs(6, 1000, 4, 5)
    # Rounded to a grid that both keep exactly, so that nothing but the method differs.
    X, start = np.round(X * 64) / 64, np.round(start * 64) / 64
    near, _ = both(X, start, tol=0)
    far, _ = both(X + offset, start + offset, tol=0)
    assert_array_equal(near.labels_, far.labels_)
    assert_allclose(near.inertia_, far.inertia_, rtol=1e-6 if offset == 1e9 else 1e-9)


def test_seeds_are_as_good_as_scikit_learns():
    X, _ = blobs(8, 300, 2, 12, spread=0.4)
    runs = 300

    def potential(seeds):
        return ((X[:, None] - X[seeds]) ** 2).sum(axis=2).min(axis=1).sum()

    ours = [
        potential(_core.segment.kmeans_seeds(X, None, "k-means++", 12, s, 0, 1))
        for s in range(runs)
    ]
    theirs = [
        potential(sklearn.cluster.kmeans_plusplus(X, 12, random_state=s)[1]) for s in range(runs)
    ]
    error = np.hypot(np.std(ours), np.std(theirs)) / np.sqrt(runs)
    assert abs(np.mean(ours) - np.mean(theirs)) < 4 * error
    # One draw instead of 2 + floor(ln 12) is clearly worse, so that the test can tell.
    plain = [
        potential(sklearn.cluster.kmeans_plusplus(X, 12, random_state=s, n_local_trials=1)[1])
        for s in range(runs)
    ]
    assert np.mean(plain) - np.mean(ours) > 8 * error


# --- what it promises --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_thread_count_never_changes_a_bit(dtype):
    X, _ = blobs(9, 40_000, 6, 7, spread=2.0, dtype=dtype)
    weight = np.random.default_rng(2).exponential(size=len(X))
    fits = [
        tn.segment.KMeans(7, n_init=2, n_threads=t).fit(X, sample_weight=weight)
        for t in (1, 2, 3, 8, 16)
    ]
    for m in fits[1:]:
        assert m.cluster_centers_.tobytes() == fits[0].cluster_centers_.tobytes()
        assert m.labels_.tobytes() == fits[0].labels_.tobytes()
        assert m.inertia_ == fits[0].inertia_
        assert m.transform(X).tobytes() == fits[0].transform(X).tobytes()


@given(seed=st.integers(0, 2**32), n=st.integers(4, 80), d=st.integers(1, 6), k=st.integers(1, 4))
def test_fitted_labels_are_what_predict_says(seed, n, d, k):
    X, _ = blobs(seed, n, d, k)
    m = tn.segment.KMeans(k).fit(X)
    assert_array_equal(m.labels_, m.predict(X))
    assert m.labels_[n // 2] == m.predict(X[n // 2 : n // 2 + 1])[0]
    assert_allclose(m.score(X), -m.inertia_)
    distance = m.transform(X)
    expected = np.sqrt(((X[:, None] - m.cluster_centers_) ** 2).sum(axis=2))
    assert_allclose(distance, expected, rtol=1e-12, atol=1e-12)
    nearest = distance[np.arange(n), m.labels_]
    assert_allclose(nearest, distance.min(axis=1), rtol=1e-7, atol=1e-7)


@given(seed=st.integers(0, 2**32), n=st.integers(4, 50))
def test_a_weight_is_that_many_rows(seed, n):
    X, _ = blobs(seed, n, 3, 3)
    weight = np.random.default_rng(seed).integers(0, 4, n)
    weight[:3] = 1
    rows = np.repeat(X, weight, axis=0)
    # From rows with weight, so that no cluster is empty: the row that fills it moves alone.
    m = tn.segment.KMeans(3, init=X[:3], tol=0)
    weighted, repeated = clone(m).fit(X, sample_weight=weight), clone(m).fit(rows)
    assert weighted.n_iter_ == repeated.n_iter_
    assert_allclose(weighted.inertia_, repeated.inertia_, rtol=1e-10, atol=1e-12)
    assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, rtol=1e-9, atol=1e-10)
    # Copies that stand together draw the seeds that the weight draws.
    draw = _core.segment.kmeans_seeds
    drawn = draw(X, weight.astype(float), "k-means++", 3, seed, 0, 1)
    assert_array_equal(X[drawn], rows[draw(rows, None, "k-means++", 3, seed, 0, 1)])


def test_a_row_without_weight_takes_no_part():
    X = np.array([[0.0], [1.0], [10.0], [11.0], [500.0]])
    m = tn.segment.KMeans(2).fit(X, sample_weight=[1, 1, 1, 1, 0])
    assert sorted(m.cluster_centers_.ravel()) == [0.5, 10.5]
    assert m.inertia_ == 1.0
    assert m.labels_[4] == m.labels_[3]


def test_more_runs_never_do_worse_and_the_seed_decides():
    X, _ = blobs(10, 500, 2, 9, spread=0.3)
    inertia = [tn.segment.KMeans(9, n_init=r, random_state=3).fit(X).inertia_ for r in (1, 4, 16)]
    assert inertia[0] >= inertia[1] >= inertia[2]
    assert inertia[0] > inertia[2]
    one, two = (tn.segment.KMeans(9, random_state=s).fit(X) for s in (3, 4))
    assert one.inertia_ == inertia[0]
    assert one.cluster_centers_.tobytes() != two.cluster_centers_.tobytes()
    fresh = [tn.segment.KMeans(9, random_state=None).fit(X).cluster_centers_ for _ in range(3)]
    assert any(fresh[0].tobytes() != f.tobytes() for f in fresh[1:])
    drawn = tn.segment.KMeans(9, random_state=np.random.RandomState(1)).fit(X)
    assert (
        drawn.inertia_
        == tn.segment.KMeans(9, random_state=np.random.RandomState(1)).fit(X).inertia_
    )


# --- warnings ----------------------------------------------------------------------------------


def test_says_that_it_did_not_converge():
    X, _ = blobs(11, 2000, 4, 8, spread=3.0)
    with pytest.warns(tn.ConvergenceWarning, match="max_iter=2 before it converged"):
        m = tn.segment.KMeans(8, max_iter=2).fit(X)
    assert not m.converged_
    assert m.n_iter_ == 2
    assert len(m.warnings_) == 1
    assert tn.segment.KMeans(2).fit(X[:5]).warnings_ == ()


def test_says_when_clusters_are_left_over():
    with pytest.warns(tn.ConvergenceWarning, match="only 1 of 3 clusters hold a row"):
        m = tn.segment.KMeans(3).fit(np.ones((10, 2)))
    assert m.warnings_ == (
        "only 1 of 3 clusters hold a row: X may have fewer distinct rows than n_clusters",
    )
    assert m.inertia_ == 0.0
    assert_array_equal(m.labels_, np.zeros(10))
    with pytest.warns(tn.ConvergenceWarning, match="only 2 of 4"):
        tn.segment.KMeans(4).fit(np.repeat([[0.0], [5.0]], 6, axis=0))


# --- frames and files --------------------------------------------------------------------------

COLUMNS = {
    "recency": [1.0, 2.0, 30.0, 31.0],
    "orders": [1, 2, 9, 8],
    "vip": [True, True, False, False],
}
MATRIX = np.column_stack([np.array(c, dtype=float) for c in COLUMNS.values()])


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
    ],
    ids=["pandas", "nullable", "pandas-arrow", "polars", "pyarrow"],
)
def test_takes_any_frame_and_keeps_its_names(frame):
    m = tn.segment.KMeans(2).fit(frame)
    plain = tn.segment.KMeans(2).fit(MATRIX)
    assert_array_equal(m.cluster_centers_, plain.cluster_centers_)
    assert m.feature_names_in_.tolist() == list(COLUMNS)
    assert m.feature_names_in_.dtype == object
    assert not hasattr(plain, "feature_names_in_")
    assert_array_equal(m.predict(frame), m.labels_)
    assert m.get_feature_names_out().tolist() == ["kmeans0", "kmeans1"]
    again = pickle.loads(pickle.dumps(m))
    assert again.feature_names_in_.tolist() == list(COLUMNS)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        m.predict(MATRIX)
    with pytest.warns(UserWarning, match="X has feature names, but KMeans was fitted without"):
        plain.predict(frame)
    m.fit(MATRIX)
    assert not hasattr(m, "feature_names_in_")


def test_float32_frames_stay_float32():
    for frame in (
        pd.DataFrame(MATRIX, columns=list(COLUMNS)).astype("float32"),
        pl.DataFrame(MATRIX.astype(np.float32), schema=list(COLUMNS)),
    ):
        assert tn.segment.KMeans(2).fit(frame).cluster_centers_.dtype == np.float32
    mixed = pd.DataFrame(COLUMNS).astype({"recency": "float32"})
    assert tn.segment.KMeans(2).fit(mixed).cluster_centers_.dtype == np.float64


def test_columns_in_another_order_are_refused():
    m = tn.segment.KMeans(2).fit(pd.DataFrame(COLUMNS))
    with pytest.raises(tn.InvalidInputError, match="must be in the same order"):
        m.predict(pd.DataFrame(COLUMNS)[["orders", "recency", "vip"]])
    with pytest.raises(
        tn.InvalidInputError, match=r"unseen at fit time:\n- age\n(?s:.*)missing:\n- orders"
    ):
        m.predict(pd.DataFrame(COLUMNS).rename(columns={"orders": "age"}))


def test_every_layout_of_an_array_gives_one_answer():
    X, _ = blobs(12, 500, 4, 3)
    expected = tn.segment.KMeans(3).fit(X)
    wide = np.zeros((500, 8))
    wide[:, ::2] = X
    readonly = X.copy()
    readonly.setflags(write=False)
    big = X.astype(X.dtype.newbyteorder(">"))
    for other in (
        np.asfortranarray(X),
        wide[:, ::2],
        X[::-1].copy()[::-1],
        readonly,
        big,
        X.tolist(),
    ):
        assert tn.segment.KMeans(3).fit(other).inertia_ == expected.inertia_
    assert tn.segment.KMeans(2).fit([[0], [1], [9]]).cluster_centers_.dtype == np.float64
    masked = np.ma.masked_array(X, mask=False)
    assert tn.segment.KMeans(3).fit(masked).inertia_ == expected.inertia_


def test_saves_and_opens(tmp_path):
    X, start = blobs(13, 200, 3, 4, dtype=np.float32)
    m = tn.segment.KMeans(4, init=start, max_iter=7, tol=1e-2).fit(X)
    m.save(tmp_path / "m.tenure")
    for again in (tn.load(tmp_path / "m.tenure"), pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        assert_array_equal(again.init, start)
        assert again.tol == 1e-2
        assert_array_equal(again.cluster_centers_, m.cluster_centers_)
        assert again.cluster_centers_.dtype == np.float32
        assert_array_equal(again.predict(X), m.labels_)
        assert (again.inertia_, again.n_iter_) == (m.inertia_, m.n_iter_)
    assert repr(m).startswith("KMeans(n_clusters=4, init=array(")
    assert repr(tn.segment.KMeans(3)) == "KMeans(n_clusters=3)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster_centers_", np.array([[np.nan, 0.0]])),
        ("cluster_centers_", np.zeros((2, 3))),
        ("cluster_centers_", np.zeros((0, 2))),
        ("cluster_centers_", np.zeros((2, 2), dtype=np.int64)),
        ("labels_", np.array([0, 2], dtype=np.int32)),
        ("labels_", np.array([0, 1], dtype=np.int64)),
        ("inertia_", -1.0),
        ("n_iter_", 0),
        ("converged_", 1),
        ("warnings_", [1]),
        ("feature_names_in_", ["a"]),
        ("other_", 1),
    ],
)
def test_a_file_with_impossible_values_is_refused(name, value):
    m = tn.segment.KMeans(2).fit(MATRIX[:, :2])
    state = {**m._state(), name: value}
    with pytest.raises(ValueError, match=r".+"):
        tn.segment.KMeans(2)._restore(state)
    tn.segment.KMeans(2)._restore(m._state())
