"""The process around each call: threads, forks, memory that runs out, Ctrl-C."""

from __future__ import annotations

import os
import resource
import threading

import children
import pytest
from entries import ENTRIES, Entry, digest

NIGHT = os.environ.get("TENURE_TESTS") == "nightly"

# Some of the data have no neat optimum; here only the bits matter.
pytestmark = pytest.mark.filterwarnings("ignore::tenure.TenureWarning")

entry_points = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
no_limits = pytest.mark.skipif(children.SANITIZED, reason="no limits under a sanitizer")

#: More than two blocks of 8,192 rows, and no multiple of them.
ROWS = 30_011


@entry_points
def test_the_same_bits_for_any_number_of_threads(entry: Entry) -> None:
    data = entry.make(ROWS)
    once = digest(entry.call(data, 1))
    for threads in (2, 3, 4, 7, 8, 16):
        assert digest(entry.call(data, threads)) == once, f"{threads} threads"


@entry_points
def test_threads_of_python_share_what_they_work_on(entry: Entry) -> None:
    data = entry.make(ROWS)
    once = digest(entry.call(data, 1))
    seen: list[str] = []

    def work() -> None:
        seen.extend(digest(entry.call(data, 2)) for _ in range(3))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert seen == [once] * 24


@entry_points
def test_a_forked_child_goes_on(entry: Entry) -> None:
    """Threads of the parent do not exist in the child: nothing may wait for them."""
    data = entry.make(ROWS)
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
