"""The file format of models: a JSON header, raw arrays, a checksum. Loading never runs code.

Layout, all integers little-endian::

    8 bytes   b"TENURE\\x00\\x01"  (the last byte is the format version)
    8 bytes   length of the header
    header    UTF-8 JSON: {"root": ..., "arrays": [{"dtype", "shape"}, ...]}
    arrays    raw little-endian bytes, C order, each padded to 8 bytes
    32 bytes  SHA-256 of everything before it

Values are plain JSON with a few tagged objects (``$array``, ``$float``, ``$tuple``, ``$object``).
Only classes that registered themselves with `storable` are rebuilt, from checked values.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import hashlib
import json
import math
import mmap
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tenure._errors import InvalidInputError, ModelFileError

_MAGIC = b"TENURE\x00"
_VERSION = 1
_MAPPED = 2**20  # smaller files are read
_PIECE = 2**24  # Ctrl-C is answered between two pieces
_MAX_HEADER = 64 * 2**20
_MAX_DEPTH = 40
_DTYPES = {"<f8", "<f4", "<i8", "<i4", "<u8", "|u1", "|b1", "<u2", "<u4"}

#: Numbers too large and nesting too deep for Python itself.
_LIMITS = (ArithmeticError, RecursionError)

_T = TypeVar("_T")
_classes: dict[str, type[Any]] = {}
_names: dict[type[Any], str] = {}


def storable(name: str) -> Callable[[type[_T]], type[_T]]:
    """Register a class under the name that files use for it: an estimator or a frozen dataclass."""

    def register(cls: type[_T]) -> type[_T]:
        _classes[name] = cls
        _names[cls] = name
        return cls

    return register


def to_bytes(obj: Any) -> bytes:
    """Return the file's content for a registered object."""
    return b"".join(_parts(obj))


def _parts(obj: Any) -> Iterator[bytes | memoryview]:
    """The file's content piece by piece, so that large arrays are not copied."""
    arrays: list[np.ndarray[Any, Any]] = []
    root = _encode(obj, arrays)
    header = json.dumps(
        {
            "root": root,
            "arrays": [{"dtype": a.dtype.str, "shape": list(a.shape)} for a in arrays],
        },
        allow_nan=False,
    ).encode()
    header += b" " * (-len(header) % 8)  # arrays in a mapped file lie at multiples of 8
    digest = hashlib.sha256()

    def told(part: bytes | memoryview) -> bytes | memoryview:
        digest.update(part)
        return part

    yield told(_MAGIC + bytes([_VERSION]) + len(header).to_bytes(8, "little") + header)
    for array in arrays:
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        for at in range(0, raw.nbytes, _PIECE):
            yield told(raw[at : at + _PIECE])
        yield told(b"\0" * (-raw.nbytes % 8))
    yield digest.digest()


def from_bytes(data: bytes | mmap.mmap) -> Any:
    """Rebuild an object from `to_bytes`, or raise `ModelFileError`."""
    if data[:7] != _MAGIC:
        msg = "not a tenure model file (pickles and other formats are never loaded)"
        raise ModelFileError(msg)
    if len(data) < 48:
        msg = "the model file is truncated"
        raise ModelFileError(msg)
    if data[7] > _VERSION or data[7] == 0:
        msg = f"model file version {data[7]} is not one this release reads (1 to {_VERSION})"
        raise ModelFileError(msg)
    content, digest = memoryview(data)[:-32], data[-32:]
    length = int.from_bytes(data[8:16], "little")
    if length > _MAX_HEADER or 16 + length > len(content):
        msg = "the model file is truncated or its header length is wrong"
        raise ModelFileError(msg)
    seen = hashlib.sha256()
    for at in range(0, len(content), _PIECE):
        seen.update(content[at : at + _PIECE])
    if seen.digest() != digest:
        msg = "the model file is damaged: its checksum does not match"
        raise ModelFileError(msg)
    try:
        header = json.loads(str(content[16 : 16 + length], "utf-8"), parse_constant=_refuse)
        arrays = _read_arrays(header["arrays"], content[16 + length :])
        return _decode(header["root"], arrays, 0)
    except ModelFileError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, *_LIMITS) as error:
        msg = f"the model file holds values that no model can have: {error}"
        raise ModelFileError(msg) from error


def _refuse(constant: str) -> None:
    msg = f"{constant} is no JSON number"
    raise ModelFileError(msg)


