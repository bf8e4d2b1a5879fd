"""What a contest of models returns: scores, margins of error, and who won, if anybody did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._validation import Floats, Ints
from tenure.clv._holdout import CountForecast
from tenure.clv._likelihood import two_sided
from tenure.clv._transaction import TransactionModel
from tenure.events import CalibrationHoldout


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ModelComparison(Table):
    """Models of repeat purchases by how well they foresaw a hold-out, the best first.

    Attributes
    ----------
    model : tuple of m names
        Fits that converged by `log_score`, those of models without one, then the others.
    status : tuple of str
        How each fit ended; only "converged" is an optimum.
    log_score : float64 array
        Mean over customers of log P(X = orders that came); the higher the better. NaN, as is
        `crps`, for a model without a distribution of purchases given the history.
    difference, standard_error, margin : float64 arrays
        By how much the first model's log score is higher; the paired standard error of that over
        customers; and its normal margin of error at `level`.
    crps : float64 array
        Mean continuous ranked probability score, in orders; the lower the better.
    mae, bias : float64 arrays
        Mean over customers of |expected - actual| and of expected - actual orders.
    expected : float64 array
        Orders expected of all customers; `actual` came.
    log_likelihood, aic, bic : float64 arrays
        In sample: log-likelihood, 2 k - 2 LL and k ln n - 2 LL with `n_parameters` = k.
    n_parameters : int64 array
    models : tuple of m fitted models
    customer : array of n ids
    log_scores, crps_scores : float64 arrays of shape (n, m)
        Of each customer, for comparisons of one's own.
    actual, n_customers : int
    horizon, unit : float, str
        Length of the hold-out.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> models = [tn.clv.BGNBD(), tn.clv.ParetoNBD()]
    >>> contest = tn.clv.compare(log, models, cut="1997-09-30")
    >>> contest.model, contest.expected.round().tolist(), contest.actual
    (('BGNBD', 'ParetoNBD'), [1653.0, 1666.0], 1882)
    """

    model: tuple[str, ...]
    status: tuple[str, ...]
    log_score: Floats
    difference: Floats
    standard_error: Floats
    margin: Floats
    crps: Floats
    mae: Floats
    bias: Floats
    expected: Floats
    log_likelihood: Floats
    aic: Floats
    bic: Floats
    n_parameters: Ints
    models: tuple[Any, ...]
    customer: Any
    log_scores: Floats
    crps_scores: Floats
    actual: int
    n_customers: int
    horizon: float
    unit: str
    level: float

    _column_names = (
        "model",
        "status",
        "log_score",
        "difference",
        "margin",
        "crps",
        "mae",
        "bias",
        "expected",
        "log_likelihood",
        "aic",
        "bic",
    )

    def __len__(self) -> int:
        return len(self.model)

    @property
    def winner(self) -> str | None:
        """The model with the highest log score whose fit converged; None where none did."""
        return self.model[0] if self._scored()[0] else None

    @property
    def clear(self) -> bool:
        """Whether the winner is better than each rival by more than the margin of error."""
        return self.winner is not None and not self._close().any()

    def _scored(self) -> npt.NDArray[np.bool_]:
        """The models that can win."""
        converged = np.array([s == "converged" for s in self.status])
        scored: npt.NDArray[np.bool_] = converged & ~np.isnan(self.log_score)
        return scored

    def _close(self) -> npt.NDArray[np.bool_]:
        """The rivals that are not clearly worse than the first, of those that converged."""
        rival = self._scored()
        rival[0] = False
        # A rival that held what came to be impossible has an infinite difference and no margin.
        close: npt.NDArray[np.bool_] = rival & ~(self.difference > np.nan_to_num(self.margin))
        return close

    def _verdict(self) -> str:
        if self.winner is None:
            return "no fit converged that gives probabilities of counts"
        if int(self._scored().sum()) == 1:
            return f"{self.winner}" + (", the only one that can win" if len(self) > 1 else "")
        close = np.flatnonzero(self._close())
        rival = int(close[0]) if close.size else 1
        by = f"{self.difference[rival]:.4f} +- {self.margin[rival]:.4f} a customer"
        if close.size:
            return f"no model is clearly better ({self.winner} leads {self.model[rival]} by {by})"
        return f"{self.winner} by {by} over {self.model[rival]}"

    def _title(self) -> str:
        return (
            f"Forecasts of {self.horizon:.4g} {self.unit}s for {self.n_customers:,} customers, "
            f"{self.actual:,} orders came: {self._verdict()}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw by how much each log score falls short of the winner's; return the Axes.

        A fit that did not converge is grey and named with its status.
        """
        from tenure import plotting

        ax = plotting.axes(ax, (7.2, 0.9 + 0.42 * len(self)))
        converged = np.array([s == "converged" for s in self.status])
        names = [
            m if c else f"{m} ({s})"
            for m, s, c in zip(self.model, self.status, converged, strict=True)
        ]
        low, high = -self.difference - self.margin, -self.difference + self.margin
        at = np.arange(len(self))
        for rows, color in ((converged, plotting.ACCENT), (~converged, plotting.MUTED)):
            ax.hlines(at[rows], low[rows], high[rows], color=color, linewidth=1.6)
            ax.plot(-self.difference[rows], at[rows], "o", color=color, markersize=5)
        plotting.horizontal(ax, names)
        ax.set_ylim(len(self) - 0.5, -0.5)
        ax.axvline(0.0, color=plotting.MUTED, linewidth=0.8)
        first = self.winner or self.model[0]
        ax.set_xlabel(f"log score a customer, less that of {first} ({100 * self.level:g} % margin)")
        return ax


