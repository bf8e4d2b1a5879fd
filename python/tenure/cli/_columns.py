"""Which column of a file is the customer, the time, the amount: guessed from its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure.events import _csv
from tenure.events._source import connect, reader_of

#: Names without case, spaces and punctuation, the most telling first.
_NAMES = {
    "customer": (
        "customerid customer custid cust customerkey customernumber customerno customeremail "
        "clientid client userid user memberid member accountid account buyerid buyer "
        "shopperid personid subscriberid visitorid email "
    ),
    "time": (
        "orderdate ordereddate orderedat ordertime ordertimestamp invoicedate purchasedate "
        "purchasedat purchasetime transactiondate transactiontime paymentdate saledate date "
        "datetime timestamp time createdat eventtime eventdate day ts "
    ),
    "amount": (
        "amount totalamount netamount orderamount revenue netrevenue ordervalue totalvalue "
        "value total ordertotal totalprice grandtotal sales netsales sale spend dollarvalue "
        "monetaryvalue paymentvalue price "
    ),
}
_QUANTITIES = {"quantity", "qty", "pieces", "items"}


def guess(columns: Sequence[str], role: str) -> str | None:
    """Return the column that plays the role, or None where no name tells."""
    plain = {_plain(c): c for c in reversed(columns)}
    return next((plain[name] for name in _NAMES[role].split() if name in plain), None)


def names(files: Sequence[str]) -> list[str]:
    """Return the columns of the files, told by their beginning.

    Raises
    ------
    InvalidInputError
        If a file is missing, of an unknown ending, or cannot be read.
    """
    duckdb = require("duckdb", "read files")
    for file in files:
        if any(c in file for c in "*?["):
            continue
        if not Path(file).is_file():
            msg = f"there is no file {file}"
            raise InvalidInputError(msg, argument="source", value=file)
        if Path(file).stat().st_size == 0:
            msg = f"{file} is empty"
            raise InvalidInputError(msg, argument="source", value=file)
    readers = {reader_of(file) for file in files}
    connection = connect(duckdb, None)
    try:
        if readers == {"read_parquet"}:
            return list(connection.read_parquet(list(files)).columns)
        return _csv.columns(connection, files)
    except duckdb.Error as error:
        msg = f"{', '.join(files)} cannot be read: {error}"
        raise InvalidInputError(msg, argument="source") from error
    finally:
        connection.close()


def unit_price(columns: Sequence[str], amount: str) -> str | None:
    """Return the column of quantities if `amount` may be the price of one piece."""
    if _plain(amount) != "price":
        return None
    return next((c for c in columns if _plain(c) in _QUANTITIES), None)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
