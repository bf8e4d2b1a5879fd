"""Optional dependencies: imported where they are needed, with the name of the extra if missing."""

from __future__ import annotations

import importlib
from typing import Any

from tenure._errors import MissingExtraError

#: Where a package is imported by another name than it is installed by.
_PACKAGE = {"sklearn": "scikit-learn"}

_EXTRA = {
    "matplotlib": "plot",
    "duckdb": "sql",
    "jinja2": "report",
    "typer": "report",
    "rich": "report",
}


def require(module: str, purpose: str) -> Any:
    """Import and return `module`; `purpose` ends the sentence "... is needed to"."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        extra = _EXTRA.get(package)
        name = _PACKAGE.get(package, package)
        install = f"tenure[{extra}]" if extra else name
        msg = f"{name} is needed to {purpose}: pip install '{install}'"
        raise MissingExtraError(msg, name=package) from error
