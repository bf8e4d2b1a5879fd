"""Whether anybody stays for good: the edge of the model, where all leave one day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure._results import Table
from tenure.churn._cure_data import CureData
from tenure.churn._profile import profile_limits
from tenure.churn._times import z_of

#: Logit of leaving beyond which nobody is said to stay for good.
NOBODY_STAYS = 12.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CureTest(Table):
    """Whether anybody stays for good, by the likelihood with and without such customers.

    Attributes
    ----------
    statistic : float
        Twice the difference of the log-likelihoods; without columns in the incidence.
    p_value : float
        Of nobody staying for good. That is the edge of what is possible: half of the time the
        statistic is 0, else it is chi-square with 1 degree of freedom.
    log_likelihood, log_likelihood_without : float

    Examples
    --------
    >>> import tenure as tn
    >>> months, left = [1, 2, 2, 3, 4, 5, 30, 32, 35, 36], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    >>> tn.churn.CureModel().test_cure(None, months, left).p_value < 0.01
    True
    """

    statistic: float
    p_value: float
    log_likelihood: float
    log_likelihood_without: float

    def _columns(self) -> Mapping[str, Any]:
        return {name: [getattr(self, name)] for name in self.__dataclass_fields__}

    def _title(self) -> str:
        return "Does anybody stay for good? Likelihood ratio, 50:50 mixture of 0 and chi-square"


def nobody_stays_test(data: CureData) -> CureTest:
    """Compare the likelihood with that of lifetimes alone."""
    without = float(data.without_stayers()["log_likelihood"])
    with_them = max(float(data.fit(plain=True)["log_likelihood"]), without)
    statistic = 2.0 * (with_them - without)
    # Self & Liang (1987), JASA 82:605-610, case 5.
    p = 0.5 * math.erfc(math.sqrt(0.5 * statistic)) if statistic > 0.0 else 1.0
    return CureTest(statistic, p, with_them, without)


def profile_of_share(
    data: CureData, logit: float, error: float, highest: float, level: float
) -> tuple[float, float]:
    """Return the shares at which the profile likelihood has fallen by the quantile of `level`.

    `logit` is that of leaving at the optimum, infinite at the edge.
    """

    def log_likelihood(at: float) -> float:
        return float(data.fit(intercept=at)["log_likelihood"])

    fall = z_of(level) ** 2
    if math.isinf(logit):
        # Downhill from the edge, by halving.
        low, high = -NOBODY_STAYS, NOBODY_STAYS
        for _ in range(50):
            middle = 0.5 * (low + high)
            if 2.0 * (highest - log_likelihood(middle)) > fall:
                low = middle
            else:
                high = middle
        return 0.0, 1.0 / (1.0 + math.exp(high))
    below, above = profile_limits(log_likelihood, logit, error, highest, level)
    lower, upper = (1.0 / (1.0 + math.exp(at)) if at < 700.0 else 0.0 for at in (above, below))
    without = float(data.without_stayers()["log_likelihood"])
    return (0.0 if 2.0 * (highest - without) < fall else lower), upper
