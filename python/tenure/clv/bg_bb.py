"""The BG/BB model of purchases at whole opportunities."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import as_column, as_count, as_number, as_threads
from tenure.clv import _data
from tenure.clv._bootstrap import BootstrappedPurchases
from tenure.clv._opportunities import HistoryTable, histories
from tenure.clv._opportunity_outlook import OpportunityOutlook, as_counts
from tenure.clv._profile import LogLikelihood, in_logs
from tenure.clv._tables import FrequencyCounts
from tenure.clv._transaction import log_odds_limits

_MOST_IN_A_TABLE = 1000


@storable("clv.BGBB")
class BGBB(BootstrappedPurchases, OpportunityOutlook):
    """BG/BB: at each opportunity customers leave for good, or else buy or do not.

    For purchases that happen, or are counted, once a period: a yearly gift, a weekly order, a fair.
    At each opportunity after the first purchase a customer who is still one leaves with probability
    theta, and otherwise buys with probability p. Over customers, p is beta(alpha, beta) and theta
    is beta(gamma, delta), independent of each other.

    Parameters
    ----------
    l2 : float, default 0
        Penalty l2 * (alpha^2 + beta^2 + gamma^2 + delta^2) a customer.
    max_iter : int, default 200
        Evaluations of the likelihood.
    tol : float, default 1e-9
        For the gradient of the mean log-likelihood in the logs of the parameters; above 1e-6 it
        counts as 1e-6.
    on_failure : {"warn", "raise"}
        What to do where no optimum was found.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Attributes
    ----------
    params_, standard_errors_ : dict
        Keys alpha, beta, gamma, delta.
    covariance_, log_covariance_ : 4 x 4 float64 arrays
        Of the parameters, and of their logarithms (the inverse of the observed information).
    log_likelihood_ : float
        Without the penalty.
    converged_ : bool
    status_ : {"converged", "max_iterations", "stalled", "boundary"}
    n_iter_, gradient_norm_, hessian_eigenvalues_
        Evaluations; what the verdict of the optimiser rests on.
    n_customers_ : float
        Sum of weights.

    Notes
    -----
    Time is counted in opportunities throughout, horizons and discounts too. `opportunities` counts
    them in a log.

    Fader, Hardie & Shang (2010), Customer-base analysis in a discrete-time noncontractual setting,
    Marketing Science 29:1086-1108. Formulas and numerics: docs/methods/bg_bb.md.

    Examples
    --------
    >>> import tenure as tn
    >>> donations = tn.datasets.load_donations()
    >>> model = tn.clv.BGBB().fit(donations)
    >>> {name: round(value, 3) for name, value in model.params_.items()}
    {'alpha': 1.204, 'beta': 0.75, 'gamma': 0.657, 'delta': 2.783}
    >>> round(model.log_likelihood_, 1)
    -33225.6
    """

    parameter_names = ("alpha", "beta", "gamma", "delta")
    _bootstrap = "bg_bb"

    def __init__(
        self,
        *,
        l2: float = 0.0,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol
        self.on_failure = on_failure
        self.n_threads = n_threads

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit the parameters by maximum likelihood.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            One row a customer: `frequency` (opportunities with a purchase), `recency` (the last of
            them, 0 if none) and `T` (opportunities seen), whole numbers counted from the first
            purchase, which is number 0; optionally `weight`, the number of customers that a row
            stands for.
        sample_weight : array of n floats, optional
            In place of the column `weight`; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule: whole numbers, frequency <= recency <= T <=
            100,000, recency 0 exactly where frequency is 0, weights not all 0.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found. By default that is a
            ConvergenceWarning, and `converged_` and `status_` tell.
        """
        budget = self._budget()
        p = _data.purchases(data, sample_weight, weighted=True)
        fit = _core.clv.bg_bb_fit(
            p.frequency, p.recency, p.T, p.weight, *budget, as_threads(self.n_threads)
        )
        self._take(fit, "" if np.any(p.frequency > 0) else " (nobody bought again)")
        return self

    def _likelihood_of(self, data: Any, sample_weight: Any) -> LogLikelihood:
        p = _data.purchases(data, sample_weight, weighted=True)
        columns = (p.frequency, p.recency, p.T, p.weight)
        return in_logs(_core.clv.bg_bb_log_likelihood, *columns, as_threads(self.n_threads))

    def score(self, data: Any, sample_weight: Any = None) -> float:
        """Return the mean log-likelihood a customer of other data."""
        self._require_fitted()
        p = _data.purchases(data, sample_weight, weighted=True)
        value, _, _ = _core.clv.bg_bb_log_likelihood(
            self._point(), p.frequency, p.recency, p.T, p.weight, as_threads(self.n_threads)
        )
        return float(value) / (len(p.frequency) if p.weight is None else float(p.weight.sum()))

    def probability_alive(self, data: Any, interval: float | None = None, ahead: int = 0) -> Any:
        """Return the probability that each customer is still one, now or some opportunities ahead.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the log odds, and tell the
            uncertainty of the parameters only.
        ahead : int, default 0
            0: at the last opportunity seen, T, where somebody who bought at T is a customer. 1: at
            the next one, which is what the paper tells.

        Returns
        -------
        float64 array of n, or Predictions with `interval`

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> rows = {"frequency": [0, 2, 6], "recency": [0, 4, 6], "T": [6, 6, 6]}
        >>> model.probability_alive(rows, ahead=1).round(2).tolist()
        [0.11, 0.59, 0.93]
        """
        p = self._read(data)
        columns = (p.frequency, p.recency, p.T)
        steps = float(as_count(ahead, "ahead"))
        threads = as_threads(self.n_threads)
        if interval is None:
            return _core.clv.bg_bb_probability_alive(self._point(), *columns, steps, threads)
        got = _core.clv.bg_bb_log_odds_alive(
            self._point(), self._flat_covariance(), *columns, steps, threads
        )
        return log_odds_limits(p.customer, got, interval, "Probability to be alive")

    def expected_purchases(self, data: Any, horizon: Any, interval: float | None = None) -> Any:
        """Return the expected purchases of each customer within the horizon, given the history.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        horizon : int or infinity
            Opportunities after the last one seen, at most 1,000,000; infinite only where gamma > 1,
            as else the sum has no end.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, and tell the
            uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        got = self._discounted(p, self._horizon(horizon), 0.0, interval is not None)
        if interval is None:
            return got
        quantity = f"Purchases expected at the next {horizon} opportunities"
        return self._limits(p.customer, got, interval, quantity)

    def discounted_expected_purchases(
        self,
        data: Any,
        horizon: Any = math.inf,
        discount_rate: float = 0.10,
        interval: float | None = None,
    ) -> Any:
        """Return the discounted expected purchases of each customer (DERT).

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        horizon : int, default: for ever
            Opportunities after the last one seen.
        discount_rate : float, default 0.10
            From one opportunity to the next, >= 0; without an end at least 1e-6, or 0 where
            gamma > 1. The next opportunity already counts 1 / (1 + discount_rate).
        interval : float, optional
            Confidence level, as for `expected_purchases`.

        Returns
        -------
        float64 array of n, or Predictions with `interval`

        Notes
        -----
        Fader, Hardie & Shang (2010), eq. 14.

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> rows = {"frequency": [6], "recency": [6], "T": [6]}
        >>> model.discounted_expected_purchases(rows, discount_rate=0.1).round(2).tolist()
        [5.91]
        """
        p = self._read(data)
        rate = self._rate(discount_rate, "opportunity")
        got = self._discounted(p, self._horizon(horizon), rate, interval is not None)
        if interval is None:
            return got
        return self._limits(p.customer, got, interval, "Discounted purchases expected")

    def _rate(self, discount_rate: Any, discount_period: Any) -> float:
        if discount_period != "opportunity":
            msg = (
                "discount_period must be 'opportunity' for BGBB, which counts in nothing else, got "
                f"{discount_period!r}"
            )
            raise InvalidInputError(msg, argument="discount_period", value=discount_period)
        return as_number(discount_rate, "discount_rate", at_least=0.0)

    def _discounted(self, p: _data.Purchases, horizon: float, rate: float, errors: bool) -> Any:
        """Expected purchases, discounted by (1 + rate)^-j; with errors of the logarithm."""
        return _core.clv.bg_bb_expected_purchases(
            self._point(),
            self._flat_covariance() if errors else None,
            p.frequency,
            p.recency,
            p.T,
            horizon,
            rate,
            as_threads(self.n_threads),
        )

    def _diverges(self) -> bool:
        """Whether all purchases to come add up to no finite number without a discount."""
        return self.params_["gamma"] <= 1.0

    def expected_purchases_new(self, horizon: Any) -> Any:
        """Return the expected purchases of a customer just acquired at the next opportunities.

        Parameters
        ----------
        horizon : int or array of ints
            Opportunities after the first purchase, which does not count.

        Returns
        -------
        float, or float64 array for an array
        """
        self._require_fitted()
        many = isinstance(horizon, (list, tuple)) or np.ndim(horizon) > 0
        numbers = (
            as_column(horizon, np.float64, "horizon")
            if many
            else np.array([as_number(horizon, "horizon", at_least=0.0)])
        )
        got = _core.clv.bg_bb_expected_purchases_new(
            self._point(), None, numbers, as_threads(self.n_threads)
        )
        return got if many else float(got[0])

    def probability_of_n_purchases(self, n: Any, horizon: Any) -> Any:
        """Return the probability that a customer just acquired buys at n of the opportunities.

        Parameters
        ----------
        n : int or array of ints
            Opportunities with a purchase.
        horizon : int
            Opportunities after the first purchase.

        Returns
        -------
        float, or float64 array for an array

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> round(model.probability_of_n_purchases(0, 6), 3)
        0.311
        """
        self._require_fitted()
        many, counts = as_counts(n)
        length = as_number(horizon, "horizon", at_least=0.0)
        got = _core.clv.bg_bb_pmf(self._point(), counts, length, as_threads(self.n_threads))
        return got if many else float(got[0])

    def expected_frequency_counts(
        self, data: Any, max_frequency: int | None = None
    ) -> FrequencyCounts:
        """Return how many customers bought at 0, 1, ... opportunities, observed and expected.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`; each customer is expected over an own T.
        max_frequency : int, optional
            The last count holds the customers with this many or more. Default: the longest T, at
            most 20.

        Returns
        -------
        FrequencyCounts
        """
        self._require_fitted()
        p = _data.purchases(data, weighted=True)
        if max_frequency is None:
            longest = p.T.max(initial=1.0)
            max_frequency = int(min(max(longest, 1.0), 20.0)) if np.isfinite(longest) else 1
        last = as_count(max_frequency, "max_frequency", at_least=1)
        expected = _core.clv.bg_bb_frequency_counts(
            self._point(), p.T, p.weight, last, as_threads(self.n_threads)
        )
        observed = np.bincount(
            np.minimum(p.frequency, last).astype(np.int64), p.weight, minlength=last + 1
        ).astype(np.float64)
        return FrequencyCounts(np.arange(last + 1), observed, expected)

    def history_table(self, T: int, horizon: Any) -> HistoryTable:
        """Return every history of T opportunities with its probability and what is to come.

        Parameters
        ----------
        T : int
            Opportunities seen, at most 1,000.
        horizon : int or infinity
            Opportunities after them.

        Returns
        -------
        HistoryTable
            T (T + 1) / 2 + 1 rows: the tables of recency by frequency of the paper, in long form.
        """
        self._require_fitted()
        n = as_count(T, "T")
        if n > _MOST_IN_A_TABLE:
            msg = f"T must be at most {_MOST_IN_A_TABLE}, got {n}"
            raise InvalidInputError(msg, argument="T", value=n)
        x, t_x, ways = histories(n)
        rows = {"frequency": x, "recency": t_x, "T": np.full(len(x), float(n))}
        p = _data.purchases(rows)
        log = _core.clv.bg_bb_row_log_likelihood(
            self._point(), p.frequency, p.recency, p.T, as_threads(self.n_threads)
        )
        return HistoryTable(
            x,
            t_x,
            np.exp(ways + log),
            self.probability_alive(rows),
            self.expected_purchases(rows, horizon),
            n,
            float(horizon),
        )
