"""What a fitted Cox regression says of customers: risks, curves, times."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._sklearn import FeatureEstimator, as_weights, name_cell
from tenure._validation import Floats, as_column, as_count, as_level, as_number, as_threads
from tenure.churn._cox_tables import CoxBaseline, CoxSurvival
from tenure.churn._groups import Codes, codes_among


class CoxPredictions(FeatureEstimator):
    """Base of regressions with a baseline: predictions from coefficients and `baseline_`."""

    coef_: Floats
    means_: Floats
    baseline_: CoxBaseline
    n_threads: int | None

    def predict(self, X: Any, offset: npt.ArrayLike | None = None) -> Floats:
        """Return the log of each customer's hazard relative to one at the mean of each column.

        Parameters
        ----------
        X : array of shape (n_customers, n_features) or data frame
        offset : array-like of float, shape (n_customers,), optional

        Returns
        -------
        ndarray of float, shape (n_customers,)
            The higher, the sooner churn is expected; comparable within a stratum.
        """
        return self._centred(X, offset)[1]

    def predict_survival(
        self,
        X: Any,
        times: npt.ArrayLike,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        interval: float | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Floats | CoxSurvival:
        """Return the chance that each customer is still one at each time.

        The result has n_customers x n_times cells; `survival_batches` and `mean_survival` need
        memory for a batch only.

        Parameters
        ----------
        X : array of shape (n_customers, n_features) or data frame
        times : array-like of float, shape (n_times,)
            Tenure; with `after`, time from now on. >= 0.
        strata : array-like, shape (n_customers,)
            The stratum of each customer, where the fit had strata.
        after : array-like of float, shape (n_customers,), optional
            Tenure that each customer has reached: chances are conditional on it.
        interval : float, optional
            Confidence level: return limits too (log-log scale).
        offset : array-like of float, shape (n_customers,), optional

        Returns
        -------
        ndarray of float, shape (n_customers, n_times), or CoxSurvival
            NaN beyond the last time observed in the stratum.
        """
        matrix, eta = self._centred(X, offset)
        t = _as_times(times)
        codes, reached = self._codes(strata, len(eta)), _as_after(after, len(eta))
        if interval is None:
            return self._survival(eta, t, codes, reached)
        return self._limits(matrix, eta, t, codes, reached, as_level(interval, "interval"))

    def survival_batches(
        self,
        X: Any,
        times: npt.ArrayLike,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        batch_size: int = 8192,
    ) -> Iterator[tuple[slice, Floats]]:
        """Yield `predict_survival` for batch after batch: the rows of X, and their chances.

        Parameters
        ----------
        X, times, strata, after, offset
            As in `predict_survival`.
        batch_size : int, default 8192
            Customers at a time; memory is batch_size x n_times.
        """
        size = as_count(batch_size, "batch_size", at_least=1)
        _, eta = self._centred(X, offset)
        t = _as_times(times)
        codes, reached = self._codes(strata, len(eta)), _as_after(after, len(eta))
        for first in range(0, len(eta), size):
            rows = slice(first, min(first + size, len(eta)))
            part = None if reached is None else reached[rows]
            yield rows, self._survival(eta[rows], t, codes[rows], part)

    def mean_survival(
        self,
        X: Any,
        times: npt.ArrayLike,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Floats:
        """Return the mean of the customers' curves: the share of them that is left at each time.

        Parameters
        ----------
        X, times, strata, after, offset
            As in `predict_survival`.
        sample_weight : array-like of float, shape (n_customers,), optional

        Returns
        -------
        ndarray of float, shape (n_times,)
        """
        batches = self.survival_batches(X, times, strata=strata, after=after, offset=offset)
        total, weights = 0.0, None
        sums: Any = 0.0
        for rows, values in batches:
            if weights is None:
                weights = as_weights(sample_weight, _length(X))
            part = np.ones(len(values)) if weights is None else weights[rows]
            sums = sums + (part[:, None] * values).sum(axis=0)
            total += float(part.sum())
        if not total > 0.0:
            msg = "sample_weight must be positive in sum"
            raise InvalidInputError(msg, argument="sample_weight")
        return np.asarray(sums / total)

    def predict_quantile(
        self,
        X: Any,
        p: float = 0.5,
        *,
        strata: npt.ArrayLike | None = None,
        after: npt.ArrayLike | None = None,
        offset: npt.ArrayLike | None = None,
    ) -> Floats:
        """Return the time by which each customer has churned with chance `p`; 0.5: the median.

        Parameters
        ----------
        X, strata, after, offset
            As in `predict_survival`; with `after`, the time from now on.
        p : float
            Between 0 and 1.

        Returns
        -------
        ndarray of float, shape (n_customers,)
            The first time of churn at which survival is <= 1 - p; infinite if there is none.
        """
        share = as_number(p, "p", above=0.0, below=1.0)
        _, eta = self._centred(X, offset)
        codes, reached = self._codes(strata, len(eta)), _as_after(after, len(eta))
        # Rounding must not move a time to the next churn.
        with np.errstate(over="ignore"):
            needed = -np.log1p(-share) * np.exp(-eta) * (1.0 - 1e-10)
        out = np.full(len(eta), np.inf)
        for k in range(len(self.baseline_.strata)):
            rows = np.flatnonzero(codes == k)
            part = self.baseline_.of(k)
            hazard, time = self.baseline_.cumulative_hazard[part], self.baseline_.time[part]
            start = 0.0 if reached is None else _steps(hazard, time, reached[rows])
            at = np.searchsorted(hazard, start + needed[rows])
            known = at < len(time)
            out[rows[known]] = time[at[known]]
        if reached is not None:
            out -= reached
        return out

    # --- how ----------------------------------------------------------------------------------

    def _centred(self, X: Any, offset: Any) -> tuple[Floats, Floats]:
        """X less the means, and the linear predictor."""
        matrix, names = self._new_matrix(X)
        rows = np.asarray(matrix, dtype=np.float64)
        eta = (rows - self.means_) @ self.coef_
        if not np.isfinite(eta).all():
            row = int(np.argmin(np.isfinite(eta)))
            if not np.isfinite(rows[row]).all():
                error = InvalidInputError("", argument="X", row=row)
                raise name_cell(error, rows, names)
            msg = f"X[{row}] has a linear predictor beyond all numbers"
            raise InvalidInputError(msg, argument="X", row=row)
        if offset is not None:
            column = as_column(offset, np.float64, "offset")
            if len(column) != len(eta) or not np.isfinite(column).all():
                msg = f"offset must be {len(eta)} finite numbers, one for each row of X"
                raise InvalidInputError(msg, argument="offset")
            eta = eta + column
        return rows, eta

    def _codes(self, strata: Any, rows: int) -> Codes:
        labels = self.baseline_.strata
        if strata is None:
            if len(labels) > 1:
                msg = f"strata must say which of {list(labels)[:8]} each customer belongs to"
                raise InvalidInputError(msg, argument="strata")
            return np.zeros(rows, dtype=np.int32)
        return codes_among(strata, rows, labels, "strata")

    def _survival(self, eta: Floats, t: Floats, codes: Codes, after: Floats | None) -> Floats:
        threads = as_threads(self.n_threads)
        with np.errstate(over="ignore"):
            risk = np.minimum(np.exp(eta), 1e300)
        if after is not None:
            return self._conditional(risk, t, codes, after)
        parts = np.unique(codes)
        out = np.empty((len(eta), len(t))) if len(parts) != 1 else None
        for k in parts:
            hazard, unknown = self._hazard_at(int(k), t)
            rows = codes == k
            own = risk if out is None else np.ascontiguousarray(risk[rows])
            values = _core.churn.survival_rows(hazard, own, threads).reshape(len(own), len(t))
            values[:, unknown] = np.nan
            if out is None:
                return values
            out[rows] = values
        assert out is not None
        return out

    def _conditional(self, risk: Floats, t: Floats, codes: Codes, after: Floats) -> Floats:
        out = np.empty((len(risk), len(t)))
        for k in np.unique(codes):
            rows = np.flatnonzero(codes == k)
            part = self.baseline_.of(int(k))
            hazard, time = self.baseline_.cumulative_hazard[part], self.baseline_.time[part]
            until = after[rows, None] + t
            gained = _steps(hazard, time, until) - _steps(hazard, time, after[rows])[:, None]
            with np.errstate(over="ignore"):
                values = np.exp(-gained * risk[rows, None])
            values[until > self.baseline_.last_time[k]] = np.nan
            out[rows] = values
        return out

    def _hazard_at(self, k: int, t: Floats) -> tuple[Floats, Any]:
        part = self.baseline_.of(k)
        hazard = _steps(self.baseline_.cumulative_hazard[part], self.baseline_.time[part], t)
        return np.ascontiguousarray(hazard), t > self.baseline_.last_time[k]

    def _variance_matrix(self) -> Floats:
        raise NotImplementedError

    def _limits(
        self,
        matrix: Floats,
        eta: Floats,
        t: Floats,
        codes: Codes,
        after: Floats | None,
        level: float,
    ) -> CoxSurvival:
        """Limits on the scale log(-log S): var of the hazard is theta^2 (C + d' V d)."""
        z = NormalDist().inv_cdf(0.5 + level / 2.0)
        value = self._survival(eta, t, codes, after)
        lower, upper = np.empty_like(value), np.empty_like(value)
        x, v = matrix - self.means_, self._variance_matrix()
        base = self.baseline_
        for first in range(0, len(eta), 4096):
            batch = np.arange(first, min(first + 4096, len(eta)))
            for k in np.unique(codes[batch]):
                rows = batch[codes[batch] == k]
                part = base.of(int(k))
                time = base.time[part]
                until = np.broadcast_to(t, (len(rows), len(t)))
                start = np.zeros(len(rows))
                if after is not None:
                    until, start = after[rows, None] + t, after[rows]

                def gained(
                    values: Floats, time: Floats = time, until: Any = until, start: Any = start
                ) -> Floats:
                    return _steps(values, time, until) - _steps(values, time, start)[:, None]

                hazard = gained(base.cumulative_hazard[part])
                variance = gained(base.variance[part])
                slope = np.stack([gained(column) for column in base.mean_hazard[part].T], axis=-1)
                slope = slope - hazard[..., None] * x[rows][:, None, :]
                inner = np.einsum("itj,jk,itk->it", slope, v, slope, optimize=True)
                with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                    width = z * np.sqrt(variance + inner) / hazard
                    log_s = -hazard * np.exp(eta[rows])[:, None]
                    lower[rows] = np.exp(log_s * np.exp(width))
                    upper[rows] = np.exp(log_s * np.exp(-width))
                at_start = hazard == 0.0
                lower[rows] = np.where(at_start, 1.0, lower[rows])
                upper[rows] = np.where(at_start, 1.0, upper[rows])
        unknown = np.isnan(value)
        lower[unknown] = upper[unknown] = np.nan
        n, m = value.shape
        return CoxSurvival(
            np.repeat(np.arange(n), m), np.tile(t, n), value.ravel(), lower.ravel(), upper.ravel()
        )


def _steps(values: Floats, time: Floats, at: Floats) -> Floats:
    """A step function, 0 before the first time."""
    return np.asarray(np.concatenate([[0.0], values])[np.searchsorted(time, at, side="right")])


def _as_times(times: Any) -> Floats:
    t = as_column(np.atleast_1d(np.asarray(times)), np.float64, "times")
    bad = np.flatnonzero(~(t >= 0.0))
    if bad.size:
        row = int(bad[0])
        msg = f"times[{row}] must be >= 0, got {t[row]!r}"
        raise InvalidInputError(msg, argument="times", row=row, value=float(t[row]))
    return np.asarray(t)


def _as_after(after: Any, rows: int) -> Floats | None:
    if after is None:
        return None
    reached = as_column(after, np.float64, "after")
    if len(reached) != rows:
        msg = f"after must have one tenure for each of the {rows} rows of X, got {len(reached)}"
        raise InvalidInputError(msg, argument="after")
    bad = np.flatnonzero(~((reached >= 0.0) & np.isfinite(reached)))
    if bad.size:
        row = int(bad[0])
        msg = f"after[{row}] must be finite and >= 0, got {reached[row]!r}"
        raise InvalidInputError(msg, argument="after", row=row, value=float(reached[row]))
    return np.asarray(reached)


def _length(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
