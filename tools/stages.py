"""The stages of `./dev test`, in order: each returns one line on what it saw, or raises."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

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
    require_system,
    run,
)

DIST = BUILD / "dist"
PYTHON_SOURCES = ["dev", "tools", "python", "tests", "benchmarks", "notebooks"]

Stage = Callable[[], str]
STAGES: dict[str, Stage] = {}
#: Stages that run where they are named, and at night.
ON_REQUEST = ["cpp"]


def stage(function: Stage) -> Stage:
    STAGES[function.__name__] = function
    return function


def every_stage() -> list[str]:
    """Names of the stages that make up `./dev test`, in order."""
    return [name for name in STAGES if name not in ON_REQUEST]


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


def configure(preset: str, log: str, targets: tuple[str, ...] = ()) -> None:
    python = developer_python()
    require_system("g++", "python3-dev", "libgtest-dev")
    run(["cmake", "--preset", preset, "-DTENURE_WERROR=ON", f"-DPython_EXECUTABLE={python}"], log)
    wanted = ["--target", *targets] if targets else []
    run(["cmake", "--build", "--preset", preset, "-j", str(JOBS), *wanted], log)


def ctest(preset: str, log: str, env: dict[str, str] | None = None) -> str:
    text = run([*without_aslr(preset), "ctest", "--preset", preset, "-j", str(JOBS)], log, env)
    counts = re.search(r"tests (?:passed|failed) out of (\d+)", text)
    if not counts or int(counts[1]) == 0:
        raise StageError(f"{text}\nctest ran no test")
    return f"{counts[1]} C++ tests"


def without_aslr(preset: str) -> list[str]:
    # The thread sanitizer of g++ 12 cannot map its shadow under the address layout of new kernels.
    if preset == "tsan" and shutil.which("setarch"):
        probe = subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False)
        return ["setarch", "-R"] if probe.returncode == 0 else []
    return []


@stage
def cpp() -> str:
    """C++ tests in an optimised build; on request, the stages asan and tsan run them too."""
    configure("dev", "cpp", ("tenure_tests",))
    return ctest("dev", "cpp")


@stage
def asan() -> str:
    """C++ tests, then hostile inputs, under the address and undefined-behaviour sanitizers."""
    configure("asan", "asan")
    # Threads, forks and signals (test_system.py) are slow there; they come at night.
    return sanitized("asan", ["tests/hostile/test_hostile.py"])


def sanitized(log: str, folders: list[str]) -> str:
    """What the sanitizers see of the C++ tests and of the Python tests in the folders."""
    # As without a sanitizer, an allocation that cannot be is the caller's error.
    asked = "allocator_may_return_null=1:detect_stack_use_after_return=1"
    env = environment(ASAN_OPTIONS=asked, UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
    seen = ctest("asan", log, env)
    text = pytest(folders, log, sanitized_environment())
    return f"{seen}; {closing_line(text)}"


def sanitized_environment() -> dict[str, str]:
    """An environment in which Python imports the sanitized extension from a copy of the package."""
    overlay = BUILD / "asan" / "overlay"
    shutil.rmtree(overlay, ignore_errors=True)
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "python" / "tenure", overlay / "tenure", ignore=ignore)
    for extension in (BUILD / "asan").glob("_core*.so"):
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
    configure("tsan", "tsan")
    env = environment(TSAN_OPTIONS="halt_on_error=1:allocator_may_return_null=1")
    return ctest("tsan", "tsan", env)


@stage
def install() -> str:
    """A source distribution, a wheel built from nothing else, and that wheel in .venv."""
    python = developer_python()
    require_system("g++", "python3-dev")
    wheel = build_wheel(python)
    pip = [python, "-m", "pip", "install"]
    run([*pip, "--force-reinstall", "--no-deps", wheel], "install")
    run([*pip, f"{wheel}[test]"], "install")
    where = run([python, "-P", "-c", "import tenure; print(tenure.__file__)"], "install").strip()
    if not Path(where).is_relative_to(VENV):
        raise StageError(f"the tests would import {where} and not the installed package")
    return wheel.name


def build_wheel(python: Path) -> Path:
    """Reuse the wheel of the last run if the source distribution is the same to the byte."""
    fresh = BUILD / "sdist"
    shutil.rmtree(fresh, ignore_errors=True)
    run([python, "-m", "build", "--sdist", "--outdir", fresh, "."], "install")
    (sdist,) = fresh.glob("*.tar.gz")
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    stamp = DIST / "sdist.sha256"
    wheels = list(DIST.glob("*.whl"))
    if len(wheels) == 1 and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return wheels[0]
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    # pip builds in a temporary copy under a new name: the compiler cache should not mind.
    env = environment(CCACHE_BASEDIR=tempfile.gettempdir())
    run([python, "-m", "pip", "wheel", "--no-deps", "-w", DIST, sdist], "install", env)
    shutil.copy2(sdist, DIST)
    stamp.write_text(digest, encoding="utf-8")
    (wheel,) = DIST.glob("*.whl")
    return wheel


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
    (wheel,) = DIST.glob("*.whl")
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
    configure("asan", "nightly")
    sanitized("nightly", ["tests/python", "tests/hostile"])
    arguments = ["-m", "slow or not slow", "tests/python", "tests/hostile"]
    return closing_line(pytest(arguments, "nightly", environment(TENURE_TESTS="nightly")))


def make_peers() -> Path:
    """The peers' own environment, pinned: they ask for other things than the package does."""
    pins = (ROOT / "benchmarks" / "requirements-peers.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.split("#")[0].strip() for line in pins]
    return ensure_venv([line for line in wanted if line], PEERS)
