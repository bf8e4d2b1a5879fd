"""Check that no layer reaches upwards or sideways: C++ includes and Python imports.

C++: support <- special <- optim <- survival <- events <- {cohort clv churn segment simulate}
<- {lifecycle journey} <- bindings. Python: the same areas, seen from `python/tenure`; what they
share lies in `tenure/_*.py`. Prints file:line of each violation and exits with 1 if there is one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LAYERS = (
    {"support"},
    {"special"},
    {"optim"},
    {"survival"},
    {"events"},
    {"cohort", "clv", "churn", "segment", "simulate"},
    {"lifecycle", "journey"},
    {"bindings"},
)
RANK = {area: rank for rank, areas in enumerate(LAYERS) for area in areas}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Eigen costs seconds a file: it stays out of every public header but those of the optimiser.
EIGEN_SOURCES = {"optim", "survival", "clv", "segment", "churn", "journey"}
EIGEN_HEADERS = {"optim"}

# Modules above the areas, which may import all of them; `plotting` is also open to all.
PYTHON_ABOVE = {"__init__", "__main__", "cli", "report", "reporting", "plotting", "io", "datasets"}
PYTHON_SHARED = {"plotting"}


def cpp_violations(root: Path) -> Iterator[str]:
    for file in sorted([*root.glob("cpp/**/*.hpp"), *root.glob("cpp/**/*.cpp")]):
        parts = file.relative_to(root / "cpp").parts
        public = parts[0] == "include"
        area = parts[0] if parts[0] == "bindings" else parts[2 if public else 1]
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if match := INCLUDE.match(line):
                fault = cpp_fault(area, public, *match.groups())
                if fault:
                    yield f"{file.relative_to(root)}:{number}: {fault}"


def cpp_fault(area: str, public: bool, quote: str, target: str) -> str | None:
    if area not in RANK:
        return f"'{area}' is no layer: add it to tools/check_layers.py"
    top, _, rest = target.partition("/")
    if top == "tenure":
        other = rest.partition("/")[0]
        if other != area and RANK.get(other, len(LAYERS)) >= RANK[area]:
            return f"{area} must not include {target}"
    elif top == "Eigen":
        if area not in (EIGEN_HEADERS if public else EIGEN_SOURCES):
            return f"no Eigen in {'public headers of ' if public else ''}{area}"
    elif area != "bindings" and (top in {"pybind11", "numpy"} or target == "Python.h"):
        return f"only the bindings know Python, not {area}"
    elif quote == '"' and ".." in target:
        return f"{area} must not leave its folder: {target}"
    return None


def python_violations(root: Path) -> Iterator[str]:
    package = root / "python" / "tenure"
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        area = parts[0]
        if area in PYTHON_ABOVE:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
            for other in imported(node, ("tenure", *parts)):
                if other == area or other in PYTHON_SHARED or other.startswith("_"):
                    continue
                if other in PYTHON_ABOVE or python_rank(other) >= python_rank(area):
                    place = f"{file.relative_to(root)}:{node.lineno}"  # type: ignore[attr-defined]
                    yield f"{place}: {area} must not import tenure.{other}"


def python_rank(area: str) -> int:
    # A shared `_module` lies below every area; a public name that is no area, beside them.
    return -1 if area.startswith("_") else RANK.get(area, RANK["clv"])


def imported(node: ast.AST, module: tuple[str, ...]) -> Iterator[str]:
    """The names directly under `tenure` that an import statement asks for."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = ".".join(module[: -node.level]) if node.level else ""
        base = ".".join(filter(None, [base, node.module]))
        names = [f"{base}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        top, _, rest = name.partition(".")
        if top == "tenure" and rest:
            yield rest.partition(".")[0]


def violations(root: Path) -> list[str]:
    """Every violation in the tree, as `file:line: what`."""
    return [*cpp_violations(root), *python_violations(root)]


if __name__ == "__main__":
    found = violations(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(found) or "layers: every include and import points downwards")
    sys.exit(bool(found))
