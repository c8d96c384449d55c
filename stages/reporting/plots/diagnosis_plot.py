"""Small multiples of the diagnosis: a row of panels per model, a panel per measure, with what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from stages.reporting.plots.fid_against_steps import DASHES, panels
from stages.reporting.plots.svg import GRID, INK, PALETTE, SMALL, to_svg

ALONG = "time t"
CONTROLS = ("control", "gaussian")


class Panel(NamedTuple):
    """One measure: which rows of the table, its title, and its axis."""

    title: str
    measure: str
    sampler: str
    across: str = ALONG
    of_control: float | None = None
    log: bool = False


class Group(NamedTuple):
    """The panels of one figure, and how to read them, in a sentence."""

    title: str
    panels: tuple[Panel, ...]
    reading: str


GROUPS = (
    Group(
        "Variance along the chain",
        (
            Panel("δ, ADM's sampler", "delta", "ddpm"), Panel("δ, DDIM", "delta", "ddim"),
            Panel("ε-norm ratio, ADM's", "eps_norm_ratio", "ddpm", of_control=1.0),
            Panel("ε-norm ratio, DDIM", "eps_norm_ratio", "ddim", of_control=1.0),
        ),
        "A line above the control has more variance than the states of a perfect sampler (δ), or larger noise "
        "predictions than in training (the ratio): what is left too noisy calls for b below 1, what is too clean for b "
        "above 1.",
    ),
    Group(
        "Fine detail of the images",
        (
            Panel("final images, ADM's sampler", "power", "ddpm", "frequency band", 1.0),
            Panel("final images, DDIM", "power", "ddim", "frequency band", 1.0),
            Panel("finest band along ADM's", "power_last", "ddpm", of_control=1.0),
            Panel("finest band along DDIM", "power_last", "ddim", of_control=1.0),
        ),
        "Power of the Fourier coefficients over that of real images, along a chain of real images with noise; the mean "
        "of each image is left out. Grey: other real images, and 1. Dashes: what finite steps alone leave where the "
        "prediction is exact, for Gaussian data of this spectrum. Power below them points to b above 1, which adds "
        "detail; power above them to b below 1.",
    ),
    Group(
        "Errors of the prediction",
        (
            Panel("ν, size of x0hat − x0", "nu", ""), Panel("not Gaussian (share)", "rejected", ""),
            Panel("Δ of one step, ADM's", "Delta", "ddpm"), Panel("DDIM from a true state", "error", "ddim"),
        ),
        "How large the error of a predicted image is, and in how many pixels a test at 5 % calls it not Gaussian "
        "(grey: Gaussian noise of that size); the variance that one step adds (grey: in closed form; dotted: as ES's "
        "Table 1 has it); the mean square by which DDIM leaves the true path, from four starts.",
    ),
    Group(
        "Whether the time fits",
        (
            Panel("variance of an image", "variance", ""), Panel("shift told by TS, ADM's", "shift", "ddpm"),
            Panel("shift told by TS, DDIM", "shift", "ddim"),
            Panel("nearest true time − next", "nearest", "ddim", of_control=0.0),
        ),
        "The variance of single noised images (5, 25, 50, 75 and 95 %) against 1 − ᾱ, which Time-Shift takes it for "
        "(grey); by how much later it tells the network that it is, on its own states and on true ones (grey); and how "
        "far the true state nearest to DDIM's next one lies from the time of that step.",
    ),
)  # fmt: skip
SUMMARY = (
    ("ν", "nu", "", "none", None), ("not Gaussian", "rejected", "", "none", None),
    ("δ − control, ADM’s", "delta", "ddpm", "none", "control"),
    ("δ − control, DDIM", "delta", "ddim", "none", "control"),
    ("ε-norm ratio, ADM’s", "eps_norm_ratio", "ddpm", "none", None),
    ("ε-norm ratio, DDIM", "eps_norm_ratio", "ddim", "none", None),
)  # fmt: skip


def diagnosis_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each model: delta_bar by steps, means over the chain, and the power in the finest band."""
    rows: dict[str, dict[str, float]] = {}
    for name, part in table.groupby("model", sort=False):
        row = rows.setdefault(str(name), {})
        for at, value in part[part["measure"] == "delta_bar"][["at", "value"]].to_numpy():
            row[f"δ̄ from {at + 1:.0f} steps"] = value
        for title, measure, sampler, fix, control in SUMMARY:
            there = part[(part["measure"] == measure) & (part["sampler"] == sampler)]
            held = there[there["fix"] == control]["value"].mean() if control else 0.0
            row[title] = there[there["fix"] == fix]["value"].mean() - held
        for sampler, title in (("ddpm", "ADM’s"), ("ddim", "DDIM")):
            power = part[(part["measure"] == "power") & (part["sampler"] == sampler) & (part["fix"] == "none")]
            row[f"finest band, {title}"] = power["value"].iloc[-1]
    return pd.DataFrame.from_dict(rows, orient="index")


