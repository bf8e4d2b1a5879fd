"""Who leaves, when: curves from censored lifetimes."""

from __future__ import annotations

__all__: list[str] = []
