"""Learners of uplift: exact where the world is, honest where it is not, scikit-learn's manners."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from uplift_campaigns import LeastSquares, money, responses

import tenure as tn

OLS = LeastSquares()
LEARNERS = {
    "T": tn.churn.TLearner(OLS),
    "X": tn.churn.XLearner(OLS, OLS),
    "R": tn.churn.RLearner(OLS, OLS),
    "DR": tn.churn.DRLearner(OLS, OLS),
}


@pytest.mark.parametrize("name", ["T", "X", "DR"])
def test_without_noise_a_linear_effect_is_found_exactly(name):
    rng = np.random.default_rng(0)
    X, treated = rng.normal(size=(300, 3)), rng.random(300) < 0.4
    effect = 2.0 + X @ [1.0, -0.5, 0.0]
    outcome = 5.0 + X @ [0.0, 3.0, 1.0] + treated * effect
    found = LEARNERS[name].fit(X, outcome, treated, propensity=0.4).predict(X)
    assert_allclose(found, effect, atol=1e-10)


def test_r_learner_minimises_its_loss():
    """Nie and Wager's eq. 4 for a linear effect: its gradient, with nuisances of the other fold."""
    rng = np.random.default_rng(1)
    c = money(rng, 400)
    learner = tn.churn.RLearner(OLS, OLS, n_folds=2).fit(
        c.X, c.outcome, c.treated, propensity=c.propensity
    )
    coef = learner.effect_model_.coef_
    seen = tn.churn.potential_outcomes(
        None, c.outcome, c.treated, propensity=c.propensity, n_folds=2
    )
    half = seen.fold == 0
    mean = np.empty(400)
    for part in (half, ~half):
        mean[part] = LeastSquares().fit(c.X[~part], c.outcome[~part]).predict(c.X[part])
    design = np.column_stack([np.ones(400), c.X])
    surprise = (c.treated - c.propensity)[:, None]
    gradient = (design * surprise).T @ (c.outcome - mean - (design * surprise) @ coef)
    assert_allclose(gradient, 0.0, atol=1e-9)


def test_dr_learner_regresses_the_scores_of_the_textbook():
    rng = np.random.default_rng(2)
    c = money(rng, 500)
    learner = tn.churn.DRLearner(OLS, OLS).fit(c.X, c.outcome, c.treated, propensity=0.4)
    seen = learner.scores_
    t = c.treated.astype(float)
    by_hand = (
        seen.expected[:, 1]
        - seen.expected[:, 0]
        + t * (c.outcome - seen.expected[:, 1]) / 0.4
        - (1 - t) * (c.outcome - seen.expected[:, 0]) / 0.6
    )
    assert_allclose(seen.effect(), by_hand, atol=1e-12)
    assert_allclose(learner.predict(c.X), LeastSquares().fit(c.X, by_hand).predict(c.X))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_learners_come_near_the_truth(name):
    rng = np.random.default_rng(3)
    c, new = money(rng, 20_000), money(rng, 500)
    found = LEARNERS[name].fit(c.X, c.outcome, c.treated, propensity="randomised").predict(new.X)
    # Coefficients of 20,000 rows with an error of 5: 0.08 each.
    assert np.abs(found - new.uplift).max() < 0.5
    assert np.corrcoef(found, new.uplift)[0, 1] > 0.99


@pytest.mark.parametrize("name", ["X", "R", "DR"])
def test_where_contacts_were_not_random_the_propensity_is_estimated(name):
    rng = np.random.default_rng(4)
    n = 20_000
    x = rng.normal(size=(n, 1))
    treated = rng.random(n) < 1.0 / (1.0 + np.exp(-x[:, 0]))
    outcome = x[:, 0] ** 2 + 3.0 * x[:, 0] + treated * 2.0 + rng.normal(size=n)
    naive = outcome[treated].mean() - outcome[~treated].mean()
    assert naive > 4.0
    learner = clone(LEARNERS[name]).set_params(propensity_model=LogisticRegression())
    found = learner.fit(x, outcome, treated).predict(x).mean()
    # X leans on its outcome model alone, which is wrong here.
    assert abs(found - 2.0) < (0.6 if name == "X" else 0.15)


