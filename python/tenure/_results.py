"""Results: frozen values that hold arrays and become a table of any library."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

_SHOWN_ROWS = 10


def frozen(array: Any) -> Any:
    """Return a NumPy array as read-only; anything else as it is."""
    if isinstance(array, np.ndarray):
        array = array.view()
        array.setflags(write=False)
    return array


class Table:
    """Mixin of every result that is, or can be told as, rows with named columns.

    A subclass is a `dataclass(frozen=True, slots=True, eq=False, repr=False)` and says in
    `_column_names` which of its attributes are columns, or in `_columns` what else they are made
    of, and in `_title` what it is. Any reader of the Arrow PyCapsule interface takes it as it
    stands: `polars.DataFrame(result)`, `pyarrow.table(result)`.
    """

    __slots__ = ()

    _column_names: ClassVar[tuple[str, ...]]

    def _columns(self) -> Mapping[str, Any]:
        return {name: getattr(self, name) for name in self._column_names}

    def _title(self) -> str:
        return type(self).__name__

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def to_arrow(self) -> Any:
        """Return the columns as a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.table({name: pa.array(column) for name, column in self._columns().items()})

    def to_pandas(self) -> Any:
        """Return the columns as a `pandas.DataFrame`."""
        from tenure._extras import require

        require("pandas", "return a DataFrame")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return the columns as a `polars.DataFrame`."""
        from tenure._extras import require

        return require("polars", "return a polars DataFrame").from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        head, rows, left = self._preview()
        widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(r, widths, strict=True))
            for r in [head, *rows]
        ]
        if left:
            lines.append(f"... {left:,} more rows")
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        head, rows, left = self._preview()
        cells = "".join(f"<th>{html.escape(c)}</th>" for c in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in r) + "</tr>" for r in rows
        )
        more = f"<p>... {left:,} more rows</p>" if left else ""
        return (
            f"<div><p><b>{html.escape(self._title())}</b></p>"
            f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
        )

    def _preview(self) -> tuple[list[str], list[list[str]], int]:
        table = self.to_arrow()
        shown = table.slice(0, _SHOWN_ROWS).to_pydict()
        columns = [[_cell(v) for v in column] for column in shown.values()]
        rows = [list(r) for r in zip(*columns, strict=True)]
        return list(shown), rows, max(table.num_rows - _SHOWN_ROWS, 0)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
