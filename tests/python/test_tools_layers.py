"""tools/check_layers.py finds what it is for, at the line where it stands."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("check_layers", ROOT / "tools/check_layers.py")
check_layers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_layers)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


BAD = {
    "upwards": (
        "cpp/include/tenure/events/index.hpp",
        '#pragma once\n#include "tenure/clv/bg_nbd.hpp"\n',
        2,
    ),
    "sideways": ("cpp/src/clv/a.cpp", '\n\n#include "tenure/cohort/retention.hpp"\n', 3),
    "angle brackets": ("cpp/src/clv/a.cpp", "#include <tenure/churn/cox.hpp>\n", 1),
    "support is the bottom": (
        "cpp/src/support/a.cpp",
        '#include "tenure/special/gamma.hpp"\n',
        1,
    ),
    "pybind in the core": ("cpp/src/special/a.cpp", "#include <pybind11/pybind11.h>\n", 1),
    "Python in the core": ("cpp/src/special/a.cpp", "  #  include <Python.h>\n", 1),
    "NumPy in the core": ("cpp/src/events/a.cpp", "#include <numpy/arrayobject.h>\n", 1),
    "Eigen in a public header": (
        "cpp/include/tenure/churn/cox.hpp",
        "#include <Eigen/Dense>\n",
        1,
    ),
    "Eigen where it is not used": ("cpp/src/events/a.cpp", "#include <Eigen/Dense>\n", 1),
    "out of the folder": ("cpp/src/clv/a.cpp", '#include "../churn/cox_internal.hpp"\n', 1),
    "unknown layer": ("cpp/src/utils/a.cpp", "#include <vector>\n", 1),
    "unknown target": ("cpp/src/clv/a.cpp", '#include "tenure/utils/a.hpp"\n', 1),
    "Python sideways": (
        "python/tenure/clv/fit.py",
        "import math\nfrom tenure.cohort import x\n",
        2,
    ),
    "Python sideways, from the root": ("python/tenure/clv/fit.py", "from tenure import churn\n", 1),
    "Python sideways, relative": ("python/tenure/clv/fit.py", "from ..churn import cox\n", 1),
    "Python sideways, lazily": (
        "python/tenure/clv/fit.py",
        "def f():\n    import tenure.segment\n",
        2,
    ),
    "Python upwards": ("python/tenure/events.py", "from tenure import clv\n", 1),
    "shared code knows no area": ("python/tenure/_time.py", "from tenure import events\n", 1),
    "an area knows no report": ("python/tenure/clv/fit.py", "from tenure.report import x\n", 1),
}


@pytest.mark.parametrize("case", BAD)
def test_names_file_and_line_of_a_violation(case, tmp_path):
    name, text, line = BAD[case]
    (found,) = check_layers.violations(tree(tmp_path, {name: text}))
    assert found.startswith(f"{name}:{line}: ")


def test_accepts_what_points_downwards(tmp_path):
    files = {
        "cpp/include/tenure/clv/bg_nbd.hpp": '#include "tenure/optim/newton.hpp"\n',
        "cpp/include/tenure/optim/newton.hpp": "#include <Eigen/Dense>\n",
        "cpp/src/churn/cox.cpp": '#include <Eigen/Cholesky>\n#include "tenure/churn/cox.hpp"\n',
        "cpp/src/lifecycle/stages.cpp": '#include "tenure/cohort/retention.hpp"\n',
        "cpp/bindings/bind_clv.cpp": '#include <pybind11/stl.h>\n#include "arrays.hpp"\n',
        "python/tenure/clv/fit.py": "from tenure import _core, plotting\nfrom .base import B\n",
        "python/tenure/clv/__init__.py": "from tenure.clv.fit import F\n",
        "python/tenure/lifecycle/stages.py": "from tenure import clv, events\n",
        "python/tenure/report.py": "from tenure import churn, clv, lifecycle\n",
        "python/tenure/__init__.py": "from tenure import clv\n",
    }
    assert check_layers.violations(tree(tmp_path, files)) == []


def test_the_tree_itself_is_in_order():
    assert check_layers.violations(ROOT) == []
