from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tenure._validation import Floats, Ints

_T = TypeVar("_T", np.float32, np.float64)
_Scores = npt.NDArray[np.uint8]

def kmeans(
    x: npt.NDArray[_T],
    weight: Floats | None,
    init: npt.NDArray[_T] | None,
    seeding: str,
    algorithm: str,
    clusters: int,
    restarts: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    least_rows: int,
    threads: int,
) -> dict[str, Any]: ...
def kmeans_seeds(
    x: npt.NDArray[_T],
    weight: Floats | None,
    seeding: str,
    clusters: int,
    seed: int,
    run: int,
    threads: int,
) -> Ints: ...
def kmeans_assign(
    x: npt.NDArray[_T], weight: Floats | None, centre: npt.NDArray[_T], threads: int
) -> tuple[npt.NDArray[np.int32], float]: ...
def kmeans_distances(
    x: npt.NDArray[_T], centre: npt.NDArray[_T], threads: int
) -> npt.NDArray[_T]: ...
def gaussian_mixture(
    x: Floats,
    weight: Floats | None,
    components: int,
    shape: str,
    regularisation: float,
    tolerance: float,
    max_iterations: int,
    restarts: int,
    lloyd: bool,
    seed: int,
    weights_init: Floats | None,
    means_init: Floats | None,
    factors_init: Floats | None,
    threads: int,
) -> dict[str, Any]: ...
def gaussian_mixture_rows(
    x: Floats,
    weight: Floats | None,
    shape: str,
    weights: Floats,
    means: Floats,
    factors: Floats,
    log_density: bool,
    responsibility: bool,
    label: bool,
    threads: int,
) -> dict[str, Any]: ...
def gaussian_mixture_errors(
    x: Floats,
    weight: Floats | None,
    shape: str,
    weights: Floats,
    means: Floats,
    factors: Floats,
    robust: bool,
    threads: int,
) -> tuple[Floats, Floats, bool]: ...
def sample_gaussian_mixture(
    shape: str,
    weights: Floats,
    means: Floats,
    factors: Floats,
    count: int,
    seed: int,
    threads: int,
) -> tuple[Floats, npt.NDArray[np.int32]]: ...
def kmeans_absorb(
    x: npt.NDArray[_T], weight: Floats | None, centre: Floats, mass: Floats, threads: int
) -> tuple[Floats, Floats, npt.NDArray[np.int32], float]: ...
def rfm_scores(
    days_since_last: Floats,
    orders: Floats,
    monetary: Floats | None,
    scoring: str,
    bins: int,
    cuts: list[list[float]],
    threads: int,
) -> tuple[_Scores, _Scores, _Scores, Floats, Floats, Floats]: ...
def concentration(
    value: Floats, orders: Floats | None, top: Floats, points: int, threads: int
) -> dict[str, Any]: ...
def k_prototypes(
    number: Floats,
    code: npt.NDArray[np.int32],
    levels: list[int],
    weight: Floats | None,
    start_centre: Floats | None,
    start_mode: npt.NDArray[np.int32] | None,
    clusters: int,
    restarts: int,
    max_iterations: int,
    gamma: float | None,
    seeds: str,
    row_by_row: bool,
    seed: int,
    threads: int,
) -> dict[str, Any]: ...
def k_prototypes_assign(
    number: Floats,
    code: npt.NDArray[np.int32],
    levels: list[int],
    weight: Floats | None,
    centre: Floats,
    mode: npt.NDArray[np.int32],
    gamma: float,
    threads: int,
) -> tuple[npt.NDArray[np.int32], float]: ...
def latent_class(
    code: npt.NDArray[np.int32],
    levels: list[int],
    weight: Floats,
    design: Floats,
    classes: int,
    starts: int,
    max_iterations: int,
    tolerance: float,
    seed: int,
    threads: int,
) -> dict[str, Any]: ...
def class_posterior(
    code: npt.NDArray[np.int32],
    levels: list[int],
    weight: Floats,
    design: Floats,
    beta: Floats,
    answer: Floats,
    threads: int,
) -> tuple[Floats, float]: ...
def distinct_rows(
    code: npt.NDArray[np.int32], levels: list[int]
) -> tuple[Ints, npt.NDArray[np.int32]]: ...
def numbered(values: Floats) -> npt.NDArray[np.int32]: ...
def ward(x: Floats, weight: Floats | None) -> tuple[Ints, Ints, Floats, Ints, Floats]: ...
def cut_tree(left: Ints, right: Ints, clusters: int) -> npt.NDArray[np.int32]: ...
def silhouette(
    x: npt.NDArray[_T],
    label: npt.NDArray[np.int32],
    clusters: int,
    simplified: bool,
    error: bool,
    threads: int,
    tell: Any,
) -> dict[str, Any]: ...
def validity(
    x: npt.NDArray[_T], label: npt.NDArray[np.int32], clusters: int, threads: int
) -> dict[str, Any]: ...
