"""What the Cox regressions of several causes say together: who leaves for which, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints, as_column, as_level
from tenure.churn._cox_predict import _as_after, _as_times
from tenure.churn._cox_tables import CoxBaseline
from tenure.churn._limits import incidence_limits
from tenure.churn._times import z_of
from tenure.churn.cox import CoxPH


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CauseSummary(Table):
    """Coefficients of the Cox regressions of all causes, one row a cause and column.

    Attributes
    ----------
    cause : tuple
        Labels.
    name : tuple of str
        The columns of X.
    coef, standard_error, z, p_value, lower, upper : ndarray of float
        `p_value` of Wald's test that the coefficient is 0; normal limits.
    hazard_ratio, hazard_ratio_lower, hazard_ratio_upper : ndarray of float
        exp of `coef` and its limits: the factor of one unit more on the hazard of the cause.
    """

    cause: tuple[Any, ...]
    name: tuple[str, ...]
    coef: Floats
    hazard_ratio: Floats
    standard_error: Floats
    z: Floats
    p_value: Floats
    lower: Floats
    upper: Floats
    hazard_ratio_lower: Floats
    hazard_ratio_upper: Floats
    _about: str

    _column_names = (
        "cause", "name", "coef", "hazard_ratio", "standard_error", "z", "p_value", "lower", "upper",
        "hazard_ratio_lower", "hazard_ratio_upper",
    )  # fmt: skip

    def _title(self) -> str:
        return self._about


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictedIncidence(Table):
    """Shares that leave for a cause, with limits, one row a customer, time and cause.

    Attributes
    ----------
    row : ndarray of int
        The customer's row in X.
    time : ndarray of float
    cause : tuple
        Labels.
    value, standard_error, lower, upper : ndarray of float
        NaN beyond the last time observed.
    """

    row: Ints
    time: Floats
    cause: tuple[Any, ...]
    value: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats

    _column_names = ("row", "time", "cause", "value", "standard_error", "lower", "upper")

    def _title(self) -> str:
        return "Share that has left, by cause"


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """Predictions of all customers at all times: incidence and variance by cause, survival."""

    times: Floats
    incidence: Floats
    survival: Floats
    variance: Floats


def walk(
    models: tuple[CoxPH, ...],
    covariance: Floats | None,
    X: Any,
    times: Any,
    strata: Any,
    after: Any,
    offset: Any,
    threads: int,
) -> Walked:
    """Return what `models` say together; variances where `covariance` is given."""
    first = models[0]
    rows, _ = first._centred(X, offset)
    moved = 0.0 if offset is None else as_column(offset, np.float64, "offset")
    with np.errstate(over="ignore"):
        eta = [(rows - m.means_) @ m.coef_ + moved for m in models]
        # Beyond, everyone is gone at the first time at which anyone leaves.
        risk = np.minimum(np.exp(np.stack(eta, axis=1)), 1e100)
    if not np.isfinite(risk).all():
        row = int(np.argmin(np.isfinite(risk).all(axis=1)))
        msg = f"X[{row}] has a linear predictor beyond all numbers"
        raise InvalidInputError(msg, argument="X", row=row)
    t = _as_times(times)
    codes, reached = first._codes(strata, len(rows)), _as_after(after, len(rows))
    n, m, causes = len(rows), len(t), len(models)
    order = np.argsort(t, kind="stable")
    incidence, survival = np.empty((n, m, causes)), np.empty((n, m))
    variance = np.empty((n, m, causes) if covariance is not None else (0, 0, 0))
    centred = rows - first.means_
    for k in np.unique(codes):
        mine = np.flatnonzero(codes == k)
        grid, hazard, spread, mean = _merged([m.baseline_ for m in models], int(k))
        found = _core.churn.cause_incidence(
            grid,
            hazard.ravel(),
            None if covariance is None else spread.ravel(),
            None if covariance is None else mean.ravel(),
            None if covariance is None else np.ascontiguousarray(covariance).ravel(),
            np.ascontiguousarray(risk[mine]).ravel(),
            np.ascontiguousarray(centred[mine]).ravel(),
            None if reached is None else np.ascontiguousarray(reached[mine]),
            np.ascontiguousarray(t[order]),
            causes,
            threads,
        )
        at = np.ix_(mine, order)
        incidence[at] = found[0].reshape(len(mine), m, causes)
        survival[at] = found[1].reshape(len(mine), m)
        if covariance is not None:
            variance[at] = found[2].reshape(len(mine), m, causes)
        start = np.zeros(len(mine)) if reached is None else reached[mine]
        unknown = np.zeros((n, m), dtype=bool)
        unknown[mine] = start[:, None] + t > first.baseline_.last_time[k]
        incidence[unknown], survival[unknown] = np.nan, np.nan
        if covariance is not None:
            variance[unknown] = np.nan
    return Walked(t, incidence, survival, variance)


def draw(
    found: Walked,
    lines: list[tuple[int, int]],
    names: Any,
    cause: Any,
    interval: float | None,
    ax: Any,
) -> Any:
    """Draw the incidence of each of `lines`, a row and the position of a cause."""
    from tenure import plotting

    ax = plotting.axes(ax)
    for j, (i, k) in enumerate(lines):
        band: tuple[Any, ...] = ()
        value = found.incidence[i, :, k]
        if interval is not None:
            error = np.sqrt(found.variance[i, :, k])
            band = incidence_limits(value, error, z_of(as_level(interval)), "log-log")
        plotting.curve(
            found.times, value, *band, ax=ax, steps=True,
            color=plotting.PALETTE[j % len(plotting.PALETTE)],
            label=None if names is None else str(names[j]),
        )  # fmt: skip
    plotting.from_zero(ax)
    plotting.percent_ticks(ax.yaxis, 0)
    ax.set(xlabel="Tenure", ylabel="Share that has left" + ("" if cause is None else f": {cause}"))
    if names is not None:
        plotting.legend_above(ax, len(lines))
    return ax


def _merged(baselines: list[CoxBaseline], stratum: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return all times of a stratum, and what hazard, variance and mean gain at each, by cause."""
    parts = [b.of(stratum) for b in baselines]
    grid = np.unique(np.concatenate([b.time[p] for b, p in zip(baselines, parts, strict=True)]))
    p, causes = baselines[0].mean_hazard.shape[1], len(baselines)
    hazard, spread = np.zeros((grid.size, causes)), np.zeros((grid.size, causes))
    mean = np.zeros((grid.size, causes, p))
    for k, (base, part) in enumerate(zip(baselines, parts, strict=True)):
        at = np.searchsorted(grid, base.time[part])
        hazard[at, k] = np.diff(base.cumulative_hazard[part], prepend=0.0)
        spread[at, k] = np.diff(base.variance[part], prepend=0.0)
        mean[at, k] = np.diff(base.mean_hazard[part], axis=0, prepend=np.zeros((1, p)))
    return grid, hazard, spread, mean
