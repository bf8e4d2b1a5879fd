"""Who is held out of a play: by rank of a salted hash, an exact share and always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def held_out(ids: Sequence[Any], share: float, salt: str, name: str) -> npt.NDArray[np.bool_]:
    """Return which customers of an audience are held out.

    They are ranked by a hash of salt, name and id, and the first round(share x n) are taken: exact
    within one customer, the same whenever the audience is, blind to the order of the ids, and
    independent from one name to the next.
    """
    n = len(ids)
    rank = np.lexsort((np.arange(n), _hashes(ids, salt, name)))
    out = np.zeros(n, bool)
    out[rank[: round(share * n)]] = True
    return out


def _hashes(ids: Sequence[Any], salt: str, name: str) -> npt.NDArray[np.uint64]:
    # A hash function of its own for each salt and name.
    key = hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=32).digest()
    digests = b"".join(
        hashlib.blake2b(str(i).encode(), digest_size=8, key=key).digest() for i in ids
    )
    return np.frombuffer(digests, dtype="<u8")
