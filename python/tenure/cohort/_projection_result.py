"""What a projection of contracts comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure._validation import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProjectedCustomers(Table):
    """Customers of each cohort at ages to come, given how many are left. One row a cohort and age.

    Attributes
    ----------
    cohort : list, length n_rows
        Dates, or positions where the cohorts have no dates.
    age : ndarray of int, shape (n_rows,)
    left : ndarray of float, shape (n_rows,)
        Customers at the last age observed.
    expected : ndarray of float, shape (n_rows,)
        ``left * S(age) / S(last age observed)``.
    lower, upper : ndarray of float, shape (n_rows,)
        Prediction limits: of the parameters and of chance. NaN where the fit has no errors.
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> p = tn.cohort.project([1000, 869, 743, 653, 593], max_age=6)
    >>> p.customers.expected.round(1).tolist()
    [534.9, 486.2]
    >>> p.customers.lower.tolist(), p.customers.upper.tolist()
    ([515.0, 455.0], [553.0, 514.0])
    """

    cohort: list[Any]
    age: Ints
    left: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    level: float

    _column_names = ("cohort", "age", "left", "expected", "lower", "upper")

    def _title(self) -> str:
        return f"Customers to come: {len(self.cohort):,} rows, {self.level:.0%} prediction limits"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Projection(Table):
    """A fitted and projected survival curve of contracts. One row an age.

    Attributes
    ----------
    age : ndarray of int, shape (max_age + 1,)
        Renewals since the start.
    observed : ndarray of float, shape (max_age + 1,)
        Share still customers, of all cohorts together (product of their renewal rates); NaN where
        no cohort is that old.
    expected, lower, upper : ndarray of float, shape (max_age + 1,)
        S(age) of the model with confidence limits, of the parameters only; NaN where the fit has
        none.
    retention_rate : ndarray of float, shape (max_age + 1,)
        Share of those still there who renew at that age; NaN at age 0. It rises with age, as those
        who leave easily are the first to go.
    customers : ProjectedCustomers
        How many of each cohort will be left, with prediction limits.
    params, standard_errors : dict of str to float
        ``alpha`` and ``beta`` of the churn probabilities' beta distribution.
    log_likelihood : float
    n_customers : float
        Customers at the start of all cohorts.
    status : str
        "converged", or why not.
    warnings : tuple of str
    level : float

    Examples
    --------
    >>> import tenure as tn
    >>> tn.cohort.project([1000, 869, 743, 653, 593], max_age=6)
    Shifted beta-geometric projection: alpha 1.281, beta 7.79, 1,000 customers, converged
    age  observed  expected     lower     upper  retention_rate
      0         1         1         1         1               -
      1     0.869  0.858789  0.838646  0.876787        0.858789
      2     0.743   0.74956  0.723972  0.773517         0.87281
      3     0.653  0.662834   0.63524  0.689362        0.884298
      4     0.593  0.592496  0.561706  0.622576        0.893883
      5         -  0.534432  0.498525  0.569986        0.902001
      6         -  0.485781  0.443754   0.52801        0.908966
    """

    age: Ints
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    retention_rate: Floats
    customers: ProjectedCustomers
    params: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    n_customers: float
    status: str
    warnings: tuple[str, ...]
    level: float

    def _columns(self) -> Mapping[str, Any]:
        names = ("age", "observed", "expected", "lower", "upper", "retention_rate")
        # Nothing to tell is null in a table.
        import pyarrow as pa

        return {n: pa.array(getattr(self, n), from_pandas=True) for n in names}

    def _title(self) -> str:
        at = ", ".join(f"{n} {v:.4g}" for n, v in self.params.items())
        return (
            f"Shifted beta-geometric projection: {at}, {self.n_customers:,.0f} customers, "
            f"{self.status}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the model's curve with its confidence band, and what was observed as points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from tenure import plotting

        ax = plotting.axes(ax)
        plotting.curve(self.age, self.expected, self.lower, self.upper, ax=ax, label="Model")
        ax.plot(
            self.age,
            self.observed,
            "o",
            color=plotting.INK,
            markersize=4,
            linestyle="none",
            label="Observed",
        )
        plotting.percent_ticks(ax.yaxis)
        ax.set(xlabel="Renewals since the start", ylabel="Still customers")
        ax.set_ylim(bottom=0.0, top=1.02)
        ax.legend()
        return ax
