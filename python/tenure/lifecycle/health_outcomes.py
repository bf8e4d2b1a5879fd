"""What a health score foretold: who churned after each date, by band, and how early it fell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure import plotting
from tenure._errors import InvalidInputError
from tenure._intervals import wilson
from tenure._results import Table
from tenure._time import MICROS_PER_DAY, to_datetime
from tenure._validation import Floats, Ints, as_level
from tenure.churn import ChurnDataset, KaplanMeier, make_dataset, roc_auc
from tenure.lifecycle.health_scores import BANDS

if TYPE_CHECKING:
    from tenure.lifecycle.health import HealthScore

#: Red, amber and green that are told apart under every common form of colour blindness.
_COLORS = (plotting.PALETTE[3], plotting.PALETTE[1], plotting.PALETTE[2])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HealthBands(Table):
    """Churn within the horizon by date and band of health.

    Attributes
    ----------
    at : datetime64[us] array, shape (n_dates * 3,), UTC
    band : ndarray of str
        Red, amber and green of each date.
    customers, churned : ndarray of int
        At risk in the band, and those of them who churned.
    rate, lower, upper : ndarray of float
        Share that churned, with Wilson limits; NaN of none.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> part = tn.lifecycle.HealthPart("days_since_last", healthy="low")
    >>> health = tn.lifecycle.HealthScore([part]).fit(log, at="1997-09-30")
    >>> bands = health.back_test(log, ["1997-12-31"], "180d").bands
    >>> bands.band.tolist(), bool(bands.rate[0] > bands.rate[2])
    (['red', 'amber', 'green'], True)
    """

    at: npt.NDArray[np.datetime64]
    band: npt.NDArray[np.str_]
    customers: Ints
    churned: Ints
    rate: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("at", "band", "customers", "churned", "rate", "lower", "upper")

    def _title(self) -> str:
        return f"Churn by band of health, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the share that churned by band, the dates side by side, with their limits.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax = plotting.axes(ax)
        dates = len(self.rate) // len(BANDS)
        # Three groups one apart; within a group the dates run from the left to the right.
        offset = 0.6 * ((np.arange(dates) + 0.5) / dates - 0.5)
        for b, color in enumerate(_COLORS):
            mine = slice(b, None, len(BANDS))
            x = b + offset
            ax.vlines(x, self.lower[mine], self.upper[mine], color=color, linewidth=1.6)
            ax.plot(x, self.rate[mine], "o", color=color, markersize=5)
        total = self.customers.reshape(dates, len(BANDS)).sum(axis=0)
        labels = [f"{n.capitalize()}\n{c:,} rows" for n, c in zip(BANDS, total, strict=True)]
        ax.set_xticks(range(len(BANDS)), labels=labels)
        ax.set_xlim(-0.5, len(BANDS) - 0.5)
        ax.set_ylim(0.0, 1.02)
        plotting.percent_ticks(ax.yaxis)
        ax.set(ylabel="Share that churned within the horizon")
        return ax


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeadTime(Table):
    """How long before churn was certain the score had fallen below the threshold.

    Attributes
    ----------
    churned : int
        Customers who churned after one of the dates, each counted once.
    warned, missed : int
        Those whose score was, and was not, below the threshold at the last date scored before
        their churn was certain, the end of the first horizon in which they churned.
    warned_share, warned_lower, warned_upper : float
        With Wilson limits.
    censored : int
        Of those warned, who had been below ever since they were first scored: the fall itself was
        not seen, and their lead time is at least what was seen.
    median, lower, upper : float
        Days from the date at which the score was found to have fallen, and stayed below, to the
        end of that horizon, of those warned; by Kaplan-Meier with Brookmeyer-Crowley limits,
        infinite where too few falls were seen, NaN where nobody was warned.
    threshold, level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> part = tn.lifecycle.HealthPart("days_since_last", healthy="low", cuts=[30, 60, 90])
    >>> dates = ["1997-03-31", "1997-05-31", "1997-07-31", "1997-09-30", "1997-11-30"]
    >>> lead = tn.lifecycle.HealthScore([part]).fit(log).back_test(log, dates, "180d").lead_time
    >>> lead.warned + lead.missed == lead.churned, lead.lower <= lead.median <= lead.upper
    (True, True)
    """

    churned: int
    warned: int
    missed: int
    warned_share: float
    warned_lower: float
    warned_upper: float
    censored: int
    median: float
    lower: float
    upper: float
    threshold: float
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = [n for n in self.__dataclass_fields__ if n not in ("threshold", "level")]
        return {name: [getattr(self, name)] for name in names}

    def _title(self) -> str:
        return (
            f"Days between a score below {self.threshold:g} and churn, limits at {self.level:.0%}"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HealthBackTest(Table):
    """How well a health score ranked who churned, date by date.

    Attributes
    ----------
    at : datetime64[us] array, shape (n_dates,), UTC
    customers, churned : ndarray of int, shape (n_dates,)
        At risk, and those of them who churned within the horizon.
    auc, lower, upper : ndarray of float, shape (n_dates,)
        The chance that who churned had the lower score, with DeLong limits; NaN where nobody or
        everybody churned.
    bands : HealthBands
    lead_time : LeadTime
    horizon : timedelta
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> part = tn.lifecycle.HealthPart("orders_90d", cuts=[1])
    >>> test = tn.lifecycle.HealthScore([part]).fit(log).back_test(log, ["1997-12-31"], "180d")
    >>> bool(test.lower[0] < test.auc[0] < test.upper[0])
    True
    """

    at: npt.NDArray[np.datetime64]
    customers: Ints
    churned: Ints
    auc: Floats
    lower: Floats
    upper: Floats
    bands: HealthBands
    lead_time: LeadTime
    horizon: dt.timedelta
    level: float

    _column_names = ("at", "customers", "churned", "auc", "lower", "upper")

    def _title(self) -> str:
        days = self.horizon.total_seconds() / 86_400
        return f"Health against churn within {days:g} days, limits at {self.level:.0%}"

    def plot(self, ax: Any = None) -> Any:
        """Draw the area under the ROC curve over the dates, with its limits.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax = plotting.axes(ax)
        x = np.arange(len(self.at))
        ax.axhline(0.5, color=plotting.MUTED, linewidth=1.0)
        ax.vlines(x, self.lower, self.upper, color=plotting.ACCENT, linewidth=1.6)
        ax.plot(x, self.auc, "o-", color=plotting.ACCENT, markersize=5, linewidth=1.0)
        # A cutoff at midnight is the end of the day before.
        days = (self.at - np.timedelta64(1, "us")).astype("datetime64[D]")
        step = max(1, -(-len(x) // max(int(plotting.width_of(ax) / 1.0), 1)))
        ax.set_xticks(x[::step], labels=[str(d) for d in days[::step]])
        ax.set_xlim(-0.5, len(x) - 0.5)
        ax.set_ylim(min(0.4, float(np.nanmin(np.append(self.lower, 0.4)))), 1.02)
        ax.set(ylabel="AUC (0.5: knows nothing)")
        return ax


def back_test(
    health: HealthScore,
    log: Any,
    dates: Sequence[Any],
    horizon: Any,
    *,
    label: Any,
    features: Any,
    threshold: float,
    level: float,
    learnt: int | None,
    n_threads: int | None,
) -> HealthBackTest:
    """Score who is at risk at each date and count who churned; `learnt`: when ranks were learnt."""
    checked = as_level(level)
    data = make_dataset(
        log, dates, horizon, label=label, windows=health.windows, events=health.events,
        features=features, n_threads=n_threads,
    )  # fmt: skip
    ends = np.array(data._cutoffs(), dtype=np.int64)
    if learnt is not None and learnt > ends[0]:
        msg = (
            f"dates[0] is {data.dates[0]}, before {to_datetime(learnt, log.timezone)}, when the "
            "ranks were learnt: fit the score at the first date or before, or give its parts cuts"
        )
        raise InvalidInputError(msg, argument="dates", row=0, value=dates[0])
    _, score, band = health._measured(health._picked(data.columns))
    date = np.searchsorted(ends, data.at.view(np.int64))
    count = len(ends)
    customers = np.bincount(date, minlength=count).astype(np.int64)
    churned = np.bincount(date[data.churned], minlength=count).astype(np.int64)
    auc = np.full((3, count), np.nan)
    for k in np.flatnonzero((churned > 0) & (churned < customers)):
        found = roc_auc(data.churned[date == k], -score[date == k], checked)
        auc[:, k] = found.value, found.lower, found.upper
    at = ends.view("datetime64[us]")
    return HealthBackTest(
        at=at,
        customers=customers,
        churned=churned,
        auc=auc[0],
        lower=auc[1],
        upper=auc[2],
        bands=_bands(at, date, band, data.churned, checked),
        lead_time=_lead_time(data, ends, date, score < threshold, threshold, checked),
        horizon=data.horizon,
        level=checked,
    )


def _bands(
    at: npt.NDArray[np.datetime64], date: Ints, band: Any, churned: Any, level: float
) -> HealthBands:
    place = np.select([band == name for name in BANDS], range(len(BANDS)))
    cell, cells = date * len(BANDS) + place, len(at) * len(BANDS)
    customers = np.bincount(cell, minlength=cells).astype(np.int64)
    left = np.bincount(cell[churned], minlength=cells).astype(np.int64)
    lower, upper = wilson(left, customers, level)
    rate = np.divide(left, customers, out=np.full(cells, np.nan), where=customers > 0)
    names = np.tile(np.array(BANDS), len(at))
    return HealthBands(np.repeat(at, len(BANDS)), names, customers, left, rate, lower, upper, level)


def _lead_time(
    data: ChurnDataset, ends: Ints, date: Ints, below: Any, threshold: float, level: float
) -> LeadTime:
    lead, seen, missed = lead_times(
        data.group, date, below, data.churned, ends, data.horizon // dt.timedelta(microseconds=1)
    )
    warned = len(lead)
    share = np.full(1, np.nan)
    lower, upper = wilson([warned], [warned + missed], level)
    if warned + missed:
        share[0] = warned / (warned + missed)
    median = np.full(3, np.nan)
    if warned:
        found = KaplanMeier(level=level).fit(lead, seen).quantile([0.5], interval=level)
        median[:] = found.value[0], found.lower[0], found.upper[0]
    return LeadTime(
        churned=warned + missed,
        warned=warned,
        missed=missed,
        warned_share=float(share[0]),
        warned_lower=float(lower[0]),
        warned_upper=float(upper[0]),
        censored=int(warned - seen.sum()),
        median=float(median[0]),
        lower=float(median[1]),
        upper=float(median[2]),
        threshold=threshold,
        level=level,
    )


def lead_times(
    group: Ints, date: Ints, below: Any, churned: Any, ends: Ints, horizon: int
) -> tuple[Floats, Any, int]:
    """Return days of warning of those warned, whether the fall was seen, and how many were missed.

    Rows are customers (`group`) at dates, the positions of which in `ends` are `date`.
    """
    known, who = np.unique(group, return_inverse=True)
    # -1 where a customer was not scored, else whether its score was below the threshold.
    state = np.full((len(ends), len(known)), -1, dtype=np.int8)
    state[date, who] = below
    left = np.zeros(state.shape, dtype=bool)
    left[date, who] = churned
    anyone = np.flatnonzero(left.any(axis=0))
    state, left = state[:, anyone], left[:, anyone]
    certain = ends[left.argmax(axis=0)] + horizon
    scored = (state >= 0) & (ends[:, None] < certain)
    last = len(ends) - 1 - scored[::-1].argmax(axis=0)
    column = np.arange(len(anyone))
    warned = state[last, column] == 1
    start = last.copy()
    for k in range(len(ends) - 2, -1, -1):
        start[(start == k + 1) & (state[k] == 1)] = k
    seen = (start > 0) & (state[np.maximum(start - 1, 0), column] == 0)
    lead = (certain - ends[start]) / MICROS_PER_DAY
    return lead[warned], seen[warned], int((~warned).sum())
