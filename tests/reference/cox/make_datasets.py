"""Write the data sets of the folder above from the packages that ship them.

python make_datasets.py LIFELINES_DATASETS_FOLDER SCIKIT_SURVIVAL_DATA_FOLDER
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: The data sets serve other tests too.
FOLDER = Path(__file__).parents[1]
NUMBERS = (
    "Survival_in_days", "Karnofsky_score", "Months_from_Diagnosis", "Age_in_years",
)  # fmt: skip


def write(name: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with (FOLDER / f"{name}.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def veteran(path: Path) -> Iterable[dict[str, Any]]:
    head, _, body = path.read_text().partition("@data")
    names = [
        line.split()[1].strip("'\"")
        for line in head.splitlines()
        if line.lower().startswith("@attribute")
    ]
    for line in body.split("\n"):
        if not line.strip():
            continue
        row = dict(zip(names, (cell.strip("'\" ") for cell in line.split(",")), strict=True))
        yield {name: f"{float(v):g}" if name in NUMBERS else v for name, v in row.items()}


def main(lifelines: Path, sksurv: Path) -> None:
    write("rossi", table(lifelines / "rossi.csv"))
    write("lung", table(lifelines / "lung.csv"))
    write("veteran", veteran(sksurv / "veteran.arff"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
