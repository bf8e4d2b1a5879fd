"""KMeans among the tools of scikit-learn: its own checks, pipelines, searches, metadata."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_clusterer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_clustering, parametrize_with_checks

import tenure as tn

EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": "compares fits to the same rows in another "
    "order, which draw other seeds; scikit-learn's KMeans is excused from it too"
}
# scikit-learn wants its own base class; ours is not its subclass so that it need not be imported.
NO_BASE = "ignore:Estimator KMeans does not inherit:UserWarning"
FEW_ROWS = "ignore:only . of . clusters hold a row:tenure.ConvergenceWarning"

with pytest.warns(UserWarning, match="does not inherit"):
    CHECKS = parametrize_with_checks(
        [tn.segment.KMeans(), tn.segment.KMeans(n_clusters=3, n_init=2)],
        expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL,
    )


@CHECKS
@pytest.mark.filterwarnings(NO_BASE, FEW_ROWS)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("readonly_memmap", [False, True])
def test_passes_the_checks_of_clusterers(readonly_memmap):
    # Chosen by base class, so that `parametrize_with_checks` leaves them out.
    check_clustering("KMeans", tn.segment.KMeans(), readonly_memmap=readonly_memmap)
    assert is_clusterer(tn.segment.KMeans())


X = (
    np.random.default_rng(0).normal(size=(90, 3)) * [1, 10, 100]
    + np.repeat([0, 5, -5], 30)[:, None]
)


def test_works_in_a_pipeline_and_a_search():
    pipe = make_pipeline(StandardScaler(), tn.segment.KMeans(3))
    assert_array_equal(pipe.fit(X).predict(X), pipe[-1].labels_)
    search = GridSearchCV(pipe, {"kmeans__n_clusters": [1, 2, 3]}, cv=3).fit(X)
    assert search.best_params_ == {"kmeans__n_clusters": 3}
    assert pipe.set_params(kmeans__n_clusters=2)[-1].n_clusters == 2


def test_asks_for_sample_weight():
    weight = np.linspace(0.1, 3.0, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        m = tn.segment.KMeans(2).set_fit_request(sample_weight=True)
        m = clone(m.set_score_request(sample_weight=False))
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), m)
        pipe.fit(X, sample_weight=weight)
        scaled = pipe[0].transform(X)
        expected = tn.segment.KMeans(2).fit(scaled, sample_weight=weight)
        assert pipe[-1].inertia_ == expected.inertia_
        assert pipe[-1].inertia_ != tn.segment.KMeans(2).fit(scaled).inertia_
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            make_pipeline(tn.segment.KMeans(2)).fit(X, sample_weight=weight)


def test_not_fitted_is_scikit_learns_error_too():
    with pytest.raises(sklearn.exceptions.NotFittedError) as caught:
        tn.segment.KMeans().predict(X)
    assert isinstance(caught.value, tn.NotFittedError)


def test_scikit_learn_is_not_imported_for_a_fit():
    code = (
        "import sys, tenure as tn\n"
        "tn.segment.KMeans(2).fit([[0.0], [1.0], [9.0]]).predict([[2.0]])\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('sklearn', 'scipy')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
