"""Files of a report: whole or not at all, replaced only where a report lies, harmless cells."""

from __future__ import annotations

import csv
import io
import json
import os
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tenure as tn
from tenure import _table_files
from tenure.reporting import _files

FILES = {"index.html": b"<p>page</p>", "tables/a.csv": b"x\n1\n"}
ABOUT = {"parameters": {"unit": "week"}}


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# --- cells ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "=", "-"],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    content = _table_files.to_csv(pa.table({"customer": [text, "plain", f" {text}"]})).decode()
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert rows == [["customer"], ["'" + text], ["plain"], [f" {text}"]]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_layout_of_text_is_made_harmless(kind):
    column = pa.array(["=x", None, "y"]).cast(kind)
    assert _table_files.to_csv(pa.table({"a": column})) == b'"a"\n"\'=x"\n\n"y"\n'


def test_a_heading_can_be_a_formula_too():
    assert _table_files.to_csv(pa.table({"=a": [1]})) == b'"\'=a"\n1\n'


def test_numbers_and_dates_stay_as_they_are():
    table = pa.table({"n": [-1, 2], "x": [-1.5, None], "day": pa.array([-1, 0], pa.date32())})
    assert _table_files.to_csv(table) == b'"n","x","day"\n-1,-1.5,1969-12-31\n2,,1970-01-01\n'


def test_commas_quotes_and_line_breaks_come_back():
    texts = ["a,b", 'say "hi"', "two\nlines", "", "ünï"]
    content = _table_files.to_csv(pa.table({"a": texts})).decode()
    assert [r[0] if r else "" for r in csv.reader(io.StringIO(content, newline=""))][1:] == texts


def test_parquet_gives_the_table_back():
    table = pa.table({"a": ["=x", None], "b": [1.5, None], "c": pa.array([0, None], pa.date32())})
    assert pq.read_table(io.BytesIO(_table_files.to_parquet(table))).equals(table)


def test_missing_for_nan_touches_only_numbers():
    table = pa.table({"x": [1.0, float("nan")], "s": ["nan", "b"], "n": [1, 2]})
    assert _table_files.missing_for_nan(table).to_pydict() == {
        "x": [1.0, None],
        "s": ["nan", "b"],
        "n": [1, 2],
    }


# --- folders -------------------------------------------------------------------------------------


def test_a_folder_is_written_with_its_manifest(tmp_path):
    _files.write_folder(tmp_path / "out", FILES, ABOUT)
    assert listing(tmp_path / "out") == ["index.html", "report.json", "tables", "tables/a.csv"]
    manifest = json.loads((tmp_path / "out" / "report.json").read_text())
    assert manifest["parameters"] == {"unit": "week"}
    assert set(manifest["files"]) == set(FILES)
    assert all(re.fullmatch("[0-9a-f]{64}", s) for s in manifest["files"].values())
    assert listing(tmp_path)[0] == "out"
    assert os.listdir(tmp_path) == ["out"]  # nothing temporary is left


def test_a_former_report_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    _files.write_folder(out, {**FILES, "tables/old.csv": b""}, ABOUT)
    _files.write_folder(out, {"index.html": b"new"}, ABOUT)
    assert listing(out) == ["index.html", "report.json"]
    assert (out / "index.html").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    _files.write_folder(tmp_path / "out", FILES, ABOUT)
    assert (tmp_path / "out" / "index.html").is_file()


def plant(out, kind):
    """Make something at `out` that is no report, and return what must survive."""
    if kind == "foreign folder":
        out.mkdir()
        (out / "thesis.doc").write_text("years")
    elif kind == "report with a stranger":
        _files.write_folder(out, FILES, ABOUT)
        (out / "tables" / "mine.xlsx").write_text("mine")
    elif kind == "report with a strange folder":
        _files.write_folder(out, FILES, ABOUT)
        (out / "more").mkdir()
    elif kind == "report with a link":
        _files.write_folder(out, FILES, ABOUT)
        (out / "tables" / "link").symlink_to(out.parent)
    elif kind == "forged manifest":
        out.mkdir()
        (out / "report.json").write_text('{"kind": "holiday photos", "files": {}}')
    elif kind == "broken manifest":
        out.mkdir()
        (out / "report.json").write_text("{")
    elif kind == "file":
        out.write_text("mine")
    elif kind == "link to a folder":
        (out.parent / "elsewhere").mkdir()
        out.symlink_to(out.parent / "elsewhere")
    elif kind == "dangling link":
        out.symlink_to(out.parent / "nowhere")


