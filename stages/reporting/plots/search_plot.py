"""The plot of searches: FID of every trial against the value that it tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from stages.reporting.plots.panels import MARKERS, PANELS_PER_ROW, finish_panel, panels
from stages.reporting.plots.svg import PALETTE, SMALL, to_svg

# Values that span a larger factor stand on a logarithmic axis.
LINEAR_SPAN = 20


def search_plot(searches: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return an SVG of the change of FID, in percent of the best trial's, against the values of one setting.

    A panel per model and sampler, a line per step count; the chosen value is filled, controls are crosses.

    Args:
        searches: ``model``, ``sampler``, ``steps`` and ``trials`` of each cell, where a trial has the setting's value,
            its ``fid`` and perhaps ``control``, and where ``chosen`` is the value that the search takes.
        name: the setting.
    """
    values = [trial[name] for search in searches for trial in search["trials"]]
    smallest = min((value for value in values if value > 0), default=1)
    logarithmic = max(values) / smallest > LINEAR_SPAN
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for search in searches:
        groups.setdefault((search["model"], search["sampler"]), []).append(search)
    columns = min(PANELS_PER_ROW, len(groups))
    figure, grid = panels(-(-len(groups) // columns), columns, shared=False)
    for axes, ((model, sampler), found) in zip(grid.flat, groups.items(), strict=False):
        axes.set_visible(True)
        _panel(axes, sorted(found, key=lambda search: search["steps"]), name, smallest if logarithmic else None)
        axes.set_title(f"{model}, {sampler}", fontsize=10, loc="left", fontweight="bold")
    figure.supxlabel(name, fontsize=9)
    figure.supylabel("FID above the best trial, %", fontsize=9)
    return to_svg(figure, f"Search for {name}", f"FID of every trial of {name}, a line per number of sampling steps.")


def _panel(axes: Axes, searches: Sequence[Mapping[str, Any]], name: str, smallest: float | None) -> None:
    """Draw the lines of one panel; on an axis that is logarithmic from the smallest positive value on, if given."""
    for i, search in enumerate(searches):
        trials = sorted(search["trials"], key=lambda trial: trial[name])
        least = min(trial["fid"] for trial in trials)
        color = PALETTE[i % len(PALETTE)]
        marker = MARKERS[i % len(MARKERS)]
        x = [trial[name] for trial in trials]
        y = [100 * (trial["fid"] / least - 1) for trial in trials]
        style: dict[str, Any] = {"marker": marker, "markersize": 4, "linewidth": 1, "color": color}
        axes.plot(x, y, markerfacecolor="none", label=f"{search['steps']} steps", **style)
        for trial, across, up in zip(trials, x, y, strict=True):
            if trial.get("control"):
                axes.plot(across, up, marker="x", color=color, markersize=6)
            elif across == search["chosen"]:
                axes.plot(across, up, marker=marker, color=color, markersize=6)
    axes.set_yscale("symlog", linthresh=1)
    if smallest is not None:
        axes.set_xscale("symlog", linthresh=smallest)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    finish_panel(axes)
    axes.legend(fontsize=SMALL, frameon=False, loc="best")
