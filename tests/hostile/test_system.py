"""The process around each call: threads, forks, memory that runs out, Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
import entries
import numpy as np
import pytest
from entries import ENTRIES, Entry, digest
from entries._data import index, orders

import tenure as tn

NIGHT = os.environ.get("TENURE_TESTS") == "nightly"

# Some of the data have no neat optimum; here only the bits matter.
pytestmark = pytest.mark.filterwarnings("ignore::tenure.TenureWarning")

entry_points = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
no_limits = pytest.mark.skipif(children.SANITIZED, reason="no limits under a sanitizer")

#: More than two blocks of 8,192 rows, and no multiple of them; the sanitizers see each row slowly.
ROWS = 17_011 if children.SANITIZED else 30_011
THREADS = (2, 8) if children.SANITIZED else (2, 3, 4, 7, 8, 16)


def rows_of(entry: Entry) -> int:
    """Fewer for the calls to which that many would be the work of seconds."""
    return min(ROWS, max(entry.rows // 8, 2_500))


@entry_points
def test_the_same_bits_for_any_number_of_threads(entry: Entry) -> None:
    data = entry.make(rows_of(entry))
    once = digest(entry.call(data, 1))
    for threads in THREADS:
        assert digest(entry.call(data, threads)) == once, f"{threads} threads"


@entry_points
def test_threads_of_python_share_what_they_work_on(entry: Entry) -> None:
    data = entry.make(rows_of(entry))
    once = digest(entry.call(data, 1))
    seen: list[str] = []
    calls = 1 if children.SANITIZED else 3

    def work() -> None:
        seen.extend(digest(entry.call(data, 2)) for _ in range(calls))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert seen == [once] * 8 * calls


@entry_points
def test_a_forked_child_goes_on(entry: Entry) -> None:
    """Threads of the parent do not exist in the child: nothing may wait for them."""
    data = entry.make(rows_of(entry))
    once = digest(entry.call(data, 4))
    ended = children.run(lambda: digest(entry.call(data, 4)), seconds=30.0)
    assert (ended.how, ended.value, ended.message) == ("returned", once, "")


def without_memory(entry: Entry, room: int) -> tuple[str, str]:
    """Call with `room` bytes to spare, then, with all memory back, a small call."""
    few = entry.make(2000)
    entry.call(few, 2)
    data = entry.make(entry.rows // 20)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + room, limits[1]))
    try:
        entry.call(data, 2)
        ended = "returned"
    except MemoryError:
        ended = "MemoryError"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    return ended, digest(entry.call(few, 2))


@no_limits
@entry_points
def test_memory_that_runs_out_is_a_memory_error(entry: Entry) -> None:
    few = entry.make(2000)
    right = digest(entry.call(few, 1))
    for room in (0, 2**20, 2**23, 2**25) if NIGHT else (2**20, 2**24):
        ended = children.run(without_memory, entry, room, seconds=60.0, memory=0)
        assert ended.how == "returned", f"{room} bytes: {ended.how} {ended.error} {ended.message}"
        assert ended.value[1] == right


@no_limits
@entry_points
@pytest.mark.slow
def test_ctrl_c_is_answered_within_a_tenth_of_a_second(entry: Entry) -> None:
    data = entry.make(entry.rows)
    few = entry.make(2000)
    right = digest(entry.call(few, 1))

    def work() -> None:
        while True:
            entry.call(data, 2)

    for delay in (0.1, 0.23, 0.37, 0.5, 0.71):
        ended = children.interrupt(work, after=lambda: digest(entry.call(few, 1)), delay=delay)
        assert ended.after == right
        assert ended.latency < 0.1, f"{ended.latency:.3f} s after {delay} s"


def changing(arrays: list[np.ndarray], call: Callable[[], object], seconds: float) -> int:
    """Call again and again while a thread writes other values into the arrays."""
    stop = threading.Event()
    others = [np.roll(a, 7)[::-1].copy() for a in arrays]
    own = [a.copy() for a in arrays]

    def write() -> None:
        while not stop.is_set():
            for values in (others, own):
                for a, other in zip(arrays, values, strict=True):
                    a[...] = other

    writer = threading.Thread(target=write)
    writer.start()
    calls = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        calls += 1
        with contextlib.suppress(tn.TenureError):
            call()
    stop.set()
    writer.join()
    return calls


def numpy_columns(data: Any) -> list[np.ndarray]:
    values = (
        data.values() if isinstance(data, dict) else data if isinstance(data, tuple) else [data]
    )
    return list(values)


@pytest.mark.parametrize("name", ["KaplanMeier", "KMeans", "BGNBD", "GammaGamma", "EventLog"])
def test_arrays_that_another_thread_changes_do_no_harm(name: str) -> None:
    if name == "EventLog":
        table = orders(ROWS)
        data: Any = {c: table[c].to_numpy().copy() for c in table.column_names}
        call = functools.partial(index, data, 2)
    else:
        entry = next(e for e in ENTRIES if e.name == name)
        data = entry.make(ROWS)
        call = functools.partial(entry.call, data, 2)
    seconds = 10.0 if NIGHT else 1.0
    ended = children.run(changing, numpy_columns(data), call, seconds, seconds=seconds + 20.0)
    assert ended.how == "returned", f"{ended.how} {ended.error} {ended.message}"
    assert ended.value > 0


ENVIRONMENTS = [
    {"LC_ALL": "C"},
    {"LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Apia"},
    {"OMP_NUM_THREADS": "junk", "TZ": "junk", "PYTHONHASHSEED": "1"},
]


@pytest.mark.parametrize("changed", ENVIRONMENTS, ids=lambda e: " ".join(map("=".join, e.items())))
def test_locale_zone_and_environment_change_nothing(changed: dict[str, str]) -> None:
    """113, 115: neither decimal commas nor the clock of the machine are in any result."""
    script = (
        "import locale, warnings; warnings.simplefilter('ignore')\n"
        "try: locale.setlocale(locale.LC_ALL, '')\n"
        "except locale.Error: pass\n"
        "import entries\n"
        "for e in entries.ENTRIES: print(e.name, entries.digest(e.call(e.make(500), 2)))\n"
    )
    here = [str(Path(entries.__file__).parent.parent), *filter(None, sys.path)]
    env = {**os.environ, **changed, "PYTHONPATH": os.pathsep.join(here)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    expected = [f"{e.name} {digest(e.call(e.make(500), 1))}" for e in ENTRIES]
    assert done.stdout.splitlines() == expected
