"""Every hostile input ends as the tables declare: see hostile.py."""

from __future__ import annotations

import children
import hostile
import pytest

TABLE = [(module, about) for module in hostile.modules() for about in hostile.cases(module)]


@pytest.mark.parametrize(("module", "about"), TABLE, ids=[about for _, about in TABLE])
def test_ends_as_declared(module, about):
    ended = children.run_warm(hostile.execute, module, about)
    assert hostile.verdict(hostile.cases(module)[about], ended) == ""


def test_the_verdict_sees_what_is_wrong():
    """A table that accepts everything would be green too."""
    error = hostile.E("x", lambda: None, "row 3")
    fine = children.Ended("raised", error="InvalidInputError", bases=("InvalidInputError",))
    assert "should say 'row 3'" in hostile.verdict(error, fine)
    bare = children.Ended("raised", error="RuntimeError", bases=("RuntimeError",), message="row 3")
    assert "got RuntimeError" in hostile.verdict(error, bare)
    for how in ("returned", "crashed", "hung"):
        assert f"the call {how}" in hostile.verdict(error, children.Ended(how))

    okay = hostile.OK("x", lambda: None, lambda result: True)
    assert hostile.verdict(okay, children.Ended("returned", value=[])) == ""
    assert "NaN in rates" in hostile.verdict(okay, children.Ended("returned", value=["rates"]))
    warned = children.Ended("returned", value=[], warned=(("DataWarning", "odd"),))
    assert "no warning was declared" in hostile.verdict(okay, warned)
    assert "the call hung" in hostile.verdict(okay, children.Ended("hung"))

    warning = hostile.W("x", lambda: None, "odd")
    assert hostile.verdict(warning, warned) == ""
    other = children.Ended("returned", value=[], warned=(("UserWarning", "odd"),))
    assert "expected a TenureWarning" in hostile.verdict(warning, other)
    assert "expected a TenureWarning" in hostile.verdict(warning, children.Ended("returned"))


def test_a_nan_is_found_wherever_it_hides():
    import numpy as np

    nested = {"rates": [1.0, (np.array([1.0, np.nan]),)], "names": ["nan"], "n": 1}
    assert list(hostile.nan_fields(nested)) == ["rates"]
