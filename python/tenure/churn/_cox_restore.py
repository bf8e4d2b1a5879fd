"""What a file must hold for a Cox regression to be one that a fit could have left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tenure.churn._cox_tables import CoxBaseline


def require_baseline(model: Any) -> None:
    """Refuse coefficients and a baseline that no fit can have left in a file."""
    p = model.n_features_in_
    if not isinstance(p, int) or p < 1:
        msg = "n_features_in_ is impossible"
        raise ValueError(msg)
    base = model.baseline_
    if not isinstance(base, CoxBaseline):
        msg = "baseline_ is no baseline"
        raise ValueError(msg)
    n = len(base.time)
    require_shapes(
        {
            "coef_": (model.coef_, (p,)),
            "means_": (model.means_, (p,)),
            "mean_hazard": (base.mean_hazard, (n, p)),
            "cumulative_hazard": (base.cumulative_hazard, (n,)),
            "variance": (base.variance, (n,)),
            "stratum": (base.stratum, (n,)),
            "last_time": (base.last_time, (len(base.strata),)),
        }
    )
    hazard = base.cumulative_hazard
    same = np.diff(base.stratum) == 0
    right = (
        np.isfinite(model.coef_).all()
        and np.isfinite(model.means_).all()
        and (np.isfinite(hazard) & (hazard >= 0.0)).all()
        and ((np.diff(hazard) >= 0.0) | ~same).all()
        and ((np.diff(base.time) > 0.0) | ~same).all()
        and (np.diff(base.stratum) >= 0).all()
        and (base.variance >= 0.0).all()
        and ((base.stratum >= 0) & (base.stratum < len(base.strata))).all()
    )
    if not right:
        msg = "coefficients or baseline hold values that no fit has"
        raise ValueError(msg)


def require_shapes(wanted: Mapping[str, tuple[Any, tuple[int, ...]]]) -> None:
    """Refuse arrays of another shape."""
    for name, (array, shape) in wanted.items():
        if not isinstance(array, np.ndarray) or array.shape != shape:
            msg = f"{name} must have shape {shape}"
            raise ValueError(msg)
