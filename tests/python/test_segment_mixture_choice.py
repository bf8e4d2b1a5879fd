"""How many components, and of which shape: the table of fits, its winner, its picture."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.datasets
from numpy.testing import assert_array_equal

import tenure as tn

SHAPES = ("full", "tied", "diag", "spherical")
GaussianMixture = tn.segment.GaussianMixture


def clouds(seed, n, d, k, spread=1.5):
    """Rows of k round clouds."""
    rng = np.random.default_rng(seed)
    return (spread * rng.normal(size=(k, d)))[rng.integers(0, k, n)] + rng.normal(size=(n, d))


def test_choice_is_the_table_of_the_fits():
    X = clouds(16, 300, 2, 3, spread=5.0)
    table = GaussianMixture.choose(X, (1, 3), covariance=("full", "diag"), n_init=2)
    assert len(table) == 4
    assert table.covariance_type == ("full", "full", "diag", "diag")
    for i, (shape, k) in enumerate(
        zip(table.covariance_type, table.n_components.tolist(), strict=True)
    ):
        m = GaussianMixture(k, covariance_type=shape, n_init=2).fit(X)
        assert (table.bic[i], table.icl[i], table.aic[i]) == (m.bic_, m.icl_, m.aic_)
        assert table.n_parameters[i] == m.n_parameters_
    assert table.best.bic_ == table.bic.min()
    assert table.best.n_components == 3
    by_icl = GaussianMixture.choose(X, (1, 3), criterion="icl")
    assert by_icl.best.icl_ == by_icl.icl.min()
    assert "Mixtures by BIC: 3 components" in repr(table)
    assert table.to_arrow().num_rows == 4


def test_choice_passes_over_a_component_that_only_reg_covar_holds_up():
    # Petal widths of iris are rounded to 0.1: six components find a plane of equal ones.
    X = sklearn.datasets.load_iris().data
    table = GaussianMixture.choose(X, (1, 2, 6), covariance="full", n_init=3)
    assert table.status == ("converged", "converged", "degenerate")
    assert table.bic.argmin() == 2
    assert table.best.n_components == 2
    with pytest.warns(tn.ConvergenceWarning, match=r"components \[\d\] are flat"):
        m = GaussianMixture(6, n_init=3).fit(X)
    least = np.linalg.eigvalsh(m.covariances_)[:, 0]
    assert least.min() < 1e-5 < 1e-3 < np.linalg.eigvalsh(np.cov(X.T))[0]


def test_choice_shows_what_collapsed():
    X = np.repeat(np.arange(4.0), 5)[:, None]
    table = GaussianMixture.choose(X, (1, 4), covariance="full", reg_covar=0.0)
    assert table.status == ("converged", "collapsed")
    assert np.isnan(table.bic[1])
    assert table.best.n_components == 1
    with pytest.raises(tn.InvalidInputError, match="every mixture collapsed"):
        GaussianMixture.choose(X, [4], covariance="full", reg_covar=0.0)
    with pytest.raises(tn.InvalidInputError, match="at least one"):
        GaussianMixture.choose(X, [])
    with pytest.raises(tn.InvalidInputError, match="cannot be a setting"):
        GaussianMixture.choose(X, [1], covariance_type="full")


def test_choice_is_drawn():
    pytest.importorskip("matplotlib").use("Agg")
    X = clouds(17, 200, 2, 2)
    table = GaussianMixture.choose(X, range(1, 4))
    ax = table.plot()
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    for shape in SHAPES:
        assert_array_equal(lines[shape], table.bic[np.array(table.covariance_type) == shape])
