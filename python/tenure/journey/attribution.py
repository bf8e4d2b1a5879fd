"""Attribution: which channels conversions are owed to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import (
    as_choice,
    as_count,
    as_level,
    as_number,
    as_replicates,
    as_seed,
    as_threads,
)
from tenure.events import EventLog
from tenure.events.event_log import as_log
from tenure.journey._attribution_result import Attribution
from tenure.journey._durations import as_duration
from tenure.journey._plan import as_names, property_index
from tenure.journey._states import code_names

MODELS = _core.journey.CREDIT_MODELS


def attribution(
    log: EventLog,
    *,
    conversion: str | Iterable[str] | None = None,
    touch: str | Iterable[str] | None = None,
    by: str | None = None,
    model: str | Sequence[str] = "last",
    lookback: Any = "30d",
    half_life: Any = "7d",
    position_weights: Sequence[float] = (0.4, 0.2, 0.4),
    order: int = 1,
    value: str = "count",
    n_bootstrap: int = 0,
    level: float = 0.95,
    random_state: Any = 0,
    n_threads: int | None = None,
) -> Attribution:
    """Share the credit for conversions among the channels that led to them.

    Parameters
    ----------
    log : EventLog
        With event names.
    conversion : str or list of str, optional
        Events that are conversions; default: the log's orders. Rows at the same instant are one
        conversion of their summed amounts; negative amounts are refunds and none.
    touch : str or list of str, optional
        Events that are touches; default: all but conversions. Touches at the instant of a
        conversion lie before it.
    by : str, optional
        Channels are the values of this property; a touch without a value is none. Default:
        channels are event names. At most 254.
    model : str or list of str
        "last", "first", "linear", "position", "time_decay", "shapley", "markov".
    lookback : str, timedelta or None
        How long before a conversion a touch may lie, its end included. Each conversion owns the
        touches since the one before.
    half_life : str or timedelta
        Of "time_decay": a touch so much earlier counts half.
    position_weights : (float, float, float)
        Of "position": first touch, all between, last touch. They are scaled to 1.
    order : int
        Of "markov": how many of the last channels a state of the chain remembers.
    value : {"count", "amount"}
        Whether shares and limits are of conversions or of their amounts.
    n_bootstrap : int
        Replicates for limits, drawn by customer; 0 for none.
    level : float
        Confidence level of the limits.
    random_state : int, None or numpy.random.Generator
        Seed of the bootstrap.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    Attribution

    Raises
    ------
    InvalidInputError
        For names that the log does not have, too many channels, and a chain of an order that has
        more than 512 states.

    Notes
    -----
    Credit is not cause: no model here knows what would have happened without a channel.
    Definitions, sources and cost: docs/methods/attribution.md.

    Examples
    --------
    >>> import tenure as tn, numpy as np
    >>> day = np.array([0, 1, 2, 9, 10, 3, 4]).astype("timedelta64[D]")
    >>> rows = {
    ...     "who": [1, 1, 1, 1, 1, 2, 2],
    ...     "what": ["visit", "visit", "purchase", "visit", "purchase", "visit", "visit"],
    ...     "channel": ["ad", "mail", None, "mail", None, "ad", "ad"],
    ...     "when": np.datetime64("2024-01-01", "us") + day,
    ... }
    >>> columns = {"customer": "who", "time": "when", "event": "what", "properties": ["channel"]}
    >>> log = tn.EventLog(rows, **columns, orders=["purchase"])
    >>> a = tn.journey.attribution(log, by="channel", model=["last", "linear", "markov"])
    >>> a.channels, a.credits.round(3).tolist()
    (('ad', 'mail'), [[0.0, 0.5, 0.667], [2.0, 1.5, 1.333]])
    """
    as_log(log)
    if not log.event_names and log.n_rows:
        msg = "log has no event names: an attribution tells touches from conversions by them"
        raise InvalidInputError(msg, argument="log")
    models = _models(model)
    as_choice(value, "value", ("count", "amount"))
    if value == "amount" and not log.has_amounts:
        msg = "value='amount' needs a log with amounts: name their column when it is made"
        raise InvalidInputError(msg, argument="value", value=value)
    replicates = as_replicates(n_bootstrap)
    level = as_level(level)
    seed = as_seed(random_state)
    threads = as_threads(n_threads)

    plan = _core.journey.AttributionPlan()
    plan.models = [int(name in models) for name in MODELS]
    plan.lookback = (
        _core.journey.NO_WINDOW if lookback is None else as_duration(lookback, "lookback")
    )
    plan.half_life = float(as_duration(half_life, "half_life"))
    if plan.half_life == 0.0:
        msg = f"half_life must be longer than 0, got {half_life!r}"
        raise InvalidInputError(msg, argument="half_life", value=half_life)
    plan.position = _weights(position_weights)
    plan.order = min(as_count(order, "order", at_least=1), 2**31 - 1)
    plan.revenue = value == "amount"
    channels = _channels(log, plan, conversion, touch, by, threads)

    raw = _core.journey.attribution(log._core, plan, threads)
    wanted = [MODELS.index(name) for name in models]

    def cells(values: Any) -> Any:
        return np.ascontiguousarray(values.reshape(len(MODELS), len(channels))[wanted].T)

    credits, money = cells(raw["credit"]), cells(raw["money"])
    told = money if plan.revenue else credits
    total = raw["credited_revenue"] if plan.revenue else raw["credited"]
    lower = upper = None
    if replicates:
        lower, upper = (
            cells(limits)
            for limits in _core.journey.attribution_bootstrap(
                log._core, plan, replicates, seed, level, threads
            )
        )
    return Attribution(
        channels=channels,
        models=models,
        credits=credits,
        revenue=money if plan.revenue else None,
        shares=told / total if total else np.full(told.shape, np.nan),
        lower=lower,
        upper=upper,
        removal_effects=raw["effect"] if "markov" in models else None,
        value=value,
        n_conversions=int(raw["conversions"]),
        n_credited=int(raw["credited"]),
        revenue_total=raw["revenue"] if plan.revenue else None,
        revenue_credited=raw["credited_revenue"] if plan.revenue else None,
        n_paths=int(raw["paths"]),
        level=level,
    )


def _models(model: Any) -> tuple[str, ...]:
    names = [model] if isinstance(model, str) else model
    if not isinstance(names, Sequence) or not names:
        msg = f"model must be a name or a list of them, got {model!r}"
        raise InvalidInputError(msg, argument="model", value=model)
    return tuple(dict.fromkeys(as_choice(name, "model", MODELS) for name in names))


def _weights(weights: Any) -> list[float]:
    if not isinstance(weights, (tuple, list, np.ndarray)) or len(weights) != 3:
        msg = f"position_weights must be three numbers: first, between, last; got {weights!r}"
        raise InvalidInputError(msg, argument="position_weights", value=weights)
    values = [as_number(w, "position_weights", at_least=0.0, at_most=1e6) for w in weights]
    if sum(values) == 0.0:
        msg = "position_weights must not all be 0"
        raise InvalidInputError(msg, argument="position_weights", value=weights)
    return values


def _channels(
    log: EventLog,
    plan: _core.journey.AttributionPlan,
    conversion: Any,
    touch: Any,
    by: str | None,
    threads: int,
) -> tuple[str, ...]:
    """Say in the plan which events are what, and return what the channels are called."""
    if conversion is None:
        converts: tuple[str, ...] = log.orders
    else:
        converts = _event_names(conversion, "conversion", log)
    if touch is None:
        touches = tuple(name for name in log.event_names if name not in converts)
    else:
        touches = _event_names(touch, "touch", log)
        both = [name for name in touches if name in converts]
        if both:
            msg = f"touch names {both[0]!r}, which is a conversion"
            raise InvalidInputError(msg, argument="touch", value=both[0])
    plan.conversion = [int(name in converts) for name in log.event_names]
    plan.touch = [int(name in touches) for name in log.event_names]

    names = code_names(log, by)
    plan.by = None if by is None else property_index(by, "by", log)
    rows = _core.journey.rows_by_code(log._core, plan.by, len(names), threads)
    used = [code for code in np.flatnonzero(rows).tolist() if by is not None or plan.touch[code]]
    most = _core.journey.MAX_CHANNELS
    if len(used) > most:
        msg = f"{len(used):,} channels are too many: {most} at most; name touches, or pool values"
        raise InvalidInputError(msg, argument="touch" if by is None else "by", value=by)
    channel_of = [-1] * len(names)
    for channel, code in enumerate(used):
        channel_of[code] = channel
    plan.channel_of = channel_of
    plan.channels = len(used)
    return tuple(names[code] for code in used)


def _event_names(value: Any, name: str, log: EventLog) -> tuple[str, ...]:
    if not isinstance(value, (str, Sequence, set, frozenset)) and isinstance(value, Iterable):
        value = list(value)
    return as_names(value, name, log)
