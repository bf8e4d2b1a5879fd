"""Survival curves of profiles with their limits, from a regression's estimates and covariance."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats
from tenure.churn._times import z_of


def survival_limits(model: Any, X: Any, at: Any, level: float) -> tuple[Floats, Floats, Floats]:
    """Return survival with its limits, each of shape (n_rows, n_times).

    Of log(-log S), by the delta method. Its derivatives are differences over a hundredth of each
    estimate's standard error: what is left out is of the size of 1e-4 of the limits' width.
    """
    values = model._values()
    error = np.sqrt(np.diag(model.covariance_))

    def scaled(moved: Any) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            answer: Floats = np.log(-np.log(moved.predict_survival(X, at)))
        return answer

    middle = model.predict_survival(X, at)
    slopes = []
    for j in np.flatnonzero(error > 0.0):
        step = np.zeros(values.size)
        step[j] = 1e-2 * error[j]
        with np.errstate(invalid="ignore"):
            rise = scaled(model._moved(values + step)) - scaled(model._moved(values - step))
        slopes.append(rise / (2.0 * step[j]))
    used = error > 0.0
    slope = np.stack(slopes, axis=-1)
    half = z_of(level) * np.sqrt(
        np.einsum("...j,jk,...k->...", slope, model.covariance_[np.ix_(used, used)], slope)
    )
    at_middle = scaled(model)
    # Where survival is 0 or 1 there is nothing to move.
    known = np.isfinite(at_middle) & np.isfinite(half)
    lower = np.where(known, np.exp(-np.exp(at_middle + half)), middle)
    upper = np.where(known, np.exp(-np.exp(at_middle - half)), middle)
    return middle, lower, upper


def draw_survival(
    model: Any,
    X: Any,
    at: Any,
    ax: Any,
    *,
    labels: Any,
    level: float,
    steps: bool,
    xlabel: str,
) -> Any:
    """Draw the curve of each row of X with its limits; return the Axes."""
    from tenure import plotting

    middle, lower, upper = survival_limits(model, X, at, level)
    if labels is not None and len(labels) != len(middle):
        msg = f"labels must name the {len(middle)} rows of X, got {len(labels)}"
        raise InvalidInputError(msg, argument="labels")
    ax = plotting.axes(ax)
    for i, row in enumerate(middle):
        plotting.curve(
            at,
            row,
            lower[i],
            upper[i],
            ax=ax,
            steps=steps,
            color=plotting.PALETTE[i % len(plotting.PALETTE)],
            label=None if labels is None else str(labels[i]),
        )
    ax.set_ylim(0.0, 1.02)
    ax.set_xlim(0.0, float(at[-1]))
    plotting.percent_ticks(ax.yaxis, 0)
    ax.set(xlabel=xlabel, ylabel="Share that stays")
    if labels is not None:
        plotting.legend_above(ax, len(middle))
    return ax
