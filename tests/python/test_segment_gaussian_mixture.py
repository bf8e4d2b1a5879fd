"""Gaussian mixtures: scikit-learn's steps, mclust's numbers, the definition, properties."""

from __future__ import annotations

import copy
import pickle
import warnings

import mpmath
import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
import sklearn.mixture
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn

SHAPES = ("full", "tied", "diag", "spherical")
GaussianMixture = tn.segment.GaussianMixture


def clouds(seed, n, d, k, spread=1.5, weights=None):
    """Rows of k Gaussian clouds with covariances of their own, and their labels."""
    rng = np.random.default_rng(seed)
    centres = spread * rng.normal(size=(k, d))
    roots = rng.normal(size=(k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    labels = rng.choice(k, n, p=weights)
    return centres[labels] + np.einsum("nab,nb->na", roots[labels], rng.normal(size=(n, d))), labels


def a_start(X, k, shape, seed=0):
    """Weights, means and precisions that are no solution."""
    d = X.shape[1]
    means = X[np.random.default_rng(seed).choice(len(X), k, replace=False)]
    matrix = np.eye(d) + 0.2 * np.ones((d, d))
    precisions = {
        "full": np.tile(matrix, (k, 1, 1)),
        "tied": matrix,
        "diag": np.full((k, d), 0.7),
        "spherical": np.full(k, 0.7),
    }[shape]
    return {
        "weights_init": np.arange(1, k + 1) / (k * (k + 1) / 2),
        "means_init": means,
        "precisions_init": precisions,
    }


def quiet(model, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(*args, **kwargs)


# --- against others ----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "d", "k"), [(60, 1, 2), (500, 2, 3), (9000, 3, 2), (1500, 9, 5)])
def test_takes_scikit_learns_steps(shape, n, d, k):
    X, _ = clouds(n + d, n, d, k)
    start = a_start(X, k, shape)
    for max_iter in (1, 2, 12):
        settings = {"covariance_type": shape, "max_iter": max_iter, "tol": 0.0, **start}
        ours = quiet(GaussianMixture(k, **settings), X)
        theirs = quiet(sklearn.mixture.GaussianMixture(k, **settings), X)
        assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-12)
        # Twelve steps carry rounding on; theirs takes covariances as differences of squares.
        for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
            assert_allclose(
                getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-9, err_msg=name
            )
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose([ours.bic_, ours.aic_], [theirs.bic(X), theirs.aic(X)], rtol=1e-12)
    settings = {"covariance_type": shape, "tol": 1e-3, "max_iter": 500, **start}
    ours = quiet(GaussianMixture(k, **settings), X)  # and it stops where scikit-learn stops
    theirs = sklearn.mixture.GaussianMixture(k, **settings).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_


# mclustBIC(iris[, 1:4]) of R's mclust 5: VVV, EEE, VVI, VII. Its BIC is minus ours. One component
# is solved in closed form; the others are maxima that EM reaches to the printed digits.
MCLUST = {
    ("full", 1): -829.9782,
    ("full", 2): -574.0178,
    ("tied", 2): -688.0972,
    ("diag", 1): -1522.1202,
    ("diag", 2): -857.5515,
    ("spherical", 1): -1804.0854,
    ("spherical", 2): -1012.2352,
}


@pytest.mark.parametrize(("shape", "k"), MCLUST)
def test_mclust_on_iris(shape, k):
    X = sklearn.datasets.load_iris().data
    m = GaussianMixture(k, covariance_type=shape, reg_covar=0.0, tol=1e-9).fit(X)
    assert -m.bic_ == pytest.approx(MCLUST[shape, k], abs=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_densities_are_those_of_the_definition(shape):
    X, _ = clouds(3, 300, 3, 2)
    m = GaussianMixture(2, covariance_type=shape).fit(X)
    rows = np.concatenate([X[:8], [[40.0, -30.0, 5.0]]])  # the last far from both
    with mpmath.workdps(50):
        for row, density, shares in zip(
            rows, m.score_samples(rows), m.predict_proba(rows), strict=True
        ):
            parts = []
            for c in range(2):
                own = m.covariances_ if shape == "tied" else m.covariances_[c]
                matrix = {
                    "diag": lambda v: np.diag(v),
                    "spherical": lambda v: v * np.eye(3),
                }.get(shape, lambda v: v)(own)
                S = mpmath.matrix(matrix.tolist())
                z = mpmath.matrix((row - m.means_[c]).tolist())
                squared = (z.T * mpmath.lu_solve(S, z))[0]
                parts.append(
                    mpmath.mpf(m.weights_[c])
                    * mpmath.exp(-squared / 2)
                    / mpmath.sqrt((2 * mpmath.pi) ** 3 * mpmath.det(S))
                )
            total = sum(parts)
            # The covariances are products of the factors: rounded once more.
            assert density == pytest.approx(float(mpmath.log(total)), rel=1e-12)
            assert_allclose(shares, [float(p / total) for p in parts], rtol=1e-9)


# --- properties --------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_weight_counts_as_equal_rows(shape):
    X, _ = clouds(4, 120, 2, 2)
    weight = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    start = a_start(X, 2, shape)
    weighted = GaussianMixture(2, covariance_type=shape, **start).fit(X, sample_weight=weight)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    plain = GaussianMixture(2, covariance_type=shape, **start).fit(repeated)
    assert weighted.n_iter_ == plain.n_iter_
    assert_allclose(weighted.means_, plain.means_, rtol=1e-9)
    assert_allclose(weighted.covariances_, plain.covariances_, rtol=1e-9)
    for name in ("log_likelihood_", "entropy_", "bic_", "icl_", "aic_"):
        assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-9)
    for errors in ("observed", "robust"):
        a = weighted.estimates(X, weight, errors=errors)
        b = plain.estimates(repeated, errors=errors)
        assert_allclose(a.standard_error, b.standard_error, rtol=1e-7)


def test_a_start_from_parts_takes_weights_too():
    X, _ = clouds(5, 200, 2, 3, spread=4.0)
    a = GaussianMixture(3, means_init=X[:3]).fit(X, sample_weight=np.full(len(X), 2.0))
    b = GaussianMixture(3, means_init=X[:3]).fit(np.repeat(X, 2, axis=0))
    assert_allclose(a.lower_bounds_, b.lower_bounds_, rtol=1e-10)
    zeros = np.r_[np.ones(150), np.zeros(50)]
    c = GaussianMixture(3, means_init=X[:3]).fit(X, sample_weight=zeros)
    d = GaussianMixture(3, means_init=X[:3]).fit(X[:150])
    assert_allclose(c.lower_bounds_, d.lower_bounds_, rtol=1e-10)


@given(
    seed=st.integers(0, 2**32),
    d=st.integers(1, 6),
    k=st.integers(1, 4),
    shape=st.sampled_from(SHAPES),
)
def test_the_likelihood_never_falls_and_shares_add_up(seed, d, k, shape):
    X, _ = clouds(seed, 150, d, k)
    model = GaussianMixture(k, covariance_type=shape, reg_covar=0.0, max_iter=60)
    try:
        m = quiet(model, X)
    except tn.InvalidInputError as error:  # a cloud may lie in a plane or in a point
        assert error.argument == "reg_covar"  # noqa: PT017 - which of the errors it is
        return
    assert (np.diff(m.lower_bounds_) >= -1e-12 * np.abs(m.lower_bounds_[1:])).all()
    shares = m.predict_proba(X)
    assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-13)
    assert_array_equal(m.predict(X), shares.argmax(axis=1))
    assert m.weights_.sum() == pytest.approx(1.0, abs=1e-14)
    # A step ends at the means of the shares: what is fitted explains the rows' mean exactly.
    assert_allclose(m.weights_ @ m.means_, X.mean(axis=0), rtol=1e-9, atol=1e-10)
    spent = shares * np.log(np.maximum(shares, 1e-320))
    assert m.entropy_ == pytest.approx(-spent.sum(), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_units_do_not_matter(shape):
    X, _ = clouds(6, 400, 3, 3)
    # Powers of two: no digit is lost. One variance for all columns bears one unit only.
    unit = np.full(3, 2.0**12) if shape == "spherical" else 2.0 ** np.array([-20, 3, 30])
    a = GaussianMixture(3, covariance_type=shape, reg_covar=0.0).fit(X)
    b = GaussianMixture(3, covariance_type=shape, reg_covar=0.0).fit(X * unit)
    assert a.n_iter_ == b.n_iter_
    assert_allclose(a.means_, b.means_ / unit, rtol=1e-9)
    assert_array_equal(a.predict(X), b.predict(X * unit))
    assert a.log_likelihood_ == pytest.approx(
        b.log_likelihood_ + len(X) * np.log(unit).sum(), rel=1e-10
    )


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_keeps_its_precision_far_from_the_origin(offset):
    X, _ = clouds(7, 500, 3, 2)
    X = np.round(X * 64) / 64  # exactly kept at every offset
    near = GaussianMixture(2, means_init=X[:2]).fit(X)
    far = GaussianMixture(2, means_init=X[:2] + offset).fit(X + offset)
    # The rounding of the mean that is subtracted first is all that differs.
    assert_allclose(far.covariances_, near.covariances_, rtol=1e-7)
    assert far.log_likelihood_ == pytest.approx(near.log_likelihood_, rel=1e-9)


def test_a_narrow_component_far_from_the_others_keeps_its_digits():
    rng = np.random.default_rng(8)
    shape = rng.normal(size=(200, 2)) @ [[1.0, 0.9], [0.0, 0.1]]
    narrow = 1e-6 * shape
    X = np.concatenate([rng.normal(size=(200, 2)), 1000.0 + narrow])
    m = GaussianMixture(2, reg_covar=0.0).fit(X)
    c = int(m.means_[:, 0].argmax())
    # 1e-6 at 1000 leaves 7 digits of each cell, which the mean of 200 improves.
    assert_allclose(m.covariances_[c], np.cov(narrow.T, ddof=0), rtol=1e-6)


def test_the_thread_count_never_changes_a_bit():
    X, _ = clouds(9, 30_000, 3, 3)
    weight = np.random.default_rng(2).exponential(size=len(X))
    fits = [
        quiet(GaussianMixture(3, n_init=2, max_iter=5, n_threads=t), X, sample_weight=weight)
        for t in (1, 2, 5)
    ]
    for m in fits[1:]:
        assert m.covariances_.tobytes() == fits[0].covariances_.tobytes()
        assert m.predict_proba(X).tobytes() == fits[0].predict_proba(X).tobytes()
        assert m.sample(20_000)[0].tobytes() == fits[0].sample(20_000)[0].tobytes()


def test_a_rows_answer_does_not_depend_on_the_other_rows():
    X, _ = clouds(10, 333, 3, 3)
    m = GaussianMixture(3).fit(X)
    assert_array_equal(m.predict_proba(X)[100:107], m.predict_proba(X[100:107]))
    assert_array_equal(m.score_samples(X)[[5]], m.score_samples(X[[5]]))


def test_finds_a_mixture_that_is_known():
    X, labels = clouds(11, 20_000, 3, 3, spread=3.0, weights=[0.5, 0.3, 0.2])
    m = GaussianMixture(3, n_init=3).fit(X)
    names = m.predict(X)
    for c in range(3):
        own = np.bincount(names[labels == c]).argmax()
        mine = X[labels == c]
        share = np.mean(labels == c)
        # Four standard errors of what the labels, were they known, would say; overlap adds to them.
        assert m.weights_[own] == pytest.approx(share, abs=6 * np.sqrt(share / len(X)))
        assert_allclose(
            m.means_[own], mine.mean(axis=0), atol=6 * mine.std(axis=0).max() / np.sqrt(len(mine))
        )
        assert_allclose(m.covariances_[own], np.cov(mine.T), atol=0.08 * np.cov(mine.T).max())


# --- criteria and draws ------------------------------------------------------------------------


def test_criteria_are_what_they_are_called():
    X, _ = clouds(12, 300, 2, 2)
    m = GaussianMixture(2).fit(X)
    assert m.n_parameters_ == 1 + 4 + 6
    assert m.log_likelihood_ == pytest.approx(m.score_samples(X).sum(), rel=1e-13)
    assert m.score(X) == pytest.approx(m.log_likelihood_ / 300, rel=1e-13)
    assert m.bic_ == pytest.approx(-2 * m.log_likelihood_ + 11 * np.log(300), rel=1e-14)
    assert m.aic_ == pytest.approx(-2 * m.log_likelihood_ + 22, rel=1e-14)
    assert m.icl_ == pytest.approx(m.bic_ + 2 * m.entropy_, rel=1e-14)
    for name in ("bic", "aic", "icl", "entropy"):
        assert getattr(m, name)(X) == pytest.approx(getattr(m, f"{name}_"), rel=1e-12)
    alone = GaussianMixture(1).fit(X)
    assert alone.entropy_ == 0.0
    assert alone.icl_ == alone.bic_
    counts = {s: GaussianMixture(3, covariance_type=s).fit(X).n_parameters_ for s in SHAPES}
    assert counts == {"full": 17, "tied": 11, "diag": 14, "spherical": 11}


@pytest.mark.parametrize("shape", SHAPES)
def test_draws_follow_the_mixture(shape):
    X, _ = clouds(13, 500, 2, 2)
    m = GaussianMixture(2, covariance_type=shape).fit(X)
    drawn, labels = m.sample(20_000)
    for c in range(2):
        own = drawn[labels == c]
        covariance = {
            "full": m.covariances_[c],
            "tied": m.covariances_,
            "diag": np.diag(np.atleast_1d(m.covariances_[c])) if shape == "diag" else None,
            "spherical": np.eye(2) * m.covariances_[c],
        }[shape]
        error = np.sqrt(np.diag(covariance) / len(own))
        assert (np.abs(own.mean(axis=0) - m.means_[c]) < 4 * error).all()
        assert_allclose(np.cov(own.T), covariance, atol=0.06 * np.diag(covariance).max())
    assert np.mean(labels) == pytest.approx(m.weights_[1], abs=4 * 0.5 / np.sqrt(20_000))
    assert_array_equal(drawn, m.sample(20_000)[0])
    assert (drawn[:5] != m.sample(5, random_state=1)[0]).all()


# --- starts, ends, inputs ----------------------------------------------------------------------


def test_several_starts_keep_the_likeliest():
    X, _ = clouds(14, 400, 2, 5)
    runs = [GaussianMixture(5, n_init=n).fit(X).log_likelihood_ for n in (1, 2, 6)]
    assert runs == sorted(runs)
    assert runs[0] < runs[-1]


@pytest.mark.parametrize("shape", SHAPES)
def test_collapse_is_told(shape):
    point = np.repeat([[0.0, 1.0], [5.0, 1.0]], 20, axis=0)
    with pytest.raises(tn.InvalidInputError, match="collapsed") as caught:
        GaussianMixture(2, covariance_type=shape, reg_covar=0.0).fit(point)
    assert caught.value.argument == "reg_covar"
    with pytest.warns(tn.ConvergenceWarning, match="more than half of the variance"):
        m = GaussianMixture(2, covariance_type=shape).fit(point)
    assert_allclose(np.sort(m.means_[:, 0]), [0.0, 5.0], atol=1e-12)


def test_more_components_than_distinct_rows():
    two = np.repeat([[0.0, 1.0], [5.0, -2.0]], 20, axis=0)
    m = quiet(GaussianMixture(4), two)
    assert any("hold no row" in text for text in m.warnings_)
    assert np.isfinite(m.covariances_).all()
    assert np.sort(m.weights_).tolist() == [0.0, 0.0, 0.5, 0.5]


def test_float32_frames_and_files(tmp_path):
    X, _ = clouds(15, 200, 2, 2)
    single = X.astype(np.float32)
    assert_array_equal(
        GaussianMixture(2).fit(single).means_, GaussianMixture(2).fit(single.astype(float)).means_
    )
    frame = pd.DataFrame(X, columns=["recency", "spend"])
    m = GaussianMixture(2).fit(frame)
    assert m.estimates(frame).parameter[2:4] == ("mean of recency", "mean of spend")
    m.save(tmp_path / "m.tenure")
    for other in (tn.load(tmp_path / "m.tenure"), pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        assert_array_equal(other.predict_proba(frame), m.predict_proba(frame))
        assert other.bic_ == m.bic_
        assert other.feature_names_in_.tolist() == ["recency", "spend"]
    table = m.estimates(frame)
    again = pickle.loads(pickle.dumps(table))
    assert again.parameter == table.parameter
    assert_array_equal(again.upper, table.upper)
    with pytest.raises(tn.InvalidInputError, match=r"X\[3, 'spend'\] must be finite"):
        m.predict(frame.assign(spend=np.where(np.arange(200) == 3, np.nan, frame["spend"])))
