"""Rules of stages: the presets, one's own in the same form, and what they are checked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._validation import as_choice

PRESETS = ("seed", "rfm", "contract")
MOST_RULES = 250


class StageRule(NamedTuple):
    """One rule: who meets the condition, and no rule before it, stands in the stage.

    Parameters
    ----------
    stage : str
    when : str
        An expression over facts: ``n`` orders, ``r`` days since the last, ``mean_gap``,
        ``last_gap``, ``value``, ``F`` and ``M`` in the window, ``tenure`` days since the first
        order, ``identified``; ``active``, ``lapsing`` and ``lost`` by the clock; ``sessions`` and
        ``silent`` days of customers without an order; ``contract_days`` and ``days_to_end``; the
        calibration ``N A L F50 F80 M40 M60 M80``; and columns of the customer table. With numbers,
        ``and or not``, comparisons and ``+ - * /``. A comparison with a fact that a customer does
        not have is false.
    rank : int
        Higher is better: what an upgrade is, and what hysteresis holds on to.
    four_stage, classic : str
        What the stage is in coarser models.

    Examples
    --------
    >>> import tenure as tn
    >>> rules = [
    ...     tn.lifecycle.StageRule("prospect", "n == 0", 0),
    ...     tn.lifecycle.StageRule("regular", "r <= 60 and n >= 3", 2),
    ...     tn.lifecycle.StageRule("other", "True", 1),
    ... ]
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> table = tn.lifecycle.Stages(rules=rules).assign(log, at="1997-09-30")
    >>> int((table.stage == "regular").sum())
    230
    """

    stage: str
    when: str
    rank: int = 0
    four_stage: str = ""
    classic: str = ""


#: How good a stage of the preset "seed" is; equal ones are left for each other at once.
_SEED_RANK = {
    "visitor": 0,
    "engaged visitor": 0,
    "loyal visitor": 0,
    "cold lead": 0,
    "lead": 1,
    "MQL": 2,
    "SQL": 3,
    "lost": 4,
    "one-time lapsed": 5,
    "at risk": 5,
    "can't lose": 6,
    "new": 7,
    "recent": 7,
    "reactivated": 7,
    "promising": 7,
    "potential loyalist": 8,
    "loyal": 9,
    "champion": 10,
}

#: The rules of the engine, with their conditions in the form of one's own.
_SEED_CONDITIONS = (
    "n == 0 and not identified",
    "n == 0",
    "n >= 2 and r <= N and last_gap > L",
    "n == 1 and r <= N",
    "n >= 2 and active and F >= F80 and M >= M80",
    "n >= 2 and active and F >= F50 and M >= M60",
    "n == 1 and active",
    "2 <= n <= 3 and mean_gap > A and active",
    "n >= 2 and active and M >= M40",
    "n >= 2 and active",
    "n >= 2 and lapsing and F >= F50 and M >= M60",
    "n >= 2 and lapsing",
    "n == 1 and lapsing",
    "lost",
)
SEED_TEXTS = tuple(text for *_, text in _core.lifecycle.seed_rules())
SEED = tuple(
    StageRule(stage, when, _SEED_RANK[stage], four, classic)
    for (stage, four, classic, _), when in zip(
        _core.lifecycle.seed_rules(), _SEED_CONDITIONS, strict=True
    )
)

_PROSPECT = "acquiring"
#: What takes the place of visitor and lead where prospects are told apart, by priority.
PROSPECTS = tuple(
    StageRule(stage, when, _SEED_RANK[stage], _PROSPECT, classic)
    for stage, when, classic in (
        ("SQL", "n == 0 and identified and (score >= sql_score or accepted)", "acquisition"),
        (
            "MQL",
            "n == 0 and identified and fit >= mql_fit and engagement >= mql_engagement",
            "acquisition",
        ),
        ("cold lead", "n == 0 and identified and silent > cold_days", "acquisition"),
        ("lead", "n == 0 and identified", "acquisition"),
        ("loyal visitor", "n == 0 and opted_in", "reach"),
        ("engaged visitor", "n == 0 and sessions >= 2", "reach"),
        ("visitor", "n == 0", "reach"),
    )
)

_CONTRACT = (
    StageRule("visitor", "not contract_days >= 0 and not identified", 0, _PROSPECT, "reach"),
    StageRule("prospect", "not contract_days >= 0", 1, _PROSPECT, "acquisition"),
    StageRule("lost", "days_to_end < -L", 2, "reactivating", "lapsed"),
    StageRule("lapsed", "days_to_end < 0", 3, "reactivating", "lapsed"),
    StageRule("new", "contract_days <= N", 5, "retaining", "conversion"),
    StageRule("due for renewal", "days_to_end <= N", 4, "retaining", "retention"),
    StageRule("established", "contract_days >= 365", 6, "cherishing", "loyalty"),
    StageRule("in force", "True", 5, "increasing value", "development"),
)

#: By segment of the RFM grid: rank, four-stage model, classic stage.
_RFM = {
    "champions": (9, "cherishing", "loyalty"),
    "loyal": (8, "cherishing", "loyalty"),
    "potential loyalists": (7, "increasing value", "development"),
    "new": (6, "retaining", "conversion"),
    "promising": (6, "increasing value", "development"),
    "need attention": (5, "retaining", "retention"),
    "about to sleep": (4, "retaining", "retention"),
    "can't lose": (4, "reactivating", "retention"),
    "at risk": (3, "reactivating", "lapsed"),
    "hibernating": (2, "reactivating", "lapsed"),
}


def preset_rules(preset: str = "seed") -> tuple[StageRule, ...]:
    """Return the rules of a preset, to change some and pass them as one's own.

    Parameters
    ----------
    preset : {"seed", "rfm", "contract"}
        "rfm" is the ten-segment grid of `tenure.segment.rfm` on its scores ``R_score`` and
        ``F_score`` at each date.

    Returns
    -------
    tuple of StageRule

    Examples
    --------
    >>> import tenure as tn
    >>> rule = tn.lifecycle.preset_rules("seed")[4]
    >>> rule.stage, rule.when
    ('champion', 'n >= 2 and active and F >= F80 and M >= M80')
    """
    as_choice(preset, "preset", PRESETS)
    if preset == "seed":
        return SEED
    return _CONTRACT if preset == "contract" else _rfm_rules()


def _rfm_rules() -> tuple[StageRule, ...]:
    from tenure.segment.grid import TEN_SEGMENTS

    rules = [
        StageRule("visitor", "n == 0 and not identified", 0, _PROSPECT, "reach"),
        StageRule("lead", "n == 0", 1, _PROSPECT, "acquisition"),
    ]
    for segment, cells in TEN_SEGMENTS.items():
        conditions = []
        for score, cell in zip(("R_score", "F_score"), cells, strict=True):
            low, high = cell if isinstance(cell, tuple) else (cell, cell)
            conditions.append(f"{low} <= {score} <= {high}")
        rules.append(StageRule(segment, " and ".join(conditions), *_RFM[segment]))
    return tuple(rules)


def as_rules(rules: Any) -> tuple[StageRule, ...]:
    """Return one's own rules, given as `StageRule` or as (stage, when, rank, ...)."""
    if isinstance(rules, (str, bytes)) or not isinstance(rules, Sequence):
        msg = f"rules must be a list of StageRule, got {rules!r}"
        raise InvalidInputError(msg, argument="rules", value=rules)
    if not 1 <= len(rules) <= MOST_RULES:
        msg = f"rules must be between 1 and {MOST_RULES}, got {len(rules)}"
        raise InvalidInputError(msg, argument="rules", value=len(rules))
    read: list[StageRule] = []
    of_stage: dict[str, StageRule] = {}
    for row, given in enumerate(rules):
        rule = _as_rule(given, row)
        first = of_stage.setdefault(rule.stage, rule)
        if first[2:] != rule[2:]:
            msg = (
                f"rules[{row}]: {rule.stage!r} has rank {rule.rank} here and {first.rank} before; "
                "all rules of a stage must have the same rank, four_stage and classic"
            )
            raise InvalidInputError(msg, argument="rules", row=row)
        read.append(rule)
    return tuple(read)


def _as_rule(given: Any, row: int) -> StageRule:
    fine = (
        isinstance(given, (tuple, list))
        and 2 <= len(given) <= 5
        and all(isinstance(part, str) for i, part in enumerate(given) if i != 2)
        and all(type(rank) is int and abs(rank) < 2**31 for rank in given[2:3])
        and given[0] != ""
    )
    if not fine:
        msg = f"rules[{row}] must be (stage, when, rank, four_stage, classic), got {given!r}"
        raise InvalidInputError(msg, argument="rules", row=row, value=given)
    return StageRule(*given)
