"""Gap statistic, stability and prediction strength: definitions by hand, and what they must say."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sklearn.cluster
import sklearn.mixture
import sklearn.pipeline
import sklearn.preprocessing
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import KMeans, gap_statistic, prediction_strength, stability
from tenure.segment.gap import first_reached
from tenure.segment.prediction_strength import last_reached
from tenure.segment.stability import _most_similar


def clouds(seed, sizes=(60, 60, 60), spread=0.5):
    rng = np.random.default_rng(seed)
    centres = [(0, 0), (5, 0), (0, 6), (7, 7)]
    return np.concatenate(
        [rng.normal(c, spread, (n, 2)) for n, c in zip(sizes, centres[: len(sizes)], strict=True)]
    )


class Slices:
    """A clusterer whose answer is known: rows by their first column, cut into equal widths of 1."""

    def __init__(self, n_clusters=2, random_state=None):
        self.n_clusters = n_clusters
        self.random_state = random_state

    def get_params(self, deep=True):
        return {"n_clusters": self.n_clusters, "random_state": self.random_state}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit_predict(self, X):
        return np.clip(np.floor(X[:, 0]), 0, self.n_clusters - 1).astype(int)


# --- gap statistic -----------------------------------------------------------------------------


def test_the_rule_of_the_gap_is_that_of_the_paper():
    counts = np.array([1, 2, 3, 4])
    gap, error = np.array([0.1, 0.5, 0.55, 0.9]), np.array([0.1, 0.1, 0.1, 0.1])
    assert first_reached(counts, gap, error) == 2  # 0.5 >= 0.55 - 0.1, and 0.1 < 0.5 - 0.1
    assert first_reached(counts, np.array([0.1, 0.5, 0.9, 1.4]), error) is None
    assert first_reached(counts, np.array([0.1, 0.5, 0.9, 0.4]), error) == 3
    # A gap that is not known decides nothing.
    assert first_reached(counts, np.array([0.1, np.nan, 0.9, 0.4]), error) == 3


def test_the_gap_is_its_definition():
    X = clouds(1)
    found = gap_statistic(X, [1, 2, 3], n_references=100, reference="box", random_state=3)
    for i, k in enumerate(found.n_clusters):
        model = KMeans(int(k), n_init=5).fit(X)
        assert_allclose(found.log_within[i], math.log(model.inertia_), rtol=1e-9)
    assert_array_equal(found.gap, found.expected - found.log_within)
    # Of one cluster the expectation is known: uniform rows have n var(range) on each axis.
    n, side = len(X), np.ptp(X, axis=0)
    expected = math.log((n - 1) * (side**2).sum() / 12)
    assert abs(found.expected[0] - expected) < 4 * found.error[0] / 10 + 1 / n
    # s_k by its definition: the spread of log W of n uniform rows, seen in other draws.
    rng = np.random.default_rng(5)
    logs = [math.log((rng.uniform(size=(n, 2)) * side).var(axis=0).sum() * n) for _ in range(2000)]
    assert_allclose(found.error[0], np.std(logs) * math.sqrt(1 + 1 / 100), rtol=0.3)


@pytest.mark.parametrize("reference", ["box", "components"])
def test_the_gap_finds_clouds_and_sees_that_there_are_none(reference):
    settings = {"n_references": 20, "reference": reference}
    assert gap_statistic(clouds(2), range(1, 6), **settings).best_n_clusters == 3
    flat = np.random.default_rng(1).uniform(size=(150, 2))
    assert gap_statistic(flat, range(1, 6), **settings).best_n_clusters == 1


def test_references_lie_along_the_components():
    # A thin line at 45 degrees: in its box it would look like a cluster, along itself it does not.
    line = np.random.default_rng(2).uniform(size=(150, 1)) @ [[1.0, 1.0]]
    line += 0.01 * np.random.default_rng(3).normal(size=line.shape)
    along = gap_statistic(line, [1, 2], n_references=20)
    boxed = gap_statistic(line, [1, 2], n_references=20, reference="box")
    assert along.best_n_clusters == 1
    # Halves of a line lower log W by log 4, halves of a square by log(8 / 5) only.
    assert_allclose(boxed.gap[1] - along.gap[1], math.log(4) - math.log(8 / 5), atol=0.1)
    assert boxed.best_n_clusters != 1


def test_seeds_decide():
    X = clouds(3)
    one, same, other = (gap_statistic(X, [1, 2], n_references=5, random_state=s) for s in (1, 1, 2))
    assert one.gap.tobytes() == same.gap.tobytes()
    assert one.gap.tobytes() != other.gap.tobytes()


# --- stability ---------------------------------------------------------------------------------


def similar_by_sets(old, new):
    """[Hennig 2007, section 3], with sets."""
    clusters = [{i for i, c in enumerate(new) if c == e} for e in set(new) - {-1}]
    out = []
    for c in range(max(old) + 1):
        mine = {i for i, e in enumerate(old) if e == c}
        out.append(max((len(mine & e) / len(mine | e) for e in clusters), default=0.0))
        if not mine:
            out[-1] = math.nan
    return out


@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=30).filter(
        lambda rows: max(a for a, _ in rows) >= 0
    )
)
def test_similarity_is_that_of_sets(rows):
    old, new = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    found = _most_similar(old, int(old.max()) + 1, new, max(int(new.max()) + 1, 0))
    assert_allclose(found, similar_by_sets(old.tolist(), new.tolist()), rtol=1e-15)


def test_clear_clouds_come_back_and_slices_of_one_do_not():
    s = stability(KMeans(3), clouds(4), n_bootstrap=30)
    assert_array_equal(s.jaccard, 1.0)
    assert_array_equal(s.recovered, 1.0)
    assert_array_equal(s.dissolved, 0.0)
    assert sorted(s.rows) == [60, 60, 60]
    torn = stability(KMeans(6, n_init=3), clouds(4), n_bootstrap=30)
    assert torn.jaccard.min() < 0.75
    assert "clusters with a mean Jaccard similarity of 0.75 or more" in repr(torn)


def test_one_real_cluster_beside_torn_ones():
    X = clouds(5, sizes=(100, 40))
    s = stability(KMeans(4, n_init=5), X, n_bootstrap=40)
    whole = int(np.argmax(s.rows * (np.bincount(s.code[100:], minlength=4) == 40)))
    if s.rows[whole] == 40:  # the far cloud was left whole, and is the steady one
        assert s.jaccard[whole] == s.jaccard.max()
    assert s.jaccard.min() < 0.8


def test_a_fixed_rule_is_found_again_whenever_a_row_is_drawn():
    X = np.array([[0.5], [1.5], [1.6], [1.7], [1.8], [1.9]])
    s = stability(Slices(), X, n_bootstrap=400)
    assert_array_equal(s.jaccard, 1.0)
    # The row alone is drawn with probability 1 - (5/6)^6 = 0.665; 4 errors are 0.094.
    assert abs(s.replicates[0] / 400 - 0.665) < 0.094
    assert abs(s.replicates[1] / 400 - (1 - (1 / 6) ** 6)) < 0.01


def test_noise_is_no_cluster():
    X = np.concatenate([clouds(6), [[50.0, 50.0], [-40.0, 30.0]]])
    s = stability(sklearn.cluster.DBSCAN(eps=1.0, min_samples=4), X, n_bootstrap=10)
    assert len(s) == 3
    assert s.code[-2:].tolist() == [-1, -1]
    assert (s.jaccard > 0.9).all()
    with pytest.raises(tn.InvalidInputError, match="called every row noise"):
        stability(sklearn.cluster.DBSCAN(eps=1e-9), X, n_bootstrap=2)


def test_limits_hold_the_mean_of_many_replicates():
    X = clouds(7, sizes=(40, 40), spread=2.2)
    estimator = KMeans(2, init=X[[0, 40]], n_threads=1)  # one start, so the clusters are the same
    many = stability(estimator, X, n_bootstrap=1500, random_state=99).jaccard
    hits = 0
    for seed in range(50):
        s = stability(estimator, X, n_bootstrap=40, level=0.9, random_state=seed)
        hits += int(((s.lower <= many) & (many <= s.upper)).sum())
    # Two intervals of one sample go together: four errors of 50 trials at 0.9 are 0.17.
    assert hits / 100 > 0.9 - 0.17


# --- prediction strength -----------------------------------------------------------------------


def test_the_strength_is_that_of_pairs():
    X = np.random.default_rng(8).uniform(0, 3, size=(40, 1))
    found = prediction_strength(X, [3], Slices(), n_splits=4)
    # Both halves are cut at the same places, and new rows go to the nearest mean: a pair is lost
    # where a mean lies off the middle of its slice.
    assert 0 < found.strength[0] <= 1
    assert_array_equal(
        prediction_strength(np.repeat([[0.5], [1.5]], 20, axis=0), [2], Slices()).strength, 1.0
    )


def pairs_by_counting(told, own):
    shares = []
    for c in set(own):
        rows = [i for i, e in enumerate(own) if e == c]
        pairs = [(i, j) for i in rows for j in rows if i != j]
        shares.append(sum(told[i] == told[j] for i, j in pairs) / len(pairs) if pairs else 0.0)
    return min(shares)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=30))
def test_pairs_are_counted(rows):
    from tenure.segment.prediction_strength import _foretold

    told, own = (
        np.unique(c, return_inverse=True)[1].astype(np.int32) for c in zip(*rows, strict=True)
    )

    class Told:
        def predict(self, X):
            return told

    fits = [(Told(), told, int(told.max()) + 1), (None, own, int(own.max()) + 1)]
    assert_allclose(
        _foretold([own[:, None], own[:, None]], fits, 0, 1), pairs_by_counting(told, own.tolist())
    )


def test_strength_finds_the_clouds():
    found = prediction_strength(clouds(9, sizes=(60,) * 4), range(1, 7), n_splits=5)
    assert found.best_n_clusters == 4
    assert found.strength[0] == 1.0
    assert found.strength[3] > 0.99
    assert (found.strength[4:] < 0.8).all()
    assert last_reached(np.array([2, 3, 4]), np.array([0.9, 0.3, 0.8]), 0.8) == 4
    assert last_reached(np.array([2]), np.array([0.7]), 0.8) is None


@pytest.mark.parametrize(
    "estimator",
    [
        sklearn.cluster.KMeans(n_init=2),
        sklearn.cluster.AgglomerativeClustering(),
        sklearn.mixture.GaussianMixture(max_iter=20, tol=0.05),
        sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.StandardScaler(), sklearn.cluster.KMeans(n_init=2)
        ),
    ],
    ids=lambda e: type(e).__name__,
)
def test_any_clusterer_will_do_and_stays_as_it_is(estimator):
    before = repr(estimator.get_params())
    X = clouds(10)
    assert prediction_strength(X, [2, 3], estimator, n_splits=2).best_n_clusters == 3
    gap = gap_statistic(X, [1, 2, 3], estimator, n_references=2)
    assert gap.gap[2] > gap.gap[:2].max()
    assert repr(estimator.get_params()) == before
    assert not hasattr(estimator, "labels_")


# --- what is refused, and warnings -------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda X: gap_statistic(X, [0, 1]), "n_clusters must be >= 1"),
        (lambda X: gap_statistic(X, []), "n_clusters must name a number"),
        (lambda X: gap_statistic(X, [len(X)]), "smaller than the number of rows"),
        (lambda X: gap_statistic(X, n_references=1), "n_references must be >= 2"),
        (lambda X: gap_statistic(X, reference="normal"), "reference must be one of"),
        (lambda X: gap_statistic(X, [2], KMeans), "estimator must be a clusterer"),
        (lambda X: gap_statistic(X, [2], sklearn.cluster.DBSCAN()), "must have the setting"),
        (lambda X: stability(None, X), "estimator must be a clusterer"),
        (lambda X: stability(KMeans(2), X, 1), "n_bootstrap must be >= 2"),
        (lambda X: prediction_strength(X, [60]), "smaller than the number of rows"),
        (lambda X: prediction_strength(X, [2], n_splits=1), "n_splits must be >= 2"),
        (lambda X: prediction_strength(X, [2], threshold=0), "threshold must be"),
    ],
)
def test_names_what_is_wrong(call, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        call(clouds(11, sizes=(40, 40)))


@pytest.mark.parametrize(
    "call", [gap_statistic, prediction_strength, lambda X: stability(KMeans(2), X)]
)
def test_a_bad_cell_is_named(call):
    X = clouds(12)
    X[7, 1] = np.nan
    with pytest.raises(tn.InvalidInputError, match=r"X\[7, 1\] must be finite, got NaN") as caught:
        call(X)
    assert caught.value.row == 7


def test_warnings_of_many_fits_are_told_once():
    X = np.repeat([[0.0], [1.0], [2.0]], 10, axis=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        s = stability(KMeans(3, max_iter=1, tol=0.0), X, n_bootstrap=20)
    assert len(caught) == 1
    assert issubclass(caught[0].category, tn.ConvergenceWarning)
    assert s.warnings
    assert "of the fits)" in s.warnings[0]


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32))
def test_progress_goes_from_0_to_1(seed):
    for call in (
        lambda **p: gap_statistic(clouds(seed), [1, 2], n_references=3, **p),
        lambda **p: stability(KMeans(2), clouds(seed), 3, **p),
        lambda **p: prediction_strength(clouds(seed), [2], n_splits=2, **p),
    ):
        told: list[float] = []
        call(progress=lambda share, what, told=told: told.append(share))
        assert told[0] == 0.0
        assert told[-1] == 1.0
        assert told == sorted(told)
