"""Plots of the report, as SVG text to be put inline; the same table gives the same bytes."""

from __future__ import annotations

import io

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

COLOURS = {"none": "#4a5568", "es": "#c05621", "es-linear": "#b7791f", "ts": "#2b6cb0"}
DASHES = ("-", "--", ":", "-.")


def fid_against_steps(table: pd.DataFrame, sampler: str) -> str:
    """Return an SVG of one sampler's FID against steps: a colour per fix, a dash per model, bars for the intervals."""
    figure = Figure(figsize=(4.6, 3.3), layout="constrained")
    axes = figure.subplots()
    part = table[table["sampler"] == sampler]
    for dash, model in zip(DASHES, table["model"].unique(), strict=False):
        for fix in table["fix"].unique():
            rows = part[(part["model"] == model) & (part["fix"] == fix)].sort_values("steps")
            axes.errorbar(
                rows["steps"], rows["fid"], yerr=rows["fid_margin"], label=f"{model}, {fix}",
                color=COLOURS[fix], linestyle=dash, marker="o", markersize=3.5, linewidth=1.4, elinewidth=0.8,
                capsize=2,
            )  # fmt: skip
    steps = sorted(table["steps"].unique())
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="FID (lower is better)", title=sampler)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.xaxis.set_minor_formatter(NullFormatter())
    for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        formatter(ScalarFormatter())
    axes.grid(visible=True, which="both", color="#e2e8f0", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False, ncols=2)
    return _svg(figure, f"fid-{sampler}")


def _svg(figure: Figure, salt: str) -> str:
    stream = io.StringIO()
    # A fixed salt and no date: ids and metadata would otherwise differ between runs.
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = stream.getvalue()
    return svg[svg.index("<svg") :]
