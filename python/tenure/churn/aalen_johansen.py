"""Aalen-Johansen: the share that has left, by why they left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._results import Table
from tenure._validation import Floats, as_choice, as_column, as_level
from tenure.churn._codes import as_causes
from tenure.churn._limits import incidence_limits
from tenure.churn._times import as_times, z_of


@storable("churn.IncidenceCurves")
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IncidenceCurves(Table):
    """Cumulative incidence by cause: one row for each distinct time at which someone left.

    Attributes
    ----------
    causes : tuple
        Labels, ascending: the order of the columns below.
    time, at_risk, survival : ndarray of float, shape (n_times,)
        `survival` is the share still a customer after the time: 1 minus all incidences.
    events, incidence, standard_error, lower, upper : ndarray of float, shape (n_times, n_causes)
    last_time : float
        Largest duration: beyond it the curves are unknown.
    """

    causes: tuple[Any, ...]
    time: Floats
    at_risk: Floats
    survival: Floats
    events: Floats
    incidence: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    last_time: float

    def _columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = {
            "time": self.time, "at_risk": self.at_risk, "survival": self.survival
        }  # fmt: skip
        for k, cause in enumerate(self.causes):
            for name in ("incidence", "standard_error", "lower", "upper"):
                columns[f"{name}_{cause}"] = getattr(self, name)[:, k]
        return columns

    def _title(self) -> str:
        return f"Cumulative incidence by cause, known up to {self.last_time:g}"

    def plot(self, ax: Any = None, *, stacked: bool = False) -> Any:
        """Draw the share that has left for each cause, with bands, or one upon the other.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.
        stacked : bool
            Fill between the curves, so that the top is the share that has left at all.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        time = np.concatenate([[0.0], self.time, [self.last_time]])

        def steps(values: Floats) -> Floats:
            ends = np.concatenate([[0.0], values])
            return np.concatenate([ends, ends[-1:]])

        ax = plotting.axes(ax)
        base = np.zeros(time.size)
        for k, cause in enumerate(self.causes):
            color = plotting.PALETTE[k % len(plotting.PALETTE)]
            value = steps(self.incidence[:, k])
            if stacked:
                ax.fill_between(
                    time, base, base + value, step="post", color=color, alpha=0.55, linewidth=0,
                    label=str(cause),
                )  # fmt: skip
                base = base + value
            else:
                bands = steps(self.lower[:, k]), steps(self.upper[:, k])
                plotting.curve(
                    time, value, *bands, ax=ax, label=str(cause), color=color, steps=True
                )
        plotting.from_zero(ax)
        plotting.percent_ticks(ax.yaxis, 0)
        ax.set(xlabel="Tenure", ylabel="Share that has left")
        plotting.legend_above(ax, len(self.causes))
        return ax


