"""The errors and warnings that the engine raises on purpose."""

from __future__ import annotations

from typing import Any


class TenureError(Exception):
    """Base of every error that tenure raises on purpose."""


class InvalidInputError(TenureError, ValueError):
    """The caller's data break a stated rule.

    Attributes
    ----------
    argument : str or None
        The argument or column to blame.
    row : int or None
        Its 0-based row in what was passed; None where no single row is to blame.
    value : object
        The offending value, where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        argument: str | None = None,
        row: int | None = None,
        value: Any = None,
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.row = row
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"argument": self.argument, "row": self.row, "value": self.value}
        return _rebuild_invalid_input, (type(self), self.args[0], state)


def _rebuild_invalid_input(
    cls: type[InvalidInputError], message: str, state: dict[str, Any]
) -> InvalidInputError:
    return cls(message, **state)


class NotConvergedError(TenureError):
    """A fit stopped before an optimum, and `on_failure="raise"` was asked for."""


class ModelFileError(TenureError, ValueError):
    """A model file is damaged, of an unknown version, or holds values that no model can have."""


class MissingExtraError(TenureError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it."""


class NotFittedError(TenureError, ValueError, AttributeError):
    """A fitted attribute or a prediction was asked of an estimator before `fit`."""


class TenureWarning(UserWarning):
    """Base of every warning that tenure gives."""


class ConvergenceWarning(TenureWarning):
    """A fit stopped before an optimum, or its optimum lies on a boundary; the result says why."""


class DataWarning(TenureWarning):
    """Data were accepted, but something about them deserves a look; the result keeps it too."""
