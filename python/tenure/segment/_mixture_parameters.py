"""Shapes, counts and checks of the parameters of a Gaussian mixture."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats

#: Shapes of the covariances, the richest first.
SHAPES = ("full", "tied", "diag", "spherical")


def covariance_shape(shape: str, k: int, d: int) -> tuple[int, ...]:
    """Return the shape of the array that holds the covariances."""
    return {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[shape]


def parameter_count(shape: str, k: int, d: int) -> int:
    """Return the number of free parameters."""
    triangle = d * (d + 1) // 2
    of_shape = {"full": k * triangle, "tied": triangle, "diag": k * d, "spherical": k}[shape]
    return k - 1 + k * d + of_shape


def matrices(shape: str, means: Floats, covariances: Floats) -> Floats:
    """Return the covariance matrix of each component, shape (components, features, features)."""
    k, d = means.shape
    if shape == "diag":
        return covariances[:, :, None] * np.eye(d)
    if shape == "spherical":
        return covariances[:, None, None] * np.eye(d)
    return np.broadcast_to(covariances, (k, d, d))


def floor_complaints(
    shape: str, weights: Floats, means: Floats, covariances: Floats, floor: float
) -> list[str]:
    """Return what is wrong where `reg_covar` shapes what was fitted: columns first."""
    if floor == 0.0:
        return []
    of = matrices(shape, means, covariances)
    gap = means - weights @ means
    total = np.tensordot(weights, of, 1) + (weights[:, None] * gap).T @ gap
    swamped = np.flatnonzero(floor > 0.5 * np.diagonal(total)).tolist()
    if swamped:
        return [
            f"reg_covar={floor} is more than half of the variance of columns {swamped}: lower it, "
            "or give columns another unit"
        ]
    if floor > 0.05 * np.linalg.eigvalsh(total)[0]:
        return [
            f"reg_covar={floor} is more than a twentieth of the least variance of the columns "
            "together: lower it, give columns another unit or drop columns that others determine"
        ]
    flat = np.flatnonzero((weights > 0.0) & (floor > 0.1 * np.linalg.eigvalsh(of)[:, 0])).tolist()
    return (
        [
            f"components {flat} are flat: reg_covar={floor} is more than a tenth of their least "
            "variance, and the likelihood is as high as it lets them be; ask for fewer components "
            "or raise it"
        ]
        if flat
        else []
    )


def start_array(given: Any, name: str, shape: tuple[int, ...]) -> Floats | None:
    """Return given starting values as float64, None where none are given."""
    if given is None:
        return None
    try:
        array = np.ascontiguousarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{name} must hold numbers: {error}"
        raise InvalidInputError(msg, argument=name) from error
    if array.shape != shape:
        msg = f"{name} must have shape {shape}, got {array.shape}"
        raise InvalidInputError(msg, argument=name)
    return array


def factors_of(precisions: Floats, shape: str) -> Floats:
    """Return upper triangular U with precision U U' (full, tied), or roots of the precisions."""
    fault = "precisions_init must be positive definite and symmetric"
    if shape in ("diag", "spherical"):
        if not (precisions > 0.0).all():
            raise InvalidInputError(fault, argument="precisions_init")
        return np.sqrt(precisions)
    turned = precisions[..., ::-1, ::-1]
    if not np.allclose(turned, np.swapaxes(turned, -1, -2), rtol=1e-8, atol=0.0):
        raise InvalidInputError(fault, argument="precisions_init")
    try:
        lower = np.linalg.cholesky(turned)
    except np.linalg.LinAlgError as error:
        raise InvalidInputError(fault, argument="precisions_init") from error
    # Read backwards in both directions, a lower triangle is an upper one.
    return np.ascontiguousarray(lower[..., ::-1, ::-1])


def require_mixture(model: Any) -> None:
    """Refuse what no fit can have left in a file."""
    shape, weights, means = model.covariance_type, model.weights_, model.means_
    if (
        shape not in SHAPES
        or weights.ndim != 1
        or means.shape
        != (
            len(weights),
            model.n_features_in_,
        )
    ):
        msg = f"means_ of shape {means.shape} for covariance_type {shape!r}"
        raise ValueError(msg)
    wanted = covariance_shape(shape, *means.shape)
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_", "lower_bounds_"):
        array = getattr(model, name)
        if array.dtype != np.float64 or not np.isfinite(array).all() or array.size == 0:
            msg = f"{name} must be finite numbers"
            raise ValueError(msg)
    factor = model.precisions_cholesky_
    if model.covariances_.shape != wanted or factor.shape != wanted:
        msg = f"covariances_ of shape {model.covariances_.shape}, not {wanted}"
        raise ValueError(msg)
    diagonal = np.diagonal(factor, axis1=-2, axis2=-1) if shape in ("full", "tied") else factor
    if (
        not (diagonal > 0.0).all()
        or not ((weights >= 0.0).all() and abs(weights.sum() - 1.0) < 1e-9)
        or (shape in ("full", "tied") and np.tril(factor, -1).any())
    ):
        msg = "weights_ must add up to 1 and precisions_cholesky_ be triangular and positive"
        raise ValueError(msg)
    numbers = ("log_likelihood_", "entropy_", "aic_", "bic_", "icl_")
    if (
        model.lower_bounds_.ndim != 1
        or not all(
            isinstance(getattr(model, n), float) and np.isfinite(getattr(model, n)) for n in numbers
        )
        or type(model.converged_) is not bool
        or not isinstance(model.warnings_, tuple)
        or not all(isinstance(w, str) for w in model.warnings_)
    ):
        msg = f"{', '.join(numbers)} must be numbers, converged_ a truth value, warnings_ texts"
        raise ValueError(msg)
