"""What the tests of covariates share: models, the CDNOW sample, simulated customers."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from clv_models import cdnow_log, simulate

import tenure as tn

MODELS = {"bg_nbd": tn.clv.BGNBD, "mbg_nbd": tn.clv.MBGNBD, "pareto_nbd": tn.clv.ParetoNBD}
PURCHASE = dict.fromkeys(MODELS, (0.0, -1.0, 0.0, 0.0))
DROPOUT = {
    "bg_nbd": (0.0, 0.0, 1.0, 1.0),
    "mbg_nbd": (0.0, 0.0, 1.0, 1.0),
    "pareto_nbd": (0.0, 0.0, 0.0, -1.0),
}
BOTH = {"purchase_covariates": ["z"], "dropout_covariates": ["z"]}
by_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def cdnow():
    """The CDNOW sample with the covariate of the published fits: first-day amount above 25."""
    orders = tn.datasets.load_cdnow(sample=True).to_pandas()
    days = orders.groupby(["sample_id", "date"], as_index=False)["amount"].sum()
    first = days.sort_values(["sample_id", "date"]).drop_duplicates("sample_id")
    people = pd.DataFrame({"customer": first["sample_id"], "z": first["amount"] > 25.0})
    base = cdnow_log().summary(unit="week", end="1997-09-30")
    return tn.clv.with_covariates(base, people)


@functools.cache
def fitted(name, **settings):
    return MODELS[name](**(BOTH | settings)).fit(cdnow())


@functools.cache
def customers_with(seed=3, n=4000, g=0.6, h=-0.5):
    """Customers of the BG/NBD model with one covariate, by simulation."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    parts = []
    for i, v in enumerate(np.array_split(np.sort(z), 40)):
        m = float(v.mean())
        part = simulate(
            len(v),
            seed + i,
            r=0.8,
            alpha=6.0 * np.exp(-g * m),
            a=0.9 * np.exp(h * m),
            b=2.5 * np.exp(0.0),
        )
        parts.append(part | {"z": np.full(len(v), m)})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def awkward(n=600, seed=1):
    data = simulate(n, seed)
    rng = np.random.default_rng(seed)
    return data | {
        "age": rng.normal(40.0, 10.0, n),
        "channel": rng.choice(["web", "app", "shop"], n),
        "z": rng.integers(0, 2, n).astype(float),
    }
