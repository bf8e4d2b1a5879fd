"""Loss risk of each stage as a fitted model has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints
from tenure.events import EventLog
from tenure.events._columns import matching


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictedRisks(Table):
    """Loss risk by stage, predicted by a model of purchases.

    Attributes
    ----------
    stage : tuple of str
    customers : ndarray of int, shape (n_stages,)
        Those with an order.
    loss_risk, lower, upper : ndarray of float, shape (n_stages,)
        Mean probability not to order within the horizon; limits between which the share that will
        not order lies, given the parameters of the model. NaN without customers.
    at : datetime
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> model = tn.clv.ParetoNBD().fit(log.summary("week", end="1997-09-30"))
    >>> table = tn.lifecycle.Stages().assign(log, at="1997-09-30")
    >>> risks = table.predicted(log, model, "26w")
    >>> champion = risks.stage.index("champion")
    >>> bool(risks.lower[champion] < risks.loss_risk[champion] < risks.upper[champion])
    True
    """

    stage: tuple[str, ...]
    customers: Ints
    loss_risk: Floats
    lower: Floats
    upper: Floats
    at: dt.datetime
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = ("stage", "customers", "loss_risk", "lower", "upper")
        return {name: getattr(self, name) for name in names}

    def _title(self) -> str:
        return f"Predicted loss risk by stage from {self.at:%Y-%m-%d} on"


def predicted_risks(
    log: EventLog,
    customer: Any,
    group: Ints,
    stages: tuple[str, ...],
    at: dt.datetime,
    model: Any,
    horizon: Any,
    *,
    level: float,
    threads: int,
) -> PredictedRisks:
    """Return by group what the model says of its customers with an order."""
    if not hasattr(model, "purchase_probability"):
        msg = f"model must be a fitted model of purchases, got {type(model).__name__}"
        raise InvalidInputError(msg, argument="model", value=model)
    model._require_fitted()
    summary = log.summary(model.unit_ or "week", end=at, n_threads=threads)
    risk = 1.0 - np.asarray(model.purchase_probability(summary, horizon), dtype=np.float64)
    place, rows = matching(customer, summary.customer)
    of_stage = group[place]
    n = np.bincount(of_stage, minlength=len(stages)).astype(np.int64)
    sums = np.bincount(of_stage, risk[rows], len(stages))
    # Customers come or stay away independently: the variance of a Poisson-binomial count.
    variance = np.bincount(of_stage, (risk * (1.0 - risk))[rows], len(stages))
    half = NormalDist().inv_cdf(0.5 + level / 2.0) * np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, low, high = sums / n, (sums - half) / n, (sums + half) / n
    return PredictedRisks(stages, n, mean, np.maximum(low, 0.0), np.minimum(high, 1.0), at, level)
