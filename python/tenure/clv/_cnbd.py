"""What the two models of regular purchases share: the shape k, and the logs of gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from tenure._errors import InvalidInputError
from tenure._validation import Floats, as_count, as_threads
from tenure.clv import _data
from tenure.clv._outlook import OutlookModel

_LARGEST = 12


class RegularPurchases(OutlookModel):
    """Base of the CNBD models: the kernels of a fitted one know its k."""

    parameter_names = ("r", "alpha", "a", "b")
    _tail = "a"
    _fitted: tuple[str, ...] = (*OutlookModel._fitted, "k_", "k_log_likelihoods_")

    k_: int
    k_log_likelihoods_: Floats

    def __init__(
        self,
        k: int | None = None,
        *,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        super().__init__(
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )
        self.k = k

    @property
    def n_parameters_(self) -> int:
        """How many numbers the fit chose, k among them if it was open: what AIC and BIC count."""
        return super().n_parameters_ + (self.k is None)

    def _kernel(self, name: str) -> Callable[..., Any]:
        return partial(super()._kernel(name), self.k_)

    def fit(self, data: Any, sample_weight: Any = None) -> Self:
        """Fit the parameters by maximum likelihood, and k unless it is given.

        Parameters
        ----------
        data : Summary, data frame or dict of arrays
            One row a customer: `frequency`, `recency`, `T` as in every model of `clv`, and
            `log_gaps`, the sum over repeat purchases of ln(time since the purchase before), as of
            ``log.summary(log_gaps=True)``; not needed for ``k=1``. Optionally `weight`, the number
            of customers that a row stands for.
        sample_weight : array of n floats, optional
            In place of the column `weight`; finite and >= 0.

        Returns
        -------
        self

        Raises
        ------
        InvalidInputError
            Names the column, the row and the rule: frequency a whole number >= 0,
            0 <= recency <= T, recency 0 exactly where frequency is 0, log_gaps finite and 0 where
            frequency is 0, weights not all 0.
        NotConvergedError
            With ``on_failure="raise"``, if no optimum was found. By default that is a
            ConvergenceWarning, and `converged_` and `status_` tell.
        """
        return super().fit(data, sample_weight)

    def _customers(
        self, data: Any, sample_weight: Any = None, weighted: bool = False
    ) -> _data.Purchases:
        p = super()._customers(data, sample_weight, weighted)
        return replace(p, log_gaps=_data.optional_column(data, "log_gaps", len(p.T)))

    def _maximise(self, p: _data.Purchases, budget: tuple[int, float, float]) -> dict[str, Any]:
        k = _as_shape(self.k)
        self._require_gaps(p, k)
        fit: dict[str, Any] = super()._kernel("fit")(
            k,
            p.frequency,
            p.recency,
            p.T,
            p.weight,
            p.log_gaps,
            *budget,
            as_threads(self.n_threads),
        )
        self.k_ = int(fit["k"])
        self.k_log_likelihoods_ = fit["log_likelihoods"]
        return fit

    def _likelihood_columns(self, p: _data.Purchases) -> tuple[Floats | None, ...]:
        self._require_gaps(p, self.k_)
        return *super()._likelihood_columns(p), p.log_gaps

    def _require_gaps(self, p: _data.Purchases, k: int | None) -> None:
        if p.log_gaps is None and k != 1:
            msg = (
                f"{type(self).__name__} needs the column log_gaps, unless k is 1: the sum of "
                "ln(time between consecutive purchases) of each customer, as of "
                "log.summary(log_gaps=True)"
            )
            raise InvalidInputError(msg, argument="log_gaps")

    def __repr__(self) -> str:
        told = super().__repr__()
        if not self.__sklearn_is_fitted__():
            return told
        head, _, rest = told.partition("\n")
        return f"{head}, k = {self.k_}\n{rest}"

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if not state:
            return
        if type(self.k_) is not int or not 1 <= self.k_ <= _LARGEST:
            msg = f"k_ must be a whole number from 1 to {_LARGEST}, got {self.k_!r}"
            raise ValueError(msg)
        told = self.k_log_likelihoods_
        if not (
            isinstance(told, np.ndarray) and told.dtype == np.float64 and 1 <= told.size <= _LARGEST
        ):
            msg = "k_log_likelihoods_ must be an array of float64"
            raise ValueError(msg)


def _as_shape(k: Any) -> int | None:
    if k is None:
        return None
    shape = as_count(k, "k", at_least=1)
    if shape > _LARGEST:
        msg = f"k must be at most {_LARGEST}, got {shape}"
        raise InvalidInputError(msg, argument="k", value=k)
    return shape
