"""Standard errors of mixtures: second derivatives by differences, and coverage in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tenure as tn

SHAPES = ("full", "tied", "diag", "spherical")
GaussianMixture = tn.segment.GaussianMixture
WEIGHTS = np.array([0.6, 0.4])
MEANS = np.array([[0.0, 0.0], [3.0, 1.5]])
COVARIANCES = {
    "full": np.array([[[1.0, 0.4], [0.4, 1.5]], [[0.5, -0.2], [-0.2, 1.0]]]),
    "tied": np.array([[[1.0, 0.4], [0.4, 1.5]]] * 2),
    "diag": np.array([np.diag([1.0, 2.0]), np.diag([0.5, 1.0])]),
    "spherical": np.array([np.eye(2), 0.5 * np.eye(2)]),
}


def drawn(rng, n, shape):
    labels = rng.choice(2, n, p=WEIGHTS)
    roots = np.linalg.cholesky(COVARIANCES[shape])
    return MEANS[labels] + np.einsum("nab,nb->na", roots[labels], rng.normal(size=(n, 2)))


def fitted(X, shape):
    return GaussianMixture(
        2,
        covariance_type=shape,
        means_init=MEANS,
        weights_init=WEIGHTS,
        reg_covar=0.0,
        tol=1e-13,
        max_iter=5000,
        n_threads=1,
    ).fit(X)


def parameters(m):
    """The first weight, means, then the free numbers of the covariances."""
    lower = np.tril_indices(2)
    own = {
        "full": lambda c: np.concatenate([c[0][lower], c[1][lower]]),
        "tied": lambda c: c[lower],
    }.get(m.covariance_type, np.ravel)(m.covariances_)
    return np.concatenate([m.weights_[:1], m.means_.ravel(), own])


def log_densities(theta, X, shape):
    """By the definition, from parameters in another form than the engine's."""
    parts = []
    for c in range(2):
        rest = theta[5:]
        if shape in ("full", "tied"):
            a, b, d = rest[:3] if shape == "tied" else rest[3 * c : 3 * c + 3]
            S = np.array([[a, b], [b, d]])
        else:
            S = np.diag(rest[2 * c : 2 * c + 2]) if shape == "diag" else rest[c] * np.eye(2)
        z = X - theta[1 + 2 * c : 3 + 2 * c]
        squared = np.einsum("na,ab,nb->n", z, np.linalg.inv(S), z)
        weight = theta[0] if c == 0 else 1.0 - theta[0]
        parts.append(np.log(weight / (2 * np.pi)) - 0.5 * (squared + np.log(np.linalg.det(S))))
    return np.logaddexp(*parts)


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_are_those_of_second_derivatives(shape):
    X = drawn(np.random.default_rng(2), 250, shape)
    m = fitted(X, shape)
    theta = parameters(m)
    p, h = len(theta), 1e-4
    steps = h * np.eye(p)

    def at(step):
        return log_densities(theta + step, X, shape)

    score = np.array([(at(e) - at(-e)) / (2 * h) for e in steps])
    assert np.abs(score.sum(axis=1)).max() < 1e-3  # a maximum: 250 rows, each of size about 1
    information = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            up, across = steps[i] + steps[j], steps[i] - steps[j]
            bent = at(up) + at(-up) - at(across) - at(-across)
            information[i, j] = -bent.sum() / (4 * h * h)
    inverse = np.linalg.inv(information)
    wanted = {"observed": inverse, "robust": inverse @ (score @ score.T) @ inverse}
    for errors, covariance in wanted.items():
        error = np.sqrt(np.diag(covariance))
        e = m.estimates(X, errors=errors)
        # Differences of steps of 1e-4 leave about 1e-8 of a term, seen through the inverse.
        assert_allclose(e.standard_error[1:], error[:5], rtol=1e-4)
        assert e.standard_error[0] == pytest.approx(e.standard_error[1], rel=1e-10)


def test_a_component_without_rows_has_no_errors_and_leaves_the_others_theirs():
    X = drawn(np.random.default_rng(3), 300, "full")
    plain = fitted(X, "full")
    with pytest.warns(tn.ConvergenceWarning, match=r"components \[1\] hold no row"):
        m = GaussianMixture(
            3,
            means_init=[MEANS[0], [9.0, 9.0], MEANS[1]],
            weights_init=[0.6, 0.0, 0.4],
            precisions_init=[np.eye(2)] * 3,
            reg_covar=0.0,
            tol=1e-13,
            max_iter=5000,
        ).fit(X)
    with_empty, without = m.estimates(X), plain.estimates(X)
    assert np.isnan(with_empty.standard_error[with_empty.component == 1]).all()
    for mine, other in ((0, 0), (2, 1)):
        assert_allclose(
            with_empty.standard_error[with_empty.component == mine],
            without.standard_error[without.component == other],
            rtol=1e-5,
        )


def test_a_singular_information_is_told():
    X = np.repeat([[0.0], [1.0]], 20, axis=0)
    with pytest.warns(tn.ConvergenceWarning, match="are flat"):
        m = GaussianMixture(2).fit(X)  # two points: nothing but reg_covar holds the variances up
    with pytest.warns(tn.ConvergenceWarning, match="not positive definite"):
        e = m.estimates(X)
    assert np.isnan(e.standard_error).all()
    assert np.isnan(e.lower).all()


def test_limits_of_a_weight_are_those_of_its_logit():
    m = fitted(drawn(np.random.default_rng(4), 200, "diag"), "diag")
    X = drawn(np.random.default_rng(4), 200, "diag")
    e, wide = m.estimates(X), m.estimates(X, level=0.999)
    w = e.estimate[:2]
    logit = np.log(w / (1 - w))
    for side, sign in ((e.lower, -1), (e.upper, 1)):
        reach = 1.959963984540054 * e.standard_error[:2] / (w * (1 - w))
        assert_allclose(np.log(side[:2] / (1 - side[:2])), logit + sign * reach, rtol=1e-12)
    assert ((wide.lower < e.lower) & (e.upper < wide.upper) & (wide.lower[0] > 0)).all()
    assert_allclose(e.upper[2:] - e.estimate[2:], 1.959963984540054 * e.standard_error[2:])


def coverage(shape, n, runs, seed, errors="observed"):
    truth = np.concatenate([WEIGHTS, MEANS.ravel()])
    rng = np.random.default_rng(seed)
    inside = np.zeros(6)
    for _ in range(runs):
        X = drawn(rng, n, shape)
        m = GaussianMixture(
            2,
            covariance_type=shape,
            means_init=MEANS,
            weights_init=WEIGHTS,
            reg_covar=0.0,
            n_threads=1,
        ).fit(X)
        e = m.estimates(X, errors=errors)
        inside += (e.lower <= truth) & (truth <= e.upper)
    return inside / runs


def test_limits_cover_the_truth():
    # Six shares of 250 runs: 0.95 less four standard errors, and not always.
    share = coverage("full", 500, 250, 1)
    assert (share > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 250)).all()
    assert share.mean() < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("errors", ["observed", "robust"])
def test_limits_cover_the_truth_in_many_runs(shape, errors):
    share = coverage(shape, 1000, 2000, 2, errors)
    assert_allclose(share, 0.95, atol=4 * np.sqrt(0.95 * 0.05 / 2000))
