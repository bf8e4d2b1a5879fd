"""Draws from the posterior of parameters that differ between groups: summary and predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tenure._errors import InvalidInputError
from tenure._extras import require
from tenure._model_file import storable
from tenure._validation import Floats, as_choice, as_level, as_seed, as_threads
from tenure.clv import _data, _groups
from tenure.clv._posterior import Posterior, summarise
from tenure.clv._posterior_predict import PurchasePosterior, SpendPosterior
from tenure.clv._tables import Predictions
from tenure.clv._units import require_same_unit
from tenure.clv.priors import Prior


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupPosterior(Posterior):
    """Draws of parameters that each group of customers has for itself, pooled in part.

    As a table: one row for the median and one for the spread of each parameter over groups, and one
    for each parameter of each group.

    Attributes
    ----------
    groups : tuple
        Names of the groups.
    parameter_names : tuple of str
    group_customers : float64 array
        Customers of each group: sums of weights.
    column : str or None
        The column that told the groups.
    spread_priors : dict
        Priors of the spreads, by parameter.
    parameter : tuple of str
        Everything that was sampled: ``median r`` (over groups, exp(mu)), ``spread r`` (standard
        deviation of the logarithm over groups, tau), ``r[web]`` (of the group).
    draws : dict of float64 arrays
        By entry of `parameter`, of shape (chains, draws).
    priors : dict
        Of the medians.
    mean, sd, lower, median, upper, rhat, ess_bulk, ess_tail, mcse, log_density, divergent, depth
    energy, step_size, ebfmi, warnings, model, prefix, unit, n_customers, warmup, seed
        As in `Posterior`. `log_density` is that of mu, log(tau) and the logarithms of the groups'
        parameters.

    Notes
    -----
    docs/methods/posterior.md.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"frequency": [0, 2, 5, 1] * 25, "recency": [0.0, 10.0, 30.0, 3.0] * 25}
    >>> rows |= {"T": [39.0, 38.0, 36.0, 30.0] * 25, "channel": ["web", "shop"] * 50}
    >>> got = tn.clv.NBD().posterior_by_group(rows, "channel", random_state=1)
    >>> isinstance(got, tn.clv.GroupPosterior), got.parameter[1:5]
    (True, ('median alpha', 'spread r', 'spread alpha', 'r[shop]'))
    """

    groups: tuple[_groups.Name, ...]
    parameter_names: tuple[str, ...]
    group_customers: Floats
    column: str | None
    spread_priors: dict[str, Prior]

    _of_group: ClassVar[type[Posterior]]

    def _columns(self) -> Mapping[str, Any]:
        k, g = len(self.parameter_names), len(self.groups)
        return {
            "level": ["median"] * k + ["spread"] * k + ["group"] * (k * g),
            "group": [None] * (2 * k) + [str(name) for name in self.groups for _ in range(k)],
            "parameter": list(self.parameter_names) * (2 + g),
            **{name: getattr(self, name) for name in self._summary},
        }

    def _title(self) -> str:
        state = "" if self.converged else " CHECKS FAILED: " + "; ".join(self.warnings)
        return (
            f"{self.model} posterior of {len(self.groups)} groups: {self.n_chains} chains x "
            f"{self.n_draws:,} draws, {self.n_customers:,g} customers, {self.n_divergent} "
            f"divergent.{state}"
        )

    def values(self, parameter: str) -> Floats:
        """Return the draws of a parameter of all groups, of shape (chains, draws, groups)."""
        as_choice(parameter, "parameter", self.parameter_names)
        return np.stack([self.draws[f"{parameter}[{name}]"] for name in self.groups], axis=2)

    def group(self, name: Any) -> Any:
        """Return the posterior of one group's parameters, which predicts for its customers.

        Parameters
        ----------
        name : str, int or float
            One of `groups`.

        Returns
        -------
        PurchasePosterior or SpendPosterior
        """
        as_choice(name, "name", self.groups)
        draws = {p: self.draws[f"{p}[{name}]"] for p in self.parameter_names}
        at = self.groups.index(name)
        return self._as_posterior(draws, float(self.group_customers[at]))

    def new_group(self, random_state: Any = 0) -> Any:
        """Return the posterior of the parameters of a group of which nothing is known yet.

        One group is drawn from each draw of the medians and spreads.

        Parameters
        ----------
        random_state : int, numpy Generator or None

        Returns
        -------
        PurchasePosterior or SpendPosterior
            Its `n_customers` is 0.
        """
        rng = np.random.default_rng(as_seed(random_state))
        draws = {}
        for name in self.parameter_names:
            centre, spread = self.draws[f"median {name}"], self.draws[f"spread {name}"]
            log = np.log(centre) + spread * rng.standard_normal(centre.shape)
            draws[name] = np.exp(np.clip(log, -700.0, 700.0))
        return self._as_posterior(draws, 0.0)

    def _as_posterior(self, draws: dict[str, Floats], customers: float) -> Posterior:
        return self._of_group(
            parameter=self.parameter_names,
            **summarise(draws),
            draws=draws,
            log_density=self.log_density,
            divergent=self.divergent,
            depth=self.depth,
            energy=self.energy,
            step_size=self.step_size,
            ebfmi=self.ebfmi,
            warnings=self.warnings,
            model=self.model,
            prefix=self.prefix,
            unit=self.unit,
            priors=self.priors,
            n_customers=customers,
            warmup=self.warmup,
            seed=self.seed,
        )

    def to_arviz(self) -> Any:
        """Return draws as ArviZ takes them, with a dimension `group`; needs arviz."""
        arviz = require("arviz", "return InferenceData")
        posterior: dict[str, Any] = {name: self.values(name) for name in self.parameter_names}
        for name in self.parameter_names:
            posterior[f"median_{name}"] = self.draws[f"median {name}"]
            posterior[f"spread_{name}"] = self.draws[f"spread {name}"]
        groups = {
            "posterior": posterior,
            "sample_stats": {
                "lp": self.log_density,
                "diverging": self.divergent,
                "energy": self.energy,
                "tree_depth": self.depth,
            },
        }
        labels: dict[str, Any] = {
            "coords": {"group": list(self.groups)},
            "dims": {name: ["group"] for name in self.parameter_names},
        }
        old = int(arviz.__version__.partition(".")[0]) < 1
        return arviz.from_dict(**groups, **labels) if old else arviz.from_dict(groups, **labels)

    def _check(self) -> None:
        k, g = len(self.parameter_names), len(self.groups)
        if self.parameter != entries(self.parameter_names, self.groups) or k == 0 or g == 0:
            msg = "a posterior of groups must have draws of every parameter of every group"
            raise ValueError(msg)
        # A dataclass with slots is another class than the one that super() knows.
        Posterior._check(self)
        of_customers = self.group_customers
        if not (isinstance(of_customers, np.ndarray) and of_customers.dtype == np.float64):
            msg = "group_customers must be an array of float64"
            raise ValueError(msg)
        if (
            of_customers.shape != (g,)
            or not (np.isfinite(of_customers) & (of_customers >= 0)).all()
        ):
            msg = "group_customers must have a number >= 0 for each group"
            raise ValueError(msg)
        if not all(isinstance(p, Prior) for p in self.spread_priors.values()):
            msg = "spread_priors must be priors"
            raise ValueError(msg)
        if not (self.column is None or type(self.column) is str):
            msg = "column must be a name"
            raise ValueError(msg)

    def _by_group(
        self,
        data: Any,
        groups: Any,
        unseen: Any,
        columns: dict[str, Floats],
        customer: Any,
        interval: Any,
        predict: Callable[[Any, dict[str, Floats]], Any],
    ) -> Any:
        """Predictions of customers, each under the draws of an own group."""
        as_choice(unseen, "unseen", ("raise", "new"))
        level = None if interval is None else as_level(interval, "interval")
        rows = len(next(iter(columns.values())))
        if groups is None and self.column is None:
            msg = "groups must be told: the posterior was sampled with an array of groups"
            raise InvalidInputError(msg, argument="groups")
        read = _groups.read(data, self.column if groups is None else groups, rows)
        place = _groups.place(read, self.groups)
        strange = np.flatnonzero(place < 0)
        if strange.size and unseen == "raise":
            row = int(strange[0])
            name = read.names[read.code[row]]
            msg = (
                f"groups[{row}] is {name!r}, of which nothing was seen; unseen='new' treats it as "
                "a group drawn from the population"
            )
            raise InvalidInputError(msg, argument="groups", row=row, value=name)
        out = np.empty((1 if level is None else 3, rows))
        quantity = ""
        for at in np.unique(place):
            chosen = np.flatnonzero(place == at)
            of = self.new_group(self.seed) if at < 0 else self.group(self.groups[at])
            got = predict(of, {name: column[chosen] for name, column in columns.items()})
            if level is None:
                out[0, chosen] = got
            else:
                out[:, chosen] = got.value, got.lower, got.upper
                quantity = got.quantity
        if level is None:
            return out[0]
        return Predictions(customer, out[0], out[1], out[2], level, quantity)


def entries(parameters: tuple[str, ...], groups: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the names of all that is sampled, in the order of the table."""
    return (
        *(f"median {p}" for p in parameters),
        *(f"spread {p}" for p in parameters),
        *(f"{p}[{g}]" for g in groups for p in parameters),
    )


