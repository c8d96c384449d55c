"""The plot of FID against sampling steps. No series is told by its colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from stages.reporting.plots.svg import GRID, PALETTE, SMALL, to_svg

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
PANELS_PER_ROW = 4


class Style(NamedTuple):
    """How a series is drawn: the same name has the same style in every panel."""

    color: str
    marker: str
    dash: Any


def fid_against_steps(table: pd.DataFrame) -> str:
    """Return an SVG of FID against steps: a panel per model and sampler, a labelled line per fix, bars for the margins.

    All panels share their axes, both logarithmic. Columns: model, sampler, fix, steps, fid, fid_margin.
    """
    models, samplers, fixes = (list(table[axis].unique()) for axis in ("model", "sampler", "fix"))
    parts = list(table.groupby(["model", "sampler"], sort=False))
    columns = min(PANELS_PER_ROW, len(parts))
    figure, grid = panels(-(-len(parts) // columns), columns)
    for i, ((model, sampler), part) in enumerate(parts):
        axes = grid.flat[i]
        axes.set_visible(True)
        _panel(axes, part, styles(fixes), sorted(table["steps"].unique()))
        axes.set_title(f"{model}, {sampler}", fontsize=10, loc="left", fontweight="bold")
        axes.tick_params(labelbottom=True, labelleft=i % columns == 0)
    figure.supxlabel("sampling steps", fontsize=9)
    figure.supylabel("FID (lower is better)", fontsize=9)
    for axes in grid.flat:
        label_ends(axes)
    description = f"FID of {', '.join(fixes)} with {', '.join(samplers)} for {', '.join(models)}, 95 % margins as bars."
    return to_svg(figure, "FID against sampling steps", description)


def panels(
    rows: int, columns: int, shared: bool = True, size: tuple[float, float] = (2.2, 1.95)
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its panels, hidden yet, in places told in inches: to lay them out by their texts is slow."""
    left, right, top, bottom, across, down = 0.75, 0.75, 0.35, 0.7, 0.75, 0.6
    width, height = size
    wide = left + right + columns * width + (columns - 1) * across
    tall = top + bottom + rows * height + (rows - 1) * down
    figure = Figure(figsize=(wide, tall))
    figure.subplots_adjust(
        left=left / wide, right=1 - right / wide, top=1 - top / tall, bottom=bottom / tall,
        wspace=across / width, hspace=down / height,
    )  # fmt: skip
    grid = figure.subplots(rows, columns, sharex=shared, sharey=shared, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    return figure, grid


def styles(names: Sequence[str]) -> dict[str, Style]:
    """Return a style for each name, by order of appearance; their cycles differ in length, so that styles do not."""
    return {
        name: Style(PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(names)
    }


def _panel(axes: Axes, part: pd.DataFrame, styles: Mapping[str, Style], steps: Sequence[int]) -> None:
    """Draw one panel's lines; they stand a little beside one another, so that their bars can be told apart."""
    for i, (fix, style) in enumerate(styles.items()):
        rows = part[part["fix"] == fix].sort_values("steps")
        if len(rows):
            draw_fid(axes, rows["steps"] * 1.02 ** (i - (len(styles) - 1) / 2), rows, fix, style)
    axes.set(xscale="log", yscale="log")
    # Room for the labels at the ends.
    axes.set_xlim(steps[0] / 1.2, steps[-1] * max(1.5, (steps[-1] / steps[0]) ** 0.6))
    labelled = _apart(steps)
    axes.set_xticks(labelled, [str(step) for step in labelled], fontsize=SMALL)
    finish_logarithmic(axes)


def draw_fid(axes: Axes, x: pd.Series, rows: pd.DataFrame, label: str, style: Style) -> None:
    """Draw one line of FID at ``x`` with its margins, on logarithmic axes."""
    # A bar that would reach 0 has no end there.
    below = rows["fid_margin"].clip(upper=0.9 * rows["fid"])
    axes.errorbar(
        x, rows["fid"], yerr=[below, rows["fid_margin"]], label=label, color=style.color, linestyle=style.dash,
        marker=style.marker, markersize=4.5, linewidth=1.3, elinewidth=0.7, capsize=1.5,
    )  # fmt: skip


def finish_logarithmic(axes: Axes) -> None:
    """Give logarithmic axes their numbers, grid and frame; the major ticks of the first are set already."""
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "235" else ""))
    axes.tick_params(which="both", labelsize=SMALL)
    axes.grid(visible=True, which="major", color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _apart(steps: Sequence[int]) -> list[int]:
    """Return those steps whose labels have room on a logarithmic axis, the last one first of all."""
    kept = [steps[-1]]
    for step in reversed(steps):
        if step * 1.7 <= kept[-1]:
            kept.append(step)
    return kept[::-1]


def label_ends(axes: Axes) -> None:
    """Write each line's name at its end, moved as far as the others need, and joined to it by a thin line."""
    lines = [(str(c.get_label()), c.lines[0]) for c in axes.containers if isinstance(c, ErrorbarContainer)]
    if not lines:
        return
    axes.get_ylim()  # settles the limits, which the transforms below rest on
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    place = axes.transScale + axes.transLimits
    ends = [place.transform(np.asarray(line.get_xydata())[-1]) for _, line in lines]
    wanted = [float(end[1]) for end in ends]
    for (label, line), end, y in zip(lines, ends, spread(wanted, 1.3 * SMALL / height), strict=True):
        x = max(float(end[0]) for end in ends) + 0.06
        axes.annotate(
            label, xy=(end[0], end[1]), xytext=(x, y), xycoords="axes fraction", textcoords="axes fraction",
            fontsize=SMALL, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
        )  # fmt: skip


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Return places near the wanted ones, in their order, no two nearer than ``gap`` and around the same middle."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    blocks: list[list[int]] = []

    def centre(block: list[int]) -> float:
        return sum(wanted[i] for i in block) / len(block)

    def crowded(below: list[int], above: list[int]) -> bool:
        return centre(above) - centre(below) < gap * (len(above) + len(below)) / 2

    for i in order:
        blocks.append([i])
        # Blocks that would overlap become one, around what its members want on average.
        while len(blocks) > 1 and crowded(*blocks[-2:]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = [0.0] * len(wanted)
    for block in blocks:
        for k, i in enumerate(block):
            placed[i] = centre(block) + gap * (k - (len(block) - 1) / 2)
    return placed
