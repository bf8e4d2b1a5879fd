"""From a matplotlib figure to a piece of SVG that can stand inside a page."""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from typing import Any

from tenure import plotting

#: Colours that follow the page's light or dark scheme; the others mean data and stay.
_SCHEME = {
    plotting.INK: "var(--ink)",
    plotting.MUTED: "var(--muted)",
    plotting.LINE: "var(--line)",
    plotting.ACCENT: "var(--accent)",
    plotting.SOFT: "var(--soft)",
    plotting.ON_ACCENT: "var(--on-accent)",
    plotting.UNOBSERVED: "var(--unobserved)",
}
_FONT = re.compile(r"font:\s*(?P<style>(?:[a-z0-9-]+\s+)*?)(?P<size>[0-9.]+px)\s[^;]*;?\s*")
_FAMILY = re.compile(r"font-family:[^;]*;?\s*")
_STILL = re.compile(r"rotate\(-?0 [^)]*\)")
_LONG = re.compile(r"-?[0-9]+\.[0-9]{3,}")
_COORDINATES = {"d", "x", "y", "width", "height", "transform"}
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(figure: Any, name: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element without outside references.

    Parameters
    ----------
    figure : matplotlib Figure
        Drawn inside `plotting.look`.
    name : str
        Unique on the page: every id in the picture begins with it.
    description : str
        What a reader who cannot see the picture is told.

    Returns
    -------
    str
        The element; texts and attributes are escaped, colours of the scheme are CSS variables.
    """
    buffer = io.StringIO()
    silent = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():
        # The reader's fonts draw the texts; what this machine's font lacks does not matter.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        layout = figure.get_layout_engine()
        if layout is not None:
            # savefig would draw everything once more to lay it out.
            layout.execute(figure)
            figure.set_layout_engine("none")
        figure.savefig(buffer, format="svg", metadata=silent)
    # matplotlib wrote this text a moment ago: it is no outside document.
    root = ElementTree.fromstring(buffer.getvalue().encode())
    _plain_names(root)
    _drop(root)
    _rename(root, name)
    _restyle(root)
    width = float(root.attrib["width"].removesuffix("pt"))
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"role": "img", "aria-label": description, "style": f"--units: {width:.0f}"})
    return ElementTree.tostring(root, encoding="unicode")


def _plain_names(root: ElementTree.Element) -> None:
    """SVG inside HTML needs no namespaces."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for key in [k for k in element.attrib if "}" in k]:
            element.attrib[key.rpartition("}")[2]] = element.attrib.pop(key)


def _drop(parent: ElementTree.Element) -> None:
    """Leave out metadata, what is empty, and the style sheet, which would reach the whole page."""
    for child in list(parent):
        _drop(child)
        empty = child.tag in {"g", "defs"} and len(child) == 0
        unseen = child.tag == "path" and child.attrib.get("style") == "fill: none"
        unseen = unseen and "id" not in child.attrib
        if child.tag in {"metadata", "style"} or empty or unseen:
            parent.remove(child)


def _rename(root: ElementTree.Element, name: str) -> None:
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            used.update(_REFERENCE.findall(value))
            if key == "href":
                used.add(value.removeprefix("#"))
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.attrib["id"] = f"{name}-{identity}"
        for key, value in element.attrib.items():
            if key == "href":
                element.attrib[key] = f"#{name}-{value.removeprefix('#')}"
            elif "url(#" in value:
                element.attrib[key] = _REFERENCE.sub(rf"url(#{name}-\1)", value)


def _restyle(root: ElementTree.Element) -> None:
    for element in root.iter():
        if element.tag != "text":
            element.text = None
        element.tail = None
        if _STILL.fullmatch(element.attrib.get("transform", "")):
            del element.attrib["transform"]
        for key in element.attrib.keys() & _COORDINATES:
            element.attrib[key] = _LONG.sub(_rounded, element.attrib[key])
        style = element.attrib.get("style")
        if style is None:
            continue
        style = _FAMILY.sub("", _FONT.sub(_font, style))
        for color, variable in _SCHEME.items():
            style = style.replace(color, variable)
        element.attrib["style"] = style


def _rounded(match: re.Match[str]) -> str:
    """A hundredth of a unit is less than any screen shows."""
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _font(match: re.Match[str]) -> str:
    """The size and weight stay, the family is the page's."""
    bold = any(word in match["style"].split() for word in ("bold", "700"))
    return f"font-size: {match['size']}; " + ("font-weight: 600; " if bold else "")
