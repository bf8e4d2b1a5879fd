"""Customer lifetime value from a model of purchases and a model of spend."""

from __future__ import annotations

import math
from typing import Any, Self, TypeVar

import numpy as np

from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._validation import Floats, as_number, as_threads
from tenure.clv import _data
from tenure.clv._likelihood import two_sided
from tenure.clv._tables import LifetimeValue
from tenure.clv._transaction import TransactionModel
from tenure.clv.bg_bb import BGBB
from tenure.clv.gamma_gamma import GammaGamma

_M = TypeVar("_M", bound=Estimator)


@storable("clv.CLV")
class CLV(Estimator):
    """Lifetime value over a horizon: discounted expected purchases x expected spend x margin.

    Parameters
    ----------
    transactions : TransactionModel or BGBB
        How often customers buy, such as ``BGNBD()``.
    spend : GammaGamma
        How much they spend an order; with BGBB, at an opportunity at which they buy.

    Attributes
    ----------
    transactions_, spend_
        Fitted copies of the two models.

    Notes
    -----
    The product is right only if spend an order is independent of how often and how long customers
    buy, given what the models know of them; `spend_frequency_check` tells, and
    ``GammaGamma(frequency_effect=True)`` takes how often they ordered into account. Purchases
    count from the end of observation on; what a customer brought in before does not. With BGBB all
    is counted in opportunities: horizons are whole numbers or infinite, and the rate of discount is
    that from one opportunity to the next, ``discount_period="opportunity"``. Formulas:
    docs/methods/clv.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(base)
    >>> table = model.predict(base, horizon="1y", discount_rate=0.10, margin=0.3)
    >>> len(table), round(float(table.clv.sum()))
    (2357, 21808)
    """

    _fitted = ("transactions_", "spend_")

    transactions_: TransactionModel | BGBB
    spend_: GammaGamma

    def __init__(self, transactions: TransactionModel | BGBB, spend: GammaGamma) -> None:
        self.transactions = transactions
        self.spend = spend

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit copies of both models to the same customers.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            One row a customer: `frequency`, `recency`, `T` and `monetary_value`; optionally
            `weight`. With BGBB they count opportunities, `monetary_value` being the mean spent at
            those with a purchase.
        sample_weight : array of n floats, optional
            In place of the column `weight`.

        Returns
        -------
        self
        """
        _require_models(self.transactions, self.spend)
        transactions, spend = _unfitted(self.transactions), _unfitted(self.spend)
        self.transactions_ = transactions.fit(data, sample_weight)
        self.spend_ = spend.fit(data, sample_weight)
        return self

    def predict(
        self,
        data: Any,
        horizon: Any = "1y",
        discount_rate: float = 0.10,
        discount_period: str = "year",
        margin: float = 1.0,
        interval: float | None = None,
    ) -> LifetimeValue:
        """Return the lifetime value of each customer over the horizon.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit of time.
        horizon : float or str
            From the end of observation on: a number in the unit of the fit, a text such as "1y",
            or infinity. The column `expected_purchases` is not discounted, and then infinite where
            customers leave too slowly.
        discount_rate : float, default 0.10
            A `discount_period`, > -1. Purchases are discounted in continuous time at
            ln(1 + discount_rate), so that one a whole period ahead counts 1 / (1 + discount_rate).
        discount_period : {"day", "week", "month", "year"}, "opportunity" for BGBB
        margin : float, default 1
            Share of revenue that is profit, >= 0.
        interval : float, optional
            Confidence level of limits of the value, symmetric in its logarithm: uncertainty of the
            parameters only, those of the two models taken as independent.

        Returns
        -------
        LifetimeValue
        """
        self._require_fitted()
        model = self.transactions_
        purchases = model._read(data)
        spending = self.spend_._read(data)
        length = model._horizon(horizon)
        rate = model._rate(discount_rate, discount_period)
        share = as_number(margin, "margin", at_least=0.0)

        alive, counted, discounted = _prospects(model, data, purchases, length, rate)
        spend = self.spend_._spend(spending, interval is not None)
        lower = upper = spread = None
        if interval is not None:
            z = two_sided(interval)
            spend, in_spend = spend
            _, in_purchases = model._discounted(purchases, length, rate, True)
            with np.errstate(over="ignore", under="ignore"):
                spread = np.exp(z * np.hypot(in_purchases, in_spend))
        # Nobody buys within no time, however much an order would bring.
        with np.errstate(invalid="ignore"):
            value = discounted * spend
        value *= share
        value[discounted == 0.0] = 0.0
        if spread is not None:
            lower, upper = value / spread, value * spread
        return LifetimeValue(
            customer=purchases.customer,
            probability_alive=alive,
            expected_purchases=counted,
            expected_spend=spend,
            clv=value,
            lower=lower,
            upper=upper,
            horizon=length,
            unit=model.unit_,
            discount_rate=float(discount_rate),
            discount_period=discount_period,
            margin=share,
            level=None if interval is None else float(interval),
        )

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        _require_models(self.transactions, self.spend)
        if state:
            if set(state) != set(self._fitted):
                msg = f"attributes {sorted(state)}"
                raise ValueError(msg)
            _require_models(self.transactions_, self.spend_)


def _prospects(
    model: TransactionModel | BGBB, data: Any, p: _data.Purchases, horizon: float, rate: float
) -> tuple[Floats, Floats, Floats]:
    """P(alive), expected purchases, and the same discounted."""
    endless = rate != 0.0 and math.isinf(horizon) and model._diverges()
    if isinstance(model, TransactionModel) and model._one_pass and p.design is None and not endless:
        columns = (model._point(), p.frequency, p.recency, p.T)
        got: tuple[Floats, Floats, Floats] = model._kernel("prospects")(
            *columns, horizon, rate, as_threads(model.n_threads)
        )
        return got
    discounted: Floats = model._discounted(p, horizon, rate, False)
    counted = discounted
    if endless:
        counted = np.where(discounted > 0.0, np.inf, 0.0)  # what is not discounted has no end
    elif rate != 0.0:
        counted = model._discounted(p, horizon, 0.0, False)
    return model.probability_alive(data), counted, discounted


def _unfitted(model: _M) -> _M:
    return type(model)(**model.get_params(deep=False))


def _require_models(transactions: Any, spend: Any) -> None:
    for name, model, kind in (
        ("transactions", transactions, (TransactionModel, BGBB)),
        ("spend", spend, GammaGamma),
    ):
        if not isinstance(model, kind):
            msg = f"{name} must be a model such as BGNBD() or GammaGamma(), got {model!r}"
            raise InvalidInputError(msg, argument=name, value=model)
