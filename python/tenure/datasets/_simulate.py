"""A customer base with known truth, drawn by the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tenure import _core
from tenure._time import MICROS_PER_DAY, UNIT_DAYS, as_horizon, as_unit, transitions, zone
from tenure._validation import as_choice, as_count, as_number, as_seed, as_threads
from tenure.datasets import _checks, _tables
from tenure.datasets._base import SimulatedBase
from tenure.datasets._settings import (
    Campaign,
    Funnel,
    Subscription,
    Survey,
    as_setting,
    as_settings,
)


def simulate(
    n_customers: int,
    *,
    model: str = "pareto_nbd",
    parameters: Mapping[str, float] | None = None,
    unit: str = "week",
    spend: tuple[float, float, float] = (6.25, 3.74, 15.44),
    decimals: int | None = 2,
    refunds: float = 0.0,
    refund_delay: float | str = "10d",
    start: Any = "2024-01-01",
    end: Any = "2025-12-31",
    arrivals: float | str | None = None,
    channels: Mapping[str, tuple[float, float, float]] | None = None,
    visits: float = 0.0,
    funnel: Funnel | Mapping[str, Any] | None = None,
    subscriptions: Subscription | Mapping[str, Any] | None = None,
    campaigns: Campaign | Sequence[Campaign] = (),
    surveys: Survey | Sequence[Survey] = (),
    resolution: str = "day",
    timezone: str = "UTC",
    random_state: Any = 0,
    n_threads: int | None = None,
) -> SimulatedBase:
    """Return a simulated customer base whose truth is known.

    Parameters
    ----------
    n_customers : int
        Customers, or prospects if there is a `funnel`.
    model : {"pareto_nbd", "bg_nbd", "mbg_nbd"}
        How customers order and drop out.
    parameters : mapping, optional
        r, alpha, s, beta for Pareto/NBD; r, alpha, a, b for the others; per `unit`. Default: the
        fits to the CDNOW sample in weeks.
    unit : {"day", "week", "month", "year"}
        Unit of the rates, and of lengths of time that are given as numbers.
    spend : (p, q, gamma)
        Gamma-Gamma: amounts are Gamma(p, nu), nu ~ Gamma(q, gamma) once a customer; the mean over
        customers is p gamma / (q - 1).
    decimals : int or None
        Amounts are rounded to so many decimals and are not 0; None keeps them as drawn.
    refunds : float
        Probability that an order is refunded in full.
    refund_delay : float or str
        Mean of the exponential time until then.
    start, end : date or instant
        Observation. A bare date `start` means the start of that local day, a bare date `end` the
        end of it.
    arrivals : float or str, optional
        Customers arrive uniformly in the first so much time. 0: all at the start. Default: the
        first half.
    channels : mapping of name to (share, cost, multiplier), optional
        Where customers come from: shares sum to 1, `cost` is the acquisition cost of one customer,
        `multiplier` times the order rate. Default: one channel, "direct", without cost.
    visits : float
        Mean number of visits per repeat order; they come at so many times the order rate while the
        customer is active.
    funnel : Funnel, optional
        What precedes the first order. Default: every customer arrives with it.
    subscriptions : Subscription, optional
    campaigns : Campaign or sequence of Campaign
    surveys : Survey or sequence of Survey
        See there. Each may be given as a mapping. Responses to campaigns and payments of
        subscriptions are not in `events`.
    resolution : {"day", "instant"}
        Whether events happen at the start of their local day or at their instant.
    timezone : str
        IANA name of the zone of local days.
    random_state : int, None or numpy generator
        Seed. The same seed gives the same base, whatever `n_threads`; with more customers the first
        ones stay the same, and one feature more changes nothing in the others.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8.

    Returns
    -------
    SimulatedBase

    Raises
    ------
    InvalidInputError
        If a setting is out of its range; the message names it.

    Notes
    -----
    The generative steps: docs/simulator.md. Cost: about 0.3 us an event and core.

    Examples
    --------
    >>> base = simulate(1000, end="2024-12-31", random_state=7)
    >>> base.customers.num_rows, base.events.column_names
    (1000, ['customer', 'time', 'event', 'amount'])
    >>> base.truth["parameters"]["r"]
    0.553
    """
    count = as_count(n_customers, "n_customers")
    seed, threads = as_seed(random_state), as_threads(n_threads)
    values = _checks.parameters(model, parameters)
    gamma_gamma = _checks.spend(spend)
    scale = 0.0 if decimals is None else 10.0 ** as_count(decimals, "decimals")
    as_unit(unit)
    as_choice(resolution, "resolution", ("day", "instant"))
    zone(timezone)
    first, until = _checks.window(start, end, timezone, whole_days=resolution == "day")
    micros = UNIT_DAYS[unit] * MICROS_PER_DAY
    length = (until - first) / micros
    arriving = length / 2 if arrivals is None else as_horizon(arrivals, unit, "arrivals")
    sources = _checks.channels(channels)
    before = None if funnel is None else as_setting(Funnel, funnel, "funnel")
    plan = (
        None if subscriptions is None else as_setting(Subscription, subscriptions, "subscriptions")
    )
    waves = _checks.named(as_settings(Campaign, campaigns, "campaigns"))
    asked = as_settings(Survey, surveys, "surveys")
    settings = {
        "start": first,
        "end": until,
        "arrivals": as_number(arriving, "arrivals", at_most=length),
        "refunds": as_number(refunds, "refunds", at_least=0.0, at_most=1.0),
        "refund_delay": as_horizon(refund_delay, unit, "refund_delay"),
        "visits": as_number(visits, "visits", at_least=0.0),
    }
    frame = {
        "seed": seed,
        "end": until,
        "whole_days": resolution == "day",
        "transitions": transitions(timezone),
    }
    population = {
        **settings,
        **frame,
        "customers": count,
        "unit": micros,
        "model": model,
        "parameters": tuple(values.values()),
        "spend": gamma_gamma,
        "scale": scale,
        "funnel": _checks.funnel(before, unit),
        "channels": list(sources.values()),
    }
    # Everything is checked before the first draw.
    contract = _checks.subscription(plan)
    sent = [_checks.campaign(c, i, first, until, timezone) for i, c in enumerate(waves)]
    mailed = [_checks.survey(s, i, first, until, timezone) for i, s in enumerate(asked)]

    drawn, events = _core.simulate.base(population, threads)
    read = ("first_order", "dropout_time", "rate", "mean_spend")
    members = {**frame, **{name: drawn[name] for name in read}}
    worth: dict[str, Any] = {
        "typical_rate": values["r"] / values["alpha"],
        "p": gamma_gamma[0],
        "scale": scale,
    }
    contracts, renewals = (
        (None, None)
        if contract is None
        else _core.simulate.subscriptions(members, threads=threads, **contract)
    )
    contacts = [
        _core.simulate.contacts(members, threads=threads, index=i, **worth, **row)
        for i, row in enumerate(sent)
    ]
    answers = [
        _core.simulate.survey(members, threads=threads, index=i, **row)
        for i, row in enumerate(mailed)
    ]
    return SimulatedBase(
        customers=_tables.customers(drawn, sources, model, timezone),
        events=_tables.events(events, _tables.EVENTS, timezone),
        subscriptions=_tables.subscriptions(contracts, timezone),
        renewals=_tables.events(renewals, _tables.RENEWALS, timezone),
        contacts=_tables.contacts(contacts, waves, [row["time"] for row in sent], timezone),
        surveys=_tables.answers(answers, [row["time"] for row in mailed], timezone),
        truth={
            "model": model,
            "unit": unit,
            "parameters": values,
            "spend": dict(zip(("p", "q", "gamma"), gamma_gamma, strict=True)),
            "channels": sources,
            "funnel": before,
            "subscriptions": plan,
            "campaigns": waves,
            "surveys": asked,
            "decimals": decimals,
            "resolution": resolution,
            "timezone": timezone,
            "seed": seed,
            **settings,
        },
    )
