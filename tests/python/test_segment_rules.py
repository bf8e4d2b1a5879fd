"""Rules: conditions by row in plain Python, and the check against every row there can be."""

from __future__ import annotations

import datetime as dt
import itertools
import operator
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tenure as tn
from tenure.segment import rules

PEOPLE = {
    "age": [19, 44, None, 61],
    "shop": ["web", "high street", "web", None],
    "spend": [10.0, 200.0, 3.5, float("nan")],
    "vip": [False, True, None, True],
    "joined": [dt.date(2024, 1, 5), dt.date(2023, 12, 31), None, dt.date(2024, 2, 1)],
}
OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def members(rule, table=PEOPLE):
    held = rules([("in", rule)], otherwise="out").assign(table)
    return [i for i, name in enumerate(held.segment) if name == "in"]


@pytest.mark.parametrize(
    ("rule", "who"),
    [
        ("age >= 44", [1, 3]),
        ("20 < age <= 44", [1]),
        ("age != 19", [1, 3]),  # whoever has no age is not unlike 19
        ("not age >= 44", [0, 2]),
        ("missing(age)", [2]),
        ("missing(shop) or missing(spend)", [3]),
        ("shop == 'web'", [0, 2]),
        ("'web' != shop", [1]),
        ("shop in ('web', 'phone')", [0, 2]),
        ("shop not in ['web']", [1]),
        ("shop == 'nowhere'", []),
        ("age in (19, 61)", [0, 3]),
        ("spend / age > 0.6", [1]),
        ("-age + 2 * 10 > 0", [0]),
        ("spend / 0 > 5", [0, 1, 2]),
        ("vip", [1, 3]),
        ("vip == 0", [0]),
        ("not vip and age < 50", [0]),
        ("joined >= '2024-01-01'", [0, 3]),
        ("'2024-01-05 00:00' < joined", [3]),
        ("column('age') < 20", [0]),
        ("True", [0, 1, 2, 3]),
        ("False", []),
        ("1 < 2", [0, 1, 2, 3]),
        ("'a' == 'b'", []),
    ],
)
def test_a_condition_holds_where_it_says(rule, who):
    assert members(rule) == who
    assert members(rule, pd.DataFrame(PEOPLE)) == who
    assert members(rule, pl.DataFrame(PEOPLE, strict=False)) == who


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("age >", "must be an expression"),
        ("", "must be an expression"),
        ("age = 3", "must be an expression"),
        ("__import__('os').system('true')", "columns, numbers"),
        ("age.real > 3", "columns, numbers"),
        ("(lambda: 1)()", "columns, numbers"),
        ("[a for a in age]", "columns, numbers"),
        ("age ** 99999999 > 1", "columns, numbers"),
        ("age + 3", "columns, numbers"),
        ("age is None", "compares by something else"),
        ("age in spend", "`in` as in"),
        ("missing(age > 3)", "no column"),
        ("age < 1" + "0" * 400, "too large"),
        ("(" * 90 + "age" + ")" * 90 + " < 1 or " + "not " * 90 + "vip", "nested too deeply"),
        (" or ".join(["age < 1"] * 900), "more than 2,000 parts"),
    ],
)
def test_what_is_no_condition_is_refused_when_it_is_given(rule, says):
    with pytest.raises(tn.InvalidInputError, match=re.escape(says)) as caught:
        rules([("everybody", "True"), ("some", rule)])
    assert (caught.value.argument, caught.value.row) == ("rules", 1)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("size > 3", "'size' is not a column of table, which has 'age', 'shop'"),
        ("shop > 'web'", "orders texts"),
        ("shop == 3", "compares texts with a number"),
        ("age == 'web'", "takes the text 'web' for a number"),
        ("shop + 1 > 3", "which holds texts, for numbers"),
        ("age", "uses 'age' as a flag"),
        ("joined > 'now'", "compares a date with 'now'"),
        ("joined > '2024-13-01'", "compares a date with"),
        ("joined > 3", "compares a date with something that is none"),
        ("joined - 3 > 3", "which holds dates, for numbers"),
    ],
)
def test_what_does_not_fit_the_table_is_refused(rule, says):
    with pytest.raises(tn.InvalidInputError, match=re.escape(says)):
        members(rule)