@storable("clv.PurchaseGroupPosterior")
class PurchaseGroupPosterior(GroupPosterior):
    """Posterior of a model of repeat purchases in groups, with predictions for their customers.

    Examples
    --------
    >>> import tenure as tn
    >>> rows = {"frequency": [0, 2, 5, 1] * 25, "recency": [0.0, 10.0, 30.0, 3.0] * 25}
    >>> rows |= {"T": [39.0, 38.0, 36.0, 30.0] * 25, "channel": ["web", "shop"] * 50}
    >>> got = tn.clv.NBD().posterior_by_group(rows, "channel", random_state=1)
    >>> got.groups, got.group("web").parameter, got.values("r").shape
    (('shop', 'web'), ('r', 'alpha'), (4, 1000, 2))
    >>> forecast = got.expected_purchases(rows, 13.0, interval=0.9)
    >>> bool((forecast.lower < forecast.upper).all())
    True
    """

    __slots__ = ()
    _of_group = PurchasePosterior

    def _read(self, data: Any) -> _data.Purchases:
        p = _data.purchases(data)
        require_same_unit(p.unit, self.unit, "the posterior was sampled")
        # The engine names the row of the whole data, not that within a group.
        point = self.group(self.groups[0]).points(1)[0]
        self._kernel("probability_alive")(point, p.frequency, p.recency, p.T, as_threads(None))
        return p

    def probability_alive(
        self,
        data: Any,
        interval: float | None = None,
        *,
        groups: Any = None,
        unseen: str = "raise",
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the probability that each customer is still a customer.

        Parameters
        ----------
        data, interval, max_draws, n_threads
            As for `PurchasePosterior.probability_alive`.
        groups : str or array, optional
            Column of the data, or one value a row. Default: the column of the same name as when
            the posterior was sampled.
        unseen : {"raise", "new"}
            What to do with customers of a group that was not there: refuse them, or take the group
            for a new one drawn from the population.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        return self._by_group(
            data,
            groups,
            unseen,
            {"frequency": p.frequency, "recency": p.recency, "T": p.T},
            p.customer,
            interval,
            lambda of, rows: of.probability_alive(
                rows, interval, max_draws=max_draws, n_threads=n_threads
            ),
        )

    def expected_purchases(
        self,
        data: Any,
        horizon: Any,
        interval: float | None = None,
        *,
        groups: Any = None,
        unseen: str = "raise",
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the purchases expected of each customer in the horizon.

        Parameters
        ----------
        data, horizon, interval, max_draws, n_threads
            As for `PurchasePosterior.expected_purchases`.
        groups, unseen
            As for `probability_alive`.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        p = self._read(data)
        return self._by_group(
            data,
            groups,
            unseen,
            {"frequency": p.frequency, "recency": p.recency, "T": p.T},
            p.customer,
            interval,
            lambda of, rows: of.expected_purchases(
                rows, horizon, interval, max_draws=max_draws, n_threads=n_threads
            ),
        )


@storable("clv.SpendGroupPosterior")
class SpendGroupPosterior(GroupPosterior):
    """Posterior of the gamma-gamma model in groups, with predictions for their customers.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> import tenure as tn
    >>> rng = np.random.default_rng(1)
    >>> x, level = rng.integers(1, 6, 120), rng.gamma(4.0, 1 / 15.0, 120)
    >>> rows = {"frequency": x, "monetary_value": rng.gamma(6.0 * x) / (x * level)}
    >>> rows["channel"] = ["web", "shop"] * 60
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # so few customers are not drawn well
    ...     got = tn.clv.GammaGamma().posterior_by_group(rows, "channel", random_state=1)
    >>> got.groups, bool((got.expected_spend(rows, interval=0.9).lower > 0).all())
    (('shop', 'web'), True)
    """

    __slots__ = ()
    _of_group = SpendPosterior

    def expected_spend(
        self,
        data: Any,
        interval: float | None = None,
        *,
        groups: Any = None,
        unseen: str = "raise",
        max_draws: int | None = 500,
        n_threads: int | None = None,
    ) -> Any:
        """Return the posterior mean of the expected mean amount of each customer's orders.

        Parameters
        ----------
        data, interval, max_draws, n_threads
            As for `SpendPosterior.expected_spend`.
        groups, unseen
            As for `PurchaseGroupPosterior.probability_alive`.

        Returns
        -------
        float64 array of n, or Predictions with `interval`
        """
        s = _data.spend(data)
        point = self.group(self.groups[0]).points(1)[0]
        self._kernel("expected_spend")(point, None, s.frequency, s.monetary_value, as_threads(None))
        return self._by_group(
            data,
            groups,
            unseen,
            {"frequency": s.frequency, "monetary_value": s.monetary_value},
            s.customer,
            interval,
            lambda of, rows: of.expected_spend(
                rows, interval, max_draws=max_draws, n_threads=n_threads
            ),
        )


def group_weights(groups: _groups.Groups, used: Any, weight: Floats | None) -> Floats:
    """Return the customers of each group that tell something; refuse a group without any."""
    if not len(groups.code):
        msg = "data must hold at least one customer"
        raise InvalidInputError(msg, argument="data")
    told = np.ones(len(groups.code)) if weight is None else weight
    # What is not finite the engine names with its row.
    told = np.where(used & np.isfinite(told), told, 0.0)
    sums = np.bincount(groups.code, told, minlength=len(groups.names)).astype(np.float64)
    for name, total in zip(groups.names, sums.tolist(), strict=True):
        if not total > 0.0 and math.isfinite(total):
            msg = f"group {name!r} has no customer who tells the model anything"
            raise InvalidInputError(msg, argument="groups", value=name)
    return sums
