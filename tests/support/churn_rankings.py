"""Scores to be measured: random ones with ties, and those of a published model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

ROSSI = Path(__file__).parents[1] / "reference" / "rossi.csv"
COLUMNS = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
# The coefficients of Cox's model with Efron's ties.
COEFFICIENTS = [-0.37942217, -0.05743774, 0.31389979, -0.14979570, -0.43370388, -0.08487108,
                0.09149708]  # fmt: skip


def rossi():
    """Return who was arrested, and the linear predictor."""
    frame = pd.read_csv(ROSSI)
    return frame["arrest"].to_numpy(), frame[COLUMNS].to_numpy(float) @ np.array(COEFFICIENTS)


rankings = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def columns(rows):
    """Return labels and scores."""
    return np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
