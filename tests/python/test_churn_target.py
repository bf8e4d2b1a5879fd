"""Whom to contact: the best list, a profit that is not flattered, and intervals that cover."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from uplift_campaigns import LeastSquares, money, responses

import tenure as tn

OLS = LeastSquares()
COST = 1.5


def money_list(rng, n):
    """The list of a randomised campaign, and its true profit."""
    c = money(rng, n)
    known = {"propensity": c.propensity}
    learned = tn.churn.cross_fit_uplift(tn.churn.TLearner(OLS), c.X, c.outcome, c.treated, **known)
    seen = tn.churn.potential_outcomes(c.X, c.outcome, c.treated, outcome_model=OLS, **known)
    chosen = tn.churn.target(learned, value=1.0, cost=COST, budget=0.2 * n * COST, evidence=seen)
    return c, seen, chosen, float(np.sum((c.uplift - COST)[chosen.contacted]))


def response_list(rng, n):
    """The list of a campaign whose contacts were not random."""
    c = responses(rng, n)
    models = {"outcome_model": OLS, "propensity_model": LogisticRegression()}
    learned = tn.churn.cross_fit_uplift(
        tn.churn.DRLearner(OLS, OLS, propensity_model=LogisticRegression(), n_folds=2),
        c.X, c.outcome, c.treated,
    )  # fmt: skip
    seen = tn.churn.potential_outcomes(c.X, c.outcome, c.treated, **models)
    chosen = tn.churn.target(learned, value=50.0, cost=2.0, evidence=seen)
    return c, seen, chosen, float(np.sum((50.0 * c.uplift - 2.0)[chosen.contacted]))


def covered(make, runs, n, seed):
    rng = np.random.default_rng(seed)
    inside, flattery = 0, []
    for _ in range(runs):
        _, _, chosen, truth = make(rng, n)
        inside += chosen.profit.lower <= truth <= chosen.profit.upper
        flattery.append((chosen.foretold - truth, chosen.profit.value - truth))
    return inside / runs, np.array(flattery)


def test_limits_of_the_profit_cover():
    share, off = covered(money_list, 160, 500, 0)
    # 160 runs: 95 % within 2.7 standard errors of 1.7 %.
    assert 0.903 <= share <= 0.997, share
    error = off.std(axis=0) / np.sqrt(len(off))
    assert abs(off[:, 1].mean()) < 3.5 * error[1]
    # The predictions themselves flatter the list: the winner's curse.
    assert off[:, 0].mean() > 3.5 * error[0]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "n"), [(money_list, 2000), (response_list, 4000)])
def test_limits_of_the_profit_cover_in_a_thousand_campaigns(make, n):
    share, off = covered(make, 1000, n, 1)
    assert 0.93 <= share <= 0.97, share
    assert abs(off[:, 1].mean()) < 3.5 * off[:, 1].std() / np.sqrt(1000)


def test_the_list_beats_the_list_of_those_likeliest_to_leave():
    rng = np.random.default_rng(2)
    gaps = []
    for _ in range(20):
        c, seen, chosen, truth = money_list(rng, 2000)
        at_risk = np.zeros(2000, dtype=bool)
        at_risk[np.argsort(-c.risk)[: chosen.contacted.sum()]] = True
        assert truth > np.sum((c.uplift - COST)[at_risk])
        gap = tn.churn.compare_policies(chosen.contacted, at_risk, seen, cost=COST)
        gaps.append(gap.lower > 0.0)
    assert np.mean(gaps) > 0.9


def test_contacts_of_a_simulated_base_go_to_others_than_those_likely_gone():
    """Who has left cannot be moved; by the risk of churn, by P(alive), they come first."""
    campaign = tn.datasets.Campaign(date="2025-03-01", base=0.1, uplift=0.15, control=0.5)
    base = tn.datasets.simulate(4000, campaigns=campaign, random_state=3)
    log = tn.EventLog(base.events, customer="customer", time="time", amount="amount")
    before = log.summary(unit="week", end="2025-02-28").to_arrow()
    contacts = base.contacts.to_pandas().set_index("customer").loc[before["customer"].to_pylist()]
    frequency, recency, age = (before[name].to_numpy() for name in ("frequency", "recency", "T"))
    X = np.column_stack([np.log1p(frequency), np.log1p(age - recency), np.log1p(age)])
    data = X, contacts["responded"].to_numpy(), contacts["treated"].to_numpy()
    learned = tn.churn.cross_fit_uplift(tn.churn.TLearner(OLS), *data, propensity=0.5)
    seen = tn.churn.potential_outcomes(*data, propensity=0.5, outcome_model=OLS)
    n = len(X)
    chosen = tn.churn.target(learned, value=50.0, cost=2.0, budget=0.3 * n, evidence=seen)
    alive = tn.clv.ParetoNBD().fit(before).probability_alive(before)
    at_risk = np.zeros(n, dtype=bool)
    at_risk[np.argsort(alive)[: chosen.contacted.sum()]] = True
    true = 50.0 * contacts["true_uplift"].to_numpy() - 2.0
    assert true[chosen.contacted].sum() > 2.0 * max(0.0, true[at_risk].sum())
    off = chosen.profit.value - true[chosen.contacted].sum()
    assert abs(off) < 3.5 * chosen.profit.standard_error
    gap = tn.churn.compare_policies(chosen.contacted, at_risk, seen, value=50.0, cost=2.0)
    assert gap.lower > 0.0


@settings(max_examples=40)
@given(
    st.lists(st.tuples(*[st.integers(-3, 9)] * 2), min_size=1, max_size=5),
    st.integers(0, 12),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_no_list_beats_the_bound(effects, budget, cost):
    chosen = tn.churn.target(np.array(effects, float), cost=cost, budget=budget)
    best = 0.0
    for pick in itertools.product(range(3), repeat=len(effects)):
        spent = sum(cost[k - 1] for k in pick if k)
        if spent <= budget:
            best = max(
                best, sum(e[k - 1] - cost[k - 1] for e, k in zip(effects, pick, strict=True) if k)
            )
    assert chosen.foretold <= best + 1e-9
    assert best <= chosen.bound + 1e-9
    assert chosen.spent <= budget
    assert_allclose(chosen.gap, chosen.bound - chosen.foretold, atol=1e-9)
    everyone = tn.churn.target(np.array(effects, float), cost=cost)
    free = sum(max(0.0, *(e[k] - cost[k] for k in range(2))) for e in effects)
    assert_allclose(everyone.foretold, free)
    assert (everyone.gap, everyone.multiplier) == (0.0, 0.0)


def test_the_profit_is_that_of_the_policy():
    c = money(np.random.default_rng(4), 800)
    seen = tn.churn.potential_outcomes(c.X, c.outcome, c.treated, propensity=0.4, outcome_model=OLS)
    chosen = tn.churn.target(c.X[:, 1], value=2.0, cost=1.0, evidence=seen)
    gap = tn.churn.compare_policies(chosen.offer, np.zeros(800), seen, value=2.0, cost=1.0)
    assert_allclose(chosen.profit.value, 800 * gap.difference)
    assert_allclose(chosen.profit.standard_error, 800 * gap.standard_error)
    by = tn.churn.profit_by_budget(c.X[:, 1], seen, value=2.0, cost=1.0, budget=[50.0, 1e9])
    assert_allclose(by.profit[1], chosen.profit.value)
    assert_allclose(by.standard_error[1], chosen.profit.standard_error)
    assert by.contacts.tolist() == [50, int(chosen.contacted.sum())]
    steps = tn.churn.profit_by_budget(c.X[:, 1], seen, value=2.0, cost=1.0)
    assert len(steps.budget) == 20
    assert np.all(np.diff(steps.foretold) >= 0.0)


def test_who_is_held_out_is_drawn_not_chosen():
    rng = np.random.default_rng(5)
    uplift = rng.normal(size=20_000)
    chosen = tn.churn.target(uplift, hold_out=0.2, random_state=7)
    listed = chosen.offer > 0
    assert np.array_equal(listed, uplift > 0)
    assert np.all(listed[chosen.held_out])
    assert abs(chosen.held_out.sum() / listed.sum() - 0.2) < 3.5 * 0.4 / np.sqrt(listed.sum())
    # The effect foretold does not decide who is held out.
    gap = uplift[chosen.held_out].mean() - uplift[chosen.contacted].mean()
    assert abs(gap) < 3.5 * 0.6 / np.sqrt(chosen.held_out.sum())
    again = tn.churn.target(np.abs(uplift), hold_out=0.2, random_state=7)
    assert np.array_equal(again.held_out[listed], chosen.held_out[listed])
    assert_allclose(chosen.foretold, uplift[chosen.contacted].sum())
    table = chosen.to_arrow()
    assert table.num_rows == listed.sum()
    assert table["held_out"].to_pylist() == chosen.held_out[listed].tolist()
    assert "held out" in repr(chosen)


def test_ids_stand_in_the_table():
    chosen = tn.churn.target([1.0, -1.0, 2.0], customers=["ann", "bob", "cid"], cost=0.5)
    assert chosen.to_arrow()["customer"].to_pylist() == ["ann", "cid"]
    assert "no evidence" in repr(chosen)
    assert chosen.profit is None


SEEN = tn.churn.potential_outcomes(None, np.arange(6.0), [0, 1] * 3, propensity=0.5, n_folds=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"uplift": []}, "uplift holds no customer"),
        ({"uplift": [1.0, np.nan]}, r"uplift\[1\] must be finite"),
        ({"uplift": [[1.0, 2.0], [np.inf, 1.0]]}, r"uplift\[1, 0\] must be finite"),
        ({"cost": -1.0}, r"cost\[0\] must be >= 0"),
        ({"cost": [1.0, 2.0, -3.0]}, r"cost\[2, 0\] must be >= 0"),
        ({"budget": -1.0}, "budget must be finite and >= 0"),
        ({"budget": np.nan}, "budget must be"),
        ({"value": "much"}, "value must be numbers"),
        ({"value": [1.0, 2.0]}, "value has shape"),
        ({"hold_out": 1.0}, "hold_out must be"),
        ({"customers": ["a"]}, "customers has shape"),
        ({"evidence": SEEN}, "evidence has 6 rows and 1 offers, but uplift has 3 and 1"),
        ({"evidence": [1, 2, 3]}, "with a control group"),
        ({"value": 1e308, "uplift": [1e10, 1.0, 1.0]}, "must be finite"),
    ],
)
def test_arguments_are_checked(given, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        tn.churn.target(**{"uplift": [1.0, 2.0, 3.0], **given})


def test_profit_by_budget_is_drawn_into_the_axes_given():
    import matplotlib.pyplot as plt

    by = tn.churn.profit_by_budget(np.arange(6.0), SEEN, cost=0.5)
    _, ax = plt.subplots()
    assert by.plot(ax=ax) is ax
    assert_allclose(ax.lines[-1].get_ydata(), by.profit)
    plt.close("all")
