"""Write the CSV files of this folder from the packages that ship the data.

python make_datasets.py LIFELINES_DATASETS_FOLDER SCIKIT_SURVIVAL_WHEEL
"""

from __future__ import annotations

import csv
import sys
import zipfile
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


def veteran(wheel: Path) -> Iterable[tuple[float, int, str]]:
    text = zipfile.ZipFile(wheel).read("sksurv/datasets/data/veteran.arff").decode()
    head, _, body = text.partition("@data")
    names = [
        line.split()[1].strip("'\"").lower()
        for line in head.splitlines()
        if line.lower().startswith("@attribute")
    ]
    for line in body.split("\n"):
        if line.strip():
            row = dict(zip(names, (cell.strip("'\" ") for cell in line.split(",")), strict=True))
            yield float(row["survival_in_days"]), row["status"] == "dead", row["treatment"]


def main(lifelines: Path, sksurv_wheel: Path) -> None:
    write("rossi", ((r["week"], r["arrest"], r["fin"]) for r in table(lifelines / "rossi.csv")))
    write("lung", ((r["time"], r["status"], r["sex"]) for r in table(lifelines / "lung.csv")))
    waltons = table(lifelines / "waltons_dataset.csv")
    write("waltons", ((r["T"], r["E"], r["group"]) for r in waltons))
    write("veteran", veteran(sksurv_wheel))
    write("aml", ((abs(t), t > 0, group) for group, times in AML.items() for t in times))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
