"""Texts of numbers, the shared look, and that the caller's matplotlib stays as it was."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FixedLocator  # noqa: E402

from tenure import plotting  # noqa: E402


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.123, "0.12"),
        (12.5, "12.5"),
        (999, "999"),
        (999.6, "1.00k"),
        (67591, "67.6k"),
        (999_499, "999k"),
        (999_500, "1.00M"),
        (1.2345e9, "1.23B"),
        (-1500.0, "-1.50k"),
        (math.nan, "-"),
        (math.inf, "-"),
    ],
)
def test_compact_numbers_have_three_figures(value, text):
    assert plotting.compact(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (0.0, "$", "$0.00"),
        (999.994, "$", "$999.99"),
        (999.996, "$", "$1,000"),
        (12_345.6, "EUR", "EUR 12,346"),
        (99_999.6, "", "100k"),
        (2_500_315.63, "$", "$2.50M"),
        (-3.5, "€", "-€3.50"),
        (math.nan, "$", "-"),
    ],
)
def test_money_says_the_currency_first(value, currency, text):
    assert plotting.money(value, currency) == text


def test_percent_has_the_digits_asked_for():
    assert plotting.percent(0.0987) == "9.9 %"
    assert plotting.percent(0.0987, 0) == "10 %"
    assert plotting.percent(math.nan) == "-"


def test_the_look_leaves_the_settings_of_the_caller_alone():
    before = dict(matplotlib.rcParams)
    with plotting.look():
        figure = plotting.figure()
        ax = plotting.axes(figure.subplots())
        plotting.curve([0, 1], [0.1, 0.2], ax=ax)
        assert matplotlib.rcParams["svg.fonttype"] == "none"
    ax = plotting.axes()
    matplotlib.pyplot.close(ax.figure)
    assert dict(matplotlib.rcParams) == before


def test_importing_tenure_does_not_import_matplotlib():
    code = "import sys, tenure, tenure.plotting; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_axes_draws_into_the_one_that_is_given():
    ax = Figure().subplots()
    assert plotting.axes(ax) is ax
    assert not ax.spines["top"].get_visible()
    assert plotting.curve([0, 1], [0, 1], ax=ax) is ax
    bars = plotting.bars(["a"], [1.0], ax=Figure().subplots())
    assert bars.get_yticklabels()[0].get_text() == "a"


def test_a_curve_leaves_a_gap_where_nothing_is_known_and_has_its_band():
    ax = Figure().subplots()
    plotting.curve([0, 1, 2], [0.3, np.nan, 0.1], [0.2, np.nan, 0], [0.4, np.nan, 0.2], ax=ax)
    (line,) = ax.lines
    np.testing.assert_array_equal(np.isnan(line.get_ydata()), [False, True, False])
    assert len(ax.collections) == 1


def test_the_triangle_writes_what_is_observed_and_greys_the_rest():
    ax = Figure().subplots()
    plotting.triangle([[0.5, 0.25], [0.125, np.nan]], ["a", "b"], ["1", "2"], ax=ax, digits=1)
    assert [t.get_text() for t in ax.texts] == ["50.0", "25.0", "12.5"]
    faces = [matplotlib.colors.to_hex(p.get_facecolor()) for p in ax.patches]
    assert faces == [plotting.ACCENT] * 3 + [plotting.UNOBSERVED]
    depth = [p.get_facecolor()[3] for p in ax.patches]
    assert depth[0] == 1.0
    assert depth[0] > depth[1] > depth[2]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first cohort is on top


def test_a_triangle_of_zeros_or_of_nothing_can_be_drawn():
    for rates in ([[0.0]], [[np.nan]]):
        ax = Figure().subplots()
        plotting.triangle(rates, ["a"], ["1"], ax=ax)
        assert len(ax.patches) == 1


def test_labels_with_dollars_are_no_formulas():
    figure = Figure()
    ax = figure.subplots()
    plotting.bars(["$a_1$", "$b$"], [1.0, 2.0], ax=ax, texts=["$1$", "$2$"])
    assert all(not t.get_parse_math() for t in [*ax.get_yticklabels(), *ax.texts])
    figure.canvas.draw()


@pytest.mark.parametrize(
    ("ticks", "texts"),
    [
        ([0.0, 0.05, 0.1], ["0 %", "5 %", "10 %"]),
        ([0.0, 0.025, 0.05], ["0.0 %", "2.5 %", "5.0 %"]),
        ([0.0, 0.0005, 0.001], ["0.00 %", "0.05 %", "0.10 %"]),
    ],
)
def test_percent_ticks_have_the_digits_that_tell_them_apart(ticks, texts):
    ax = Figure().subplots()
    plotting.percent_ticks(ax.yaxis)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    assert [ax.yaxis.get_major_formatter()(t, 0) for t in ticks] == texts


def test_number_ticks_are_short():
    ax = Figure().subplots()
    plotting.number_ticks(ax.yaxis, "$")
    label = ax.yaxis.get_major_formatter()
    assert [label(v, 0) for v in (0, 2500, 10_000, -1e6)] == ["$0", "$2.5k", "$10k", "−$1M"]


def test_shades_go_from_light_to_full():
    depth = [alpha for _, alpha in plotting.shades(4)]
    assert depth == sorted(depth)
    assert depth[-1] == 1.0
    assert plotting.shades(1) == [(plotting.ACCENT, 1.0)]


def test_curves_drawn_into_one_picture_have_colours_of_their_own():
    ax = plotting.axes(Figure().subplots())
    for _ in range(4):
        plotting.curve([0, 1], [0, 1], [0, 0.5], [0.5, 1.5], ax=plotting.axes(ax))
    lines = [line.get_color() for line in ax.lines]
    assert lines == [plotting.ACCENT, *plotting.PALETTE[1:4]]
    bands = [matplotlib.colors.to_hex(band.get_facecolor()[0]) for band in ax.collections]
    assert bands == lines
