"""What is measured: each workload has one seeded data set and any number of implementations.

work = Workload("name", "what it is", make, full={"n": 10**6}, smoke={"n": 1000}, agree={"x": 1e-9})

@work.ours("tenure")
def _(data, threads):
    frame = ...           # prepared outside of the clock: the library's own form of the data
    def run():            # the only part that is timed
        ...
        return {"x": ...} # what all implementations must agree on
    return run

@work.peer("lifelines")   # the same, run by the Python of the peers' environment
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Data = dict[str, Any]
Run = Callable[[], dict[str, float]]
Prepare = Callable[[Data, int], Run]

ALL: dict[str, Workload] = {}


class Workload:
    """A task of one size, and who does it."""

    def __init__(
        self,
        name: str,
        about: str,
        make: Callable[..., Data],
        *,
        full: dict[str, Any],
        smoke: dict[str, Any],
        agree: dict[str, float],
        data: str | None = None,
        bound: str = "",
    ) -> None:
        self.name = name
        self.about = about
        self.make = make
        self.sizes = {"full": full, "smoke": smoke}
        self.agree = agree  # check value -> relative tolerance
        self.data = data or name  # workloads on the same data share the file
        self.bound = bound  # what a profile says tenure's time goes to
        self.implementations: dict[str, tuple[Prepare, str, tuple[str, ...]]] = {}
        ALL[name] = self

    def ours(self, name: str) -> Callable[[Prepare], Prepare]:
        return self._register(name, "ours", ("tenure",))

    def peer(self, name: str, *packages: str) -> Callable[[Prepare], Prepare]:
        """`packages` are the distributions whose versions are told; the first word of the name."""
        return self._register(name, "peers", packages or (name.split()[0],))

    def _register(
        self, name: str, environment: str, packages: tuple[str, ...]
    ) -> Callable[[Prepare], Prepare]:
        def register(prepare: Prepare) -> Prepare:
            self.implementations[name] = (prepare, environment, packages)
            return prepare

        return register


def load() -> dict[str, Workload]:
    """Import every module of this folder and return the workloads by name."""
    for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        importlib.import_module(f"workloads.{file.stem}")
    return ALL
