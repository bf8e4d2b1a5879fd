"""Run a call in a child process: under a memory limit and a deadline, or with Ctrl-C on the way.

`run` tells how a call ended, whatever it did to its process, and `interrupt` measures how long a
call takes to answer a SIGINT. Both fork the calling process, so that closures work. `run_warm`
forks a server instead, which has imported everything and never started a thread: for a function of
an importable module, whatever the tests before it have left behind.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import importlib
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

#: Imported by the warm server, so that each of its children starts in milliseconds.
PRELOAD = ["numpy", "pyarrow", "pandas", "polars", "sklearn.utils.multiclass", "tenure"]

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


def _start(target: Callable[..., None], args: tuple[Any, ...]) -> tuple[Any, Any]:
    context = multiprocessing.get_context("fork")
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
) -> Ended:
    """Call `function(*args)` in a child; `memory` bytes on top of what it holds, 0: no limit."""
    if SANITIZED:
        seconds *= 10
    process, pipe = _start(_child, (function, args, memory))
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


def run_warm(function: Callable[..., Any], *args: Any, **limits: Any) -> Ended:
    """As `run`, from the warm server; the function and its arguments travel by pickle."""
    pipe = _server()
    pipe.send((function, args, limits))
    return pipe.recv()


@functools.cache
def _server() -> Connection:
    ours, theirs = socket.socketpair()
    code = f"import sys; sys.path[:] = {sys.path!r}; import children; children._serve()"
    server = subprocess.Popen([sys.executable, "-c", code], stdin=theirs.fileno())
    theirs.close()
    pipe = Connection(ours.detach())

    def stop() -> None:
        pipe.close()  # the server ends when nobody holds the other side
        server.wait()

    atexit.register(stop)
    return pipe


def _serve() -> None:
    for module in PRELOAD:
        importlib.import_module(module)
    pipe = Connection(os.dup(0))
    while True:
        try:
            function, args, limits = pipe.recv()
        except EOFError:
            return  # the tests are over
        pipe.send(run(function, *args, **limits))


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
) -> Interrupted:
    """Call `function` in a child, send SIGINT after `delay` seconds and measure the answer.

    Fails if the call ends before the signal: then it is too short to show anything.
    """
    process, pipe = _start(_interruptible, (function, after))
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
