"""What each customer will do as a distribution: counts, the next purchase, the date of lapse."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table, frozen
from tenure._time import MICROS_PER_DAY, UNIT_DAYS
from tenure._validation import Floats, Ints, as_column, as_level, as_number
from tenure.clv import _data
from tenure.clv._tables import Predictions
from tenure.clv._transaction import TransactionModel, log_odds_limits
from tenure.clv._units import require_unit


class OutlookModel(TransactionModel):
    """Base of the models of repeat purchases at any time: the future of each as a distribution."""

    def probability_alive(self, data: Any, interval: float | None = None, ahead: Any = 0.0) -> Any:
        """Return the probability that each customer is still a customer, now or later.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the log odds, and tell the
            uncertainty of the parameters only.
        ahead : float or str, default 0
            How long after the end of observation: a number in the unit of the model, or a text
            such as "39w". Purchases until then are not known, and averaged over.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        later = self._finite(ahead, "ahead")
        if later == 0.0:
            return super().probability_alive(data, interval)
        p = self._read(data)
        got = self._by_customer("log_odds_alive_later", p, later, errors=interval is not None)
        return log_odds_limits(
            p.customer, got, interval, f"Probability to be alive {later:g} later"
        )

    def probability_of_n_purchases_given(self, data: Any, n: Any, horizon: Any) -> Floats:
        """Return the probability that each customer buys n times in the horizon, given the history.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        n : int or sequence of k ints
            Purchases after the end of observation.
        horizon : float or str
            From the end of observation on.

        Returns
        -------
        float64 array of n customers, or of n x k for a sequence

        Notes
        -----
        Somebody who is alive is again a new customer whose parameters have learned from the
        history, and who may be halfway to a purchase: docs/methods/outlook.md. Probabilities as
        small as 1e-300 keep their digits.
        """
        p = self._read(data)
        length = self._finite(horizon, "horizon")
        many = isinstance(n, (list, tuple)) or np.ndim(n) > 0
        counts = as_column(n if many else [n], np.float64, "n")
        columns = [self._pmf(p, np.full(len(p.frequency), count), length) for count in counts]
        return np.column_stack(columns) if many else columns[0]

    def log_score(self, data: Any, purchases: Any, horizon: Any) -> Floats:
        """Return the logarithm of the probability of what each customer then bought.

        The log score of a forecast (Gneiting & Raftery 2007, Journal of the American Statistical
        Association 102:359-378): the model with the larger mean has foretold better.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`: the histories until the end of the calibration period.
        purchases : array of n ints
            Purchases of each customer within the horizon after it.
        horizon : float or str

        Returns
        -------
        float64 array of n
        """
        p = self._read(data)
        length = self._finite(horizon, "horizon")
        counts = as_column(purchases, np.float64, "purchases")
        if len(counts) != len(p.frequency):
            msg = f"purchases has {len(counts)} rows and the data {len(p.frequency)}"
            raise InvalidInputError(msg, argument="purchases")
        with np.errstate(divide="ignore"):
            return np.log(self._pmf(p, counts, length))

    def purchase_probability(self, data: Any, horizon: Any, interval: float | None = None) -> Any:
        """Return the probability that each customer buys at all within the horizon.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        horizon : float or str
            From the end of observation on.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, not above 1, and
            tell the uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        length = self._finite(horizon, "horizon")
        got = self._by_customer("purchase_probability", p, length, errors=interval is not None)
        if interval is None:
            return got
        table = self._limits(p.customer, got, interval, f"Probability to buy within {length:g}")
        return Predictions(
            p.customer,
            table.value,
            table.lower,
            np.minimum(table.upper, 1.0),
            table.level,
            table.quantity,
        )

    def predictive_interval(self, data: Any, horizon: Any, level: float = 0.95) -> PurchaseForecast:
        """Return between which numbers the purchases of each customer will lie.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        horizon : float or str
            From the end of observation on.
        level : float, default 0.95
            In (0, 1). Purchases are whole numbers: the chance of the interval is at least the
            level.

        Returns
        -------
        PurchaseForecast
            What a customer will do at the fitted parameters, which are taken as known: their
            uncertainty is small beside that of one customer.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> forecast = tn.clv.ParetoNBD().fit(base).predictive_interval(base, "39w", level=0.9)
        >>> forecast.lower[:5].tolist(), forecast.upper[:5].tolist()
        ([0, 0, 0, 0, 0], [5, 1, 1, 1, 1])
        """
        p = self._read(data)
        length = self._finite(horizon, "horizon")
        tail = 0.5 * (1.0 - as_level(level, "level"))
        levels = np.array([tail, 0.5, 1.0 - tail])
        at = self._by_customer("purchase_quantiles", p, levels, length).reshape(-1, 3)
        lower, median, upper = np.ascontiguousarray(at.T.astype(np.int64))
        mean = self._discounted(p, length, 0.0, False)
        return PurchaseForecast(
            p.customer, mean, median, lower, upper, float(level), length, self.unit_
        )

    def next_purchase(
        self,
        data: Any,
        quantiles: Sequence[float] = (0.1, 0.25, 0.5),
        lapse: float = 0.5,
    ) -> NextPurchase:
        """Return when each customer will buy next, and when silence means that one has left.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            As for `fit`, in the same unit.
        quantiles : sequence of k floats, default (0.1, 0.25, 0.5)
            In (0, 1), ascending: by then the customer has bought again with that probability.
        lapse : float, default 0.5
            The customer counts as lapsed once P(alive) has fallen so low, without a purchase until
            then.

        Returns
        -------
        NextPurchase

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
        >>> base = log.summary(unit="week", end="1997-09-30")
        >>> soon = tn.clv.ParetoNBD().fit(base).next_purchase(base)
        >>> soon.time[0].round(1).tolist(), round(float(soon.lapse[0]), 1)
        ([2.5, 7.4, 23.8], 24.2)
        >>> soon.lapse_date[0].astype("datetime64[D]").item().isoformat()
        '1998-03-19'
        """
        p = self._read(data)
        levels = [as_level(q, "quantiles") for q in quantiles]
        if not levels or any(b <= a for a, b in itertools.pairwise(levels)):
            msg = f"quantiles must be ascending, at least one, got {list(quantiles)!r}"
            raise InvalidInputError(msg, argument="quantiles", value=quantiles)
        threshold = as_level(lapse, "lapse")
        times = [self._by_customer("time_to_purchase", p, level) for level in levels]
        return NextPurchase(
            p.customer,
            self._by_customer("probability_alive", p),
            np.column_stack(times),
            self._by_customer("time_to_lapse", p, threshold),
            tuple(levels),
            threshold,
            self.unit_,
            _data.end_of(data),
        )

    def _pmf(self, p: _data.Purchases, counts: Floats, horizon: float) -> Floats:
        got: Floats = self._by_customer("purchase_pmf", p, counts, horizon)
        return got

    def _finite(self, value: Any, name: str) -> float:
        return as_number(self._horizon(value, name), name, at_least=0.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PurchaseForecast(Table):
    """Purchases of each customer within a horizon: the mean, the median and an interval.

    Attributes
    ----------
    customer : array of n ids
        Row numbers where the input has no column `customer`.
    mean : float64 array
    median, lower, upper : int64 arrays
        Quantiles of the number of purchases; the interval holds it with at least the probability
        `level`.
    level : float
    horizon : float
        In `unit`.
    unit : str or None

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> both = log.calibration_holdout("1997-09-30", "1998-06-30")
    >>> model = tn.clv.ParetoNBD().fit(both)
    >>> forecast = model.predictive_interval(both, both.duration, level=0.9)
    >>> round(forecast.covered(both.orders_holdout), 3)
    0.951
    """

    customer: Any
    mean: Floats
    median: Ints
    lower: Ints
    upper: Ints
    level: float
    horizon: float
    unit: str | None

    _column_names = ("customer", "mean", "median", "lower", "upper")

    def __len__(self) -> int:
        return len(self.mean)

    def covered(self, purchases: Any) -> float:
        """Return the share of customers whose actual purchases lie within the limits.

        Parameters
        ----------
        purchases : array of n ints
            What each customer bought within the horizon.
        """
        actual = as_column(purchases, np.float64, "purchases")
        if len(actual) != len(self):
            msg = f"purchases has {len(actual)} rows and the forecast {len(self)}"
            raise InvalidInputError(msg, argument="purchases")
        return float(np.mean((actual >= self.lower) & (actual <= self.upper)))

    def _title(self) -> str:
        unit = f" {self.unit}s" if self.unit else ""
        return (
            f"Purchases of {len(self):,} customers within {self.horizon:g}{unit}, "
            f"{100 * self.level:g} % predictive interval"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NextPurchase(Table):
    """When each customer will buy next, and when silence means that one has left.

    Attributes
    ----------
    customer : array of n ids
    probability_alive : float64 array
        At the end of observation.
    time : n x k float64 array, in `unit`
        Time from the end of observation by which the customer has bought again with each of the
        probabilities `quantiles`; infinite where even a purchase at any time is less probable.
    lapse : float64 array, in `unit`
        Time from the end of observation at which P(alive) has fallen to `lapse_probability`,
        without a purchase until then; 0 where it is as low already, infinite where that never
        comes, as for everybody in NBD and for the one-time buyers of BG/NBD and BG/CNBD-k.
    quantiles : tuple of k floats
    lapse_probability : float
    unit : str or None
    end : datetime or None
        End of observation, where the data are a summary.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> both = log.calibration_holdout("1997-09-30", "1998-06-30")
    >>> model = tn.clv.ParetoNBD().fit(both)
    >>> soon = model.next_purchase(both, quantiles=(0.5,))
    >>> soon.date[0, 0].astype("datetime64[D]").item().isoformat()
    '1998-03-16'
    """

    customer: Any
    probability_alive: Floats
    time: Floats
    lapse: Floats
    quantiles: tuple[float, ...]
    lapse_probability: float
    unit: str | None
    end: Any

    def __len__(self) -> int:
        return len(self.lapse)

    @property
    def date(self) -> Any:
        """The times as n x k datetime64[us], UTC; NaT where they are infinite."""
        return self._dates(self.time)

    @property
    def lapse_date(self) -> Any:
        """The instants of lapse as datetime64[us], UTC; NaT where there is none."""
        return self._dates(self.lapse)

    def _dates(self, time: Floats) -> Any:
        if self.end is None:
            msg = "dates need the end of observation, which a summary of an EventLog brings along"
            raise InvalidInputError(msg, argument="data")
        days = time * UNIT_DAYS[require_unit(self.unit, "a date")]
        # datetime64[us] ends about the year 294,000.
        far = ~(days < 1e8)
        micros = np.where(far, 0.0, days * MICROS_PER_DAY).astype("timedelta64[us]")
        end = np.datetime64(self.end.astimezone(dt.UTC).replace(tzinfo=None), "us")
        return frozen(np.where(far, np.datetime64("NaT", "us"), end + micros))

    def _columns(self) -> Mapping[str, Any]:
        columns = {"customer": self.customer, "probability_alive": self.probability_alive}
        for k, quantile in enumerate(self.quantiles):
            columns[f"by_{100 * quantile:g}%"] = np.ascontiguousarray(self.time[:, k])
        columns["lapse"] = self.lapse
        return columns

    def _title(self) -> str:
        unit = f", in {self.unit}s" if self.unit else ""
        return (
            f"Time to the next purchase of {len(self):,} customers{unit}; lapsed where P(alive) "
            f"falls to {self.lapse_probability:g}"
        )
