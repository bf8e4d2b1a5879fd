"""Whom to contact, with which offer, within a budget; what that will bring, judged honestly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, as_column, as_level, as_number, as_seed
from tenure.churn._campaign import error_of_mean, measured, require_finite
from tenure.churn._measured import Measured
from tenure.churn._times import z_of
from tenure.churn.policy import as_amounts, require_evidence
from tenure.churn.potential_outcomes import PotentialOutcomes

Offers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TargetList(Table):
    """Whom to contact with which offer; as a table a row a listed customer.

    Attributes
    ----------
    offer : int32 array of n
        Of each customer: 0 none, else 1, 2, ...
    held_out : bool array of n
        Listed, but not to be contacted: the control group by which the campaign is measured.
    gain, cost : float64 arrays of n
        Foretold gain of the offer, what it costs taken off, and what it costs; 0 where none.
    customers : array of n
        Ids, or row numbers.
    foretold : float
        Profit of those to be contacted by the predictions alone. These flatter themselves: the
        list holds whom they overrate.
    profit : Measured or None
        Profit of those to be contacted by `evidence`; None where there is none.
    spent : float
        Cost of those to be contacted.
    bound : float
        No list within the budget is foretold to gain more.
    gap : float
        What the listed customers, those held out too, are foretold to gain below the bound.
    multiplier : float
        Gain of the last unit of the budget; 0 where the budget does not bind.

    Examples
    --------
    >>> import tenure as tn
    >>> chosen = tn.churn.target([0.5, 0.1, 0.3], value=10.0, cost=2.0, budget=4.0)
    >>> chosen.offer.tolist(), chosen.foretold, chosen.gap
    ([1, 0, 1], 4.0, 0.0)
    """

    offer: Offers
    held_out: npt.NDArray[np.bool_]
    gain: Floats
    cost: Floats
    customers: npt.NDArray[Any]
    foretold: float
    profit: Measured | None
    spent: float
    bound: float
    gap: float
    multiplier: float

    @property
    def contacted(self) -> npt.NDArray[np.bool_]:
        """Who is to be contacted: listed and not held out."""
        return (self.offer > 0) & ~self.held_out

    def _columns(self) -> Mapping[str, Any]:
        listed = np.flatnonzero(self.offer)
        columns = {
            name: getattr(self, name)[listed]
            for name in ("customers", "offer", "gain", "cost", "held_out")
        }
        return {"customer": columns.pop("customers"), **columns}

    def _title(self) -> str:
        sent, n = int(self.contacted.sum()), len(self.offer)
        told = f"{sent:,} of {n:,} customers to contact for {self.spent:.6g}"
        if self.held_out.any():
            told += f", {int(self.held_out.sum()):,} held out"
        if self.profit is None:
            return f"{told}; profit not judged: no evidence"
        p = self.profit
        return f"{told}; profit {p.value:.6g} ({p.lower:.6g} to {p.upper:.6g} at {p.level:.0%})"


def _as_uplift(uplift: Any) -> Floats:
    if np.ndim(uplift) != 2:
        found: Floats = as_column(uplift, np.float64, "uplift")[:, None]
    else:
        try:
            found = np.ascontiguousarray(uplift, dtype=np.float64)
        except (TypeError, ValueError) as error:
            msg = f"uplift must be numbers: {error}"
            raise InvalidInputError(msg, argument="uplift") from error
    if found.size == 0:
        msg = f"uplift holds no customer: its shape is {np.shape(uplift)}"
        raise InvalidInputError(msg, argument="uplift")
    require_finite(found if np.ndim(uplift) == 2 else found[:, 0], "uplift")
    return found


def _as_budget(budget: Any, name: str = "budget") -> float:
    return math.inf if budget is None else as_number(budget, name, at_least=0.0)


def _gain(uplift: Floats, worth: Floats, paid: Floats) -> Floats:
    with np.errstate(over="ignore"):
        gain: Floats = np.ascontiguousarray(worth * uplift - paid)
    require_finite(gain, "value * uplift")
    return gain


def _choose(gain: Floats, paid: Floats, budget: float) -> Any:
    return _core.churn.choose_offers(gain.ravel(), paid.ravel(), gain.shape[1], budget)


def _choose_by_fold(
    gain: Floats, paid: Floats, budget: float, evidence: PotentialOutcomes | None
) -> Offers:
    """Return the offer of each row; with evidence the budget is dealt to the folds by their size.

    Where a fold was lucky, learners of all others foretell more. With one budget for all its own
    customers would lose their places just because they did well, and the profit of the list would
    be judged too low.
    """
    if evidence is None or math.isinf(budget):
        offer: Offers = _choose(gain, paid, budget)["offer"]
        return offer
    offer = np.zeros(len(gain), dtype=np.int32)
    for k in range(int(evidence.fold.max()) + 1):
        own = evidence.fold == k
        part = budget * np.count_nonzero(own) / len(gain)
        offer[own] = _choose(gain[own], paid[own], part)["offer"]
    return offer


def _as_evidence(evidence: Any, shape: tuple[int, int]) -> PotentialOutcomes:
    seen = require_evidence(evidence)
    if (len(seen), seen.n_arms - 1) != shape:
        msg = (
            f"evidence has {len(seen)} rows and {seen.n_arms - 1} offers, but uplift has "
            f"{shape[0]} and {shape[1]}: both must be of the customers of one campaign"
        )
        raise InvalidInputError(msg, argument="evidence")
    return seen


def _judge(
    offer: Offers, worth: Floats, paid: Floats, evidence: PotentialOutcomes, level: float
) -> Measured:
    """Profit of contacting each row with its offer, by doubly robust scores."""
    row = np.flatnonzero(offer)
    each = np.zeros(len(offer))
    k = offer[row] - 1
    effect = evidence.score[row, offer[row]] - evidence.score[row, 0]
    each[row] = worth[row, k] * effect - paid[row, k]
    mean = float(each.mean())
    error = len(offer) * error_of_mean(each - mean, evidence.customer)
    return measured(float(each.sum()), error, level, "Profit of the list")


def target(
    uplift: Any,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    budget: float | None = None,
    evidence: PotentialOutcomes | None = None,
    hold_out: float = 0.0,
    customers: Any = None,
    level: float = 0.95,
    random_state: Any = 0,
) -> TargetList:
    """Choose whom to contact, and with which offer, for the largest profit within a budget.

    Profit of an offer is value x uplift - cost; each customer gets at most one.

    Parameters
    ----------
    uplift : array of n floats, or of shape (n, offers)
        What each offer is expected to add to the outcome. With `evidence`: predictions of learners
        that have not seen these customers' outcomes, as from `cross_fit_uplift`.
    value : float or array of n floats
        Worth of one unit of the outcome: 1 where it is money, the margin where it is a response.
    cost : float, or array of offers, n, or (n, offers) floats
        Of a contact with each offer, >= 0. Costs that fall on responses only, such as a discount,
        belong into the outcome.
    budget : float, optional
        Most that may be spent on the list. Default: no limit, whoever is profitable. With
        `evidence` each of its folds gets its share, so that nobody's outcome moves their own
        chance to be listed.
    evidence : PotentialOutcomes, optional
        Of a campaign with a control group, its rows those of `uplift`: judges the profit.
    hold_out : float
        Share of the list, drawn at random, that is not contacted, so that this campaign too can be
        measured.
    customers : array of n, optional
        Ids for the table.
    level : float
        Of the limits of the profit.
    random_state : int, Generator or None
        Draws who is held out; the same for the same seed, whatever the list.

    Returns
    -------
    TargetList

    Raises
    ------
    InvalidInputError
        Names the row.

    Notes
    -----
    A multiple-choice knapsack, solved by gain per cost along the concave hull of each customer's
    offers, Sinha & Zoltners (1979), Operations Research 27:503-515; `gap` is what it may miss: at
    most the gain of one step where there is one budget. The interval is for the mean profit of
    choosing so, times n. O(n k log(n k)). docs/methods/uplift.md.

    Examples
    --------
    A voucher of 5 and one of 10, for two customers:

    >>> import tenure as tn
    >>> chosen = tn.churn.target([[8.0, 11.0], [6.0, 20.0]], cost=[5.0, 10.0], budget=15.0)
    >>> chosen.offer.tolist(), chosen.foretold, chosen.spent
    ([1, 2], 13.0, 15.0)
    """
    effect = _as_uplift(uplift)
    n, _ = effect.shape
    worth = np.broadcast_to(as_amounts(value, (n, 1), "value"), effect.shape)
    paid = as_amounts(cost, effect.shape, "cost", negative=False)
    limit, checked = _as_budget(budget), as_level(level)
    share = as_number(hold_out, "hold_out", at_least=0.0, below=1.0)
    seen = None if evidence is None else _as_evidence(evidence, effect.shape)
    ids = np.arange(n) if customers is None else np.asarray(customers)
    if ids.shape != (n,):
        msg = f"customers has shape {ids.shape}, but uplift has {n} rows"
        raise InvalidInputError(msg, argument="customers")
    gain = _gain(effect, worth, paid)
    relaxed = _choose(gain, paid, limit)
    offer = _choose_by_fold(gain, paid, limit, seen)
    drawn = np.random.default_rng(as_seed(random_state)).random(n) < share
    held = drawn & (offer > 0)
    listed = np.flatnonzero(offer)
    own_gain, own_cost = np.zeros(n), np.zeros(n)
    own_gain[listed] = gain[listed, offer[listed] - 1]
    own_cost[listed] = paid[listed, offer[listed] - 1]
    # Of the same list the same sum, to the bit: a gap of rounding would look like a miss.
    same = np.array_equal(offer, relaxed["offer"])
    listed_gain = relaxed["gain"] if same else float(own_gain.sum())
    sent = np.where(held, np.int32(0), offer)
    return TargetList(
        offer,
        held,
        own_gain,
        own_cost,
        ids,
        float(own_gain[~held].sum()),
        None if seen is None else _judge(sent, worth, paid, seen, checked),
        float(own_cost[~held].sum()),
        relaxed["bound"],
        max(0.0, relaxed["bound"] - listed_gain),
        relaxed["multiplier"],
    )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProfitByBudget(Table):
    """What the best list brings, by what may be spent on it.

    Attributes
    ----------
    budget, spent : float64 arrays of k
    contacts : int64 array of k
    foretold : float64 array of k
        By the predictions alone.
    profit, standard_error, lower, upper : float64 arrays of k
        By the evidence; limits are for each budget by itself.
    level : float

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, np.arange(8.0), [0, 1, 0, 1, 0, 1, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> by = tn.churn.profit_by_budget(np.arange(8.0), seen, cost=1.0, budget=[2.0, 4.0])
    >>> by.contacts.tolist(), by.foretold.tolist()
    ([2, 4], [11.0, 17.0])
    """

    budget: Floats
    spent: Floats
    contacts: Any
    foretold: Floats
    profit: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = (
        "budget", "spent", "contacts", "foretold", "profit", "standard_error", "lower", "upper"
    )  # fmt: skip

    def _title(self) -> str:
        return f"Profit by budget, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the profit by the budget, with its band and with what was foretold.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.axhline(0.0, color=plotting.LINE, linewidth=1.0)
        ax.plot(self.budget, self.foretold, color=plotting.PALETTE[3], linewidth=1.2,
                linestyle="--", label="foretold")  # fmt: skip
        plotting.curve(
            self.budget, self.profit, self.lower, self.upper, ax=ax, label="by the evidence"
        )
        plotting.number_ticks(ax.xaxis)
        plotting.number_ticks(ax.yaxis)
        ax.set(xlabel="Budget", ylabel="Profit")
        ax.set_xlim(left=0.0)
        plotting.legend_above(ax, 2)
        return ax


def profit_by_budget(
    uplift: Any,
    evidence: PotentialOutcomes,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    budget: Sequence[float] | None = None,
    level: float = 0.95,
) -> ProfitByBudget:
    """Return the profit of the best list for each of several budgets.

    Parameters
    ----------
    uplift, evidence, value, cost, level
        As in `target`.
    budget : sequence of float, optional
        Default: 20 equal steps up to what all profitable contacts cost.

    Returns
    -------
    ProfitByBudget
        The best budget of the data at hand flatters itself: choose it on other data than it is
        judged by.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> seen = tn.churn.potential_outcomes(
    ...     None, np.arange(8.0), [0, 1, 0, 1, 0, 1, 0, 1], propensity=0.5, n_folds=2
    ... )
    >>> tn.churn.profit_by_budget(np.arange(8.0), seen, cost=1.0).budget[-1]
    np.float64(6.0)
    """
    effect = _as_uplift(uplift)
    n, _ = effect.shape
    seen = _as_evidence(evidence, effect.shape)
    worth = np.broadcast_to(as_amounts(value, (n, 1), "value"), effect.shape)
    paid = as_amounts(cost, effect.shape, "cost", negative=False)
    checked, gain = as_level(level), _gain(effect, worth, paid)
    if budget is None:
        most = _choose(gain, paid, math.inf)["cost"]
        limits = np.linspace(0.0, most, 21)[1:]
    else:
        limits = as_column(np.atleast_1d(np.asarray(budget)), np.float64, "budget")
        for k, one in enumerate(limits):
            as_number(one, f"budget[{k}]", at_least=0.0)
    lists = [_choose_by_fold(gain, paid, float(one), seen) for one in limits]
    judged = [_judge(offer, worth, paid, seen, checked) for offer in lists]
    rows = [np.flatnonzero(offer) for offer in lists]
    cells = [(row, offer[row] - 1) for row, offer in zip(rows, lists, strict=True)]
    profit = np.array([p.value for p in judged])
    error = np.array([p.standard_error for p in judged])
    half = z_of(checked) * error
    return ProfitByBudget(
        limits,
        np.array([paid[cell].sum() for cell in cells]),
        np.array([len(row) for row in rows], dtype=np.int64),
        np.array([gain[cell].sum() for cell in cells]),
        profit,
        error,
        profit - half,
        profit + half,
        checked,
    )
