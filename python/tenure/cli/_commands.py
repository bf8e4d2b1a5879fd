"""The commands of ``tenure``; `tenure.cli.main` imports them once typer is known to be there."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, ParamSpec

import typer

from tenure._errors import TenureError
from tenure.cli._talk import progress, say, show, tell_findings

_P = ParamSpec("_P")

app = typer.Typer(
    name="tenure",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=(
        "Customer lifecycle analytics from a file of orders: what customers are worth, who leaves, "
        "how cohorts retain.\n\n"
        "`tenure report --sample --out report/` writes the report of an embedded data set; open "
        "`report/index.html`."
    ),
)


class Unit(StrEnum):
    day = "day"
    week = "week"
    month = "month"
    year = "year"


class Refund(StrEnum):
    net = "net"
    match = "match"
    drop = "drop"
    error = "raise"


class Invalid(StrEnum):
    error = "raise"
    drop = "drop"


_COLUMNS = "Columns and rows"
_MODEL = "Forecast"


def _option(*names: str, help: str, panel: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


Customer = Annotated[str, _option("--customer", help="Column of customer ids.", panel=_COLUMNS)]
Time = Annotated[str, _option("--time", help="Column of dates or times.", panel=_COLUMNS)]
Amount = Annotated[str, _option("--amount", help="Column of amounts.", panel=_COLUMNS)]
NoAmount = Annotated[bool, _option("--no-amount", help="Leave amounts out.", panel=_COLUMNS)]
Event = Annotated[
    str, _option("--event", help="Column of event names; needs --orders.", panel=_COLUMNS)
]
Orders = Annotated[
    list[str],
    _option("--orders", help="Event name that is an order; may be repeated.", panel=_COLUMNS),
]
Timezone = Annotated[
    str,
    _option("--timezone", help="Zone of days and months, such as Europe/London.", panel=_COLUMNS),
]
Until = Annotated[
    str,
    _option("--observed-until", help="Last day observed; default: the last row's.", panel=_COLUMNS),
]
OnRefund = Annotated[
    Refund, _option("--on-refund", help="What a negative amount means.", panel=_COLUMNS)
]
OnInvalid = Annotated[
    Invalid,
    _option("--on-invalid", help="Stop at rows with bad cells, or drop them.", panel=_COLUMNS),
]
UnitOption = Annotated[Unit, _option("--unit", help="Unit of time of the model.", panel=_MODEL)]


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[
        bool, _option("--version", help="Show the version and stop.", is_eager=True)
    ] = False,
) -> None:
    if version:
        from tenure import __version__

        print(f"tenure {__version__}")
        raise typer.Exit


def _failing(command: Callable[_P, None]) -> Callable[_P, None]:
    """End with one line on standard error and code 1 where data or machine stand in the way."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # The reader of our output has left; what is still buffered must not raise again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except MemoryError:
            say("there is not enough memory for this")
            raise typer.Exit(1) from None
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            say(f"{name}{error.strerror or error}")
            raise typer.Exit(1) from None
        except TenureError as error:
            say(str(error))
            raise typer.Exit(1) from None

    return run


@app.command(
    epilog=(
        "**Examples**\n\n"
        "    tenure report orders.csv --out report/\n\n"
        "    tenure report shop.parquet --customer client --time bought --amount paid\n\n"
        "    tenure report events.csv --event kind --orders purchase --cut 2024-06-30\n\n"
        "    tenure report --sample --out report/"
    )
)
@_failing
def report(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="CSV or Parquet; a glob such as 'orders/*.csv'."),
    ] = None,
    out: Annotated[
        str,
        _option("--out", "-o", help="Folder to write, or the name of a single .html file."),
    ] = "report",
    sample: Annotated[
        bool, _option("--sample", help="Take the embedded CDNOW orders instead of a file.")
    ] = False,
    title: Annotated[str, _option("--title", help="Title of the page.")] = "",
    currency: Annotated[
        str, _option("--currency", help="Sign or code before amounts, such as $ or EUR.")
    ] = "",
    customer: Customer = "",
    time: Time = "",
    amount: Amount = "",
    no_amount: NoAmount = False,
    event: Event = "",
    orders: Orders = [],  # noqa: B006 - typer copies it
    timezone: Timezone = "UTC",
    observed_until: Until = "",
    on_refund: OnRefund = Refund.net,
    on_invalid: OnInvalid = Invalid.error,
    horizon: Annotated[
        str, _option("--horizon", help="How far to forecast: 1y, 26w, 90d.", panel=_MODEL)
    ] = "1y",
    discount_rate: Annotated[
        float, _option("--discount-rate", help="Per year; 0.10 is 10 %.", panel=_MODEL)
    ] = 0.10,
    margin: Annotated[
        float, _option("--margin", help="Share of revenue that is profit.", panel=_MODEL)
    ] = 1.0,
    cut: Annotated[
        str,
        _option(
            "--cut",
            help="Last day that the checked model learns from [default: 39 weeks before the end].",
            panel=_MODEL,
        ),
    ] = "",
    unit: UnitOption = Unit.week,
) -> None:
    """Write a report: cohorts, stages, customers by value, segments, and how well the model fits.

    The page `index.html` stands for itself; the tables behind it lie beside it as CSV and Parquet.
    Columns that are not named are guessed from their names, and the guess is said aloud.
    """
    import tenure as tn

    begun = monotonic()
    if sample == bool(files):
        raise typer.BadParameter("name a file, or say --sample", param_hint="FILE...")
    with progress() as step:
        step(0.0, "reading")
        if sample:
            log = tn.EventLog(
                tn.datasets.load_cdnow(), customer="customer_id", time="date", amount="amount"
            )
            title, currency = title or "CDNOW, 1997 to 1998", currency or "$"
        else:
            log = _read(
                files or [],
                customer,
                time,
                amount,
                event,
                orders,
                no_amount=no_amount,
                timezone=timezone,
                observed_until=observed_until,
                on_refund=on_refund,
                on_invalid=on_invalid,
            )
            title = title or _title(files or [])
        tell_findings(log)
        made = tn.report(
            log,
            out,
            horizon=_number_or_text(horizon),
            discount_rate=discount_rate,
            margin=margin,
            cut=cut or None,
            unit=unit.value,
            currency=currency,
            title=title,
            progress=step,
        )
    for warning in made.warnings:
        say(f"note: {warning}")
    say(f"{len(made.files)} files in {monotonic() - begun:.1f} s")
    print(made.page)


