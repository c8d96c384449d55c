"""The plot of FID against training iterations."""

from __future__ import annotations

import pandas as pd

from stages.reporting.plots.fid_against_steps import draw_fid, finish_logarithmic, label_ends, panels, styles
from stages.reporting.plots.svg import to_svg


def fid_against_iterations(table: pd.DataFrame) -> str:
    """Return an SVG of FID against training iterations, both logarithmic: a labelled line per model, bars for margins.

    Columns: model, iteration, fid, fid_margin.
    """
    models = list(table["model"].unique())
    figure, grid = panels(1, 1, size=(4.4, 2.8))
    axes = grid.flat[0]
    axes.set_visible(True)
    for i, (model, style) in enumerate(styles(models).items()):
        rows = table[table["model"] == model]
        draw_fid(axes, rows["iteration"] * 1.015 ** (i - (len(models) - 1) / 2), rows, model, style)
    axes.set(xscale="log", yscale="log")
    iterations = sorted(table["iteration"].unique())
    axes.set_xticks(iterations, [f"{iteration:,}" for iteration in iterations])
    finish_logarithmic(axes)
    figure.supxlabel("training iterations", fontsize=9)
    figure.supylabel("FID (lower is better)", fontsize=9)
    label_ends(axes)
    description = f"FID of {', '.join(models)} along their training, 95 % margins as bars."
    return to_svg(figure, "FID against training iterations", description)
