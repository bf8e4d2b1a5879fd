"""A folder of files that appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tenure._errors import InvalidInputError
from tenure._model_file import write_whole

MANIFEST = "report.json"
_KIND = "tenure report"

#: By this a page is known as a report.
GENERATOR = '<meta name="generator" content="tenure'


def write_folder(path: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> None:
    """Write the files under `path`, all of them or none.

    They are written into a folder beside it, which then takes the name. A folder that exists is
    replaced only if it is empty or holds a former report and nothing else.

    Raises
    ------
    InvalidInputError
        If `path` is a file, a link, a folder with other things in it, or its parent is no folder.
    OSError
        If the parent cannot be written to; nothing is left behind.
    """
    path = Path(os.path.abspath(path))
    _check_folder(path)
    temporary = Path(tempfile.mkdtemp(prefix=".tenure-", suffix=".part", dir=path.parent))
    new, old = temporary / "new", temporary / "old"
    try:
        new.mkdir()
        for name, content in files.items():
            target = new / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, content)
        write_whole(new / MANIFEST, manifest(files, about))
        if path.exists():
            os.rename(path, old)
        try:
            os.rename(new, path)
        except BaseException:
            if old.exists():
                os.rename(old, path)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def manifest(files: Mapping[str, bytes], about: Mapping[str, Any]) -> bytes:
    """Return report.json: what the report was made from, and the checksum of each file."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    content = {"kind": _KIND, **about, "files": sums}
    return (json.dumps(content, indent=2, ensure_ascii=True) + "\n").encode()


def write_page(path: Path, page: bytes) -> None:
    """Write the page alone, whole or not at all; an existing page is replaced."""
    path = Path(os.path.abspath(path))
    _check_file(path)
    write_whole(path, page)


def check_target(path: Path) -> None:
    """Raise if no report may be written to `path`: a page (``.html``) or a folder."""
    path = Path(os.path.abspath(path))
    if path.suffix.lower() == ".html":
        _check_file(path)
    else:
        _check_folder(path)


def _check_file(path: Path) -> None:
    _check_parent(path)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        msg = f"{path} is a {_what(path)}, and no page can be written there"
        raise InvalidInputError(msg, argument="path", value=str(path))
    if path.is_file():
        with path.open("rb") as file:
            ours = GENERATOR.encode() in file.read(2000)
        if not ours:
            msg = f"{path} exists and is no report; only a former report is replaced"
            raise InvalidInputError(msg, argument="path", value=str(path))


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        msg = f"{path.parent} is no folder; make it first"
        raise InvalidInputError(msg, argument="path", value=str(path))


def _check_folder(path: Path) -> None:
    _check_parent(path)
    if not path.name:
        msg = f"{path} is no name for a new folder"
        raise InvalidInputError(msg, argument="path", value=str(path))
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        msg = f"{path} is a {_what(path)}; the report needs a folder of its own"
        raise InvalidInputError(msg, argument="path", value=str(path))
    if path.is_dir():
        foreign = _foreign(path)
        if foreign is not None:
            msg = (
                f"{path} holds {foreign!r}, which no report wrote; only an empty folder or a "
                "former report is replaced"
            )
            raise InvalidInputError(msg, argument="path", value=str(path))


def _what(path: Path) -> str:
    if path.is_symlink():
        return "link"
    return "folder" if path.is_dir() else "file" if path.is_file() else "device"


def _foreign(folder: Path) -> str | None:
    """Name something in the folder that is no part of a report, or None."""
    known: set[str] = set()
    with contextlib.suppress(OSError, ValueError):
        content = json.loads((folder / MANIFEST).read_bytes())
        if isinstance(content, dict) and content.get("kind") == _KIND:
            known = {MANIFEST, *content.get("files", {})}
    folders = {str(parent) for name in known for parent in Path(name).parents}
    for root, names, files in os.walk(folder):
        inside = Path(root).relative_to(folder)
        for name in sorted(files):
            if str(inside / name) not in known:
                return str(inside / name)
        for name in sorted(names):
            if str(inside / name) not in folders or (Path(root) / name).is_symlink():
                return str(inside / name)
    return None
