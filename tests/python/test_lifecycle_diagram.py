"""The lifecycle diagram: well-formed, complete, whole or not at all."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

import tenure as tn
from tenure.lifecycle import StagePanel, Stages, movement

SVG = "{http://www.w3.org/2000/svg}"
CODES = [[0, 0, 0, 1, 2], [0, 1, 1, 1, 0], [0, 1, 0, 1, 0]]


def drawn(stages: Any = ("new", "a < b & c", "lost"), **more: Any) -> Any:
    return movement(StagePanel.from_codes(CODES, list(stages)), alpha=0.0).diagram(**more)


def texts(picture: Any) -> list[str]:
    return ["".join(e.itertext()) for e in ET.fromstring(picture.svg).iter(f"{SVG}text")]


def test_every_stage_and_every_move_is_there_once() -> None:
    picture = drawn(least=0.0)
    tree = ET.fromstring(picture.svg)
    assert len(list(tree.iter(f"{SVG}circle"))) == 3
    # new to a, a to new, lost to new.
    assert len(list(tree.iter(f"{SVG}path"))) == 3
    written = texts(picture)
    assert "a < b & c" in written
    assert [t for t in written if t.endswith("customers")] == [
        "3 customers",
        "2 customers",
        "0 customers",
    ]
    assert len(list(ET.fromstring(drawn(least=0.5).svg).iter(f"{SVG}path"))) == 1


def test_areas_are_in_proportion_to_customers() -> None:
    tree = ET.fromstring(drawn().svg)
    radius = [float(c.attrib["r"]) for c in tree.iter(f"{SVG}circle")]
    assert radius[0] ** 2 / radius[1] ** 2 == pytest.approx(3 / 2, rel=0.01)


def test_risk_colours_the_stages_and_is_told_with_its_limits() -> None:
    cdnow = tn.datasets.load_cdnow()
    log = tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")
    outcomes = Stages().assign(log, at="1997-12-31").outcomes(log, "180d")
    panel = Stages().assign(log, at=["1997-09-30", "1997-12-31"])
    picture = movement(panel).diagram(outcomes)
    written = texts(picture)
    assert "1,216 customers" in written
    assert "risk 18.9 % (17 to 21)" in written
    assert "risk of loss" in written
    fills = {c.attrib["fill"] for c in ET.fromstring(picture.svg).iter(f"{SVG}circle")}
    assert len(fills) > 5


def test_the_file_is_the_picture(tmp_path: Any) -> None:
    picture = drawn()
    picture.write(tmp_path / "stages.svg")
    root = ET.parse(tmp_path / "stages.svg").getroot()
    assert root.tag == f"{SVG}svg"
    assert picture._repr_html_() == picture.svg
    assert "http" not in picture.svg.replace("http://www.w3.org/2000/svg", "")
