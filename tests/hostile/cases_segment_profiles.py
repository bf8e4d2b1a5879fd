"""Rules that are no rules, segments of nobody, columns of nothing, seeds of no size."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import cases_model_file as files
import numpy as np
import pandas as pd
from hostile import OK, Case, E

from tenure.segment import (
    look_alike,
    profile,
    rules,
    segment_map,
    tree,
    value_deciles,
)

RNG = np.random.default_rng(5)
TABLE = {
    "spend": RNG.gamma(2.0, 30.0, 200),
    "shop": ["web", "street"] * 100,
    "vip": RNG.random(200) < 0.3,
}
LABELS = ["a"] * 80 + ["b"] * 120
FEW = {"spend": [1.0, 2.0], "shop": ["web", None], "vip": [True, False]}


def profiled(labels: Any = LABELS, table: Any = TABLE, **more: Any) -> Any:
    return profile(table, labels, **more)


def assigned(rule: str, table: Any = TABLE) -> Any:
    return rules({"in": rule}, otherwise="out").assign(table)


def refused(about: str, rule: str, says: str) -> Case:
    return E(f"rules: {about}", lambda: assigned(rule), says)


def card(**change: Any) -> Any:
    arrays = [np.array([1.0, 2.0]), np.array([1.0, 4.0]), np.zeros((3, 3), "<i4")]
    arrays = [np.asarray(change.pop(name, a)) for name, a in zip("dog", arrays, strict=True)]
    specs = [{"dtype": a.dtype.str, "shape": list(a.shape)} for a in (*arrays, np.empty(0))]
    state = {
        "days_cuts": {"$array": 0},
        "orders_cuts": {"$array": 1},
        "monetary_cuts": {"$array": 3},
        "bins": 3,
        "monetary_is": None,
        "collapse": "day",
        "segment_names": {"$tuple": ["all"]},
        "grid_codes": {"$array": 2},
        "customers": 5,
        "at": "",
        **change,
    }
    root = {"$object": "segment.RFMScorecard", "state": state}
    body = b"".join(a.tobytes() + b"\0" * (-len(a.tobytes()) % 8) for a in arrays)
    return files.load(files.sealed({"root": root, "arrays": specs}, body))


def impossible(about: str, **change: Any) -> Case:
    return E(f"RFMScorecard.load: {about}", lambda: card(**change), "", "ModelFileError")


def stored_rules(**change: Any) -> Any:
    pair = {"$tuple": ["a", "vip"]}
    state = {"rules": {"$tuple": [pair]}, "otherwise": "rest", "is_ordered": False, **change}
    return files.load(
        files.sealed({"root": {"$object": "segment.Rules", "state": state}, "arrays": []})
    )


def no_rules(about: str, **change: Any) -> Case:
    return E(f"Rules.load: {about}", lambda: stored_rules(**change), "", "ModelFileError")


CASES = [
    OK("Rules.load: the frame of the cases below", stored_rules, lambda r: r.otherwise == "rest"),
    no_rules("98 a rule of code", rules={"$tuple": [{"$tuple": ["a", "exit()"]}]}),
    no_rules("98 a rule of one part", rules={"$tuple": [{"$tuple": ["a"]}]}),
    no_rules("98 no rules", rules={"$tuple": []}),
    no_rules("98 rules in words", rules="vip"),
    no_rules("98 the rest is a number", otherwise=3),
    no_rules("98 ordered maybe", is_ordered="yes"),
    # --- rules
    refused("code", "__import__('os').getcwd() == 'x'", "columns, numbers"),
    refused("an attribute", "spend.__class__ == 3", "columns, numbers"),
    refused("a power that never ends", "spend ** 9 ** 9 ** 9 > 0", "columns, numbers"),
    refused("a mountain of brackets", "(" * 9_000 + "vip" + ")" * 9_000, "must be an expression"),
    refused("a mountain of nots", "not " * 5_000 + "vip", ""),
    refused("a novel", "vip or " * 100_000 + "vip", "longer than 20,000 letters"),
    refused("a null byte", "vip\0", "must be an expression"),
    refused("an unknown column", "nothing > 3", "not a column"),
    refused("a text for a number", "spend > 'many'", "for a number"),
    E("rules: nobody's rule", lambda: rules({"a": "vip"}).assign(TABLE), "meet no rule"),
    E(
        "rules: two rules at once",
        lambda: rules({"a": "vip", "b": "True"}).assign(TABLE),
        "rules of two segments",
    ),
    E("rules: no rules", lambda: rules({}), "number of rules"),
    E("rules: no table", lambda: assigned("vip", None), "must be a data frame"),
    E(
        "rules: 89 infinity",
        lambda: assigned("x > 1", {"x": [1.0, math.inf]}),
        "[1] must be finite",
    ),
    OK("rules: 91 one row", lambda: assigned("x > 1", {"x": [2.0]}), lambda r: len(r) == 1),
    OK(
        "rules: no rows",
        lambda: assigned("spend > 1", {"spend": np.empty(0)}),
        lambda r: len(r) == 0,
    ),
    OK("rules: division by 0", lambda: assigned("spend / 0 > 1"), lambda r: len(r) == 200),
    OK(
        "rules: a thousand borders",
        lambda: rules({f"s{i}": f"{i} <= x < {i + 1}" for i in range(250)}).check(),
        lambda r: r.exclusive and not r.exhaustive,
    ),
    # --- deciles
    E("value_deciles: nobody", lambda: value_deciles([]), "cannot make 10 groups"),
    E("value_deciles: 89 NaN", lambda: value_deciles([1.0, math.nan], groups=2), "values[1]"),
    E("value_deciles: one group", lambda: value_deciles([1.0, 2.0], groups=1), "groups"),
    OK(
        "value_deciles: all alike",
        lambda: value_deciles([3.0] * 20),
        lambda d: bool((d.mean_lower == 3.0).all() and (abs(d.share - 0.1) < 1e-12).all()),
    ),
    OK(
        "value_deciles: the largest numbers",
        lambda: value_deciles([1.7e308, 1.0e308, 1.0, -1.7e308], groups=2),
        lambda d: bool(np.isfinite(d.mean).all()),
    ),
    OK(
        "value_deciles: nothing at all",
        lambda: value_deciles([0.0] * 20),
        lambda d: bool((d.mean == 0).all()),
        nan=("share", "share_lower", "share_upper", "cumulative_share"),
    ),
    # --- scorecards
    OK("RFMScorecard.load: the frame of the cases below", card, lambda c: c.bins == 3),
    impossible("98 cut points that fall", d=np.array([2.0, 1.0])),
    impossible("98 a cut point NaN", o=np.array([1.0, math.nan])),
    impossible("98 too few cut points", d=np.array([1.0])),
    impossible("98 a segment of no name", g=np.full((3, 3), 7, "<i4")),
    impossible("98 a grid of another size", g=np.zeros((2, 2), "<i4")),
    impossible("98 no bins", bins=0),
    impossible("98 names that are none", segment_names={"$tuple": [3]}),
    # --- profiles
    E("profile: one segment", lambda: profiled(["a"] * 200), "two segments with customers"),
    E("profile: no rows", lambda: profiled([], {"x": np.empty(0)}), "labels"),
    E("profile: another length", lambda: profiled(["a", "b"]), "one for each"),
    E("profile: a missing label", lambda: profiled(["a", None] * 100), "labels[1]"),
    E("profile: ids for labels", lambda: profiled(np.arange(5000), {"x": range(5000)}), "ids"),
    E(
        "profile: text with 10^5 levels",
        lambda: profiled(np.arange(100_000) % 2, {"id": [f"c{i}" for i in range(100_000)]}),
        "max_levels",
    ),
    E("profile: dates", lambda: profiled([0, 1], {"d": [dt.date(2024, 1, 1)] * 2}), "holds dates"),
    E("profile: 89 infinity", lambda: profiled([0, 1], {"x": [1.0, -math.inf]}), "[1] must be"),
    OK(
        "profile: a column of NaN and a constant one",
        lambda: profiled(LABELS, {"x": np.full(200, np.nan), "y": np.ones(200)}),
        lambda p: p.constant == ("x", "y") and p.n_tests == 0 and "like the others" in repr(p),
    ),
    OK(
        "profile: one customer in a segment",
        lambda: profiled(["a"] + ["b"] * 199, {"shop": TABLE["shop"]}),
        lambda p: p.customers.tolist() == [1, 199],
    ),
    OK(
        "profile: 1e300 and more",
        lambda: profiled(table={"spend": TABLE["spend"] * 1e300}),
        lambda p: bool(np.isfinite(p.numbers.smd).all()),
    ),
    OK(
        "profile: numbers of Python and of pandas that are missing",
        lambda: profiled([0, 0, 1, 1], pd.DataFrame({"x": [1, None, pd.NA, 4]}, dtype="Int64")),
        lambda p: p.numbers.missing.tolist() == [1, 1],
        nan=("z_lower", "z_upper", "smd", "lower", "upper", "p_value", "p_adjusted"),
    ),
    # --- the map and the tree
    E("segment_map: one column", lambda: segment_map({"x": [1.0, 2.0]}, [0, 1]), "two columns"),
    E(
        "segment_map: constant columns",
        lambda: segment_map({"x": [1.0, 1.0], "y": [None, None]}, [0, 1]),
        "two columns",
    ),
    OK(
        "segment_map: columns that say the same",
        lambda: segment_map({"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}, [0, 1, 1]),
        lambda m: abs(m.explained[0] - 1.0) < 1e-9,
    ),
    E("tree: one segment", lambda: tree(TABLE, ["a"] * 200), "two segments with customers"),
    E("tree: two customers", lambda: tree(FEW, ["a", "b"]), "too few to grow on"),
    OK(
        "tree: names that need care",
        lambda: tree({"a b'c": range(200)}, LABELS),
        lambda t: len(t) > 0,
    ),
    # --- look-alikes
    E(
        "look_alike: no seed",
        lambda: look_alike({"x": np.empty(0)}, {"x": [1.0] * 9}),
        "seed has 0",
    ),
    E(
        "look_alike: no pool",
        lambda: look_alike({"x": [1.0] * 9}, {"x": np.empty(0)}),
        "pool has 0",
    ),
    E("look_alike: another column", lambda: look_alike(TABLE, {"x": [1.0] * 9}), "of pool"),
    E(
        "look_alike: nothing tells them apart",
        lambda: look_alike({"x": [1.0] * 9}, {"x": [1.0] * 9}),
        "alike in every column",
    ),
    E("look_alike: no classifier", lambda: look_alike(TABLE, TABLE, classifier=3), "must have fit"),
    OK(
        "look_alike: seed and pool are the same people",
        lambda: look_alike(TABLE, TABLE, top=[0.5]),
        lambda r: 0.5 < r.lift.lift[0] < 1.5,
    ),
    OK(
        "look_alike: a column of NaN",
        lambda: look_alike({**TABLE, "z": [None] * 200}, {**TABLE, "z": [None] * 200}),
        lambda r: r.constant == ("z",),
    ),
]