def test_default_models_are_boosted_trees():
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    c = responses(np.random.default_rng(5), 50)
    learner = tn.churn.TLearner().fit(c.X, c.outcome, c.treated)
    assert isinstance(learner.treated_model_, HistGradientBoostingClassifier)
    assert np.abs(learner.predict(c.X)).max() <= 1.0
    amount = tn.churn.SLearner().fit(c.X, 10.0 * c.outcome, c.treated)
    assert isinstance(amount.model_, HistGradientBoostingRegressor)


def test_one_model_of_both_arms():
    """A tree of treatment and one column: the difference of the means of its cells."""
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(13)
    x, treated = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
    outcome = rng.normal(size=200)
    learner = tn.churn.SLearner(DecisionTreeRegressor()).fit(x[:, None], outcome, treated)
    cells = [
        outcome[(x == k) & (treated == 1)].mean() - outcome[(x == k) & (treated == 0)].mean()
        for k in range(3)
    ]
    assert_allclose(learner.predict([[0], [1], [2]]), cells)


def test_an_arm_without_a_response_is_no_riddle():
    X, treated = np.arange(40.0)[:, None], np.arange(40) % 2
    outcome = treated * (np.arange(40) % 3 == 0)
    learner = tn.churn.TLearner(LogisticRegression()).fit(X, outcome, treated)
    assert np.all(learner.predict(X) > 0.0)


def test_scikit_learn_finds_its_way():
    learner = tn.churn.DRLearner(LinearRegression(), LinearRegression(fit_intercept=False))
    assert learner.get_params()["effect_model__fit_intercept"] is False
    learner.set_params(effect_model__fit_intercept=True)
    copy = clone(learner)
    assert copy.effect_model is not learner.effect_model
    assert copy.effect_model.fit_intercept is True
    c = money(np.random.default_rng(6), 300)
    pipe = make_pipeline(StandardScaler(), tn.churn.TLearner(LinearRegression()))
    pipe.fit(c.X, c.outcome, tlearner__treated=c.treated)
    alone = tn.churn.TLearner(LinearRegression()).fit(c.X, c.outcome, c.treated)
    assert_allclose(pipe.predict(c.X), alone.predict(c.X))


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_pickles_keep_and_files_refuse_them(name, tmp_path):
    c = money(np.random.default_rng(7), 200)
    learner = LEARNERS[name].fit(c.X, c.outcome, c.treated, propensity=0.4)
    again = pickle.loads(pickle.dumps(learner))
    assert_allclose(again.predict(c.X), learner.predict(c.X), rtol=0)
    with pytest.raises(tn.TenureError, match="holds models of another library"):
        learner.save(tmp_path / "model")


def test_features_are_remembered():
    import pandas as pd

    c = money(np.random.default_rng(8), 200)
    frame = pd.DataFrame(c.X, columns=["a", "b", "c"])
    learner = tn.churn.TLearner(OLS).fit(frame, c.outcome, c.treated)
    assert learner.n_features_in_ == 3
    with pytest.raises(tn.InvalidInputError, match="feature names"):
        learner.predict(frame.rename(columns={"a": "z"}))
    with pytest.raises(tn.InvalidInputError, match="3 features"):
        tn.churn.TLearner(OLS).fit(c.X, c.outcome, c.treated).predict(c.X[:, :2])
    with pytest.raises(tn.NotFittedError):
        tn.churn.TLearner(OLS).predict(c.X)


class Memory:
    """Knows what it has seen: predicts the outcomes of its own rows, and 0 for others."""

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y):
        self.seen = dict(zip(X[:, 0].tolist(), y.tolist(), strict=True))
        return self

    def predict(self, X):
        return np.array([self.seen.get(x, 0.0) for x in X[:, 0].tolist()])


