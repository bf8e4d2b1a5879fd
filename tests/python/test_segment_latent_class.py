"""Latent classes against published values, brute force and simulation."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from latent_class_oracle import Likelihood
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import LatentClass

# Answers of 216 people in four conflicts of roles (1 universalistic, 2 particularistic): Stouffer &
# Toby (1951, Am. J. Sociol. 56:395), as analysed by Goodman (1974, Biometrika 61:215).
CONFLICTS = list(itertools.product([1, 2], repeat=4))
PEOPLE = [42, 23, 6, 25, 6, 24, 7, 38, 1, 4, 1, 6, 2, 9, 2, 20]


def survey(rows, seed=0, missing=0.0, effect=0.0):
    """Answers of two classes to five items, and a covariate."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=rows)
    second = rng.random(rows) < 1 / (1 + np.exp(0.5 - effect * z))
    probability = np.array([[0.8, 0.2, 0.75, 0.9, 0.3], [0.25, 0.7, 0.3, 0.4, 0.85]])
    codes = (rng.random((rows, 5)) < probability[second.astype(int)]).astype(int)
    codes[rng.random(codes.shape) < missing] = -1
    return codes, z


def cells(codes):
    return [[None if c < 0 else int(c) for c in row] for row in codes]


def test_the_published_fit_of_two_classes():
    m = LatentClass(2).fit(CONFLICTS, sample_weight=PEOPLE)
    # Goodman (1974): likelihood-ratio chi-square 2.72 on 6 degrees of freedom;
    assert round(m.deviance_, 2) == 2.72
    assert m.degrees_of_freedom_ == 6
    # shares .279 and .721, answers .993, .940, .927, .769 and .714, .330, .354, .132.
    assert_allclose(m.class_shares_, [0.721, 0.279], atol=5e-4)
    first = [p[:, 0] for p in m.answer_probabilities_]
    assert_allclose(
        np.transpose(first), [[0.714, 0.330, 0.354, 0.132], [0.993, 0.940, 0.927, 0.769]], atol=5e-4
    )
    assert m.converged_
    assert m.identified_


def test_three_classes_of_four_items_are_not_identified():
    # 15 numbers for 14 parameters, yet a class's answers can be traded: Goodman (1974).
    with pytest.warns(tn.ConvergenceWarning, match="13 of 14 parameters"):
        m = LatentClass(3, n_init=20).fit(CONFLICTS, sample_weight=PEOPLE)
    assert not m.identified_
    assert np.isnan(m.shares().lower).all()
    assert round(m.deviance_, 2) == 0.39


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("covariate", [False, True])
def test_maximum_and_errors_are_those_of_brute_force(missing, covariate):
    codes, z = survey(250, 3, missing, effect=1.0)
    if covariate:
        z = 4.0 + 10.0 * z  # of another scale than the engine computes in
    design = np.column_stack([np.ones(250), (z - 4.0) / 10.0]) if covariate else None
    oracle = Likelihood(codes, np.ones(250), 2, design)
    value, point = oracle.best(starts=3)
    m = LatentClass(2).fit(cells(codes), covariates=z[:, None] if covariate else None)
    assert_allclose(m.log_likelihood_, value, rtol=1e-9)
    _, answers = oracle.unpacked(point)
    order = [0, 1] if abs(answers[0][0, 1] - m.answer_probabilities_[0][0, 1]) < 1e-3 else [1, 0]
    for ours, theirs in zip(m.answer_probabilities_, answers, strict=True):
        assert_allclose(ours, theirs[order], atol=2e-5)  # BFGS stops there, Newton does not

    covariance = np.linalg.inv(oracle.curvature(point))
    error = np.sqrt(np.diag(covariance))
    b = oracle.terms
    # The oracle's log-odds of level 1 against level 0 are logits of both.
    theirs = error[b:].reshape(5, 2)[:, order]
    assert_allclose([se[:, 0] for se in m.answer_errors_], theirs, rtol=2e-4)
    scaled = m.coefficients().standard_error * ([1.0, 10.0] if covariate else 1.0)
    if covariate:
        to_oracle = np.array([[1.0, 4.0], [0.0, 10.0]])  # of z = 4 + 10 u
        ours = to_oracle @ m.coefficient_covariance_ @ to_oracle.T
        assert_allclose(ours, covariance[:b, :b], rtol=2e-3, atol=1e-6)
    else:
        assert_allclose(scaled, error[:b], rtol=2e-4)


