"""Write the CSV files of this folder from the package that ships the data and from the book.

python make_datasets.py LIFELINES_DATASETS_FOLDER
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent

# Miller (1981), p. 49: weeks in remission; a minus sign marks a censored time.
AML = {
    "maintained": [9, 13, -13, 18, 23, -28, 31, 34, -45, 48, -161],
    "not maintained": [5, 5, 8, 8, 12, -16, 23, 27, 30, 33, 43, 45],
}


def write(name: str, rows: Iterable[tuple[float, int, str]]) -> None:
    with (HERE / f"{name}.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["duration", "churned", "group"])
        for duration, churned, group in rows:
            out.writerow([f"{float(duration):g}", int(churned), group])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def main(lifelines: Path) -> None:
    waltons = table(lifelines / "waltons_dataset.csv")
    write("waltons", ((r["T"], r["E"], r["group"]) for r in waltons))
    write("aml", ((abs(t), t > 0, group) for group, times in AML.items() for t in times))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
