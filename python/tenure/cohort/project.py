"""How many customers of a contractual cohort will still be there: shifted beta-geometric."""

from __future__ import annotations

import statistics
import warnings
from typing import Any

import numpy as np

from tenure import _core
from tenure._errors import ConvergenceWarning, InvalidInputError, NotConvergedError
from tenure._survivors import as_table, observed_part
from tenure._validation import Floats, as_choice, as_count, as_level, as_number
from tenure.cohort._projection_result import ProjectedCustomers, Projection
from tenure.cohort._retention_result import Retention
from tenure.cohort.contracts import Contracts

_MAX_AGE = 4096
#: Certainty of a share beyond which its uncertainty no longer shows in a count, and least one.
_PRECISION = (1e-2, 1e15)


def project(
    survivors: Any,
    max_age: int | None = None,
    *,
    level: float = 0.95,
    max_iter: int = 200,
    tol: float = 1e-9,
    on_failure: str = "warn",
) -> Projection:
    """Project the survival curve of cohorts under contract by the shifted beta-geometric model.

    Each customer leaves at every renewal with an own constant probability, and these probabilities
    have a beta distribution over customers [Fader & Hardie 2007]. Its two parameters are fitted to
    all cohorts together by maximum likelihood, each cohort as far as observed.

    The model is for contracts renewed at fixed dates, whose end is seen. It is not for retention of
    customers without contracts, who skip a period and come back: see ``tn.clv.BGNBD``.

    Parameters
    ----------
    survivors : array-like, Contracts or Retention
        Customers still there at age 0, 1, 2, ..., as whole numbers: of one cohort; or one row a
        cohort, NaN where not yet observed. Or what `contracts` returns. Or `retention` of customers
        by the calendar clock in which nobody comes back, such as ``match="on_or_before"``.
    max_age : int, optional
        Last age to project to, at most 4096. Default: twice the oldest one observed.
    level : float
        Confidence level.
    max_iter : int
        Evaluations of the likelihood, at most.
    tol : float
        Of the scaled gradient, at most 1e-6.
    on_failure : {"warn", "raise"}
        What to do if there is no optimum inside.

    Returns
    -------
    Projection

    Raises
    ------
    InvalidInputError
        If counts are no whole numbers or rise with age; if fewer than two renewals were observed,
        nobody left, or all left at the first one: then the parameters cannot be told.
    NotConvergedError
        With ``on_failure="raise"``.

    Warns
    -----
    ConvergenceWarning
        If the likelihood keeps rising towards customers who are all alike, or who leave at once or
        never. The curve is then that of the limit, without confidence limits.

    Notes
    -----
    Formulas: docs/methods/projection.md.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007). How to project customer retention. Journal of
    Interactive Marketing 21(1):76-90.

    Examples
    --------
    The "Regular" customers of the paper, per 1,000 and seven renewals:

    >>> import tenure as tn
    >>> p = tn.cohort.project([1000, 631, 468, 382, 326, 289, 262, 241], max_age=12)
    >>> {n: round(v, 3) for n, v in p.params.items()}, round(p.log_likelihood, 1)
    ({'alpha': 0.704, 'beta': 1.182}, -1680.3)
    >>> p.expected[12].round(3).item(), p.retention_rate[[1, 12]].round(3).tolist()
    (0.17, [0.627, 0.945])
    """
    level = as_level(level)
    as_choice(on_failure, "on_failure", ("warn", "raise"))
    cohorts = _cohorts(survivors)
    lost, kept = _renewals(cohorts)
    oldest = len(lost)
    last = min(2 * oldest, _MAX_AGE) if max_age is None else as_count(max_age, "max_age")
    if last > _MAX_AGE:
        msg = f"max_age must be at most {_MAX_AGE}, got {last}"
        raise InvalidInputError(msg, argument="max_age", value=max_age)
    fit = _core.survival.beta_geometric_fit(
        lost,
        kept,
        as_count(max_iter, "max_iter", at_least=1),
        as_number(tol, "tol", above=0.0),
    )
    said = _verdict(fit)
    if said and on_failure == "raise":
        raise NotConvergedError(said)
    if said:
        warnings.warn(said, ConvergenceWarning, stacklevel=2)
        fit["log_covariance"] = np.full(4, np.nan)
    alpha, beta, covariance = fit["alpha"], fit["beta"], fit["log_covariance"]
    ages = np.arange(last + 1, dtype=np.int64)
    z = -statistics.NormalDist().inv_cdf((1.0 - level) / 2.0)
    expected, error = _core.survival.beta_geometric_survival(
        alpha, beta, covariance, np.zeros_like(ages), ages
    )
    lower, upper = _core.survival.logit_limits(expected, error, z)
    t = ages[1:].astype(np.float64)
    rate = np.concatenate([[np.nan], (beta + t - 1.0) / (alpha + beta + t - 1.0)])
    observed = np.full(last + 1, np.nan)
    shares = np.concatenate([[1.0], np.cumprod(kept / (lost + kept))])
    observed[: oldest + 1] = shares[: last + 1]
    errors = np.array([alpha, beta]) * np.sqrt(covariance.reshape(2, 2).diagonal())
    return Projection(
        age=ages,
        observed=observed,
        expected=expected,
        lower=lower,
        upper=upper,
        retention_rate=rate,
        customers=_customers(cohorts, last, (alpha, beta, covariance), level),
        params={"alpha": alpha, "beta": beta},
        standard_errors=dict(zip(("alpha", "beta"), errors.tolist(), strict=True)),
        log_likelihood=float(fit["log_likelihood"]),
        n_customers=float(sum(c[0] for _, c in cohorts)),
        status=fit["status"],
        warnings=(said,) if said else (),
        level=level,
    )


