"""Write the data sets of this folder from the packages that ship them.

python make_datasets.py LIFELINES_DATASETS_FOLDER SCIKIT_SURVIVAL_DATA_FOLDER
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def write(name: str, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with (HERE / f"{name}.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def lung(row: dict[str, str]) -> dict[str, Any]:
    inst = row["inst"] and f"{float(row['inst']):g}"
    ecog = row["ph.ecog"] and f"{float(row['ph.ecog']):g}"
    return {
        "time": row["time"], "status": row["status"], "inst": inst, "age": row["age"],
        "sex": row["sex"], "ph.ecog": ecog,
    }  # fmt: skip


def veteran(path: Path) -> Iterable[dict[str, Any]]:
    head, _, body = path.read_text().partition("@data")
    names = [
        line.split()[1].strip("'\"").lower()
        for line in head.splitlines()
        if line.lower().startswith("@attribute")
    ]
    for line in body.split("\n"):
        if not line.strip():
            continue
        row = dict(zip(names, (cell.strip("'\" ") for cell in line.split(",")), strict=True))
        yield {
            "time": f"{float(row['survival_in_days']):g}",
            "status": int(row["status"] == "dead"),
            "trt2": int(row["treatment"] == "test"),
            "small": int(row["celltype"] == "smallcell"),
            "adeno": int(row["celltype"] == "adeno"),
            "large": int(row["celltype"] == "large"),
            "karno": f"{float(row['karnofsky_score']):g}",
            "diagtime": f"{float(row['months_from_diagnosis']):g}",
            "age": f"{float(row['age_in_years']):g}",
            "prior": int(row["prior_therapy"] == "yes"),
        }


def main(lifelines: Path, sksurv: Path) -> None:
    write("../rossi", table(lifelines / "rossi.csv"))
    write("lung", (lung(row) for row in table(lifelines / "lung.csv")))
    write("veteran", veteran(sksurv / "veteran.arff"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