def ranked(
    fitted: Mapping[str, TransactionModel],
    forecasts: Mapping[str, CountForecast],
    holdout: CalibrationHoldout,
    rows: Any,
    level: float,
) -> ModelComparison:
    """Return the models in order of their mean log score, those without an optimum last."""
    with np.errstate(divide="ignore"):
        scores = {name: np.log(f.probability) for name, f in forecasts.items()}
    mean = {name: float(s.mean()) for name, s in scores.items()}
    names = tuple(
        sorted(
            fitted, key=lambda n: (not fitted[n].converged_, n not in mean, -mean.get(n, 0.0), n)
        )
    )
    models = tuple(fitted[n] for n in names)
    customers, actual = len(holdout), holdout.orders_holdout
    unknown = np.full(customers, np.nan)
    log_scores = np.column_stack([scores.get(n, unknown) for n in names])
    crps_scores = np.column_stack([forecasts[n].crps if n in forecasts else unknown for n in names])
    with np.errstate(invalid="ignore"):
        behind = log_scores[:, :1] - log_scores
        # Also where the score is infinite.
        behind[:, 0] = np.where(np.isnan(log_scores[:, 0]), np.nan, 0.0)
        difference = behind.mean(axis=0)
        spread = behind.std(axis=0, ddof=1) if customers > 1 else np.full(len(names), np.nan)
    error = spread / np.sqrt(customers)
    expected = np.column_stack([m.expected_purchases(rows, holdout.duration) for m in models])
    off = expected - actual[:, None]
    return ModelComparison(
        model=names,
        status=tuple(m.status_ for m in models),
        log_score=np.array([mean.get(n, np.nan) for n in names]),
        difference=difference,
        standard_error=error,
        margin=two_sided(level, "level") * error,
        crps=crps_scores.mean(axis=0),
        mae=np.abs(off).mean(axis=0),
        bias=off.mean(axis=0),
        expected=expected.sum(axis=0),
        log_likelihood=np.array([m.log_likelihood_ for m in models]),
        aic=np.array([m.aic_ for m in models]),
        bic=np.array([m.bic_ for m in models]),
        n_parameters=np.array([m.n_parameters_ for m in models]),
        models=models,
        customer=holdout.calibration.customer,
        log_scores=log_scores,
        crps_scores=crps_scores,
        actual=int(actual.sum()),
        n_customers=customers,
        horizon=holdout.duration,
        unit=holdout.calibration.unit,
        level=level,
    )
