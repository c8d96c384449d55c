"""The forest plot: paired differences of FID, measured and published, a row each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from stages.reporting.plots.svg import GRID, INK, PALETTE, SMALL, to_svg

# A change beyond these per cent stands at the edge, as an arrow.
WIDEST = 150
# A row of the forest plot in inches, and how many characters of a label stand beside one.
LINE = 0.21
LABEL = 34


def forest_plot(rows: pd.DataFrame) -> str:
    """Return an SVG of paired differences in per cent of FID: measured ones filled, published ones hollow, one a row.

    Columns: group (the paper), label, steps, relative, low, high, verdict, published (a list of per cent, perhaps
    empty). Rows are grouped by group and label, in the order of their appearance.
    """
    records = _grouped(rows)
    heights = _heights(records)
    tall = 1.15 + LINE * (heights[-1] + 2)
    figure = Figure(figsize=(9.6, tall))
    axes = figure.add_axes((0.33, 0.55 / tall, 0.34, LINE * (heights[-1] + 2) / tall))
    limits = _limits(records)
    axes.axvline(0, color=INK, linewidth=0.9)
    for record, y in zip(records, heights, strict=True):
        _row(axes, record, y, limits)
    _texts(axes, records, heights)
    axes.set(xlim=limits, ylim=(heights[-1] + 1, -1))
    axes.set_xlabel("change of FID in %", fontsize=SMALL)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    axes.tick_params(labelsize=SMALL, left=False, labelleft=False)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    _legend(axes)
    description = "; ".join(f"{r['group']}, {r['label']}, {r['steps']} steps: {_estimate(r)}" for r in records)
    return to_svg(figure, "Paired differences of FID, measured and published", description)


def _grouped(rows: pd.DataFrame) -> list[dict[str, Any]]:
    records = [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
    groups = list(rows["group"].unique())
    labels = list(rows["label"].unique())
    return sorted(records, key=lambda row: (groups.index(row["group"]), labels.index(row["label"])))


def _heights(records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the place of each row from above: a line apart, more between labels, and room for the name of a group."""
    heights: list[float] = []
    free = 1.0
    previous = None
    for (group, label), rows in groupby(records, key=lambda row: (row["group"], row["label"])):
        count = len(list(rows))
        free += 1.4 if previous not in (None, group) else 0
        heights += [free + i for i in range(count)]
        free += max(count, len(_wrapped(label))) + 0.4
        previous = group
    return heights or [0.0]


def _wrapped(label: str) -> list[str]:
    return textwrap.wrap(label, LABEL)


def _limits(records: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    values = [v for row in records for v in (row["low"], row["high"], row["relative"], *row["published"])]
    low = min([*values, 0])
    high = max([*values, 0])
    pad = 0.04 * max(high - low, 1)
    return max(low, -WIDEST) - pad, min(high, WIDEST) + pad


def _row(axes: Axes, record: Mapping[str, Any], y: float, limits: tuple[float, float]) -> None:
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


def _texts(axes: Axes, records: Sequence[Mapping[str, Any]], heights: Sequence[float]) -> None:
    """Write label and steps left of each row, estimate and verdict right of it, groups above their rows."""
    text: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": SMALL}
    group = None
    label = None
    for row, y in zip(records, heights, strict=True):
        if row["group"] != group:
            axes.text(-0.95, y - 1.2, row["group"].upper(), va="center", fontweight="bold", **text)
        if (row["group"], row["label"]) != (group, label):
            for i, line in enumerate(_wrapped(row["label"])):
                axes.text(-0.95, y + i, line, va="center", **text)
        axes.text(-0.03, y, f"{row['steps']} steps", ha="right", va="center", **text)
        axes.text(1.04, y, _estimate(row), va="center", **text)
        axes.text(1.5, y, row["verdict"], va="center", **text)
        group = row["group"]
        label = row["label"]
    for x, heading in ((1.04, "% [interval]"), (1.5, "verdict")):
        axes.annotate(
            heading,
            xy=(x, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            va="bottom",
            fontsize=SMALL,
            fontweight="bold",
        )


def _estimate(row: Mapping[str, Any]) -> str:
    values = (row["relative"], row["low"], row["high"])
    digits = 1 if max(map(abs, values)) < 100 else 0
    estimate, low, high = (f"{value:+.{digits}f}".replace("-", "−") for value in values)
    return f"{estimate} [{low}, {high}]"


def _legend(axes: Axes) -> None:
    filled = axes.plot(
        [], [], "o-", color=PALETTE[0], markersize=5.5, label="measured here, with the interval that decides"
    )
    hollow = axes.plot(
        [], [], "D", color=PALETTE[1], markerfacecolor="none", markersize=5.5, label="printed in the paper"
    )
    axes.legend(
        handles=[*filled, *hollow],
        loc="lower left",
        bbox_to_anchor=(-0.97, 1),
        borderaxespad=0,
        frameon=False,
        fontsize=SMALL,
        bbox_transform=axes.transAxes,
    )
    for text, side, shift in (("better ←", "right", -6), ("→ worse", "left", 6)):
        axes.annotate(
            text,
            xy=(0, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(shift, 4),
            textcoords="offset points",
            ha=side,
            va="bottom",
            fontsize=SMALL,
            fontweight="bold",
        )
