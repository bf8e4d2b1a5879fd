"""What a benchmark run measured: as text, as JSON, and as docs/benchmarks.md."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import workloads

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `benchmarks/report.py` from `benchmarks/results/*.json`; `./dev bench` measures again.
Every implementation gets the same seeded data in a process of its own, in the form that its library
likes best, and runs are interleaved. Times are seconds: wall time (median, and the least) and CPU
time of all threads (median). Memory is the peak beyond what was resident before the run, in MB.
"times tenure" divides medians of wall time: above 1 tenure is faster. Results are compared with
each other within the tolerances that the workload states. Where a table says what bounds tenure,
a profile said it.
"""


def median(values: list[float]) -> float:
    return statistics.median(values) if values else float("nan")


def base_time(result: dict[str, Any]) -> float:
    """Median wall time of tenure's first implementation."""
    return next(
        (median(r["wall"]) for r in result["rows"] if r["ours"] and r["wall"]), float("nan")
    )


def cells(row: dict[str, Any], base: float) -> list[str]:
    versions = ", ".join(v for v in row["versions"].values())
    name = f"{row['name']} {versions}".strip()
    if row["error"]:
        return [name, "-", "-", "-", "-", "-", row["error"]]
    wall = median(row["wall"])
    return [
        name,
        f"{wall:.3g}",
        f"{min(row['wall']):.3g}",
        f"{median(row['cpu']):.3g}",
        f"{row['peak_mb']:.0f}",
        f"{wall / base:.2f}" if base == base else "-",
        (row["differs"] and f"differs: {row['differs']}") or "agrees",
    ]


HEAD = ["implementation", "wall", "least", "CPU", "MB", "times tenure", "result"]


def as_text(result: dict[str, Any]) -> str:
    base = base_time(result)
    table = [HEAD, *(cells(row, base) for row in result["rows"])]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    lines = [
        "  ".join(c.ljust(w) if i in (0, 6) else c.rjust(w) for i, (c, w) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in table)
    ]
    size = ", ".join(f"{key} {value:,}" for key, value in result["size"].items())
    head = f"{result['workload']}: {result['about']} (here: {size})"
    return "\n".join([head, *(f"  {line.rstrip()}" for line in lines), ""])


def as_markdown(result: dict[str, Any], bound: str = "") -> str:
    base = base_time(result)
    machine = result["machine"]
    rows = sorted(
        result["rows"], key=lambda r: (not r["ours"], bool(r["error"]), median(r["wall"]))
    )
    lines = [HEAD, ["---", *["---:"] * 5, "---"], *(cells(row, base) for row in rows)]
    return "\n".join(
        [
            f"## {result['workload']}",
            "",
            f"{result['about']}.",
            f"Measured {result['measured']} on {machine['cpu']}, {machine['threads']} threads.",
            "",
            *("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines),
            *(["", f"What bounds tenure: {bound}."] if bound else []),
            "",
        ]
    )


def save(result: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=1, sort_keys=True) + "\n"
    (RESULTS / f"{result['workload']}.json").write_text(text, encoding="utf-8")


def page() -> str:
    """docs/benchmarks.md, as the stored results say."""
    results = [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("*.json"))
    ]
    known = workloads.load()
    parts = [as_markdown(result, known[result["workload"]].bound) for result in results]
    return "\n".join([INTRODUCTION, *parts])


def write_page() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write_page()
