"""The look that every picture of the package shares, and the few shapes they are made of.

matplotlib is imported when a picture is drawn and its settings are never changed: the look holds
inside `look`, or is set on the one Axes that is drawn into.

Examples
--------
>>> from tenure import plotting
>>> plotting.percent(0.0987), plotting.money(1234567.0, "$"), plotting.compact(67591)
('9.9 %', '$1.23M', '67.6k')
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenure._extras import require

INK = "#1c2733"
MUTED = "#5b6874"
LINE = "#d3dae0"
ACCENT = "#0b64a0"
UNOBSERVED = "#e8ecef"
#: A second series beside the accent.
SOFT = "#a9c9de"

#: Okabe & Ito (2008): told apart under every common form of colour blindness.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#4d4d4d")

#: Text on cells of the full accent.
ON_ACCENT = "#fefefe"

_FAINTEST = 0.04
_SPINES = ("top", "right", "left")


# --- numbers as text ---------------------------------------------------------------------------


def compact(value: float) -> str:
    """Return a number in three figures with k, M or B; whole numbers below 1,000 as they are."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    scales = ((999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M"), (math.inf, 1e9, "B"))
    _, factor, suffix = next(scale for scale in scales if size < scale[0])
    scaled = value / factor
    if suffix == "" and float(value).is_integer():
        return f"{value:.0f}"
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    if digits == 2 and 0 < abs(scaled) < 0.995:
        return f"{scaled:.2g}"
    return f"{scaled:,.{digits}f}{suffix}"


