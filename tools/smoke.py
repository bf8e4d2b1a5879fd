"""A tiny use of an installed tenure, run in an environment that holds nothing else."""

import numpy as np

import tenure as tn
from tenure import _core

assert tn.__version__, "the package has a version"
curve = _core.survival.kaplan_meier(
    np.array([1.0, 2.0, 2.0, 3.0]), np.array([1, 1, 0, 0], np.uint8), None
)
assert curve[3].tolist() == [0.75, 0.5], curve
print(f"tenure {tn.__version__} imports and fits")
