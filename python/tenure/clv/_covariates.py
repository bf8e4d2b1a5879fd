"""Customers with what is known of them besides their purchases, and the table of coefficients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure._errors import InvalidInputError
from tenure._results import Table
from tenure._validation import Floats, Ints
from tenure.clv._design import as_names
from tenure.events import CalibrationHoldout, EventLog, Summary
from tenure.events._frames import as_reader, column_names, require_columns


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoefficientTable(Table):
    """Coefficients of covariates with standard errors and confidence limits.

    Attributes
    ----------
    covariate : tuple of str
        The column, or ``column[level]`` for a level of a text column against its first level.
    process : tuple of str
        What it moves: "purchase", "dropout" ("dropout a" and "dropout b" where they are
        separate), or "both".
    estimate, standard_error, lower, upper : float64 arrays
        In the unit of the column. Limits are symmetric.
    exp_estimate : float64 array
        exp(estimate): the factor on the rate for one more of the column.
    level : float
        Confidence level of the limits.

    Examples
    --------
    >>> import tenure as tn
    >>> import numpy as np
    >>> orders = tn.datasets.load_cdnow(sample=True)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date", amount="amount")
    >>> base = log.summary(unit="week", end="1997-09-30")
    >>> early = np.asarray(base.first_order) < np.datetime64("1997-02-01")
    >>> data = {"frequency": base.frequency, "recency": base.recency, "T": base.T, "early": early}
    >>> model = tn.clv.BGNBD(purchase_covariates="early").fit(data)
    >>> model.coef_.covariate, model.coef_.process, model.coef_.estimate.round(2).tolist()
    (('early',), ('purchase',), [-0.04])
    """

    covariate: tuple[str, ...]
    process: tuple[str, ...]
    estimate: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    exp_estimate: Floats
    level: float

    _column_names = (
        "covariate",
        "process",
        "estimate",
        "standard_error",
        "lower",
        "upper",
        "exp_estimate",
    )

    def __len__(self) -> int:
        return len(self.covariate)

    def _title(self) -> str:
        return f"Coefficients, {100 * self.level:g} % confidence limits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CustomerSummary(Table):
    """A summary with further columns, as `with_covariates` makes it.

    Every model takes it in place of the summary.

    Attributes
    ----------
    customer, frequency, recency, T, monetary_value : arrays of n
        As in `Summary`.
    covariates : pyarrow.Table of n rows
    unit : str

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> people = {"customer": [2, 1], "channel": ["web", "shop"]}
    >>> tn.clv.with_covariates(log.summary(unit="day"), people)
    Summary of 2 customers in days with channel
    customer  frequency  recency   T  monetary_value  channel
           1          1        7  19             nan     shop
           2          0        0   0             nan      web
    """

    customer: Any
    frequency: Ints
    recency: Floats
    T: Floats
    monetary_value: Floats
    covariates: Any
    unit: str

    def __len__(self) -> int:
        return len(self.frequency)

    def _columns(self) -> Mapping[str, Any]:
        own = ("customer", "frequency", "recency", "T", "monetary_value")
        names = self.covariates.column_names
        return {n: getattr(self, n) for n in own} | {n: self.covariates[n] for n in names}

    def _title(self) -> str:
        return (
            f"Summary of {len(self):,} customers in {self.unit}s with "
            f"{', '.join(self.covariates.column_names)}"
        )


def with_covariates(
    summary: Any, customers: Any, columns: Sequence[str] | str | None = None, on: str = "customer"
) -> CustomerSummary:
    """Return a summary with columns of a frame of customers, joined by the id of the customer.

    Parameters
    ----------
    summary : Summary or CalibrationHoldout
        Of the latter, the calibration period.
    customers : EventLog or data frame
        A log that was made with ``customers=``, or a frame with one row a customer.
    columns : sequence of str, optional
        Which columns to take. Default: all but the id.
    on : str, default "customer"
        The column of ids in a frame. A log knows its own.

    Returns
    -------
    CustomerSummary

    Raises
    ------
    InvalidInputError
        Where a customer of the summary has no row or two, and for columns that are not there.

    Examples
    --------
    >>> import datetime as dt, tenure as tn
    >>> rows = {"customer": [1, 1, 2], "date": [dt.date(2024, 1, d) for d in (1, 8, 20)]}
    >>> log = tn.EventLog(rows, customer="customer", time="date")
    >>> people = {"customer": [2, 1], "channel": ["web", "shop"]}
    >>> data = tn.clv.with_covariates(log.summary(unit="day"), people)
    >>> data.covariates["channel"].to_pylist()
    ['shop', 'web']
    """
    if isinstance(summary, CalibrationHoldout):
        summary = summary.calibration
    if not isinstance(summary, Summary):
        msg = (
            f"summary must be a Summary, got {type(summary).__name__}: a frame holds its "
            "covariates as columns of its own"
        )
        raise InvalidInputError(msg, argument="summary")
    if isinstance(customers, EventLog):
        if customers.customers is None:
            msg = "the log was made without customers=, so that it knows no covariates"
            raise InvalidInputError(msg, argument="customers")
        on, customers = customers.customers.column_names[0], customers.customers
    known = column_names(customers)
    names = tuple(n for n in known if n != on) if columns is None else as_names(columns, "columns")
    if known:
        require_columns(known, [on, *names])
    table = as_reader(customers, [on, *names]).read_all()
    for name in names:
        if name in ("customer", "frequency", "recency", "T", "monetary_value"):
            msg = f"the summary has a column {name!r} already"
            raise InvalidInputError(msg, argument=name)
    return CustomerSummary(
        summary.customer,
        summary.frequency,
        summary.recency,
        summary.T,
        summary.monetary_value,
        table.select(list(names)).take(_rows_of(summary.customer, table[on], on)),
        summary.unit,
    )


def _rows_of(ids: Any, given: Any, on: str) -> Any:
    """Return the row of each id among the given ones."""
    wanted = pa.array(ids) if isinstance(ids, np.ndarray) else ids
    wanted = wanted.combine_chunks() if isinstance(wanted, pa.ChunkedArray) else wanted
    given = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given
    try:
        given = given.cast(wanted.type)
    except pa.ArrowException as error:
        msg = f"customers[{on!r}] does not fit the ids of the summary: {error}"
        raise InvalidInputError(msg, argument=on) from error
    if len(pc.unique(given)) < len(given):
        seen = pc.index_in(given, value_set=pc.unique(given)).to_numpy()
        first = np.zeros(len(given), dtype=bool)
        first[np.unique(seen, return_index=True)[1]] = True
        row = int(np.argmin(first))
        value = given[row].as_py()
        msg = f"customers has more than one row for {value!r} (row {row})"
        raise InvalidInputError(msg, argument=on, row=row, value=value)
    at = pc.index_in(wanted, value_set=given)
    if at.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(at))))
        value = wanted[row].as_py()
        msg = f"customers has no row for customer {value!r} (row {row} of the summary)"
        raise InvalidInputError(msg, argument=on, row=row, value=value)
    return at
