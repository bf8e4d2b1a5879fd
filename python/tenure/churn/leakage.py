"""Columns that know the future: what no honest feature looks like, and what gives it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import to_datetime
from tenure._validation import Floats, as_number
from tenure.churn.dataset import ChurnDataset
from tenure.churn.ranking import roc_auc
from tenure.events import EventLog
from tenure.events.event_log import as_log

Remake = Callable[[EventLog], ChurnDataset]

#: Chance of a finding by luck, for all columns and rules of a report together.
_LUCK = 0.001
#: From 1990 to 2100 in seconds, and what makes other units of an epoch of them.
_EPOCH = (631_152_000.0, 4_102_444_800.0)
_UNITS = ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns"))


class _Finding(NamedTuple):
    column: str
    rule: str
    evidence: str
    rows: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeakageReport(Table):
    """Columns that look as if they knew the future.

    Attributes
    ----------
    column : tuple of str
    rule : tuple of str
        ``"later than the cutoff"``, ``"changed by the future"``, ``"duplicate of the label"``,
        ``"known of one class only"`` or ``"implausibly good"``.
    evidence : tuple of str
        What was seen, in words.
    rows : int64 array
        How many rows show it.
    checked : tuple of str
        Every column that was looked at.
    rules : tuple of str
        Every rule that was applied.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> data = tn.churn.make_dataset(log, ["1997-12-31"], "90d", windows=["90d"])
    >>> tn.churn.leakage_report(data).clean
    True
    """

    column: tuple[str, ...]
    rule: tuple[str, ...]
    evidence: tuple[str, ...]
    rows: Any
    checked: tuple[str, ...]
    rules: tuple[str, ...]

    _column_names = ("column", "rule", "evidence", "rows")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.column

    @property
    def suspects(self) -> tuple[str, ...]:
        """Columns with a finding, each once."""
        return tuple(dict.fromkeys(self.column))

    def _title(self) -> str:
        found = (
            f"{len(self.suspects)} of {len(self.checked)} columns look as if they knew the future"
        )
        return found if self.column else f"No leak found in {len(self.checked)} columns"


def leakage_report(
    dataset: ChurnDataset,
    log: EventLog | None = None,
    remake: Remake | None = None,
    *,
    max_auc: float = 0.95,
) -> LeakageReport:
    """Return the columns of a data set that look as if they knew the future, and why.

    Parameters
    ----------
    dataset : ChurnDataset
        Of `make_dataset`, perhaps with columns of your own.
    log : EventLog, optional
        What it was made from; with `remake`, features are also made of the log without its future.
    remake : callable, optional
        ``remake(log)`` makes the data set again, of whatever log it is given.
    max_auc : float, default 0.95
        A single column whose area under the ROC curve is surely above is too good to be true.

    Returns
    -------
    LeakageReport

    Raises
    ------
    InvalidInputError
        If one of `log` and `remake` is given without the other, or `remake` returns no data set.

    Notes
    -----
    Kaufman, Rosset, Perlich & Stitelman (2012), ACM TKDD 6(4):15, name the kinds. The rules, in
    words and with their error rates: docs/methods/churn_model.md. A report without findings is no
    proof: a column made from a table that was overwritten in the meantime need not look odd.

    Examples
    --------
    >>> import dataclasses, tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> make = lambda log: tn.churn.make_dataset(log, ["1997-12-31"], "90d", windows=["90d"])
    >>> data = make(log)
    >>> tn.churn.leakage_report(data, log, make).clean
    True
    >>> told = {**data.columns, "closed": data.churned * 1.0}
    >>> tn.churn.leakage_report(dataclasses.replace(data, columns=told)).suspects
    ('closed',)
    """
    if not isinstance(dataset, ChurnDataset):
        msg = f"dataset must be a ChurnDataset, got {type(dataset).__name__}"
        raise InvalidInputError(msg, argument="dataset", value=dataset)
    if (log is None) != (remake is None):
        msg = "log and remake come together: the log, and what makes the data set of it"
        raise InvalidInputError(msg, argument="log" if log is None else "remake")
    most = as_number(max_auc, "max_auc", at_least=0.5, below=1.0)
    rules = ["later than the cutoff"]
    found: list[_Finding] = []
    for name, column in dataset.columns.items():
        found += _later(name, np.asarray(column), dataset)
    if log is not None and remake is not None:
        rules.append("changed by the future")
        found += _changed(dataset, as_log(log), remake)
    if 0 < int(dataset.churned.sum()) < len(dataset):
        rules += ["duplicate of the label", "known of one class only", "implausibly good"]
        luck = _LUCK / (3.0 * max(1, len(dataset.columns)))
        for name, column in dataset.columns.items():
            values = _numbers(np.asarray(column))
            found += _gaps(name, values, dataset, luck)
            found += _telling(name, values, dataset.churned, most, luck)
    return LeakageReport(
        tuple(f.column for f in found),
        tuple(f.rule for f in found),
        tuple(f.evidence for f in found),
        np.array([f.rows for f in found], dtype=np.int64),
        tuple(dataset.columns),
        tuple(rules),
    )


def _numbers(column: Any) -> Floats:
    if column.dtype.kind in "mM":
        known: Floats = column.view(np.int64).astype(np.float64)
        known[np.isnat(column)] = np.nan
    else:
        known = column.astype(np.float64)
    return known


def _later(name: str, column: Any, dataset: ChurnDataset) -> Iterator[_Finding]:
    """Instants after the row's cutoff, and days since something that lies ahead."""
    at = dataset.at.view(np.int64)
    instant, what = None, ""
    if column.dtype.kind == "M":
        instant = column.astype("datetime64[us]").view(np.int64).astype(np.float64)
        instant[np.isnat(column)] = np.nan
        what = "the instant"
    elif column.dtype.kind in "iuf":
        values = column.astype(np.float64)
        known = values[~np.isnan(values)]
        for unit, called in _UNITS if known.size else ():
            if known.min() >= _EPOCH[0] * unit and known.max() <= _EPOCH[1] * unit:
                instant, what = values / unit * 1e6, f"read as {called} since 1970, it"
        if instant is None and name.startswith("days_since") and known.size and known.min() < 0.0:
            row = int(np.nanargmin(values))
            yield _Finding(
                name,
                "later than the cutoff",
                f"{values[row]:g} days since something: it lies after the cutoff (row {row})",
                int(np.sum(known < 0.0)),
            )
    if instant is None:
        return
    with np.errstate(invalid="ignore"):
        later = instant > at
    if later.any():
        row = int(np.argmax(later))
        yield _Finding(
            name,
            "later than the cutoff",
            f"in row {row} {what} is {to_datetime(int(instant[row])):%Y-%m-%d %H:%M}, after the "
            f"cutoff {to_datetime(int(at[row])):%Y-%m-%d %H:%M}",
            int(later.sum()),
        )


