"""The command ``tenure``: reports and summaries from files, without writing Python.

``tenure --help`` says what it can do. Results go to standard output, everything else to standard
error. Exit codes: 0 done, 1 the data or the machine stood in the way (one line says why), 2 the
command was not understood, 130 interrupted.
"""

from __future__ import annotations

import sys

from tenure._errors import MissingExtraError
from tenure._extras import require


def main() -> None:
    """Run the command line; the entry point of the package."""
    try:
        require("typer", "use the command line")
        require("rich", "use the command line")
    except MissingExtraError as error:
        print(f"tenure: {error}", file=sys.stderr)
        sys.exit(1)
    from tenure.cli._commands import app

    app(prog_name="tenure")
