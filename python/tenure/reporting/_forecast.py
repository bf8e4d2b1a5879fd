"""The models: fitted to the whole log for the forecast, and up to the cut to check the fit."""

from __future__ import annotations

import copy
import datetime as dt
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure import clv
from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._time import MICROS_PER_DAY, UNIT_DAYS, to_datetime
from tenure._validation import Floats, Ints
from tenure.events import Summary
from tenure.reporting._context import Context, Z
from tenure.reporting._parts import Missing, counted
from tenure.reporting._settings import day_before, days_between

#: (model, fitted to, parameter, estimate, standard error)
Parameter = tuple[str, str, str, float, float]

_NAMES = {"BGNBD": "BG/NBD", "GammaGamma": "Gamma-Gamma"}
_WHY = {
    "max_iterations": "it ran out of steps before it found an optimum",
    "stalled": "it got stuck before it found an optimum",
    "boundary": "a parameter ran off to zero or infinity, which means that these data do not "
    "determine it",
}
_ALL = "all orders"
_LAST_FREQUENCY = 7
_MOST_ROWS = 100_000  # customers behind the interval of a total
_STEP = 1e-3
_PENALTY = 1e-6  # per customer, as in `tenure.clv`: it costs about one unit of log-likelihood
_FEWEST_REPEATERS = 10


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over customers with its interval, which takes the model for true."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Arrays in the order of `Context.base`; spend and value are None where money is unknown."""

    alive: Floats
    orders: Floats
    spend: Floats | None
    value: Floats | None
    total_orders: Total
    total_value: Total | None
    parameters: list[Parameter]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tracking:
    """Repeat orders by period; `end` is the last day of each."""

    unit: str
    end: Any
    actual: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class Check:
    """A fit up to the cut, and what came after it."""

    last_day: dt.date
    tracking: Tracking
    frequency_actual: Floats
    frequency_expected: Floats
    calibration_frequency: Ints
    holdout_orders: Floats
    holdout_expected: Floats
    parameters: list[Parameter]


def forecast(context: Context) -> Forecast | Missing:
    """Return the forecast; fitted at the first call."""
    made: Forecast | Missing = context.once("forecast", lambda: _forecast(context))
    return made


def check_fit(context: Context) -> Check | Missing:
    """Return the check of the fit; fitted at the first call."""
    made: Check | Missing = context.once("check", lambda: _check(context))
    return made


# --- forecast ------------------------------------------------------------------------------------


def _forecast(context: Context) -> Forecast | Missing:
    base, settings = context.base, context.settings
    fitted = _transactions(context, base, "The forecast")
    if isinstance(fitted, Missing):
        return fitted
    value_model, why = _with_spend(context, fitted)
    columns = {
        "frequency": base.frequency,
        "recency": base.recency,
        "T": base.T,
        "monetary_value": base.monetary_value,
    }
    parameters = _parameters(fitted, _ALL)
    spend = value = total_value = None
    if value_model is None:
        alive = fitted.probability_alive(base)
        orders = fitted.expected_purchases(base, settings.horizon)
    else:
        predicted = value_model.predict(base, **_asked(context))
        alive, orders = predicted.probability_alive, predicted.expected_purchases
        spend, value = predicted.expected_spend, predicted.clv
        parameters += _parameters(value_model.spend_, _ALL)
        total_value = _total(
            float(math.fsum(value)),
            columns,
            lambda models, rows: float(models.predict(rows, **_asked(context)).clv.sum()),
            value_model,
            ("transactions_", "spend_"),
        )
    total_orders = _total(
        float(math.fsum(orders)),
        columns,
        lambda model, rows: float(model.expected_purchases(rows, settings.horizon).sum()),
        fitted,
        (),
    )
    once = int((base.frequency == 0).sum())
    notes = [why] if why else []
    seen = days_between(context.log._from, context.log._until)
    if settings.horizon * context.unit_days > seen:
        notes.append(
            f"The forecast reaches {settings.horizon * context.unit_days:.0f} days ahead, further "
            f"than the {seen:.0f} days that were observed."
        )
    if once:
        notes.append(
            f"P(alive) of the {counted(once, 'customer')} without a repeat order is 100 % by "
            "construction: in the BG/NBD model nobody leaves before the first repeat order. Their "
            "expected orders say more."
        )
    return Forecast(
        alive, orders, spend, value, total_orders, total_value, parameters, tuple(notes)
    )


def _asked(context: Context) -> dict[str, Any]:
    settings = context.settings
    return {
        "horizon": settings.horizon,
        "discount_rate": settings.discount_rate,
        "discount_period": settings.discount_period,
        "margin": settings.margin,
    }


