"""The stages of `./dev test`, in order: each returns one line on what it saw, or raises."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import build_tree
import check_layers
from environment import (
    BUILD,
    JOBS,
    PEERS,
    ROOT,
    VENV,
    StageError,
    developer_python,
    ensure_venv,
    environment,
    run,
)

PYTHON_SOURCES = ["dev", "tools", "python", "tests", "benchmarks", "notebooks"]

Stage = Callable[[], str]
STAGES: dict[str, Stage] = {}


def stage(function: Stage) -> Stage:
    STAGES[function.__name__] = function
    return function


def cpp_files() -> list[Path]:
    found = [*(ROOT / "cpp").rglob("*.[ch]pp"), *(ROOT / "tests").rglob("*.[ch]pp")]
    return sorted([*found, *(ROOT / "benchmarks").rglob("*.[ch]pp")])


def python_sources() -> list[str]:
    return [name for name in PYTHON_SOURCES if (ROOT / name).exists()]


@stage
def format() -> str:
    """clang-format, ruff format and ruff check change nothing and find nothing."""
    developer_python()
    files = cpp_files()
    run(["clang-format", "--dry-run", "-Werror", *files], "format")
    run(["ruff", "format", "--check", *python_sources()], "format")
    run(["ruff", "check", *python_sources()], "format")
    return f"{len(files)} C++ files, Python in {' '.join(python_sources())}"


@stage
def layers() -> str:
    """No include and no import points upwards or sideways."""
    found = check_layers.violations(ROOT)
    if found:
        raise StageError("\n".join(found))
    return "every include and import points downwards"


@stage
def install() -> str:
    """A source distribution, a wheel built from nothing else, and that wheel in .venv."""
    python = developer_python()
    wheel = build_tree.wheel()
    pip = [python, "-m", "pip", "install"]
    run([*pip, "--force-reinstall", "--no-deps", wheel], "install")
    run([*pip, f"{wheel}[test]"], "install")
    where = run([python, "-P", "-c", "import tenure; print(tenure.__file__)"], "install").strip()
    if not Path(where).is_relative_to(VENV):
        raise StageError(f"the tests would import {where} and not the installed package")
    return wheel.name


@stage
def cpp() -> str:
    """C++ tests on the very objects of the wheel."""
    build_tree.targets("cpp", "tenure_tests")
    return build_tree.google_tests("tenure_tests", "cpp", environment())


@stage
def asan() -> str:
    """C++ tests, then hostile inputs, under the address and undefined-behaviour sanitizers."""
    # Threads, forks and signals (test_system.py) are slow there; they come at night.
    return sanitized("asan", ["tests/hostile/test_hostile.py"])


def sanitized(log: str, folders: list[str]) -> str:
    """What the sanitizers see of the C++ tests and of the Python tests in the folders."""
    # As without a sanitizer, an allocation that cannot be is the caller's error.
    asked = "allocator_may_return_null=1:detect_stack_use_after_return=1"
    env = environment(ASAN_OPTIONS=asked, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
    build_tree.targets(log, "tenure_tests_address", "_core_address")
    seen = build_tree.google_tests("tenure_tests_address", log, env)
    text = pytest(folders, log, sanitized_environment())
    return f"{seen}; {closing_line(text)}"


def sanitized_environment() -> dict[str, str]:
    """An environment in which Python imports the sanitized extension from a copy of the package."""
    overlay = BUILD / "overlay"
    shutil.rmtree(overlay, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "python" / "tenure", overlay / "tenure", ignore=ignore)
    for extension in (build_tree.TREE / "_core_address").glob("_core*.so"):
        shutil.copy2(extension, overlay / "tenure")
    libraries = [
        run(["g++", f"-print-file-name={name}.so"], "asan").strip()
        for name in ("libasan", "libubsan", "libstdc++")
    ]
    return environment(
        PYTHONPATH=str(overlay),
        LD_PRELOAD=" ".join(libraries),
        PYTHONMALLOC="malloc",
        TENURE_SANITIZER="address",
        ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1",
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
    )


@stage
def tsan() -> str:
    """C++ tests under the thread sanitizer."""
    build_tree.targets("tsan", "tenure_tests_thread")
    env = environment(TSAN_OPTIONS="halt_on_error=1:allocator_may_return_null=1")
    return build_tree.google_tests("tenure_tests_thread", "tsan", env)


def pytest(arguments: list[str], log: str, env: dict[str, str] | None = None) -> str:
    python = VENV / "bin" / "python"
    return run([python, "-P", "-m", "pytest", "-n", str(JOBS), *arguments], log, env)


def closing_line(text: str) -> str:
    """pytest's own last line, without its rule of equals signs."""
    lines = [line.strip("= ") for line in text.splitlines() if re.search(r" in \d+\.\d+s", line)]
    return lines[-1] if lines else "pytest printed no summary"


