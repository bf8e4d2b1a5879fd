"""The least that a model file can hold: one value."""

from __future__ import annotations

import dataclasses

from tenure._model_file import storable


@storable("test.Curve")
@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    value: object
