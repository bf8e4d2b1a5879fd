"""The documentation holds together: links lead somewhere, examples run, public names show one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import tenure

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(p for p in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if p.exists()),
    ]
)
FENCE = re.compile(r"^(```+|~~~+)(.*)$")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
REFERENCE = re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)

#: Public names whose docstring needs no example, each with the reason.
WITHOUT_EXAMPLE: dict[str, str] = {}


def lines_by_fence(page: Path) -> Iterator[tuple[str, str | None]]:
    """Line, and the language of the code block it is in (None: text, "fence": its marks)."""
    mark: str | None = None
    language = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = FENCE.match(line)
        if fence and mark is None:
            mark, language = fence[1], fence[2].strip()
            yield line, "fence"
        elif fence and mark is not None and fence[1].startswith(mark) and not fence[2].strip():
            mark = None
            yield line, "fence"
        else:
            yield line, None if mark is None else language


def prose(page: Path) -> str:
    return "\n".join(line for line, language in lines_by_fence(page) if language is None)


def anchors(page: Path) -> set[str]:
    """The anchors that headings get: lower case, punctuation gone, blanks to hyphens."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        numbered = (slug if n == 0 else f"{slug}-{n}" for n in range(100))
        found.add(next(s for s in numbered if s not in found))
    return found


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "``", prose(page))
    return [t for t in LINK.findall(text) + REFERENCE.findall(text) if not re.match(r"[a-z]+:", t)]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = page if not path else (page.parent / unquote(path)).resolve()
        if not file.exists() or not file.is_relative_to(ROOT):
            broken.append(f"{target}: there is no such file")
        elif anchor and anchor not in anchors(file):
            broken.append(f"{target}: {file.name} has no such heading")
    assert not broken


def test_the_map_names_every_page() -> None:
    mapped = {(DOCS / t.partition("#")[0]).resolve() for t in links(DOCS / "index.md")}
    missing = [name_of(p) for p in DOCS.rglob("*.md") if p.resolve() not in mapped]
    assert missing == [name_of(DOCS / "index.md")]


def examples(page: Path) -> str:
    """The page with everything but its Python blocks blanked, so that line numbers stay."""
    return "\n".join(
        line if language == "python" else "" for line, language in lines_by_fence(page)
    )


@pytest.mark.parametrize("page", [p for p in PAGES if ">>> " in examples(p)], ids=name_of)
def test_every_example_of_the_pages_runs(page: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(examples(page), {}, name_of(page), str(page), 0)
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


def public_names(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    for name in getattr(module, "__all__", ()):  # the command line has none
        value = getattr(module, name)
        if inspect.ismodule(value) and hasattr(value, "__all__"):
            yield from public_names(value)
        elif inspect.isclass(value) or inspect.isroutine(value):
            yield f"{module.__name__}.{name}", value


AREAS = [
    importlib.import_module(f"tenure.{m.name}")
    for m in pkgutil.iter_modules(tenure.__path__)
    if m.ispkg and not m.name.startswith("_")
]
PUBLIC = {name: value for package in [tenure, *AREAS] for name, value in public_names(package)}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_shows_an_example(name: str) -> None:
    shown = re.search(
        r"^Examples\n-+\n(?:.*\n)*?\s*>>> ", inspect.cleandoc(PUBLIC[name].__doc__ or ""), re.M
    )
    assert (shown is None) == (name in WITHOUT_EXAMPLE)


def test_exceptions_to_the_examples_exist() -> None:
    assert set(WITHOUT_EXAMPLE) <= set(PUBLIC)
