"""What every Python test shares: reproducible by default, wide at night."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SLOW_MACHINES = [HealthCheck.too_slow, HealthCheck.data_too_large]

# The same examples at every run, so that a red build is red again at one's desk.
settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=SLOW_MACHINES,
    print_blob=True,
)
settings.register_profile(
    "nightly",
    max_examples=5000,
    deadline=None,
    suppress_health_check=SLOW_MACHINES,
    print_blob=True,
)
# Sanitizers make each example several times as dear, and a memory fault needs no rare example.
settings.register_profile("sanitizer", settings.get_profile("ci"), max_examples=15)

if os.environ.get("TENURE_SANITIZER"):
    settings.load_profile("sanitizer")
else:
    settings.load_profile(os.environ.get("TENURE_TESTS", "ci"))
