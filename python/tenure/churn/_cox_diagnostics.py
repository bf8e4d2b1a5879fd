"""Whether a Cox regression fits: residuals, the test of proportional hazards, concordance."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError, TenureError
from tenure._validation import Floats, as_choice, as_threads
from tenure.churn._cox_predict import CoxPredictions
from tenure.churn._cox_sample import CoxSample
from tenure.churn._cox_tables import ConcordanceResult, ProportionalHazardsTest
from tenure.churn.concordance import concordance_index

KINDS = (
    "martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas",
)  # fmt: skip
TRANSFORMS = ("km", "rank", "identity", "log")


class CoxDiagnostics(CoxPredictions):
    """Base of Cox regressions that keep the rows they were fitted to (not in files)."""

    standard_errors_: Floats
    covariance_: Floats
    ties: str
    names_: Any
    _sample: CoxSample

    def _rows_of_fit(self) -> CoxSample:
        self._require_fitted()
        if not hasattr(self, "_sample"):
            msg = "a saved model does not hold the rows of its fit: fit again to look at them"
            raise TenureError(msg)
        return self._sample

    def residuals(self, kind: str = "martingale") -> Floats:
        """Return residuals of the rows of the fit.

        Parameters
        ----------
        kind : str
            - ``"martingale"``: churned less the expected number, shape (n_rows,);
            - ``"deviance"``: the same, made symmetric;
            - ``"score"``: each row's part of the score, not weighted, (n_rows, n_features);
            - ``"dfbeta"``: how much a row moves each coefficient (times its weight), to first
              order; ``"dfbetas"``: in standard errors;
            - ``"schoenfeld"``: x less its mean at risk, one row for each row that churned, from the
              first time to the last within a stratum, (n_churned, n_features);
              ``"scaled_schoenfeld"``: n_churned times these, times the covariance, plus `coef_`: a
              smooth of them against time is the coefficient at that time.

        Returns
        -------
        ndarray of float

        References
        ----------
        Therneau, T. M., Grambsch, P. M. and Fleming, T. R. (1990), Biometrika 77:147-160.
        Schoenfeld, D. (1982), Biometrika 69:239-241. Grambsch, P. M. and Therneau, T. M. (1994),
        Biometrika 81:515-526.
        """
        as_choice(kind, "kind", KINDS)
        sample, threads = self._rows_of_fit(), as_threads(self.n_threads)
        self._require_approximate(f"{kind} residuals")
        data, p = sample.data, len(self.coef_)
        scale, beta = data.scale, self._scaled()
        if kind in ("martingale", "deviance"):
            m = data.martingale_residuals(beta, self.ties, threads)
            return m if kind == "martingale" else _deviance(m, sample.churned)
        if kind in ("schoenfeld", "scaled_schoenfeld"):
            rows = data.schoenfeld_residuals(beta, self.ties, threads)[0].reshape(-1, p) * scale
            if kind == "schoenfeld":
                return np.asarray(rows)
            return np.asarray(len(rows) * rows @ self.covariance_ + self.coef_)
        own = data.score_residuals(beta, self.ties, threads).reshape(-1, p) * scale
        if kind == "score":
            return np.asarray(own)
        moved = (own * sample.weights()[:, None]) @ self.covariance_
        return np.asarray(moved if kind == "dfbeta" else moved / self.standard_errors_)

    def test_proportional_hazards(self, transform: str = "km") -> ProportionalHazardsTest:
        """Test whether each coefficient changes with time.

        The score test of adding x * g(t) to the regression, as R's ``cox.zph`` since 3.0.

        Parameters
        ----------
        transform : {"km", "rank", "identity", "log"}
            g: 1 - Kaplan-Meier just before t, rank of t among times of churn, t, or log t.

        Returns
        -------
        ProportionalHazardsTest
            One row a column, and one for all together.
        """
        as_choice(transform, "transform", TRANSFORMS)
        sample, threads = self._rows_of_fit(), as_threads(self.n_threads)
        self._require_approximate("the test of proportional hazards")
        data, p, beta = sample.data, len(self.coef_), self._scaled()
        slope = _slope(transform, sample)

        _, _, plain = data.point(beta, self.ties, threads)
        crossed = data.information(beta, self.ties, slope, threads)
        squared = data.information(beta, self.ties, slope**2, threads)
        plain, crossed, squared = (m.reshape(p, p) for m in (plain, crossed, squared))
        rows, source, slot = data.schoenfeld_residuals(beta, self.ties, threads)
        weight = sample.weights()[source] * slope[slot]
        score = weight @ rows.reshape(-1, p)

        # What is left of the slopes once the coefficients themselves are free.
        left = squared - crossed.T @ np.linalg.solve(plain, crossed)
        each = score**2 / np.diagonal(left)
        statistic = np.append(each, score @ np.linalg.solve(left, score))
        df = np.append(np.ones(p, dtype=np.int64), p)
        p_value = _core.special.chi_square_survival(statistic, df.astype(np.float64))
        return ProportionalHazardsTest((*self.names_, "GLOBAL"), statistic, df, p_value, transform)

    def concordance(
        self,
        X: Any = None,
        duration: Any = None,
        churned: Any = None,
        entry: Any = None,
        sample_weight: Any = None,
        strata: Any = None,
        offset: Any = None,
    ) -> ConcordanceResult:
        """Return Harrell's concordance of the linear predictor.

        Parameters
        ----------
        X, duration, churned, entry, sample_weight, strata, offset
            As in `fit`, of any customers; none of them: the rows of the fit.

        Returns
        -------
        ConcordanceResult
        """
        if X is not None:
            score = self.predict(X, offset)
            return concordance_index(duration, churned, score, entry, sample_weight, strata)
        sample = self._rows_of_fit()
        return concordance_index(
            sample.duration,
            sample.churned,
            sample.data.linear_predictor(self._scaled()),
            sample.entry,
            sample.weight,
            sample.strata,
        )

    def score(self, X: Any, duration: Any, churned: Any, **more: Any) -> float:
        """Return the concordance as a number: `concordance` tells its error."""
        return self.concordance(X, duration, churned, **more).value

    def _scaled(self) -> Floats:
        return np.ascontiguousarray(self.coef_ * self._sample.data.scale)

    def _require_approximate(self, what: str) -> None:
        if self.ties == "exact":
            msg = f"{what} are not defined for exact ties: fit with ties='efron'"
            raise InvalidInputError(msg, argument="ties", value="exact")


def _deviance(m: Floats, churned: Any) -> Floats:
    """[Therneau, Grambsch & Fleming 1990, eq. 4]"""
    expected = churned - m
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(churned == 1, np.log(expected), 0.0)
    return np.asarray(np.sign(m) * np.sqrt(np.maximum(-2.0 * (m + own), 0.0)))


def _slope(transform: str, sample: CoxSample) -> Floats:
    """g at each slot of the engine, >= 0: a shift of g changes no test."""
    time = sample.data.slot_time
    known = ~np.isnan(time)
    t = time[known]
    died = np.sort(sample.duration[sample.churned == 1])
    if transform == "identity":
        g = t
    elif transform == "log":
        if (t == 0.0).any():
            msg = "transform='log' needs times of churn above 0"
            raise InvalidInputError(msg, argument="transform", value=transform)
        g = np.log(t) - np.log(t.min())
    elif transform == "rank":
        g = (np.searchsorted(died, t, "left") + np.searchsorted(died, t, "right") + 1) / 2.0
    else:
        curve = _core.survival.kaplan_meier(sample.duration, sample.churned, sample.entry, None)
        survival = np.concatenate([[1.0], curve["survival"]])
        g = 1.0 - survival[np.searchsorted(curve["time"], t, side="left")]
    out = np.zeros(len(time))
    out[known] = g / max(float(g.max()), 1e-300)
    return out
