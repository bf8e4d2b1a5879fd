"""BG/NBD: the fit of a million customers, and what they will buy."""

from __future__ import annotations

import numpy as np

from workloads import Data, Run, Workload

TRUTH = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}  # CDNOW, in weeks
HORIZON = 39.0
YEAR = 12 * 4.345  # weeks, as lifetimes counts twelve months
NAMES = ("r", "alpha", "a", "b")


def customers(n: int, day: float = 1.0) -> Data:
    """The process that the model describes, seen in whole days as order logs are.

    Customers come over twelve weeks and are observed until week 39. With `day` a fraction of one,
    times are as fine: hardly two customers are equal then.
    """
    rng = np.random.default_rng(7)
    week = 7.0 / day
    age = rng.integers(int(189 / day), int(273 / day), n) / week
    rate = np.maximum(rng.gamma(TRUTH["r"], 1.0 / TRUTH["alpha"], n), 1e-12)
    leaves = rng.beta(TRUTH["a"], TRUTH["b"], n)
    frequency = np.zeros(n, np.int64)
    last_day = np.zeros(n, np.int64)
    at = np.zeros(n)
    here = np.arange(n)
    while here.size:
        at[here] += rng.exponential(1.0 / rate[here])
        here = here[at[here] < age[here]]
        day = np.floor(at[here] * week).astype(np.int64)
        # Two purchases on a day are one order, and the day of the first one is day 0.
        new = day > last_day[here]
        frequency[here[new]] += 1
        last_day[here[new]] = day[new]
        here = here[rng.random(here.size) >= leaves[here]]
    return {"frequency": frequency, "recency": last_day / week, "T": age}


def spenders(n: int) -> Data:
    """The same customers with the mean amount of their orders, told by the gamma-gamma model."""
    data = customers(n)
    rng = np.random.default_rng(8)
    x = data["frequency"]
    p, q, gamma = 6.25, 3.74, 15.44  # CDNOW
    orders = np.maximum(x, 1)
    data["monetary_value"] = np.where(
        x > 0, rng.gamma(p * orders) / orders / rng.gamma(q, 1.0 / gamma, n), 0.0
    )
    return data


def few(data: Data) -> Data:
    """The customers that a model is fitted on before the clock of a prediction starts."""
    return {name: column[:2000] for name, column in data.items()}


fit = Workload(
    "bgnbd_fit",
    "BG/NBD fit of 10^6 simulated customers, day-grained",
    customers,
    full={"n": 10**6},
    smoke={"n": 2000},
    agree=dict.fromkeys(NAMES, 1e-3),
    data="bgnbd",
)
continuous = Workload(
    "bgnbd_fit_continuous",
    "BG/NBD fit of 10^6 simulated customers, times to the second",
    customers,
    full={"n": 10**6, "day": 1 / 86_400},
    smoke={"n": 2000, "day": 1 / 86_400},
    agree=dict.fromkeys(NAMES, 1e-3),
)
predict = Workload(
    "bgnbd_predict",
    "P(alive) and expected purchases in 39 weeks of 10^6 customers, model fitted before",
    customers,
    full={"n": 10**6},
    smoke={"n": 2000},
    agree={"alive": 1e-3, "purchases": 1e-3},
    data="bgnbd",
)

value = Workload(
    "bgnbd_value",
    "P(alive), expected purchases and lifetime value in 12 months (discounted by 1 % a month, "
    "gamma-gamma spend) of 10^6 customers, models fitted before",
    spenders,
    full={"n": 10**6},
    smoke={"n": 2000},
    # lifetimes discounts the purchases of a month as if they came at its end, and tenure each as
    # it comes: half a month earlier in the mean.
    agree={"alive": 1e-3, "purchases": 1e-3, "spend": 1e-3, "clv": 6e-3},
)


@continuous.ours("tenure")
@fit.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.clv import BGNBD

    def run() -> dict[str, float]:
        params = BGNBD().fit(data).params_
        return {name: float(params[name]) for name in NAMES}

    return run


@predict.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.clv import BGNBD

    model = BGNBD().fit(few(data))

    def run() -> dict[str, float]:
        alive = model.probability_alive(data)
        more = model.expected_purchases(data, horizon=HORIZON)
        return {"alive": float(alive.sum()), "purchases": float(more.sum())}

    return run


