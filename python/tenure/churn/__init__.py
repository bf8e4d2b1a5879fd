"""Who leaves, when: curves from censored lifetimes."""

from __future__ import annotations

from tenure.churn.kaplan_meier import KaplanMeier

__all__ = ["KaplanMeier"]
