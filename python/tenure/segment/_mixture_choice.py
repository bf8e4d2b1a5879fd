"""How many components, and of which shape: information criteria of many mixtures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure._errors import ConvergenceWarning, InvalidInputError
from tenure._matrix import as_matrix
from tenure._results import Table
from tenure._validation import Floats, Ints, as_choice, as_count
from tenure.segment._mixture_parameters import SHAPES, parameter_count

if TYPE_CHECKING:
    from tenure.segment.gaussian_mixture import GaussianMixture

_NUMBERS = ("log_likelihood", "entropy", "aic", "bic", "icl")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MixtureChoice(Table):
    """Criteria of mixtures, a row for each shape and number of components.

    Attributes
    ----------
    covariance_type : tuple of str
    n_components : int64 array
    n_parameters : int64 array
    log_likelihood, entropy, aic, bic, icl : float64 arrays
        Of criteria the lower is the better. NaN where the fit collapsed.
    status : tuple of str
        "converged", "max_iter", "degenerate" (`fit` warned of components that are empty, flat or
        hold too little) or "collapsed".
    criterion : str
        What chose the best.
    best : GaussianMixture
        The fit with the lowest criterion, of equal ones the first. Degenerate ones, whose
        likelihood says more of `reg_covar` than of the data, are chosen only where there are no
        others.

    Examples
    --------
    >>> import numpy as np, tenure as tn
    >>> X = np.random.default_rng(0).normal(size=(200, 1))
    >>> table = tn.segment.GaussianMixture.choose(X, [1, 2, 3], covariance="full")
    >>> table.best.n_components, int(table.bic.argmin()), len(table)
    (1, 0, 3)
    """

    covariance_type: tuple[str, ...]
    n_components: Ints
    n_parameters: Ints
    log_likelihood: Floats
    entropy: Floats
    aic: Floats
    bic: Floats
    icl: Floats
    status: tuple[str, ...]
    criterion: str
    best: GaussianMixture

    _column_names = (
        "covariance_type",
        "n_components",
        "n_parameters",
        "log_likelihood",
        "entropy",
        "aic",
        "bic",
        "icl",
        "status",
    )

    def __len__(self) -> int:
        return len(self.n_components)

    def _title(self) -> str:
        best = self.best
        return (
            f"Mixtures by {self.criterion.upper()}: {best.n_components} components, "
            f"{best.covariance_type}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the criterion over the number of components, a line for each shape.

        A ring marks the best, a cross what is degenerate; what collapsed is a gap.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        value = getattr(self, self.criterion)
        for color, shape in zip(plotting.PALETTE, SHAPES, strict=False):
            of = np.array(self.covariance_type) == shape
            if of.any():
                order = np.argsort(self.n_components[of], kind="stable")
                plotting.curve(
                    self.n_components[of][order],
                    value[of][order],
                    ax=ax,
                    color=color,
                    label=shape,
                    marker="o",
                )
        ax.plot(
            self.best.n_components,
            getattr(self.best, f"{self.criterion}_"),
            "o",
            markersize=11,
            markerfacecolor="none",
            markeredgecolor=plotting.INK,
            markeredgewidth=1.4,
        )
        doubtful = np.array([s == "degenerate" for s in self.status])
        if doubtful.any():
            ax.plot(
                self.n_components[doubtful],
                value[doubtful],
                "x",
                color=plotting.INK,
                markersize=8,
                label="degenerate",
            )
        plotting.number_ticks(ax.yaxis)
        ax.set_xticks(np.unique(self.n_components))
        ax.set_xlabel("Components")
        ax.set_ylabel(f"{self.criterion.upper()}, lower is better")
        ax.set_title(f"{self.best.n_components} components, {self.best.covariance_type}")
        ax.legend(frameon=False, loc="best")
        return ax


def compare(
    kind: type[GaussianMixture],
    X: Any,
    n_components: Iterable[int],
    covariance: Iterable[str],
    criterion: str,
    sample_weight: Any,
    settings: dict[str, Any],
) -> MixtureChoice:
    """Fit every combination; see `GaussianMixture.choose`."""
    as_choice(criterion, "criterion", ("bic", "icl", "aic"))
    counts = [as_count(k, "n_components", at_least=1) for k in n_components]
    names = [covariance] if isinstance(covariance, str) else list(covariance)
    shapes = [as_choice(c, "covariance", SHAPES) for c in names]
    if not counts or not shapes:
        empty = "covariance" if counts else "n_components"
        msg = f"{empty} must hold at least one value"
        raise InvalidInputError(msg, argument=empty)
    for name in ("n_components", "covariance_type"):
        if name in settings:
            msg = f"{name} is what is chosen: it cannot be a setting too"
            raise InvalidInputError(msg, argument=name)
    rows: list[dict[str, Any]] = []
    best: GaussianMixture | None = None
    best_rank = (True, np.inf)
    for shape in shapes:
        for k in counts:
            model = kind(k, covariance_type=shape, **settings)
            row: dict[str, Any] = {"covariance_type": shape, "n_components": k}
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(X, sample_weight=sample_weight)
            except InvalidInputError as error:
                if error.argument != "reg_covar" or "collapsed" not in str(error):
                    raise
                count = parameter_count(shape, k, as_matrix(X)[0].shape[1])
                rows.append({**row, "n_parameters": count, "status": "collapsed"})
                continue
            status = _status(model)
            row |= {"n_parameters": model.n_parameters_, "status": status}
            rows.append(row | {name: getattr(model, f"{name}_") for name in _NUMBERS})
            rank = (status == "degenerate", getattr(model, f"{criterion}_"))
            if best is None or rank < best_rank:
                best, best_rank = model, rank
    if best is None:
        msg = "every mixture collapsed: raise reg_covar or ask for fewer components"
        raise InvalidInputError(msg, argument="reg_covar")

    def column(name: str, dtype: Any) -> Any:
        return np.array([row.get(name, np.nan) for row in rows], dtype=dtype)

    return MixtureChoice(
        covariance_type=tuple(row["covariance_type"] for row in rows),
        status=tuple(row["status"] for row in rows),
        **{name: column(name, np.int64) for name in ("n_components", "n_parameters")},
        **{name: column(name, np.float64) for name in _NUMBERS},
        criterion=criterion,
        best=best,
    )


def _status(model: GaussianMixture) -> str:
    # What `fit` says of single components begins so.
    if any(text.startswith("components [") for text in model.warnings_):
        return "degenerate"
    return "converged" if model.converged_ else "max_iter"
