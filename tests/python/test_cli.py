"""The command line: what it writes where, what it says, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tenure as tn

pytest.importorskip("typer")
pytest.importorskip("matplotlib").use("Agg")

import pyarrow as pa  # noqa: E402
import pyarrow.csv as pacsv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from tenure.cli import _columns, _talk  # noqa: E402
from tenure.cli._commands import app  # noqa: E402
from tenure.reporting import _context  # noqa: E402

PACKAGE = str(Path(tn.__file__).parents[1])

ORDERS = """\
Customer ID,Order Date,Amount
7,2024-01-01,10.5
7,2024-02-01,20
8,2024-01-15,5
9,2024-03-01,-1
9,2024-03-01,4
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def in_a_process(*arguments, **more):
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "tenure.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        **more,
    )


@pytest.fixture(autouse=True)
def outlines(monkeypatch):
    """Pictures are painted and not rendered, which takes most of the time; children render them."""
    monkeypatch.setattr(_context, "to_svg", lambda figure, name, text: "<svg></svg>")


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return path


# --- report --------------------------------------------------------------------------------------


def test_the_sample_becomes_a_report(tmp_path):
    done = in_a_process("report", "--sample", "--out", "report/", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "report/index.html\n"
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "23,570 customers placed 67,591 orders worth $2.50M" in page
    assert pq.read_metadata(tmp_path / "report/tables/customers.parquet").num_rows == 23_570
    assert "Traceback" not in done.stderr


def test_a_file_becomes_a_report_with_guessed_columns(orders, tmp_path):
    done = run("report", orders, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "customer = Customer ID, time = Order Date, amount = Amount" in done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'index.html'}\n"
    about = json.loads((tmp_path / "out" / "report.json").read_text())
    assert about["parameters"]["rows_read"] == 5
    assert "<title>Customers of orders</title>" in (tmp_path / "out/index.html").read_text()


def test_every_option_reaches_the_report(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "who,at,paid,kind\n"
        "1,2024-01-01 23:30:00,3.5,buy\n1,2024-02-01 10:00:00,2,buy\n1,2024-02-02 10:00:00,9,look\n"
        "2,2024-03-01 10:00:00,,buy\n2,2024-03-05 10:00:00,1,buy\n1,2024-05-01 10:00:00,9,buy\n"
    )
    done = run(
        *("report", path, "--out", tmp_path / "page.html", "--customer", "who", "--time", "at"),
        *("--amount", "paid", "--event", "kind", "--orders", "buy", "--timezone", "Europe/Oslo"),
        *("--observed-until", "2024-04-30", "--on-refund", "drop", "--on-invalid", "drop"),
        *("--horizon", "90d", "--discount-rate", "0.2", "--margin", "0.5", "--cut", "2024-02-10"),
        *("--unit", "day", "--currency", "NOK", "--title", "A <shop>"),
    )
    assert done.exit_code == 0
    page = (tmp_path / "page.html").read_text()
    for text in (
        "A &lt;shop&gt;",
        "2024-01-01 to 2024-04-30, time zone Europe/Oslo",
        "dropped",
        '<td class="text">day</td>',
        "2024-02-10, then",
        "90d (90.00 days)",
        "20.0\u00a0% a year",
        "50.0\u00a0%",
        "NOK 6.50",
        "Events that count as orders: buy.",
    ):
        assert text in page, text
    assert "1 rows: missing amount, dropped" in done.stderr
    assert "1 rows: after end, dropped" in done.stderr


def test_a_number_as_horizon_counts_units(orders, tmp_path):
    done = run("report", orders, "--out", tmp_path / "out", "--horizon", "26")
    assert done.exit_code == 0
    about = json.loads((tmp_path / "out" / "report.json").read_text())
    assert about["parameters"]["horizon"] == "26 weeks"


def test_parquet_and_several_files(tmp_path):
    for month in (1, 2):
        table = pa.table({"user_id": ["a", "b"], "date": [dt.date(2024, month, d) for d in (1, 2)]})
        pq.write_table(table, tmp_path / f"part{month}.parquet")
    together = run("report", tmp_path / "part*.parquet", "--out", tmp_path / "one")
    listed = run(
        *("report", tmp_path / "part1.parquet", tmp_path / "part2.parquet"),
        *("--out", tmp_path / "two"),
    )
    assert together.exit_code == listed.exit_code == 0
    assert "no amounts" in together.stderr
    one, two = (tmp_path / n / "tables/customers.csv" for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert b'"a",2,2024-01-01,2024-02-01' in one.read_bytes()


def test_no_amount_leaves_money_out(orders, tmp_path):
    done = run("report", orders, "--no-amount", "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "the log has no amounts" in (tmp_path / "out/index.html").read_text()


def test_a_price_beside_a_quantity_is_told_of(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("customer,date,quantity,price\n1,2024-01-01,2,3\n1,2024-01-09,2,3\n")
    done = run("summary", path)
    assert "price counts as the whole row's amount, quantity is not multiplied" in done.stderr


# --- summary -------------------------------------------------------------------------------------


def test_the_summary_is_shown(orders):
    done = run("summary", orders, "--unit", "day", "--rows", "2")
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if "│" in line]
    cells = [[c.strip() for c in line.strip("│").split("│")] for line in lines]
    assert cells == [
        ["7", "1", "31.00", "60.00", "20.00", "30.50", "2024-01-01 00:00", "2024-02-01 00:00"],
        ["8", "0", "0.00", "46.00", "-", "5.00", "2024-01-15 00:00", "2024-01-15 00:00"],
    ]
    assert "1 more" in done.stdout


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_summary_is_written(orders, tmp_path, ending):
    out = tmp_path / f"summary.{ending}"
    assert run("summary", orders, "--out", out).exit_code == 0
    table = pacsv.read_csv(out) if ending == "csv" else pq.read_table(out)
    log = tn.read(orders, customer="Customer ID", time="Order Date", amount="Amount")
    want = log.summary()
    assert table["customer"].to_pylist() == want.customer.tolist()
    assert table["T"].to_pylist() == want.T.tolist()
    assert table["monetary_value"].to_pylist()[1] is None


def test_the_summary_goes_down_a_pipe(orders):
    done = in_a_process("summary", orders, "--out", "-")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].startswith("7,1,4.42857")
    assert "columns by their names" in done.stderr


def test_ids_are_harmless_in_cells_and_on_the_terminal(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(
        'customer,date\n=cmd|calc,2024-01-01\n"\x1b[31mred",2024-01-01\n[b]x,2024-01-02\n'
    )
    shown = run("summary", path)
    assert "\x1b[31m" not in shown.stdout
    assert "[b]x" in shown.stdout
    written = run("summary", path, "--out", "-")
    assert '"\'=cmd|calc"' in written.stdout


# --- endings -------------------------------------------------------------------------------------


def test_version_and_help():
    assert run("--version").stdout == f"tenure {tn.__version__}\n"
    for arguments in (["--help"], ["report", "--help"], ["summary", "-h"]):
        done = run(*arguments)
        assert done.exit_code == 0
    done = in_a_process("report", "--help")
    for word in ("--customer", "--cut", "--on-refund", "Examples", "--sample", "orders.csv"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["report"],
        ["report", "orders.csv", "--sample"],
        ["report", "orders.csv", "--unit", "fortnight"],
        ["report", "orders.csv", "--margin", "much"],
        ["report", "orders.csv", "--event", "kind"],
        ["report", "orders.csv", "--no-such-option"],
        ["summary"],
        ["summary", "orders.csv", "--out", "summary.xlsx"],
        ["forecast"],
    ],
)
def test_a_command_that_is_not_understood_ends_with_2(arguments, orders, monkeypatch):
    monkeypatch.chdir(orders.parent)
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr
    assert os.listdir(orders.parent) == ["orders.csv"]


def test_a_column_that_cannot_be_guessed_is_asked_for(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("alpha,date\n1,2024-01-01\n")
    done = in_a_process("summary", path)
    assert done.returncode == 2
    assert "no column tells the customer" in done.stderr
    assert "--customer" in done.stderr


def broken(tmp_path, kind):
    path = tmp_path / "o.csv"
    path.write_text(ORDERS)
    arguments = ["report", path, "--out", tmp_path / "out"]
    if kind == "no file":
        arguments[1] = tmp_path / "none.csv"
    elif kind == "no such glob":
        arguments[1] = tmp_path / "*.parquet"
    elif kind == "unknown ending":
        path.rename(tmp_path / "o.xlsx")
        arguments[1] = tmp_path / "o.xlsx"
    elif kind == "no such column":
        arguments += ["--customer", "who"]
    elif kind == "bad cell":
        path.write_text("customer,date,amount\n1,2024-01-01,1\n,2024-01-02,2\n")
    elif kind == "bad date":
        path.write_text("customer,date,amount\n1,2024-01-01,1\n2,soon,2\n")
    elif kind == "ragged":
        path.write_text('customer,date,amount\n1,2024-01-01,1\n1,2\n"x,2,3,4,5\n')
    elif kind == "no rows":
        path.write_text("customer,date,amount\n")
    elif kind == "empty":
        path.write_text("")
    elif kind == "only refunds":
        path.write_text("customer,date,amount\n1,2024-01-01,-1\n")
    elif kind == "refunds forbidden":
        arguments += ["--on-refund", "raise"]
    elif kind == "bad horizon":
        arguments += ["--horizon", "soon"]
    elif kind == "bad cut":
        arguments += ["--cut", "2030-01-01"]
    elif kind == "bad zone":
        arguments += ["--timezone", "Mars/Olympus"]
    elif kind == "taken":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis").write_text("years")
    elif kind == "no parent":
        arguments[3] = tmp_path / "a" / "b"
    elif kind == "not writable":
        arguments[3] = "/proc/out"
    return arguments


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no file", "there is no file"),
        ("no such glob", "cannot be read"),
        ("unknown ending", "the ending '.xlsx'"),
        ("no such column", "who"),
        ("bad cell", "customer is null in 1 row"),
        ("bad date", "date"),
        ("ragged", "Line: 3"),
        ("no rows", "the log has no order"),
        ("empty", "is empty"),
        ("only refunds", "no order"),
        ("refunds forbidden", "is negative (a refund)"),
        ("bad horizon", "horizon must be"),
        ("bad cut", "cut"),
        ("bad zone", "timezone"),
        ("taken", "thesis"),
        ("no parent", "make it first"),
        ("not writable", "/proc"),
    ],
)
def test_bad_data_end_with_1_and_one_line(tmp_path, kind, words):
    arguments = broken(tmp_path, kind)
    before = sorted(p.name for p in tmp_path.iterdir())
    done = run(*arguments)
    assert done.exit_code == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("tenure: ")
    assert words in last
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_missing_extra_says_how_to_get_it():
    code = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['tenure', '--version']\n"
        "from tenure.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": PACKAGE},
    )
    assert done.returncode == 1
    assert done.stderr == (
        "tenure: typer is needed to use the command line: pip install 'tenure[report]'\n"
    )


def test_interrupted_it_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_context, "to_svg", interrupted)
    done = run("report", "--sample", "--out", tmp_path / "out")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == "tenure: interrupted"
    assert list(tmp_path.iterdir()) == []


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "want"),
    [
        (["CustomerID", "InvoiceDate", "UnitPrice"], ("CustomerID", "InvoiceDate", None)),
        (["user_id", "timestamp", "revenue"], ("user_id", "timestamp", "revenue")),
        (["Client", "DATE", "Total Amount"], ("Client", "DATE", "Total Amount")),
        (["id", "day", "value"], (None, "day", "value")),
        (["email", "customer_id", "created_at", "order_date"], ("customer_id", "order_date", None)),
        (["order_date", "Date", "date"], (None, "order_date", None)),
        ([], (None, None, None)),
    ],
)
def test_guesses(columns, want):
    assert tuple(_columns.guess(columns, r) for r in ("customer", "time", "amount")) == want


def test_what_is_said_stays_on_one_line(capsys):
    _talk.say("two\nlines \x1b[2J and a bell \a")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tenure: two lines  [2J and a bell  \n"
