"""How often a customer may be contacted."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Mapping
from typing import Any


class ContactCaps:
    """Days of contact of each customer, and which further days no cap forbids.

    Parameters
    ----------
    over_all : int or None
        Contacts in any window of days; None for no limit.
    by_channel : mapping of channel to int
    window : int
        Days.
    """

    def __init__(self, over_all: int | None, by_channel: Mapping[str, int], window: int) -> None:
        self.limits: dict[str | None, int] = {}
        self.limits.update(by_channel)
        if over_all is not None:
            self.limits[None] = over_all
        self.window = window
        self.days: dict[tuple[Any, str | None], list[int]] = defaultdict(list)

    def add(self, customer: Any, channel: str, day: int) -> None:
        """Count a contact, allowed or not."""
        for scope in (None, channel):
            if scope in self.limits:
                insort(self.days[customer, scope], day)

    def first_free(self, customer: Any, channel: str, first: int, last: int) -> int | None:
        """Return the first day in [first, last] on which one more contact breaks no cap."""
        scopes = [
            (self.days.get((customer, scope), []), self.limits[scope])
            for scope in (None, channel)
            if scope in self.limits
        ]
        for day in range(first, last + 1):
            if all(self._fits(days, day, limit) for days, limit in scopes):
                return day
        return None

    def _fits(self, days: list[int], day: int, limit: int) -> bool:
        near = [d for d in days if abs(d - day) < self.window]
        if len(near) < limit:
            return True
        near = sorted([*near, day])
        # Some window holds more than `limit` if the first and last of so many lie within one.
        return all(b - a >= self.window for a, b in zip(near, near[limit:], strict=False))
