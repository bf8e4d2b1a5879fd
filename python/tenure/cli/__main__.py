"""``python -m tenure.cli`` is the command ``tenure``."""

from tenure.cli import main

main()
