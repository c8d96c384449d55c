"""Figures of several panels: their places, the style of each series, and FID on logarithmic axes.

A series is never identified by its colour alone: its marker, its dashes and a label at its end differ too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from stages.reporting.plots.svg import GRID, PALETTE, SMALL

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
PANELS_PER_ROW = 4
# Inches around and between the panels.
LEFT = 0.75
RIGHT = 0.75
TOP = 0.35
BOTTOM = 0.7
ACROSS = 0.75
DOWN = 0.6


class Style(NamedTuple):
    """How a series is drawn: the same name has the same style in every panel."""

    color: str
    marker: str
    dash: Any


def panels(
    rows: int, columns: int, shared: bool = True, size: tuple[float, float] = (2.2, 1.95)
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its hidden panels, placed in inches: a layout that follows the texts is slow.

    Args:
        rows: the number of rows of panels.
        columns: the number of panels in a row.
        shared: whether all panels have the same axes.
        size: width and height of a panel in inches.
    """
    width, height = size
    total_width = LEFT + RIGHT + columns * width + (columns - 1) * ACROSS
    total_height = TOP + BOTTOM + rows * height + (rows - 1) * DOWN
    figure = Figure(figsize=(total_width, total_height))
    figure.subplots_adjust(
        left=LEFT / total_width,
        right=1 - RIGHT / total_width,
        top=1 - TOP / total_height,
        bottom=BOTTOM / total_height,
        wspace=ACROSS / width,
        hspace=DOWN / height,
    )
    grid = figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    return figure, grid


def styles(names: Sequence[str]) -> dict[str, Style]:
    """Return a style for each name, by order of appearance; the cycles differ in length, so that few styles recur."""
    return {
        name: Style(PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(names)
    }


def draw_fid(axes: Axes, x: pd.Series, rows: pd.DataFrame, label: str, style: Style) -> None:
    """Draw one line of FID at ``x`` with its margins, on logarithmic axes."""
    # A bar that would reach 0 has no end there.
    below = rows["fid_margin"].clip(upper=0.9 * rows["fid"])
    axes.errorbar(
        x,
        rows["fid"],
        yerr=[below, rows["fid_margin"]],
        label=label,
        color=style.color,
        linestyle=style.dash,
        marker=style.marker,
        markersize=4.5,
        linewidth=1.3,
        elinewidth=0.7,
        capsize=1.5,
    )


def finish_panel(axes: Axes) -> None:
    """Give axes their small numbers, grid and frame."""
    axes.tick_params(which="both", labelsize=SMALL)
    axes.grid(visible=True, which="major", color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def finish_logarithmic(axes: Axes) -> None:
    """Give logarithmic axes their numbers, grid and frame; the major ticks of the first are set already."""
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "235" else ""))
    finish_panel(axes)


def label_ends(axes: Axes) -> None:
    """Write the name of each line at its end, moved as far as the other names need, and joined to it by a thin line."""
    lines = [(str(c.get_label()), c.lines[0]) for c in axes.containers if isinstance(c, ErrorbarContainer)]
    if not lines:
        return
    axes.get_ylim()  # settles the limits that the transforms below use
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    place = axes.transScale + axes.transLimits
    ends = [place.transform(np.asarray(line.get_xydata())[-1]) for _, line in lines]
    wanted = [float(end[1]) for end in ends]
    x = max(float(end[0]) for end in ends) + 0.06
    for (label, line), end, y in zip(lines, ends, spread(wanted, 1.3 * SMALL / height), strict=True):
        axes.annotate(
            label,
            xy=(end[0], end[1]),
            xytext=(x, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return places near the wanted ones, in their order, no two nearer than ``gap`` and around the same middle."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[int]] = []

    def centre(block: list[int]) -> float:
        return sum(wanted[i] for i in block) / len(block)

    def overlap(below: list[int], above: list[int]) -> bool:
        return centre(above) - centre(below) < gap * (len(above) + len(below)) / 2

    for i in order:
        blocks.append([i])
        # Blocks that overlap become one, around the mean of the places that their members want.
        while len(blocks) > 1 and overlap(blocks[-2], blocks[-1]):
            above = blocks.pop()
            blocks[-1] = blocks[-1] + above
    placed = [0.0] * len(wanted)
    for block in blocks:
        for k, i in enumerate(block):
            placed[i] = centre(block) + gap * (k - (len(block) - 1) / 2)
    return placed
