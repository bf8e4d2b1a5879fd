from typing import Any

import numpy as np
import numpy.typing as npt

_Columns = dict[str, npt.NDArray[np.generic]]

def base(settings: dict[str, Any], threads: int) -> tuple[_Columns, _Columns]: ...
def subscriptions(
    members: dict[str, Any],
    share: float,
    a: float,
    b: float,
    period: int,
    price: float,
    threads: int,
) -> tuple[_Columns, _Columns]: ...
def contacts(
    members: dict[str, Any],
    time: int,
    index: int,
    audience: float,
    control: float,
    base: float,
    uplift: float,
    spread: float,
    typical_rate: float,
    p: float,
    scale: float,
    threads: int,
) -> _Columns: ...
def survey(
    members: dict[str, Any],
    time: int,
    index: int,
    response: float,
    promoters: tuple[float, float],
    detractors: tuple[float, float],
    threads: int,
) -> _Columns: ...
