"""Ward's method against SciPy, brute force and its own sum of squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster import hierarchy

import tenure as tn
from tenure.segment import KMeans, ward


def points(rows, seed=0, features=3):
    return np.random.default_rng(seed).normal(size=(rows, features))


@pytest.mark.parametrize("rows", [2, 3, 10, 301])
def test_the_tree_is_that_of_scipy(rows):
    X = points(rows, rows) + 100.0
    expected = hierarchy.linkage(X, "ward")
    found = ward(X).matrix()
    assert_array_equal(found[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    assert_allclose(found[:, 2], expected[:, 2], rtol=1e-10)  # SciPy's recurrence loses digits
    assert hierarchy.is_valid_linkage(found)
    for k in {1, 2, rows // 2, rows} - {0}:
        theirs = hierarchy.cut_tree(expected, n_clusters=k).ravel()
        assert_array_equal(ward(X).cut(k), theirs)  # SciPy numbers clusters by first rows too


def cost(X, weight):
    mean = weight @ X / weight.sum()
    return float(weight @ ((X - mean) ** 2).sum(axis=1))


@given(st.integers(0, 10**6), st.integers(2, 9))
def test_each_step_raises_the_sum_of_squares_least(seed, rows):
    X = points(rows, seed, 2)
    weight = np.random.default_rng(seed).uniform(0.1, 9.0, rows)
    tree = ward(X, sample_weight=weight)
    clusters = [[i] for i in range(rows)]
    nodes = list(range(rows))
    for step in range(rows - 1):
        pairs = [(a, b) for a in range(len(clusters)) for b in range(a)]
        raises = [
            cost(X[clusters[a] + clusters[b]], weight[clusters[a] + clusters[b]])
            - cost(X[clusters[a]], weight[clusters[a]])
            - cost(X[clusters[b]], weight[clusters[b]])
            for a, b in pairs
        ]
        best = int(np.argmin(raises))
        a, b = pairs[best]
        assert_allclose(tree.height[step] ** 2 / 2, raises[best], rtol=1e-9, atol=1e-12)
        assert sorted([nodes[a], nodes[b]]) == [tree.left[step], tree.right[step]]
        joined = clusters[a] + clusters[b]
        assert tree.rows[step] == len(joined)
        assert_allclose(tree.weight[step], weight[joined].sum(), rtol=1e-13)
        for which in (a, b):  # b < a
            del clusters[which], nodes[which]
        clusters.append(joined)
        nodes.append(rows + step)


@given(st.integers(0, 10**6))
def test_a_weight_is_equal_rows_joined_before(seed):
    X = points(20, seed)
    weight = np.random.default_rng(seed).integers(1, 4, 20)
    tree = ward(X, sample_weight=weight)
    repeated = ward(np.repeat(X, weight, axis=0))
    assert_allclose(repeated.height[-19:], tree.height, rtol=1e-9)
    assert_array_equal(np.repeat(tree.cut(4), weight), repeated.cut(4))


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_ends_on_any_ties(seed, rows):
    X = np.random.default_rng(seed).integers(0, 3, (rows, 2)).astype(float)
    tree = ward(X)
    assert (np.diff(tree.height) >= 0).all()
    total = ((X - X.mean(axis=0)) ** 2).sum()
    assert_allclose((tree.height**2).sum() / 2, total, rtol=1e-12, atol=1e-12)
    assert len(np.unique(tree.cut_at(0.0))) == len(np.unique(X, axis=0))


def test_joins_the_centres_of_a_clustering():
    X = np.concatenate([points(200, 1) + shift for shift in (0.0, 20.0, 40.0)])
    model = KMeans(30).fit(X)
    tree = ward(model.cluster_centers_, sample_weight=np.bincount(model.labels_))
    assert tree.weight[-1] == 600
    assert_array_equal(
        tree.cut(3)[model.labels_], np.repeat(tree.cut(3)[model.labels_[::200]], 200)
    )


def test_one_row_is_a_tree_without_steps():
    tree = ward([[3.0, 4.0]])
    assert tree.matrix().shape == (0, 4)
    assert tree.cut(1).tolist() == [0]


def test_draws_the_last_steps():
    import matplotlib

    matplotlib.use("agg")
    tree = ward(points(40), sample_weight=np.ones(40))
    ax = tree.plot(n_clusters=3, leaves=6)
    texts = [t.get_text() for t in ax.get_xticklabels()]
    inside = sum(int(t[1:-1]) if t.startswith("(") else 1 for t in texts)
    assert len(texts) == 6
    assert inside == 40
    assert sorted(line.get_ydata()[1] for line in ax.lines) == sorted(tree.height[-5:])
    assert len(ward(points(4)).plot().get_xticks()) == 4
    matplotlib.pyplot.close("all")


BAD = [
    (points(3) * [[1], [np.nan], [1]], None, r"X\[1, 0\] must be finite, got NaN"),
    (pd.DataFrame({"a": [1.0, np.inf]}), None, r"X\[1, 'a'\] must be finite"),
    ([[0.0], [1e200]], None, "small enough"),
    ([[0.0], [1.0]], [1.0, 0.0], r"sample_weight\[1\] must be above 0"),
    ([[0.0], [1.0]], [1.0], "one weight for each"),
    ([1.0, 2.0], None, "2D array"),
    ([["a"], ["b"]], None, "must be a number|must hold numbers"),
]


@pytest.mark.parametrize(("X", "weight", "says"), BAD)
def test_refuses(X, weight, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        ward(X, sample_weight=weight)


def test_refuses_cuts_that_are_none():
    tree = ward(points(5))
    with pytest.raises(tn.InvalidInputError, match="n_clusters must be at least 1 and at most"):
        tree.cut(6)
    with pytest.raises(tn.InvalidInputError, match="n_clusters must be >= 1"):
        tree.cut(0)
    with pytest.raises(tn.InvalidInputError, match="height must be"):
        tree.cut_at(-1.0)
