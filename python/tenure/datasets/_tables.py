"""The engine's arrays as Arrow tables, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.datasets._settings import Campaign

#: The time of what has not happened, as the engine writes it.
NEVER = np.iinfo(np.int64).max
EVENTS = ("visit", "lead", "order", "refund")
RENEWALS = ("start", "renewal", "cancel")


def names(codes: Any, values: tuple[str, ...]) -> Any:
    """Return codes as a dictionary column, without a copy of them."""
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values))


def times(micros: Any, timezone: str) -> Any:
    """Return instants as timestamps of the zone, null where they never came."""
    column = pa.array(micros)
    never = micros == NEVER
    if never.any():
        column = pc.if_else(pa.array(~never), column, pa.scalar(None, pa.int64()))
    return column.view(pa.timestamp("us", tz=timezone))


def flags(values: Any) -> Any:
    """Return 0 and 1 as booleans."""
    return pa.array(values.view(np.bool_))


def customers(
    drawn: Mapping[str, Any],
    channels: Mapping[str, tuple[float, float, float]],
    model: str,
    zone: str,
) -> Any:
    """Return the truth, one row a customer."""
    cost = np.array([c[1] for c in channels.values()])
    dropped = drawn["dropout_time"] != NEVER
    ordered = drawn["first_order"] != NEVER
    dropout = "dropout_rate" if model == "pareto_nbd" else "dropout_probability"
    return pa.table(
        {
            "customer": np.arange(len(dropped)),
            "signup": times(drawn["arrival"], zone),
            "first_order": times(drawn["first_order"], zone),
            "channel": names(drawn["channel"], tuple(channels)),
            "acquisition_cost": cost[drawn["channel"]],
            "orders": drawn["orders"],
            "purchase_rate": drawn["rate"],
            dropout: drawn["dropout"],
            "dropout_time": times(drawn["dropout_time"], zone),
            "alive": ordered & ~dropped,
            "mean_spend": drawn["mean_spend"],
        }
    )


def events(drawn: Mapping[str, Any] | None, kinds: tuple[str, ...], zone: str) -> Any:
    """Return rows of customer, time, event and amount; an amount that is NaN is null."""
    if drawn is None:
        drawn = empty(customer=np.int64, time=np.int64, event=np.uint8, amount=np.float64)
    return pa.table(
        {
            "customer": drawn["customer"],
            "time": times(drawn["time"], zone),
            "event": names(drawn["event"], kinds),
            "amount": pa.array(drawn["amount"], from_pandas=True),
        }
    )


def subscriptions(drawn: Mapping[str, Any] | None, zone: str) -> Any:
    """Return one row a subscription."""
    if drawn is None:
        drawn = empty(
            customer=np.int64,
            start=np.int64,
            cancelled=np.int64,
            renewals=np.int64,
            cancel_probability=np.float64,
        )
    return pa.table(
        {
            **drawn,
            "start": times(drawn["start"], zone),
            "cancelled": times(drawn["cancelled"], zone),
        }
    )


def contacts(
    drawn: Sequence[Mapping[str, Any]], campaigns: Sequence[Campaign], at: Sequence[int], zone: str
) -> Any:
    """Return one row a customer in a campaign's audience, campaign by campaign."""
    label = tuple(str(c.name) for c in campaigns)
    column = _stacked(
        drawn,
        customer=np.int64,
        treated=np.uint8,
        responded=np.uint8,
        revenue=np.float64,
        true_base=np.float64,
        true_uplift=np.float64,
    )
    which = _which(drawn)
    cost = np.array([c.cost for c in campaigns], dtype=np.float64)[which]
    return pa.table(
        {
            "campaign": pa.DictionaryArray.from_arrays(
                pa.array(which), pa.array(label, pa.string())
            ),
            "customer": column["customer"],
            "time": times(np.array(at, dtype=np.int64)[which], zone),
            "treated": flags(column["treated"]),
            "responded": flags(column["responded"]),
            "revenue": column["revenue"],
            "cost": np.where(column["treated"] == 1, cost, 0.0),
            "true_base": column["true_base"],
            "true_uplift": column["true_uplift"],
        }
    )


def answers(drawn: Sequence[Mapping[str, Any]], at: Sequence[int], zone: str) -> Any:
    """Return one row an answer, survey by survey."""
    column = _stacked(drawn, customer=np.int64, nps=np.uint8, csat=np.uint8, active=np.uint8)
    which = _which(drawn)
    return pa.table(
        {
            "survey": which,
            "customer": column["customer"],
            "time": times(np.array(at, dtype=np.int64)[which], zone),
            "nps": column["nps"].astype(np.int64),
            "csat": column["csat"].astype(np.int64),
            "active": flags(column["active"]),
        }
    )


def empty(**dtypes: Any) -> dict[str, Any]:
    """Return columns without rows."""
    return {name: np.empty(0, dtype=dtype) for name, dtype in dtypes.items()}


def _stacked(parts: Sequence[Mapping[str, Any]], **dtypes: Any) -> dict[str, Any]:
    return {
        name: np.concatenate([none, *(p[name] for p in parts)])
        for name, none in empty(**dtypes).items()
    }


def _which(parts: Sequence[Mapping[str, Any]]) -> Any:
    sizes = [len(p["customer"]) for p in parts]
    return np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
