"""Shapley values against all orders, importances against all pairs, reasons in words."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import tenure as tn
from tenure.churn._words import sentence

RNG = np.random.default_rng(7)
X = RNG.normal(size=(300, 3))
Y = RNG.random(300) < 1.0 / (1.0 + np.exp(-(X[:, 0] - X[:, 1] * X[:, 2])))
LINEAR = LogisticRegression().fit(X, Y)
BENT = DecisionTreeClassifier(max_depth=3, min_samples_leaf=10, random_state=0).fit(X, Y)


def odds(model, table):
    p = model.predict_proba(table)[:, 1].clip(1e-6, 1 - 1e-6)
    return np.log(p / (1.0 - p))


def by_definition(model, row, background, parts):
    """Every subset of features, weighted as Shapley (1953) does, over the whole background."""
    m = len(parts)

    def worth(subset):
        mixed = background.copy()
        for part in subset:
            mixed[:, part] = row[part]
        return odds(model, mixed).mean()

    told = np.zeros(m)
    for j in range(m):
        others = [parts[i] for i in range(m) if i != j]
        for size in range(m):
            weight = math.factorial(size) * math.factorial(m - size - 1) / math.factorial(m)
            for subset in itertools.combinations(others, size):
                told[j] += weight * (worth([*subset, parts[j]]) - worth(subset))
    return told


def test_linear_values_are_those_of_the_definition():
    told = tn.churn.shapley(LINEAR, X[:3], X[:40])
    for i in range(3):
        expected = by_definition(LINEAR, X[i], X[:40], [[0], [1], [2]])
        assert_allclose(told.values[i], expected, atol=1e-12)
    assert_allclose(told.base + told.values.sum(axis=1), odds(LINEAR, X[:3]), atol=1e-12)
    assert (told.standard_error == 0).all()


def test_groups_of_a_linear_model_add_up():
    told = tn.churn.shapley(LINEAR, X[:2], X, groups={"pair": ["x0", 2]})
    alone = tn.churn.shapley(LINEAR, X[:2], X).values
    assert told.names == ("pair", "x1")
    assert_allclose(told.values, np.column_stack([alone[:, 0] + alone[:, 2], alone[:, 1]]))


def test_sampled_values_are_within_their_errors_of_the_definition():
    rows, background = X[:8], X[50:90]
    told = tn.churn.shapley(BENT, rows, background, n_permutations=400)
    off = np.array(
        [told.values[i] - by_definition(BENT, r, background, [[0], [1], [2]])
         for i, r in enumerate(rows)]
    )  # fmt: skip
    # 24 values, their errors of the sampling; one more part for the base that all rows share.
    assert (np.abs(off) <= 4.0 * told.standard_error + 0.05).all()
    assert np.sqrt(np.mean(off**2)) < 0.1
    assert_allclose(told.base + told.values.sum(axis=1), odds(BENT, rows), atol=1e-10)


def test_a_feature_that_the_model_leaves_out_has_no_part():
    wide = np.column_stack([X, RNG.normal(size=300)])
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(wide[:, :3], Y)

    class Blind:
        def predict_proba(self, table):
            return model.predict_proba(table[:, :3])

    told = tn.churn.permutation_importance(Blind(), wide, Y)
    k = told.name.index("x3")
    assert_allclose(told.value[k], 0.0, atol=1e-14)


def test_importance_is_that_of_all_pairs():
    rows, y = X[:60], Y[:60]
    told = tn.churn.permutation_importance(LINEAR, rows, y, loss="brier", n_repeats=400)
    before = np.mean((LINEAR.predict_proba(rows)[:, 1] - y) ** 2)
    for name, value in zip(told.name, told.value, strict=True):
        j = int(name[1])
        total = 0.0
        for giver in range(60):
            mixed = rows.copy()
            mixed[:, j] = rows[giver, j]
            total += np.mean((LINEAR.predict_proba(mixed)[:, 1] - y) ** 2) / 60
        # 400 shuffles of 60 rows: the mean of 24,000 pairs, whose losses differ by about 0.3.
        assert_allclose(value, total - before, atol=4 * 0.3 / np.sqrt(24_000))
    assert_allclose(told.baseline, before)


def test_limits_of_importance_cover():
    """The truth from 10^5 other rows."""
    coef = np.array([1.0, -0.5])

    def draw(n, seed):
        rng = np.random.default_rng(seed)
        table = rng.normal(size=(n, 2))
        return table, rng.random(n) < 1.0 / (1.0 + np.exp(-table @ coef))

    model = LogisticRegression().fit(*draw(2000, 10**6))
    table, y = draw(100_000, 10**7)
    many = tn.churn.permutation_importance(model, table, y, n_repeats=2)
    truth = dict(zip(many.name, many.value, strict=True))
    inside, runs = 0, 150
    for seed in range(runs):
        told = tn.churn.permutation_importance(model, *draw(400, seed), n_repeats=5)
        for k, name in enumerate(told.name):
            inside += told.lower[k] <= truth[name] <= told.upper[k]
    # Few shuffles leave noise that is counted for givers and takers: limits err wide.
    assert 0.91 <= inside / (2 * runs) <= 1.0


def test_partial_effect_is_the_mean_over_all_rows():
    told = tn.churn.partial_effect(BENT, X, "x0", at=[-1.0, 0.0, 1.0])
    for k, value in enumerate(told.at):
        moved = X.copy()
        moved[:, 0] = value
        p = BENT.predict_proba(moved)[:, 1].clip(1e-6, 1 - 1e-6)
        assert_allclose(told.probability[k], p.mean(), rtol=1e-9)
        assert_allclose(told.standard_error[k], p.std(ddof=1) / np.sqrt(300), atol=1e-14)
    assert_array_equal(
        tn.churn.partial_effect(BENT, X, 0, customers=np.arange(300)).standard_error,
        tn.churn.partial_effect(BENT, X, 0).standard_error,
    )


def test_models_of_frames_are_asked_with_frames():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame, Y)
    assert tn.churn.partial_effect(model, frame, "b").name == "b"
    assert set(tn.churn.permutation_importance(model, frame, Y).name) == {"a", "b", "c"}
    assert tn.churn.reasons(model, frame, 1).reasons[0][0].split()[0] in {"a", "b", "c"}


def test_reasons_are_the_largest_that_raise_the_odds():
    told = tn.churn.reasons(LINEAR, X[:20], k=2, background=X, customer=np.arange(100, 120))
    each = tn.churn.shapley(LINEAR, X[:20], X).values
    for i in range(20):
        want = sorted((v for v in each[i] if v > 0), reverse=True)[:2]
        assert_allclose(told.contributions[i], want)
        assert len(told.reasons[i]) == len(want)
    table = told.to_arrow()
    assert table.column_names == ["customer", "probability", "reason_1", "reason_2"]
    assert table["customer"][0].as_py() == 100


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("days_since_last", "nothing for 92 days (typical: 20.2)"),
        ("orders_90d", "92 orders in the last 90 days (typical: 20.2)"),
        ("amount_total", "spent 92 in all (typical: 20.2)"),
        ("n_open {x}_30d", "92 of open {x} in the last 30 days (typical: 20.2)"),
        ("mean_gap", "92 days between active days (typical: 20.2)"),
        ("trend_12h", "92 events more in the later half in the last 12 hours than before"
                      " (typical: 20.2)"),
        ("tickets {open}", "tickets {open} is 92 (typical: 20.2)"),
    ],
)  # fmt: skip
def test_features_have_words(name, said):
    assert sentence(name, 92.0, 20.2, None) == said


def test_numbers_in_words_are_short():
    assert sentence("a", 1234567.0, math.nan, None) == "a is 1,234,567 (typical: not known)"
    assert sentence("a", 0.12345, 12.3456, {"a": "{value} of {typical}"}) == "0.123 of 12.3"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tn.churn.shapley(LINEAR, X, groups={"g": ["x9"]}), "names 'x9'"),
        (lambda: tn.churn.shapley(LINEAR, X, groups={"g": [0], "h": [0]}), "no other group"),
        (lambda: tn.churn.shapley(LINEAR, X, groups={"g": []}), "at least one"),
        (lambda: tn.churn.shapley(LINEAR, X, groups={"x1": [0]}), "called as a feature"),
        (lambda: tn.churn.shapley(LINEAR, X, X[:, :2]), "must have the features of X"),
        (lambda: tn.churn.shapley(object(), X), "must have predict_proba"),
        (lambda: tn.churn.shapley(BENT, X, n_permutations=1), "n_permutations must be >= 2"),
        (lambda: tn.churn.reasons(LINEAR, X, 0), "k must be >= 1"),
        (lambda: tn.churn.reasons(LINEAR, X, names=["a"]), "names has 1 names"),
        (lambda: tn.churn.reasons(LINEAR, X, customer=[1]), "customer has 1 rows"),
        (lambda: tn.churn.permutation_importance(LINEAR, X), "y must be given"),
        (lambda: tn.churn.permutation_importance(LINEAR, X, Y, loss="auc"), "loss must be one of"),
        (lambda: tn.churn.permutation_importance(LINEAR, X, Y[:5]), "probability has 300 rows"),
        (lambda: tn.churn.partial_effect(LINEAR, X, "x7"), "names 'x7'"),
        (lambda: tn.churn.partial_effect(LINEAR, [[np.nan]], 0), "no known value"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        call()
