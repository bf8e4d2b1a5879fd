"""Who leaves, when, and whom to keep: lifetimes and labels from logs, curves of survival."""

from __future__ import annotations

from tenure.churn.contract_spells import ContractSpells, contract_spells
from tenure.churn.dataset import ChurnDataset, make_dataset
from tenure.churn.kaplan_meier import KaplanMeier
from tenure.churn.labels import ContractEnd, LowProbabilityAlive, Silence

__all__ = [
    "ChurnDataset",
    "ContractEnd",
    "ContractSpells",
    "KaplanMeier",
    "LowProbabilityAlive",
    "Silence",
    "contract_spells",
    "make_dataset",
]
