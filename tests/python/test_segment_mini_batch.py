"""Mini-batch k-means: Sculley's rule row by row, and states that merge."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

import tenure as tn

EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": "compares fits to the same rows in another "
    "order, which make other batches; scikit-learn's MiniBatchKMeans is excused from it too"
}

with pytest.warns(UserWarning, match="does not inherit"):
    CHECKS = parametrize_with_checks(
        [tn.segment.MiniBatchKMeans(n_clusters=3, batch_size=20)],
        expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL,
    )


@CHECKS
@pytest.mark.filterwarnings(
    "ignore:Estimator MiniBatchKMeans does not inherit:UserWarning",
    "ignore:mini-batch k-means stopped:tenure.ConvergenceWarning",
)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def clouds(seed, n, centres, spread=0.3):
    rng = np.random.default_rng(seed)
    centres = np.asarray(centres, dtype=float)
    which = rng.integers(0, len(centres), n)
    return centres[which] + spread * rng.normal(size=(n, centres.shape[1]))


SQUARE = [[0, 0], [0, 10], [10, 0], [10, 10]]


def sculley(centre, mass, batch, weight):
    """Algorithm 1 of the paper: cache the nearest centres, then one row after another."""
    centre, mass = centre.copy(), mass.copy()
    nearest = ((batch[:, None] - centre) ** 2).sum(axis=2).argmin(axis=1)
    for x, c, w in zip(batch, nearest, weight, strict=True):
        if w > 0:
            mass[c] += w
            rate = w / mass[c]
            centre[c] = (1 - rate) * centre[c] + rate * x
    return centre, mass


@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5),
    k=st.integers(1, 4),
    weighted=st.booleans(),
)
def test_takes_sculleys_steps(seed, sizes, k, weighted):
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(k, 3))
    m = tn.segment.MiniBatchKMeans(k, init=start)
    centre, mass = start, np.zeros(k)
    for n in sizes:
        batch = rng.normal(size=(n, 3))
        weight = rng.integers(0, 3, n) + (np.arange(n) == 0) if weighted else np.ones(n)
        m.partial_fit(batch, sample_weight=weight if weighted else None)
        centre, mass = sculley(centre, mass, batch, weight)
    assert_allclose(m.cluster_centers_, centre, rtol=1e-10, atol=1e-12)
    assert_array_equal(m.weights_, mass)
    assert m.n_iter_ == len(sizes)


def test_a_stream_ends_at_the_means_of_its_rows():
    X = clouds(1, 4000, SQUARE)
    m = tn.segment.MiniBatchKMeans(4)
    for batch in np.array_split(X, 20):
        m.partial_fit(batch)
    label = m.predict(X)
    means = np.array([X[label == c].mean(axis=0) for c in range(4)])
    assert_allclose(m.cluster_centers_, means, rtol=0, atol=1e-12 * 10)
    assert_array_equal(m.weights_, np.bincount(label))


@given(seed=st.integers(0, 2**32), split=st.integers(5, 395))
def test_merged_states_are_the_state_of_all_rows(seed, split):
    """Of clear clusters; the centres of the parts stand in another order."""
    X = clouds(seed, 400, SQUARE)
    parts = [
        tn.segment.MiniBatchKMeans(4, init=np.array(SQUARE, dtype=float)[order]).partial_fit(part)
        for part, order in ((X[:split], [0, 1, 2, 3]), (X[split:], [2, 0, 3, 1]))
    ]
    mass = [p.weights_.sum() for p in parts]
    one = pickle.loads(pickle.dumps(parts[0])).merge(parts[1])
    two = pickle.loads(pickle.dumps(parts[1])).merge(parts[0])
    whole = tn.segment.MiniBatchKMeans(4, init=SQUARE).partial_fit(X)
    for merged in (one, two):
        order = np.lexsort(np.round(merged.cluster_centers_).T[::-1])
        assert_allclose(merged.cluster_centers_[order], whole.cluster_centers_, atol=1e-12 * 20)
        assert_array_equal(merged.weights_[order], whole.weights_)
    assert one.weights_.sum() == sum(mass)
    if mass[0] != mass[1]:  # then it does not matter either who takes in whom
        assert one.cluster_centers_.tobytes() == two.cluster_centers_.tobytes()


@given(seed=st.integers(0, 2**32), k=st.integers(1, 6))
def test_a_merge_keeps_weight_and_mean(seed, k):
    rng = np.random.default_rng(seed)
    a, b = (
        tn.segment.MiniBatchKMeans(k, random_state=s).partial_fit(rng.normal(size=(30 + 9 * s, 2)))
        for s in (1, 2)
    )
    total = a.weights_ @ a.cluster_centers_ + b.weights_ @ b.cluster_centers_
    a.merge(b)
    assert a.weights_.sum() == 39 + 48
    assert_allclose(a.weights_ @ a.cluster_centers_, total, rtol=1e-9, atol=1e-10)


def test_fit_comes_near_to_kmeans_and_threads_change_no_bit():
    X = clouds(2, 20_000, SQUARE, spread=2.0)
    fits = [tn.segment.MiniBatchKMeans(4, n_threads=t).fit(X) for t in (1, 3)]
    assert fits[0].cluster_centers_.tobytes() == fits[1].cluster_centers_.tobytes()
    assert fits[0].converged_
    assert_array_equal(fits[0].labels_, fits[0].predict(X))
    best = tn.segment.KMeans(4, n_init=3).fit(X)
    # A pass of batches stops near the optimum, not on it.
    assert best.inertia_ <= fits[0].inertia_ * (1 + 1e-12)
    assert fits[0].inertia_ < 1.005 * best.inertia_


def test_says_that_it_did_not_converge():
    X = clouds(3, 500, SQUARE, spread=4.0)
    with pytest.warns(tn.ConvergenceWarning, match="max_iter=1 before it converged"):
        m = tn.segment.MiniBatchKMeans(4, max_iter=1, tol=0, batch_size=50).fit(X)
    assert not m.converged_


def test_saves_and_opens(tmp_path):
    X = clouds(4, 300, SQUARE)
    m = tn.segment.MiniBatchKMeans(4).partial_fit(X)
    m.save(tmp_path / "m.tenure")
    again = tn.load(tmp_path / "m.tenure")
    more = clouds(5, 100, SQUARE)
    assert (
        again.partial_fit(more).cluster_centers_.tobytes()
        == m.partial_fit(more).cluster_centers_.tobytes()
    )
    for bad in (np.zeros(4), np.full(4, np.nan), np.ones(3), -np.ones(4)):
        with pytest.raises(ValueError, match="weights_ must be"):
            tn.segment.MiniBatchKMeans(4)._restore({**m._state(), "weights_": bad})


@pytest.mark.parametrize(
    ("settings", "X", "message"),
    [
        ({}, [[0.0], [np.nan]], r"X\[1, 0\] must be finite, got NaN"),
        ({"n_clusters": 3}, [[0.0], [1.0]], "n_samples=2 should be >= n_clusters=3"),
        ({"init": "random"}, [[0.0], [1.0]], "init must be 'k-means"),
        ({"init": [[0.0]]}, [[0.0], [1.0]], "init must have n_clusters = 2 rows"),
        ({}, [[0.0], [1e200]], "distances in float64"),
    ],
)
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_names_what_is_wrong(settings, X, message, call):
    m = tn.segment.MiniBatchKMeans(**{"n_clusters": 2, **settings})
    with pytest.raises(tn.InvalidInputError, match=message):
        getattr(m, call)(X)
    assert not m.__sklearn_is_fitted__()


def test_refuses_what_it_cannot_merge():
    m = tn.segment.MiniBatchKMeans(2, init=[[0.0], [5.0]]).partial_fit([[0.0], [5.0]])
    other = tn.segment.MiniBatchKMeans(1).partial_fit([[0.0]])
    with pytest.raises(tn.InvalidInputError, match="as many clusters"):
        m.merge(other)
    with pytest.raises(tn.InvalidInputError, match="other must be a MiniBatchKMeans, got int"):
        m.merge(3)
    with pytest.raises(tn.NotFittedError):
        m.merge(tn.segment.MiniBatchKMeans(2))
    with pytest.raises(tn.InvalidInputError, match="X has 2 features"):
        m.partial_fit([[0.0, 1.0]])
