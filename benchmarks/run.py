"""Measure tenure and its peers on the same seeded work in the same run.

    python benchmarks/run.py --smoke                  # tiny sizes, whatever is installed here
    python benchmarks/run.py --peers .venv-peers/bin/python --save

Every implementation runs in a process of its own, which holds the data in the library's own form.
Runs are interleaved (a, b, c, b, c, a, ...), so that a slow spell of the machine meets all of them;
the first run of each warms up and does not count, unless it is so slow that it is the only one.
`--save` writes benchmarks/results/<workload>.json and docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402
import workloads  # noqa: E402


class Implementation:
    """One process that runs one implementation when it is told to."""

    def __init__(self, work: Any, name: str, python: Path, data: Path, threads: int) -> None:
        self.name = name
        self.ours = work.implementations[name][1] == "ours"
        self.runs: list[dict[str, Any]] = []
        self.versions: dict[str, str] = {}
        self.error = ""
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - for stop()
        one = str(threads)
        env = {
            **os.environ,
            **dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), one),
            "OMP_WAIT_POLICY": "passive",  # an idle process must not burn the others' cores
        }
        self._process = subprocess.Popen(
            [python, HERE / "worker.py", work.name, name, data, one],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True, env=env,
        )  # fmt: skip

    def _answer(self, limit: float) -> dict[str, Any] | None:
        ready, _, _ = select.select([self._process.stdout], [], [], limit)
        line = self._process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        if ready:
            self._process.wait()
            self._stderr.seek(0)
            lines = self._stderr.read().strip().splitlines()
            errors = [line for line in lines if re.match(r"[\w.]*Error|[\w.]*Exception", line)]
            last = (errors or lines or [f"exit status {self._process.returncode}"])[-1]
            self.error = last.strip()
        else:
            self.error = f"longer than {limit:g} s"
        self.stop()
        return None

    def prepare(self, limit: float) -> None:
        if answer := self._answer(limit):
            self.versions = answer["versions"]

    def run(self, limit: float) -> None:
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        if answer := self._answer(limit):
            self.runs.append(answer)

    def spent(self) -> float:
        return sum(r["wall"] for r in self.runs)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._stderr.close()

    def row(self) -> dict[str, Any]:
        counted = self.runs[1:] or self.runs
        return {
            "name": self.name,
            "ours": self.ours,
            "versions": self.versions,
            "error": self.error,
            "wall": [round(r["wall"], 6) for r in counted],
            "cpu": [round(r["cpu"], 6) for r in counted],
            "peak_mb": round(max((r["peak_mb"] for r in self.runs), default=0.0), 1),
            "check": counted[-1]["check"] if counted else {},
        }


def make_data(work: Any, size: str) -> Path:
    """Write the data once for all implementations, and once for all workloads that share them."""
    folder = ROOT / "build" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{work.data}-{size}.npz"
    if not path.exists():
        import numpy as np

        part = path.with_suffix(".part.npz")
        np.savez(part, **work.make(**work.sizes[size]))
        part.replace(path)
    return path


def measure(work: Any, options: argparse.Namespace) -> dict[str, Any]:
    size = "smoke" if options.smoke else "full"
    try:
        data = make_data(work, size)
    except Exception as error:  # told in the table like any other failure
        data, failed = Path(os.devnull), f"no data: {type(error).__name__}: {error}"
    else:
        failed = ""
    here = Path(sys.executable)
    crew = []
    for name, (_, environment, _) in work.implementations.items():
        python = here if environment == "ours" else options.peers or here
        crew.append(Implementation(work, name, python, data, options.threads))
    for member in crew:  # they get ready side by side: only runs are timed
        member.prepare(options.limit)
        member.error = failed or member.error
    for turn in range(options.runs + 1):
        for member in crew[turn % len(crew) :] + crew[: turn % len(crew)]:
            if not member.error and (turn == 0 or member.spent() < options.budget):
                member.run(options.limit)
    for member in crew:
        member.stop()
    rows = [member.row() for member in crew]
    return {
        "workload": work.name,
        "about": work.about,
        "size": work.sizes[size],
        "measured": f"{dt.date.today():%Y-%m-%d}",
        "machine": {"cpu": cpu_model(), "threads": options.threads, "system": platform.platform()},
        "rows": [{**row, "differs": difference(row, rows, work.agree)} for row in rows],
    }


def difference(row: dict[str, Any], rows: list[dict[str, Any]], agree: dict[str, float]) -> str:
    """What a result says other than the first one that there is; empty if they agree."""
    first = next((r["check"] for r in rows if r["check"]), {})
    for key, tolerance in agree.items() if row["check"] else ():
        a, b = row["check"][key], first[key]
        if not abs(a - b) <= tolerance * max(abs(a), abs(b)):
            return f"{key} is {a:.10g} and not {b:.10g}"
    return ""


def is_missing(row: dict[str, Any]) -> bool:
    """Whether a peer is not installed here."""
    words = ("No module named", "PackageNotFoundError")
    return any(word in row["error"] for word in words)


def cpu_model() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one run each")
    parser.add_argument(
        "--peers", type=Path, help="the Python that has the peers; default: this one"
    )
    parser.add_argument("--only", default="", help="workloads whose names hold one of a,b,c")
    parser.add_argument("--runs", type=int, default=5, help="runs that count (default 5)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--limit", type=float, default=900.0, help="seconds that one run may take")
    parser.add_argument(
        "--budget", type=float, default=120.0, help="seconds after which to stop repeating"
    )
    parser.add_argument("--save", action="store_true", help="write results and docs/benchmarks.md")
    options = parser.parse_args()
    if options.smoke:
        options.runs = 0
    wanted = options.only.split(",")
    works = [w for w in workloads.load().values() if any(x in w.name for x in wanted)]
    results = []
    begun = time.monotonic()
    for work in works:
        results.append(measure(work, options))
        print(report.as_text(results[-1]), flush=True)
        if options.save:
            report.save(results[-1])
    if options.save:
        report.write_page()
    rows = [row for result in results for row in result["rows"]]
    absent = [r for r in rows if is_missing(r) and not r["ours"]]
    bad = [r for r in rows if (r["error"] and r not in absent) or r["differs"]]
    print(
        f"{len(results)} workloads, {len(rows) - len(absent)} implementations, "
        f"{len(absent)} not here, {len(bad)} failed or differ, {time.monotonic() - begun:.0f} s"
    )
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