def _customers(
    cohorts: list[tuple[Any, Floats]],
    last: int,
    model: tuple[float, float, Floats],
    level: float,
) -> ProjectedCustomers:
    rows = [
        (label, len(counts) - 1, age, counts[-1])
        for label, counts in cohorts
        for age in range(len(counts), last + 1)
    ]
    start = np.array([r[1] for r in rows], dtype=np.int64)
    age = np.array([r[2] for r in rows], dtype=np.int64)
    left = np.array([r[3] for r in rows], dtype=np.float64)
    share, error = _core.survival.beta_geometric_survival(*model, start, age)
    # The beta distribution whose mean is the share and whose log odds have that error.
    with np.errstate(divide="ignore", over="ignore"):
        precision = 1.0 / (share * (1.0 - share) * error**2) - 1.0
    known = ~np.isnan(precision)
    precision = np.clip(np.where(known, precision, 1.0), *_PRECISION)
    a = np.maximum(share * precision, 1e-300)
    b = np.maximum((1.0 - share) * precision, 1e-300)
    low, high = _core.survival.beta_binomial_limits(left.astype(np.int64), a, b, level)
    return ProjectedCustomers(
        cohort=[r[0] for r in rows],
        age=age,
        left=left,
        expected=left * share,
        lower=np.where(known, low, np.nan),
        upper=np.where(known, high, np.nan),
        level=level,
    )


def _cohorts(survivors: Any) -> list[tuple[Any, Floats]]:
    """Cohorts with their counts as far as observed; those without customers are left out."""
    if isinstance(survivors, Retention):
        table, labels = _of_retention(survivors), survivors.cohorts.tolist()
    elif isinstance(survivors, Contracts):
        table, labels = survivors.survivors, survivors.periods.tolist()
    else:
        table = as_table(survivors)
        labels = list(range(len(table)))
    found = []
    for row, (label, counts) in enumerate(zip(labels, table, strict=True)):
        seen = observed_part(counts, row, label, whole=True)
        if len(seen) > 0 and seen[0] > 0:
            found.append((label, seen))
    if not found:
        msg = "survivors must hold a cohort with customers"
        raise InvalidInputError(msg, argument="survivors")
    return found


def _of_retention(r: Retention) -> Floats:
    rules = (
        (r.value == "customers", f"of customers, not of {r.value.replace('_', ' ')}"),
        (r.anchor != "recurring", "of cohorts that a customer is in once, not recurring ones"),
        (r.clock == "calendar", "by the calendar clock, under which a cohort is observed alike"),
        (r.match in ("on", "on_or_before"), f"with match='on_or_before', not {r.match!r}"),
    )
    for holds, rule in rules:
        if not holds:
            msg = f"survivors must be retention {rule}"
            raise InvalidInputError(msg, argument="survivors")
    return r.counts


def _renewals(cohorts: list[tuple[Any, Floats]]) -> tuple[Floats, Floats]:
    """Customers lost and kept at ages 1, 2, ..., over all cohorts."""
    ages = max(len(counts) for _, counts in cohorts)
    lost, kept = np.zeros(ages - 1), np.zeros(ages - 1)
    for _, counts in cohorts:
        lost[: len(counts) - 1] -= np.diff(counts)
        kept[: len(counts) - 1] += counts[1:]
    # Ages that nobody is left to reach tell nothing.
    told = np.flatnonzero(lost + kept > 0)
    end = int(told[-1]) + 1 if told.size else 0
    return lost[:end], kept[:end]


def _verdict(fit: Any) -> str:
    """What is wrong with a fit; empty if nothing is."""
    if fit["status"] == "converged":
        return ""
    at = f"alpha={fit['alpha']:.4g}, beta={fit['beta']:.4g}"
    if fit["status"] == "boundary":
        why = (
            "the renewal rate does not rise with age, so that customers who are all alike fit "
            "best (alpha and beta run to infinity)"
            if fit["beta"] > 1.0
            else "losses end so early that customers who leave at once or never fit best (alpha "
            "and beta run to 0)"
        )
    elif fit["status"] == "max_iterations":
        why = "the budget of max_iter evaluations ran out before the gradient was small"
    else:
        why = "no step raises the likelihood any more, yet the gradient is not small"
    return f"project stopped without an optimum ({fit['status']}): {why}. Stopped at {at}"