def _fitted(context: Context, make: Callable[[float], Any], base: Summary) -> Any:
    """Return a fitted model, perhaps not converged; at a boundary, one with a weak penalty.

    A parameter that runs to infinity means that customers hardly differ in it. The prediction is
    then as good as any, but not its standard error: the penalty stops the run and is told of.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told below in the report's words
        model = make(0.0).fit(base)
        if model.status_ == "boundary" and int((base.frequency > 0).sum()) >= _FEWEST_REPEATERS:
            penalised = make(_PENALTY).fit(base)
            model = penalised if penalised.converged_ else model
    last = base.end - dt.timedelta(microseconds=1)
    about = f"{_NAMES[type(model).__name__]}, fitted to the orders up to {last:%Y-%m-%d}"
    if not model.converged_:
        context.findings.warnings.append(
            f"{about}: no optimum was found ({model.status_}), and nothing that rests on it is "
            "shown"
        )
    elif model.l2 > 0.0:
        context.findings.warnings.append(
            f"{about}: the data do not determine all of its parameters, so a weak penalty "
            f"(l2 = {_PENALTY:g}) was added; read its parameters and intervals with care"
        )
    return model


def _transactions(context: Context, base: Summary, what: str) -> Any:
    """Return a fitted BG/NBD model, or why there is none."""
    if not (base.frequency > 0).any():
        why = "is not shown: nobody ordered a second time, and who never returns teaches no rhythm."
        return Missing(what, why)
    model = _fitted(context, lambda l2: clv.BGNBD(l2=l2), base)
    if not model.converged_:
        return Missing(what, f"is not shown: the fit did not converge; {_WHY[model.status_]}.")
    return model


def _with_spend(context: Context, fitted: Any) -> tuple[Any, str]:
    """Return a model of value around the fitted one, or None and why money is left out."""
    if not context.money:
        return None, ""
    start = "Expected value is not shown"
    try:
        spend = _fitted(context, lambda l2: clv.GammaGamma(l2=l2), context.base)
    except InvalidInputError as error:
        return None, f"{start}: the model of order values cannot be fitted ({error})."
    if not spend.converged_:
        why = _WHY[spend.status_]
        return None, f"{start}: the fit of order values did not converge; {why}."
    p, q = spend.params_["p"], spend.params_["q"]
    if q <= 1.0:
        return None, (
            f"{start}: order values vary so much between customers that their mean does not exist "
            f"under the model (q = {q:.3g}, p = {p:.3g})."
        )
    model = clv.CLV(clv.BGNBD(), clv.GammaGamma())
    model.transactions_, model.spend_ = fitted, spend
    return model, ""


def _total(
    value: float,
    columns: dict[str, Any],
    sum_over: Callable[[Any, Any], float],
    model: Any,
    parts: tuple[str, ...],
) -> Total:
    """Return the total with limits from the covariance of the parameters (delta method).

    The gradient of the log of the total is taken by central differences in the logs of the
    parameters, over at most `_MOST_ROWS` customers, evenly spaced by id.
    """
    step = max(1, -(-len(columns["T"]) // _MOST_ROWS))
    rows = {name: column[::step] for name, column in columns.items()}
    variance = 0.0
    for part in parts or ("",):
        fitted = getattr(model, part) if part else model
        gradient = []
        for name in fitted.parameter_names:
            logs = []
            for sign in (1.0, -1.0):
                moved = copy.copy(fitted)
                moved.params_ = {
                    **fitted.params_,
                    name: fitted.params_[name] * math.exp(sign * _STEP),
                }
                whole = moved
                if part:
                    whole = copy.copy(model)
                    setattr(whole, part, moved)
                logs.append(math.log(max(sum_over(whole, rows), 1e-300)))
            gradient.append((logs[0] - logs[1]) / (2.0 * _STEP))
        slope = np.array(gradient)
        variance += float(slope @ fitted.log_covariance_ @ slope)
    spread = math.exp(Z * math.sqrt(max(variance, 0.0)))
    return Total(value, value / spread, value * spread)


def _parameters(model: Any, fitted_to: str) -> list[Parameter]:
    name = _NAMES[type(model).__name__]
    errors = model.standard_errors_
    return [(name, fitted_to, k, v, errors[k]) for k, v in model.params_.items()]


# --- check ---------------------------------------------------------------------------------------


def _check(context: Context) -> Check | Missing:
    log, settings = context.log, context.settings
    what = "The check of the fit"
    if settings.cut is None:
        return Missing(what, f"is not shown: {settings.no_cut}.")
    cut = to_datetime(settings.cut, log.timezone)
    split = log.calibration_holdout(cut, unit=settings.unit)
    base = split.calibration
    last = day_before(settings.cut, log.timezone)
    if len(base) == 0:
        return Missing(what, f"is not shown: no customer had ordered by the cut on {last}.")
    model = _transactions(context, base, what)
    if isinstance(model, Missing):
        return Missing(what, f"{model.why.removesuffix('.')} (orders up to the cut on {last}).")
    counts = model.expected_frequency_counts(base, _LAST_FREQUENCY)
    return Check(
        last_day=last,
        tracking=_tracking(context, model, cut),
        frequency_actual=counts.observed,
        frequency_expected=counts.expected,
        calibration_frequency=base.frequency,
        holdout_orders=split.orders_holdout.astype(np.float64),
        holdout_expected=model.expected_purchases(base, split.duration),
        parameters=_parameters(model, f"orders up to {last}"),
    )


def _tracking(context: Context, model: Any, cut: dt.datetime) -> Tracking:
    """Actual and expected repeat orders of the customers of the calibration, week by week."""
    log = context.log
    days = days_between(log._from, log._until)
    unit, step = ("day", 1.0) if days < 60 else ("week", 7.0) if days < 1100 else ("month", 30.4375)
    first = context.local_days(np.array([log._from], dtype="datetime64[us]"))[0]
    begin = int(first.astype("datetime64[us]").astype(np.int64))
    whole = int((log._until - begin) / MICROS_PER_DAY / step)
    times = np.arange(1, max(whole, 1) + 1) * step
    track = model.tracking(log, times / UNIT_DAYS[context.settings.unit], acquired_until=cut)
    return Tracking(
        unit,
        first + np.floor(times).astype("timedelta64[D]"),
        np.diff(track.actual, prepend=0.0),
        np.diff(track.expected, prepend=0.0),
    )
