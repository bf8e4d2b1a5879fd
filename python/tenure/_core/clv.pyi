from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._core.events import EventLog, Period

_F = npt.NDArray[np.float64]
_I = npt.NDArray[np.int64]
_Evaluation = tuple[float, _F, _F]

def order_days(
    log: EventLog, collapse: Period | None, acquired_until: int, until: int, threads: int
) -> tuple[int, _I, _I]: ...
def bg_nbd_fit(
    frequency: _F,
    recency: _F,
    T: _F,
    weight: _F | None,
    max_iterations: int,
    tolerance: float,
    l2: float,
    threads: int,
) -> dict[str, Any]: ...
def bg_nbd_log_likelihood(
    parameters: _F, frequency: _F, recency: _F, T: _F, weight: _F | None, threads: int
) -> _Evaluation: ...
def bg_nbd_probability_alive(
    parameters: _F, frequency: _F, recency: _F, T: _F, threads: int
) -> _F: ...
def bg_nbd_log_odds_alive(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    recency: _F,
    T: _F,
    threads: int,
) -> Any: ...
def bg_nbd_expected_purchases(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    recency: _F,
    T: _F,
    horizon: float,
    discount_rate: float,
    threads: int,
) -> Any: ...
def bg_nbd_expected_purchases_new(
    parameters: _F, log_covariance: _F | None, time: _F, threads: int
) -> Any: ...
def bg_nbd_pmf(parameters: _F, count: _F, time: float, threads: int) -> _F: ...
def bg_nbd_frequency_counts(
    parameters: _F, T: _F, weight: _F | None, frequencies: int, threads: int
) -> _F: ...
def gamma_gamma_fit(
    frequency: _F,
    monetary_value: _F,
    weight: _F | None,
    max_iterations: int,
    tolerance: float,
    l2: float,
    threads: int,
) -> dict[str, Any]: ...
def gamma_gamma_log_likelihood(
    parameters: _F, frequency: _F, monetary_value: _F, weight: _F | None, threads: int
) -> _Evaluation: ...
def gamma_gamma_expected_spend(
    parameters: _F,
    log_covariance: _F | None,
    frequency: _F,
    monetary_value: _F,
    threads: int,
) -> Any: ...