def test_cross_fitting_never_shows_a_customer_to_its_own_judge():
    rng = np.random.default_rng(9)
    n = 200
    customer = np.repeat(np.arange(n // 2), 2)
    X, treated, outcome = customer[:, None] * 1.0, np.tile([0, 1], n // 2), rng.normal(size=n)
    learner = tn.churn.TLearner(Memory())
    assert np.abs(learner.fit(X, outcome, treated).predict(X)).max() > 1.0
    honest = tn.churn.cross_fit_uplift(learner, X, outcome, treated, groups=customer)
    assert np.all(honest == 0.0)
    seen = tn.churn.potential_outcomes(
        X, outcome, treated, propensity=0.5, outcome_model=Memory(), groups=customer
    )
    assert np.all(seen.expected == 0.0)
    # Without groups the other row of a customer gives it away.
    loose = tn.churn.potential_outcomes(X, outcome, treated, propensity=0.5, outcome_model=Memory())
    assert np.any(loose.expected != 0.0)


def test_folds_and_seeds():
    c = money(np.random.default_rng(10), 300)
    given = {"propensity": 0.4, "n_folds": 3}
    one, same, other = (
        tn.churn.cross_fit_uplift(
            LEARNERS["DR"], c.X, c.outcome, c.treated, random_state=seed, **given
        )
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_several_offers_are_learnt_one_by_one():
    rng = np.random.default_rng(11)
    X, arm = rng.normal(size=(3000, 2)), rng.integers(0, 3, 3000)
    effect = np.column_stack([np.zeros(3000), 1.0 + X[:, 0], 2.0 - X[:, 1]])
    outcome = X[:, 1] + effect[np.arange(3000), arm]
    found = tn.churn.cross_fit_uplift(LEARNERS["T"], X, outcome, arm, propensity=[0.2, 0.4, 0.4])
    assert_allclose(found, effect[:, 1:], atol=1e-9)


X3, Y3, T3 = np.arange(6.0)[:, None], np.arange(6.0), np.arange(6) % 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"treated": np.ones(6)}, "no control group"),
        ({"treated": np.zeros(6)}, "none of 6 customers was contacted"),
        ({"treated": [0, 1, 0, 1, 0, 0.5]}, r"treated\[5\]"),
        ({"outcome": [0, 1, np.nan, 1, 0, 1]}, r"outcome\[2\] must be finite"),
        ({"outcome": [0, 1]}, "X has 6 rows, but outcome has 2"),
        ({"propensity": 0.0}, r"propensity\[0\] must be above 0"),
        ({"propensity": [0.5, 0.5, 1.0, 0.5, 0.5, 0.5]}, r"propensity\[2\]"),
        ({"propensity": "known"}, "'randomised'"),
        ({"propensity": [0.5, 0.2, 0.1]}, "propensity has shape"),
        ({"groups": ["a"] * 5}, "groups has 5 rows"),
        ({"groups": ["a", "b"] * 3}, "there are 2 customers"),
        ({"treated": [0, 0, 0, 0, 0, 1]}, "at least 2 customers"),
    ],
)
def test_campaigns_are_checked(given, said):
    data = {"X": X3, "outcome": Y3, "treated": T3, "propensity": 0.5, **given}
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.DRLearner(OLS, OLS, n_folds=3).fit(**data)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"outcome_model": 3}, "must be a regressor or a classifier"),
        ({"outcome_model": LogisticRegression()}, r"outcome\[2\] must be 0 or 1"),
        ({"effect_model": LogisticRegression()}, "effect_model must be a regressor"),
        ({"n_folds": 1}, "n_folds must be >= 2"),
        ({"clip": 0.6}, "clip must be"),
        ({"propensity_model": LinearRegression()}, "must be a classifier"),
    ],
)
def test_settings_are_checked(settings, said):
    learner = tn.churn.DRLearner(
        **{"outcome_model": OLS, "effect_model": OLS, "n_folds": 3, **settings}
    )
    known = None if "clip" in settings or "propensity_model" in settings else 0.5
    with pytest.raises(tn.InvalidInputError, match=said):
        learner.fit(X3, Y3, T3, propensity=known)


def test_scikit_learn_is_asked_for_by_name(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(tn.MissingExtraError, match="scikit-learn is needed to learn uplift"):
        tn.churn.TLearner().fit(X3, Y3, T3)


def test_models_of_ones_own_do_without_scikit_learn():
    import subprocess
    import sys
    from pathlib import Path

    code = (
        "import sys, numpy as np, tenure as tn\n"
        "sys.modules['sklearn'] = None\n"
        "from uplift_campaigns import LeastSquares, money\n"
        "c = money(np.random.default_rng(0), 100)\n"
        "m = tn.churn.DRLearner(LeastSquares(), LeastSquares())\n"
        "u = tn.churn.cross_fit_uplift(m, c.X, c.outcome, c.treated, propensity=0.4)\n"
        "print(u.shape)"
    )
    support = Path(__file__).resolve().parents[1] / "support"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(support)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "(100,)"
