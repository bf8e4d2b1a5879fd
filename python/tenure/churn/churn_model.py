"""Churn probabilities that mean what they say, around any classifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._sklearn import FeatureEstimator, as_weights
from tenure._validation import Floats, as_choice, as_count, as_number, as_seed
from tenure.churn._classifier import (
    calibrate,
    classes_of,
    fit_weighted,
    labels_among,
    raw_probability,
    require_alone,
    training,
    weights_of,
)
from tenure.churn._cross_fit import folds_of
from tenure.churn._probabilities import as_clusters
from tenure.churn.calibration import METHODS, Calibrator
from tenure.churn.churn_scores import CrossFitted, Scores
from tenure.churn.dataset import ChurnDataset, _length
from tenure.churn.decision import Campaign
from tenure.churn.evaluation import Evaluation, evaluate
from tenure.churn.profit import ProfitCurve, profit_curve


class ChurnModel(FeatureEstimator):
    """Calibrated churn probabilities of any classifier, with thresholds and an honest report.

    Parameters
    ----------
    estimator : classifier with scikit-learn's conventions, optional
        Of two classes, with `predict_proba` or `decision_function`: scikit-learn's, LightGBM's,
        XGBoost's, a pipeline. It is cloned, never fitted itself. Default:
        ``HistGradientBoostingClassifier``, which takes missing values as they are.
    calibration : {"isotonic", "platt", "temperature", "beta"} or None, default "isotonic"
        As for `Calibrator`. Where less than about a thousand customers churned ``"platt"`` or
        ``"beta"`` is steadier.
    cv : int, default 5
        Folds of customers for the calibration. No row is calibrated on that a model scored which
        had seen its customer; with a `ChurnDataset` the model had also seen nothing but horizons
        that had ended `gap` before the row's cutoff.
    gap : str or float, default 0
        ``"30d"``, or days.
    threshold : float or Campaign, default 0.5
        The probability above which `predict` says churn: a number, such as that of
        `cost_threshold`, or what a campaign needs to pay.
    random_state : int, None or numpy.random.Generator, default 0
        Of the folds, and of the default estimator.

    Attributes
    ----------
    estimator_ : classifier
        Fitted to all rows.
    calibrator_ : Calibrator or None
    cross_fitted_ : CrossFitted or None
        What the calibrator was fitted to.
    threshold_ : float
    classes_ : array of 2
        The second is churn.
    learnt_until_ : datetime64 or None
        When the last label was known that was learnt from.
    n_features_in_ : int
    feature_names_in_ : array of str
        Where the table of features had names.

    Raises
    ------
    InvalidInputError
        For settings that are none, and data that do not hold both classes.

    Notes
    -----
    The map is learnt from models that saw less than `estimator_` did, one map for all
    (`ensemble=False` of scikit-learn's CalibratedClassifierCV). Save it as any scikit-learn model,
    by pickle or skops: a model file of ours never holds another package's objects. Method and
    tests: docs/methods/churn_model.md.

    Examples
    --------
    >>> import tenure as tn
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> data = tn.churn.make_dataset(
    ...     log, ["1997-06-30", "1997-09-30", "1997-12-31", "1998-03-31"], "90d", windows=["90d"]
    ... )
    >>> train, test = data.split()
    >>> small = HistGradientBoostingClassifier(max_iter=10, random_state=0)
    >>> model = tn.churn.ChurnModel(small, calibration="platt", cv=2).fit(train)
    >>> report = model.evaluate(test)
    >>> report["roc_auc"] > 0.75
    True
    """

    _fitted = ("estimator_", "calibrator_", "cross_fitted_", "threshold_", "classes_")
    _sklearn_kind = "classifier"
    _weighted = ("fit", "score")

    estimator_: Any
    calibrator_: Calibrator | None
    cross_fitted_: CrossFitted | None
    threshold_: float
    classes_: Any
    learnt_until_: Any

    def __init__(
        self,
        estimator: Any = None,
        *,
        calibration: str | None = "isotonic",
        cv: int = 5,
        gap: Any = 0,
        threshold: Any = 0.5,
        random_state: Any = 0,
    ) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.cv = cv
        self.gap = gap
        self.threshold = threshold
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, groups: Any = None, sample_weight: Any = None) -> Self:
        """Fit the classifier to all rows, and the calibration to rows scored out of their folds.

        Parameters
        ----------
        X : ChurnDataset, or table of shape (rows, features)
            A table goes to the estimator as it is.
        y : array of n labels
            Two distinct ones, of which the greater is churn; nothing with a `ChurnDataset`.
        groups : array of n ids, optional
            Rows of one customer. Default: that of the data set, or every row its own.
        sample_weight : array of n floats, optional
            Finite and >= 0, not all 0 in either class. How many rows a row counts for, in the
            classifier, in those of the folds, and in the calibration: the probabilities are then
            those of the weighted population. Folds do not know of weights. A classifier whose
            `fit` takes none is refused; of a pipeline the last step gets them.

        Returns
        -------
        self
        """
        as_choice(self.calibration, "calibration", (*METHODS, None))
        count = as_count(self.cv, "cv", at_least=2)
        gap = _length(self.gap, "gap")
        threshold = _threshold(self.threshold)
        seed = as_seed(self.random_state)
        table, names, y, groups, at, learnt = training(X, y, groups, gap)
        classes, label = classes_of(y)
        weight = weights_of(sample_weight, label)
        clone = require("sklearn.base", "fit a ChurnModel").clone
        blank = self._blank(seed)
        fitted = fit_weighted(clone(blank), table, y, weight)
        calibrator = cross = None
        if self.calibration is not None:
            codes = as_clusters(groups, len(label))
            codes = np.arange(len(label)) if codes is None else codes
            parts = folds_of(label, codes, count, seed, at, learnt)
            cross, calibrator = calibrate(
                self.calibration, [clone(blank) for _ in parts], parts, table, y, label, weight
            )
        self.estimator_, self.calibrator_, self.cross_fitted_ = fitted, calibrator, cross
        self.classes_, self.threshold_ = classes, threshold
        self.learnt_until_ = None if learnt is None else (learnt.max() - gap).view("M8[us]")
        self._remember_names(fitted, table, names)
        return self

    def _blank(self, seed: int) -> Any:
        if self.estimator is not None:
            return self.estimator
        ensemble = require("sklearn.ensemble", "fit the default estimator of a ChurnModel")
        return ensemble.HistGradientBoostingClassifier(random_state=seed % 2**32)

    def _remember_names(self, fitted: Any, table: Any, names: Any) -> None:
        shape = np.shape(table)
        self.n_features_in_ = int(getattr(fitted, "n_features_in_", shape[1] if shape[1:] else 1))
        known = getattr(fitted, "feature_names_in_", None) if names is None else names
        if known is not None:
            self.feature_names_in_ = np.array(known, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def predict_proba(self, X: Any) -> Floats:
        """Return calibrated probabilities, shape (rows, 2): of staying and of churn.

        Parameters
        ----------
        X : ChurnDataset, or table of shape (rows, features)

        Returns
        -------
        float64 array of shape (rows, 2)
        """
        self._require_fitted()
        p = raw_probability(self.estimator_, self._table(X))
        if self.calibrator_ is not None:
            p = self.calibrator_.predict(p)
        return np.stack([1.0 - p, p], axis=1)

    def predict(self, X: Any) -> Any:
        """Return the class of each row: churn where its probability is above `threshold_`.

        Parameters
        ----------
        X : ChurnDataset, or table of shape (rows, features)

        Returns
        -------
        array of n labels
        """
        above = self.predict_proba(X)[:, 1] > self.threshold_
        return self.classes_[above.astype(np.int64)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows (of their weight) whose class `predict` tells.

        Parameters
        ----------
        X : table of shape (rows, features)
        y : array of n labels
        sample_weight : array of n floats, optional

        Returns
        -------
        float
        """
        right = self.predict(X) == np.asarray(y)
        return float(np.average(right, weights=as_weights(sample_weight, len(right))))

    def scores(self, X: Any, customer: Any = None) -> Scores:
        """Return customers with their probability, their rank and whether to act.

        Parameters
        ----------
        X : ChurnDataset, or table of shape (rows, features)
        customer : array of n ids, optional
            Default: the customers of the data set, or row numbers.

        Returns
        -------
        Scores
        """
        p = self.predict_proba(X)[:, 1]
        at = X.at if isinstance(X, ChurnDataset) else None
        if customer is None:
            customer = X.customer if isinstance(X, ChurnDataset) else np.arange(len(p))
        elif len(customer) != len(p):
            msg = f"customer has {len(customer)} rows and X has {len(p)}"
            raise InvalidInputError(msg, argument="customer")
        rank = len(p) - np.searchsorted(np.sort(p), p, side="right") + 1
        campaign = self.threshold if isinstance(self.threshold, Campaign) else None
        earned = None if campaign is None else campaign.expected(p)
        return Scores(customer, at, p, rank, p > self.threshold_, earned, self.threshold_)

    def evaluate(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        campaign: Campaign | None = None,
        top: float = 0.1,
        level: float = 0.95,
        in_time: bool = True,
    ) -> Evaluation:
        """Return a report on rows that were not learnt from.

        Parameters
        ----------
        X : ChurnDataset, or table of shape (rows, features)
        y : array of n labels
            Nothing with a `ChurnDataset`.
        groups : array of n ids, optional
            Rows of one customer. Default: that of the data set, or every row its own.
        campaign : Campaign, optional
            Default: that of `threshold`.
        top, level
            As for `tn.churn.evaluate`.
        in_time : bool, default True
            Refuse cutoffs before the end of a horizon that was learnt from. False where customers
            are apart instead.

        Returns
        -------
        Evaluation
        """
        self._require_fitted()
        if isinstance(X, ChurnDataset):
            require_alone(y, groups)
            if in_time and self.learnt_until_ is not None and (X.at < self.learnt_until_).any():
                row = int(np.argmax(X.at < self.learnt_until_))
                msg = (
                    f"X[{row}] has its cutoff at {X.at[row]}, before {self.learnt_until_}, when "
                    "the last label was known that was learnt from: split the data set in time, "
                    "or say in_time=False where customers are apart"
                )
                raise InvalidInputError(msg, argument="X", row=row)
            label, groups = X.churned.astype(np.uint8), X.group
        else:
            label = labels_among(y, self.classes_)
        if campaign is None and isinstance(self.threshold, Campaign):
            campaign = self.threshold
        p = self.predict_proba(X)[:, 1]
        return evaluate(label, p, groups=groups, campaign=campaign, top=top, level=level)

    def profit_curve(self, campaign: Campaign) -> ProfitCurve:
        """Return the profit of each threshold, over the rows scored out of their folds.

        Each row is a customer, whatever `sample_weight` the fit had.

        Parameters
        ----------
        campaign : Campaign

        Returns
        -------
        ProfitCurve
            Its best threshold is what the data say; `Campaign.threshold` what calibrated
            probabilities say. They should be near.
        """
        self._require_fitted()
        if self.cross_fitted_ is None:
            msg = "profit_curve needs rows scored out of their folds: fit with a calibration"
            raise InvalidInputError(msg, argument="calibration", value=self.calibration)
        cross = self.cross_fitted_
        return profit_curve(
            cross.churned,
            cross.calibrated,
            value=campaign.value,
            accept=campaign.accept,
            offer=campaign.offer,
            contact=campaign.contact,
        )

    def _table(self, X: Any) -> Any:
        if not isinstance(X, ChurnDataset):
            return X
        known = list(getattr(self, "feature_names_in_", ()))
        if list(X.names) != known:
            unlike = sorted(set(known) ^ set(X.names)) or ["their order"]
            msg = f"X has other features than those fitted to: {', '.join(unlike[:5])}"
            raise InvalidInputError(msg, argument="X")
        return X.X

    # --- scikit-learn -------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        import copy

        from sklearn.utils import ClassifierTags, get_tags

        tags = copy.deepcopy(get_tags(self._blank(0)))
        tags.estimator_type = "classifier"
        tags.classifier_tags = ClassifierTags(multi_class=False)
        tags.target_tags.required = True
        tags.target_tags.multi_output = False
        return tags

    def save(self, path: Any) -> None:
        """Refuse: a model file never holds another package's objects. Use pickle, joblib or skops.

        Raises
        ------
        InvalidInputError
        """
        msg = (
            "a ChurnModel holds another package's classifier, which no model file of tenure does: "
            "save it by pickle, joblib or skops; its calibrator_ alone can be saved"
        )
        raise InvalidInputError(msg, argument="path", value=path)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), dict(self.__dict__))


def _remade(kind: type[ChurnModel], state: dict[str, Any]) -> ChurnModel:
    model = kind.__new__(kind)
    model.__dict__.update(state)
    return model


def _threshold(value: Any) -> float:
    if isinstance(value, Campaign):
        return value.threshold
    return as_number(value, "threshold", at_least=0.0, at_most=1.0)
