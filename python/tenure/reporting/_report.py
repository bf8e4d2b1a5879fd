"""The report of a log: every section in turn, then the page and the tables behind it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tenure import _table_files
from tenure._errors import (
    ConvergenceWarning,
    DataWarning,
    InvalidInputError,
    TenureError,
    TenureWarning,
)
from tenure._extras import require
from tenure._results import Table
from tenure.events import EventLog
from tenure.reporting import _files, _page
from tenure.reporting._context import Context, day_words
from tenure.reporting._customers import customer_columns, customers, ordered
from tenure.reporting._fit import fit
from tenure.reporting._forecast import forecast
from tenure.reporting._method import data, method
from tenure.reporting._overview import overview
from tenure.reporting._parts import Figure, Missing, Section
from tenure.reporting._retention import retention
from tenure.reporting._segments import segments
from tenure.reporting._settings import check, last_day
from tenure.reporting._stages import stages

#: In the order of the page. What a section needs of another one's findings stands above it.
_SECTIONS: tuple[tuple[str, str, Callable[[Context], Section]], ...] = (
    ("overview", "Overview", overview),
    ("retention", "Retention", retention),
    ("lifecycle", "Lifecycle stages", stages),
    ("customers", "Customers by value", customers),
    ("segments", "Value segments", segments),
    ("fit", "How well the model fits", fit),
    ("data", "Data", data),
    ("method", "Method", method),
)
_BAND = (
    "customers",
    "orders",
    "revenue",
    "order_value",
    "repeat_rate",
    "concentration",
    "expected_orders",
    "expected_value",
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Report(Table):
    """A report: the page, the tables behind it, and where they were written.

    As a table it holds the headline figures.

    Attributes
    ----------
    title : str
    figures : tuple of Figure
        The headline figures: `key`, `value`, `lower`, `upper` (NaN where it is no estimate), and
        the `text` that the page shows.
    tables : dict of str to pyarrow.Table
        Every table, whole; `customers` has a row for each customer.
    parameters : dict
        What the report was made from: settings, cut, versions, fitted parameters.
    warnings : tuple of str
        What deserves a look; the page shows fits that failed at its top, others under "Data".
    html : str
        The page.
    page : str or None
        Path of the page; None if nothing was written.
    files : tuple of str
        Every file that was written.

    Examples
    --------
    >>> import tenure as tn
    >>> orders = tn.datasets.load_cdnow(sample=True).slice(0, 500)
    >>> log = tn.EventLog(orders, customer="customer_id", time="date")
    >>> made = tn.report(log, None)  # nothing is written
    >>> made.page is None, "<html" in made.html
    (True, True)
    """

    title: str
    figures: tuple[Figure, ...]
    tables: Mapping[str, Any]
    parameters: Mapping[str, Any]
    warnings: tuple[str, ...]
    html: str
    page: str | None
    files: tuple[str, ...]

    def _title(self) -> str:
        return f"{self.title}: {self.page}" if self.page else self.title

    def _columns(self) -> Mapping[str, Any]:
        return {
            "figure": np.array([f.key for f in self.figures], dtype=np.str_),
            "value": np.array([f.value for f in self.figures]),
            "lower": np.array([f.lower for f in self.figures]),
            "upper": np.array([f.upper for f in self.figures]),
        }


def report(
    log: EventLog,
    path: str | os.PathLike[str] | None = "report.html",
    *,
    horizon: Any = "1y",
    discount_rate: float = 0.10,
    discount_period: str = "year",
    margin: float = 1.0,
    cut: Any = None,
    unit: str = "week",
    currency: str = "",
    title: str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Report:
    """Write a report of a log: cohorts, stages, customers by value, segments, the model's fit.

    Parameters
    ----------
    log : EventLog
        With at least one order. Without amounts everything about money is left out.
    path : str or path-like or None
        A name that ends in ``.html``: the page alone. Any other: a folder with ``index.html``, the
        tables as CSV and Parquet under ``tables/``, and ``report.json``, which says what the report
        was made from. None: nothing is written. What exists under the name is replaced if it is a
        former report; the whole report appears or nothing does.
    horizon : str or number
        How far to forecast, from the end of observation: "1y", "26w", or a number in `unit`.
    discount_rate, discount_period : float, str
        The rate at which the expected value is discounted, per period.
    margin : float
        Share of an amount that counts as value.
    cut : date or instant, optional
        Up to where the checked model learns; a bare date is the last day it sees. Default: 39 weeks
        before the end, or, in a log shorter than twice that, the last third.
    unit : {"day", "week", "month", "year"}
        The unit of time of the models.
    currency : str
        Sign or code before amounts.
    title : str, optional
    progress : callable, optional
        Called as ``progress(share, what)`` before each step, with a share of the work in [0, 1].

    Returns
    -------
    Report

    Raises
    ------
    InvalidInputError
        For a log without an order, a bad argument, or a `path` under which something else lies.
    MissingExtraError
        Without matplotlib or jinja2: ``pip install 'tenure[report]'``.
    OSError
        If the files cannot be written.

    Warns
    -----
    TenureWarning
        What the models warn of, such as a fit that did not converge; it stands on the page too.

    Notes
    -----
    Every section is described in docs/report.md. The same log and arguments give the same bytes.

    Examples
    --------
    >>> import tenure as tn
    >>> log = tn.EventLog(
    ...     tn.datasets.load_cdnow(sample=True), customer="sample_id", time="date", amount="amount"
    ... )
    >>> made = tn.report(log, None, currency="$")
    >>> made.figures[0].text, made.figures[4].text
    ('2,357', '48.3 %')
    """
    from tenure import __version__

    if not isinstance(log, EventLog):
        msg = f"log must be an EventLog, got {type(log).__name__}"
        raise InvalidInputError(msg, argument="log")
    require("jinja2", "write the report")
    require("matplotlib", "draw the report's pictures")
    settings = check(
        log,
        horizon=horizon,
        discount_rate=discount_rate,
        discount_period=discount_period,
        margin=margin,
        cut=cut,
        unit=unit,
        currency=currency,
        title=title,
    )
    tell = progress or (lambda share, what: None)
    target = None if path is None else Path(path)
    if target is not None:
        _files.check_target(target)  # before the work, not after it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TenureWarning)
        context = Context(log, settings, log.summary(unit))
        if len(context.base) == 0:
            msg = "the log has no order, so there is nothing to report"
            raise InvalidInputError(msg, argument="log")
        sections = []
        for done, (key, name, make) in enumerate(_SECTIONS):
            tell(0.9 * done / len(_SECTIONS), name.lower())
            sections.append(_section(context, key, name, make))
        _customer_table(context)
    found: dict[str, type[Warning]] = dict.fromkeys(context.findings.warnings, ConvergenceWarning)
    found |= _ours(caught)
    context.findings.warnings = list(found)
    loud = [text for text, category in found.items() if not issubclass(category, DataWarning)]
    quiet = tuple(_sentence(text) for text in found if text not in loud)
    sections = [replace(s, notes=(*s.notes, *quiet)) if s.key == "data" else s for s in sections]
    made = _assemble(context, sections, [*map(_sentence, loud)], __version__, target, tell)
    for text, category in found.items():
        warnings.warn(text, category, stacklevel=2)
    tell(1.0, "done")
    return made


def _section(context: Context, key: str, name: str, make: Callable[[Context], Section]) -> Section:
    """A section that the data do not allow says so; a fault of the program is still raised."""
    try:
        return make(context)
    except TenureError as error:
        return Section(key, name, "", (Missing("Not shown:", f"{error}."),))


def _customer_table(context: Context) -> None:
    """Every customer with what all sections know, the most valuable first."""
    columns, order = customer_columns(context, forecast(context))
    table = ordered(columns | context.customer_columns, order)
    context.findings.tables["customers"] = table


def _ours(caught: list[warnings.WarningMessage]) -> dict[str, type[Warning]]:
    """Return each warning of this package once; those of others go on to the caller."""
    ours: dict[str, type[Warning]] = {}
    for w in caught:
        if issubclass(w.category, TenureWarning):
            ours.setdefault(str(w.message), w.category)
        else:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    return ours


def _sentence(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _assemble(
    context: Context,
    sections: list[Section],
    banner: list[str],
    version: str,
    target: Path | None,
    tell: Callable[[float, str], None],
) -> Report:
    log, settings, findings = context.log, context.settings, context.findings
    tell(0.9, "writing")
    alone = target is not None and target.suffix.lower() == ".html"
    first, last = log.observed_from.date(), last_day(log)
    title = settings.title or "Customers and what they are worth"
    figures = tuple(findings.figures[k] for k in _BAND if k in findings.figures)
    page = _page.render(
        title=title,
        subtitle=f"{day_words(first)} to {day_words(last)}, {log.timezone}. "
        f"Intervals are at 95 %. Every underlined term leads to its definition.",
        figures=figures,
        sections=sections,
        warnings=banner,
        colophon=f"Made by tenure {version} from {log.data_report.rows:,} rows. "
        "This page loads nothing from anywhere.",
        version=version,
        linked=target is not None and not alone,
    )
    files: dict[str, bytes] = {}
    if target is not None and not alone:
        files["index.html"] = page.encode()
        for name, table in findings.tables.items():
            files[f"tables/{name}.csv"] = _table_files.to_csv(table)
            files[f"tables/{name}.parquet"] = _table_files.to_parquet(table)
        _files.write_folder(target, files, {"parameters": findings.parameters})
    elif target is not None:
        _files.write_page(target, page.encode())
    written: tuple[str, ...] = ()
    if target is not None:
        names = [*files, _files.MANIFEST] if files else []
        written = tuple(str(target / n) for n in names) or (str(target),)
    return Report(
        title=title,
        figures=figures,
        tables=findings.tables,
        parameters=findings.parameters,
        warnings=tuple(findings.warnings),
        html=page,
        page=written[0] if written else None,
        files=written,
    )
