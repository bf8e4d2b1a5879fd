"""Priors for `posterior`: densities of positive quantities, and of shares.

Examples
--------
>>> import tenure as tn
>>> prior = tn.clv.priors.LogNormal(median=0.05, sigma=1.0)
>>> round(prior.log_density(0.05), 4)
2.0768
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from tenure import _core
from tenure._errors import InvalidInputError
from tenure._model_file import storable
from tenure._validation import as_number

__all__ = ["Beta", "Gamma", "HalfNormal", "LogNormal", "Prior"]


@dataclass(frozen=True)
class Prior:
    """Base of the priors.

    Examples
    --------
    >>> import tenure as tn
    >>> isinstance(tn.clv.priors.HalfNormal(2.0), tn.clv.priors.Prior)
    True
    """

    _family: ClassVar[str]

    def _settings(self) -> tuple[float, float]:
        raise NotImplementedError

    def log_density(self, value: float) -> float:
        """Return the log of the density of the quantity itself at a value."""
        at = as_number(value, "value", above=0.0, below=1.0 if self._family == "beta" else None)
        share = self._family == "beta"
        v = math.log(at) - (math.log1p(-at) if share else 0.0)
        term = (self._family, *self._settings(), [1.0], False)
        # The engine has the density of the logarithm, or of the log odds.
        jacobian = math.log(at) + (math.log1p(-at) if share else 0.0)
        return _core.clv.prior_log_density(term, np.array([v])) - jacobian

    def sample(self, rng: np.random.Generator, size: int | None = None) -> Any:
        """Return draws of the quantity by a NumPy generator."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            object.__setattr__(self, name, as_number(getattr(self, name), name, above=0.0))


@storable("clv.priors.LogNormal")
@dataclass(frozen=True)
class LogNormal(Prior):
    """The logarithm is normal: half of the mass lies below `median`, 95 % within exp(+-1.96 sigma).

    Parameters
    ----------
    median, sigma : float
        Greater than 0; the median in the unit of the quantity.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.clv.priors.LogNormal(1.0, 1.5)
    LogNormal(median=1.0, sigma=1.5)
    """

    median: float
    sigma: float
    _family: ClassVar[str] = "log_normal"

    def _settings(self) -> tuple[float, float]:
        return math.log(self.median), self.sigma

    def sample(self, rng: np.random.Generator, size: int | None = None) -> Any:
        """Return draws of the quantity by a NumPy generator."""
        return rng.lognormal(math.log(self.median), self.sigma, size)


@storable("clv.priors.Gamma")
@dataclass(frozen=True)
class Gamma(Prior):
    """Gamma with mean shape / rate.

    Parameters
    ----------
    shape, rate : float
        Greater than 0; the rate in one over the unit of the quantity.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.clv.priors.Gamma(shape=2.0, rate=0.5)
    Gamma(shape=2.0, rate=0.5)
    """

    shape: float
    rate: float
    _family: ClassVar[str] = "gamma"

    def _settings(self) -> tuple[float, float]:
        return self.shape, self.rate

    def sample(self, rng: np.random.Generator, size: int | None = None) -> Any:
        """Return draws of the quantity by a NumPy generator."""
        return rng.gamma(self.shape, 1.0 / self.rate, size)


@storable("clv.priors.HalfNormal")
@dataclass(frozen=True)
class HalfNormal(Prior):
    """The positive half of a normal with mean 0 and standard deviation `scale`.

    Parameters
    ----------
    scale : float
        Greater than 0, in the unit of the quantity.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.clv.priors.HalfNormal(scale=10.0)
    HalfNormal(scale=10.0)
    """

    scale: float
    _family: ClassVar[str] = "half_normal"

    def _settings(self) -> tuple[float, float]:
        return self.scale, 1.0

    def sample(self, rng: np.random.Generator, size: int | None = None) -> Any:
        """Return draws of the quantity by a NumPy generator."""
        return np.abs(rng.normal(0.0, self.scale, size))


@storable("clv.priors.Beta")
@dataclass(frozen=True)
class Beta(Prior):
    """Beta, for a share such as `dropout`; beta(1, 1) is uniform.

    Parameters
    ----------
    a, b : float
        Greater than 0.

    Examples
    --------
    >>> import tenure as tn
    >>> tn.clv.priors.Beta(1.0, 3.0)
    Beta(a=1.0, b=3.0)
    """

    a: float
    b: float
    _family: ClassVar[str] = "beta"

    def _settings(self) -> tuple[float, float]:
        return self.a, self.b

    def sample(self, rng: np.random.Generator, size: int | None = None) -> Any:
        """Return draws of the share by a NumPy generator."""
        return rng.beta(self.a, self.b, size)


@dataclass(frozen=True)
class Quantity:
    """What a prior may be about, as a function of the logarithms of a model's parameters.

    Examples
    --------
    The ratio of the first two of four parameters:

    >>> from tenure.clv.priors import LogNormal, Quantity
    >>> Quantity((1, -1, 0, 0), LogNormal(1.0, 2.0), per_scale=-1).default(scale=20.0)
    LogNormal(median=0.05, sigma=2.0)
    """

    weight: tuple[int, ...]
    prior: Prior  #: by default, where the scale of the data is 1
    per_scale: int = 0  #: the default goes with this power of the scale
    of_sum: bool = False

    @property
    def is_share(self) -> bool:
        """Whether the quantity lies between 0 and 1."""
        return isinstance(self.prior, Beta)

    def default(self, scale: float) -> Prior:
        """Return the default prior for data of this scale."""
        if self.per_scale == 0 or not isinstance(self.prior, LogNormal):
            return self.prior
        return LogNormal(self.prior.median * scale**self.per_scale, self.prior.sigma)

    def term(self, prior: Prior) -> tuple[str, float, float, list[float], bool]:
        """Return the prior as the engine takes it."""
        first, second = prior._settings()
        return prior._family, first, second, [float(w) for w in self.weight], self.of_sum


def choose(
    priors: Any,
    quantities: dict[str, Quantity],
    sets: tuple[tuple[tuple[str, ...], ...], ...],
    scale: float,
) -> dict[str, Prior]:
    """Return one prior for each coordinate: those given, and defaults for the rest.

    Each element of `sets` lists names that together tell the same parameters, the usual ones first.
    """
    given = dict(priors or {})
    for name, prior in given.items():
        if name not in quantities:
            msg = f"priors has no quantity {name!r}; there are {', '.join(quantities)}"
            raise InvalidInputError(msg, argument="priors", value=name)
        if not isinstance(prior, Prior):
            msg = f"priors[{name!r}] must be one of tenure.clv.priors, got {prior!r}"
            raise InvalidInputError(msg, argument="priors", value=prior)
        if isinstance(prior, Beta) != quantities[name].is_share:
            kind = "a share and takes a Beta" if quantities[name].is_share else "no share"
            msg = f"priors[{name!r}] is {prior!r}, but {name} is {kind}"
            raise InvalidInputError(msg, argument="priors", value=prior)
    chosen: dict[str, Prior] = {}
    for ways in sets:
        told = {name for way in ways for name in way if name in given}
        way = next((w for w in ways if told <= set(w)), None)
        if way is None:
            msg = (
                f"priors tells of {', '.join(sorted(told))}, which do not go together; choose from "
                + " or ".join(" and ".join(w) for w in ways)
            )
            raise InvalidInputError(msg, argument="priors")
        for name in way:
            chosen[name] = given.get(name) or quantities[name].default(scale)
    return chosen
