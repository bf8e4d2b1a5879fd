"""What an attribution found: the credit of each channel under each model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure._results import Table
from tenure._validation import Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Attribution(Table):
    """Credit for conversions. As a table: one row for each channel and model.

    Attributes
    ----------
    channels : tuple of str, length n_channels
        Ascending.
    models : tuple of str, length n_models
    credits : ndarray of float, shape (n_channels, n_models)
        Conversions. Under every model they add up to `n_credited`.
    revenue : ndarray of float, shape (n_channels, n_models), or None
        Amounts, with ``value="amount"``. They add up to `revenue_credited`.
    shares : ndarray of float, shape (n_channels, n_models)
        Of the credits, or with ``value="amount"`` of the revenue; NaN if there is none.
    lower, upper : ndarray of float, shape (n_channels, n_models), or None
        Bootstrap limits of what the shares are of, if asked for.
    removal_effects : ndarray of float, shape (n_channels,), or None
        Of the model "markov": the part of the probability to convert that is lost if every touch of
        the channel leads to nothing. They do not add up to 1.
    value : str
    n_conversions, n_credited : int
        All, and those with a touch before them: only these can be credited.
    revenue_total, revenue_credited : float or None
        The same of amounts.
    n_paths : int
        Runs of touches, with and without a conversion at the end.
    level : float

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> hour = np.array([0, 1, 2, 0]).astype("timedelta64[h]")
    >>> rows = {
    ...     "who": [1, 1, 1, 2],
    ...     "what": ["search", "mail", "purchase", "mail"],
    ...     "when": np.datetime64("2024-01-01", "us") + hour,
    ... }
    >>> log = tn.EventLog(rows, customer="who", time="when", event="what", orders=["purchase"])
    >>> a = tn.journey.attribution(log, model=["linear", "markov"])
    >>> a.channels, a.credits.round(3).tolist(), a.removal_effects.round(3).tolist()
    (('mail', 'search'), [[0.5, 0.667], [0.5, 0.333]], [1.0, 0.5])
    """

    channels: tuple[str, ...]
    models: tuple[str, ...]
    credits: Floats
    revenue: Floats | None
    shares: Floats
    lower: Floats | None
    upper: Floats | None
    removal_effects: Floats | None
    value: str
    n_conversions: int
    n_credited: int
    revenue_total: float | None
    revenue_credited: float | None
    n_paths: int
    level: float

    def _columns(self) -> Mapping[str, Any]:
        n, m = self.credits.shape
        columns: dict[str, Any] = {
            "channel": [name for name in self.channels for _ in range(m)],
            "model": list(self.models) * n,
            "credit": self.credits.ravel(),
            "share": self.shares.ravel(),
        }
        for name in ("revenue", "lower", "upper"):
            if getattr(self, name) is not None:
                columns[name] = getattr(self, name).ravel()
        return columns

    def _title(self) -> str:
        return (
            f"{self.n_credited:,} of {self.n_conversions:,} conversions credited to "
            f"{len(self.channels):,} channels, {self.n_paths:,} paths"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw a bar for each channel and model, with its interval if there is one.

        Channels come by their credit, added up over the models.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        values = self.credits if self.revenue is None else self.revenue
        n, m = values.shape
        ax = plotting.axes(ax, figsize=(7.2, 1.3 + n * (0.15 + 0.13 * m)))
        order = np.argsort(-values.sum(axis=1), kind="stable")
        height = 0.8 / max(m, 1)
        for k, model in enumerate(self.models):
            at = np.arange(n) + (k - 0.5 * (m - 1)) * height
            ax.barh(
                at,
                values[order, k],
                height=0.86 * height,
                color=plotting.PALETTE[k % len(plotting.PALETTE)],
                linewidth=0,
                label=model.replace("_", " "),
            )
            if self.lower is not None and self.upper is not None:
                low, high = self.lower[order, k], self.upper[order, k]
                ax.hlines(at, low, high, color=plotting.INK, linewidth=1.0)
        plotting.horizontal(ax, [self.channels[i] for i in order])
        ax.set_xlim(left=0.0)
        plotting.number_ticks(ax.xaxis)
        ax.set(xlabel="Conversions credited" if self.revenue is None else "Revenue credited")
        if m > 1:
            ax.legend(
                loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=m, fontsize=8.5, frameon=False
            )
        return ax
