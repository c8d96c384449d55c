"""Plots of the report, as SVG text to be put inline; the same table gives the same bytes.

Text and axes take the colour of the page's text, series its variables --series-1 to --series-6. No series is told by
its colour alone.
"""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

# Told apart by the colour-blind too. The page may replace them by variables of the same order.
PALETTE = ("#0064a4", "#b84a00", "#00734f", "#96408c", "#7a6000", "#4b5563")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
GRID = "#dfe4ea"
INK = "#000000"
PANELS_PER_ROW = 4
# A change beyond these per cent stands at the edge, as an arrow.
WIDEST = 150
SMALL = 8
# A row of the forest plot in inches, and how many characters of a label stand beside one.
LINE = 0.21
LABEL = 34


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
    figure, grid = _panels(-(-len(parts) // columns), columns)
    for i, ((model, sampler), part) in enumerate(parts):
        axes = grid.flat[i]
        axes.set_visible(True)
        _panel(axes, part, _styles(fixes), sorted(table["steps"].unique()))
        axes.set_title(f"{model}, {sampler}", fontsize=10, loc="left", fontweight="bold")
        axes.tick_params(labelbottom=True, labelleft=i % columns == 0)
    figure.supxlabel("sampling steps", fontsize=9)
    figure.supylabel("FID (lower is better)", fontsize=9)
    for axes in grid.flat:
        _label_ends(axes)
    description = f"FID of {', '.join(fixes)} with {', '.join(samplers)} for {', '.join(models)}, 95 % margins as bars."
    return _svg(figure, "FID against sampling steps", description)


def _panels(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """Return a figure and its panels, hidden yet, in places told in inches: to lay them out by their texts is slow."""
    left, right, top, bottom, across, down = 0.75, 0.75, 0.35, 0.7, 0.75, 0.6
    width, height = 2.2, 1.95
    wide = left + right + columns * width + (columns - 1) * across
    tall = top + bottom + rows * height + (rows - 1) * down
    figure = Figure(figsize=(wide, tall))
    figure.subplots_adjust(
        left=left / wide, right=1 - right / wide, top=1 - top / tall, bottom=bottom / tall,
        wspace=across / width, hspace=down / height,
    )  # fmt: skip
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    return figure, grid


def _styles(names: Sequence[str]) -> dict[str, Style]:
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
            # A bar that would reach 0 has no end on a logarithmic axis.
            below = rows["fid_margin"].clip(upper=0.9 * rows["fid"])
            axes.errorbar(
                rows["steps"] * 1.02 ** (i - (len(styles) - 1) / 2), rows["fid"], yerr=[below, rows["fid_margin"]],
                label=fix, color=style.color, linestyle=style.dash, marker=style.marker, markersize=4.5,
                linewidth=1.3, elinewidth=0.7, capsize=1.5,
            )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    # Room for the labels at the ends.
    axes.set_xlim(steps[0] / 1.2, steps[-1] * max(1.5, (steps[-1] / steps[0]) ** 0.6))
    labelled = _apart(steps)
    axes.set_xticks(labelled, [str(step) for step in labelled], fontsize=SMALL)
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


def _label_ends(axes: Axes) -> None:
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


def forest_plot(rows: pd.DataFrame) -> str:
    """Return an SVG of paired differences in per cent of FID: measured ones filled, published ones hollow, one a row.

    Columns: paper, label, steps, relative, low, high, verdict, published (a list of per cent, perhaps empty). Rows are
    grouped by paper and label, in the order of their appearance.
    """
    records = _grouped(rows)
    heights = _heights(records)
    tall = 1.15 + LINE * (heights[-1] + 2)
    figure = Figure(figsize=(9.6, tall))
    axes = figure.add_axes((0.33, 0.55 / tall, 0.34, LINE * (heights[-1] + 2) / tall))
    limits = _limits(records)
    axes.axvline(0, color=INK, linewidth=0.9)
    for record, y in zip(records, heights, strict=True):
        _forest_row(axes, record, y, limits)
    _forest_texts(axes, records, heights)
    axes.set(xlim=limits, ylim=(heights[-1] + 1, -1))
    axes.set_xlabel("change of FID in %", fontsize=SMALL)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    axes.tick_params(labelsize=SMALL, left=False, labelleft=False)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    _forest_legend(axes)
    description = "; ".join(f"{r['paper']}, {r['label']}, {r['steps']} steps: {_estimate(r)}" for r in records)
    return _svg(figure, "Paired differences of FID, measured and published", description)


def _grouped(rows: pd.DataFrame) -> list[dict[str, Any]]:
    records = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    papers, labels = list(rows["paper"].unique()), list(rows["label"].unique())
    return sorted(records, key=lambda row: (papers.index(row["paper"]), labels.index(row["label"])))


def _heights(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return each row's place from above: a line apart, more between labels, and room for a paper's name."""
    heights: list[float] = []
    free, paper = 1.0, None
    for (name, label), rows in groupby(records, key=lambda row: (row["paper"], row["label"])):
        count = len(list(rows))
        free += 1.4 if paper not in (None, name) else 0
        heights += [free + i for i in range(count)]
        free += max(count, len(_wrapped(label))) + 0.4
        paper = name
    return heights or [0.0]


def _wrapped(label: str) -> list[str]:
    return textwrap.wrap(label, LABEL)


def _limits(records: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    values = [v for row in records for v in (row["low"], row["high"], row["relative"], *row["published"])]
    low, high = min([*values, 0]), max([*values, 0])
    pad = 0.04 * max(high - low, 1)
    return max(low, -WIDEST) - pad, min(high, WIDEST) + pad


def _forest_row(axes: Axes, record: Mapping[str, Any], y: float, limits: tuple[float, float]) -> None:
    """Draw one row: a filled circle with its interval, and a hollow diamond for each published value."""
    low, high = limits
    line = {"color": PALETTE[0], "linewidth": 1.2, "solid_capstyle": "butt"}
    axes.plot([max(record["low"], low), min(record["high"], high)], [y, y], **line)
    measured = {"markersize": 5.5, "color": PALETTE[0], "markerfacecolor": PALETTE[0], "linestyle": "none"}
    published = {"markersize": 5.5, "color": PALETTE[1], "markerfacecolor": "none", "linestyle": "none"}
    values = [(record["relative"], "o", measured), *((value, "D", published) for value in record["published"])]
    for value, usual, style in values:
        marker = ">" if value > high else "<" if value < low else usual
        axes.plot([min(max(value, low), high)], [y], marker=marker, clip_on=False, zorder=3, **style)


def _forest_texts(axes: Axes, records: Sequence[Mapping[str, Any]], heights: Sequence[float]) -> None:
    """Write label and steps left of each row, estimate and verdict right of it, papers above their rows."""
    text: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": SMALL}
    paper, label = None, None
    for row, y in zip(records, heights, strict=True):
        if row["paper"] != paper:
            axes.text(-0.95, y - 1.2, row["paper"].upper(), va="center", fontweight="bold", **text)
        if (row["paper"], row["label"]) != (paper, label):
            for i, line in enumerate(_wrapped(row["label"])):
                axes.text(-0.95, y + i, line, va="center", **text)
        axes.text(-0.03, y, f"{row['steps']} steps", ha="right", va="center", **text)
        axes.text(1.04, y, _estimate(row), va="center", **text)
        axes.text(1.5, y, row["verdict"], va="center", **text)
        paper, label = row["paper"], row["label"]
    for x, heading in ((1.04, "% [95 % interval]"), (1.5, "verdict")):
        axes.annotate(
            heading, xy=(x, 1), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points", va="bottom",
            fontsize=SMALL, fontweight="bold",
        )  # fmt: skip


def _estimate(row: Mapping[str, Any]) -> str:
    values = row["relative"], row["low"], row["high"]
    digits = 1 if max(map(abs, values)) < 100 else 0
    estimate, low, high = (f"{value:+.{digits}f}".replace("-", "−") for value in values)
    return f"{estimate} [{low}, {high}]"


def _forest_legend(axes: Axes) -> None:
    filled = axes.plot([], [], "o-", color=PALETTE[0], markersize=5.5, label="measured here, with 95 % interval")
    hollow = axes.plot(
        [], [], "D", color=PALETTE[1], markerfacecolor="none", markersize=5.5, label="printed in the paper"
    )
    axes.legend(
        handles=[*filled, *hollow], loc="lower left", bbox_to_anchor=(-0.97, 1), borderaxespad=0, frameon=False,
        fontsize=SMALL, bbox_transform=axes.transAxes,
    )  # fmt: skip
    for text, side, shift in (("better ←", "right", -6), ("→ worse", "left", 6)):
        axes.annotate(
            text, xy=(0, 1), xycoords=axes.get_xaxis_transform(), xytext=(shift, 4), textcoords="offset points",
            ha=side, va="bottom", fontsize=SMALL, fontweight="bold",
        )  # fmt: skip


def _svg(figure: Figure, title: str, description: str) -> str:
    """Return the figure as an SVG of its own ids, with a name and a description, in the colours of its page."""
    stream = io.StringIO()
    # A fixed salt and no date: ids and metadata would otherwise differ between runs.
    with mpl.rc_context({"svg.hashsalt": title, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = stream.getvalue()
    name = "plot" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = svg[svg.index("<svg") :]
    # Style rules inside would hold for the whole page.
    svg = re.sub(r"\s*<metadata>.*?</metadata>|\s*<style\b.*?</style>", "", svg, flags=re.DOTALL)
    # One page holds several plots: each gets ids of its own.
    for reference in ('id="', '="#', "url(#"):
        svg = svg.replace(reference, f"{reference}{name}-")
    for i, colour in enumerate(PALETTE, 1):
        svg = svg.replace(colour, f"var(--series-{i}, {colour})")
    svg = svg.replace(GRID, f"var(--grid, {GRID})").replace(INK, "currentColor")
    start = svg.index(">") + 1
    root = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" fill="currentColor" stroke-linejoin="round"'
        f'{svg[4 : start - 1]}>\n<title id="{name}-title">{escape(title)}</title>'
        f'\n<desc id="{name}-desc">{escape(description)}</desc>'
    )
    return root + svg[start:]
