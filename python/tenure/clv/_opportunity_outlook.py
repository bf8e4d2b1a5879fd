"""What each customer will do at the next opportunities, as a distribution."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._time import as_cutoff
from tenure._validation import Floats, as_column, as_level, as_number, as_threads
from tenure.clv import _data
from tenure.clv._likelihood import LikelihoodModel
from tenure.clv._opportunities import bought_in, number_of
from tenure.clv._outlook import NextPurchase, PurchaseForecast
from tenure.clv._tables import Predictions, Tracking


class OpportunityOutlook(LikelihoodModel):
    """Base of BG/BB: the future of each customer, counted in opportunities."""

    #: Opportunities are no unit of time.
    unit_ = None

    def _read(self, data: Any) -> _data.Purchases:
        self._require_fitted()
        return _data.purchases(data)

    def _horizon(self, horizon: Any, name: str = "horizon") -> float:
        if isinstance(horizon, str):
            msg = f"{name} must be a number of opportunities, got {horizon!r}"
            raise InvalidInputError(msg, argument=name, value=horizon)
        return as_number(horizon, name, at_least=0.0, finite=False)

    def expected_purchases_new(self, horizon: Any) -> Any:
        """Return the expected purchases of a customer just acquired at the next opportunities."""
        raise NotImplementedError

    def _discounted(self, p: _data.Purchases, horizon: float, rate: float, errors: bool) -> Any:
        raise NotImplementedError

    def probability_of_n_purchases_given(self, data: Any, n: Any, horizon: Any) -> Floats:
        """Return the probability that each customer buys at n opportunities, given the history.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        n : int or sequence of k ints
            Opportunities with a purchase.
        horizon : int
            Opportunities after the last one seen.

        Returns
        -------
        float64 array of n customers, or of n x k for a sequence

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> rows = {"frequency": [0, 6], "recency": [0, 6], "T": [6, 6]}
        >>> model.probability_of_n_purchases_given(rows, [0, 5], 5).round(3).tolist()
        [[0.952, 0.0], [0.077, 0.496]]
        """
        p = self._read(data)
        many, counts = as_counts(n)
        length = as_number(horizon, "horizon", at_least=0.0)
        threads = as_threads(self.n_threads)
        kernel = _core.clv.bg_bb_conditional_pmf
        table = np.empty((len(p.frequency), len(counts)))
        for k, count in enumerate(counts.tolist()):
            table[:, k] = kernel(self._point(), p.frequency, p.recency, p.T, count, length, threads)
        return table if many else table[:, 0].copy()

    def log_score(self, data: Any, purchases: Any, horizon: Any) -> Floats:
        """Return the logarithm of the probability of what each customer then bought.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`: the histories until the end of the calibration period.
        purchases : array of n ints
            Opportunities of the horizon at which each customer bought.
        horizon : int

        Returns
        -------
        float64 array of n
            As `ParetoNBD.log_score` explains it; scores of other periods do not compare.
        """
        p = self._read(data)
        length = as_number(horizon, "horizon", at_least=0.0)
        counts = as_column(purchases, np.float64, "purchases")
        if len(counts) != len(p.frequency):
            msg = f"purchases has {len(counts)} rows and the data {len(p.frequency)}"
            raise InvalidInputError(msg, argument="purchases")
        chance = np.empty(len(counts))
        for count in np.unique(counts):
            rows = np.flatnonzero(counts == count)
            if not rows.size:  # NaN equals nothing
                rows = np.flatnonzero(np.isnan(counts))
            chance[rows] = _core.clv.bg_bb_conditional_pmf(
                self._point(),
                p.frequency[rows],
                p.recency[rows],
                p.T[rows],
                float(count),
                length,
                as_threads(self.n_threads),
            )
        with np.errstate(divide="ignore"):
            return np.log(chance)

    def purchase_probability(self, data: Any, horizon: Any, interval: float | None = None) -> Any:
        """Return the probability that each customer buys at one of the next opportunities at all.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        horizon : int
            Opportunities after the last one seen.
        interval : float, optional
            Confidence level, such as 0.95. Limits are symmetric in the logarithm, not above 1, and
            tell the uncertainty of the parameters only.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        length = as_number(horizon, "horizon", at_least=0.0)
        got = _core.clv.bg_bb_purchase_probability(
            self._point(),
            None if interval is None else self._flat_covariance(),
            p.frequency,
            p.recency,
            p.T,
            length,
            as_threads(self.n_threads),
        )
        if interval is None:
            return got
        quantity = f"Probability to buy at the next {length:g} opportunities"
        table = self._limits(p.customer, got, interval, quantity)
        upper = np.minimum(table.upper, 1.0)
        return Predictions(p.customer, table.value, table.lower, upper, table.level, table.quantity)

    def predictive_interval(self, data: Any, horizon: Any, level: float = 0.95) -> PurchaseForecast:
        """Return between which numbers the purchases of each customer will lie.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        horizon : int
            Opportunities after the last one seen.
        level : float, default 0.95
            In (0, 1). Purchases are whole numbers: the chance of the interval is at least the
            level.

        Returns
        -------
        PurchaseForecast
            At the fitted parameters, which are taken as known.

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> rows = {"frequency": [0, 2, 6], "recency": [0, 4, 6], "T": [6, 6, 6]}
        >>> forecast = model.predictive_interval(rows, 5, level=0.8)
        >>> forecast.lower.tolist(), forecast.upper.tolist()
        ([0, 0, 1], [0, 3, 5])
        """
        p = self._read(data)
        length = as_number(horizon, "horizon", at_least=0.0)
        tail = 0.5 * (1.0 - as_level(level, "level"))
        levels = np.array([tail, 0.5, 1.0 - tail])
        columns = (p.frequency, p.recency, p.T)
        at = _core.clv.bg_bb_purchase_quantiles(
            self._point(), *columns, levels, length, as_threads(self.n_threads)
        ).reshape(-1, 3)
        lower, median, upper = np.ascontiguousarray(at.T.astype(np.int64))
        mean = self._discounted(p, length, 0.0, False)
        return PurchaseForecast(p.customer, mean, median, lower, upper, float(level), length, None)

    def next_purchase(
        self,
        data: Any,
        quantiles: Sequence[float] = (0.1, 0.25, 0.5),
        lapse: float = 0.5,
    ) -> NextPurchase:
        """Return at which opportunity each customer buys next, and which silence means one left.

        Parameters
        ----------
        data : Opportunities, data frame or dict of arrays
            As for `fit`.
        quantiles : sequence of k floats, default (0.1, 0.25, 0.5)
            In (0, 1), ascending: by then the customer has bought again with that probability, at
            least.
        lapse : float, default 0.5
            The customer counts as lapsed once P(alive) has fallen so low, without a purchase until
            then.

        Returns
        -------
        NextPurchase
            Whole numbers of opportunities after the last one seen, infinite where none of the next
            1,000,000 is one. There are no dates.

        Examples
        --------
        >>> import tenure as tn
        >>> model = tn.clv.BGBB().fit(tn.datasets.load_donations())
        >>> rows = {"frequency": [0, 2, 6], "recency": [0, 4, 6], "T": [6, 6, 6]}
        >>> soon = model.next_purchase(rows, quantiles=(0.1, 0.5))
        >>> soon.time.tolist(), soon.lapse.tolist()
        ([[inf, inf], [1.0, 7.0], [1.0, 1.0]], [0.0, 1.0, 2.0])
        """
        p = self._read(data)
        levels = [as_level(q, "quantiles") for q in quantiles]
        if not levels or any(b <= a for a, b in itertools.pairwise(levels)):
            msg = f"quantiles must be ascending, at least one, got {list(quantiles)!r}"
            raise InvalidInputError(msg, argument="quantiles", value=quantiles)
        threshold = as_level(lapse, "lapse")
        rows = (self._point(), p.frequency, p.recency, p.T)
        threads = as_threads(self.n_threads)
        times = [_core.clv.bg_bb_time_to_purchase(*rows, level, threads) for level in levels]
        return NextPurchase(
            p.customer,
            _core.clv.bg_bb_probability_alive(*rows, 0.0, threads),
            np.column_stack(times),
            _core.clv.bg_bb_time_to_lapse(*rows, threshold, threads),
            tuple(levels),
            threshold,
            None,
            None,
        )

    def tracking(
        self,
        log: Any,
        period: str = "month",
        *,
        collapse: str | None = "day",
        acquired_until: Any = None,
        end: Any = None,
    ) -> Tracking:
        """Return cumulative repeat purchases over calendar periods, expected and actual.

        Parameters
        ----------
        log : EventLog
        period : {"day", "week", "month", "quarter", "year"}
            What an opportunity is: as for `opportunities`.
        collapse : str or None
            What one order is, as in `EventLog.summary`.
        acquired_until : date or instant, optional
            Only customers whose first period is over by then, such as those of the calibration
            period; a bare date means the end of that day.
        end : date or instant, optional
            End of observation. Default: that of the log.

        Returns
        -------
        Tracking
            At every period after that of the first order of all which was seen in full. A purchase
            is a period with an order.

        Examples
        --------
        >>> import tenure as tn
        >>> orders = tn.datasets.load_cdnow(sample=True)
        >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
        >>> model = tn.clv.BGBB().fit(tn.clv.opportunities(log, "week", end="1997-09-30"))
        >>> track = model.tracking(log, "week")
        >>> len(track), round(float(track.expected[38])), round(float(track.actual[38]))
        (77, 2285, 2248)
        """
        self._require_fitted()
        seen = bought_in(log, period, collapse, end, self.n_threads)
        first = seen.number[seen.begins]
        kept = np.ones(len(first), dtype=bool)
        if acquired_until is not None:
            cut = as_cutoff(acquired_until, seen.log.timezone, "acquired_until")
            kept = first < number_of(cut, seen.log, period)
        origin = int(first.min()) if len(first) else seen.last
        steps = max(seen.last - origin, 0)
        acquired = np.bincount(first[kept] - origin, minlength=steps + 1)[: steps + 1]
        one = self.expected_purchases_new(np.arange(steps + 1.0))
        expected = np.convolve(acquired, one)[1 : steps + 1]
        size = np.diff(np.append(seen.begins, len(seen.codes)))
        counts = seen.counts & np.repeat(kept, size)
        actual = np.bincount(seen.number[counts] - origin, minlength=steps + 1)[1 : steps + 1]
        time = np.arange(1.0, steps + 1.0)
        return Tracking(time, expected, np.cumsum(actual, dtype=np.float64), None)


def as_counts(n: Any) -> tuple[bool, Floats]:
    """Return whether these are many, and all of them."""
    many = isinstance(n, (list, tuple)) or np.ndim(n) > 0
    return many, as_column(n if many else [n], np.float64, "n")
