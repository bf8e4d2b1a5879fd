"""A lead score that is learned: the chance to convert, told in points that add up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from tenure._errors import InvalidInputError
from tenure._estimator import Estimator
from tenure._model_file import storable
from tenure._time import to_datetime
from tenure._validation import Floats, as_level, as_number, as_threads
from tenure.churn import Calibrator, ChurnDataset, ChurnModel, LogisticRegression, make_dataset
from tenure.churn import evaluate as evaluate_probabilities
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events.event_log import as_log
from tenure.lifecycle._conversion import Conversion, lead_codes
from tenure.lifecycle._lead_features import chosen, require_known
from tenure.lifecycle.learned_scores import LeadEvaluation, LearnedLeadScores, ScoreCard

#: Calibration maps under which the log odds stay linear in the features.
_STRAIGHT = ("platt", "temperature", None)


@storable("lifecycle.LearnedLeadScore")
class LearnedLeadScore(Estimator):
    """The calibrated chance that a lead orders within a horizon, told in points.

    A lead has an event and no order before a cutoff; it converts if its first order comes within
    the horizon. With p its calibrated probability the score is ``offset_ + pdo / ln 2 *
    ln(p / (1 - p))``: `pdo` points more double the odds. With a linear estimator the score is the
    sum of points by feature. Formulas: docs/methods/learned_lead_score.md.

    Parameters
    ----------
    horizon : str or float
        ``"30d"``, or days.
    estimator : classifier of scikit-learn's kind, optional
        It is cloned. Default: ``churn.LogisticRegression("firth")``, which is linear and finite
        also where a feature tells for certain who converts.
    columns : sequence of str, optional
        Columns of `EventLog.features` to learn from. Default: counts by window, of each of
        `events` or else of all events and active days, and the days since the first and the last
        event; those that do not vary in the fit are left out, and named in `left_out_`.
    windows, events
        As for `EventLog.features`.
    calibration : {"platt", "temperature", "isotonic", "beta"} or None
        As for `churn.Calibrator`, fitted to leads that the model has not seen. Points by feature
        need one of the first two, or None.
    cv : int
        Folds of leads for the calibration.
    pdo : float
        Points that double the odds, > 0.
    base_points, base_odds : float
        The score at odds of `base_odds` (of conversion to none, > 0) is `base_points`.
    random_state : int, None or numpy.random.Generator
        Of the folds.

    Attributes
    ----------
    features_, left_out_ : tuple of str
    estimator_ : classifier
    calibrator_ : Calibrator or None
    offset_ : float
        Points at odds of 1 to 1.
    means_ : ndarray of float, shape (n_features,)
    n_leads_, n_converted_ : int
        Rows of the fit, one a lead and cutoff, and those that converted.

    Notes
    -----
    Needs scikit-learn. Scores are made feature by feature in a fixed order: a log that is replayed,
    in any batches, gives the same bits.

    Examples
    --------
    >>> import tenure as tn
    >>> log = tn.datasets.simulate(2000, funnel={}, visits=2, random_state=1).log()
    >>> model = tn.lifecycle.LearnedLeadScore("30d", windows=["30d"])
    >>> scores = model.fit(log, ["2024-06-30"]).score(log, at="2024-09-30")
    >>> len(scores) > 0
    True
    """

    _fitted = (
        "features_", "left_out_", "estimator_", "calibrator_", "offset_", "means_", "n_leads_",
        "n_converted_", "_learnt_until",
    )  # fmt: skip

    def __init__(
        self,
        horizon: str | float,
        *,
        estimator: Any = None,
        columns: Sequence[str] | None = None,
        windows: Sequence[str | float] = ("7d", "30d"),
        events: str | Sequence[str] | None = None,
        calibration: str | None = "platt",
        cv: int = 5,
        pdo: float = 20.0,
        base_points: float = 500.0,
        base_odds: float = 0.1,
        random_state: Any = 0,
    ) -> None:
        self.horizon = horizon
        self.estimator = estimator
        self.columns = columns
        self.windows = windows
        self.events = events
        self.calibration = calibration
        self.cv = cv
        self.pdo = pdo
        self.base_points = base_points
        self.base_odds = base_odds
        self.random_state = random_state

    def fit(self, log: EventLog, cutoffs: Sequence[Any], *, n_threads: int | None = None) -> Self:
        """Learn from the leads of past cutoffs.

        Parameters
        ----------
        log : EventLog
            With event names of which some are orders.
        cutoffs : sequence of dates or instants
            Ascending; the horizon of each must end within the observation of the log. A bare date
            means the end of that local day.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        LearnedLeadScore
            self.

        Raises
        ------
        InvalidInputError
            For settings that are none, and where no lead or every lead converted.
        """
        factor = self._factor()
        data = self._dataset(log, cutoffs, n_threads)
        if not 0 < int(data.churned.sum()) < len(data):
            what = "no lead" if not data.churned.any() else "every lead"
            msg = f"cutoffs must see leads that convert and leads that do not: {what} converted"
            raise InvalidInputError(msg, argument="cutoffs", value=list(cutoffs))
        features, left_out = chosen(data, self.columns, self.events is not None)
        if not self._is_foreign():
            require_known(data.columns, features)
        columns = {name: data.columns[name] for name in features}
        learnt = ChurnDataset(
            data.at, data.customer, data.churned, columns, data.group, data.dates, data.horizon,
            data.label,
        )  # fmt: skip
        blank = LogisticRegression("firth") if self.estimator is None else self.estimator
        model = ChurnModel(
            blank, calibration=self.calibration, cv=self.cv, random_state=self.random_state
        ).fit(learnt)
        self.features_, self.left_out_ = features, left_out
        self.estimator_, self.calibrator_ = model.estimator_, model.calibrator_
        self.offset_ = float(self.base_points) - factor * math.log(self.base_odds)
        self.means_ = np.array([np.mean(columns[name], dtype=np.float64) for name in features])
        self.n_leads_, self.n_converted_ = len(data), int(data.churned.sum())
        self._learnt_until = int(model.learnt_until_.view(np.int64))
        return self

    def score(
        self, log: EventLog, at: Any = None, *, n_threads: int | None = None
    ) -> LearnedLeadScores:
        """Return the score of every lead known at a date.

        Parameters
        ----------
        log : EventLog
        at : date or instant, optional
            A bare date means the end of that local day. Default: the end of the log.
        n_threads : int, optional
            Default: the CPUs of this process, at most 8. Never changes a result.

        Returns
        -------
        LearnedLeadScores
        """
        self._require_fitted()
        as_log(log)
        cutoff = log._until if at is None else log._within(at, "at")
        when = to_datetime(cutoff, log.timezone)
        table = log.features([when], self.windows, self.events, n_threads=n_threads)
        codes = lead_codes(log, cutoff, as_threads(n_threads))
        rows = np.searchsorted(table._code, codes)
        columns = {name: column[rows] for name, column in table.columns.items()}
        score, p, points, base = self._told(columns)
        customer = take(table.customer, rows)
        return LearnedLeadScores(customer, score, p, self.features_, points, base, when)

    def card(self) -> ScoreCard:
        """Return points by unit of each feature, for a linear estimator.

        Raises
        ------
        InvalidInputError
            Where the score is not linear in the features.
        """
        self._require_fitted()
        straight = self._straight()
        if straight is None:
            msg = (
                "a card needs a linear estimator and a calibration that keeps it so: "
                "'platt', 'temperature' or None"
            )
            raise InvalidInputError(msg, argument="estimator")
        base, weights = straight
        return ScoreCard(self.features_, self.means_, weights, base, float(self.pdo), self.offset_)

    def evaluate(
        self,
        log: EventLog,
        cutoffs: Sequence[Any],
        *,
        level: float = 0.95,
        n_threads: int | None = None,
    ) -> LeadEvaluation:
        """Return how good the probabilities were at later cutoffs.

        Parameters
        ----------
        log : EventLog
        cutoffs : sequence of dates or instants
            Not before the end of the last horizon that was learnt from.
        level : float, default 0.95
        n_threads : int, optional

        Returns
        -------
        LeadEvaluation
            AUC, calibration and more as of `churn.evaluate`, with limits; the rows of one lead
            count as one draw.

        Raises
        ------
        InvalidInputError
            For cutoffs at which labels were not known yet that were learnt from, and where no lead
            or every lead converted.
        """
        self._require_fitted()
        as_level(level)
        data = self._dataset(log, cutoffs, n_threads)
        first = data._cutoffs()[0]
        if first < self._learnt_until:
            msg = (
                f"cutoffs[0] is {data.dates[0]}, before "
                f"{to_datetime(self._learnt_until, log.timezone)}, when the last label was known "
                "that was learnt from: test on later cutoffs"
            )
            raise InvalidInputError(msg, argument="cutoffs", row=0, value=cutoffs[0])
        if not 0 < int(data.churned.sum()) < len(data):
            what = "no lead" if not data.churned.any() else "every lead"
            msg = f"cutoffs must see leads that convert and leads that do not: {what} converted"
            raise InvalidInputError(msg, argument="cutoffs", value=list(cutoffs))
        _, p, _, _ = self._told(data.columns)
        found = evaluate_probabilities(data.churned, p, groups=data.group, level=level)
        return LeadEvaluation(*(getattr(found, n) for n in found.__dataclass_fields__))

    def _factor(self) -> float:
        """Return points by unit of log odds, after checking the scale."""
        pdo = as_number(self.pdo, "pdo", above=0.0)
        as_number(self.base_points, "base_points")
        as_number(self.base_odds, "base_odds", above=0.0)
        return pdo / math.log(2.0)

    def _dataset(self, log: EventLog, cutoffs: Sequence[Any], n_threads: int | None) -> Any:
        as_log(log)
        if not log.event_names or set(log.event_names) <= set(log.orders):
            msg = (
                "learned lead scores need a log with events that are no orders: "
                "EventLog(..., event=..., orders=[...])"
            )
            raise InvalidInputError(msg, argument="log")
        return make_dataset(
            log, cutoffs, self.horizon, label=Conversion(), windows=self.windows,
            events=self.events, n_threads=n_threads,
        )  # fmt: skip

    def _straight(self) -> tuple[float, Floats] | None:
        """Return the score at the means and the points by unit; None where it is not linear."""
        coef = getattr(self.estimator_, "coef_", None)
        intercept = getattr(self.estimator_, "intercept_", None)
        method = None if self.calibrator_ is None else self.calibrator_.method
        # By name: scikit-learn's own is one too.
        logistic = type(self.estimator_).__name__ in ("LogisticRegression", "LogisticNet")
        if coef is None or intercept is None or method not in _STRAIGHT or not logistic:
            return None
        shift, slope = 0.0, 1.0
        if self.calibrator_ is not None:
            shift = float(self.calibrator_.coef_[0]) if method == "platt" else 0.0
            slope = float(self.calibrator_.coef_[-1])
        coef = np.asarray(coef, dtype=np.float64).ravel()
        factor = self._factor()
        mean = float(np.ravel(intercept)[0]) + math.fsum(coef * self.means_)
        return self.offset_ + factor * (shift + slope * mean), factor * slope * coef

    def _told(
        self, columns: Mapping[str, Any]
    ) -> tuple[Floats, Floats, Floats | None, float | None]:
        """Return scores, probabilities, points by feature and the score at the means."""
        missing = [name for name in self.features_ if name not in columns]
        if missing:
            msg = f"the log has no feature {missing[0]!r}: score one like that of the fit"
            raise InvalidInputError(msg, argument="log", value=missing[0])
        matrix = np.column_stack([columns[n].astype(np.float64) for n in self.features_])
        straight, factor = self._straight(), self._factor()
        if straight is not None:
            require_known(columns, self.features_)
            base, weights = straight
            points = np.empty(matrix.shape)
            score = np.full(len(matrix), base)
            for f, weight in enumerate(weights):  # not BLAS, whose order depends on the rows
                points[:, f] = weight * (matrix[:, f] - self.means_[f])
                score += points[:, f]
            odds = (score - self.offset_) / factor
            return score, np.exp(-np.logaddexp(0.0, -odds)), points, base
        if len(matrix) == 0:
            return np.empty(0), np.empty(0), None, None
        p = _probability(self.estimator_, matrix)
        if self.calibrator_ is not None:
            p = self.calibrator_.predict(p)
        # As the calibration does: nobody is told to be certain.
        kept = np.clip(p, 1e-6, 1.0 - 1e-6)
        return self.offset_ + factor * (np.log(kept) - np.log1p(-kept)), p, None, None

    def save(self, path: Any) -> None:
        """Write the score to one file, whole or not at all; `tenure.load` reads it back.

        Raises
        ------
        InvalidInputError
            Where the estimator is another package's: use pickle, joblib or skops.
        """
        if self._is_foreign():
            msg = (
                "a model file never holds another package's estimator, such as "
                f"{type(self.estimator).__name__}: save this score by pickle, joblib or skops"
            )
            raise InvalidInputError(msg, argument="estimator", value=self.estimator)
        super().save(path)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._is_foreign():
            return _remade, (type(self), dict(self.__dict__))
        return super().__reduce__()

    def _is_foreign(self) -> bool:
        return not isinstance(self.estimator, LogisticRegression | None)

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self._factor()
        mapped = isinstance(self.calibrator_, Calibrator | None)
        if not isinstance(self.estimator_, LogisticRegression) or not mapped:
            msg = "estimator_ and calibrator_ must be of tenure.churn"
            raise ValueError(msg)
        size = len(self.features_)
        known = isinstance(self.means_, np.ndarray) and self.means_.dtype == np.float64
        if not known or self.means_.shape != (size,) or self.estimator_.n_features_in_ != size:
            msg = "means_ and features_ must be as many as the estimator has"
            raise ValueError(msg)
        if not np.isfinite(self.means_).all() or not math.isfinite(self.offset_):
            msg = "means_ and offset_ must be finite"
            raise ValueError(msg)
        counts = (self.n_leads_, self.n_converted_, self._learnt_until)
        if not all(type(count) is int for count in counts):
            msg = "n_leads_, n_converted_ and the end of the last horizon must be whole numbers"
            raise ValueError(msg)


def _probability(estimator: Any, matrix: Floats) -> Floats:
    """Chance of conversion as a classifier tells it; of a margin, by the logistic function."""
    if hasattr(estimator, "predict_proba"):
        told = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)[:, 1]
        return np.clip(told, 0.0, 1.0)  # rounding of float32 may leave [0, 1]
    margin = np.asarray(estimator.decision_function(matrix), dtype=np.float64)
    return np.asarray(np.exp(-np.logaddexp(0.0, -margin)))


def _remade(kind: type[LearnedLeadScore], state: dict[str, Any]) -> LearnedLeadScore:
    model = kind.__new__(kind)
    model.__dict__.update(state)
    return model
