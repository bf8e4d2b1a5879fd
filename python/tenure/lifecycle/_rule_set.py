"""A checked set of rules, and the one that settings ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._validation import as_choice, as_number
from tenure.lifecycle import rules as _rules
from tenure.lifecycle.rules import StageRule

#: Stages of identified customers without an order: the log does not know since when.
LEADS = ("SQL", "MQL", "cold lead", "lead", "prospect")
_THRESHOLDS = {"mql_fit": 50.0, "mql_engagement": 50.0, "sql_score": 80.0, "cold_days": 90.0}


@dataclass(frozen=True)
class RuleSet:
    """Rules as results hold them: by rule, and by stage in the order of first mention."""

    rules: tuple[StageRule, ...]
    texts: tuple[str, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.stage for rule in self.rules))

    @property
    def by_stage(self) -> tuple[StageRule, ...]:
        """The first rule of each stage: its rank and what it is in coarser models."""
        first: dict[str, StageRule] = {}
        for rule in self.rules:
            first.setdefault(rule.stage, rule)
        return tuple(first.values())

    @property
    def stage_of_rule(self) -> npt.NDArray[np.uint8]:
        stages = self.stages
        return np.array([stages.index(rule.stage) for rule in self.rules], dtype=np.uint8)

    @property
    def ranks(self) -> tuple[int, ...]:
        return tuple(rule.rank for rule in self.by_stage)


SEED_SET = RuleSet(_rules.SEED, _rules.SEED_TEXTS)


def rule_set(preset: Any, rules: Any, prospects: Any) -> RuleSet:
    """Return the rules that settings ask for."""
    as_choice(preset, "preset", _rules.PRESETS)
    if rules is not None:
        if prospects is not None:
            msg = "prospects are rules of a preset: write them into rules, or leave rules out"
            raise InvalidInputError(msg, argument="prospects")
        own = _rules.as_rules(rules)
        return RuleSet(own, tuple(rule.when for rule in own))
    if preset == "seed" and prospects is None:
        return SEED_SET
    chosen = _rules.preset_rules(preset)
    if prospects is not None:
        thresholds = _thresholds(prospects)
        told_apart = []
        for rule in _rules.PROSPECTS:
            when = rule.when
            for name, value in thresholds.items():
                when = when.replace(name, repr(value))
            told_apart.append(rule._replace(when=when))
        if preset == "contract":
            msg = "prospects are those of the presets 'seed' and 'rfm'"
            raise InvalidInputError(msg, argument="prospects", value=prospects)
        chosen = (*told_apart, *chosen[2:])
    return RuleSet(chosen, tuple(rule.when for rule in chosen))


def _thresholds(prospects: Any) -> dict[str, float]:
    if not isinstance(prospects, Mapping) or not set(prospects) <= set(_THRESHOLDS):
        msg = f"prospects must be a mapping of {', '.join(_THRESHOLDS)}, got {prospects!r}"
        raise InvalidInputError(msg, argument="prospects", value=prospects)
    return {
        name: as_number(prospects.get(name, default), f"prospects[{name!r}]")
        for name, default in _THRESHOLDS.items()
    }
