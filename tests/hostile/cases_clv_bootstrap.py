"""Designs and models that no bootstrap expects."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from clv_models import at
from hostile import OK, E, W

import tenure as tn

TRUTH = (0.8, 6.0, 0.8, 2.4)
#: A model at given parameters has no covariance, and bases without an optimum no estimate.
LOST = ("log_covariance_", "replicates")


def rows(*ages: float, **more: Any) -> dict[str, Any]:
    none = [0.0] * len(ages)
    return {"frequency": none, "recency": none, "T": list(ages), **more}


def draw(data: Any, model: Any = None, **settings: Any) -> Any:
    model = model or at(tn.clv.BGNBD, TRUTH)
    return model.bootstrap(data, **{"n": 4, "random_state": 1, "n_threads": 1, **settings})


def quietly(data: Any, model: Any = None, **settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)
        return draw(data, model, **settings)


def counted(boot: Any) -> bool:
    return len(boot.outcome) == 4 and boot.n_failed == int(np.isnan(boot.replicates[:, 0]).sum())


CASES = [
    OK("bootstrap: one customer", lambda: quietly(rows(30.0)), counted, nan=LOST),
    OK("bootstrap: T of 0", lambda: quietly(rows(0.0, 0.0)), counted, nan=LOST),
    OK(
        "bootstrap: a weight for a thousand customers",
        lambda: quietly(rows(30.0, weight=[1000.0])),
        counted,
        nan=LOST,
    ),
    OK(
        "bootstrap: times of 1e-9",
        lambda: quietly(rows(*[3e-8] * 200), at(tn.clv.BGNBD, (0.8, 6e-9, 0.8, 2.4))),
        counted,
        nan=LOST,
    ),
    W(
        "bootstrap: a few customers",
        lambda: draw(rows(30.0, 20.0)),
        "have no optimum",
        counted,
        "ConvergenceWarning",
    ),
    E("bootstrap: no rows", lambda: draw(rows()), "weight"),
    E("bootstrap: a T below 0", lambda: draw(rows(1.0, -1.0)), "T[1]"),
    E("bootstrap: half a customer", lambda: draw(rows(1.0, weight=[0.5])), "weight[0]"),
    E("bootstrap: one base", lambda: draw(rows(1.0), n=1), "n must be >= 2"),
    E(
        "bootstrap: a unit that is wrong by far",
        lambda: draw(rows(30.0), at(tn.clv.NBD, (0.8, 1e-9))),
        "million",
    ),
    E(
        "bootstrap: contracts watched for unknown times",
        lambda: draw(
            {"renewals": [0, 1, 2], "churned": [1, 0, 0]},
            at(tn.clv.ShiftedBetaGeometric, (0.7, 1.2)),
        ),
        "observed is needed",
    ),
    E(
        "bootstrap: not fitted",
        lambda: draw(rows(1.0), tn.clv.NBD()),
        "not fitted",
        "NotFittedError",
    ),
]