def test_limits_are_normal_ones_of_the_log_odds():
    m = LatentClass(2).fit(CONFLICTS, sample_weight=PEOPLE)
    table = m.answers(0.9)
    logit = np.log(table.probability / (1 - table.probability))
    assert_allclose(
        table.upper, 1 / (1 + np.exp(-logit - 1.6448536269514722 * table.standard_error)), 1e-7
    )
    assert_allclose(
        table.lower, 1 / (1 + np.exp(-logit + 1.6448536269514722 * table.standard_error)), 1e-7
    )
    shares = m.shares()
    assert ((shares.lower < shares.share) & (shares.share < shares.upper)).all()


def inside(replicates):
    """How often 95 % limits cover the truth, over shares, answers and coefficients."""
    truth = np.array([[0.8, 0.2, 0.75, 0.9, 0.3], [0.25, 0.7, 0.3, 0.4, 0.85]])
    covered = []
    for seed in range(replicates):
        codes, z = survey(700, seed, missing=0.05, effect=1.0)
        m = LatentClass(2, n_init=2).fit(cells(codes), covariates=z[:, None])
        order = [0, 1] if m.answer_probabilities_[0][0, 1] > 0.5 else [1, 0]
        table = m.answers()
        expected = np.stack([1 - truth[order], truth[order]], axis=2).ravel()
        hits = (table.lower <= expected) & (expected <= table.upper)
        slope = m.coefficients()
        sign = 1.0 if order == [0, 1] else -1.0
        both = sign * np.array([-0.5, 1.0])
        covered.append([*hits[1::2], *((slope.lower <= both) & (both <= slope.upper))])
    return np.mean(covered)


def test_limits_cover():
    # 12 parameters of 40 samples: a standard error of at most 0.034 were they one, 0.01 alone.
    assert 0.91 < inside(40) < 0.985


@pytest.mark.slow
def test_limits_cover_in_many_samples():
    assert 0.935 < inside(1000) < 0.965


def test_a_probability_on_the_boundary_is_flagged():
    codes = [[0, 0, 0, 0]] * 40 + [[0, 1, 0, 0]] * 9 + [[1, 1, 1, 1]] * 30 + [[1, 1, 1, 0]] * 8
    m = LatentClass(2).fit(codes + [[0, 0, 1, 0]] * 7)
    table = m.answers().to_pandas()
    edge = table[table.boundary]
    assert set(edge.probability) == {0.0, 1.0}
    assert edge.lower.isna().all()
    inner = table[~table.boundary]
    assert np.isfinite(inner.lower).all()
    assert ((inner.probability > 0) & (inner.probability < 1)).all()
    # Brute force, which creeps towards the edge, finds nothing higher.
    assert (
        m.log_likelihood_
        >= Likelihood(codes + [[0, 0, 1, 0]] * 7, np.ones(94), 2).best(4)[0] - 1e-6
    )


@given(st.integers(0, 10**6))
def test_a_weight_is_a_repetition_and_order_does_not_matter(seed):
    codes, _ = survey(40, seed, missing=0.1)
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 4, 40)
    settings = {"n_classes": 2, "n_init": 2, "random_state": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # 40 rows may tell too little
        weighted = LatentClass(**settings).fit(cells(codes), sample_weight=weight)
        order = rng.permutation(weight.sum())
        repeated = LatentClass(**settings).fit(cells(np.repeat(codes, weight, axis=0)[order]))
    assert repeated.n_patterns_ == weighted.n_patterns_ == len({tuple(c) for c in codes})
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-6)


def test_threads_never_change_a_bit():
    codes, z = survey(9000, 1, effect=1.0)
    models = [
        LatentClass(2, n_init=2, max_iter=20, n_threads=t).fit(codes, covariates=z[:, None])
        for t in (1, 3)
    ]
    assert models[0].log_likelihood_ == models[1].log_likelihood_
    assert_array_equal(models[0].coefficient_covariance_, models[1].coefficient_covariance_)


def test_posteriors_are_bayes_rule():
    codes, z = survey(200, 5, missing=0.2, effect=1.0)
    m = LatentClass(2).fit(cells(codes), covariates=z[:, None])
    odds = np.exp(m.coefficients_[0, 0] + m.coefficients_[0, 1] * z)
    joint = np.column_stack([np.ones(200), odds]) / (1 + odds)[:, None]
    for column, answer in zip(codes.T, m.answer_probabilities_, strict=True):
        joint *= np.where(column[:, None] >= 0, answer[:, column].T, 1.0)
    ours = m.predict_proba(cells(codes), covariates=z[:, None])
    assert_allclose(ours, joint / joint.sum(axis=1, keepdims=True), rtol=1e-11)
    assert_array_equal(m.labels_, ours.argmax(axis=1))
    assert_allclose(
        m.score(cells(codes), covariates=z[:, None]), np.log(joint.sum(axis=1)).mean(), rtol=1e-12
    )
    assert_allclose(m.log_likelihood_, np.log(joint.sum(axis=1)).sum(), rtol=1e-12)