@storable("churn.AalenJohansen")
class AalenJohansen(Estimator):
    """Aalen-Johansen estimate of why customers leave, with left truncation and weights.

    Who leaves for one cause can no more leave for another: 1 minus a Kaplan-Meier curve in which
    other causes are censored would count them as if they still could. Ties are taken as they are;
    leaving comes before censoring. Formulas: docs/methods/survival_curves.md.

    Parameters
    ----------
    interval : {"log-log", "plain"}
        Scale on which an incidence F is taken as normal: log(-log(1 - F)), or F.
    level : float
        Confidence level, between 0 and 1.

    Attributes
    ----------
    curves_ : IncidenceCurves
    causes_ : tuple
        Labels of the causes, ascending.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978), Scandinavian J. Statistics 5:141-150. Dinse, G. E. and
    Larson, M. G. (1986), Biometrika 73:379-386 (variance).

    Examples
    --------
    >>> import tenure as tn
    >>> aj = tn.churn.AalenJohansen().fit([1, 2, 2, 3], ["price", "moved", None, "price"])
    >>> aj.causes_, aj.curves_.incidence.tolist()
    (('moved', 'price'), [[0.0, 0.25], [0.25, 0.25], [0.25, 0.75]])
    """

    curves_: IncidenceCurves
    _fitted = ("curves_",)

    def __init__(self, *, interval: str = "log-log", level: float = 0.95) -> None:
        self.interval = interval
        self.level = level

    def fit(
        self,
        duration: npt.ArrayLike,
        cause: Any,
        entry: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Estimate the curves.

        Parameters
        ----------
        duration, entry, sample_weight
            As in `KaplanMeier.fit`.
        cause : array-like of int or str, shape (n_customers,)
            Why the customer left at `duration`. 0, None, NaN or an empty text: still a customer.

        Returns
        -------
        AalenJohansen
            self.

        Raises
        ------
        InvalidInputError
            For a bad cell, naming argument and row, a setting out of range, or if nobody left.
        """
        scale, level = self._settings()
        codes, labels = as_causes(cause)
        raw = _core.survival.aalen_johansen(
            as_column(duration, np.float64, "duration"),
            codes,
            len(labels),
            None if entry is None else as_column(entry, np.float64, "entry"),
            None
            if sample_weight is None
            else as_column(sample_weight, np.float64, "sample_weight"),
        )
        error = np.sqrt(raw["variance"])
        lower, upper = incidence_limits(raw["incidence"], error, z_of(level), scale)
        self.curves_ = IncidenceCurves(
            labels, raw["time"], raw["at_risk"], raw["survival"], raw["events"], raw["incidence"],
            error, lower, upper, raw["last_time"],
        )  # fmt: skip
        return self

    @property
    def causes_(self) -> tuple[Any, ...]:
        """Labels of the causes, ascending."""
        self._require_fitted()
        return self.curves_.causes

    def predict(self, t: npt.ArrayLike, cause: Any = None) -> Floats:
        """Return the share that has left by each time of `t`.

        Parameters
        ----------
        t : array-like of float, shape (n_times,)
            >= 0, in the unit of `duration`.
        cause : label, optional
            One cause; all by default.

        Returns
        -------
        ndarray of float, shape (n_times,), or (n_times, n_causes) for all causes
            0 before the first event, NaN beyond the last time observed unless nobody is left.
        """
        self._require_fitted()
        times, curves = as_times(t, "t"), self.curves_
        step = np.searchsorted(curves.time, times, side="right")
        start = np.zeros((1, len(curves.causes)))
        value = np.concatenate([start, curves.incidence])[step]
        left = np.concatenate([[1.0], curves.survival])[step]
        value[(times > curves.last_time) & (left > 0.0)] = np.nan
        if cause is None:
            return value
        if cause not in curves.causes:
            msg = f"cause must be one of {curves.causes}, got {cause!r}"
            raise InvalidInputError(msg, argument="cause", value=cause)
        return np.ascontiguousarray(value[:, curves.causes.index(cause)])

    def plot(self, ax: Any = None, *, stacked: bool = False) -> Any:
        """Draw the incidence of each cause; see `IncidenceCurves.plot`."""
        self._require_fitted()
        return self.curves_.plot(ax, stacked=stacked)

    def _settings(self) -> tuple[str, float]:
        return as_choice(self.interval, "interval", ("log-log", "plain")), as_level(self.level)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._settings()
        c = self.curves_
        if not isinstance(c, IncidenceCurves) or not isinstance(c.causes, tuple):
            msg = "curves_ are no incidence curves"
            raise ValueError(msg)
        n, k = np.size(c.time), len(c.causes)
        shapes = {"time": (n,), "at_risk": (n,), "survival": (n,)}
        for name in ("events", "incidence", "standard_error", "lower", "upper"):
            shapes[name] = (n, k)  # type: ignore[assignment]
        for name, shape in shapes.items():
            column = getattr(c, name)
            good = isinstance(column, np.ndarray) and column.dtype == np.float64
            if not good or column.shape != shape or not np.isfinite(column).all():
                msg = f"{name} holds values that no such curves have"
                raise ValueError(msg)
        total = c.survival + c.incidence.sum(axis=1)
        ascends = bool(np.all(np.diff(c.time) > 0.0)) and bool(np.all(c.time >= 0.0))
        rises = bool(np.all(np.diff(c.incidence, axis=0, prepend=0.0) >= 0.0))
        inside = bool(np.all((c.lower <= c.incidence) & (c.incidence <= c.upper)))
        known = bool(np.isfinite(c.last_time)) and (n == 0 or c.time[-1] <= c.last_time)
        if not (k and ascends and rises and inside and known and np.allclose(total, 1, atol=1e-9)):
            msg = "curves_ hold values that no incidence curves have"
            raise ValueError(msg)
