"""The errors and warnings that the engine raises on purpose."""

from __future__ import annotations

from typing import Any


class TenureError(Exception):
    """Base of every error that tenure raises on purpose.

    Examples
    --------
    >>> import tenure as tn
    >>> try:
    ...     tn.EventLog({"id": [1]}, customer="id", time="day")
    ... except tn.TenureError as error:
    ...     print(error)
    'day' is not a column of the data, which have 'id'
    """


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

    Examples
    --------
    >>> import tenure as tn
    >>> try:
    ...     tn.churn.KaplanMeier().fit([3.0, 1.0], [1, 2])
    ... except tn.InvalidInputError as error:
    ...     print(error.argument, error.row, error.value)
    churned 1 2.0
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


class NoControlGroupError(InvalidInputError):
    """An effect was asked for of data in which nobody was left alone, or nobody was contacted.

    What contacted customers would have done without the contact is then nowhere in the data, and no
    model can put it there.

    Examples
    --------
    >>> import tenure as tn
    >>> try:
    ...     tn.churn.qini([0.3, 0.1], outcome=[1, 0], treated=[1, 1])
    ... except tn.NoControlGroupError as error:
    ...     print(str(error)[:49])
    treated has no control group: all 2 customers wer
    """


class NotConvergedError(TenureError):
    """A fit stopped before an optimum, and `on_failure="raise"` was asked for.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"frequency": [1, 0, 3], "recency": [10.0, 0.0, 30.0], "T": [39.0, 39.0, 38.0]}
    >>> try:
    ...     tn.clv.BGNBD(max_iter=1, on_failure="raise").fit(rows)
    ... except tn.NotConvergedError as error:
    ...     print(str(error)[:52])
    BGNBD stopped without an optimum (max_iterations): t
    """


class ModelFileError(TenureError, ValueError):
    """A model file is damaged, of an unknown version, or holds values that no model can have.

    Examples
    --------
    >>> import pathlib, tempfile, tenure as tn
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.tenure"
    >>> _ = path.write_bytes(b"something else")
    >>> try:
    ...     tn.load(path)
    ... except tn.ModelFileError as error:
    ...     print(error)
    not a tenure model file (pickles and other formats are never loaded)
    """


class MissingExtraError(TenureError, ImportError):
    """An optional dependency is not installed; the message says which extra brings it.

    Examples
    --------
    An `ImportError`, so that code which can do without the extra may catch either.

    >>> import tenure as tn
    >>> try:
    ...     raise tn.MissingExtraError("duckdb is needed to read files: pip install 'tenure[sql]'")
    ... except ImportError as error:
    ...     print(error)
    duckdb is needed to read files: pip install 'tenure[sql]'
    """


class NotFittedError(TenureError, ValueError, AttributeError):
    """A fitted attribute or a prediction was asked of an estimator before `fit`.

    Examples
    --------
    >>> import tenure as tn
    >>> try:
    ...     tn.churn.KaplanMeier().predict([1.0])
    ... except tn.NotFittedError as error:
    ...     print(error)
    This KaplanMeier instance is not fitted yet. Call 'fit' with data first.
    """


class TenureWarning(UserWarning):
    """Base of every warning that tenure gives.

    Examples
    --------
    A job that should rather stop than go on with a doubtful number:

    >>> import warnings, tenure as tn
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", tn.TenureWarning)
    ...     km = tn.churn.KaplanMeier().fit([1, 2], [1, 0])
    """


class ConvergenceWarning(TenureWarning):
    """A fit stopped before an optimum, or its optimum lies on a boundary; the result says why.

    Examples
    --------
    >>> import warnings, tenure as tn
    >>> rows = {"frequency": [1, 0, 3], "recency": [10.0, 0.0, 30.0], "T": [39.0, 39.0, 38.0]}
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = tn.clv.BGNBD(max_iter=1).fit(rows)
    >>> caught[0].category is tn.ConvergenceWarning, model.converged_, model.status_
    (True, False, 'max_iterations')
    """


class DataWarning(TenureWarning):
    """Data were accepted, but something about them deserves a look; the result keeps it too.

    Examples
    --------
    >>> import warnings, tenure as tn
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     km = tn.churn.KaplanMeier().fit([1, 9], [1, 0], entry=[0, 5])
    >>> caught[0].category is tn.DataWarning, len(km.warnings_)
    (True, 1)
    """
