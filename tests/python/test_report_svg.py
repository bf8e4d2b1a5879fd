"""Pictures inside a page: no outside references, unique ids, scheme colours, escaped texts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from tenure import plotting  # noqa: E402
from tenure.reporting._svg import to_svg  # noqa: E402


def drawn(name="picture", text="label", description="what it shows"):
    with plotting.look():
        figure = plotting.figure((4, 3))
        ax = plotting.axes(figure.subplots())
        plotting.curve([0, 1], [0.1, 0.2], [0, 0.1], [0.2, 0.3], ax=ax, label=text)
        plotting.triangle([[0.5]], [text], ["1"], ax=ax)
        ax.set_title(text)
        ax.legend()
        return to_svg(figure, name, description)


def test_it_is_one_element_that_can_be_parsed_and_is_told_to_readers():
    root = ElementTree.fromstring(drawn(description='a "quoted" <b> & more'))
    assert root.tag == "svg"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a "quoted" <b> & more'
    assert "width" not in root.attrib
    assert root.attrib["viewBox"]


def test_nothing_points_outside():
    svg = drawn()
    assert "http" not in svg
    assert "xmlns" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert set(re.findall(r'href="(.)', svg)) <= {"#"}
    assert "DejaVu" not in svg


def test_every_reference_finds_its_id_and_carries_the_name():
    svg = drawn("picture-7")
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    assert used == ids
    assert used
    assert all(i.startswith("picture-7-") for i in ids)


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a & b", "$x_1$", "é € 漢"],
)
def test_texts_are_escaped_and_come_back(text):
    svg = drawn(text=text)
    assert "<script" not in svg
    assert "<img" not in svg
    texts = [t.text for t in ElementTree.fromstring(svg).iter("text")]
    assert texts.count(text) == 3  # title, row and legend


def test_colours_of_the_scheme_are_variables():
    svg = drawn()
    for color in (plotting.INK, plotting.MUTED, plotting.LINE, plotting.ACCENT):
        assert color not in svg
    assert "var(--ink)" in svg
    assert "var(--accent)" in svg


def test_the_same_figure_gives_the_same_text():
    assert drawn() == drawn()


def test_numbers_keep_a_hundredth_of_a_unit():
    for element in ElementTree.fromstring(drawn()).iter():
        for key in ("d", "x", "y"):
            assert not re.search(r"\.[0-9]{3}", element.attrib.get(key, ""))
