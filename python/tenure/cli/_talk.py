"""What the commands say: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tenure._errors import TenureWarning


def say(text: str) -> None:
    """Tell the person at the terminal; one line whatever the text holds."""
    print(f"tenure: {_plain(text)}", file=sys.stderr, flush=True)


def _plain(text: str) -> str:
    """Make a text harmless for a terminal: an id may hold control characters."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def progress() -> Iterator[Callable[[float, str], None]]:
    """Yield a function that shows how far the work is; it is silent where no one watches."""
    console = Console(stderr=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TenureWarning)  # they come back in `Report.warnings`
        if not console.is_terminal:
            yield lambda share, what: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share, what: bar.update(task, completed=share, description=what)


def show(result: Any, rows: int) -> None:
    table = Table(title=Text(result._title()), title_justify="left")
    arrow = result.to_arrow()
    for name in arrow.column_names:
        left = name == "customer"
        table.add_column(Text(name), justify="left" if left else "right", no_wrap=True)
    for row in arrow.slice(0, rows).to_pylist():
        table.add_row(*(Text(_plain(_cell(v))) for v in row.values()))
    left_out = arrow.num_rows - rows
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)
    if left_out > 0:
        console.print(f"... {left_out:,} more; --out FILE.csv writes them all")


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)


def tell_findings(log: Any) -> None:
    found = log.data_report
    for finding, count in found.findings.items():
        if count:
            action = found.actions.get(finding, "")
            say(f"{count:,} rows: {finding.replace('_', ' ')}" + (f", {action}" if action else ""))
