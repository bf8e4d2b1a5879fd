"""From the CDNOW orders in memory to a table of customer lifetime values."""

from __future__ import annotations

import warnings

import numpy as np

from workloads import Data, Run, Workload

WEEKS = 52
RATE = 0.001  # a week


def cdnow(sample: bool) -> Data:
    """The master data set of 23,570 customers, or the papers' sample of a tenth."""
    from tenure.datasets import load_cdnow

    table = load_cdnow(sample=sample)
    return {
        "customer_id": table["customer_id"].to_numpy(),
        "date": table["date"].to_numpy().astype("datetime64[D]").astype(np.int64),
        "amount": table["amount"].to_numpy(),
    }


work = Workload(
    "cdnow_to_clv",
    "CDNOW master (69,659 rows in a pandas frame) to the 52-week value of 23,570 customers",
    cdnow,
    full={"sample": False},
    smoke={"sample": True},
    agree={"customers": 0, "r": 1e-3, "alpha": 1e-3, "p": 5e-3, "purchases": 1e-3, "clv": 5e-3},
    data="cdnow",
)


def pandas_frame(data: Data):
    import pandas as pd

    dates = data["date"].astype("datetime64[D]").astype("datetime64[ns]")
    return pd.DataFrame(
        {"customer_id": data["customer_id"], "date": dates, "amount": data["amount"]}
    )


@work.ours("tenure")
def _(data: Data, threads: int) -> Run:
    import tenure as tn

    frame = pandas_frame(data)

    def run() -> dict[str, float]:
        log = tn.EventLog(frame, customer="customer_id", time="date", amount="amount")
        base = log.summary(unit="week")
        model = tn.clv.CLV(tn.clv.BGNBD(), tn.clv.GammaGamma()).fit(base)
        table = model.predict(
            base, horizon=WEEKS, discount_rate=RATE, discount_period="week", margin=1.0
        )
        return {
            "customers": float(len(table.clv)),
            "r": float(model.transactions_.params_["r"]),
            "alpha": float(model.transactions_.params_["alpha"]),
            "p": float(model.spend_.params_["p"]),
            "purchases": float(table.expected_purchases.sum()),
            "clv": float(table.clv.sum()),
        }

    return run


def clvkit(check: bool, summary_by_polars: bool):
    def prepare(data: Data, threads: int) -> Run:
        from clvkit import CLV, CustomerBase

        frame = pandas_frame(data)

        def base():
            if summary_by_polars:
                return clvkit_base(frame)
            return CustomerBase.from_transactions(frame, time_unit="W", collapse="D")

        def run() -> dict[str, float]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = CLV(check_independence=check).fit(base())
                table = model.predict(horizon=WEEKS, discount_rate=RATE).to_pandas()
            return {
                "customers": float(len(table)),
                "r": float(model.transaction_model.params_["r"]),
                "alpha": float(model.transaction_model.params_["alpha"]),
                "p": float(model.monetary_model.params_["p"]),
                "purchases": float(table["expected_purchases"].sum()),
                "clv": float(table["clv"].sum()),
            }

        return run

    return prepare


def clvkit_base(frame):
    """Its summary, computed by the fastest means that its users have."""
    import pandas as pd
    import polars as pl
    from clvkit import CustomerBase

    rows = pl.from_pandas(frame).with_columns(pl.col("date").dt.date().alias("day"))
    orders = rows.group_by("customer_id", "day").agg(pl.col("amount").sum())
    end = orders["day"].max()
    first = pl.col("day").min()
    repeat = pl.col("amount").filter((pl.col("day") > first) & (pl.col("amount") > 0))
    summary = orders.group_by("customer_id").agg(
        (pl.len() - 1).cast(pl.Int64).alias("frequency"),
        ((pl.col("day").max() - first).dt.total_days() / 7).alias("recency"),
        ((pl.lit(end) - first).dt.total_days() / 7).alias("T"),
        repeat.mean().fill_null(0.0).alias("monetary_value"),
    )
    summary = summary.sort("customer_id")
    return CustomerBase(
        pd.DataFrame({name: summary[name].to_numpy() for name in summary.columns}).set_index(
            "customer_id"
        ),
        time_unit="W",
        collapse="D",
        observation_period_end=pd.Timestamp(end),
        has_monetary=True,
        on_negative="net",
    )


work.peer("clvkit")(clvkit(check=True, summary_by_polars=False))
work.peer("clvkit without its check", "clvkit")(clvkit(check=False, summary_by_polars=False))
work.peer("clvkit, summary by polars", "clvkit", "polars")(
    clvkit(check=False, summary_by_polars=True)
)


@work.peer("lifetimes", "Lifetimes")
def _(data: Data, threads: int) -> Run:
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    frame = pandas_frame(data)

    def run() -> dict[str, float]:
        base = summary_data_from_transaction_data(
            frame, "customer_id", "date", monetary_value_col="amount", freq="D"
        )
        frequency, recency, age = base["frequency"], base["recency"] / 7, base["T"] / 7
        purchases = BetaGeoFitter().fit(frequency, recency, age)
        paying = base[(base["frequency"] > 0) & (base["monetary_value"] > 0)]
        spend = GammaGammaFitter().fit(paying["frequency"], paying["monetary_value"])
        more = purchases.conditional_expected_number_of_purchases_up_to_time(
            WEEKS, frequency, recency, age
        )
        # Its own value function steps in months of 30 days; the sum below is the weekly one.
        steps = [
            np.asarray(
                purchases.conditional_expected_number_of_purchases_up_to_time(
                    week, frequency, recency, age
                )
            )
            for week in range(WEEKS + 1)
        ]
        discounted = sum((steps[w] - steps[w - 1]) / (1.0 + RATE) ** w for w in range(1, WEEKS + 1))
        value = spend.conditional_expected_average_profit(frequency, base["monetary_value"])
        return {
            "customers": float(len(base)),
            "r": float(purchases.params_["r"]),
            "alpha": float(purchases.params_["alpha"]),
            "p": float(spend.params_["p"]),
            "purchases": float(np.sum(more)),
            "clv": float(np.sum(discounted * np.asarray(value))),
        }

    return run
