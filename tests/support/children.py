"""Run a call in a child process: under a memory limit and a deadline, or with Ctrl-C on the way.

`run` tells how a call ended, whatever it did to its process. `interrupt` measures how long a call
takes to answer a SIGINT. Both fork: from a warm server process (`start="forkserver"`, for functions
of importable modules), or from the calling one (`start="fork"`, for closures; what the parent's
threads held stays held).
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

#: Imported once by the server, so that each child starts in milliseconds.
PRELOAD = ["numpy", "pyarrow", "pandas", "tenure"]

#: The sanitizers reserve terabytes of addresses and slow every call.
SANITIZED = bool(os.environ.get("TENURE_SANITIZER"))

GIGABYTE = 2**30


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a call ended: `how` is returned, raised, crashed or hung."""

    how: str
    value: Any = None
    error: str = ""  # class name
    bases: tuple[str, ...] = ()  # names of the class and its bases
    message: str = ""
    warned: tuple[tuple[str, str], ...] = ()  # (class name, message)
    seconds: float = 0.0


def limit_memory(more: int) -> None:
    """Refuse this process any allocation beyond `more` bytes above what it has mapped now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + more, mapped + more))


def _child(pipe: Any, function: Callable[..., Any], args: tuple[Any, ...], memory: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if memory and not SANITIZED:
        limit_memory(memory)
    begun = time.monotonic()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            ended = Ended("returned", function(*args))
        except BaseException as error:
            ended = Ended(
                "raised",
                error=type(error).__name__,
                bases=tuple(c.__name__ for c in type(error).__mro__),
                message=str(error),
            )
    warned = tuple((w.category.__name__, str(w.message)) for w in caught)
    pipe.send(dataclasses.replace(ended, warned=warned, seconds=time.monotonic() - begun))
    pipe.close()


def _start(target: Callable[..., None], args: tuple[Any, ...], start: str) -> tuple[Any, Any]:
    context = multiprocessing.get_context(start)
    if start == "forkserver":
        context.set_forkserver_preload(PRELOAD)
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *args), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: forking beside threads
        process.start()
    theirs.close()
    return process, ours


def run(
    function: Callable[..., Any],
    *args: Any,
    seconds: float = 5.0,
    memory: int = 2 * GIGABYTE,
    start: str = "fork",
) -> Ended:
    """Call `function(*args)` in a child; `memory` bytes on top of what it holds, 0: no limit."""
    if SANITIZED:
        seconds *= 10
    process, pipe = _start(_child, (function, args, memory), start)
    try:
        if not pipe.poll(seconds):
            return Ended("hung", message=f"no answer within {seconds:g} s")
        try:
            return pipe.recv()
        except EOFError:
            process.join()
            return Ended("crashed", message=f"exit code {process.exitcode}")
    finally:
        process.kill()
        process.join()
        pipe.close()


@dataclasses.dataclass(frozen=True)
class Interrupted:
    """Seconds from SIGINT to KeyboardInterrupt, and what `after()` returned in that process."""

    latency: float
    after: Any


def _interruptible(pipe: Any, function: Callable[[], Any], after: Callable[[], Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pipe.send("ready")
    try:
        function()
    except KeyboardInterrupt:
        pipe.send((time.monotonic(), after()))
    else:
        pipe.send("finished")


def interrupt(
    function: Callable[[], Any],
    after: Callable[[], Any] = lambda: None,
    delay: float = 0.2,
    start: str = "fork",
) -> Interrupted:
    """Call `function` in a child, send SIGINT after `delay` seconds and measure the answer.

    Fails if the call ends before the signal: then it is too short to show anything.
    """
    process, pipe = _start(_interruptible, (function, after), start)
    try:
        assert pipe.poll(60), "the child did not start"
        assert pipe.recv() == "ready"
        time.sleep(delay)
        sent = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert pipe.poll(60), "the call did not answer SIGINT within a minute"
        answer = pipe.recv()
        assert answer != "finished", f"the call was over within {delay} s: give it more work"
        caught, value = answer
        return Interrupted(caught - sent, value)
    finally:
        process.kill()
        process.join()
        pipe.close()