def lifetimes_arguments(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return data["frequency"].astype(float), data["recency"], data["T"]


@continuous.peer("lifetimes", "Lifetimes")
@fit.peer("lifetimes", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    from lifetimes import BetaGeoFitter

    arguments = lifetimes_arguments(data)

    def run() -> dict[str, float]:
        params = BetaGeoFitter().fit(*arguments).params_
        return {name: float(params[name]) for name in NAMES}

    return run


@fit.peer("lifetimes, equal rows weighted", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifetimes import BetaGeoFitter

    frame = pd.DataFrame(data)

    def run() -> dict[str, float]:
        rows = frame.groupby(["frequency", "recency", "T"], sort=False).size().reset_index()
        columns = [rows[c].to_numpy(float) for c in ("frequency", "recency", "T")]
        params = BetaGeoFitter().fit(*columns, weights=rows[0].to_numpy(float)).params_
        return {name: float(params[name]) for name in NAMES}

    return run


@predict.peer("lifetimes", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    from lifetimes import BetaGeoFitter

    model = BetaGeoFitter().fit(*lifetimes_arguments(few(data)))
    arguments = lifetimes_arguments(data)

    def run() -> dict[str, float]:
        alive = model.conditional_probability_alive(*arguments)
        more = model.conditional_expected_number_of_purchases_up_to_time(HORIZON, *arguments)
        return {"alive": float(np.sum(alive)), "purchases": float(np.sum(more))}

    return run


@value.ours("tenure")
def _(data: Data, threads: int) -> Run:
    from tenure.clv import BGNBD, CLV, GammaGamma

    model = CLV(BGNBD(unit="week"), GammaGamma()).fit(few(data))

    def run() -> dict[str, float]:
        table = model.predict(data, horizon=YEAR, discount_rate=0.01, discount_period="month")
        return {
            "alive": float(table.probability_alive.sum()),
            "purchases": float(table.expected_purchases.sum()),
            "spend": float(table.expected_spend.sum()),
            "clv": float(table.clv.sum()),
        }

    return run


@value.peer("lifetimes", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    buyers = few(data)
    model = BetaGeoFitter().fit(*lifetimes_arguments(buyers))
    seen = buyers["frequency"] > 0
    spend = GammaGammaFitter().fit(buyers["frequency"][seen], buyers["monetary_value"][seen])
    frame = pd.DataFrame(data)
    columns = [frame[name] for name in ("frequency", "recency", "T")]
    amount = frame["monetary_value"]

    def run() -> dict[str, float]:
        alive = model.conditional_probability_alive(*columns)
        more = model.conditional_expected_number_of_purchases_up_to_time(YEAR, *columns)
        mean = spend.conditional_expected_average_profit(columns[0], amount)
        clv = spend.customer_lifetime_value(
            model, *columns, amount, time=12, discount_rate=0.01, freq="W"
        )
        return {
            "alive": float(np.sum(alive)),
            "purchases": float(np.sum(more)),
            "spend": float(np.sum(mean)),
            "clv": float(np.sum(clv)),
        }

    return run


def clvkit_base(data: Data):
    import pandas as pd
    from clvkit import CustomerBase

    return CustomerBase(
        pd.DataFrame(data),
        time_unit="W",
        collapse="D",
        observation_period_end=pd.Timestamp("1997-09-30"),
        has_monetary=False,
        on_negative="net",
    )


@fit.peer("clvkit")
def _(data: Data, threads: int) -> Run:
    from clvkit import BGNBD

    base = clvkit_base(data)

    def run() -> dict[str, float]:
        params = BGNBD().fit(base).params_
        return {name: float(params[name]) for name in NAMES}

    return run


@predict.peer("clvkit")
def _(data: Data, threads: int) -> Run:
    from clvkit import BGNBD

    model = BGNBD().fit(clvkit_base(few(data)))
    base = clvkit_base(data)

    def run() -> dict[str, float]:
        alive = model.probability_alive(base).to_pandas()
        more = model.predict(HORIZON, base).to_pandas()
        return {"alive": float(np.sum(alive)), "purchases": float(np.sum(more))}

    return run
