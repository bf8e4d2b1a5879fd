"""Scores of a campaign, values of policies, calibration: by hand, unbiased, with coverage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from uplift_campaigns import LeastSquares, money, responses

import tenure as tn

OLS = LeastSquares()


def judged(c, **given):
    given = {"propensity": c.propensity, "outcome_model": OLS, **given}
    return tn.churn.potential_outcomes(c.X, c.outcome, c.treated, **given)


def test_scores_by_hand():
    y, treated = np.array([4.0, 1.0, 8.0, 3.0]), np.array([1, 0, 1, 0])
    seen = tn.churn.potential_outcomes(None, y, treated, propensity=0.25, n_folds=2)
    # Each arm has one customer in either fold: what is expected is the outcome of the other fold's.
    for row in range(4):
        for arm in (0, 1):
            (other,) = np.flatnonzero((seen.fold != seen.fold[row]) & (treated == arm))
            assert seen.expected[row, arm] == y[other]
            weight = (treated[row] == arm) / (0.25 if arm else 0.75)
            score = y[other] + weight * (y[row] - y[other])
            assert_allclose(seen.score[row, arm], score)
    assert_allclose(seen.effect(), seen.score[:, 1] - seen.score[:, 0])
    assert seen.to_arrow()["customers"].to_pylist() == [2, 2]


def test_the_mean_is_right_whatever_the_model_of_outcomes():
    """Over draws of the treatment with known propensities, customers and outcomes held fixed."""

    class Wrong:
        def get_params(self, deep=True):
            return {}

        def fit(self, X, y):
            return self

        def predict(self, X):
            return 7.0 - 3.0 * X[:, 0]

    rng = np.random.default_rng(0)
    X, chance = rng.normal(size=(40, 2)), rng.uniform(0.3, 0.7, 40)
    none, one = rng.normal(size=40), rng.normal(size=40) + 1.0
    found = []
    for _ in range(600):
        treated = rng.random(40) < chance
        if treated.sum() in (0, 1, 39, 40):
            continue
        seen = tn.churn.potential_outcomes(
            X, np.where(treated, one, none), treated, propensity=chance, outcome_model=Wrong()
        )
        found.append(seen.effect().mean())
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - (one - none).mean()) < 3.5 * error


def test_values_by_hand():
    seen = tn.churn.potential_outcomes(
        None, [4.0, 1.0, 8.0, 3.0], [1, 0, 1, 0], propensity=0.25, n_folds=2
    )
    policy = [1, 0, 0, 1]
    each = 2.0 * seen.score[np.arange(4), policy] - np.array([1.0, 0, 0, 1.0])
    found = tn.churn.policy_value(policy, seen, value=2.0, cost=1.0)
    assert_allclose(found.value, each.mean())
    assert_allclose(found.standard_error, each.std(ddof=1) / 2.0)
    # By inverse propensity only the first two, who were in the arm chosen, weigh: 4 and 4/3.
    weighed = tn.churn.policy_value(policy, seen, value=2.0, cost=1.0, method="ipw")
    assert_allclose(weighed.value, (4 * (2 * 4 - 1) + 4 / 3 * 2 * 1) / (4 + 4 / 3))
    # A coin that sends half of them is the mean of both certain policies.
    coin = tn.churn.policy_value(np.full((4, 2), 0.5), seen, value=2.0, cost=1.0)
    ends = [tn.churn.policy_value(np.full(4, k), seen, value=2.0, cost=1.0).value for k in (0, 1)]
    assert_allclose(coin.value, np.mean(ends))


def test_several_arms_with_costs_of_their_own():
    rng = np.random.default_rng(1)
    n = 30_000
    x, arm = rng.normal(size=n), rng.choice(3, n, p=[0.2, 0.3, 0.5])
    effect = np.column_stack([np.zeros(n), 1.0 + x, 2.0 - x])
    outcome = 5.0 + effect[np.arange(n), arm] + rng.normal(size=n)
    seen = tn.churn.potential_outcomes(
        x[:, None], outcome, arm, propensity=[0.2, 0.3, 0.5], outcome_model=OLS
    )
    policy = np.where(x > 0.5, 1, 2)
    truth = 5.0 + effect[np.arange(n), policy].mean() - np.where(policy == 1, 0.3, 0.7).mean()
    for method in ("dr", "ipw"):
        found = tn.churn.policy_value(policy, seen, cost=[0.3, 0.7], method=method)
        assert abs(found.value - truth) < 3.5 * found.standard_error
        assert found.standard_error < 0.03
    assert seen.to_arrow().num_rows == 3


@pytest.fixture(scope="module")
def coverage():
    """Shares of 300 campaigns in which limits at 95 % hold the truth, by what they are of."""
    rng = np.random.default_rng(2)
    many = money(rng, 400_000)
    policy_of = lambda c: c.X[:, 1] > 0.5  # noqa: E731
    other_of = lambda c: c.X[:, 2] > 0.0  # noqa: E731
    base = 10.0 - 2.0 * many.X[:, 0]
    first = np.mean(base + policy_of(many) * many.uplift)
    second = np.mean(base + other_of(many) * many.uplift)
    top = many.uplift[many.X[:, 1] > np.quantile(many.X[:, 1], 0.8)].mean()
    inside: dict[str, list[bool]] = {}

    def note(name, limits, truth):
        inside.setdefault(name, []).append(bool(limits.lower <= truth <= limits.upper))

    for _ in range(300):
        c = money(rng, 500)
        seen = judged(c)
        for method in ("dr", "ipw"):
            found = tn.churn.policy_value(policy_of(c), seen, method=method)
            note(f"value {method}", found, first)
            gap = tn.churn.compare_policies(policy_of(c), other_of(c), seen, method=method)
            note(f"difference {method}", gap, first - second)
        line = tn.churn.linear_uplift(c.X[:, :2], seen)
        told = line.predict([[1.0, 1.0]])
        inside.setdefault("linear", []).append(bool(told.lower[0] <= 1.7 <= told.upper[0]))
        groups = tn.churn.uplift_calibration(c.X[:, 1], seen, n_groups=5)
        note("average", groups.average, 1.0)
        note("slope", groups.slope, 1.5)
        inside.setdefault("top group", []).append(bool(groups.lower[0] <= top <= groups.upper[0]))
    return {name: np.mean(hits) for name, hits in inside.items()}


@pytest.mark.parametrize(
    "name",
    ["value dr", "value ipw", "difference dr", "difference ipw", "linear", "average", "slope",
     "top group"],
)  # fmt: skip
def test_limits_cover(coverage, name):
    # 300 runs: 95 % within 3 standard errors of 1.26 %.
    assert 0.912 <= coverage[name] <= 0.988, coverage[name]


def test_doubly_robust_is_narrower_and_pairs_are_narrower_still():
    c = money(np.random.default_rng(3), 4000)
    seen = judged(c)
    list_, fewer = c.X[:, 1] > 0.0, c.X[:, 1] > 0.1
    dr, ipw = (tn.churn.policy_value(list_, seen, method=m) for m in ("dr", "ipw"))
    assert dr.standard_error < ipw.standard_error
    gap = tn.churn.compare_policies(list_, fewer, seen)
    assert gap.standard_error < 0.5 * dr.standard_error
    assert_allclose(gap.difference, gap.first - gap.second)
    same = tn.churn.compare_policies(list_, list_, seen)
    assert (same.standard_error, same.p_value) == (0.0, 1.0)


def test_estimated_propensities_are_clipped_and_told():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3000, 1))
    treated = rng.random(3000) < 1.0 / (1.0 + np.exp(-4.0 * x[:, 0]))
    seen = tn.churn.potential_outcomes(
        x, rng.normal(size=3000), treated, outcome_model=OLS,
        propensity_model=LogisticRegression(), clip=0.05,
    )  # fmt: skip
    table = seen.to_arrow().to_pydict()
    assert min(table["least_propensity"]) == 0.05
    for k in range(2):
        assert table["clipped"][k] == np.sum(seen.propensity[:, k] == 0.05) > 100
        assert table["effective_size"][k] < 0.6 * table["customers"][k]
    assert "clipped" in repr(seen)


def test_customers_with_several_rows_count_once():
    c = money(np.random.default_rng(5), 400)
    ids = np.arange(400)
    once = judged(c, groups=ids)
    plain = judged(c)
    policy = c.X[:, 1] > 0
    assert_allclose(
        tn.churn.policy_value(policy, once).standard_error,
        tn.churn.policy_value(policy, plain).standard_error,
    )
    twice = tn.churn.potential_outcomes(
        np.tile(c.X, (2, 1)), np.tile(c.outcome, 2), np.tile(c.treated, 2), propensity=0.4,
        outcome_model=OLS, groups=np.tile(ids, 2),
    )  # fmt: skip
    for measure in (
        lambda seen, k: tn.churn.policy_value(np.tile(policy, k), seen).standard_error,
        lambda seen, k: tn.churn.uplift_calibration(np.tile(c.X[:, 1], k), seen).standard_error[0],
        lambda seen, k: tn.churn.linear_uplift(
            np.tile(c.X, (k, 1)), seen
        ).coefficients.standard_error[1],
    ):
        assert_allclose(measure(twice, 2), measure(once, 1), rtol=0.02)


def test_groups_are_those_of_each_fold():
    c = money(np.random.default_rng(6), 600)
    seen = judged(c)
    x = c.X[:, 1]
    fine = tn.churn.uplift_calibration(x, seen)
    assert fine.customers.tolist() == [60] * 10
    rank = np.empty(600, dtype=int)
    for k in range(5):
        own = np.flatnonzero(seen.fold == k)
        rank[own[np.argsort(-x[own])]] = np.arange(120) // 12
    for group in range(10):
        effect = seen.effect()[rank == group]
        assert_allclose(fine.uplift[group], effect.mean())
        assert_allclose(fine.predicted[group], x[rank == group].mean())
        # Of the whole sample's size, as a mean of influences: 600/599, not 60/59.
        alone = effect.std() / np.sqrt(60) * np.sqrt(600 / 599)
        assert_allclose(fine.standard_error[group], alone)
    coarse = tn.churn.uplift_calibration((x > 0.0) * 1.0, seen)
    assert coarse.predicted.tolist() == [1.0, 0.0]
    assert coarse.customers.tolist() == [np.sum(x > 0.0), np.sum(x <= 0.0)]


def test_cross_fitted_predictions_of_no_effect_show_none():
    """Grouped over all folds, a fold's luck would push its own customers down: a slope below 0."""
    rng = np.random.default_rng(12)
    slopes, tops = [], []
    for _ in range(200):
        X, treated, outcome = rng.normal(size=(100, 1)), rng.random(100) < 0.5, rng.normal(size=100)
        given = {"propensity": 0.5, "n_folds": 4}
        learned = tn.churn.cross_fit_uplift(tn.churn.TLearner(OLS), X, outcome, treated, **given)
        seen = tn.churn.potential_outcomes(X, outcome, treated, outcome_model=OLS, **given)
        groups = tn.churn.uplift_calibration(learned, seen, n_groups=2)
        slopes.append(np.sign(groups.slope.value))
        tops.append(groups.uplift[0])
    assert abs(np.mean(slopes)) < 3.5 / np.sqrt(200)
    assert abs(np.mean(tops)) < 3.5 * np.std(tops) / np.sqrt(200)