def test_information_criteria_and_entropy():
    m = LatentClass(2).fit(CONFLICTS, sample_weight=PEOPLE)
    assert m.n_parameters_ == 9
    assert_allclose(m.bic_, -2 * m.log_likelihood_ + 9 * np.log(216), rtol=1e-14)
    assert_allclose(m.aic_, -2 * m.log_likelihood_ + 18, rtol=1e-14)
    p = m.predict_proba(CONFLICTS)
    lost = -(np.array(PEOPLE)[:, None] * p * np.log(p)).sum()
    assert_allclose(m.entropy_, 1 - lost / (216 * np.log(2)), rtol=1e-12)


def test_one_class_is_the_table_of_margins():
    m = LatentClass(1).fit(CONFLICTS, sample_weight=PEOPLE)
    share = np.dot(PEOPLE, np.array(CONFLICTS) == 1) / 216
    assert_allclose([p[0, 0] for p in m.answer_probabilities_], share, rtol=1e-13)
    assert m.entropy_ == 1.0


def test_missing_as_a_level_and_unseen_as_missing():
    frame = pd.DataFrame({"a": ["x", "y", None, "x"] * 9, "b": ["p", "q", "q", "p"] * 9})
    m = LatentClass(1, missing="level").fit(frame)
    assert m.categories_ == (("x", "y", None), ("p", "q"))
    assert m.answers().category[2] == "(missing)"
    assert LatentClass(1).fit(frame).categories_[0] == ("x", "y")
    with pytest.warns(tn.DataWarning, match=r"X\[0, 'a'\] = 'new'"):
        m.predict(pd.DataFrame({"a": ["new"], "b": ["p"]}))
    with pytest.raises(tn.InvalidInputError, match="not seen"):
        m.set_params(unseen="error").predict(pd.DataFrame({"a": ["new"], "b": ["p"]}))


def test_comes_back_from_a_file(tmp_path):
    codes, z = survey(100, 2, effect=1.0)
    m = LatentClass(2).fit(codes, covariates=z[:, None])
    m.save(tmp_path / "m.tenure")
    back = tn.load(tmp_path / "m.tenure")
    assert_array_equal(
        back.predict_proba(codes, covariates=z[:, None]),
        m.predict_proba(codes, covariates=z[:, None]),
    )
    assert repr(back.answers()) == repr(m.answers())


def test_draws_one_row_an_answer():
    import matplotlib

    matplotlib.use("agg")
    m = LatentClass(2).fit(CONFLICTS, sample_weight=PEOPLE)
    ax = m.answers().plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == [f"x{j} = 2" for j in range(4)]
    assert_array_equal(ax.lines[0].get_xdata(), [p[0, 1] for p in m.answer_probabilities_])
    matplotlib.pyplot.close(ax.figure)


BAD = [
    ({"n_classes": 0}, {}, "n_classes must be >= 1"),
    ({"n_init": 0}, {}, "n_init must be >= 1"),
    ({"tol": 0.0}, {}, "tol must be"),
    ({"missing": "drop"}, {}, "missing must be one of"),
    ({}, {"X": [[None, 1], [None, 2]]}, r"X\[0\] has no answers"),
    ({}, {"sample_weight": [-1.0] + [1.0] * 15}, r"sample_weight\[0\] must be"),
    ({}, {"sample_weight": [0.0] * 16}, "sample_weight must be"),
    ({}, {"covariates": np.ones((16, 1))}, "does not vary"),
    ({}, {"covariates": [[np.nan]] + [[1.0]] * 15}, r"covariates\[0, 0\] must be finite"),
    ({}, {"covariates": [[1.0]]}, "one row for each of the 16"),
]


@pytest.mark.parametrize(("settings", "given_", "says"), BAD)
def test_refuses(settings, given_, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        LatentClass(**settings).fit(**{"X": CONFLICTS, **given_})


def test_refuses_covariates_that_fit_did_not_have():
    m = LatentClass(2).fit(CONFLICTS, sample_weight=PEOPLE)
    with pytest.raises(tn.InvalidInputError, match="were not given to fit"):
        m.predict(CONFLICTS, covariates=np.ones((16, 1)))
    with pytest.raises(tn.InvalidInputError, match="must have the 4 columns"):
        m.predict([[1, 2]])