@stage
def tests() -> str:
    """Every Python test and every example of the documentation, on the installed package."""
    arguments = ["--doctest-modules", "--pyargs", "tenure", "tests/python", "tests/hostile"]
    return closing_line(pytest(arguments, "tests"))


@stage
def types() -> str:
    """mypy --strict on the package; the stubs say what the built extension really has."""
    python = developer_python()
    stubs = environment(MYPYPATH=str(ROOT / "python"))
    checked = run([python, "-m", "mypy"], "types", stubs).strip().splitlines()[-1]
    stubtest = [python, "-P", "-m", "mypy.stubtest", "tenure._core", "--ignore-disjoint-bases"]
    allowed = ["--allowlist", "tools/stubtest-allowlist.txt", "--ignore-unused-allowlist"]
    run([*stubtest, *allowed, "--mypy-config-file", "pyproject.toml"], "types", stubs)
    return f"{checked}; stubs agree with the extension"


@stage
def notebooks() -> str:
    """Every notebook runs from top to bottom on the installed package."""
    found = sorted((ROOT / "notebooks").glob("*.ipynb"))
    if not found:
        return "there are none yet"
    arguments = ["--nbmake", "--nbmake-timeout=300", "-o", "filterwarnings=default", *found]
    return closing_line(pytest([str(a) for a in arguments], "notebooks"))


@stage
def package() -> str:
    """The wheel, repaired to its manylinux tag, imports and fits in an empty environment."""
    wheel = build_tree.wheel()
    repaired = BUILD / "manylinux"
    shutil.rmtree(repaired, ignore_errors=True)
    run(["auditwheel", "repair", "-w", repaired, wheel], "package")
    (wheel,) = repaired.glob("*.whl")
    clean = BUILD / "venv-wheel"
    shutil.rmtree(clean, ignore_errors=True)
    python = ensure_venv([], clean)
    run([python, "-m", "pip", "install", wheel], "package")
    run([python, "-P", ROOT / "tools" / "smoke.py"], "package", cwd=Path("/"))
    return f"{wheel.name}, {wheel.stat().st_size / 2**20:.1f} MB"


@stage
def bench() -> str:
    """Every benchmark runs at a tiny size, and implementations agree on their results."""
    arguments = ["benchmarks/run.py", "--smoke"]
    return run([VENV / "bin" / "python", "-P", *arguments], "bench").strip().splitlines()[-1]


def nightly() -> str:
    """Slow tests and long fuzzing, random Hypothesis examples; every test under sanitizers."""
    sanitized("nightly", ["tests/python", "tests/hostile"])
    arguments = ["-m", "slow or not slow", "tests/python", "tests/hostile"]
    return closing_line(pytest(arguments, "nightly", environment(TENURE_TESTS="nightly")))


def make_peers() -> Path:
    """The peers' own environment, pinned: they ask for other things than the package does."""
    pins = (ROOT / "benchmarks" / "requirements-peers.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.split("#")[0].strip() for line in pins]
    return ensure_venv([line for line in wanted if line], PEERS)
