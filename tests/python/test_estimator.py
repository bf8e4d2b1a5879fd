"""Estimators keep scikit-learn's conventions, and do not need scikit-learn for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import tenure as tn
from tenure._estimator import Estimator


class Mean(Estimator):
    """The mean, times a scale."""

    _fitted = ("mean_",)

    def __init__(self, *, scale=1.0, init=None, inner=None):
        self.scale = scale
        self.init = init
        self.inner = inner

    def fit(self, x):
        self.mean_ = self.scale * float(np.mean(x))
        return self

    def predict(self):
        self._require_fitted()
        return self.mean_


class Plain(Estimator):
    """No settings at all."""


def test_settings_by_name():
    model = Mean(scale=2.0)
    assert model.get_params() == {"scale": 2.0, "init": None, "inner": None}
    assert model.set_params(scale=3.0) is model
    assert model.scale == 3.0
    assert Plain().get_params() == {}


def test_nested_settings():
    model = Mean(inner=Mean(scale=2.0))
    assert model.get_params()["inner__scale"] == 2.0
    assert "inner__scale" not in model.get_params(deep=False)
    model.set_params(inner__scale=5.0)
    assert model.inner.scale == 5.0


def test_an_unknown_setting_is_named():
    with pytest.raises(tn.InvalidInputError, match="'slope' is no setting of Mean; it has"):
        Mean().set_params(slope=1)


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (Mean(), "Mean()"),
        (Mean(scale=1.0), "Mean()"),
        (Mean(scale=2), "Mean(scale=2)"),
        (Mean(init=np.array([1.0, 2.0])), "Mean(init=array([1., 2.]))"),
        (Mean(scale=float("nan")), "Mean(scale=nan)"),
        (Mean(inner=Mean(scale=3.0)), "Mean(inner=Mean(scale=3.0))"),
        (Plain(), "Plain()"),
    ],
)
def test_repr_shows_what_differs_from_the_default(model, shown):
    assert repr(model) == shown


def test_not_fitted_is_told_before_anything_else():
    with pytest.raises(tn.NotFittedError, match="This Mean instance is not fitted yet") as caught:
        Mean().predict()
    assert isinstance(caught.value, (ValueError, AttributeError))
    assert not Mean().__sklearn_is_fitted__()
    assert Mean().fit([1.0, 2.0]).__sklearn_is_fitted__()


def test_not_fitted_is_scikit_learns_error_where_that_is_in_use():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        Mean().predict()


def test_scikit_learn_clones_settings_and_not_fits():
    from sklearn.base import clone

    model = Mean(scale=2.0, inner=Mean(scale=3.0)).fit([1.0])
    copy = clone(model)
    assert copy is not model
    assert copy.inner is not model.inner
    assert copy.get_params()["inner__scale"] == 3.0
    assert not hasattr(copy, "mean_")


def test_estimators_do_not_import_scikit_learn():
    code = (
        "import sys\nfrom tenure._estimator import Estimator\nimport tenure\n"
        "class M(Estimator):\n    _fitted = ('a_',)\n"
        "try: M()._require_fitted()\nexcept tenure.NotFittedError: pass\n"
        "repr(M()); M().get_params()\nassert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_saved_attribute_must_be_one_of_the_models():
    with pytest.raises(ValueError, match="unknown attribute 'evil_'"):
        Mean()._restore({"evil_": 1})
