"""The page: a template filled with plain values; every text in it is escaped."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

from tenure._extras import require
from tenure.reporting._definitions import DEFINITIONS
from tenure.reporting._parts import Figure, Picture, Section

_UNIT = re.compile(r"(?<=[0-9]) (?=%)")


def render(
    *,
    title: str,
    subtitle: str,
    figures: Sequence[Figure],
    sections: Sequence[Section],
    warnings: Sequence[str],
    colophon: str,
    version: str,
    linked: bool,
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    linked : bool
        Whether the tables lie in files beside the page, so that it can link to them.
    """
    markup = require("markupsafe", "write the report").Markup
    # Two things are markup already: the style sheet of the package and the pictures drawn here.
    sections = [
        replace(
            s,
            blocks=tuple(
                replace(b, svg=markup(b.svg)) if isinstance(b, Picture) else b for b in s.blocks
            ),
        )
        for s in sections
    ]
    return str(
        _template().render(
            title=title,
            subtitle=subtitle,
            figures=figures,
            sections=sections,
            warnings=warnings,
            definitions=DEFINITIONS,
            colophon=colophon,
            version=version,
            linked=linked,
            style=markup(_resource("style.css")),
        )
    )


@functools.cache
def _template() -> Any:
    jinja2 = require("jinja2", "write the report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["tight"] = _tight
    return environment.from_string(_resource("page.html.jinja"))


def _tight(text: str) -> str:
    """Keep a number and its per cent sign on one line; escaping comes after."""
    return _UNIT.sub("\u00a0", text)


def _resource(name: str) -> str:
    return resources.files("tenure.reporting").joinpath(name).read_text(encoding="utf-8")
