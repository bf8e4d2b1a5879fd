"""k-means: bounds, seeds of a sample and least sizes, each against what shares no code with it."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import sklearn.cluster
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure import _core

BOUNDS = ("hamerly", "exponion", "auto")


def clouds(seed, n, d, k, dtype=np.float64, spread=1.0):
    rng = np.random.default_rng(seed)
    centre = 2 * rng.normal(size=(k, d))
    return (centre[rng.integers(0, k, n)] + spread * rng.normal(size=(n, d))).astype(dtype)


def quiet(model, X, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return model.fit(X, sample_weight=weight)


# --- bounds ------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 300),
    d=st.integers(1, 5),
    k=st.integers(1, 40),
    grid=st.sampled_from([0.0, 0.25, 1.0]),
    offset=st.sampled_from([0.0, 1e5]),
    dtype=st.sampled_from([np.float32, np.float64]),
    weighted=st.booleans(),
)
def test_bounds_change_no_bit(seed, n, d, k, grid, offset, dtype, weighted):
    """On a grid rows lie halfway between two centres, so that a tie broken otherwise would show."""
    X = clouds(seed, n, d, k)
    X = ((np.round(X / grid) * grid if grid else X) + offset).astype(dtype)
    k = min(k, n)
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 3, n) + (np.arange(n) == 0) if weighted else None
    settings = {"n_clusters": k, "init": X[rng.permutation(n)[:k]], "tol": 0, "max_iter": 60}
    plain = quiet(tn.segment.KMeans(**settings, algorithm="lloyd"), X, weight)
    for algorithm in BOUNDS:
        found = quiet(tn.segment.KMeans(**settings, algorithm=algorithm), X, weight)
        assert_array_equal(found.labels_, plain.labels_)
        assert found.cluster_centers_.tobytes() == plain.cluster_centers_.tobytes()
        assert (found.inertia_, found.n_iter_) == (plain.inertia_, plain.n_iter_)


@pytest.mark.parametrize("algorithm", BOUNDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bounds_over_blocks_and_threads_change_no_bit(algorithm, dtype):
    X = clouds(1, 25_000, 5, 30, dtype)
    settings = {"n_clusters": 30, "max_iter": 40, "tol": 0, "random_state": 2}
    plain = quiet(tn.segment.KMeans(**settings, algorithm="lloyd", n_threads=1), X)
    for threads in (1, 3):
        m = quiet(tn.segment.KMeans(**settings, algorithm=algorithm, n_threads=threads), X)
        assert m.cluster_centers_.tobytes() == plain.cluster_centers_.tobytes()
        assert_array_equal(m.labels_, plain.labels_)


@given(seed=st.integers(0, 2**32), n=st.integers(8, 80), d=st.integers(1, 4), k=st.integers(1, 6))
def test_order_of_rows_does_not_matter(seed, n, d, k):
    X = clouds(seed, n, d, k)
    order = np.random.default_rng(seed).permutation(n)
    m = tn.segment.KMeans(k, init=X[:k], tol=0)
    straight = quiet(m, X)
    centre, label = straight.cluster_centers_, straight.labels_
    shuffled = quiet(tn.segment.KMeans(k, init=X[:k], tol=0), X[order])
    assert_array_equal(shuffled.labels_, label[order])
    assert_allclose(shuffled.cluster_centers_, centre, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_objective_is_scikit_learns_or_better_from_the_same_start(seed):
    X = clouds(seed, 3000, 6, 12, spread=1.5)
    start = X[:12]
    ours = quiet(tn.segment.KMeans(12, init=start, tol=0), X)
    theirs = sklearn.cluster.KMeans(12, init=start, n_init=1, tol=0).fit(X)
    assert ours.inertia_ <= theirs.inertia_ * (1 + 1e-12)


# --- k-means|| ---------------------------------------------------------------------------------


def test_seeds_of_a_sample_are_as_good_as_greedy_ones():
    """Over 200 seeds; plain k-means++ (one draw a seed) is clearly worse, so the test can tell."""
    X = clouds(8, 400, 2, 12, spread=0.2)
    runs = 200

    def potentials(seeding):
        for s in range(runs):
            drawn = _core.segment.kmeans_seeds(X, None, seeding, 12, s, 0, 1)
            assert len(set(drawn.tolist())) == 12
            yield ((X[:, None] - X[drawn]) ** 2).sum(axis=2).min(axis=1).sum()

    sample, greedy = (list(potentials(s)) for s in ("k-means||", "k-means++"))
    plain = [
        ((X[:, None] - c) ** 2).sum(axis=2).min(axis=1).sum()
        for c in (
            sklearn.cluster.kmeans_plusplus(X, 12, random_state=s, n_local_trials=1)[0]
            for s in range(runs)
        )
    ]
    error = np.hypot(np.std(sample), np.std(greedy)) / np.sqrt(runs)
    assert np.mean(sample) < np.mean(greedy) + 4 * error
    assert np.mean(plain) - np.mean(sample) > 4 * error


def test_starts_from_a_sample():
    X = clouds(3, 5000, 3, 6, spread=0.1)
    fits = [tn.segment.KMeans(6, init="k-means||", n_threads=t).fit(X) for t in (1, 3)]
    assert fits[0].cluster_centers_.tobytes() == fits[1].cluster_centers_.tobytes()
    assert_allclose(fits[0].inertia_, tn.segment.KMeans(6).fit(X).inertia_, rtol=1e-9)
    few = np.repeat([[0.0], [1.0], [5.0]], 4, axis=0)
    with pytest.warns(tn.ConvergenceWarning, match="only 3 of 5"):
        tn.segment.KMeans(5, init="k-means||").fit(few)


# --- least sizes -------------------------------------------------------------------------------


def cheapest_by_trial(cost, least):
    """The least total cost of all assignments whose clusters hold `least` rows."""
    n, k = cost.shape
    best = np.inf
    for label in itertools.product(range(k), repeat=n):
        if min(np.bincount(label, minlength=k)) >= least:
            best = min(best, cost[np.arange(n), label].sum())
    return best


@given(seed=st.integers(0, 2**32), n=st.integers(2, 7), k=st.integers(1, 3), data=st.data())
def test_sizes_are_kept_at_the_least_inertia(seed, n, k, data):
    k = min(k, n)
    least = data.draw(st.integers(1, n // k))
    X = np.round(clouds(seed, n, 2, 2), 1)
    start = X[:k] + np.arange(k)[:, None]
    weight = np.random.default_rng(seed).integers(1, 4, n).astype(float)
    m = quiet(tn.segment.KMeans(k, init=start, min_cluster_size=least, max_iter=3), X, weight)
    assert np.bincount(m.labels_, minlength=k).min() >= least
    cost = weight[:, None] * ((X[:, None] - m.cluster_centers_) ** 2).sum(axis=2)
    assert_allclose(m.inertia_, cheapest_by_trial(cost, least), rtol=1e-9, atol=1e-9)


def test_sizes_agree_with_an_assignment_problem():
    """Equal sizes are an assignment of rows to places, which scipy solves by another method."""
    from scipy.optimize import linear_sum_assignment

    X = clouds(5, 120, 3, 4)
    m = quiet(tn.segment.KMeans(6, min_cluster_size=20, max_iter=1), X)
    assert np.bincount(m.labels_).tolist() == [20] * 6
    cost = ((X[:, None] - m.cluster_centers_) ** 2).sum(axis=2)
    rows, places = linear_sum_assignment(np.repeat(cost, 20, axis=1))
    assert_allclose(m.inertia_, np.repeat(cost, 20, axis=1)[rows, places].sum(), rtol=1e-12)


def test_sizes_that_are_kept_anyway_change_nothing():
    X = clouds(6, 600, 3, 4, spread=0.3)
    free = tn.segment.KMeans(4, init=X[:4], tol=0).fit(X)
    least = int(np.bincount(free.labels_).min())
    bound = tn.segment.KMeans(4, init=X[:4], tol=0, min_cluster_size=1).fit(X)
    assert_array_equal(bound.labels_, free.labels_)
    assert_allclose(bound.inertia_, free.inertia_, rtol=1e-12)
    tight = tn.segment.KMeans(4, init=X[:4], tol=0, min_cluster_size=least + 5).fit(X)
    assert np.bincount(tight.labels_).min() >= least + 5
    assert tight.inertia_ > free.inertia_


def test_rows_without_weight_fill_no_cluster():
    X = np.array([[0.0], [0.1], [0.2], [9.0], [9.1]])
    m = tn.segment.KMeans(2, min_cluster_size=2, init=[[0.0], [9.0]])
    m.fit(X, sample_weight=[1, 1, 1, 1, 0])
    assert np.bincount(m.labels_[:4]).tolist() == [2, 2]
    assert m.labels_[4] == m.labels_[3]
    with pytest.raises(tn.InvalidInputError, match="min_cluster_size must be at most the number"):
        m.set_params(min_cluster_size=3).fit(X)


def test_all_rows_equal_are_shared_out():
    m = tn.segment.KMeans(3, min_cluster_size=4).fit(np.ones((12, 2)))
    assert np.bincount(m.labels_).tolist() == [4, 4, 4]
    assert m.inertia_ == 0.0
