"""Choosing the number of clusters: the votes, what is told, and what it never does in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn.cluster
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import KMeans, calinski_harabasz, choose, davies_bouldin, silhouette
from tenure.segment._votes import take_votes

FAST = {"n_references": 5, "n_bootstrap": 5, "n_splits": 2}


def clouds(seed=1, n=50, spread=0.6):
    rng = np.random.default_rng(seed)
    centres = [(0, 0), (6, 0), (0, 7), (8, 8)]
    return np.concatenate([rng.normal(c, spread, (n, 2)) for c in centres])


X = clouds()


@pytest.fixture(scope="module")
def found():
    return choose(X, range(2, 7), **FAST)


def test_every_measure_votes_for_the_clouds(found):
    assert found.best_n_clusters == 4
    assert set(found.votes.values()) == {4}
    assert_array_equal(found.score, [0, 0, 5.0, 0, 0])
    assert sorted(np.bincount(found.labels)) == [50] * 4
    assert isinstance(found.best_, KMeans)
    assert_array_equal(found.best_.labels_, found.labels)


def test_measures_are_those_of_the_other_calls(found):
    at = int(np.flatnonzero(found.n_clusters == 4)[0])
    s = silhouette(X, found.labels)
    assert_allclose(found.silhouette[at], s.mean, rtol=1e-12)
    assert_allclose(found.silhouette_error[at], s.standard_error, rtol=1e-9)
    assert_allclose(found.calinski_harabasz[at], calinski_harabasz(X, found.labels), rtol=1e-12)
    assert_allclose(found.davies_bouldin[at], davies_bouldin(X, found.labels), rtol=1e-12)
    assert found.prediction_strength[at] == found.stability[at] == 1.0
    assert found.measure("gap") is not None
    with pytest.raises(tn.InvalidInputError, match="name must be one of"):
        found.measure("elbow")


def test_the_table_and_the_words(found):
    table = found.table()
    assert table.column_names == [
        "n_clusters",
        "silhouette",
        "silhouette_error",
        "calinski_harabasz",
        "davies_bouldin",
        "gap",
        "gap_error",
        "prediction_strength",
        "prediction_error",
        "stability",
        "score",
    ]
    assert table.num_rows == 5
    text = repr(found)
    assert text.startswith("4 clusters, of 2 to 6: 5 of 5 votes, by 200 rows\n")
    assert "- Silhouette: 4, the largest, 0." in text
    assert "- Prediction strength: 4, the largest that reaches 0.8 with its error, 1.00" in text
    assert len(found.reasons) == 6


def values(counts, **given):
    unknown = np.full(len(counts), np.nan)
    names = (
        *("silhouette", "silhouette_error", "calinski_harabasz", "davies_bouldin", "gap"),
        *("gap_error", "prediction_strength", "prediction_error", "stability"),
    )
    return {name: np.array(given.get(name, unknown), dtype=float) for name in names}


def test_the_rules_by_hand():
    counts = np.array([2, 3, 4])
    v = values(
        counts,
        silhouette=[0.5, 0.7, np.nan],
        calinski_harabasz=[9, 8, 7],
        davies_bouldin=[0.3, 0.2, 0.1],
        gap=[0.2, 0.5, 0.52],
        gap_error=[0.05, 0.05, 0.05],
        prediction_strength=[0.9, 0.7, 0.75],
        prediction_error=[0.0, 0.05, 0.06],
        stability=[0.9, 0.75, 0.74],
    )
    votes, reasons = take_votes(counts, v, gap_of_one=0.1)
    assert votes == {
        "silhouette": 3,
        "calinski_harabasz": 2,
        "davies_bouldin": 4,
        "gap": 3,
        "prediction_strength": 4,
        "stability": 3,
    }
    votes, reasons = take_votes(counts, v, gap_of_one=0.48)
    assert votes["gap"] is None
    assert "there may be no clusters" in reasons[3]
    v = values(counts, stability=[0.1, 0.2, 0.3], prediction_strength=[0.1] * 3, gap=[1, 2, 3])
    v["gap_error"] = np.zeros(3)
    v["prediction_error"] = np.zeros(3)
    votes, reasons = take_votes(counts, v, gap_of_one=0.0)
    assert set(votes.values()) == {None}
    assert "it grows to the last number" in "".join(reasons)
    assert "no number reaches 0.8" in "".join(reasons)


def test_weights_decide_and_measures_can_be_left_out():
    c = choose(X, [2, 4], n_references=0, n_bootstrap=0, n_splits=0, weights={"silhouette": 0.0})
    assert list(c.votes) == ["silhouette", "calinski_harabasz", "davies_bouldin"]
    assert c.score.max() == 1.0
    assert "1 of 1 votes" in repr(c)
    assert "stability" not in c.table().column_names


def test_no_structure_is_said():
    flat = np.random.default_rng(0).uniform(size=(200, 2))
    c = choose(flat, range(2, 6), **FAST)
    assert c.votes["gap"] is None
    assert any("there may be no clusters" in r for r in c.reasons)


def test_a_sample_is_asked_for_and_told():
    c = choose(X, [3, 4], sample=120, **FAST)
    assert (c.sample, c.n_rows) == (120, 200)
    assert "by a sample of 120 of 200 rows" in repr(c)
    assert len(c.labels) == 200
    assert len(c.best_.labels_) == 200
    assert choose(X, [3, 4], **FAST).sample is None


def test_a_large_table_is_never_sampled_in_silence():
    large = np.zeros((300_000, 1))
    with pytest.raises(tn.InvalidInputError, match=r"8\.1e\+11 distances.*sample=20_000") as caught:
        choose(large)
    assert caught.value.argument == "sample"
    assert "silhouette='simplified'" in str(caught.value)


def test_the_seed_decides_and_threads_do_not():
    one = choose(X, [3, 4], **FAST, random_state=1, n_threads=1)
    two = choose(X, [3, 4], **FAST, random_state=1, n_threads=4)
    other = choose(X, [3, 4], **FAST, random_state=2)
    assert one.table().equals(two.table())
    assert not one.table().equals(other.table())


def test_frames_keep_their_names_and_other_clusterers_work():
    frame = pd.DataFrame(X, columns=["recency", "orders"])
    c = choose(frame, [3, 4, 5], **FAST)
    assert c.best_.feature_names_in_.tolist() == ["recency", "orders"]
    assert c.best_n_clusters == 4
    theirs = choose(frame, [4], sklearn.cluster.KMeans(n_init=2), **FAST)
    assert theirs.best_.feature_names_in_.tolist() == ["recency", "orders"]
    table = pa.table({"recency": X[:, 0], "orders": X[:, 1]})
    assert choose(table, [4], sklearn.cluster.KMeans(n_init=2), **FAST).best_n_clusters == 4
    ward = choose(X, [3, 4, 5], sklearn.cluster.AgglomerativeClustering(), **FAST)
    assert ward.best_n_clusters == 4
    assert isinstance(ward.best_, sklearn.cluster.AgglomerativeClustering)


def test_progress_never_goes_back():
    told = []
    choose(X, [2, 3], **FAST, progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert told[-1] == (1.0, "done")
    assert any("bootstrap" in what for _, what in told)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"n_clusters": [1, 2]}, "n_clusters must be >= 2"),
        ({"n_clusters": [100]}, "smaller than the number of rows, 100"),
        ({"n_bootstrap": 1}, "n_bootstrap must be 0, or at least 2"),
        ({"n_splits": -1}, "n_splits must be >= 0"),
        ({"silhouette": "sampled"}, "silhouette must be one of"),
        ({"sample": 201}, "sample must be at most the number of rows, 200"),
        ({"weights": {"elbow": 1.0}}, "weights must be one of"),
        ({"weights": {"gap": -1.0}}, r"weights\['gap'\] must be"),
        ({"estimator": sklearn.cluster.DBSCAN()}, "must have the setting n_clusters"),
    ],
)
def test_names_what_is_wrong(given, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        choose(X, **given)


def test_a_bad_cell_is_named():
    bad = pd.DataFrame(X, columns=["recency", "orders"])
    bad.iloc[17, 1] = np.inf
    with pytest.raises(tn.InvalidInputError, match=r"X\[17, 'orders'\] must be finite, got inf"):
        choose(bad)


def test_the_picture_frames_the_choice(found):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert found.plot(ax) is ax
    texts = [t.get_text() for t in ax.texts]
    assert len(texts) == 6 * 5
    assert sum("\u2713" in t for t in texts) == 6
    frame = ax.patches[-1]
    assert (frame.get_x(), frame.get_width()) == (1.5, 1.0)  # about the third column
