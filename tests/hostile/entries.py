"""Every public call that does work, on seeded data of any size: for tests of the process around it.

An entry makes its data once and then computes with a number of threads. Add a line to `ENTRIES` for
each new public call; `test_system.py` asks of all of them the same bits for any number of threads,
no hang after a fork, an honest MemoryError, and an answer to Ctrl-C.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

import tenure as tn
from tenure import _core
from tenure._model_file import from_bytes, to_bytes


@dataclasses.dataclass(frozen=True)
class Entry:
    """`call(make(n), threads)` is the work; `rows` of it last some seconds on one core."""

    name: str
    make: Callable[[int], Any]
    call: Callable[[Any, int], Any]
    rows: int


def digest(value: Any) -> str:
    """A hash of every number and text in a result, to the bit."""
    seen = hashlib.sha256()
    _add(seen, value)
    return seen.hexdigest()


def _add(seen: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        seen.update(f"{value.dtype} {value.shape}".encode())
        seen.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (pa.Array, pa.ChunkedArray, pa.Table)):
        seen.update(repr(value.to_pylist()).encode())
    elif isinstance(value, dict):
        for key, part in value.items():
            seen.update(str(key).encode())
            _add(seen, part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _add(seen, part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _add(seen, getattr(value, field.name))
    elif getattr(value, "_fitted", None):
        for field in value._fitted:
            _add(seen, getattr(value, field))
    elif isinstance(value, _core.journey.FunnelUnits):
        _add(seen, [value.reached(), value.group()])
    elif isinstance(value, tn.EventLog):
        core = value._core
        properties = [core.property(p) for p in range(len(value.properties))]
        _add(seen, [value.customer_ids, value.data_report, value.summary(n_threads=1), properties])
    else:
        seen.update(repr(value).encode())


def orders(n: int) -> pa.Table:
    rng = np.random.default_rng(11)
    return pa.table(
        {
            "who": rng.integers(0, max(n // 8, 1), n),
            "when": pa.array(rng.integers(1.6e15, 1.7e15, n)).view(pa.timestamp("us")),
            "paid": np.round(rng.lognormal(3.0, 1.0, n), 2),
        }
    )


def named_orders(n: int) -> pa.Table:
    table = orders(n)
    names = table["who"].cast(pa.string())
    return table.set_column(0, "who", names)


def sold_orders(n: int) -> pa.Table:
    shop = np.random.default_rng(15).integers(0, 50, n)
    return orders(n).append_column("shop", pa.array(shop).cast(pa.string()))


def index_sold(table: pa.Table, threads: int) -> tn.EventLog:
    columns = {"customer": "who", "time": "when", "amount": "paid", "properties": ["shop"]}
    return tn.EventLog(table, n_threads=threads, **columns)


def index(table: pa.Table, threads: int) -> tn.EventLog:
    return tn.EventLog(table, customer="who", time="when", amount="paid", n_threads=threads)


@functools.lru_cache(maxsize=2)
def a_log(n: int) -> tn.EventLog:
    return index(orders(n), 1)


def halves(n: int) -> tuple[pa.Table, pa.Table]:
    table = orders(n)
    return table.slice(0, n // 2), table.slice(n // 2)


def append(tables: tuple[pa.Table, pa.Table], threads: int) -> tn.EventLog:
    first, later = tables
    return index(first, threads).append(later, n_threads=threads)


@functools.lru_cache(maxsize=2)
def stored(n: int) -> bytes:
    return to_bytes(a_log(n))


def scan_parts(log: tn.EventLog, threads: int) -> Any:
    total = tn.cohort.RetentionScan("month", value="revenue", n_bootstrap=0)
    for part in log.parts(7):
        scan = tn.cohort.RetentionScan("month", value="revenue", n_bootstrap=0)
        total.merge(scan.visit(part, n_threads=threads))
    return total.finish()


@functools.lru_cache(maxsize=2)
def customers(n: int) -> dict[str, np.ndarray]:
    """Repeat purchases in continuous time, so that hardly two rows are equal."""
    rng = np.random.default_rng(12)
    T = rng.uniform(20.0, 40.0, n)
    x = rng.geometric(0.4, n) - 1.0
    recency = np.where(x > 0, T * rng.uniform(0.05, 1.0, n), 0.0)
    value = np.where(x > 0, rng.gamma(6.0, 5.0, n), np.nan)
    return {"frequency": x, "recency": recency, "T": T, "monetary_value": value}


def regular_customers(n: int) -> dict[str, np.ndarray]:
    """The same, as if gaps were even."""
    base = customers(n)
    x, t_x = base["frequency"], base["recency"]
    even = np.where(x > 0, t_x, 1.0) / np.where(x > 0, x, 1.0)
    return base | {"log_gaps": x * np.log(even)}


@functools.lru_cache(maxsize=2)
def visits(n: int) -> tn.EventLog:
    rng = np.random.default_rng(15)
    names = pa.array(["view", "cart", "pay", "help"])
    codes = rng.choice(4, n, p=[0.5, 0.3, 0.1, 0.1]).astype(np.int8)
    table = orders(n).append_column("what", pa.DictionaryArray.from_arrays(codes, names))
    return tn.EventLog(
        table, customer="who", time="when", event="what", orders=["pay"], n_threads=1
    )


STEPS = ["view", "cart", "pay"]


@functools.lru_cache(maxsize=2)
def signed(n: int) -> tn.EventLog:
    rng = np.random.default_rng(16)
    names = pa.array(["start", "renewal", "change", "cancel"])
    codes = rng.choice(4, n, p=[0.4, 0.2, 0.2, 0.2]).astype(np.int8)
    table = orders(n).append_column("what", pa.DictionaryArray.from_arrays(codes, names))
    return tn.EventLog(
        table,
        customer="who",
        time="when",
        event="what",
        amount="paid",
        orders=["start", "change"],
        n_threads=1,
    )


def lifetimes(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(13)
    return rng.exponential(100.0, n), rng.random(n) < 0.6


def leave_for_causes(data: Any, threads: int) -> Any:
    duration, churned = data
    cause = np.where(churned, 1 + np.arange(len(duration)) % 3, 0)
    return tn.churn.AalenJohansen().fit(duration, cause)


def look_now_and_then(data: Any, threads: int) -> Any:
    duration, churned = data
    lower = np.floor(duration / 30) * 30
    return tn.churn.Turnbull().fit(lower, np.where(churned, lower + 30, np.inf))


def rank_groups(data: Any, threads: int) -> Any:
    duration, churned = data
    return tn.churn.log_rank(duration, churned, np.arange(len(duration)) % 5)


def regression(n: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(23)
    X = rng.normal(size=(n, 4))
    life = 100.0 * np.exp(X @ [0.4, -0.2, 0.0, 0.1]) * rng.weibull(1.3, n)
    seen = rng.uniform(10.0, 200.0, n)
    return X, np.minimum(life, seen), (life <= seen).astype(np.uint8)


def renew(data: Any, threads: int) -> Any:
    X, duration, churned = data
    months = np.ceil(duration / 20).astype(int)
    return tn.churn.DiscreteTimeHazard(n_threads=threads).fit(X, months, churned)


def fit_and_foretell_lives(data: Any, threads: int) -> Any:
    model = tn.churn.AFT("generalized_gamma", n_threads=threads).fit(*data)
    return [
        model,
        model.predict_survival(data[0], [30.0], data[1]),
        model.predict_restricted_mean(data[0][:200], [90.0]),
    ]


def scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(18)
    return rng.random(n) < 0.3, rng.normal(size=n)


def points(n: int) -> np.ndarray:
    return np.random.default_rng(14).normal(size=(n, 6))


def with_a_covariate(n: int) -> dict[str, Any]:
    return customers(n) | {"z": np.random.default_rng(17).normal(size=n)}


@functools.lru_cache(maxsize=2)
def with_weeks(n: int) -> Any:
    week = np.arange(170)
    calendar = {"date": np.datetime64("2020-09-07") + 7 * week, "z": np.cos(0.7 * week)}
    return tn.clv.time_varying(a_log(n), calendar, n_threads=1)


def contracts(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(17)
    life = rng.geometric(rng.beta(0.8, 2.0, n)) - 1
    seen = rng.integers(1, 13, n)
    return {"renewals": np.minimum(life, seen).astype(float), "churned": life < seen}


def contracts_with_a_covariate(n: int) -> dict[str, np.ndarray]:
    return contracts(n) | {"z": np.random.default_rng(17).normal(size=n)}


def own_contracts(n: int) -> tuple[Any, dict[str, np.ndarray]]:
    settings = {"churn_covariates": "z", "renewal": "month", "n_threads": 1}
    model = tn.clv.ShiftedBetaGeometric(**settings).fit(contracts_with_a_covariate(2000))
    return model, contracts_with_a_covariate(n)


def foretell_contracts(given: tuple[Any, dict[str, np.ndarray]], threads: int) -> Any:
    model, data = given
    model.set_params(n_threads=threads)
    return model.discounted_residual_lifetime(data, horizon=24, interval=0.9)


def choose_penalty(data: dict[str, np.ndarray], threads: int) -> Any:
    model = tn.clv.ShiftedBetaGeometric(churn_covariates="z", n_threads=threads)
    return tn.clv.penalty_path(model, data, n_alphas=2, folds=2)


def value_of_contracts(n: int) -> tuple[Any, np.ndarray]:
    model = tn.clv.BetaDiscreteWeibull(renewal="day").fit(contracts(5000))
    return model, np.arange(min(n, 2**20), dtype=float)


@functools.lru_cache(maxsize=2)
def fitted(n: int) -> tuple[Any, Any]:
    few = {name: column[:2000] for name, column in customers(max(n, 2000)).items()}
    model = tn.clv.CLV(tn.clv.BGNBD(n_threads=1), tn.clv.GammaGamma(n_threads=1))
    return model.fit(few), customers(n)


@functools.lru_cache(maxsize=2)
def givers(n: int) -> dict[str, np.ndarray]:
    """Up to 60 opportunities each, so that tens of thousands of histories differ."""
    rng = np.random.default_rng(17)
    T = rng.integers(1, 61, n)
    recency = np.minimum(rng.integers(0, 61, n), T)
    frequency = np.ceil(recency * rng.uniform(0.01, 1.0, n))
    return {"frequency": frequency, "recency": recency.astype(float), "T": T.astype(float)}


def foretell_gifts(data: dict[str, np.ndarray], threads: int) -> Any:
    model = tn.clv.BGBB(n_threads=threads).fit(data)
    return [
        model,
        model.probability_alive(data, ahead=1),
        model.expected_purchases(data, 12),
        model.predictive_interval(data, 12),
        model.next_purchase(data),
    ]


def at_given_parameters(model: Any, params: dict[str, float]) -> Any:
    model.params_ = params
    k = len(params)
    model.log_covariance_, model.hessian_eigenvalues_ = np.eye(k), np.ones(k)
    model.log_likelihood_ = model.gradient_norm_ = model.n_customers_ = 1.0
    model.status_, model.n_iter_, model.unit_ = "converged", 1, None
    return model


def growing(threads: int) -> Any:
    params = {"r": 0.55, "alpha": 10.6, "b": 0.05, "s": 0.6, "beta": 0.4}
    return at_given_parameters(tn.clv.GGompertzNBD(n_threads=threads), params)


def foretell_growing(data: dict[str, np.ndarray], threads: int) -> Any:
    model = growing(threads)
    return [
        model.score(data),
        model.probability_alive(data),
        model.expected_purchases(data, 39.0),
        model.expected_frequency_counts(data),
    ]


def foretell_correlated(data: dict[str, np.ndarray], threads: int) -> Any:
    params = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7, "odds": 4.0}
    model = at_given_parameters(tn.clv.CorrelatedParetoNBD(n_threads=threads), params)
    return [
        model.score(data),
        model.probability_alive(data),
        model.expected_purchases(data, 39.0),
        model.purchase_probability(data, 39.0),
    ]


def predict(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.transactions_.n_threads = model.spend_.n_threads = threads
    return model.predict(data, horizon=39.0, discount_rate=0.0)


def foretell(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.transactions_.n_threads = threads
    forecast = model.transactions_.predictive_interval(data, 39.0)
    return forecast, model.transactions_.next_purchase(data)


@functools.lru_cache(maxsize=2)
def a_holdout(n: int) -> Any:
    return a_log(n).calibration_holdout("2022-06-30", unit="month", n_threads=1)


def compare(holdout: Any, threads: int) -> Any:
    models = [tn.clv.BGNBD(n_threads=threads), tn.clv.ParetoNBD(n_threads=threads)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.ConvergenceWarning)  # orders at random know no leaving
        return tn.clv.compare(holdout, models, n_threads=threads)


def a_checked_model(n: int) -> tuple[Any, Any]:
    return tn.clv.BGNBD(n_threads=1).fit(customers(2000)), a_holdout(n)


def calibration(given: tuple[Any, Any], threads: int) -> Any:
    model, holdout = given
    model.n_threads = threads
    return tn.clv.calibration(model, holdout)


@functools.lru_cache(maxsize=2)
def regular(n: int) -> tuple[Any, Any]:
    few = {name: column[:2000] for name, column in customers(max(n, 2000)).items()}
    model = tn.clv.MBGCNBD(3, unit="week").fit({**few, "log_gaps": np.zeros(len(few["T"]))})
    return model, customers(n)


def discounted(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.n_threads = threads
    return model.discounted_expected_purchases(data, horizon="2y")


def foretell_regular(given: tuple[Any, Any], threads: int) -> Any:
    model, data = given
    model.n_threads = threads
    return model.predictive_interval(data, 39.0), model.next_purchase(data)


def regressed(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates with the lifetimes that follow from them, in tenths of a month."""
    rng = np.random.default_rng(12)
    X = rng.normal(size=(n, 4))
    life = rng.exponential(20.0 * np.exp(0.4 * X[:, 0] - 0.2 * X[:, 1]))
    seen = rng.uniform(0.0, 60.0, n)
    return X, np.ceil(10.0 * np.minimum(life, seen)) / 10.0, (life <= seen).astype(np.uint8)


