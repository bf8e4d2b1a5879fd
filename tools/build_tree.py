"""One build tree for all that `./dev test` compiles: the wheel, the C++ tests, the sanitizers.

It stands on an unpacked source distribution, so nothing is built from what a user would not get.
Objects are shared: the C++ tests link the very engine of the wheel, and a sanitizer compiles the
engine alone.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environment import (
    BUILD,
    JOBS,
    StageError,
    developer_python,
    environment,
    require_system,
    run,
)

SOURCE = BUILD / "source"
TREE = BUILD / "tree"
DIST = BUILD / "dist"


@functools.cache
def unpack() -> Path:
    """Make the source distribution, bring SOURCE up to date with it and return the archive."""
    python = developer_python()
    shutil.rmtree(DIST, ignore_errors=True)
    run([python, "-m", "build", "--sdist", "--no-isolation", "--outdir", DIST, "."], "build")
    (archive,) = DIST.glob("*.tar.gz")
    mirror(archive, SOURCE)
    return archive


def mirror(archive: Path, folder: Path) -> None:
    """The archive's files below `folder`; one that holds the same bytes keeps its time."""
    wanted = set()
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                continue
            path = folder.joinpath(*Path(member.name).parts[1:])
            wanted.add(path)
            data = content.read()
            if not path.exists() or path.read_bytes() != data:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                path.chmod(member.mode)
    for path in folder.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


@functools.cache
def wheel() -> Path:
    """Build the wheel from the unpacked source distribution, warnings being errors."""
    python = developer_python()
    require_system("g++", "python3-dev", "libgtest-dev")
    unpack()
    settings = {
        "build-dir": TREE,
        "build.targets": "_core",
        "cmake.define.TENURE_TESTS": "ON",
        "cmake.define.TENURE_WERROR": "ON",
    }
    chosen = [f"--config-settings={name}={value}" for name, value in settings.items()]
    # .venv holds what [build-system] asks for, and its CMake serves the tree's other targets too.
    command = [python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", *chosen]
    run(
        [*command, "-w", DIST, SOURCE], "install", environment(CMAKE_BUILD_PARALLEL_LEVEL=str(JOBS))
    )
    (built,) = DIST.glob("*.whl")
    return built


def targets(log: str, *names: str) -> None:
    """Build further targets of the tree."""
    wheel()
    run(["cmake", "--build", TREE, "-j", str(JOBS), "--target", *names], log)


def google_tests(name: str, log: str, env: dict[str, str]) -> str:
    """Run the tests of one executable of the tree, spread over the cores."""
    executable = TREE / name

    def shard(index: int) -> str:
        mine = {**env, "GTEST_TOTAL_SHARDS": str(JOBS), "GTEST_SHARD_INDEX": str(index)}
        return run([*without_aslr(name), executable, "--gtest_brief=1"], log, mine)

    with ThreadPoolExecutor(JOBS) as pool:
        texts = list(pool.map(shard, range(JOBS)))
    passed = sum(int(n) for text in texts for n in re.findall(r"PASSED *\] (\d+) test", text))
    if not passed:
        raise StageError("\n".join([*texts, f"{name} ran no test"]))
    return f"{passed} C++ tests"


def without_aslr(name: str) -> list[str]:
    # The thread sanitizer of g++ 12 cannot map its shadow under the address layout of new kernels.
    if name.endswith("_thread") and shutil.which("setarch"):
        probe = subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False)
        return ["setarch", "-R"] if probe.returncode == 0 else []
    return []