def test_linear_uplift_is_least_squares_with_white_errors():
    c = money(np.random.default_rng(7), 300)
    seen = judged(c)
    found = tn.churn.linear_uplift({"a": c.X[:, 0], "b": 100.0 + 9.0 * c.X[:, 1]}, seen)
    design = np.column_stack([np.ones(300), c.X[:, 0], 100.0 + 9.0 * c.X[:, 1]])
    coef, *_ = np.linalg.lstsq(design, seen.effect(), rcond=None)
    residual = seen.effect() - design @ coef
    bread = np.linalg.inv(design.T @ design)
    white = bread @ (design.T * residual**2) @ design @ bread * 300 / 297
    assert_allclose(found.coefficients.coefficient, coef, rtol=1e-8)
    assert_allclose(found.coefficients.standard_error, np.sqrt(np.diag(white)), rtol=1e-8)
    assert found.coefficients.term == ("intercept", "a", "b")
    told = found.predict({"a": [0.0], "b": [100.0]})
    at = np.array([1.0, 0.0, 100.0])
    assert_allclose(told.value, at @ coef, rtol=1e-8)
    assert_allclose(
        told.upper - told.value, 1.959963984540054 * np.sqrt(at @ white @ at), rtol=1e-7
    )


SEEN = tn.churn.potential_outcomes(None, np.arange(6.0), [0, 1] * 3, propensity=0.5, n_folds=2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tn.churn.policy_value([1] * 5, SEEN), "policy has 5 rows, but evidence has 6"),
        (lambda: tn.churn.policy_value([1, 0, 2, 1, 1, 1], SEEN), r"policy\[2\] must be an arm"),
        (lambda: tn.churn.policy_value(np.full((6, 2), 0.6), SEEN), r"policy\[0\] must be prob"),
        (lambda: tn.churn.policy_value(np.ones((6, 3)), SEEN), "policy has shape"),
        (lambda: tn.churn.policy_value([1] * 6, np.zeros(6)), "must come from potential_outcomes"),
        (lambda: tn.churn.policy_value([1] * 6, SEEN, cost=[1, 2, 3]), "cost has shape"),
        (lambda: tn.churn.policy_value([1] * 6, SEEN, value=np.nan), r"value\[0\] must be finite"),
        (lambda: tn.churn.policy_value([1] * 6, SEEN, method="x"), "method must be one of"),
        (lambda: tn.churn.policy_value([1, 0] * 3, SEEN, method="ipw"), "nothing to weigh"),
        (lambda: tn.churn.compare_policies([1] * 6, [9] * 6, SEEN), r"second\[0\]"),
        (lambda: tn.churn.uplift_calibration([1] * 6, SEEN), "must differ between customers"),
        (lambda: tn.churn.uplift_calibration([1, 2], SEEN), "uplift has 2 rows"),
        (lambda: tn.churn.uplift_calibration(np.arange(6), SEEN, arm=2), "arm must be an offer"),
        (lambda: tn.churn.linear_uplift(np.ones((6, 1)), SEEN), "does not vary"),
        (lambda: tn.churn.linear_uplift(np.eye(4), SEEN), "X has 4 rows"),
        (
            lambda: tn.churn.potential_outcomes(None, np.arange(10), [0, 1] * 5),
            "propensity must be given where X is None",
        ),
        (
            lambda: tn.churn.potential_outcomes(None, [1, 2, 3], [0, 1, 3], propensity=0.5),
            "holds no customer with offer 2",
        ),
        (
            lambda: tn.churn.potential_outcomes(None, [1, 2, 3], [0, -1, 1], propensity=0.5),
            r"treated\[1\] must be 0 for control",
        ),
    ],
)
def test_arguments_are_checked(call, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        call()


def test_calibration_is_drawn_into_the_axes_given():
    import matplotlib.pyplot as plt

    c = responses(np.random.default_rng(8), 300)
    groups = tn.churn.uplift_calibration(c.X[:, 1], judged(c), n_groups=5)
    _, ax = plt.subplots()
    assert groups.plot(ax=ax) is ax
    assert len(ax.patches) == 5
    plt.close("all")
