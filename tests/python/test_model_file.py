"""Model files: what goes in comes out, what is damaged is told, and no code ever runs."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import pickle
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from stored_curve import Curve

import tenure as tn
from tenure._errors import ModelFileError
from tenure._estimator import Estimator
from tenure._model_file import from_bytes, storable, to_bytes

NIGHT = os.environ.get("TENURE_TESTS") == "nightly"


@storable("test.Line")
class Line(Estimator):
    """A model whose slope is positive: the least that has settings, a fit and a value check."""

    _fitted = ("slope_", "curve_")

    def __init__(self, *, scale=1.0, init=None):
        self.scale = scale
        self.init = init

    def fit(self, x):
        self.slope_ = self.scale * float(np.mean(x))
        self.curve_ = Curve(np.asarray(x, dtype=float))
        return self

    def _restore(self, state):
        slope = state.get("slope_", 1.0)
        if not (isinstance(slope, float) and 0.0 < slope < math.inf):
            msg = f"slope_ must be finite and > 0, got {slope!r}"
            raise ValueError(msg)
        super()._restore(state)


def sealed(header: bytes, body: bytes = b"", version: int = 1, length: int | None = None) -> bytes:
    """A file with a right checksum, so that what lies behind the checksum is reached."""
    size = len(header) if length is None else length
    content = b"TENURE\x00" + bytes([version]) + size.to_bytes(8, "little") + header + body
    return content + hashlib.sha256(content).digest()


def resealed(data: bytes) -> bytes:
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def header(root, arrays=()) -> bytes:
    return json.dumps({"root": root, "arrays": list(arrays)}).encode()


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and (a.dtype.newbyteorder("="), a.shape) == (b.dtype.newbyteorder("="), b.shape)
            and a.astype(a.dtype.newbyteorder("<")).tobytes() == b.tobytes()
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return isinstance(b, float) and np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and a == b


# --- round trips ------------------------------------------------------------------------------


def array_of(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Any bytes at all: every NaN, every denormal."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.frombuffer(random.Random(seed).randbytes(size), "u1")
    return ((raw & 1).view("?") if dtype == "?" else raw.view(dtype)).reshape(shape)


dtypes = st.sampled_from(["f8", "f4", "i8", "i4", "u8", "u1", "?", "u2", ">f8", ">i4"])
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
arrays = st.builds(array_of, dtypes, shapes, st.integers(0, 2**32))
floats = st.floats(allow_nan=False) | st.just(math.nan)
plain = st.none() | st.booleans() | st.integers() | floats | st.text() | arrays
keys = st.text().filter(lambda k: not k.startswith("$"))
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | inner.map(Curve)
    ),
    max_leaves=8,
)


@given(values)
def test_every_value_comes_back_as_it_went(value):
    back = from_bytes(to_bytes(Curve(value)))
    assert isinstance(back, Curve)

    def opened(v):
        if isinstance(v, Curve):
            return {"curve": opened(v.value)}
        if isinstance(v, (list, tuple)):
            return type(v)(map(opened, v))
        return {k: opened(x) for k, x in v.items()} if isinstance(v, dict) else v

    assert same(opened(value), opened(back.value))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,  # Fortran order
        np.arange(12)[::-3],  # strides
        np.zeros((0, 5)),
        np.array(3.5),
        np.array([math.nan, -0.0, math.inf]),
    ],
)
def test_arrays_of_every_layout(array):
    assert same(array, from_bytes(to_bytes(Curve(array))).value)


def test_numpy_scalars_become_python_numbers():
    back = from_bytes(to_bytes(Curve([np.float64(0.1), np.int32(7), np.float32(0.5)]))).value
    assert back == [0.1, 7, 0.5]
    assert [type(v) for v in back] == [float, int, float]


def test_an_estimator_keeps_settings_and_fit(tmp_path):
    model = Line(scale=2.0, init=np.array([1.0, 2.0])).fit([1.0, 3.0])
    model.save(tmp_path / "m.tenure")
    back = tn.load(str(tmp_path / "m.tenure"))
    assert back.scale == 2.0
    assert_array_equal(back.init, [1.0, 2.0])
    assert back.slope_ == 4.0
    assert_array_equal(back.curve_.value, [1.0, 3.0])


def test_an_unfitted_estimator_stays_unfitted():
    back = from_bytes(to_bytes(Line(scale=3.0)))
    assert back.scale == 3.0
    assert not back.__sklearn_is_fitted__()


@pytest.mark.parametrize("way", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_pickle_and_copy_go_through_the_same_bytes(way):
    back = way(Line(scale=2.0).fit([1.0, 3.0]))
    assert (back.scale, back.slope_) == (2.0, 4.0)


def test_the_same_model_gives_the_same_bytes():
    assert to_bytes(Line().fit([1.0, 2.0])) == to_bytes(Line().fit([1.0, 2.0]))


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"$array": 0}, np.array(["a"]), np.array([1j]), b"bytes", {1, 2}],
    ids=lambda v: type(v).__name__,
)
def test_what_cannot_be_stored_is_refused_when_saving(value):
    with pytest.raises(TypeError, match="cannot be saved"):
        to_bytes(Curve(value))


def test_arrays_are_aligned_wherever_the_bytes_lie():
    root = {"$object": "test.Curve", "state": {"value": {"$array": 0}}}
    spec = [{"dtype": "<f8", "shape": [3]}]
    for pad in range(9):
        head = header(root, spec) + b" " * pad
        value = from_bytes(sealed(head, np.arange(3.0).tobytes())).value
        assert value.flags.aligned
        assert not value.flags.writeable
        assert value.tolist() == [0.0, 1.0, 2.0]


# --- damage -----------------------------------------------------------------------------------

GOOD = to_bytes(Line(scale=2.0, init=(1, [2.5, None])).fit(np.arange(1.0, 20.0)))


def curve(value, *specs) -> bytes:
    return header({"$object": "test.Curve", "state": {"value": value}}, specs)


DAMAGED = {
    "empty": (b"", "not a tenure model file"),
    "pickle": (pickle.dumps({"a": 1}), "pickles"),
    "text": (b"{}" * 40, "not a tenure model file"),
    "magic alone": (b"TENURE\x00\x01", "truncated"),
    "version 0": (sealed(header(None), version=0), "version 0"),
    "newer version": (sealed(header(None), version=2), "version 2"),
    "flipped bit": (GOOD[:100] + bytes([GOOD[100] ^ 1]) + GOOD[101:], "checksum"),
    "flipped checksum": (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "checksum"),
    "header of 1 GB": (sealed(b"{}", length=2**30), "header length"),
    "header of 2^64": (sealed(b"{}", length=2**64 - 1), "header length"),
    "header not JSON": (sealed(b"{not json"), "no model can have"),
    "header not UTF-8": (sealed(b'{"a": "\xff"}'), "no model can have"),
    "header a list": (sealed(b"[1, 2]"), "no model can have"),
    "header without arrays": (sealed(b'{"root": null}'), "no model can have"),
    "JSON NaN": (sealed(b'{"root": NaN, "arrays": []}'), "no JSON number"),
    "deep JSON": (sealed(b'{"root": ' + b"[" * 100_000), "no model can have"),
    "deep, but closed": (
        sealed(b'{"root": ' + b"[" * 500 + b"]" * 500 + b', "arrays": []}'),
        "nested too deeply",
    ),
    "digits without end": (
        sealed(b'{"root": ' + b"9" * 10_000 + b', "arrays": []}'),
        "no model can have",
    ),
    "unknown class": (sealed(header({"$object": "os.system", "state": {}})), "os.system"),
    "class is a list": (sealed(header({"$object": [], "state": {}})), "no model can have"),
    "missing state": (sealed(header({"$object": "test.Curve"})), "no model can have"),
    "wrong field": (
        sealed(header({"$object": "test.Curve", "state": {"other": 1}})),
        "no model can have",
    ),
    "wrong setting": (
        sealed(header({"$object": "test.Line", "params": {"slope": 1}, "state": {}})),
        "no model can have",
    ),
    "unknown attribute": (
        sealed(header({"$object": "test.Line", "params": {}, "state": {"save": 1}})),
        "unknown attribute",
    ),
    "impossible value": (
        sealed(header({"$object": "test.Line", "params": {}, "state": {"slope_": -1.0}})),
        "slope_ must be finite",
    ),
    "NaN parameter": (
        sealed(
            header({"$object": "test.Line", "params": {}, "state": {"slope_": {"$float": "nan"}}})
        ),
        "slope_ must be finite",
    ),
    "odd float": (sealed(curve({"$float": "1e5"})), "no model can have"),
    "array out of range": (sealed(curve({"$array": 0})), "no array 0"),
    "negative array": (sealed(curve({"$array": -1})), "no array -1"),
    "array by name": (sealed(curve({"$array": "0"})), "no array '0'"),
    "object dtype": (sealed(curve(None, {"dtype": "|O", "shape": [1]}), b"\0" * 8), "dtype '|O'"),
    "dtype a list": (sealed(curve(None, {"dtype": [], "shape": [1]})), "no model can have"),
    "shape product 2^64": (
        sealed(curve(None, {"dtype": "<f8", "shape": [2**32, 2**32]})),
        "longer than the model file",
    ),
    "shape too large": (sealed(curve(None, {"dtype": "|u1", "shape": [2**48]})), "shape"),
    "negative shape": (sealed(curve(None, {"dtype": "<f8", "shape": [-1]})), "shape"),
    "shape of floats": (sealed(curve(None, {"dtype": "<f8", "shape": [1.0]}), b"\0" * 8), "shape"),
    "shape of booleans": (sealed(curve(None, {"dtype": "<f8", "shape": [True]})), "shape"),
    "shape a number": (sealed(curve(None, {"dtype": "<f8", "shape": 1})), "no model can have"),
    "100 dimensions": (
        sealed(curve(None, {"dtype": "|u1", "shape": [1] * 100}), b"\0" * 8),
        "no model can have",
    ),
    "array too long": (sealed(curve(None, {"dtype": "<f8", "shape": [2]}), b"\0" * 8), "longer"),
    "bytes left over": (sealed(curve(None), b"\0" * 8), "left over"),
    "boolean 7": (
        sealed(curve({"$array": 0}, {"dtype": "|b1", "shape": [1]}), b"\7" + b"\0" * 7),
        "neither 0 nor 1",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_says_what_is_wrong(case, tmp_path):
    data, says = DAMAGED[case]
    path = tmp_path / "damaged.tenure"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as caught:
        tn.load(path)
    assert says in str(caught.value)


def test_every_truncation_is_told():
    for size in range(len(GOOD)):
        with pytest.raises(ModelFileError):
            from_bytes(GOOD[:size])


def mutated(rng: random.Random) -> bytes:
    data = bytearray(GOOD)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del data[at : at + rng.randrange(1, 9)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(data)


def test_mutations_raise_nothing_but_model_file_error():
    rng = random.Random(20240229)
    for _ in range(100_000 if NIGHT else 2_000):
        data = mutated(rng)
        if data != GOOD:
            with pytest.raises(ModelFileError):
                from_bytes(data)


def test_mutations_with_a_right_checksum_give_an_error_or_a_possible_model():
    rng = random.Random(19700101)
    survived = 0
    for _ in range(100_000 if NIGHT else 2_000):
        try:
            back = from_bytes(resealed(mutated(rng)))
        except ModelFileError:
            continue
        survived += 1
        if isinstance(back, Line) and hasattr(back, "slope_"):
            assert 0.0 < back.slope_ < math.inf
    assert survived > 100  # otherwise nothing behind the checksum was reached
