"""How far long work is: to whom it is told, how often, and that it never stands in the way."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from children import SANITIZED, interrupt
from clv_models import simulate

import tenure as tn
from tenure import _progress


@pytest.fixture(scope="module")
def base():
    return simulate(400, 5, 0.8, 6.0, 0.8, 2.4)


CALLS = {
    "posterior": lambda base, told: tn.clv.BGNBD().posterior(
        base, draws=300, warmup=300, random_state=1, n_threads=1, progress=told
    ),
    "by group": lambda base, told: tn.clv.BGNBD().posterior_by_group(
        base,
        np.arange(400) % 2,
        chains=1,
        draws=200,
        warmup=200,
        random_state=1,
        n_threads=1,
        progress=told,
    ),
    "bootstrap": lambda base, told: (
        tn.clv.BGNBD().fit(base).bootstrap(base, n=2000, random_state=1, n_threads=1, progress=told)
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore::tenure.ConvergenceWarning")
def test_shares_grow_from_0_to_1_and_change_no_bit(base, call):
    told = []
    CALLS[call](base, lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert told[-1] == (1.0, "done")
    assert "BGNBD" in told[0][1]
    # Told while the engine works, if that lasts.
    assert len(shares) > 2


def test_nothing_changes_with_progress(base):
    short = {"draws": 20, "warmup": 30, "chains": 2, "random_state": 1}
    with pytest.warns(tn.ConvergenceWarning):
        one = tn.clv.BGNBD().posterior(base, **short)
    with pytest.warns(tn.ConvergenceWarning):
        two = tn.clv.BGNBD().posterior(base, **short, progress=lambda share, what: None)
    assert np.array_equal(one.draws["r"], two.draws["r"])


def test_an_error_of_the_callable_ends_the_work(base):
    class EnoughError(Exception):
        pass

    def tell(share, what):
        if share > 0.0:
            raise EnoughError

    with pytest.raises(EnoughError):
        tn.clv.BGNBD().posterior(base, draws=100_000, random_state=1, progress=tell)


@pytest.mark.skipif(SANITIZED, reason="a sanitized build has another speed")
def test_ctrl_c_is_answered_while_progress_is_shown(base):
    def work():
        tn.clv.BGNBD().posterior(
            base, draws=100_000, chains=4, n_threads=2, progress=lambda share, what: None
        )

    ended = [interrupt(work, after=lambda: 1, delay=0.4) for _ in range(3)]
    assert [e.after for e in ended] == [1, 1, 1]
    assert sorted(e.latency for e in ended)[1] < 0.1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def show(monkeypatch, stream, rich=False):
    monkeypatch.setattr(sys, "stderr", stream)
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    with _progress.shown(True, "counting") as tell:
        for i in range(1, 40):
            tell(i / 40, "counting")
    return stream.getvalue()


def test_text_goes_to_standard_error_without_rich(monkeypatch):
    lines = show(monkeypatch, io.StringIO()).splitlines()
    # A file gets a line for each tenth.
    assert lines[0] == "counting:   0 %"
    assert lines[-1] == "done: 100 %"
    assert len(lines) == 11
    live = show(monkeypatch, Terminal())
    assert live.startswith("\rcounting:   0 %\r")
    assert live.endswith("done: 100 %\n")


def test_rich_draws_a_bar_where_someone_watches(monkeypatch):
    pytest.importorskip("rich")
    drawn = show(monkeypatch, Terminal(), rich=True)
    assert "counting" in drawn
    assert "100 %" in drawn
    assert show(monkeypatch, io.StringIO(), rich=True).count("\n") == 11


def test_nobody_is_told_by_default(capsys):
    for silent in (False, None):
        with _progress.shown(silent, "work") as tell:
            tell(0.5, "work")
            assert tell.steps(10, "work") is None
    assert capsys.readouterr() == ("", "")


def test_other_values_are_refused():
    for value in (1, "yes", 0.5):
        with pytest.raises(tn.InvalidInputError), _progress.shown(value, "work"):
            pass


def test_steps_never_tell_more_than_all():
    told = []
    steps = _progress.Tell(lambda share, what: told.append(share)).steps(10, "work")
    for done in (1, 10, 12):
        steps(done)
    assert told == [0.1, 1.0, 1.0]


def test_a_failure_is_not_reported_as_done():
    told = []
    with pytest.raises(RuntimeError), _progress.shown(lambda *step: told.append(step), "work"):
        raise RuntimeError
    assert told == [(0.0, "work")]
