"""Files given to tenure.load that no release wrote."""

from __future__ import annotations

import hashlib
import json
import pickle
import tempfile
from pathlib import Path

from hostile import E

import tenure as tn


def load(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tenure")
        path.write_bytes(data)
        return tn.load(path)


def sealed(header: object, body: bytes = b"", length: int | None = None, version: int = 1) -> bytes:
    """A file whose checksum is right, so that what lies behind it is reached."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = (len(text) if length is None else length).to_bytes(8, "little")
    content = b"TENURE\x00" + bytes([version]) + size + text + body
    return content + hashlib.sha256(content).digest()


def arrays(*specs: object, body: bytes = b"") -> bytes:
    return sealed({"root": None, "arrays": list(specs)}, body)


class Evil:
    """A pickle that would end the process if it were ever opened."""

    def __reduce__(self) -> tuple[object, ...]:
        import os

        return os._exit, (66,)


def told(about: str, data: bytes, says: str) -> object:
    return E(f"load: {about}", lambda: load(data), says, "ModelFileError")


EMPTY = sealed({"root": None, "arrays": []})

CASES = [
    told("97 a pickle", pickle.dumps(Evil()), "pickles"),
    told("97 a pickle behind the magic", b"TENURE\x00\x01" + pickle.dumps(Evil()), "model file"),
    told("98 empty", b"", "not a tenure model file"),
    told("98 truncated", EMPTY[:-20], "truncated"),
    told("98 flipped bit", EMPTY[:20] + bytes([EMPTY[20] ^ 4]) + EMPTY[21:], "checksum"),
    told("98 future version", sealed(b"{}", version=9), "version 9"),
    told("98 header of 1 GB", sealed(b"{}", length=2**30), "header length"),
    told("98 header of 2^63", sealed(b"{}", length=2**63), "header length"),
    told("98 deep JSON", sealed(b"[" * 100_000), "no model can have"),
    told("98 shape product 2^64", arrays({"dtype": "<f8", "shape": [2**32, 2**32]}), "longer"),
    told("98 a terabyte of bytes", arrays({"dtype": "|u1", "shape": [2**40]}), "longer"),
    told("98 objects as array", arrays({"dtype": "|O", "shape": [1]}, body=b"\0" * 8), "dtype"),
    told("98 many arrays", arrays(*[{"dtype": "<f8", "shape": [1]}] * 10_000), "longer"),
    told("98 JSON NaN", sealed(b'{"root": NaN, "arrays": []}'), "no JSON number"),
    told("98 unknown class", sealed({"root": {"$object": "os.system"}, "arrays": []}), "os.system"),
    told("98 bytes left over", sealed({"root": None, "arrays": []}, b"\0" * 64), "left over"),
    E("load: no such file", lambda: tn.load("/nonexistent/m.tenure"), "", "FileNotFoundError"),
    E("load: a folder", lambda: tn.load("/"), "", "IsADirectoryError"),
    E("load: not a path", lambda: tn.load(7), "", "TypeError"),
]
