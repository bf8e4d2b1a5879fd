"""How far long work is: told to a function, to the terminal or a notebook, or to nobody."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tenure._errors import InvalidInputError

#: A share of the work in [0, 1], and what is being done.
Show = Callable[[float, str], Any]


class Tell:
    """Hands on how far the work is; to nobody if there is no one to show it."""

    def __init__(self, show: Show | None) -> None:
        self._show = show

    def __call__(self, share: float, what: str) -> None:
        if self._show is not None:
            self._show(share, what)

    def steps(self, total: int, what: str) -> Callable[[int], None] | None:
        """Return what the engine calls now and then with the steps that it has done."""
        if self._show is None:
            return None
        return lambda done: self(min(done / total, 1.0), what)


@contextmanager
def shown(progress: Any, what: str) -> Iterator[Tell]:
    """Show the work of a block.

    Parameters
    ----------
    progress : bool or callable
        False: nobody is told. A callable gets ``progress(share, what)``, at first with a share of 0
        and at last, unless the work fails, of 1. True: a bar by rich where that is installed and
        someone watches, else text on standard error, one line for each tenth where that is a file.
    what : str
        Said at the beginning; at the end it is "done".
    """
    if callable(progress):
        tell = Tell(progress)
    elif progress is True:
        with _bar() as show:
            yield from _framed(Tell(show), what)
        return
    elif progress is False or progress is None:
        yield Tell(None)
        return
    else:
        msg = f"progress must be True, False or callable, got {progress!r}"
        raise InvalidInputError(msg, argument="progress", value=progress)
    yield from _framed(tell, what)


def _framed(tell: Tell, what: str) -> Iterator[Tell]:
    tell(0.0, what)
    yield tell
    tell(1.0, "done")


@contextmanager
def _bar() -> Iterator[Show]:
    """Yield what draws the bar; whatever happens the terminal is left as it was."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        with _text() as show:
            yield show
        return
    console = Console()
    if not console.is_jupyter:
        console = Console(stderr=True)
    if not (console.is_jupyter or console.is_terminal):
        with _text() as show:
            yield show
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    # Drawn when something is told: no thread of its own, which a fork would lose.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        task = bar.add_task("", total=1.0)

        def show(share: float, what: str) -> None:
            bar.update(task, completed=share, description=what, refresh=True)

        yield show


@contextmanager
def _text() -> Iterator[Show]:
    stream = sys.stderr
    live = stream.isatty()
    last = -1

    def show(share: float, what: str) -> None:
        nonlocal last
        percent = int(100.0 * share)
        step = percent if live else percent // 10
        if step == last:
            return
        last = step
        text = f"{what}: {percent:3d} %"
        stream.write(f"\r{text}" if live else f"{text}\n")
        stream.flush()

    try:
        yield show
    finally:
        if live and last >= 0:
            stream.write("\n")
            stream.flush()
