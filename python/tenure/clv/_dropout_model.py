"""Models of repeat purchases that take covariates of purchases and of dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tenure._errors import InvalidInputError
from tenure.clv import _design
from tenure.clv._coefficients import Direction, Effect
from tenure.clv._covariate_model import PurchaseCovariateModel


class CovariateModel(PurchaseCovariateModel):
    """Base of the models that take covariates in the purchase and in the dropout process.

    ``alpha_i = alpha exp(-g'z_i)``; what a coefficient of dropout moves, a subclass says in
    `_dropout`. Formulas: docs/methods/covariates.md.
    """

    _purchase: ClassVar[Direction] = (0.0, -1.0, 0.0, 0.0)
    _dropout: ClassVar[Direction]

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        equal_covariates: Sequence[str] | str | None = None,
        covariate_l2: float = 0.0,
        covariate_alpha: float = 0.0,
        covariate_l1_ratio: float = 0.5,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.dropout_covariates = dropout_covariates
        self.equal_covariates = equal_covariates
        super().__init__(
            purchase_covariates=purchase_covariates,
            covariate_l2=covariate_l2,
            covariate_alpha=covariate_alpha,
            covariate_l1_ratio=covariate_l1_ratio,
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    def _processes(self) -> dict[str, Direction]:
        """What a covariate of dropout moves: one coefficient for each entry."""
        return {"dropout": self._dropout}

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        purchase = _design.as_names(self.purchase_covariates, "purchase_covariates")
        dropout = _design.as_names(self.dropout_covariates, "dropout_covariates")
        equal = _design.as_names(self.equal_covariates, "equal_covariates")
        for name in equal:
            if name not in purchase or name not in dropout or len(self._processes()) > 1:
                msg = (
                    f"equal_covariates names {name!r}, which must be a covariate of purchases and "
                    "of dropout, with one coefficient in each"
                )
                raise InvalidInputError(msg, argument="equal_covariates", value=name)
        return purchase, dropout, equal

    def _covariate_settings(self) -> dict[str, tuple[str, ...]]:
        purchase, dropout, _ = self._names()
        return {"purchase_covariates": purchase, "dropout_covariates": dropout}

    def _layout(self, levels: _design.Levels) -> list[Effect]:
        purchase, dropout, equal = self._names()
        columns = {name: _design.design_names({name: levels[name]}) for name in levels}
        position = {c: k for k, c in enumerate(_design.design_names(levels))}
        out: list[Effect] = []
        for name in purchase:
            for c in columns[name]:
                if name in equal:
                    both = [p + q for p, q in zip(self._purchase, self._dropout, strict=True)]
                    out.append((c, "both", position[c], both))
                else:
                    out.append((c, "purchase", position[c], self._purchase))
        for process, direction in self._processes().items():
            for name in dropout:
                if name not in equal:
                    out += [(c, process, position[c], direction) for c in columns[name]]
        return out


class BetaDropoutModel(CovariateModel):
    """The models in which dropout is a probability: covariates move a and b of its distribution."""

    _dropout: ClassVar[Direction] = (0.0, 0.0, 1.0, 1.0)

    def __init__(
        self,
        *,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        equal_covariates: Sequence[str] | str | None = None,
        separate_dropout: bool = False,
        covariate_l2: float = 0.0,
        covariate_alpha: float = 0.0,
        covariate_l1_ratio: float = 0.5,
        l2: float = 0.0,
        unit: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-9,
        on_failure: str = "warn",
        n_threads: int | None = None,
    ) -> None:
        self.separate_dropout = separate_dropout
        super().__init__(
            purchase_covariates=purchase_covariates,
            dropout_covariates=dropout_covariates,
            equal_covariates=equal_covariates,
            covariate_l2=covariate_l2,
            covariate_alpha=covariate_alpha,
            covariate_l1_ratio=covariate_l1_ratio,
            l2=l2,
            unit=unit,
            max_iter=max_iter,
            tol=tol,
            on_failure=on_failure,
            n_threads=n_threads,
        )

    def _processes(self) -> dict[str, Direction]:
        if not self.separate_dropout:
            return super()._processes()
        return {"dropout a": (0.0, 0.0, 1.0, 0.0), "dropout b": (0.0, 0.0, 0.0, 1.0)}
