"""CSV files through DuckDB: one dialect a file, and faults told with their line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

_DELIMITERS = ",;\t|"

# Quotes are stated, not sniffed: a lone quote is an error with its line, not part of an id.
_QUOTES = {"quotechar": '"', "escapechar": '"'}


def scan(connection: Any, files: Sequence[str], error: type[Exception]) -> Any:
    """Return a relation over the files, types told by all of their rows.

    Raises
    ------
    error
        DuckDB's own, with the number of the line that breaks the dialect of the header.
    """
    header = _first_line(connection, files)
    delimiter = _delimiter(header)
    stated: dict[str, Any] = {"header": True, "delimiter": delimiter, **_QUOTES}
    try:
        return connection.read_csv(list(files), sample_size=-1, **stated)
    except error:
        # Sniffing says that there is no dialect, but not where; reading by the header's does.
        width = _outside_quotes(header).count(delimiter) + 1
        cells = {f"c{i}": "VARCHAR" for i in range(width)}
        try:
            text = connection.read_csv(list(files), auto_detect=False, columns=cells, **stated)
            text.aggregate("count(COLUMNS(*))").fetchall()
        except error as told:
            if "on Line" in str(told):
                raise
        # Every line has as many cells; what is left, such as line ends of two kinds, is harmless.
        return connection.read_csv(list(files), sample_size=-1, strict_mode=False, **stated)


def columns(connection: Any, files: Sequence[str]) -> list[str]:
    """Return the names in the header of the first file."""
    header = _first_line(connection, files)
    return next(csv.reader([header], delimiter=_delimiter(header)), [])


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=_outside_quotes(header).count)


def _first_line(connection: Any, files: Sequence[str]) -> str:
    lines = connection.read_csv(
        list(files[:1]),
        header=False,
        auto_detect=False,
        delimiter="\x1f",
        quotechar="",
        escapechar="",
        columns={"line": "VARCHAR"},
        strict_mode=False,
    )
    found = lines.filter("line IS NOT NULL").limit(1).fetchall()
    return str(found[0][0]) if found else ""


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
