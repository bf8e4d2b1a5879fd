"""From plays to dated lists: caps on contacts, capacities, a budget, and a group held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._time import as_horizon
from tenure._validation import Floats, as_count, as_number
from tenure.events._columns import table_of
from tenure.lifecycle._contact_caps import ContactCaps
from tenure.lifecycle._days import as_day, as_days
from tenure.lifecycle._hold_out import held_out
from tenure.lifecycle.plan_table import LeftOut, Plan, PlanSizes
from tenure.lifecycle.play import Play

_Days = npt.NDArray[np.int64]


def plan(
    plays: Sequence[Play],
    at: Any,
    *,
    horizon: Any = "28d",
    history: Any = None,
    cap: int | None = 1,
    channel_caps: Mapping[str, int] | None = None,
    cap_window: Any = "7d",
    hold_out: float | Mapping[str, float] = 0.1,
    salt: str = "tenure",
    budget: float | None = None,
) -> Plan:
    """Return who is to be contacted on which day, and who is held out to measure the effect.

    Parameters
    ----------
    plays : sequence of Play
        With different names.
    at : date
        First day of the plan; who was due before it is contacted on it.
    horizon : str or float, default "28d"
        Length of the plan, in days if a number; who is due later is left out.
    history : frame, optional
        Earlier contacts: columns ``customer`` and ``date``, and ``channel`` and ``play`` if known.
        They count for the caps. One of a play of this plan, within its days, is taken as done by
        the plan: feeding a plan its own contacts changes nothing.
    cap : int or None, default 1
        Contacts of a customer in any `cap_window`, over all channels; None for no limit.
    channel_caps : mapping of channel to int, optional
        The same for single channels.
    cap_window : str or float, default "7d"
        In days if a number.
    hold_out : float in [0, 1), or mapping of play to it; default 0.1
        Share of each play's list that is not contacted.
    salt : str
        Another salt draws another hold-out.
    budget : float, optional
        For all contacts, those held out included: their places stay empty.

    Returns
    -------
    Plan

    Raises
    ------
    InvalidInputError
        For a setting out of range, two plays of one name, or ids of different kinds.

    Notes
    -----
    Candidates are taken by value at stake less cost, under a budget by that over cost, ties by
    the order of plays and then of ids; each gets the first day from his due date on, within the
    patience of his play, that no cap forbids. Whom to hold out is drawn from the list that
    results, so that both groups would have been contacted: docs/methods/plan.md.

    Examples
    --------
    >>> import tenure as tn
    >>> win = tn.lifecycle.Play("win back", ["a", "b"], value=[20.0, 5.0])
    >>> renew = tn.lifecycle.Play("renew", ["a"], value=50.0, due="2024-06-03", patience="7d")
    >>> plan = tn.lifecycle.plan([win, renew], "2024-06-01", hold_out=0.0)
    >>> for row in zip(plan.date.astype(str), plan.customer, plan.play):
    ...     print(*row)
    2024-06-01 b win back
    2024-06-03 a renew
    >>> plan.left_out.why.tolist()
    ['contacts are capped']
    """
    plays = list(plays)
    _check(plays)
    start = as_day(at, "at")
    length = as_horizon(horizon, "day", "horizon")
    days = max(int(np.ceil(length)), 1)
    shares = _shares(hold_out, plays)
    if not isinstance(salt, str):
        msg = f"salt must be a text, got {salt!r}"
        raise InvalidInputError(msg, argument="salt", value=salt)
    money = np.inf if budget is None else as_number(budget, "budget", at_least=0.0)

    play, customer = _candidates(plays)
    value = _joined([p.value for p in plays])
    cost = _joined([p.cost for p in plays])
    due = _due(plays, start)
    net = value - cost
    order = _order(net, cost, play, customer, budget is not None)

    caps = ContactCaps(
        None if cap is None else as_count(cap, "cap", at_least=1),
        {
            channel: as_count(n, f"channel_caps[{channel!r}]", at_least=1)
            for channel, n in (channel_caps or {}).items()
        },
        max(int(np.ceil(as_horizon(cap_window, "day", "cap_window"))), 1),
    )
    done = _done(history, plays, caps, start, days)
    room = [len(p) if p.capacity is None else int(p.capacity) for p in plays]
    for k, _ in done:
        room[k] -= 1
    date = np.full(len(play), np.iinfo(np.int64).min)
    why: dict[int, str] = {}
    for c in order:
        p = plays[play[c]]
        key = (int(play[c]), customer[c])
        if key in done:
            date[c] = done[key]
            money -= cost[c]
            continue
        first = due[c]
        if first is None:
            why[c] = "no due date"
        elif first >= days:
            why[c] = "due after the plan"
        elif net[c] <= 0.0:
            why[c] = "costs what is at stake"
        elif room[play[c]] <= 0:
            why[c] = "the play is full"
        elif cost[c] > money:
            why[c] = "the budget is spent"
        else:
            first = max(first, 0)
            last = min(days - 1, first + int(p.patience))
            day = caps.first_free(customer[c], p.channel, first, last)
            if day is None:
                why[c] = "contacts are capped"
                continue
            caps.add(customer[c], p.channel, day)
            room[play[c]] -= 1
            money -= cost[c]
            date[c] = day
    return _made(plays, play, customer, value, cost, date, why, order, start, shares, salt)


def _check(plays: list[Any]) -> None:
    if not plays:
        msg = "plays must hold at least one Play"
        raise InvalidInputError(msg, argument="plays")
    for k, play in enumerate(plays):
        if not isinstance(play, Play):
            msg = f"plays[{k}] must be a Play, got {type(play).__name__}"
            raise InvalidInputError(msg, argument="plays", row=k)
        if any(play.name == other.name for other in plays[:k]):
            msg = f"plays[{k}]: there are two plays called {play.name!r}"
            raise InvalidInputError(msg, argument="plays", row=k, value=play.name)
    kinds = {type(p.customer[0]).__name__ for p in plays if len(p)}
    if len(kinds) > 1:
        msg = f"plays name their customers in different ways: {' and '.join(sorted(kinds))}"
        raise InvalidInputError(msg, argument="plays")


def _shares(hold_out: Any, plays: list[Play]) -> list[float]:
    names = [p.name for p in plays]
    if isinstance(hold_out, Mapping):
        for name in hold_out:
            if name not in names:
                msg = f"hold_out names {name!r}, which is no play here: {', '.join(names)}"
                raise InvalidInputError(msg, argument="hold_out", value=name)
        given = [hold_out.get(name, 0.0) for name in names]
    else:
        given = [hold_out] * len(plays)
    return [as_number(share, "hold_out", at_least=0.0, below=1.0) for share in given]


def _candidates(plays: list[Play]) -> tuple[Any, Any]:
    """Return play and id of all candidates."""
    play = np.repeat(np.arange(len(plays)), [len(p) for p in plays])
    return play, np.concatenate([p.customer for p in plays])


def _joined(parts: list[Floats]) -> Floats:
    joined: Floats = np.concatenate(parts)
    return joined


def _due(plays: list[Play], start: np.datetime64) -> list[int | None]:
    """Return the due day of each candidate, counted from the first of the plan; None if missing."""
    due: list[int | None] = []
    for play in plays:
        if play.due is None:
            due += [0] * len(play)
        else:
            after = (play.due - start).astype(np.int64)
            due += [
                None if missing else int(d)
                for d, missing in zip(after, np.isnat(play.due), strict=True)
            ]
    return due


def _order(net: Floats, cost: Floats, play: Any, customer: Any, by_cost: bool) -> list[int]:
    """Return the candidates, those first who are to be served first."""
    # What costs nothing comes first, the larger value before.
    paid = cost > 0.0
    worth = np.where(paid, net / np.where(paid, cost, 1.0), np.inf) if by_cost else net
    _, rank = np.unique(customer, return_inverse=True)
    return [int(c) for c in np.lexsort((rank, play, -net, -worth))]


def _done(
    history: Any, plays: list[Play], caps: ContactCaps, start: np.datetime64, days: int
) -> dict[tuple[int, Any], int]:
    """Count earlier contacts; return the day of those that this plan itself would make."""
    done: dict[tuple[int, Any], int] = {}
    if history is None:
        return done
    table = table_of(history, "customer")
    if "date" not in table.column_names:
        msg = f"history has no column 'date'; it has {', '.join(table.column_names)}"
        raise InvalidInputError(msg, argument="history")
    dates = as_days(table["date"], "history", "date")
    who = table["customer"].to_pylist()
    channel, name = (
        table[c].to_pylist() if c in table.column_names else [None] * len(who)
        for c in ("channel", "play")
    )
    place = {p.name: k for k, p in enumerate(plays)}
    audience: dict[int, set[Any]] = defaultdict(set)
    for k, p in enumerate(plays):
        audience[k] = set(p.customer.tolist())
    for i, day in enumerate((dates - start).astype(np.int64).tolist()):
        caps.add(who[i], channel[i] or "any", day)
        k = place.get(str(name[i]), -1)
        if 0 <= day < days and who[i] in audience[k]:
            done[k, who[i]] = min(day, done.get((k, who[i]), day))
    return done


def _made(
    plays: list[Play],
    play: Any,
    customer: Any,
    value: Floats,
    cost: Floats,
    date: _Days,
    why: dict[int, str],
    order: list[int],
    start: np.datetime64,
    shares: list[float],
    salt: str,
) -> Plan:
    planned = np.ones(len(play), bool)
    planned[list(why)] = False
    held = np.zeros(len(play), bool)
    for k, (p, share) in enumerate(zip(plays, shares, strict=True)):
        at = np.flatnonzero(planned & (play == k))
        held[at] = held_out(customer[at].tolist(), share, salt, p.name)
    priority = np.empty(len(play), np.int64)
    priority[order] = np.arange(1, len(play) + 1)
    rows = np.flatnonzero(planned)
    rows = rows[np.lexsort((priority[rows], date[rows]))]
    names = np.array([p.name for p in plays], object)
    channels = np.array([p.channel for p in plays], object)
    reasons = np.concatenate([p.reason for p in plays])
    left = np.array([c for c in order if c in why], np.int64)

    def counts(of: Any, weights: Any = None) -> Any:
        return np.bincount(play[of], weights, minlength=len(plays))

    contacts = planned & ~held
    return Plan(
        date=start + date[rows].astype("timedelta64[D]"),
        customer=customer[rows],
        play=names[play[rows]],
        channel=channels[play[rows]],
        held_out=held[rows],
        priority=priority[rows],
        value=value[rows],
        cost=cost[rows],
        reason=reasons[rows],
        left_out=LeftOut(
            customer=customer[left],
            play=names[play[left]],
            why=np.array([why[int(c)] for c in left], object),
            value=value[left],
        ),
        sizes=PlanSizes(
            play=tuple(names),
            audience=counts(slice(None)),
            contacts=counts(contacts),
            held_out=counts(held),
            left_out=counts(~planned),
            value=counts(contacts, value[contacts]),
            cost=counts(contacts, cost[contacts]),
        ),
    )
