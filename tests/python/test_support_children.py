"""The harness sees what it must see: otherwise a green hostile table would mean nothing."""

from __future__ import annotations

import os
import signal
import time
import warnings

import children
import pytest


def crash():
    os.kill(os.getpid(), signal.SIGKILL)


def spin():
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pass


def test_a_result_comes_back():
    ended = children.run(lambda a: a + 1, 41)
    assert (ended.how, ended.value) == ("returned", 42)


def test_an_error_comes_back_with_its_bases():
    ended = children.run(lambda: [].index(0))
    assert (ended.how, ended.error) == ("raised", "ValueError")
    assert "Exception" in ended.bases


def test_warnings_come_back():
    ended = children.run(lambda: warnings.warn("careful", UserWarning, stacklevel=1))
    assert ended.warned == (("UserWarning", "careful"),)


def test_a_crash_is_a_crash():
    assert children.run(crash) == children.Ended("crashed", message="exit code -9")


def test_a_hang_is_a_hang():
    assert children.run(time.sleep, 100, seconds=0.2).how == "hung"


@pytest.mark.skipif(children.SANITIZED, reason="no memory limit under a sanitizer")
def test_the_memory_limit_holds():
    ended = children.run(lambda: len(bytearray(2**28)), memory=2**27)
    assert (ended.how, ended.error) == ("raised", "MemoryError")
    assert children.run(lambda: len(bytearray(2**26)), memory=2**27).value == 2**26


def test_importable_functions_run_from_the_warm_server():
    assert children.run_warm(divmod, 7, 2).value == (3, 1)


def test_interrupt_measures_the_answer():
    seen = children.interrupt(spin, after=lambda: "usable")
    assert seen.latency < 0.1
    assert seen.after == "usable"


def test_interrupt_sees_a_slow_answer():
    def deaf():  # as a kernel that never polls
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        time.sleep(0.6)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    assert children.interrupt(deaf, delay=0.1).latency > 0.3


def test_interrupt_refuses_a_short_call():
    with pytest.raises(AssertionError, match="give it more work"):
        children.interrupt(lambda: None)
