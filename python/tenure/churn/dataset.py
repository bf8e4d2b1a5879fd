"""A table to learn churn from: what was known at several cutoffs, and who left afterwards."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._time import MICROS_PER_DAY, as_horizon, to_datetime
from tenure._validation import Ints, as_choice, as_count, as_seed, as_threads
from tenure.churn.labels import Label, Silence
from tenure.events import EventLog
from tenure.events._columns import take
from tenure.events._frames import as_reader, column_names
from tenure.events.event_log import as_log

Features = Callable[[EventLog, dt.datetime], Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChurnDataset(Table):
    """One row a cutoff and customer at risk: features as of the cutoff, and the label.

    Attributes
    ----------
    at : datetime64[us] array of n, UTC
        The cutoff of each row.
    customer : array of n ids
    churned : bool array of n
        Within the horizon after the cutoff.
    columns : dict of str to float array
        The features; NaN where one is not known.
    group : int64 array of n
        A number for each customer, the same at all cutoffs: `groups` of scikit-learn's splitters.
    dates : tuple of datetime
        The cutoffs.
    horizon : timedelta
    label : object
        What churn is here.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> data = tn.churn.make_dataset(log, ["1997-06-30", "1997-12-31"], "90d", windows=["60d"])
    >>> data.names[:4], data.X.shape, data.y[:5].tolist()
    (('events_60d', 'active_days_60d', 'amount_60d', 'orders_60d'), (4714, 16), [0, 1, 1, 1, 1])
    """

    at: npt.NDArray[np.datetime64]
    customer: Any
    churned: npt.NDArray[np.bool_]
    columns: Mapping[str, npt.NDArray[Any]]
    group: Ints
    dates: tuple[dt.datetime, ...]
    horizon: dt.timedelta
    label: Any

    def __len__(self) -> int:
        return len(self.at)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.columns)

    @property
    def X(self) -> npt.NDArray[np.float64]:
        """The features as one matrix, rows x names."""
        matrix = np.empty((len(self), len(self.columns)))
        for j, column in enumerate(self.columns.values()):
            matrix[:, j] = column
        return matrix

    @property
    def y(self) -> npt.NDArray[np.int64]:
        """The label as 0 and 1."""
        return self.churned.astype(np.int64)

    def take(self, rows: Any) -> ChurnDataset:
        """Return some of the rows: positions, or one flag a row."""
        at = self.at[rows]
        kept = set(np.unique(at.view(np.int64)).tolist())
        return ChurnDataset(
            at=at,
            customer=take(self.customer, np.arange(len(self))[rows]),
            churned=self.churned[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
            group=self.group[rows],
            dates=tuple(d for d, c in zip(self.dates, self._cutoffs(), strict=True) if c in kept),
            horizon=self.horizon,
            label=self.label,
        )

    def _cutoffs(self) -> list[int]:
        """Return the cutoffs in microseconds."""
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return [(d - epoch) // dt.timedelta(microseconds=1) for d in self.dates]

    def split(
        self, test_from: int = -1, gap: Any = 0, customers: str = "all"
    ) -> tuple[ChurnDataset, ChurnDataset]:
        """Return what to learn from and what to test on, apart in time.

        Parameters
        ----------
        test_from : int, default -1: the last
            Position in `dates` of the first cutoff to test on.
        gap : str or float, default 0
            What must lie between the end of a horizon that is learnt from and the first cutoff of
            the test: ``"30d"``, or days. Cutoffs whose horizon ends later are in neither part.
        customers : {"all", "new"}
            Whether to test on everybody, or only on those who are not learnt from.

        Returns
        -------
        train, test : ChurnDataset
        """
        train, test = self._fold(test_from, _length(gap, "gap"), customers)
        return self.take(train), self.take(test)

    def folds(
        self, n_splits: int = 3, gap: Any = 0, customers: str = "all"
    ) -> Iterator[tuple[Ints, Ints]]:
        """Yield positions to learn from and to test on: the `cv` of scikit-learn.

        Parameters
        ----------
        n_splits : int, default 3
            The last so many cutoffs are tested on, one at a time, learning from what had ended
            before it.
        gap, customers
            As for `split`.

        Yields
        ------
        train, test : int64 arrays
        """
        count, length = as_count(n_splits, "n_splits", at_least=1), _length(gap, "gap")
        if count > len(self.dates):
            msg = f"n_splits must be at most the number of cutoffs, {len(self.dates)}, got {count}"
            raise InvalidInputError(msg, argument="n_splits", value=n_splits)
        for k in range(len(self.dates) - count, len(self.dates)):
            train, test = self._fold(k, length, customers, last=k)
            yield np.flatnonzero(train), np.flatnonzero(test)

    def customer_folds(
        self, n_splits: int = 5, random_state: Any = 0
    ) -> Iterator[tuple[Ints, Ints]]:
        """Yield positions to learn from and to test on, no customer in both.

        For questions about customers never seen; time is not kept apart.

        Parameters
        ----------
        n_splits : int, default 5
        random_state : int, None or numpy.random.Generator

        Yields
        ------
        train, test : int64 arrays
        """
        count = as_count(n_splits, "n_splits", at_least=2)
        known, place = np.unique(self.group, return_inverse=True)
        if len(known) < count:
            msg = f"n_splits must be at most the number of customers, {len(known)}, got {count}"
            raise InvalidInputError(msg, argument="n_splits", value=n_splits)
        rng = np.random.default_rng(as_seed(random_state))
        fold = rng.permutation(np.arange(len(known)) % count)[place]
        for k in range(count):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def _fold(
        self, first: int, gap: int, customers: str, last: int | None = None
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        as_choice(customers, "customers", ("all", "new"))
        cutoffs = self._cutoffs()
        try:
            begin = cutoffs[first]
        except IndexError as error:
            msg = f"test_from must be a position in dates, of which there are {len(cutoffs)}"
            raise InvalidInputError(msg, argument="test_from", value=first) from error
        at = self.at.view(np.int64)
        horizon = self.horizon // dt.timedelta(microseconds=1)
        train = at + horizon + gap <= begin
        test = at >= begin if last is None else at == cutoffs[last]
        if not train.any():
            msg = (
                f"no horizon ends {dt.timedelta(microseconds=gap)} before "
                f"{to_datetime(begin):%Y-%m-%d}: there is nothing to learn from. Ask for more "
                "cutoffs, further apart"
            )
            raise InvalidInputError(msg, argument="cutoffs")
        if customers == "new":
            test &= ~np.isin(self.group, self.group[train])
        return train, test

    def _title(self) -> str:
        rate = f"{self.churned.mean():.1%} churned" if len(self) else "nobody at risk"
        return (
            f"{len(self):,} rows of customers at {len(self.dates):,} cutoffs, {rate} within "
            f"{self.horizon.total_seconds() / 86_400:g} days"
        )

    def _columns(self) -> Mapping[str, Any]:
        known = {"at": self.at, "customer": self.customer, "churned": self.churned}
        return {**known, **self.columns}


def make_dataset(
    log: EventLog,
    cutoffs: Sequence[Any],
    horizon: Any,
    *,
    label: Label | None = None,
    windows: Sequence[str | float] = ("30d", "90d", "365d"),
    events: str | Sequence[str] | None = None,
    features: Features | Sequence[Features] | None = None,
    n_threads: int | None = None,
) -> ChurnDataset:
    """Return a table to learn churn from, free of leaks by construction.

    Of the events at or after a cutoff no feature is made, and of those after its horizon no label.

    Parameters
    ----------
    log : EventLog
    cutoffs : sequence of dates or instants
        Ascending. A bare date means the end of that local day.
    horizon : str or float
        How far a label looks ahead: ``"90d"``, or a number of days. It must end within the
        observation of the log at every cutoff.
    label : Silence, ContractEnd, LowProbabilityAlive or alike
        What churn is. Default: ``Silence()``.
    windows, events
        As for `EventLog.features`, which makes the columns.
    features : callable or list of callables, optional
        Columns of your own: called as ``f(history, cutoff)`` with the log of the events before the
        cutoff, they return a data frame with a column ``customer`` and numbers beside it. Customers
        that it does not name get NaN.
    n_threads : int, optional
        Default: the CPUs of this process, at most 8. Never changes a result.

    Returns
    -------
    ChurnDataset

    Raises
    ------
    InvalidInputError
        For cutoffs that do not ascend, a horizon that ends after the observation, and columns that
        are no numbers, come twice, or name a customer twice.

    Examples
    --------
    >>> import tenure as tn
    >>> cdnow = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    >>> data = tn.churn.make_dataset(log, ["1997-06-30", "1997-09-30", "1997-12-31"], "90d")
    >>> data.X.shape, round(float(data.churned.mean()), 3)
    ((7071, 28), 0.832)
    >>> train, test = data.split()
    >>> len(train), len(test)
    (4714, 2357)
    """
    as_log(log)
    threads = as_threads(n_threads)
    length = _length(horizon, "horizon")
    if length <= 0:
        msg = f"horizon must be longer than 0, got {horizon!r}"
        raise InvalidInputError(msg, argument="horizon", value=horizon)
    ends = _ends(log, cutoffs, length)
    table = log.features(cutoffs, windows, events, n_threads=threads)
    asked = Silence() if label is None else label
    told = asked.told(log, ends, length, threads)
    rows, codes, churned = [], [], []
    for k, (code, left) in enumerate(told):
        known = table._code[table._first[k] : table._first[k + 1]]
        rows.append(table._first[k] + np.searchsorted(known, code))
        codes.append(code)
        churned.append(left)
    chosen = np.concatenate(rows)
    columns: dict[str, Any] = {name: column[chosen] for name, column in table.columns.items()}
    _add_own(columns, log, table.dates, ends, codes, features)
    code = np.concatenate(codes)
    return ChurnDataset(
        at=np.repeat(np.array(ends, "datetime64[us]"), [len(c) for c in codes]),
        customer=log._ids(code),
        churned=np.concatenate(churned),
        columns=columns,
        group=code,
        dates=table.dates,
        horizon=dt.timedelta(microseconds=length),
        label=asked,
    )


def _length(value: Any, name: str) -> int:
    return round(as_horizon(value, "day", name) * MICROS_PER_DAY)


def _ends(log: EventLog, cutoffs: Sequence[Any], length: int) -> list[int]:
    ends = [log._within(c, f"cutoffs[{k}]") for k, c in enumerate(cutoffs)]
    if not ends:
        msg = "cutoffs must hold at least one date"
        raise InvalidInputError(msg, argument="cutoffs", value=cutoffs)
    for k, (before, end) in enumerate(itertools.pairwise(ends), start=1):
        if end <= before:
            msg = f"cutoffs must ascend, but cutoffs[{k}] is {cutoffs[k]} after {cutoffs[k - 1]}"
            raise InvalidInputError(msg, argument="cutoffs", row=k, value=cutoffs[k])
    if ends[-1] + length > log._until:
        msg = (
            f"the horizon of cutoffs[{len(ends) - 1}] ends at "
            f"{to_datetime(ends[-1] + length, log.timezone)}, and the log is observed until "
            f"{log.observed_until}: who churned is not known yet"
        )
        raise InvalidInputError(msg, argument="cutoffs", value=cutoffs[-1])
    return ends


def _add_own(
    columns: dict[str, Any],
    log: EventLog,
    dates: Sequence[dt.datetime],
    ends: Sequence[int],
    codes: list[Ints],
    features: Features | Sequence[Features] | None,
) -> None:
    """Call the caller's functions with the history of each cutoff, and line their rows up."""
    made = [] if features is None else [features] if callable(features) else list(features)
    if not made:
        return
    first = np.concatenate(([0], np.cumsum([len(c) for c in codes])))
    for k, cutoff in enumerate(dates):
        history = log.split(cutoff)[0] if ends[k] < log._until else log
        wanted = log._ids(codes[k])
        for i, make in enumerate(made):
            own = _own_columns(make(history, cutoff), wanted, f"features[{i}]")
            for name, values in own.items():
                if k == 0 and name in columns:
                    msg = f"features[{i}] makes a column {name!r}, which there is already"
                    raise InvalidInputError(msg, argument="features", value=name)
                column = columns.setdefault(name, np.full(first[-1], np.nan))
                column[first[k] : first[k + 1]] = values


def _own_columns(frame: Any, wanted: Any, what: str) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = as_reader(frame, column_names(frame)).read_all()
    if "customer" not in table.column_names:
        msg = f"{what} must return a column 'customer', got {', '.join(table.column_names)}"
        raise InvalidInputError(msg, argument="features")
    ids = table["customer"].combine_chunks()
    if pc.count_distinct(ids).as_py() != len(ids):
        msg = f"{what} names a customer twice for one cutoff"
        raise InvalidInputError(msg, argument="features")
    row = pc.index_in(pa.array(wanted).cast(ids.type), ids)
    found = {}
    for name in table.column_names:
        if name == "customer":
            continue
        column = table[name]
        if pa.types.is_timestamp(column.type) or not _is_number(column.type):
            msg = f"{what} must return numbers, but {name!r} is {column.type}"
            raise InvalidInputError(msg, argument="features", value=name)
        taken = column.combine_chunks().cast(pa.float64()).take(row)
        found[name] = taken.to_numpy(zero_copy_only=False)
    return found


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(check(kind) for check in checks)