def diagnosis_plot(table: pd.DataFrame, group: Group) -> str:
    """Return an SVG of one group of measures; columns: model, sampler, fix, measure, at, value, margin."""
    models = list(table["model"].unique())
    figure, grid = panels(len(models), len(group.panels), shared=False)
    fixes = [fix for fix in table["fix"].unique() if fix not in CONTROLS]
    for row, model in zip(grid, models, strict=True):
        part = table[table["model"] == model]
        for axes, panel in zip(row, group.panels, strict=True):
            axes.set_visible(True)
            _panel(axes, part[part["sampler"] == panel.sampler], panel, fixes)
            axes.set_title(f"{model}: {panel.title}", fontsize=SMALL, loc="left", fontweight="bold")
    for axes, panel in zip(grid[-1], group.panels, strict=True):
        axes.set_xlabel(panel.across, fontsize=SMALL)
    handles = {line.get_label(): line for axes in grid.flat for line in axes.get_lines() if line.get_label()[0] != "_"}
    figure.legend(
        list(handles.values()), list(handles), loc="lower center", ncols=len(handles), fontsize=SMALL, frameon=False
    )
    return to_svg(figure, group.title, group.reading)


def _panel(axes: Axes, part: pd.DataFrame, panel: Panel, fixes: Sequence[str]) -> None:
    measures = _measures(part, panel.measure)
    if panel.of_control is not None:
        axes.axhline(panel.of_control, color=INK, alpha=0.35, linewidth=2, label="control")
    for measure in measures:
        for fix, curve in part[part["measure"] == measure].groupby("fix", sort=False):
            style = _style(str(fix), measure, panel, fixes)
            axes.plot(curve["at"], curve["value"], **style)
            low, high = curve["value"] - curve["margin"], curve["value"] + curve["margin"]
            axes.fill_between(curve["at"], low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.tick_params(labelsize=SMALL)
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _measures(part: pd.DataFrame, name: str) -> list[str]:
    """Return the measures that a panel draws: of some a panel has several."""
    known = list(part["measure"].unique())
    if name == "power_last":
        return [measure for measure in known if measure.startswith("power_")][-1:]
    with_parts = {"variance": "variance", "error": "error_from_", "Delta": "Delta"}
    return [measure for measure in known if measure.startswith(with_parts[name])] if name in with_parts else [name]


def _style(fix: str, measure: str, panel: Panel, fixes: Sequence[str]) -> dict[str, Any]:
    if fix == "gaussian":
        return {"color": INK, "alpha": 0.6, "linestyle": "--", "linewidth": 1, "label": "exact for Gaussian data"}
    if fix == "control" or measure == "Delta_exact":
        return {"color": INK, "alpha": 0.35, "linewidth": 2, "label": "control"}
    i = fixes.index(fix)
    style = {"color": PALETTE[i % len(PALETTE)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.2, "label": fix}
    if measure == "Delta_table":
        return style | {"linestyle": ":", "alpha": 0.6, "label": "_"}
    if measure.startswith("variance_") and measure != "variance_0.5":
        return style | {"linewidth": 0.5, "label": "_"}
    return style