def percent(value: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else "-"


def money(value: float, currency: str = "") -> str:
    """Return an amount: in cents, whole from 1,000 on, in three figures from 100,000 on."""
    if not math.isfinite(value):
        return "-"
    sign = "-" if value < 0 else ""
    size = abs(value)
    text = (
        f"{size:,.2f}" if size < 999.995 else f"{size:,.0f}" if size < 99_999.5 else compact(size)
    )
    space = " " if len(currency) > 1 else ""
    return f"{sign}{currency}{space}{text}"


# --- the look ----------------------------------------------------------------------------------


@contextlib.contextmanager
def look() -> Iterator[Any]:
    """Hold the look while pictures are drawn and saved; yields matplotlib."""
    matplotlib = require("matplotlib", "draw pictures")
    require("matplotlib.figure", "draw pictures")
    settings = {
        "font.family": ["DejaVu Sans"],
        "font.size": 9.5,
        "text.color": INK,
        "text.parse_math": False,  # a customer or a currency may be called "$"
        "axes.labelcolor": MUTED,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "legend.frameon": False,
        "legend.fontsize": 9,
        "svg.fonttype": "none",
        "svg.hashsalt": "tenure",
    }
    with matplotlib.rc_context(settings):
        yield matplotlib


def figure(figsize: tuple[float, float] = (7.2, 3.8)) -> Any:
    """Return a Figure that pyplot does not know, laid out so that no label is cut off."""
    return require("matplotlib.figure", "draw pictures").Figure(
        figsize=figsize, layout="constrained"
    )


def axes(ax: Any = None, figsize: tuple[float, float] = (7.2, 3.8)) -> Any:
    """Return `ax` in the shared look; without one, the Axes of a new pyplot figure.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Drawn into as it is; only its frame, ticks and grid are set.
    figsize : tuple of float
        Inches, for a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is None:
        pyplot = require("matplotlib.pyplot", "draw pictures")
        _, ax = pyplot.subplots(figsize=figsize, layout="constrained")
    for side in _SPINES:
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.spines["bottom"].set_linewidth(0.8)
    ax.tick_params(colors=MUTED, labelcolor=INK, length=3, width=0.8)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=True, axis="y", color=LINE, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.set_prop_cycle(color=list(PALETTE))
    return ax


def tint(share: float) -> tuple[str, float]:
    """Return a colour for a share of the highest value: the accent, more or less see-through.

    Opacity instead of a ramp of colours: it reads on a light and on a dark page.
    """
    return ACCENT, _FAINTEST + (1.0 - _FAINTEST) * min(max(share, 0.0), 1.0)


def shades(n: int) -> list[tuple[str, float]]:
    """Return n tints of the accent, light to full, for an ordered family of curves."""
    return [(ACCENT, float(v)) for v in np.linspace(0.35 if n > 1 else 1.0, 1.0, n)]


def percent_ticks(axis: Any, digits: int | None = None) -> None:
    """Label an axis of shares in per cent, with the digits that its ticks need."""
    ticker = require("matplotlib.ticker", "draw pictures")
    axis.set_major_locator(ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))

    def label(value: float, _: int) -> str:
        if digits is not None:
            return percent(value, digits)
        ticks = axis.get_majorticklocs()
        step = 100 * abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
        fine = 0 if step >= 0.999 and abs(step - round(step)) < 1e-6 else 1 if step > 0.09 else 2
        return percent(value, fine)

    axis.set_major_formatter(ticker.FuncFormatter(label))


def month_ticks(axis: Any, last: float) -> None:
    """Label an axis of months at whole quarters, half years or years."""
    ticker = require("matplotlib.ticker", "draw pictures")
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if last / s <= 10), 120)
    axis.set_major_locator(ticker.MultipleLocator(step))


def date_ticks(axis: Any) -> None:
    """Label an axis of dates with as few words as tell them apart."""
    dates = require("matplotlib.dates", "draw pictures")
    locator = dates.AutoDateLocator(minticks=3, maxticks=7)
    axis.set_major_locator(locator)
    axis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))


def period_ticks(ax: Any, first_days: npt.NDArray[np.datetime64], period: str) -> None:
    """Name periods drawn at 0, 1, 2, ...: as many of them as the width of the picture holds."""
    names = [_period_name(day, period) for day in first_days]
    most = max(1, int(width_of(ax) / (0.35 + 0.08 * max(map(len, names), default=1))))
    step = max(1, -(-len(names) // most))
    ax.set_xticks(range(0, len(names), step), labels=names[::step])


def width_of(ax: Any) -> float:
    """Return how wide a picture is, in inches."""
    return float(ax.get_window_extent().width / ax.figure.dpi)


def legend_above(ax: Any, per_row: int) -> None:
    """Put the legend above the picture, in shorter rows where that is narrow."""
    wide = width_of(ax) >= 1.3 * per_row
    ax.legend(
        ncols=per_row if wide else max(1, int(width_of(ax) / 1.3)),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
    )


def _period_name(first_day: np.datetime64, period: str) -> str:
    year, month = str(first_day)[:4], str(first_day)[5:7]
    if period == "year":
        return year
    if period == "quarter":
        return f"{year} Q{(int(month) + 2) // 3}"
    return f"{year}-{month}" if period == "month" else str(first_day)


def number_ticks(axis: Any, currency: str = "", *, whole: bool = False) -> None:
    """Label an axis of counts or amounts as 5k, 1.2M."""
    ticker = require("matplotlib.ticker", "draw pictures")
    axis.set_major_locator(
        ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=2)
    )

    def label(value: float, _: int) -> str:
        text = compact(abs(value))
        if "." in text:
            head, tail = text.rstrip("kMB"), text[len(text.rstrip("kMB")) :]
            text = head.rstrip("0").rstrip(".") + tail
        space = " " if len(currency) > 1 else ""
        return ("\u2212" if value < 0 else "") + (f"{currency}{space}{text}" if currency else text)

    axis.set_major_formatter(ticker.FuncFormatter(label))


# --- the shapes --------------------------------------------------------------------------------


def curve(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
    *,
    ax: Any = None,
    label: str | None = None,
    color: Any = None,
    steps: bool = False,
    marker: str | None = None,
    linewidth: float = 1.8,
    linestyle: str = "-",
) -> Any:
    """Draw a curve with its interval as a band. NaN leaves a gap.

    By default it has the accent's colour, beside other curves the first of the palette that is
    free.
    """
    ax = axes(ax) if ax is None else ax
    color = free_color(ax) if color is None else color
    x, y = np.asarray(x), np.asarray(y, dtype=float)
    if lower is not None and upper is not None:
        ax.fill_between(
            x,
            np.asarray(lower, dtype=float),
            np.asarray(upper, dtype=float),
            color=color,
            alpha=0.16,
            linewidth=0,
            step="post" if steps else None,
        )
    ax.plot(
        x,
        y,
        color=color,
        label=label,
        linewidth=linewidth,
        linestyle=linestyle,
        marker=marker,
        markersize=3.5,
        drawstyle="steps-post" if steps else "default",
        solid_capstyle="round",
    )
    return ax


def free_color(ax: Any) -> str:
    """Return the first colour that no line of the Axes has, the accent before the palette."""
    to_hex = require("matplotlib.colors", "draw pictures").to_hex
    taken = {to_hex(line.get_color()) for line in ax.lines}
    colors = (ACCENT, *PALETTE[1:])
    return next((c for c in colors if c not in taken), colors[len(ax.lines) % len(colors)])


def from_zero(ax: Any) -> None:
    """Let the vertical axis begin at 0 and hold all that is drawn, also on axes that are shared."""
    ax.set_ylim(0.0, max(ax.get_ylim()[1], 1.05 * ax.dataLim.y1))


def bars(
    labels: Sequence[str],
    values: npt.ArrayLike,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
    *,
    ax: Any = None,
    color: Any = ACCENT,
    texts: Sequence[str] | None = None,
) -> Any:
    """Draw horizontal bars, the first on top, with intervals and a text at the end of each."""
    ax = axes(ax)
    values = np.asarray(values, dtype=float)
    position = np.arange(len(values))
    ax.barh(position, np.nan_to_num(values), height=0.68, color=color, linewidth=0)
    end = np.nan_to_num(values).copy()
    if lower is not None and upper is not None:
        low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
        ax.hlines(position, low, high, color=INK, linewidth=1.0)
        end = np.fmax(end, np.nan_to_num(high))
    horizontal(ax, labels)
    if texts is not None:
        top = float(end.max()) if len(end) else 1.0
        for at, (x, text) in enumerate(zip(end, texts, strict=True)):
            ax.annotate(
                text,
                (max(x, 0.0), at),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK,
                parse_math=False,
            )
        ax.set_xlim(right=(top or 1.0) * 1.12)
    return ax


def points(
    values: npt.ArrayLike,
    lower: npt.ArrayLike,
    upper: npt.ArrayLike,
    *,
    ax: Any,
) -> Any:
    """Draw estimates with their intervals, one a row, into an Axes whose rows are named already."""
    values = np.asarray(values, dtype=float)
    position = np.arange(len(values))
    ax.hlines(position, np.asarray(lower), np.asarray(upper), color=ACCENT, linewidth=1.6)
    ax.plot(values, position, "o", color=ACCENT, markersize=5, linestyle="none")
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color=LINE, linewidth=0.7)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="both", length=0)
    return ax


def paired_bars(
    labels: Sequence[str],
    values: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    names: tuple[str, str],
    ax: Any = None,
) -> Any:
    """Draw two shares for each label as horizontal bars: the accent above, the soft tone below."""
    ax = axes(ax)
    position = np.arange(len(labels))
    ax.barh(
        position - 0.19,
        np.nan_to_num(values),
        height=0.36,
        color=ACCENT,
        linewidth=0,
        label=names[0],
    )
    ax.barh(
        position + 0.19, np.nan_to_num(others), height=0.36, color=SOFT, linewidth=0, label=names[1]
    )
    horizontal(ax, labels)
    percent_ticks(ax.xaxis)
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    return ax


def horizontal(ax: Any, labels: Sequence[str]) -> None:
    """Turn an Axes to rows: names at the left, the first on top, the grid upright."""
    ax.set_yticks(np.arange(len(labels)), labels=list(labels), parse_math=False)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color=LINE, linewidth=0.7)
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="both", length=0)


def triangle(
    rates: npt.ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    ax: Any = None,
    digits: int = 0,
    top: float | None = None,
) -> Any:
    """Draw a matrix of shares, each cell with its number; cells not yet observed (NaN) are grey.

    Parameters
    ----------
    rates : array of shape (rows, columns)
        Shares in [0, 1], NaN where not observed.
    rows, columns : list of str
        Names of cohorts and of periods.
    digits : int
        Decimals of the percentages.
    top : float, optional
        The share that has the full colour; default: the highest one.
    """
    rectangle = require("matplotlib.patches", "draw pictures").Rectangle
    rates = np.asarray(rates, dtype=float)
    if ax is None:
        ax = axes(figsize=(1.6 + 0.46 * rates.shape[1], 0.9 + 0.34 * rates.shape[0]))
    seen = rates[np.isfinite(rates)]
    high = top if top is not None else float(seen.max()) if seen.size and seen.max() > 0 else 1.0
    for (i, j), rate in np.ndenumerate(rates):
        known = bool(np.isfinite(rate))
        color = tint(rate / high) if known else UNOBSERVED
        cell = rectangle((j - 0.48, i - 0.47), 0.96, 0.94, facecolor=color, linewidth=0)
        ax.add_patch(cell)
        if known:
            ax.text(
                j,
                i,
                f"{100 * rate:.{digits}f}",
                ha="center",
                va="center",
                fontsize=8.5,
                color=ON_ACCENT if rate / high > 0.76 else INK,
            )
    ax.set_xticks(np.arange(rates.shape[1]), labels=list(columns), parse_math=False)
    ax.set_yticks(np.arange(rates.shape[0]), labels=list(rows), parse_math=False)
    ax.set_ylim(rates.shape[0] - 0.5, -0.5)
    ax.set_xlim(-0.5, rates.shape[1] - 0.5)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(axis="both", length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax
