"""The tree in words: its rules part everybody, and say what scikit-learn's tree does."""

from __future__ import annotations

import ast
import re
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tenure as tn
from tenure.segment import tree
from tenure.segment.tree import _shortest


def people(n, seed):
    random = np.random.default_rng(seed)
    spend = random.gamma(2.0, 40.0, n)
    shop = random.choice(np.array(["web", "high street", 'it\'s "late"'], dtype=object), n)
    is_big = (spend > 90) ^ (random.random(n) < 0.1)
    label = np.where(is_big, "big", np.where(shop == "web", "small web", "small shop"))
    table = pd.DataFrame({"spend": spend, "the shop": shop, "vip": random.random(n) < 0.3})
    table.loc[random.random(n) < 0.1, "spend"] = np.nan
    table.loc[random.random(n) < 0.05, "the shop"] = None
    table["vip"] = table["vip"].astype("boolean").mask(pd.Series(random.random(n) < 0.1))
    return table, label


@pytest.mark.parametrize("seed", range(4))
def test_each_customer_meets_one_rule(seed):
    table, label = people(500, seed)
    found = tree(table, label, max_depth=4, min_customers=5, random_state=seed)
    met = np.array(
        [
            tn.segment.rules([("in", r)], otherwise="out").assign(table).segment == "in"
            for r in found.rule
        ]
    )
    assert (met.sum(axis=0) == 1).all()
    for rule in found.rule:
        ast.parse(rule, mode="eval")
    assert found.rules().assign(table).segment_names == tuple(dict.fromkeys(found.segment))


def test_the_words_are_measured_on_customers_that_were_not_seen():
    table, label = people(2_000, 11)
    found = tree(table, label, holdout=0.4)
    assert found.n_measured == sum(round(0.4 * (label == s).sum()) for s in set(label))
    assert found.customers.sum() == found.n_measured
    assert_allclose(found.accuracy, (found.precision * found.customers).sum() / found.n_measured)
    for name in set(found.segment):
        mine = np.array(found.segment) == name
        assert found.coverage[mine].sum() <= 1 + 1e-12
    assert found.accuracy_lower < found.accuracy < found.accuracy_upper
    assert found.accuracy > 0.8 > found.largest_share
    borders = [float(x) for rule in found.rule for x in re.findall(r"spend <= ([\d.]+)", rule)]
    assert any(85 < border < 95 for border in borders)  # 90 was built in


def test_the_words_do_what_the_tree_of_scikit_learn_does():
    """Integers: float32 and rounding of borders lose nothing, so that leaves are the same."""
    from sklearn.tree import DecisionTreeClassifier

    random = np.random.default_rng(2)
    table = {"a": random.integers(0, 50, 600), "b": random.integers(0, 50, 600)}
    label = (table["a"] * 2 + table["b"] + random.integers(0, 20, 600)) // 40
    found = tree(table, label, max_depth=3)
    said = found.rules().assign(table).segment
    # Of each segment 30 % are held out; their rows are those that the measured counts leave.
    X = np.stack([table["a"], table["b"]], axis=1)
    settings_ = {"max_depth": 3, "min_samples_leaf": 20, "class_weight": "balanced"}
    grown = grown_rows(label, 0.3)
    peer = DecisionTreeClassifier(**settings_, random_state=0).fit(X[grown], label[grown])
    assert_array_equal(said[grown].astype(int), peer.predict(X[grown]))


def grown_rows(label, share):
    random = np.random.default_rng(0)
    order = random.permutation(len(label))
    return np.sort(
        np.concatenate(
            [
                (mine := [i for i in order if label[i] == s])[round(share * len(mine)) :]
                for s in np.unique(label)
            ]
        )
    )


@given(st.floats(-1e6, 1e6), st.floats(0, 1e3))
def test_borders_are_short_and_part_their_neighbours(low, gap):
    high = low + gap
    if not low < high:
        return
    cut = _shortest(low, high)
    assert low <= cut < high
    if gap > 1 and abs(low) > 1:
        assert len(f"{cut:.17g}".lstrip("-")) <= 8


def test_limits_of_the_precision_cover():
    """Twenty trees, each rule judged on 20,000 others: 95 % less four standard errors."""
    far, far_label = people(20_000, 99)
    held = []
    for seed in range(20):
        table, label = people(400, seed)
        found = tree(table, label, max_depth=2, random_state=seed)
        given_rules = found.rules()
        part = given_rules.assign(far)
        for k, rule in enumerate(found.rule):
            name = found.segment[k]
            mine = tn.segment.rules([("in", rule)], otherwise="out").assign(far).segment == "in"
            truth = (far_label[mine] == name).mean()
            if found.customers[k]:
                held.append(found.precision_lower[k] <= truth <= found.precision_upper[k])
        assert len(part) == 20_000
    assert np.mean(held) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / len(held))


def test_one_seed_gives_one_tree():
    table, label = people(300, 5)
    assert repr(tree(table, label)) == repr(tree(table, label))
    assert "rules name the segment of" in repr(tree(table, label))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["a"] * 40}, "two segments with customers"),
        ({"holdout": 0.001}, "too few to grow on or to measure"),
        ({"holdout": 1.0}, "holdout must be"),
        ({"max_depth": 0}, "max_depth must be >= 1"),
        ({"min_customers": 0}, "min_customers"),
        ({"columns": []}, "must name one"),
        ({"columns": ["id"], "max_levels": 5}, "'id' holds 40 different texts"),
        ({"rare": "x"}, "rare must be"),
    ],
)
def test_settings_are_checked(change, says):
    table = {"x": range(40), "id": [f"c{i}" for i in range(40)]}
    call = {"labels": ["a", "b"] * 20, "columns": ["x"], **change}
    with pytest.raises(tn.InvalidInputError, match=says):
        tree(table, **call)


def test_a_column_of_nothing_leaves_one_rule():
    found = tree({"x": np.full(100, np.nan), "y": np.ones(100)}, ["a", "b"] * 50)
    assert found.rule == ("True",)
    assert found.without_rule in {("a",), ("b",)}
    assert found.coverage.tolist() == [1.0]


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)
    with pytest.raises(tn.MissingExtraError, match="pip install 'scikit-learn'"):
        tree({"x": range(40)}, ["a", "b"] * 20)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    table = {"x": np.arange(40.0)}
    with pytest.raises(tn.MissingExtraError, match="without an own classifier"):
        tn.segment.look_alike(table, table)
