"""The package as a whole: its metadata, its names, what importing it costs and drags in."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tenure as tn
from tenure import _extras

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_one_version_everywhere():
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"project\(tenure .*VERSION ([\d.]+)\)", cmake)[1] == PROJECT["version"]
    assert tn.__version__ == PROJECT["version"]


INSTALLED = any(d.name == "tenure" for d in importlib.metadata.distributions(name="tenure"))


@pytest.mark.skipif(not INSTALLED, reason="tenure runs from a checkout and has no metadata")
def test_installed_metadata_is_the_projects():
    installed = importlib.metadata.metadata("tenure")
    assert installed["Version"] == tn.__version__
    assert set(installed.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    run_time = [r for r in importlib.metadata.requires("tenure") if "extra ==" not in r]
    assert sorted(re.match(r"\w+", r)[0] for r in run_time) == ["numpy", "pyarrow"]


def test_ships_type_information():
    package = Path(tn.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_core" / "__init__.pyi").exists()


def test_every_public_name_exists_and_has_a_docstring():
    assert sorted(set(tn.__all__)) == sorted(tn.__all__)
    for name in tn.__all__:
        assert getattr(tn, name).__doc__, name


def test_every_module_declares_its_subject():
    package = Path(tn.__file__).parent
    for file in sorted(package.rglob("*.py")):
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), file


HEAVY = {"pandas", "polars", "duckdb", "matplotlib", "sklearn", "scipy", "jinja2", "typer", "rich"}


def test_importing_brings_in_no_optional_dependency():
    code = "import sys, tenure; print(*{m.partition('.')[0] for m in sys.modules})"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(modules.stdout.split())


def test_a_missing_extra_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(tn.MissingExtraError, match=r"pip install 'tenure\[plot\]'") as caught:
        _extras.require("matplotlib", "draw")
    assert caught.value.name == "matplotlib"
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize("extra", sorted(set(_extras._EXTRA.values())))
def test_every_extra_that_a_message_names_is_one(extra):
    assert extra in PROJECT["optional-dependencies"]
