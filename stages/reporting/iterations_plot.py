"""The plot of FID against training iterations."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter

from stages.reporting.plots import label_ends, panels, styles
from stages.reporting.svg import GRID, SMALL, to_svg


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
        axes.errorbar(
            rows["iteration"] * 1.015 ** (i - (len(models) - 1) / 2), rows["fid"],
            # A bar that would reach 0 has no end on a logarithmic axis.
            yerr=[rows["fid_margin"].clip(upper=0.9 * rows["fid"]), rows["fid_margin"]], label=model,
            color=style.color, linestyle=style.dash, marker=style.marker, markersize=4.5, linewidth=1.3,
            elinewidth=0.7, capsize=1.5,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log")
    iterations = sorted(table["iteration"].unique())
    axes.set_xticks(iterations, [f"{iteration:,}" for iteration in iterations])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "235" else ""))
    axes.tick_params(which="both", labelsize=SMALL)
    axes.grid(visible=True, which="major", color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("training iterations", fontsize=9)
    figure.supylabel("FID (lower is better)", fontsize=9)
    label_ends(axes)
    description = f"FID of {', '.join(models)} along their training, 95 % margins as bars."
    return to_svg(figure, "FID against training iterations", description)