def _read_arrays(specs: Any, raw: memoryview) -> list[np.ndarray[Any, Any]]:
    arrays = []
    position = 0
    for spec in specs:
        dtype, shape = spec["dtype"], spec["shape"]
        if dtype not in _DTYPES or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
            msg = f"array of dtype {dtype!r} and shape {shape!r}"
            raise ModelFileError(msg)
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if position + size > len(raw):
            msg = "an array is longer than the model file"
            raise ModelFileError(msg)
        array = np.frombuffer(raw, dtype, math.prod(shape), position).reshape(shape)
        if not array.flags.aligned:  # bytes may lie anywhere, and headers may be of any length
            array = array.copy()
            array.flags.writeable = False
        if dtype == "|b1" and array.view(np.uint8).max(initial=0) > 1:
            msg = "an array of booleans holds a byte that is neither 0 nor 1"
            raise ModelFileError(msg)
        arrays.append(array)
        position += size + (-size % 8)
    if position != len(raw):
        msg = "bytes are left over behind the last array of the model file"
        raise ModelFileError(msg)
    return arrays


def _encode(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if type(value) in _names:
        name = _names[type(value)]
        if hasattr(value, "_from_state"):
            return {"$object": name, "state": _encode(value._state(), arrays)}
        if dataclasses.is_dataclass(value):
            state = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return {"$object": name, "state": _encode(state, arrays)}
        return {
            "$object": name,
            "params": _encode(value.get_params(deep=False), arrays),
            "state": _encode(value._state(), arrays),
        }
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.ndarray):
        little = value.astype(value.dtype.newbyteorder("<"), order="C", copy=False)
        if little.dtype.str not in _DTYPES:
            msg = f"arrays of dtype {value.dtype} cannot be saved"
            raise TypeError(msg)
        arrays.append(little)
        return {"$array": len(arrays) - 1}
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else {"$float": repr(number)}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(v, arrays) for v in value]}
    if isinstance(value, list):
        return [_encode(v, arrays) for v in value]
    if isinstance(value, dict) and all(isinstance(k, str) and k[:1] != "$" for k in value):
        return {k: _encode(v, arrays) for k, v in value.items()}
    msg = f"{type(value).__name__} cannot be saved in a model file"
    raise TypeError(msg)


def _decode(value: Any, arrays: list[np.ndarray[Any, Any]], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        msg = "the model file is nested too deeply"
        raise ModelFileError(msg)
    if isinstance(value, list):
        return [_decode(v, arrays, depth + 1) for v in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        index = value["$array"]
        if type(index) is not int or not 0 <= index < len(arrays):
            msg = f"no array {index!r}"
            raise ModelFileError(msg)
        return arrays[index]
    if "$float" in value:
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value["$float"]]
    if "$tuple" in value:
        return tuple(_decode(v, arrays, depth + 1) for v in value["$tuple"])
    if "$object" in value:
        return _rebuild(value, arrays, depth)
    return {k: _decode(v, arrays, depth + 1) for k, v in value.items()}


def _rebuild(value: dict[str, Any], arrays: list[np.ndarray[Any, Any]], depth: int) -> Any:
    name = value["$object"]
    if name not in _classes:
        msg = f"unknown kind of object {name!r}; was it saved by a newer release?"
        raise ModelFileError(msg)
    cls = _classes[name]
    state = _decode(value["state"], arrays, depth + 1)
    if hasattr(cls, "_from_state"):
        return cls._from_state(state)
    if dataclasses.is_dataclass(cls):
        return cls(**state)
    obj = cls(**_decode(value["params"], arrays, depth + 1))
    obj._restore(state)
    return obj


def write(path: Any, obj: Any) -> None:
    """Write `obj` to `path`: the whole file or nothing, durable once this returns."""
    write_whole(Path(path), _parts(obj))


def write_whole(path: Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Replace `path` by `data` in one step: a reader sees the old file or the new one."""
    path = path.resolve()  # a link stays, and what it points to is replaced
    if path.exists() and not path.is_file():
        msg = f"{path} is a folder or a device, not a file that can be replaced"
        raise InvalidInputError(msg, argument="path", value=path)
    folder = path.parent
    _sweep(folder, path.name)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError):  # not every file system can sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: Path, name: str) -> None:
    """Remove what writers of this file left behind that were killed; none writes for an hour."""
    with contextlib.suppress(OSError):
        for litter in folder.glob(f".{glob.escape(name)}.*.part"):
            if time.time() - litter.stat().st_mtime > 3600.0:
                litter.unlink()


def load(path: Any) -> Any:
    """Read a model that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    object
        The estimator, fitted as it was, or the event log. The columns of a log stay in the file,
        which is mapped into memory, and are read where they are needed.

    Raises
    ------
    ModelFileError
        If the file is damaged, is no model file or holds impossible values. No code is ever run.

    Examples
    --------
    >>> import tempfile, pathlib, tenure as tn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "km.tenure"
    >>> tn.churn.KaplanMeier().fit([1, 2, 2, 3], [1, 1, 0, 0]).save(path)
    >>> tn.load(path).curve_.survival.tolist()
    [0.75, 0.5]
    """
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size < _MAPPED:
            return from_bytes(file.read())
        return from_bytes(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