def _changed(dataset: ChurnDataset, log: EventLog, remake: Remake) -> Iterator[_Finding]:
    """Compare, cutoff by cutoff, with the data set of the log that ends there.

    The window of observation stays, so that all labels can be told; they change, and features must
    not.
    """
    seen: dict[str, list[tuple[int, str]]] = {}
    for date, cutoff in zip(dataset.dates, dataset._cutoffs(), strict=True):
        again = remake(log.where(until=date, keep_customers=True))
        if not isinstance(again, ChurnDataset):
            msg = f"remake must return a ChurnDataset, got {type(again).__name__}"
            raise InvalidInputError(msg, argument="remake")
        mine, theirs = (np.flatnonzero(d.at.view(np.int64) == cutoff) for d in (dataset, again))
        place = {c: k for k, c in zip(theirs, _ids(again, theirs), strict=True)}
        match = np.array([place.get(c, -1) for c in _ids(dataset, mine)], dtype=np.int64)
        gone = int(np.sum(match < 0)) + len(theirs) - int(np.sum(match >= 0))
        if gone:
            text = f"at {date:%Y-%m-%d} {gone:,} customers are at risk with the future or without"
            seen.setdefault("(who is at risk)", []).append((gone, text))
        mine, match = mine[match >= 0], match[match >= 0]
        for name, column in dataset.columns.items():
            if name not in again.columns:
                seen.setdefault(name, []).append((len(mine), "it is not made again"))
                continue
            a = _numbers(np.asarray(column))[mine]
            b = _numbers(np.asarray(again.columns[name]))[match]
            unlike = ~((a == b) | (np.isnan(a) & np.isnan(b)))
            if unlike.any():
                k = int(np.argmax(unlike))
                text = (
                    f"at {date:%Y-%m-%d} it is {a[k]:g} in row {mine[k]}, and {b[k]:g} once the "
                    "events from the cutoff on are left out"
                )
                seen.setdefault(name, []).append((int(unlike.sum()), text))
    for name, cases in seen.items():
        total = sum(rows for rows, _ in cases)
        yield _Finding(name, "changed by the future", cases[0][1], total)


def _ids(dataset: ChurnDataset, rows: Any) -> list[Any]:
    import pyarrow as pa

    ids: list[Any] = pa.array(dataset.customer).take(pa.array(rows)).to_pylist()
    return ids


def _gaps(name: str, values: Floats, dataset: ChurnDataset, luck: float) -> Iterator[_Finding]:
    """A column that is known of churners only, or of the others only."""
    known, churned = ~np.isnan(values), dataset.churned
    for who, what in ((churned, "churners"), (~churned, "those who stay")):
        has = known & who
        if not has.any() or (known & ~who).any():
            continue
        # Were the gaps at random, all customers with a value would be of one class by this chance.
        if float(np.mean(who)) ** len(np.unique(dataset.group[has])) < luck:
            yield _Finding(
                name,
                "known of one class only",
                f"{int(has.sum()):,} values, all of {what}, who are {np.mean(who):.1%} of the rows",
                int(has.sum()),
            )


def _telling(
    name: str, values: Floats, churned: Any, most: float, luck: float
) -> Iterator[_Finding]:
    """What the values of a column tell of the label: all of it, or more than they could."""
    known = ~np.isnan(values)
    label = churned[known]
    positives = int(label.sum())
    if positives in (0, len(label)):
        return
    distinct = np.unique(values[known])
    pure = [np.ptp(label[values[known] == v].astype(int)) == 0 for v in distinct[:3]]
    if len(distinct) == 2 and all(pure) and min(positives, len(label) - positives) > 1:
        yield _Finding(
            name,
            "duplicate of the label",
            f"{distinct[0]:g} and {distinct[1]:g} part churners from the others without error",
            len(label),
        )
        return
    area = roc_auc(label, values[known], 1.0 - 2.0 * luck)
    best = max(area.value, 1.0 - area.value)
    least = area.lower if area.value >= 0.5 else 1.0 - area.upper
    if least > most:
        yield _Finding(
            name,
            "implausibly good",
            f"alone it has an area under the ROC curve of {best:.4f}, surely above {most:g}",
            len(label),
        )
