"""Silhouettes, Calinski-Harabasz and Davies-Bouldin: the definitions, scikit-learn, and limits."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import calinski_harabasz, davies_bouldin, silhouette


def labelled(seed, n, d, k):
    """Rows around k centres; each cluster has a row."""
    rng = np.random.default_rng(seed)
    label = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    return rng.normal(size=(n, d)) + 2 * rng.normal(size=(k, d))[label], label


def by_definition(X, label):
    """Row by row, with nothing shared between rows."""
    out = []
    for i, own in enumerate(label):
        distance = np.array([np.sqrt(((X[i] - y) ** 2).sum()) for y in X])
        mates = [j for j in range(len(X)) if label[j] == own and j != i]
        if not mates:
            out.append(0.0)
            continue
        a = distance[mates].mean()
        b = min(distance[label == c].mean() for c in set(label) - {own})
        out.append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return np.array(out)


# --- silhouettes -------------------------------------------------------------------------------


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n=st.integers(4, 40), d=st.integers(1, 6), k=st.integers(2, 4))
def test_is_the_definition(seed, n, d, k):
    X, label = labelled(seed, n, d, k)
    found = silhouette(X, label)
    expected = by_definition(X, label)
    assert_allclose(found.value, expected, rtol=0, atol=1e-13)
    assert_allclose(found.mean, expected.mean(), rtol=0, atol=1e-13)
    assert_allclose(found.cluster_mean, [expected[label == c].mean() for c in range(k)], atol=1e-13)
    assert_allclose(found.negative, [(expected[label == c] < 0).mean() for c in range(k)])


@pytest.mark.parametrize("shape", [(500, 2, 3), (1000, 17, 8), (3000, 8, 40)])
def test_is_what_scikit_learn_says(shape):
    X, label = labelled(1, *shape)
    expected = sklearn.metrics.silhouette_samples(X, label)
    # scikit-learn expands |x - y|^2, which costs it the last digits.
    assert_allclose(silhouette(X, label).value, expected, rtol=0, atol=1e-9)
    single = silhouette(X.astype(np.float32), label).value
    assert_allclose(single, expected, rtol=0, atol=1e-5)  # of rows that are rounded to float32


def test_by_hand():
    s = silhouette([[0.0], [1.0], [9.0], [10.0]], ["b", "b", "a", "a"])
    assert s.cluster.tolist() == ["a", "b"]
    assert_allclose(s.value, [1 - 1 / 9.5, 1 - 1 / 8.5, 1 - 1 / 8.5, 1 - 1 / 9.5], rtol=1e-15)
    assert s.neighbour.tolist() == [0, 0, 1, 1]
    assert s.code.tolist() == [1, 1, 0, 0]
    simple = silhouette([[0.0], [1.0], [9.0], [10.0]], ["b", "b", "a", "a"], method="simplified")
    assert_allclose(simple.value[:2], [1 - 0.5 / 9.5, 1 - 0.5 / 8.5], rtol=1e-15)
    assert np.isnan(simple.standard_error)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n=st.integers(4, 60), k=st.integers(2, 4))
def test_holds_whatever_rows_and_labels_are_called(seed, n, k):
    X, label = labelled(seed, n, 2, k)
    rng = np.random.default_rng(seed)
    found = silhouette(X, label)
    assert (np.abs(found.value) <= 1.0).all()
    assert -1.0 <= found.lower <= found.mean <= found.upper <= 1.0
    order = rng.permutation(n)
    shuffled = silhouette(X[order], label[order])
    assert_allclose(shuffled.value, found.value[order], rtol=0, atol=1e-12)
    assert_allclose(shuffled.standard_error, found.standard_error, rtol=1e-9)
    moved = silhouette(X + rng.normal(size=2) * 100, label)
    assert_allclose(moved.value, found.value, rtol=0, atol=1e-10)
    turned = silhouette(X @ [[0.6, -0.8], [0.8, 0.6]], label)
    assert_allclose(turned.value, found.value, rtol=0, atol=1e-12)
    assert silhouette(X * 2.0**-70, label).value.tobytes() == found.value.tobytes()
    names = np.array(["late", "early", "never", "often"])[label]
    renamed = silhouette(X, names)
    assert_allclose(renamed.value, found.value, rtol=0, atol=1e-12)
    assert_array_equal(renamed.cluster[renamed.code], names)


def test_alone_and_equal_rows_have_zero():
    X = [[0.0], [5.0], [6.0], [7.0]]
    alone = silhouette(X, [0, 1, 1, 1])
    assert alone.value[0] == 0.0
    assert np.isnan(alone.cluster_standard_error[0])
    assert_array_equal(silhouette(X, [0, 1, 2, 3]).value, 0.0)
    assert_array_equal(silhouette(np.ones((6, 2)), [0, 1] * 3).value, 0.0)


def test_noise_takes_no_part_and_is_told():
    X, label = labelled(3, 60, 2, 3)
    with_noise = np.where(np.arange(60) % 7 == 0, -1, label)
    kept = with_noise >= 0
    with pytest.warns(tn.DataWarning, match="9 of 60 rows have the label -1 of noise"):
        found = silhouette(X, with_noise)
    assert found.n_noise == 9
    assert_array_equal(found.value[kept], silhouette(X[kept], label[kept]).value)
    assert np.isnan(found.value[~kept]).all()
    assert_array_equal(found.neighbour[~kept], -1)
    assert "9 rows of noise left out" in repr(found)
    assert silhouette(X, with_noise, noise=None).cluster.tolist() == [-1, 0, 1, 2]
    X[8, 1] = np.inf
    with (
        pytest.warns(tn.DataWarning),
        pytest.raises(tn.InvalidInputError, match=r"X\[8, 1\] must be finite") as caught,
    ):
        silhouette(X, with_noise)
    assert caught.value.row == 8


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame, lambda x: pa.table({"a": x[:, 0], "b": x[:, 1]})],
    ids=["pandas", "arrow"],
)
def test_takes_frames_and_series(frame):
    X, label = labelled(4, 50, 2, 2)
    expected = silhouette(X, label).value
    assert_array_equal(silhouette(frame(X), pd.Series(label)).value, expected)
    assert_array_equal(silhouette(frame(X), pa.chunked_array([label])).value, expected)
    categories = pd.Series(np.array(["x", "y"])[label], dtype="category")
    assert_array_equal(silhouette(frame(X), categories).value, expected)


def test_no_thread_count_changes_a_bit():
    X, label = labelled(5, 3000, 5, 6)
    one = silhouette(X, label, n_threads=1)
    for threads in (2, 3, 8):
        other = silhouette(X, label, n_threads=threads)
        assert one.value.tobytes() == other.value.tobytes()
        assert one.standard_error == other.standard_error
        assert one.cluster_standard_error.tobytes() == other.cluster_standard_error.tobytes()


def halves_of_a_mixture(cut=0.4):
    """Population silhouettes of rows below and above a cut, by quadrature, and what draws rows."""
    y = np.linspace(-7, 8, 3001)
    f = np.exp(-((y + 1) ** 2) / 2) + np.exp(-((y - 2) ** 2) / 2)
    f /= f.sum()
    above = y > cut
    distance = np.abs(y[:, None] - y)
    to = [distance[:, side] @ f[side] / f[side].sum() for side in (~above, above)]
    own, other = np.where(above, to[1], to[0]), np.where(above, to[0], to[1])
    s = (other - own) / np.maximum(own, other)
    means = [s @ f, *(s[side] @ f[side] / f[side].sum() for side in (~above, above))]

    def draw(rng, n):
        x = rng.normal(size=n) + np.where(rng.random(n) < 0.5, -1.0, 2.0)
        return x[:, None], (x > cut).astype(int)

    return means, draw


def coverage(replicates, n):
    truth, draw = halves_of_a_mixture()
    hits, naive = np.zeros(3), 0
    for seed in range(replicates):
        X, label = draw(np.random.default_rng(seed), n)
        s = silhouette(X, label, level=0.9, n_threads=1)
        lower, upper = [s.lower, *s.cluster_lower], [s.upper, *s.cluster_upper]
        hits += (np.array(lower) <= truth) & (truth <= np.array(upper))
        naive += abs(s.mean - truth[0]) <= 1.645 * s.value.std(ddof=1) / np.sqrt(n)
    return hits / replicates, naive / replicates


def test_limits_cover_what_they_should():
    # Four standard errors of 400 replicates are 0.06; n = 150 leaves about 0.01 of undercoverage.
    hits, naive = coverage(400, 150)
    assert ((hits > 0.83) & (hits < 0.97)).all(), hits
    # The error of rows that do not depend on one another is another one: the test can tell.
    assert abs(naive - 0.9) > 0.03, naive


@pytest.mark.slow
def test_limits_cover_what_they_should_in_many_samples():
    hits, _ = coverage(10_000, 400)
    assert ((hits > 0.88) & (hits < 0.92)).all(), hits


# --- Calinski-Harabasz and Davies-Bouldin ------------------------------------------------------


def indices_by_definition(X, label):
    names = np.unique(label)
    groups = [X[label == c] for c in names]
    means = [g.mean(axis=0) for g in groups]
    between = sum(
        len(g) * ((m - X.mean(axis=0)) ** 2).sum() for g, m in zip(groups, means, strict=True)
    )
    within = sum(((g - m) ** 2).sum() for g, m in zip(groups, means, strict=True))
    ch = (between / (len(names) - 1)) / (within / (len(X) - len(names)))
    spread = [
        np.sqrt(((g - m) ** 2).sum(axis=1)).mean() for g, m in zip(groups, means, strict=True)
    ]
    worst = [
        max((spread[c] + spread[e]) / np.linalg.norm(means[c] - means[e]) for e in names if e != c)
        for c in names
    ]
    return ch, np.mean(worst)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), n=st.integers(8, 200), d=st.integers(1, 9), k=st.integers(2, 5))
def test_indices_are_the_definitions_and_scikit_learns(seed, n, d, k):
    X, label = labelled(seed, n, d, k)
    ours = calinski_harabasz(X, label), davies_bouldin(X, label)
    assert_allclose(ours, indices_by_definition(X, label), rtol=1e-10)
    # scikit-learn expands |x - y|^2, which leaves a row alone at 1e-8 of its own mean.
    measures = sklearn.metrics.calinski_harabasz_score, sklearn.metrics.davies_bouldin_score
    assert_allclose(ours, [m(X, label) for m in measures], rtol=1e-6)


def test_indices_by_hand_and_at_their_ends():
    assert calinski_harabasz([[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1]) == 40.5
    assert davies_bouldin([[0.0], [2.0], [10.0], [12.0]], [0, 0, 1, 1]) == 0.2
    tight = [[0.0], [0.0], [5.0], [5.0]]
    assert calinski_harabasz(tight, [0, 0, 1, 1]) == 1.0  # scikit-learn's convention
    assert davies_bouldin(tight, [0, 0, 1, 1]) == 0.0
    assert davies_bouldin([[-1.0], [1.0], [-2.0], [2.0]], [0, 0, 1, 1]) == np.inf


@given(seed=st.integers(0, 2**32), power=st.sampled_from([-900, -30, 30, 900]))
def test_indices_do_not_depend_on_the_unit(seed, power):
    X, label = labelled(seed, 40, 3, 3)
    assert_allclose(
        calinski_harabasz(X * 2.0**power, label), calinski_harabasz(X, label), rtol=1e-13
    )
    assert davies_bouldin(X * 2.0**power, label) == davies_bouldin(X, label)


# --- what is refused ---------------------------------------------------------------------------

FINE = np.arange(12.0).reshape(6, 2)
LABELS = [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("measure", [silhouette, calinski_harabasz, davies_bouldin])
@pytest.mark.parametrize(
    ("X", "labels", "says", "row"),
    [
        (np.where(FINE == 7, np.nan, FINE), LABELS, r"X\[3, 1\] must be finite, got NaN", 3),
        (FINE, [0] * 6, "labels must name at least 2 clusters, got 1", None),
        (FINE, [0, 1], "labels must have one label for each of the 6 rows", None),
        (FINE, [0, 0, None, 1, 1, 1], r"labels\[2\] is missing", 2),
        (FINE, [0, 0, np.nan, 1, 1, 1], r"labels\[2\] is missing", 2),
        (FINE, [["a"]] * 6, "labels must be one-dimensional", None),
        (FINE, np.array(LABELS) * 1j, "labels must be numbers or texts", None),
        (FINE, np.array([0, "a", 0, 1, 1, 1], dtype=object), "labels must be of one kind", None),
        (np.empty((0, 2)), [], "0 sample", None),
    ],
)
def test_names_what_is_wrong(measure, X, labels, says, row):
    with pytest.raises(tn.InvalidInputError, match=says) as caught:
        measure(X, labels)
    assert caught.value.row == row


def test_refuses_settings():
    with pytest.raises(tn.InvalidInputError, match="method must be one of"):
        silhouette(FINE, LABELS, method="fast")
    with pytest.raises(tn.InvalidInputError, match="level must be"):
        silhouette(FINE, LABELS, level=1.0)
    with pytest.raises(tn.InvalidInputError, match="fewer clusters than there are rows"):
        calinski_harabasz(FINE, range(6))


def test_tells_how_far_it_is():
    X, label = labelled(6, 12_000, 8, 3)
    told = []
    silhouette(X, label, n_threads=1, progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[0] == (0.0, "silhouettes")
    assert told[-1] == (1.0, "done")


def test_the_picture_has_an_outline_for_each_cluster():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    X, label = labelled(7, 90, 2, 3)
    s = silhouette(X, label)
    ax = Figure().subplots()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert s.plot(ax) is ax
    assert len(ax.collections) == 3
    assert f"{s.mean:.2f}" in ax.get_title(loc="left") + ax.get_title()
    assert [t.get_text().split("\n")[0] for t in ax.get_yticklabels()] == ["0", "1", "2"]
