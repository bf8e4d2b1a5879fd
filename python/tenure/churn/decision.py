"""Whom to act on: thresholds from costs and from what a retention campaign earns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_column, as_number


def cost_threshold(false_alarm: float, miss: float) -> float:
    """Return the probability above which it costs less to act than not to.

    Parameters
    ----------
    false_alarm : float
        What it costs to act on a customer who would have stayed, > 0.
    miss : float
        What it costs not to act on one who churns, > 0: beyond what acting costs.

    Returns
    -------
    float
        false_alarm / (false_alarm + miss).

    Notes
    -----
    Elkan (2001), IJCAI 17:973-978, eq. 2. It holds for calibrated probabilities.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.churn.cost_threshold(false_alarm=5, miss=95)
    0.05
    """
    alarm = as_number(false_alarm, "false_alarm", above=0.0)
    return alarm / (alarm + as_number(miss, "miss", above=0.0))


@dataclass(frozen=True, slots=True)
class Campaign:
    """A retention campaign: whom it pays to contact, and what that earns.

    A churner who is contacted accepts with a fixed chance and then stays; one who would have stayed
    accepts always. Who accepts gets the offer; everybody contacted costs the contact.

    Parameters
    ----------
    value : float
        What a customer is worth who stays, > 0.
    accept : float
        Chance in [0, 1] that a churner accepts.
    offer, contact : float
        Cost of the offer and of the contact, >= 0.

    Notes
    -----
    The model of `profit_curve`. Neslin et al. (2006), Journal of Marketing Research 43:204-211.

    Examples
    --------
    >>> import tenure as tn
    >>> campaign = tn.churn.Campaign(value=200, accept=0.3, offer=10, contact=1)
    >>> round(campaign.threshold, 4)
    0.1642
    >>> campaign.profit([1, 0, 0], [0.9, 0.5, 0.1]).tolist()
    [56.0, -11.0, 0.0]
    """

    value: float
    accept: float
    offer: float
    contact: float

    def __post_init__(self) -> None:
        as_number(self.value, "value", above=0.0)
        as_number(self.accept, "accept", at_least=0.0, at_most=1.0)
        as_number(self.offer, "offer", at_least=0.0)
        as_number(self.contact, "contact", at_least=0.0)

    @property
    def threshold(self) -> float:
        """The probability above which a contact pays; at least 1 where it never does.

        (offer + contact) / (accept * value + (1 - accept) * offer)
        """
        gain = self.accept * self.value + (1.0 - self.accept) * self.offer
        cost = self.offer + self.contact
        if gain > 0.0:
            return cost / gain
        return 0.0 if cost == 0.0 else float("inf")

    def expected(self, probability: Any) -> Floats:
        """Return what contacting a customer is expected to earn.

        Parameters
        ----------
        probability : array of n floats

        Returns
        -------
        float64 array of n
        """
        p: Floats = as_column(probability, np.float64, "probability")
        return p * self._churner() - (1.0 - p) * (self.offer + self.contact)

    def profit(self, churned: Any, probability: Any) -> Floats:
        """Return what each customer earns if everybody above the threshold is contacted.

        Parameters
        ----------
        churned : array of n flags
        probability : array of n floats

        Returns
        -------
        float64 array of n
            0 for who is not contacted.
        """
        label: Floats = as_column(churned, np.float64, "churned")
        p: Floats = as_column(probability, np.float64, "probability")
        if len(label) != len(p):
            msg = f"probability has {len(p)} rows and churned has {len(label)}"
            raise InvalidInputError(msg, argument="probability")
        each = np.where(label > 0.0, self._churner(), -(self.offer + self.contact))
        return np.where(p > self.threshold, each, 0.0)

    def _churner(self) -> float:
        """What contacting a churner earns on average."""
        return self.accept * (self.value - self.offer) - self.contact
