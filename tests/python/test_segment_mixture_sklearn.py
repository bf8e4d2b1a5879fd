"""GaussianMixture among the tools of scikit-learn: its checks, pipelines, searches, metadata."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tenure as tn

GaussianMixture = tn.segment.GaussianMixture

EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": "compares fits to the same rows in another "
    "order, which draw other seeds; KMeans is excused from it too"
}
# scikit-learn wants its own base class; ours is not its subclass so that it need not be imported.
NO_BASE = "ignore:Estimator GaussianMixture does not inherit:UserWarning"
SMALL = "ignore::tenure.ConvergenceWarning"  # some checks fit a handful of equal rows

with pytest.warns(UserWarning, match="does not inherit"):
    CHECKS = parametrize_with_checks(
        [GaussianMixture(), GaussianMixture(2, covariance_type="diag", n_init=2)],
        # One component is drawn from no seed.
        expected_failed_checks=lambda m: EXPECTED_TO_FAIL if m.n_components > 1 else {},
    )


@CHECKS
@pytest.mark.filterwarnings(NO_BASE, SMALL)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


X = np.random.default_rng(0).normal(size=(90, 2)) + np.repeat([0, 8, -8], 30)[:, None]


def test_works_in_a_pipeline_and_a_search():
    pipe = make_pipeline(StandardScaler(), GaussianMixture(3))
    names = pipe.fit(X).predict(X)
    assert sorted(np.bincount(names).tolist()) == [30, 30, 30]
    search = GridSearchCV(pipe, {"gaussianmixture__n_components": [1, 2, 3]}, cv=3)
    order = np.arange(90).reshape(3, 30).T.ravel()  # every fold has rows of every cloud
    assert search.fit(X[order]).best_params_ == {"gaussianmixture__n_components": 3}


def test_asks_for_sample_weight():
    weight = np.linspace(0.1, 3.0, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        m = clone(GaussianMixture(2).set_fit_request(sample_weight=True))
        m = m.set_score_request(sample_weight=False)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), m)
        pipe.fit(X, sample_weight=weight)
        expected = GaussianMixture(2).fit(pipe[0].transform(X), sample_weight=weight)
        assert pipe[-1].log_likelihood_ == expected.log_likelihood_
        assert pipe[-1].log_likelihood_ != GaussianMixture(2).fit(X).log_likelihood_


def test_scikit_learn_is_not_imported_for_a_fit():
    code = (
        "import sys, tenure as tn\n"
        "m = tn.segment.GaussianMixture(1).fit([[0.0], [1.0], [9.0]])\n"
        "m.predict([[2.0]]), m.estimates([[0.0], [1.0], [9.0]]), m.sample(3)\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('sklearn', 'scipy')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
