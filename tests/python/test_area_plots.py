"""Pictures of survival, retention and stages show the numbers of their results."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tenure as tn

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def ax():
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


@pytest.fixture
def log():
    frame = pd.DataFrame({"customer": [1, 1, 2, 2, 3, 3], "amount": [1.0, 2, 3, 4, 5, 6]})
    frame["time"] = [dt.date(2024, m, 15) for m in (1, 2, 1, 3, 3, 4)]
    return tn.EventLog(
        frame, customer="customer", time="time", amount="amount", observed_until="2024-04-30"
    )


def test_survival_curve_steps_through_its_table(ax):
    km = tn.churn.KaplanMeier().fit([1, 2, 2, 3], [1, 1, 0, 0])
    assert km.plot(ax, label="all") is ax
    x, y = ax.lines[0].get_data()
    assert x.tolist() == [0, 1, 2, 3]
    assert y.tolist() == [1, 0.75, 0.5, 0.5]
    assert len(ax.collections) == 1  # the band


def test_triangle_greys_only_what_is_not_observed(ax, log):
    from matplotlib.colors import to_rgba

    from tenure import plotting

    r = tn.cohort.retention(log)
    assert r.sizes.tolist() == [2, 0, 1]
    assert r.plot(ax) is ax
    grey = [p.get_facecolor() == to_rgba(plotting.UNOBSERVED) for p in ax.patches]
    assert grey == np.isnan(r.counts).ravel().tolist()
    written = [t.get_text() for t in ax.texts]
    assert written == [f"{100 * v:.0f}" for v in r.rates[~np.isnan(r.rates)]]


def test_curves_show_each_cohort_and_the_mean_from_age_one(ax, log):
    r = tn.cohort.retention(log)
    r.plot(ax, kind="curves")
    assert len(ax.lines) == len(r.cohorts) + 1
    assert_allclose(ax.lines[-1].get_ydata(), r.mean.rate[1:])
    with pytest.raises(tn.InvalidInputError):
        r.plot(ax, kind="pie")


def test_bars_show_the_shares_of_stages(ax, log):
    table = tn.lifecycle.Stages(min_repeaters=2).assign(log)
    table.plot(ax)
    sizes = table.sizes()
    shown = sizes.customers > 0
    widths = [bar.get_width() for bar in ax.patches]
    assert_allclose(widths, np.concatenate([sizes.share[shown], sizes.value_share[shown]]))


def test_an_axes_is_made_where_none_is_given(log):
    from matplotlib import pyplot

    for draw in (
        tn.cohort.retention(log).plot,
        tn.lifecycle.Stages().assign(log).plot,
        tn.churn.KaplanMeier().fit([1, 2], [1, 0]).plot,
    ):
        axes = draw()
        assert axes.figure is not None
        pyplot.close(axes.figure)
