"""The benchmarks tell what was measured: the page is the results, and a wrong result shows."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("run")


def row(name="tenure", ours=True, wall=(2.0, 1.0, 4.0), **more):
    values = {
        "versions": {"x": "1.2"},
        "error": "",
        "cpu": [3.0],
        "peak_mb": 5.4,
        "check": {"v": 1.0},
    }
    return {"name": name, "ours": ours, "wall": list(wall), "differs": "", **values, **more}


def result(*rows):
    machine = {"cpu": "a cpu", "threads": 2, "system": "linux"}
    about = {"workload": "w", "about": "what it is", "size": {"n": 3}, "measured": "2024-01-01"}
    return {**about, "machine": machine, "rows": list(rows)}


def test_the_page_is_what_the_results_say(bench):
    page = (BENCHMARKS.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page == bench.report.page(), "run: python benchmarks/report.py"


def test_every_stored_result_is_of_a_workload_and_agrees(bench):
    known = bench.workloads.load()
    for file in (BENCHMARKS / "results").glob("*.json"):
        stored = json.loads(file.read_text(encoding="utf-8"))
        assert stored["workload"] in known
        assert [r["name"] for r in stored["rows"]] == list(
            known[stored["workload"]].implementations
        )
        assert [r["differs"] for r in stored["rows"] if r["differs"]] == []


def test_every_workload_has_ours_first_and_a_peer(bench):
    for work in bench.workloads.load().values():
        sides = [side for _, side, _ in work.implementations.values()]
        assert sides[0] == "ours", work.name
        assert "peers" in sides, work.name
        assert work.agree, work.name


def test_every_peer_is_pinned(bench):
    pins = (BENCHMARKS / "requirements-peers.txt").read_text(encoding="utf-8").lower()
    for work in bench.workloads.load().values():
        for _, side, packages in work.implementations.values():
            for package in packages if side == "peers" else ():
                assert f"\n{package.lower()}==" in pins


def test_data_are_the_same_at_every_call(bench):
    for work in bench.workloads.load().values():
        first, again = (work.make(**work.sizes["smoke"]) for _ in range(2))
        for name, column in first.items():
            assert column.tobytes() == again[name].tobytes()
            assert np.isfinite(column).all()


def test_a_ratio_divides_medians(bench):
    text = bench.report.as_markdown(result(row(), row("peer", False, [5.0, 5.0])))
    assert "| tenure 1.2 | 2 | 1 | 3 | 5 | 1.00 | agrees |" in text
    assert "| peer 1.2 | 5 | 5 | 3 | 5 | 2.50 | agrees |" in text


def test_the_page_says_what_bounds_a_workload(bench):
    assert "\nWhat bounds tenure: memory.\n" in bench.report.as_markdown(result(row()), "memory")
    assert "bounds" not in bench.report.as_markdown(result(row()))


def test_an_error_is_a_row(bench):
    broken = row("peer", False, [], error="ValueError: a | b")
    text = bench.report.as_markdown(result(row(), broken))
    assert "| peer 1.2 | - | - | - | - | - | ValueError: a \\| b |" in text
    assert "ValueError: a | b" in bench.report.as_text(result(row(), broken))


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ({"v": 1.0 + 1e-10}, ""),
        ({"v": 1.01}, "v is 1.01 and not 1"),
        ({"v": float("nan")}, "v is nan and not 1"),
    ],
)
def test_a_result_that_differs_is_told(bench, check, says):
    rows = [row(), row("peer", False, check=check)]
    assert bench.difference(rows[1], rows, {"v": 1e-9}) == says


def test_what_is_not_installed_is_not_a_failure(bench):
    assert bench.is_missing(row(error="ModuleNotFoundError: No module named 'lifetimes'"))
    assert not bench.is_missing(row(error="ValueError: no"))
    assert not bench.is_missing(row())
