"""k-means: the table of what is refused, and by which name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

import tenure as tn

GOOD = np.arange(12.0).reshape(6, 2)


def bad_cell(value, dtype=float):
    X = GOOD.astype(dtype)
    X[4, 1] = value
    return X


REFUSED = [
    ({}, bad_cell(np.nan), {}, r"X\[4, 1\] must be finite, got NaN", 4),
    ({}, bad_cell(-np.inf), {}, r"X\[4, 1\] must be finite, got -inf", 4),
    ({}, pd.DataFrame(bad_cell(np.nan), columns=["r", "m"]), {}, r"X\[4, 'm'\] must be finite", 4),
    ({}, pl.DataFrame({"r": [1, 2, None], "m": [1, 2, 3]}), {}, r"X\[2, 'r'\] must be finite", 2),
    ({}, pd.DataFrame({"r": [1, 2], "m": ["a", "b"]}), {}, r"X\['m'\] must hold numbers", None),
    ({}, pl.DataFrame({"r": [1, 2], "m": ["a", "b"]}), {}, r"X\['m'\] must hold numbers", None),
    ({}, bad_cell("a", object), {}, r"X\[4, 1\] must be a number, got 'a'", 4),
    ({}, bad_cell(None, object), {}, r"X\[4, 1\] must be finite, got NaN", 4),
    ({}, GOOD.astype("U4"), {}, "X must hold numbers, got dtype <U4", None),
    ({}, GOOD + 0j, {}, "Complex data not supported", None),
    ({}, bad_cell(1j, object), {}, "Complex data not supported", 4),
    ({}, GOOD[0], {}, "Expected a 2D array .* Reshape your data", None),
    ({}, pd.Series([1.0, 2.0]), {}, "Expected a 2D array .* Reshape your data", None),
    ({}, np.zeros((2, 2, 2)), {}, "Expected a 2D array as X, got a 3D", None),
    ({}, [[1.0], [2.0, 3.0]], {}, "rows of one length", None),
    ({}, np.zeros((0, 2)), {}, r"0 sample\(s\) \(shape=\(0, 2\)\)", None),
    ({}, np.zeros((2, 0)), {}, r"0 feature\(s\) \(shape=\(2, 0\)\)", None),
    ({}, pd.DataFrame(index=range(3)), {}, r"0 feature\(s\)", None),
    ({}, bad_cell(1e200), {}, "distances in float64", None),
    ({}, bad_cell(1e30).astype(np.float32), {}, "distances in float32", None),
    ({"n_clusters": 7}, GOOD, {}, "n_samples=6 should be >= n_clusters=7", None),
    ({"n_clusters": 0}, GOOD, {}, "n_clusters must be >= 1", None),
    ({"n_clusters": 2.0}, GOOD, {}, "n_clusters must be a whole number", None),
    ({"n_init": 0}, GOOD, {}, "n_init must be >= 1", None),
    ({"max_iter": True}, GOOD, {}, "max_iter must be a whole number", None),
    ({"algorithm": "elkan"}, GOOD, {}, "algorithm must be one of 'auto', 'lloyd'", None),
    ({"min_cluster_size": -1}, GOOD, {}, "min_cluster_size must be >= 0", None),
    ({"min_cluster_size": 4}, GOOD, {}, "min_cluster_size must be at most the number", None),
    ({"tol": -1}, GOOD, {}, "tol must be finite and >= 0", None),
    ({"tol": np.nan}, GOOD, {}, "tol must be finite and >= 0", None),
    ({"random_state": -1}, GOOD, {}, "random_state must be >= 0", None),
    ({"n_threads": 0}, GOOD, {}, "n_threads must be >= 1", None),
    ({"init": "random"}, GOOD, {}, "init must be 'k-means\\+\\+', 'k-means\\|\\|' or an arr", None),
    ({"init": GOOD[:1]}, GOOD, {}, r"init must have n_clusters = 2 rows and 2 columns", None),
    ({"init": bad_cell(np.nan)[3:5]}, GOOD, {}, r"init\[1\] must be finite", 1),
    ({"init": GOOD[:2] + 1e160}, GOOD, {}, "init must be small enough", None),
    ({"init": GOOD[:2] + 1e60}, GOOD.astype(np.float32), {}, r"init\[0\] must be finite", 0),
    ({"init": GOOD[:2], "n_init": 3}, GOOD, {}, "n_init must be 1 where init is an array", None),
    ({}, GOOD, {"sample_weight": np.zeros(6)}, "sample_weight must not be zero in every row", None),
    ({}, GOOD, {"sample_weight": [1, 1, 1, -2, 1, 1]}, r"sample_weight\[3\] .* finite and >= 0", 3),
    ({}, GOOD, {"sample_weight": [1, np.nan, 1, 1, 1, 1]}, r"sample_weight\[1\] must be finite", 1),
    ({}, GOOD, {"sample_weight": [1, 1]}, "one weight for each of the 6 rows", None),
    ({}, GOOD, {"sample_weight": np.ones((6, 2))}, "one-dimensional", None),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "X", "more", "message", "row"), REFUSED)
def test_names_what_is_wrong(settings, X, more, message, row):
    m = tn.segment.KMeans(**{"n_clusters": 2, **settings})
    with pytest.raises(tn.InvalidInputError, match=message) as caught:
        m.fit(X, **more)
    assert caught.value.row == row
    assert caught.value.argument is not None
    assert not m.__sklearn_is_fitted__()


def test_names_the_bad_cell_of_new_data():
    m = tn.segment.KMeans(2).fit(GOOD)
    for call in (m.predict, m.transform, m.score):
        with pytest.raises(tn.InvalidInputError, match=r"X\[4, 1\] must be finite, got NaN"):
            call(bad_cell(np.nan))
        with pytest.raises(tn.InvalidInputError, match="X has 1 features, but KMeans"):
            call(GOOD[:, :1])
    with pytest.raises(tn.NotFittedError, match="not fitted yet"):
        tn.segment.KMeans().predict(GOOD)
    with pytest.raises(tn.NotFittedError, match="not fitted yet"):
        tn.segment.KMeans().get_feature_names_out()


def test_clones_with_an_array_to_start_from():
    m = tn.segment.KMeans(2, init=GOOD[:2])
    assert_array_equal(clone(m).init, GOOD[:2])
