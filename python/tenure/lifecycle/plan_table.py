"""A plan: dated lists of whom to contact, with those held out and those left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._results import Table
from tenure._table_files import write_table
from tenure._validation import Floats, Ints

_Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeftOut(Table):
    """Candidates who are not in the plan, each with the rule that kept him out.

    Attributes
    ----------
    customer : array of ids
    play, why : arrays of str
    value : float64 array
        What was at stake.

    Examples
    --------
    >>> import tenure as tn
    >>> play = tn.lifecycle.Play("win back", ["a", "b"], value=[20.0, 0.0])
    >>> tn.lifecycle.plan([play], "2024-06-01").left_out.why.tolist()
    ['costs what is at stake']
    """

    customer: Any
    play: _Texts
    why: _Texts
    value: Floats

    _column_names = ("customer", "play", "why", "value")

    def __len__(self) -> int:
        return len(self.value)

    def _title(self) -> str:
        return f"{len(self):,} candidates left out"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanSizes(Table):
    """A plan by play.

    Attributes
    ----------
    play : tuple of str
    audience, contacts, held_out, left_out : int arrays
        Audience = contacts + held out + left out.
    value, cost : float64 arrays
        Of the contacts.

    Examples
    --------
    >>> import tenure as tn
    >>> play = tn.lifecycle.Play("win back", list(range(100)), value=2.0)
    >>> sizes = tn.lifecycle.plan([play], "2024-06-01", hold_out=0.1).sizes
    >>> sizes.contacts.tolist(), sizes.held_out.tolist(), sizes.value.tolist()
    ([90], [10], [180.0])
    """

    play: tuple[str, ...]
    audience: Ints
    contacts: Ints
    held_out: Ints
    left_out: Ints
    value: Floats
    cost: Floats

    _column_names = ("play", "audience", "contacts", "held_out", "left_out", "value", "cost")

    def _title(self) -> str:
        return "Plan by play"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plan(Table):
    """Whom to contact on which day. As a table: one row for each customer and play.

    Attributes
    ----------
    date : datetime64[D] array
        Ascending.
    customer : array of ids
    play, channel : arrays of str
    held_out : bool array
        Not to be contacted, so that the effect of the play can be measured on him.
    priority : int array
        1 for the first candidate by value at stake less cost (by that over cost under a budget).
    value, cost : float64 arrays
    reason : array of str
    left_out : LeftOut
    sizes : PlanSizes

    Examples
    --------
    >>> import tenure as tn
    >>> play = tn.lifecycle.Play("win back", ["a", "b", "c"], value=[20.0, 5.0, 9.0])
    >>> plan = tn.lifecycle.plan([play], "2024-06-01", hold_out=0.34)
    >>> plan.held_out.sum(), sorted(plan.contacts().customer)
    (np.int64(1), ['a', 'c'])
    """

    date: npt.NDArray[np.datetime64]
    customer: Any
    play: _Texts
    channel: _Texts
    held_out: npt.NDArray[np.bool_]
    priority: Ints
    value: Floats
    cost: Floats
    reason: _Texts
    left_out: LeftOut
    sizes: PlanSizes

    _column_names = (
        "date",
        "customer",
        "play",
        "channel",
        "held_out",
        "priority",
        "value",
        "cost",
        "reason",
    )

    def __len__(self) -> int:
        return len(self.value)

    def _columns(self) -> Mapping[str, Any]:
        columns = {n: getattr(self, n) for n in self._column_names}
        return columns | {"customer": self.customer.tolist()}

    def _title(self) -> str:
        out = int(self.held_out.sum())
        return (
            f"Plan: {len(self) - out:,} contacts of {len(self.sizes.play)} plays, {out:,} held "
            f"out, {len(self.left_out):,} left out"
        )

    def contacts(self, play: str | None = None) -> Plan:
        """Return the rows to be contacted, of one play if it is named.

        Parameters
        ----------
        play : str, optional

        Returns
        -------
        Plan
        """
        keep = ~self.held_out
        if play is not None:
            keep &= self.play == play
        rows = {n: getattr(self, n)[keep] for n in self._column_names}
        return Plan(**rows, left_out=self.left_out, sizes=self.sizes)

    def write(self, path: Any, table: str = "plan") -> None:
        """Write the rows as a file: whole or not at all.

        Parameters
        ----------
        path : str or path
            Ending in .parquet, .csv (no text can act as a formula) or .duckdb.
        table : str, default "plan"
            Name of the table in a DuckDB database, where it replaces one of that name.
        """
        write_table(self.to_arrow(), path, table)

    def plot(self, ax: Any = None) -> Any:
        """Draw the contacts of each day, play upon play.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        kept = self.contacts()
        days = np.unique(self.date)
        below = np.zeros(len(days))
        for k, play in enumerate(self.sizes.play):
            at = np.searchsorted(days, kept.date[kept.play == play])
            counts = np.bincount(at, minlength=len(days))
            color = plotting.PALETTE[k % len(plotting.PALETTE)]
            ax.bar(np.arange(len(days)), counts, bottom=below, width=0.8, color=color, label=play)
            below = below + counts
        plotting.period_ticks(ax, days, "day")
        plotting.number_ticks(ax.yaxis, whole=True)
        ax.set(xlabel="Day", ylabel="Contacts")
        plotting.legend_above(ax, min(len(self.sizes.play), 4))
        return ax
