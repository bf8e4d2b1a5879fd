"""Planted leaks are found, each by its rule, and honest tables are not accused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import tenure as tn

DATES = ["1997-09-30", "1997-12-31"]


@pytest.fixture(scope="module")
def log():
    cdnow = tn.datasets.load_cdnow(sample=True)
    return tn.EventLog(cdnow, customer="customer_id", time="date", amount="amount")


def made(log, features=None):
    return tn.churn.make_dataset(log, DATES, "90d", windows=["90d"], features=features)


@pytest.fixture(scope="module")
def data(log):
    return made(log)


def with_column(data, values):
    return dataclasses.replace(data, columns={**data.columns, "own": np.asarray(values)})


def only(report):
    assert report.suspects == ("own",)
    return set(report.rule)


def test_features_of_the_log_are_clean(log, data):
    report = tn.churn.leakage_report(data, log, made)
    assert report.clean
    assert len(report.rules) == 5
    assert "No leak found in 16 columns" in repr(report)


@pytest.mark.parametrize("turn", [1.0, -1.0])
def test_a_duplicate_of_the_label(data, turn):
    found = tn.churn.leakage_report(with_column(data, turn * data.churned))
    assert only(found) == {"duplicate of the label"}


def test_the_label_with_noise_is_too_good(data):
    rng = np.random.default_rng(0)
    noisy = data.churned + 0.3 * rng.normal(size=len(data))
    assert only(tn.churn.leakage_report(with_column(data, noisy))) == {"implausibly good"}
    lost = np.where(rng.random(len(data)) < 0.1, ~data.churned, data.churned)
    assert tn.churn.leakage_report(with_column(data, lost * 1.0)).clean


def test_a_reason_to_leave_is_known_of_leavers_only(data):
    values = np.where(data.churned, 1.0 + np.arange(len(data)) % 3, np.nan)
    assert only(tn.churn.leakage_report(with_column(data, values))) == {"known of one class only"}
    few = np.full(len(data), np.nan)
    few[np.flatnonzero(data.churned)[:10]] = 3.0  # ten by luck, where 84 % churn
    assert tn.churn.leakage_report(with_column(data, few)).clean


@pytest.mark.parametrize("unit", ["s", "ms", "us", "instant"])
def test_instants_after_the_cutoff(data, unit):
    before = data.at - np.timedelta64(40, "D")
    late = before.copy()
    late[17] = data.at[17] + np.timedelta64(1, "D")

    def told(at):
        return at if unit == "instant" else at.astype(f"M8[{unit}]").astype(float)

    found = tn.churn.leakage_report(with_column(data, told(late)))
    assert only(found) == {"later than the cutoff"}
    assert found.rows.tolist() == [1]
    assert "row 17" in found.evidence[0]
    assert tn.churn.leakage_report(with_column(data, told(before))).clean


def test_days_since_what_lies_ahead(data):
    values = np.full(len(data), 3.0)
    values[5] = -2.0
    columns = {**data.columns, "days_since_call": values}
    found = tn.churn.leakage_report(dataclasses.replace(data, columns=columns))
    assert found.suspects == ("days_since_call",)
    assert found.rule == ("later than the cutoff",)


def test_features_that_read_the_whole_log_change_with_its_future(log):
    def remake(one):
        """The feature is made from `one` as a whole, and not from the history of the cutoff."""
        whole = one.summary(unit="day").to_pandas()

        def orders_of_all_time(history, cutoff):
            return pd.DataFrame({"customer": whole.customer, "own": whole.frequency})

        return made(one, orders_of_all_time)

    report = tn.churn.leakage_report(remake(log), log, remake)
    assert "changed by the future" in only(report)
    k = report.rule.index("changed by the future")
    assert "once the events from the cutoff on are left out" in report.evidence[k]


def test_columns_that_are_not_made_again_are_told(log, data):
    own = with_column(data, np.arange(len(data)) % 7.0)
    report = tn.churn.leakage_report(own, log, made)
    assert report.suspects == ("own",)
    assert "not made again" in report.evidence[0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda log, data: tn.churn.leakage_report(log), "must be a ChurnDataset"),
        (lambda log, data: tn.churn.leakage_report(data, log), "come together"),
        (lambda log, data: tn.churn.leakage_report(data, None, made), "come together"),
        (lambda log, data: tn.churn.leakage_report(data, log, lambda one: 3), "remake must return"),
        (lambda log, data: tn.churn.leakage_report(data, max_auc=0.2), "max_auc must be"),
    ],
)
def test_bad_input_is_named(log, data, call, said):
    with pytest.raises(tn.InvalidInputError, match=said):
        call(log, data)
