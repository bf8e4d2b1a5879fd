"""What every estimator shares: scikit-learn's conventions, without importing scikit-learn."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Self

from tenure import _model_file
from tenure._errors import InvalidInputError, NotFittedError


def _not_fitted(message: str) -> Exception:
    """Also a scikit-learn NotFittedError where scikit-learn is in use."""
    sklearn = sys.modules.get("sklearn.exceptions")
    if sklearn is None:
        return NotFittedError(message)
    cls = type("NotFittedError", (NotFittedError, sklearn.NotFittedError), {})
    return cls(message)  # type: ignore[no-any-return]


def _same(value: Any, default: Any) -> bool:
    """Whether a setting has its default; an array, which compares by element, never has."""
    return value is default or (type(value) is type(default) and bool(value == default))


class Estimator:
    """Base of models: settings in the constructor, fitted attributes end in ``_``.

    A subclass stores each constructor argument unchanged under its own name, lists what `fit` sets
    in `_fitted`, and is saved and pickled through one safe file format.
    """

    _fitted: tuple[str, ...] = ()

    @classmethod
    def _parameter_names(cls) -> list[str]:
        if cls.__init__ is object.__init__:
            return []  # no settings; object's own signature would tell of *args and **kwargs
        signature = inspect.signature(cls.__init__)
        return [p for p in signature.parameters if p != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name; with `deep`, those of nested estimators as ``a__b`` too."""
        params: dict[str, Any] = {}
        for name in self._parameter_names():
            value = getattr(self, name)
            params[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                params.update({f"{name}__{k}": v for k, v in value.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Change settings by name and return self."""
        known = self.get_params(deep=False)
        for key, value in params.items():
            name, _, nested = key.partition("__")
            if name not in known:
                msg = f"{name!r} is no setting of {type(self).__name__}; it has {sorted(known)}"
                raise InvalidInputError(msg, argument=name)
            if nested:
                getattr(self, name).set_params(**{nested: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self).__init__).parameters
        shown = ", ".join(
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if not _same(value, parameters[name].default)
        )
        return f"{type(self).__name__}({shown})"

    def __sklearn_is_fitted__(self) -> bool:
        return all(hasattr(self, name) for name in self._fitted)

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            name = type(self).__name__
            msg = f"This {name} instance is not fitted yet. Call 'fit' with data first."
            raise _not_fitted(msg)

    def _state(self) -> dict[str, Any]:
        """What a saved model holds beyond its settings: plain values and arrays."""
        return {name: getattr(self, name) for name in self._fitted if hasattr(self, name)}

    def _restore(self, state: dict[str, Any]) -> None:
        """Take `_state` back after the file's form was checked; check the values and set them."""
        for name, value in state.items():
            if name not in self._fitted:
                msg = f"unknown attribute {name!r}"
                raise ValueError(msg)
            setattr(self, name, value)

    def save(self, path: Any) -> None:
        """Write the model to one file, whole or not at all; `tenure.load` reads it back."""
        _model_file.write(path, self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_file.from_bytes, (_model_file.to_bytes(self),)