@app.command(
    epilog=(
        "**Examples**\n\n"
        "    tenure summary orders.csv\n\n"
        "    tenure summary orders.csv --unit day --out summary.parquet\n\n"
        "    tenure summary orders.csv --out - | head"
    )
)
@_failing
def summary(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="CSV or Parquet; a glob such as 'orders/*.csv'."),
    ],
    out: Annotated[
        str,
        _option("--out", "-o", help="A .csv or .parquet file, or - for CSV on standard output."),
    ] = "",
    rows: Annotated[int, _option("--rows", help="Rows to show without --out.", min=1)] = 20,
    customer: Customer = "",
    time: Time = "",
    amount: Amount = "",
    no_amount: NoAmount = False,
    event: Event = "",
    orders: Orders = [],  # noqa: B006
    timezone: Timezone = "UTC",
    observed_until: Until = "",
    on_refund: OnRefund = Refund.net,
    on_invalid: OnInvalid = Invalid.error,
    unit: UnitOption = Unit.week,
) -> None:
    """Show or write one row a customer: repeat orders, recency, T, mean order value, revenue."""
    from tenure import _table_files
    from tenure._model_file import write_whole

    ending = Path(out).suffix.lower() if out not in {"", "-"} else ".csv"
    if ending not in {".csv", ".parquet"}:
        raise typer.BadParameter("must end in .csv or .parquet, or be -", param_hint="--out")
    log = _read(
        files,
        customer,
        time,
        amount,
        event,
        orders,
        no_amount=no_amount,
        timezone=timezone,
        observed_until=observed_until,
        on_refund=on_refund,
        on_invalid=on_invalid,
    )
    tell_findings(log)
    result = log.summary(unit=unit.value)
    if not out:
        show(result, rows)
        return
    table = _table_files.missing_for_nan(result.to_arrow())
    content = _table_files.to_csv(table) if ending == ".csv" else _table_files.to_parquet(table)
    if out == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        write_whole(Path(os.path.abspath(out)), content)
        say(f"{len(result):,} customers in {out}")


# --- reading -------------------------------------------------------------------------------------


def _read(
    files: list[str],
    customer: str,
    time: str,
    amount: str,
    event: str,
    orders: list[str],
    *,
    no_amount: bool,
    timezone: str,
    observed_until: str,
    on_refund: Refund,
    on_invalid: Invalid,
) -> Any:
    """Read a log as the options say; columns that they do not name are told by their names."""
    import tenure as tn
    from tenure.cli import _columns

    if bool(event) != bool(orders):
        raise typer.BadParameter("--event and --orders go together", param_hint="--event")
    chosen = {"customer": customer, "time": time} | ({} if no_amount else {"amount": amount})
    if not all(chosen.values()):
        columns = _columns.names(files)
        guessed = []
        for role in [role for role, column in chosen.items() if not column]:
            found = _columns.guess(columns, role)
            if found is None and role != "amount":
                raise typer.BadParameter(
                    f"no column tells the {role}; the file has {', '.join(map(repr, columns))}",
                    param_hint=f"--{role}",
                )
            chosen[role] = found or ""
            guessed.append(f"{role} = {found}" if found else "no amounts")
        say(f"columns by their names: {', '.join(guessed)}")
        pieces = _columns.unit_price(columns, chosen.get("amount", ""))
        if pieces is not None and not amount:
            say(f"{chosen['amount']} counts as the whole row's amount, {pieces} is not multiplied")
    return tn.read(
        files[0] if len(files) == 1 else files,
        **{role: column for role, column in chosen.items() if column},
        event=event or None,
        orders=orders or None,
        timezone=timezone,
        observed_until=observed_until or None,
        on_refund=on_refund.value,
        on_invalid=on_invalid.value,
    )


def _title(files: list[str]) -> str:
    stem = Path(files[0]).name.partition(".")[0]
    clean = "".join(c for c in stem if c.isprintable())[:80]
    return f"Customers of {clean}" if clean and "*" not in clean else "Customers"


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