@pytest.mark.parametrize(
    "kind",
    [
        "foreign folder",
        "report with a stranger",
        "report with a strange folder",
        "report with a link",
        "forged manifest",
        "broken manifest",
        "file",
        "link to a folder",
        "dangling link",
    ],
)
def test_nothing_but_a_report_is_replaced(tmp_path, kind):
    out = tmp_path / "out"
    plant(out, kind)
    before = listing(tmp_path)
    with pytest.raises(tn.InvalidInputError) as caught:
        _files.write_folder(out, {"index.html": b"new"}, ABOUT)
    assert caught.value.argument == "path"
    assert listing(tmp_path) == before
    with pytest.raises(tn.InvalidInputError):
        _files.check_target(out)


def test_the_parent_must_be_there(tmp_path):
    with pytest.raises(tn.InvalidInputError, match="is no folder; make it first"):
        _files.write_folder(tmp_path / "a" / "b", FILES, ABOUT)
    with pytest.raises(tn.InvalidInputError, match="is no folder; make it first"):
        _files.write_page(tmp_path / "a" / "b.html", b"")
    with pytest.raises(tn.InvalidInputError):
        _files.check_target("/")


def test_a_relative_path_may_lead_upwards(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    _files.write_folder("../out", FILES, ABOUT)
    assert (tmp_path / "out" / "index.html").is_file()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["write", "first rename", "second rename"])
def test_a_failure_at_any_step_leaves_the_former_report(tmp_path, monkeypatch, step, failure):
    out = tmp_path / "out"
    _files.write_folder(out, FILES, ABOUT)
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    calls = []
    write, rename = _files.write_whole, os.rename

    def failing_write(path, data):
        calls.append(path)
        if step == "write" and len(calls) == 2:
            raise failure
        write(path, data)

    def failing_rename(source, target):
        calls.append(source)
        if str(source).endswith("new") and step == "second rename":
            raise failure
        if str(target).endswith("old") and step == "first rename":
            raise failure
        rename(source, target)

    monkeypatch.setattr(_files, "write_whole", failing_write)
    monkeypatch.setattr(_files.os, "rename", failing_rename)
    with pytest.raises(type(failure)):
        _files.write_folder(out, {"index.html": b"new", "b": b""}, ABOUT)
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs a folder that nobody may write to")
def test_a_folder_that_cannot_be_written_is_an_error_of_the_system():
    with pytest.raises(OSError):
        _files.write_folder("/proc/out", FILES, ABOUT)
    with pytest.raises(OSError):
        _files.write_page("/proc/out.html", b"")


# --- single pages --------------------------------------------------------------------------------


def page(text):
    return f'<!DOCTYPE html>\n<meta charset="utf-8">\n{_files.GENERATOR} 0">\n{text}'.encode()


def test_a_page_replaces_a_former_page_only(tmp_path):
    out = tmp_path / "r.html"
    _files.write_page(out, page("one"))
    _files.write_page(out, page("two"))
    assert out.read_bytes().endswith(b"two")
    out.write_bytes(b"<p>my own</p>")
    with pytest.raises(tn.InvalidInputError, match="is no report"):
        _files.write_page(out, page("three"))
    assert out.read_bytes() == b"<p>my own</p>"


def test_a_page_is_no_folder_and_no_device(tmp_path):
    (tmp_path / "r.html").mkdir()
    (tmp_path / "full.html").symlink_to("/dev/full")
    for name in ("r.html", "full.html"):
        with pytest.raises(tn.InvalidInputError):
            _files.write_page(tmp_path / name, page(""))
    with pytest.raises(tn.InvalidInputError, match="device"):
        _files.write_folder("/dev/full", FILES, ABOUT)


def test_equal_tables_give_equal_bytes():
    table = pa.table({"x": np.arange(1000) / 7, "s": [str(i) for i in range(1000)]})
    assert _table_files.to_parquet(table) == _table_files.to_parquet(table)
    assert _table_files.to_csv(table) == _table_files.to_csv(table)
