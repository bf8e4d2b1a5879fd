from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tenure._validation import Floats, Ints

_T = TypeVar("_T", np.float32, np.float64)

def kmeans(
    x: npt.NDArray[_T],
    weight: Floats | None,
    init: npt.NDArray[_T] | None,
    clusters: int,
    restarts: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    threads: int,
) -> dict[str, Any]: ...
def kmeans_plus_plus(
    x: npt.NDArray[_T], weight: Floats | None, clusters: int, seed: int, run: int, threads: int
) -> Ints: ...
def kmeans_assign(
    x: npt.NDArray[_T], weight: Floats | None, centre: npt.NDArray[_T], threads: int
) -> tuple[npt.NDArray[np.int32], float]: ...
def kmeans_distances(
    x: npt.NDArray[_T], centre: npt.NDArray[_T], threads: int
) -> npt.NDArray[_T]: ...
