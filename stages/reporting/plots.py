"""Plots of the report, as SVG text to be put inline; the same table gives the same bytes."""

from __future__ import annotations

import io
from itertools import cycle

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

COLOURS = {"none": "#4a5568", "es": "#c05621", "es-linear": "#b7791f", "ts": "#2b6cb0"}
DASHES = ("-", "--", ":", "-.")


def fid_against_steps(table: pd.DataFrame, sampler: str) -> str:
    """Return an SVG of one sampler's FID against steps: a colour per fix, a dash per model, bars for the margins.

    Series stand beside one another by a few per cent of the step count, so that their bars can be told apart.
    """
    figure = Figure(figsize=(4.8, 3.4), layout="constrained")
    axes = figure.subplots()
    part = table[table["sampler"] == sampler]
    dashes = dict(zip(table["model"].unique(), cycle(DASHES), strict=False))
    series = [(model, fix) for model in dashes for fix in table["fix"].unique()]
    for i, (model, fix) in enumerate(series):
        rows = part[(part["model"] == model) & (part["fix"] == fix)].sort_values("steps")
        axes.errorbar(
            rows["steps"] * 1.02 ** (i - (len(series) - 1) / 2), rows["fid"], yerr=rows["fid_margin"],
            label=f"{model}, {fix}", color=COLOURS[fix], linestyle=dashes[model], marker="o", markersize=3,
            linewidth=1.2, elinewidth=0.6, capsize=1.5,
        )  # fmt: skip
    steps = sorted(table["steps"].unique())
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="FID (lower is better)", title=sampler)
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:g}"[0] in "235" else ""))
    axes.grid(visible=True, which="major", color="#e2e8f0", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, frameon=False, ncols=len(dashes), handlelength=3)
    return _svg(figure, f"fid-{sampler}")


def _svg(figure: Figure, name: str) -> str:
    stream = io.StringIO()
    # A fixed salt and no date: ids and metadata would otherwise differ between runs.
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # One page holds several plots: each gets ids of its own.
    for reference in ('id="', '="#', "url(#"):
        svg = svg.replace(reference, f"{reference}{name}-")
    return svg
