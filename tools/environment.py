"""What `./dev` stands on: commands with logs, system packages, virtual environments."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
VENV = ROOT / ".venv"
PEERS = ROOT / ".venv-peers"

JOBS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

#: Tools that build the C++ presets outside pip; pip builds wheels with its own copies.
BUILD_TOOLS = ["cmake>=3.24", "ninja>=1.11"]

#: Debian package -> is it here already?
SYSTEM = {
    "g++": lambda: shutil.which("g++"),
    "python3-dev": lambda: Path(sysconfig.get_path("include"), "Python.h").exists(),
    "python3-venv": lambda: importlib.util.find_spec("ensurepip"),
    "libgtest-dev": lambda: any(
        Path(p, "gtest/gtest.h").exists() for p in ("/usr/include", "/usr/local/include")
    ),
    "chromium": lambda: shutil.which("chromium"),
}


class StageError(Exception):
    """A step did not succeed; the message is for the person at the terminal."""


def environment(**more: str) -> dict[str, str]:
    """The variables for every command: the virtual environment first, nothing from a home."""
    env = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    # The tests are about what pip installed; a PYTHONPATH of the caller would hide it.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        env.pop(name, None)
    if not os.access(env.get("HOME") or "/nonexistent", os.W_OK):
        env["HOME"] = str(BUILD / "home")
        Path(env["HOME"]).mkdir(parents=True, exist_ok=True)
    env.update(
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_ROOT_USER_ACTION="ignore",
        MPLBACKEND="Agg",
        MPLCONFIGDIR=str(BUILD / "matplotlib"),
        JUPYTER_PLATFORM_DIRS="1",
        # Lets the compiler cache hit in another checkout of the same sources.
        CCACHE_BASEDIR=str(ROOT),
        CCACHE_NOHASHDIR="1",
    )
    return {**env, **more}


def run(
    command: list[str | Path],
    log: str,
    env: dict[str, str] | None = None,
    cwd: Path = ROOT,
) -> str:
    """Run a command, append what it says to build/logs/<log>.log and return it."""
    LOGS.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    with open(LOGS / f"{log}.log", "a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(words)}\n{done.stdout}\n")
    if done.returncode:
        how = f"exit status {done.returncode}"
        tail = "\n".join(done.stdout.splitlines()[-200:])
        raise StageError(
            f"{tail}\n\n{' '.join(words)}\n  -> {how}; all of it: build/logs/{log}.log"
        )
    return done.stdout


def require_system(*packages: str) -> None:
    """Install missing Debian packages where we may; else say the exact command."""
    missing = [p for p in packages if not SYSTEM[p]()]
    if not missing:
        return
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        env = environment(DEBIAN_FRONTEND="noninteractive")
        if not shutil.which("ccache"):
            missing.append("ccache")  # not needed, but it halves the second build
        print(f"installing {' '.join(missing)} with apt-get", flush=True)
        run([apt, "update"], "apt", env)
        run([apt, "install", "-y", "--no-install-recommends", *missing], "apt", env)
        return
    command = f"sudo apt-get install -y {' '.join(missing)}"
    hint = command if apt else f"your package manager; on Debian: {command}"
    raise StageError(f"missing on this machine: {', '.join(missing)}. Install with: {hint}")


def requirements(*extras: str) -> list[str]:
    """What pyproject.toml asks for at run time and under the extras, with nested extras opened."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    queue = list(extras)
    seen: set[str] = set()
    while queue:
        extra = queue.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for item in project["optional-dependencies"][extra]:
            if item.startswith("tenure["):
                queue += item.removeprefix("tenure[").rstrip("]").split(",")
            else:
                wanted.append(item)
    return wanted


def build_requirements() -> list[str]:
    system = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    return [*system["requires"], *BUILD_TOOLS]


def ensure_venv(wanted: list[str], venv: Path = VENV) -> Path:
    """Make the environment hold `wanted` and return its Python; nothing to do if it does."""
    python = venv / "bin" / "python"
    key = hashlib.sha256("\n".join([sys.version, *sorted(wanted)]).encode()).hexdigest()
    stamp = venv / ".tenure-requirements"
    if stamp.exists() and key in stamp.read_text(encoding="utf-8").split():
        return python
    if not python.exists() or subprocess.run([python, "-c", ""], check=False).returncode:
        require_system("python3-venv")
        run([sys.executable, "-m", "venv", "--clear", venv], "venv")
        run([python, "-m", "pip", "install", "--upgrade", "pip"], "venv")
    if wanted:
        run([python, "-m", "pip", "install", *wanted], "venv")
    with open(stamp, "a", encoding="utf-8") as file:
        file.write(key + "\n")
    return python


def developer_python() -> Path:
    """The environment for building and testing: every tool, but not the package itself."""
    return ensure_venv([*requirements("test"), *build_requirements()])