CONSTANTS = [-1, 0, 1, 2]
COMPARISONS = st.tuples(
    st.sampled_from("xy"), st.sampled_from(sorted(OPERATORS)), st.sampled_from(CONSTANTS)
)
TREES = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=5,
)
CELLS = st.one_of(st.none(), st.integers(-2, 3), st.sampled_from([0.5, -0.5, 1.5]))


def told(tree):
    match tree:
        case ("not", inner):
            return f"not ({told(inner)})"
        case (("and" | "or") as word, a, b):
            return f"({told(a)}) {word} ({told(b)})"
        case (name, op, constant):
            return f"{name} {op} {constant}"


def holds(tree, row):
    """The condition for one row, by plain Python."""
    match tree:
        case ("not", inner):
            return not holds(inner, row)
        case ("and", a, b):
            return holds(a, row) and holds(b, row)
        case ("or", a, b):
            return holds(a, row) or holds(b, row)
        case (name, op, constant):
            return row[name] is not None and OPERATORS[op](row[name], constant)


@given(TREES, st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_any_condition_is_that_of_plain_python(tree, cells):
    rows = [{"x": x, "y": y} for x, y in cells]
    table = {"x": [r["x"] for r in rows], "y": [r["y"] for r in rows]}
    table = {n: np.array([np.nan if v is None else v for v in c]) for n, c in table.items()}
    assert members(told(tree), table) == [i for i, r in enumerate(rows) if holds(tree, r)]


#: Every row that conditions with those constants can tell from another one.
EVERY = [None, *np.arange(-2.0, 3.5, 0.5).tolist()]


@given(st.lists(TREES, min_size=1, max_size=4))
def test_the_check_knows_what_every_row_does(trees):
    named = [(f"s{k}", told(tree)) for k, tree in enumerate(trees)]
    found = rules(named).check()
    rows = [{"x": x, "y": y} for x, y in itertools.product(EVERY, EVERY)]
    fires = [[holds(tree, r) for tree in trees] for r in rows]
    assert found.complete
    assert found.exhaustive == all(any(f) for f in fires)
    assert found.exclusive == all(sum(f) <= 1 for f in fires)
    first = {f.index(True) for f in fires if any(f)}
    assert found.unreachable == tuple(k for k in range(len(trees)) if k not in first)
    for case in (found.uncovered, found.overlap and found.overlap[2]):
        if case:  # what is shown is really such a case
            row = {"x": None, "y": None} | case
            held = [holds(tree, row) for tree in trees]
            assert sum(held) == 0 if case is found.uncovered else sum(held) >= 2


def test_the_check_sees_texts_dates_flags_and_whole_numbers():
    shops = rules({"web": "shop == 'web'", "other": "shop != 'web'"})
    assert shops.check().uncovered == {"shop": None}
    assert shops.check(missing=False).exhaustive
    dates = rules({"old": "day < '2024-01-01'", "new": "day > '2024-01-01'"})
    assert dates.check(missing=False).uncovered == {"day": "2024-01-01T00:00:00.000000"}
    flags = rules({"yes": "vip", "no": "not vip"})
    assert flags.check().exhaustive
    assert flags.check().exclusive
    counts = rules({"few": "n <= 2", "many": "n >= 3"})
    assert counts.check(missing=False).uncovered == {"n": 2.5}
    assert counts.check(missing=False, whole=["n"]).exhaustive
    assert not rules({"more": "a > b", "less": "a <= b"}).check().complete
    with pytest.raises(tn.InvalidInputError, match="with texts and with numbers"):
        rules({"a": "x == 'a'", "b": "x == 1"}).check()


def test_many_borders_are_sampled_and_said_to_be():
    found = rules({"all": " and ".join(f"x{i} < 1 and x{i} > 0" for i in range(12))}).check()
    assert (found.complete, found.n_cases) == (False, 200_000)
    assert not found.exhaustive


def test_a_row_of_nobody_and_a_row_of_two_are_named():
    with pytest.raises(tn.InvalidInputError, match=r"1 of 4 rows meet no rule.* row 2: age = None"):
        rules({"young": "age < 30", "old": "age >= 30"}).assign(PEOPLE)
    twice = {"adults": "age >= 18", "old": "age >= 60", "unknown": "missing(age)"}
    with pytest.raises(tn.InvalidInputError, match=r"two segments, 'adults' and 'old'.* row 3"):
        rules(twice).assign(PEOPLE)
    first = rules(list(twice.items())).assign(PEOPLE)
    assert first.segment.tolist() == ["adults", "adults", "unknown", "adults"]
    assert first.sizes().customers.tolist() == [3, 0, 1]
    assert first.to_arrow()["segment"].to_pylist() == first.segment.tolist()


def test_expressions_of_arrow_are_rules_too():
    given = {"web": pc.field("shop") == "web", "rest": "not shop == 'web'"}
    assert rules(given).assign(PEOPLE).segment.tolist() == ["web", "rest", "web", "rest"]
    with pytest.raises(tn.InvalidInputError, match="rules that are texts"):
        rules(given).check()
    with pytest.raises(tn.InvalidInputError, match="does not fit the table"):
        rules({"a": pc.field("nothing") == 1}).assign(PEOPLE)


def test_the_same_segment_may_have_several_rules():
    both = rules([("edge", "age < 20"), ("middle", "age < 60"), ("edge", "age >= 60")])
    found = both.assign({"age": [10, 30, 70]})
    assert found.segment.tolist() == ["edge", "middle", "edge"]
    assert found.rule == ("age < 20 or age >= 60", "age < 60")
    assert repr(both).splitlines()[0] == "3 rules, the first that holds:"


@pytest.mark.parametrize("otherwise", [None, "rest"])
def test_rules_are_saved_as_texts(otherwise, tmp_path):
    for given_rules in ({"a": "vip", "b": "not vip"}, [("a", "vip"), ("b", "True")]):
        made = rules(given_rules, otherwise=otherwise)
        made.save(tmp_path / "rules.tenure")
        for opened in (tn.load(tmp_path / "rules.tenure"), pickle.loads(pickle.dumps(made))):
            assert repr(opened) == repr(made)
            assert opened.assign(PEOPLE).segment.tolist() == made.assign(PEOPLE).segment.tolist()
    with pytest.raises(tn.InvalidInputError, match="cannot be saved"):
        rules({"a": pc.field("vip")}).save(tmp_path / "other.tenure")
    assert not (tmp_path / "other.tenure").exists()


@pytest.mark.parametrize(
    ("given_rules", "more", "says"),
    [
        ({}, {}, "number of rules"),
        ("age < 3", {}, "must be a mapping"),
        ({"": "True"}, {}, "must have a name"),
        ({"a": 3}, {}, "a text or a pyarrow expression"),
        ({"a": "True"}, {"otherwise": "a"}, "a further segment"),
        ({"a": "True"}, {"otherwise": ""}, "a further segment"),
        ([(f"s{i}", "True") for i in range(251)], {}, "250 rules"),
    ],
)
def test_settings_that_no_rules_have_are_refused(given_rules, more, says):
    with pytest.raises(tn.InvalidInputError, match=says):
        rules(given_rules, **more)


def test_columns_of_every_kind_are_read():
    table = pa.table(
        {
            "small": pa.array([1, 2], pa.int8()),
            "money": pa.array([1, 2], pa.int64()).cast(pa.decimal128(22, 2)),
            "group": pa.array(["a", None]).dictionary_encode(),
            "when": pa.array([dt.datetime(2024, 1, 1, 23, 30)] * 2, pa.timestamp("ns", "UTC")).cast(
                pa.timestamp("ns", "Asia/Tokyo")
            ),
            "nothing": pa.nulls(2),
        }
    )
    rule = "small < 2 and money == 1 and group == 'a' and when > '2024-01-02' and missing(nothing)"
    assert members(rule, table) == [0]
    with pytest.raises(tn.InvalidInputError, match=r"table\['x'\]\[1\] must be finite"):
        members("x > 1", {"x": [1.0, np.inf]})
    with pytest.raises(tn.InvalidInputError, match="must hold numbers, texts, flags or dates"):
        members("x > 1", {"x": [[1.0], [2.0]]})
    with pytest.raises(tn.InvalidInputError, match="columns of one length"):
        members("x > 1", {"x": [1.0], "y": [1, 2]})
    with pytest.raises(tn.InvalidInputError, match="two columns 'x'"):
        members("x > 1", pa.table([[1], [2]], names=["x", "x"]))
    assert members("True", {"x": []}) == []
