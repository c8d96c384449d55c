"""Panels of the papers' figures: one chart each, large enough to be read alone, its legend below the data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stages.reporting.plots.panels import Style, finish_panel, styles
from stages.reporting.plots.svg import INK, PALETTE, SMALL, to_svg

# Inches: of a panel, of its axes, and of what stands around them.
WIDTH = 4.0
LEFT = 0.7
RIGHT = 0.15
PLOT = 2.3
BELOW = 0.48
LINE = 0.17
# Characters of the bold title, and of a legend's entry beside which a second one has room.
TITLE = 46
HALF = 24
# A line of more points than these has no markers.
MARKED = 32

Kind = Literal["measured", "published", "control", "fit"]
Numbers = Sequence[float] | np.ndarray


class Line(NamedTuple):
    """One line of a chart, by the name of its legend.

    ``margins`` are half the widths of 95 % intervals. A ``control`` is what the others are compared with, a ``fit`` a
    function fitted to the line before it.
    """

    name: str
    x: Numbers
    y: Numbers
    margins: Numbers | None = None
    kind: Kind = "measured"


class Bars(NamedTuple):
    """The heights of one name's bars, a bar per group of a bar chart."""

    name: str
    heights: Sequence[float]


def chart(
    title: str,
    description: str,
    lines: Sequence[Line],
    x: str,
    y: str,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
) -> Markup:
    """Return an SVG of lines.

    Args:
        title: what the panel shows, also its name for screen readers.
        description: its content in words.
        lines: the lines, in the order of the legend; those of one name have one entry.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        logarithmic: whether the vertical axis is.
        limits: of the vertical axis, by default those of the lines.
    """
    names = list(dict.fromkeys(line.name for line in lines))
    figure, axes = _panel(title, names)
    coloured = list(dict.fromkeys(line.name for line in lines if line.kind in ("measured", "published")))
    style_of = styles(coloured)
    last = Style(INK, "", "-")
    for line in lines:
        last = style_of.get(line.name, last)
        _draw(axes, line, last)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=_whole(lines)))
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if _leading(value) in "25" else ""))
    if limits:
        axes.set_ylim(limits)
    if any(line.kind == "published" for line in lines):
        _mark_published(axes)
    return _finished(figure, axes, (title, description), (x, y), names)


def histogram(title: str, description: str, counts: Line, expected: Line | None, x: str, y: str) -> Markup:
    """Return an SVG of counts by bin, beside what is expected in each; the places of both are the middles of bins."""
    lines = [counts, *([expected] if expected else [])]
    figure, axes = _panel(title, [line.name for line in lines])
    width = float(np.diff(np.asarray(counts.x)).min()) if len(counts.x) > 1 else 1.0
    axes.bar(counts.x, counts.y, width, color=PALETTE[0], alpha=0.6, label=counts.name)
    if expected:
        axes.plot(expected.x, expected.y, color=INK, linewidth=1.2, linestyle="--", label=expected.name)
    return _finished(figure, axes, (title, description), (x, y), [line.name for line in lines])


def bars(
    title: str, description: str, groups: Sequence[str], heights: Sequence[Bars], x: str, y: str, published: bool
) -> Markup:
    """Return an SVG of grouped bars; every second name is the one before it with a fix, and hatched."""
    figure, axes = _panel(title, [each.name for each in heights])
    width = 0.8 / len(heights)
    for i, each in enumerate(heights):
        places = np.arange(len(groups)) + (i - (len(heights) - 1) / 2) * width
        color = PALETTE[i // 2 % len(PALETTE)]
        filled: Mapping[str, Any] = {"color": color, "alpha": 0.45} if i % 2 == 0 else {"facecolor": "none"}
        axes.bar(
            places,
            each.heights,
            width * 0.92,
            edgecolor=color,
            hatch="////" if i % 2 else None,
            label=each.name,
            **filled,
        )
    axes.set_xticks(np.arange(len(groups)), groups)
    if published:
        _mark_published(axes)
    return _finished(figure, axes, (title, description), (x, y), [each.name for each in heights])


def _whole(lines: Sequence[Line]) -> bool:
    """Return whether all places are whole numbers."""
    return all(bool((np.asarray(line.x) % 1 == 0).all()) for line in lines)


def _leading(value: float) -> str:
    return f"{value:e}"[0]


def _panel(title: str, names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes and room for its title and for a legend of these names."""
    above = 0.12 + LINE * len(_title_lines(title))
    below = BELOW + LINE * _legend_rows(names)
    height = above + PLOT + below
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT / WIDTH, below / height, 1 - (LEFT + RIGHT) / WIDTH, PLOT / height))
    return figure, axes


def _title_lines(title: str) -> list[str]:
    return textwrap.wrap(title, TITLE)


def _legend_columns(names: Sequence[str]) -> int:
    longest = max(map(len, names), default=0)
    return 1 if longest > HALF else 2 if longest > HALF // 2 else 3


def _legend_rows(names: Sequence[str]) -> int:
    return -(-len(names) // _legend_columns(names)) if len(names) > 1 else 0


def _draw(axes: Axes, line: Line, style: Style) -> None:
    look: dict[str, Any] = {"color": style.color, "linewidth": 1.4, "linestyle": style.dash}
    if len(line.x) <= MARKED:
        look |= {"marker": style.marker, "markersize": 3.5}
    if line.kind == "published":
        look |= {"markerfacecolor": "none", "linewidth": 1}
    if line.kind == "control":
        look = {"color": INK, "alpha": 0.4, "linewidth": 2}
    if line.kind == "fit":
        look = {"color": PALETTE[1], "linewidth": 2, "linestyle": (0, (1, 1.5))}
    # The legend has a name once.
    known = {drawn.get_label() for drawn in axes.get_lines()}
    axes.plot(line.x, line.y, label="_" if line.name in known else line.name, **look)
    if line.margins is not None:
        y = np.asarray(line.y)
        margins = np.asarray(line.margins)
        axes.fill_between(line.x, y - margins, y + margins, color=look["color"], alpha=0.15, linewidth=0)


def _mark_published(axes: Axes) -> None:
    """Give the axes the look of what others measured: dashed, and the word."""
    axes.spines[["left", "bottom"]].set_linestyle((0, (4, 3)))
    axes.annotate(
        "PUBLISHED",
        xy=(1, 1),
        xycoords="axes fraction",
        xytext=(0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        fontweight="bold",
        alpha=0.7,
    )


def _finished(
    figure: Figure, axes: Axes, title: tuple[str, str], labels: tuple[str, str], names: Sequence[str]
) -> Markup:
    finish_panel(axes)
    axes.set_axisbelow(True)
    axes.set_xlabel(labels[0], fontsize=SMALL)
    axes.set_ylabel(labels[1], fontsize=SMALL)
    axes.set_title("\n".join(_title_lines(title[0])), fontsize=9, loc="left", x=-0.17, fontweight="bold")
    if len(names) > 1:
        figure.legend(
            loc="lower center",
            ncols=_legend_columns(names),
            fontsize=SMALL,
            frameon=False,
            borderaxespad=0.1,
            labelspacing=0.3,
            columnspacing=1.4,
        )
    # Panels of several figures may have one title.
    return Markup(to_svg(figure, f"{title[0]}: {labels[1]} against {labels[0]}", title[1]))
