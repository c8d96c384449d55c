"""The plot of FID against sampling steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from stages.reporting.plots.panels import (
    PANELS_PER_ROW,
    Style,
    draw_fid,
    finish_logarithmic,
    label_ends,
    panels,
    styles,
)
from stages.reporting.plots.svg import SMALL, to_svg


def fid_against_steps(table: pd.DataFrame) -> str:
    """Return an SVG of FID against steps: a panel per model and sampler, a labelled line per fix, bars for the margins.

    All panels share their axes, both logarithmic. Columns: model, sampler, fix, steps, fid, fid_margin.
    """
    models = list(table["model"].unique())
    samplers = list(table["sampler"].unique())
    fixes = list(table["fix"].unique())
    parts = list(table.groupby(["model", "sampler"], sort=False))
    columns = min(PANELS_PER_ROW, len(parts))
    figure, grid = panels(-(-len(parts) // columns), columns)
    for i, ((model, sampler), part) in enumerate(parts):
        axes = grid.flat[i]
        axes.set_visible(True)
        _steps_panel(axes, part, styles(fixes), sorted(table["steps"].unique()))
        axes.set_title(f"{model}, {sampler}", fontsize=10, loc="left", fontweight="bold")
        axes.tick_params(labelbottom=True, labelleft=i % columns == 0)
    figure.supxlabel("sampling steps", fontsize=9)
    figure.supylabel("FID (lower is better)", fontsize=9)
    for axes in grid.flat:
        label_ends(axes)
    description = f"FID of {', '.join(fixes)} with {', '.join(samplers)} for {', '.join(models)}, 95 % margins as bars."
    return to_svg(figure, "FID against sampling steps", description)


def _steps_panel(axes: Axes, part: pd.DataFrame, styles: Mapping[str, Style], steps: Sequence[int]) -> None:
    """Draw the lines of one panel, shifted a little against one another so that their bars do not overlap."""
    for i, (fix, style) in enumerate(styles.items()):
        rows = part[part["fix"] == fix].sort_values("steps")
        if len(rows):
            draw_fid(axes, rows["steps"] * 1.02 ** (i - (len(styles) - 1) / 2), rows, fix, style)
    axes.set(xscale="log", yscale="log")
    # Room for the labels at the ends.
    axes.set_xlim(steps[0] / 1.2, steps[-1] * max(1.5, (steps[-1] / steps[0]) ** 0.6))
    labelled = _labelled_steps(steps)
    axes.set_xticks(labelled, [str(step) for step in labelled], fontsize=SMALL)
    finish_logarithmic(axes)


def _labelled_steps(steps: Sequence[int]) -> list[int]:
    """Return those steps whose labels have room on a logarithmic axis, always with the last one."""
    kept = [steps[-1]]
    for step in reversed(steps):
        if step * 1.7 <= kept[-1]:
            kept.append(step)
    return kept[::-1]
