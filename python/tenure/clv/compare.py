"""The contest of the models of repeat purchases: fitted before a cut, scored after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tenure._errors import InvalidInputError
from tenure._progress import shown
from tenure._validation import as_level
from tenure.clv import _data, _holdout
from tenure.clv._cnbd import RegularPurchases
from tenure.clv._comparison import ModelComparison, ranked
from tenure.clv._outlook import OutlookModel
from tenure.clv._transaction import TransactionModel
from tenure.events import CalibrationHoldout
from tenure.events.event_log import as_log


def compare(
    log: Any,
    models: Any = None,
    *,
    cut: Any = None,
    end: Any = None,
    unit: str = "week",
    collapse: str | None = "day",
    data: Any = None,
    level: float = 0.95,
    progress: Any = None,
    n_threads: int | None = None,
) -> ModelComparison:
    """Fit models to the orders before a cut and rank them by how well they foresee those after it.

    Parameters
    ----------
    log : EventLog or CalibrationHoldout
        A hold-out made by ``log.calibration_holdout`` already knows cut, end, unit and collapse;
        the models of regular purchases need one with ``log_gaps=True``.
    models : list of models, or dict of name to model, optional
        Not fitted: copies with the same settings are. Default: every model of `tenure.clv` that
        foretells the number of purchases of each customer, with default settings; those of regular
        purchases only where the histories have gaps, as those of a log do. A model that does not
        foretell it is fitted too, and listed without a score.
    cut : date or instant
        Where the hold-out begins; a bare date means the end of that day. Needed for a log.
    end : date or instant, optional
        Where the hold-out ends. Default: the end of the log.
    unit, collapse
        As for `EventLog.summary`.
    data : Summary or data frame, optional
        What the models read in place of the summary before the cut: the same customers in the same
        order, with further columns such as covariates.
    level : float, default 0.95
        Confidence level of the margins.
    progress : bool or callable, optional
        Called as ``progress(share, what)`` before each step, with a share of the work in [0, 1];
        True draws a bar.
    n_threads : int, optional
        Of the log and the default models; models that are given have a setting of their own.

    Returns
    -------
    ModelComparison
        The best first; fits that did not converge last, and never the winner.

    Raises
    ------
    InvalidInputError
        Names the argument: no model or two of one name, no customer before the cut, no time after
        it.

    Warns
    -----
    ConvergenceWarning
        For each fit without an optimum; the result keeps its status.

    Notes
    -----
    The log score is the logarithm of the probability that the model gave to the number of orders
    that came; CRPS is that of Matheson & Winkler (1976), Management Science 22:1087-1096, for
    counts: Czado, Gneiting & Held (2009), Biometrics 65:1254-1261. Both are proper: no forecast
    scores better in expectation than the truth. docs/methods/model_comparison.md.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="sample_id", time="date", amount="amount")
    >>> models = [tn.clv.BGNBD(), tn.clv.MBGNBD(), tn.clv.ParetoNBD()]
    >>> contest = tn.clv.compare(log, models, cut="1997-09-30")
    >>> contest.winner, contest.clear
    ('MBGNBD', False)
    >>> contest.difference.round(4).tolist(), contest.margin.round(4).tolist()
    ([0.0, 0.0023, 0.0051], [0.0, 0.0034, 0.0059])
    """
    as_level(level)
    entered = _entered(models, n_threads)
    fitted: dict[str, TransactionModel] = {}
    forecasts: dict[str, _holdout.CountForecast] = {}
    with shown(progress, "splitting the log") as tell:
        gaps = any(isinstance(model, RegularPurchases) for model in entered.values())
        holdout = _split(log, cut, end, unit, collapse, gaps, n_threads)
        rows = _holdout.as_rows(data, holdout)
        if models is None and _data.optional_column(rows, "log_gaps", len(holdout)) is None:
            entered = {n: m for n, m in entered.items() if not isinstance(m, RegularPurchases)}
        for i, (name, model) in enumerate(entered.items()):
            tell((2 * i + 1) / (2 * len(entered) + 1), f"fitting {name}")
            fitted[name] = model.fit(rows)
            tell((2 * i + 2) / (2 * len(entered) + 1), f"scoring {name}")
            if _holdout.gives_counts(model):
                forecasts[name] = _holdout.forecast(model, holdout, data=data)
    return ranked(fitted, forecasts, holdout, rows, float(level))


def _split(
    log: Any,
    cut: Any,
    end: Any,
    unit: str,
    collapse: str | None,
    log_gaps: bool,
    n_threads: int | None,
) -> CalibrationHoldout:
    if isinstance(log, CalibrationHoldout):
        for name, value in (("cut", cut), ("end", end)):
            if value is not None:
                msg = f"{name} is for a log; the hold-out already has one"
                raise InvalidInputError(msg, argument=name, value=value)
        return _holdout.as_holdout(log, "log")
    log = as_log(log, "pass one, or what its calibration_holdout returned")
    if cut is None:
        msg = "cut is needed: the date on which the models stop learning and are judged from"
        raise InvalidInputError(msg, argument="cut")
    holdout = log.calibration_holdout(
        cut, end, unit, collapse, log_gaps=log_gaps, n_threads=n_threads
    )
    return _holdout.as_holdout(holdout, "log")


def _entered(models: Any, n_threads: int | None) -> dict[str, TransactionModel]:
    """Return fresh copies of the models by name."""
    if models is None:
        return {kind.__name__: kind(n_threads=n_threads) for kind in _known()}
    if isinstance(models, Mapping):
        pairs = [(str(name), model) for name, model in models.items()]
    elif isinstance(models, Sequence) and not isinstance(models, str):
        pairs = [(type(model).__name__, model) for model in models]
        names = [name for name, _ in pairs]
        # Models of one kind are told apart by their settings.
        pairs = [(n if names.count(n) == 1 else repr(m), m) for n, m in pairs]
    else:
        msg = "models must be a list of models or a dict of name to model"
        raise InvalidInputError(msg, argument="models", value=models)
    if not pairs:
        msg = "models must name at least one model"
        raise InvalidInputError(msg, argument="models")
    entered: dict[str, TransactionModel] = {}
    for row, (name, model) in enumerate(pairs):
        if not isinstance(model, TransactionModel):
            msg = f"models[{row}] must be a model of repeat purchases, got {model!r}"
            raise InvalidInputError(msg, argument="models", row=row, value=model)
        if name in entered:
            msg = f"models[{row}]: there are two models called {name}; pass a dict to name them"
            raise InvalidInputError(msg, argument="models", row=row, value=name)
        entered[name] = type(model)(**model.get_params(deep=False))
    return entered


def _known() -> list[type[OutlookModel]]:
    """Every model of repeat purchases in `tenure.clv` that foretells counts."""
    from tenure import clv

    offered = (getattr(clv, name) for name in sorted(clv.__all__))
    return [k for k in offered if isinstance(k, type) and issubclass(k, OutlookModel)]