def asked(model: tn.churn.CoxPH, data: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Any]:
    """What a fit is asked besides its coefficients."""
    X = data[0]
    return [
        model.predict_survival(X, [1.0, 5.0]),
        model.predict_survival(X[:100], [1.0, 5.0], interval=0.9).lower,
        model.predict_quantile(X),
        model.residuals("deviance"),
        model.residuals("scaled_schoenfeld"),
        model.test_proportional_hazards().statistic,
        model.concordance(),
    ]


ENTRIES = [
    Entry("EventLog", orders, index, 20_000_000),
    Entry("EventLog of text ids", named_orders, index, 4_000_000),
    Entry("summary", a_log, lambda log, t: log.summary(n_threads=t), 30_000_000),
    Entry(
        "summary with gaps",
        a_log,
        lambda log, t: log.summary(log_gaps=True, n_threads=t),
        10_000_000,
    ),
    Entry("where", a_log, lambda log, t: log.where(amount=(5, 50), n_threads=t), 30_000_000),
    Entry(
        "summaries",
        a_log,
        lambda log, t: log.summaries(["2021-06-30", "2022-06-30", "2023-06-30"], n_threads=t),
        20_000_000,
    ),
    Entry(
        "features",
        a_log,
        lambda log, t: log.features(["2021-06-30", "2022-06-30"], n_threads=t),
        10_000_000,
    ),
    Entry("order_gaps", a_log, lambda log, t: log.order_gaps(n_threads=t), 20_000_000),
    Entry("order_periods", a_log, lambda log, t: log.order_periods(n_threads=t), 20_000_000),
    Entry("EventLog with properties", sold_orders, index_sold, 10_000_000),
    Entry("append", halves, append, 20_000_000),
    Entry("load", stored, lambda data, t: from_bytes(data), 20_000_000),
    Entry("scans of parts", a_log, scan_parts, 10_000_000),
    Entry("split", a_log, lambda log, t: log.split("2022-01-01", n_threads=t), 30_000_000),
    Entry(
        "retention", a_log, lambda log, t: tn.cohort.retention(log, "week", n_threads=t), 30_000_000
    ),
    Entry(
        "retention of revenue",
        a_log,
        lambda log, t: tn.cohort.retention(log, "month", value="revenue", n_threads=t),
        300_000,
    ),
    Entry("funnel", visits, lambda log, t: tn.journey.funnel(log, STEPS, n_threads=t), 20_000_000),
    Entry(
        "funnel of attempts",
        visits,
        lambda log, t: tn.journey.funnel(
            log, STEPS, window="90d", start="every", count="total", exclude="help", n_threads=t
        ),
        4_000_000,
    ),
    Entry(
        "sessions",
        a_log,
        lambda log, t: tn.journey.sessions(log, "7d", n_threads=t),
        20_000_000,
    ),
    Entry(
        "transitions",
        visits,
        lambda log, t: tn.journey.transitions(log, within="90d", n_threads=t),
        20_000_000,
    ),
    Entry(
        "step_matrix", visits, lambda log, t: tn.journey.step_matrix(log, n_threads=t), 20_000_000
    ),
    Entry("paths", visits, lambda log, t: tn.journey.paths(log, n_threads=t), 4_000_000),
    Entry("loops", visits, lambda log, t: tn.journey.loops(log, n_threads=t), 4_000_000),
    Entry(
        "attribution",
        visits,
        lambda log, t: tn.journey.attribution(
            log,
            model=["linear", "time_decay", "shapley", "markov"],
            lookback=None,
            order=2,
            n_bootstrap=16,
            n_threads=t,
        ),
        1_000_000,
    ),
    Entry(
        "retention on or after",
        a_log,
        lambda log, t: tn.cohort.retention(
            log, "week", clock="rolling", match="on_or_after", n_threads=t
        ),
        10_000_000,
    ),
    Entry(
        "retention of recurring cohorts",
        a_log,
        lambda log, t: tn.cohort.retention(
            log, "month", anchor="recurring", n_bootstrap=30, n_threads=t
        ),
        1_000_000,
    ),
    Entry("growth", a_log, lambda log, t: tn.cohort.growth(log, n_threads=t), 30_000_000),
    Entry(
        "active_users", a_log, lambda log, t: tn.cohort.active_users(log, n_threads=t), 30_000_000
    ),
    Entry("stickiness", a_log, lambda log, t: tn.cohort.stickiness(log, n_threads=t), 30_000_000),
    Entry(
        "compare_curves",
        a_log,
        lambda log, t: tn.cohort.compare_curves(log, pairwise=True, n_threads=t),
        1_000_000,
    ),
    Entry(
        "compare_curves of churn",
        a_log,
        lambda log, t: tn.cohort.compare_curves(
            log, "quarter", curve="churn", inactive_after=90, n_threads=t
        ),
        10_000_000,
    ),
    Entry(
        "contracts",
        signed,
        lambda log, t: tn.cohort.contracts(log, term=12, n_bootstrap=30, n_threads=t),
        2_000_000,
    ),
    Entry("rfm", a_log, lambda log, t: tn.segment.rfm(log, n_threads=t), 30_000_000),
    Entry(
        "Stages", a_log, lambda log, t: tn.lifecycle.Stages().assign(log, n_threads=t), 30_000_000
    ),
    Entry(
        "contract_spells",
        signed,
        lambda log, t: tn.churn.contract_spells(log, term=12, n_threads=t),
        10_000_000,
    ),
    Entry(
        "make_dataset",
        a_log,
        lambda log, t: tn.churn.make_dataset(log, ["2021-06-30", "2022-06-30"], "90d", n_threads=t),
        5_000_000,
    ),
    Entry(
        "roc_auc and EMPC",
        scores,
        lambda d, t: [tn.churn.roc_auc(*d), tn.churn.expected_maximum_profit(*d)],
        5_000_000,
    ),
    Entry("KaplanMeier", lifetimes, lambda d, t: tn.churn.KaplanMeier().fit(*d), 20_000_000),
    Entry("NelsonAalen", lifetimes, lambda d, t: tn.churn.NelsonAalen().fit(*d), 20_000_000),
    Entry("AalenJohansen", lifetimes, leave_for_causes, 20_000_000),
    Entry("Turnbull", lifetimes, look_now_and_then, 1_000_000),
    Entry("log_rank", lifetimes, rank_groups, 5_000_000),
    Entry("AFT", regression, lambda d, t: tn.churn.AFT(n_threads=t).fit(*d), 1_000_000),
    Entry("AFT of generalized gamma", regression, fit_and_foretell_lives, 30_000),
    Entry("DiscreteTimeHazard", regression, renew, 300_000),
    Entry("FineGray", regression, lambda d, t: tn.churn.FineGray().fit(*d), 1_000_000),
    Entry("CoxPH", regressed, lambda d, t: tn.churn.CoxPH(n_threads=t).fit(*d), 2_000_000),
    Entry(
        "CoxPH exact",
        regressed,
        lambda d, t: tn.churn.CoxPH("exact", n_threads=t).fit(*d),
        40_000,
    ),
    Entry(
        "CoxPH firth and robust",
        regressed,
        lambda d, t: tn.churn.CoxPH(penalty="firth", robust=True, n_threads=t).fit(*d),
        500_000,
    ),
    Entry(
        "CoxPH asked",
        regressed,
        lambda d, t: asked(tn.churn.CoxPH(n_threads=t).fit(*d), d),
        500_000,
    ),
    Entry("CoxNet", regressed, lambda d, t: tn.churn.CoxNet(n_threads=t).fit(*d), 300_000),
    Entry(
        "concordance_index",
        regressed,
        lambda d, t: tn.churn.concordance_index(d[1], d[2], d[0][:, 0]),
        3_000_000,
    ),
    Entry(
        "KMeans",
        points,
        lambda X, t: tn.segment.KMeans(5, max_iter=30, n_threads=t).fit(X),
        3_000_000,
    ),
    Entry(
        "BGNBD",
        customers,
        lambda d, t: tn.clv.BGNBD(n_threads=t).fit(d),
        3_000_000,
    ),
    Entry("NBD", customers, lambda d, t: tn.clv.NBD(n_threads=t).fit(d), 3_000_000),
    Entry(
        "MBGCNBD",
        customers,
        lambda d, t: tn.clv.MBGCNBD(n_threads=t).fit({**d, "log_gaps": np.zeros(len(d["T"]))}),
        1_000_000,
    ),
    Entry("MBGCNBD.discounted", regular, discounted, 3_000),
    Entry("MBGCNBD.predictive_interval and next_purchase", regular, foretell_regular, 100_000),
    Entry(
        "GGompertzNBD.next_purchase",
        customers,
        lambda d, t: growing(t).next_purchase(d),
        50_000,
    ),
    Entry(
        "GGompertzNBD at given parameters",
        customers,
        foretell_growing,
        200_000,
    ),
    Entry(
        "CorrelatedParetoNBD at given parameters",
        customers,
        foretell_correlated,
        500_000,
    ),
    Entry("BGBB", givers, foretell_gifts, 5_000_000),
    Entry(
        "opportunities",
        a_log,
        lambda log, t: tn.clv.opportunities(log, "week", n_threads=t),
        20_000_000,
    ),
    Entry(
        "ParetoNBD with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.ParetoNBD(purchase_covariates="z", n_threads=t).fit(d),
        60_000,
    ),
    Entry(
        "TimeVaryingParetoNBD",
        with_weeks,
        lambda d, t: tn.clv.TimeVaryingParetoNBD(
            purchase_covariates="z", dropout_covariates="z", max_iter=2, n_threads=t
        ).fit(d),
        80_000,
    ),
    Entry(
        "BGNBD.posterior",
        customers,
        lambda d, t: tn.clv.BGNBD().posterior(
            d, chains=2, draws=4, warmup=6, random_state=1, n_threads=t
        ),
        1_000_000,
    ),
    Entry(
        "AbeParetoNBD",
        customers,
        lambda d, t: tn.clv.AbeParetoNBD(
            chains=2, draws=4, warmup=4, sweeps=1, kept=1, random_state=1, n_threads=t
        ).fit(d),
        100_000,
    ),
    Entry(
        "ParetoGGG",
        regular_customers,
        lambda d, t: tn.clv.ParetoGGG(
            chains=2, draws=4, warmup=4, sweeps=1, kept=1, random_state=1, n_threads=t
        ).fit(d),
        20_000,
    ),
    Entry(
        "BGNBD.posterior_by_group",
        customers,
        lambda d, t: tn.clv.BGNBD().posterior_by_group(
            d,
            np.arange(len(d["T"])) % 3,
            chains=2,
            draws=4,
            warmup=0,
            random_state=1,
            n_threads=t,
        ),
        300_000,
    ),
    Entry(
        "NBD.bootstrap",
        customers,
        lambda d, t: tn.clv.NBD().fit(d).bootstrap(d, n=8, random_state=1, n_threads=t),
        500_000,
    ),
    Entry(
        "GammaGamma",
        customers,
        lambda d, t: tn.clv.GammaGamma(n_threads=t).fit(d),
        5_000_000,
    ),
    Entry(
        "GammaGamma with covariates",
        with_a_covariate,
        lambda d, t: tn.clv.GammaGamma(covariates="z", frequency_effect=True, n_threads=t).fit(d),
        200_000,
    ),
    Entry(
        "ShiftedBetaGeometric with covariates",
        contracts_with_a_covariate,
        lambda d, t: tn.clv.ShiftedBetaGeometric(churn_covariates="z", n_threads=t).fit(d),
        500_000,
    ),
    Entry(
        "ShiftedBetaGeometric under an elastic penalty",
        contracts_with_a_covariate,
        lambda d, t: tn.clv.ShiftedBetaGeometric(
            churn_covariates="z", covariate_alpha=0.01, n_threads=t
        ).fit(d),
        300_000,
    ),
    Entry("lifetimes of contracts with covariates", own_contracts, foretell_contracts, 100_000),
    Entry("clv.penalty_path", contracts_with_a_covariate, choose_penalty, 20_000),
    Entry("CLV.predict", fitted, predict, 3_000_000),
    Entry("BGNBD.predictive_interval and next_purchase", fitted, foretell, 2_000_000),
    Entry("clv.compare", a_holdout, compare, 300_000),
    Entry("clv.calibration", a_checked_model, calibration, 300_000),
    Entry(
        "BetaDiscreteWeibull",
        contracts,
        lambda d, t: tn.clv.BetaDiscreteWeibull(n_threads=t).fit(d),
        50_000_000,
    ),
    Entry(
        "discounted_residual_lifetime",
        value_of_contracts,
        lambda given, t: (
            given[0].set_params(n_threads=t).discounted_residual_lifetime(given[1], interval=0.95)
        ),
        20_000,
    ),
    Entry(
        "simulate",
        lambda n: n,
        lambda n, t: tn.datasets.simulate(max(n // 10, 1), n_threads=t).orders,
        10_000_000,
    ),
]
