"""What the models return besides plain arrays: frozen tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ParameterTable(Table):
    """Parameters of a fitted model with standard errors and confidence limits.

    Attributes
    ----------
    parameter : tuple of str
    estimate, standard_error, lower, upper : float64 arrays
        Limits are symmetric for the logarithm of the parameter.
    level : float
        Confidence level of the limits.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.BGNBD().fit(base)
    >>> table = model.interval(0.95)
    >>> table.parameter, table.lower.round(2).tolist()
    (('r', 'alpha', 'a', 'b'), [0.22, 3.73, 0.5, 1.37])
    """

    parameter: tuple[str, ...]
    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("parameter", "estimate", "standard_error", "lower", "upper")

    def __len__(self) -> int:
        return len(self.parameter)

    def _title(self) -> str:
        return f"Parameters, {100 * self.level:g} % confidence limits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predictions(Table):
    """One prediction a customer, with confidence limits, in the order of the input.

    The limits tell how well the parameters of the model are known, and nothing else: what a
    customer will do varies far more than the expectation of it.

    Attributes
    ----------
    customer : array of ids
        Row numbers where the input has no column `customer`.
    value, lower, upper : float64 arrays
    level : float
        Confidence level of the limits.
    quantity : str
        What is predicted.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.BGNBD().fit(base)
    >>> table = model.expected_purchases(base, "39w", interval=0.95)
    >>> [round(float(v[0]), 2) for v in (table.value, table.lower, table.upper)]
    [1.23, 1.14, 1.32]
    >>> table.to_arrow().column_names
    ['customer', 'value', 'lower', 'upper']
    """

    customer: Any
    value: Floats
    lower: Floats
    upper: Floats
    level: float
    quantity: str

    _column_names = ("customer", "value", "lower", "upper")

    def __len__(self) -> int:
        return len(self.value)

    def _title(self) -> str:
        return f"{self.quantity} of {len(self):,} customers, {100 * self.level:g} % limits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FrequencyCounts(Table):
    """Number of customers by repeat purchases: observed, and expected under the model.

    Attributes
    ----------
    frequency : int64 array
        0, 1, ..., and as the last one "this many or more".
    observed, expected : float64 arrays
        Sums of weights.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.BGNBD().fit(base)
    >>> model.expected_frequency_counts(base, max_frequency=3)
    Customers by number of repeat purchases, the last row 3 or more
    frequency  observed  expected
            0      1411   1407.68
            1       439   460.323
            2       214   192.461
            3       293   296.531
    """

    frequency: Ints
    observed: Floats
    expected: Floats

    _column_names = ("frequency", "observed", "expected")

    def __len__(self) -> int:
        return len(self.frequency)

    def _title(self) -> str:
        return f"Customers by number of repeat purchases, the last row {self.frequency[-1]} or more"

    def plot(self, ax: Any = None) -> Any:
        """Draw observed and expected counts side by side; return the Axes."""
        from tenure import plotting

        ax = plotting.axes(ax)
        ax.bar(self.frequency - 0.2, self.observed, 0.4, label="observed")
        ax.bar(self.frequency + 0.2, self.expected, 0.4, label="expected")
        labels = [str(n) for n in self.frequency]
        labels[-1] += "+"
        ax.set_xticks(self.frequency, labels)
        ax.set_xlabel("repeat purchases")
        ax.set_ylabel("customers")
        ax.legend()
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tracking(Table):
    """Repeat purchases of a customer base over calendar time, expected and, from a log, actual.

    Attributes
    ----------
    time : float64 array
        Since the first customer's first order, in the unit of the model, ascending.
    expected : float64 array
        Cumulative expected repeat purchases by then.
    actual : float64 array
        Cumulative observed ones; NaN where only first orders were given.
    unit : str or None

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.BGNBD().fit(base)
    >>> track = model.tracking(log)
    >>> len(track), round(float(track.expected[38])), round(float(track.actual[38]))
    (78, 2502, 2462)
    """

    time: Floats
    expected: Floats
    actual: Floats
    unit: str | None

    _column_names = ("time", "expected", "actual")

    def __len__(self) -> int:
        return len(self.time)

    @property
    def expected_per_step(self) -> Floats:
        """Expected repeat purchases since the time before, the first since 0."""
        return np.diff(self.expected, prepend=0.0)

    @property
    def actual_per_step(self) -> Floats:
        """Observed repeat purchases since the time before, the first since 0."""
        return np.diff(self.actual, prepend=0.0)

    def _title(self) -> str:
        return f"Cumulative repeat purchases at {len(self):,} times"

    def plot(self, ax: Any = None, *, cumulative: bool = True, cut: float | None = None) -> Any:
        """Draw actual and expected repeat purchases over time; return the Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        cumulative : bool, default True
            False draws the purchases between one time and the next.
        cut : float, optional
            End of the calibration period, marked by a line.
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        expected = self.expected if cumulative else self.expected_per_step
        actual = self.actual if cumulative else self.actual_per_step
        if not np.isnan(actual).all():
            ax.plot(self.time, actual, label="actual")
        ax.plot(self.time, expected, linestyle="--", label="expected")
        if cut is not None:
            ax.axvline(cut, color=plotting.MUTED, linewidth=0.8)
        ax.set_xlabel(f"{self.unit}s since the first order" if self.unit else "time")
        ax.set_ylabel("cumulative repeat purchases" if cumulative else "repeat purchases")
        ax.legend()
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LifetimeValue(Table):
    """Customer lifetime value over a horizon, and what it is made of, in the order of the input.

    Attributes
    ----------
    customer : array of ids
    probability_alive, expected_purchases, expected_spend : float64 arrays
        Today; within the horizon, not discounted; a purchase.
    clv : float64 array
        Discounted expected purchases x expected spend x margin.
    lower, upper : float64 arrays or None
        Confidence limits of `clv`: uncertainty of the parameters only.
    horizon, unit, discount_rate, discount_period, margin, level
        What was asked for; the horizon in `unit`.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> model = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(base)
    >>> table = model.predict(base, horizon="39w", discount_rate=0.15, margin=0.4)
    >>> table.unit, table.horizon, round(float(table.clv.max()), 2)
    ('week', 39.0, 379.57)
    """

    customer: Any
    probability_alive: Floats
    expected_purchases: Floats
    expected_spend: Floats
    clv: Floats
    lower: Floats | None
    upper: Floats | None
    horizon: float
    unit: str | None
    discount_rate: float
    discount_period: str
    margin: float
    level: float | None

    def __len__(self) -> int:
        return len(self.clv)

    def _title(self) -> str:
        unit = f" {self.unit}s" if self.unit else ""
        article = "an" if self.discount_period == "opportunity" else "a"
        return (
            f"Lifetime value of {len(self):,} customers over {self.horizon:g}{unit}, discounted at "
            f"{100 * self.discount_rate:g} % {article} {self.discount_period}"
        )

    def _columns(self) -> Mapping[str, Any]:
        columns = {
            "customer": self.customer,
            "probability_alive": self.probability_alive,
            "expected_purchases": self.expected_purchases,
            "expected_spend": self.expected_spend,
            "clv": self.clv,
        }
        if self.level is not None:
            columns |= {"lower": self.lower, "upper": self.upper}
        return columns
