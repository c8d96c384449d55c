"""Small multiples of the diagnosis: a row of panels per model, a panel per measure, each with its control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from stages.reporting.plots.panels import DASHES, finish_panel, panels
from stages.reporting.plots.svg import INK, PALETTE, SMALL, to_svg

ALONG = "time t"
CONTROLS = ("control", "gaussian")
# Measures of which a panel has the second dotted.
SECOND = {
    "step_shift": ("step_shift_corrected",),
    "window": ("window_1", "window_0.1"),
}
DOTTED = ("step_shift_corrected", "window_0.1")


class Panel(NamedTuple):
    """One measure: its title, the rows of the table that it draws, and its axis."""

    title: str
    measure: str
    sampler: str
    x_label: str = ALONG
    control: float | None = None
    logarithmic: bool = False


class Group(NamedTuple):
    """The panels of one figure, and how to read them."""

    title: str
    panels: tuple[Panel, ...]
    reading: str


# What figures of the papers show is not among them: ADM's sampler, the size of the errors, the nearest times.
GROUPS = (
    Group(
        "Variance along the chain of DDIM",
        (
            Panel("δ", "delta", "ddim"),
            Panel("ε-norm ratio", "eps_norm_ratio", "ddim", control=1.0),
            Panel("variance of an image", "step_variance", "ddim"),
            Panel("fitting time − scheduled", "step_shift", "ddim", control=0.0),
        ),
        "A line above the control has more variance than the states of a perfect sampler (δ), or larger noise "
        "predictions than in training (the ratio). States that stay too noisy call for b below 1, states that are too "
        "clean for b above 1. Then the variance of single images after a step from a true state, against 1 − ᾱ of the "
        "next time (grey), and by how much the time that fits it differs from the scheduled one: as Time-Shift takes "
        "it, and without the error of the prediction as in TS’s Equation 8 (dotted).",
    ),
    Group(
        "Fine detail of the images",
        (
            Panel("final images, ADM's sampler", "power", "ddpm", "frequency band", 1.0),
            Panel("final images, DDIM", "power", "ddim", "frequency band", 1.0),
            Panel("finest band along ADM's", "power_last", "ddpm", control=1.0),
            Panel("finest band along DDIM", "power_last", "ddim", control=1.0),
        ),
        "Power of the Fourier coefficients over that of real images, along a chain of real images with noise; the mean "
        "of each image is left out. Grey: other real images, and 1. Dashes: what finite steps alone leave where the "
        "prediction is exact, for Gaussian data of this spectrum. Power below the dashes points to b above 1, which "
        "adds detail; power above them points to b below 1.",
    ),
    Group(
        "The prediction and its surroundings",
        (
            Panel("errors not Gaussian (share)", "rejected", ""),
            Panel("squared norm of the Jacobian", "gradient_norm", "", logarithmic=True),
            Panel("penalty as released", "gradient_monitor", ""),
            Panel("widest window", "window", "ddim"),
        ),
        "The share of pixels in which a test at 5 % rejects that the error of the predicted image is Gaussian (grey: "
        "Gaussian noise); the squared Frobenius norm of the Jacobian of the predicted noise, which IP’s Equation 10 "
        "penalises (dashes: the exact prediction for Gaussian data), and the sum that its released code takes for it; "
        "the window around each time in which other times differ by less than the error of the prediction, and by less "
        "than a tenth of it (dotted), after TS’s Appendix J.2.",
    ),
)


class Mean(NamedTuple):
    """A column of the summary: the mean of a measure along the chain without a fix, minus that of its control."""

    title: str
    measure: str
    sampler: str
    minus_control: bool = False


MEANS = (
    Mean("ν", "nu", ""),
    Mean("not Gaussian", "rejected", ""),
    Mean("δ − control, ADM’s", "delta", "ddpm", minus_control=True),
    Mean("δ − control, DDIM", "delta", "ddim", minus_control=True),
    Mean("ε-norm ratio, ADM’s", "eps_norm_ratio", "ddpm"),
    Mean("ε-norm ratio, DDIM", "eps_norm_ratio", "ddim"),
)


def diagnosis_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model: delta_bar by steps, means along the chain, and the power in the finest band."""
    rows: dict[str, dict[str, float]] = {}
    for name, part in table.groupby("model", sort=False):
        row = rows.setdefault(str(name), {})
        for at, value in part[part["measure"] == "delta_bar"][["at", "value"]].to_numpy():
            row[f"δ̄ from {at + 1:.0f} steps"] = value
        for mean in MEANS:
            curve = part[(part["measure"] == mean.measure) & (part["sampler"] == mean.sampler)]
            row[mean.title] = curve[curve["fix"] == "none"]["value"].mean()
            if mean.minus_control:
                row[mean.title] -= curve[curve["fix"] == "control"]["value"].mean()
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
            _draw_panel(axes, part[part["sampler"] == panel.sampler], panel, fixes)
            axes.set_title(f"{model}: {panel.title}", fontsize=SMALL, loc="left", fontweight="bold")
    for axes, panel in zip(grid[-1], group.panels, strict=True):
        axes.set_xlabel(panel.x_label, fontsize=SMALL)
    handles = {line.get_label(): line for axes in grid.flat for line in axes.get_lines() if line.get_label()[0] != "_"}
    figure.legend(
        list(handles.values()), list(handles), loc="lower center", ncols=len(handles), fontsize=SMALL, frameon=False
    )
    return to_svg(figure, group.title, group.reading)


def _draw_panel(axes: Axes, part: pd.DataFrame, panel: Panel, fixes: Sequence[str]) -> None:
    if panel.control is not None:
        axes.axhline(panel.control, color=INK, alpha=0.35, linewidth=2, label="control")
    for measure in _measures(part, panel.measure):
        for fix, curve in part[part["measure"] == measure].groupby("fix", sort=False):
            style = _style(str(fix), measure, fixes)
            axes.plot(curve["at"], curve["value"], **style)
            low = curve["value"] - curve["margin"]
            high = curve["value"] + curve["margin"]
            axes.fill_between(curve["at"], low, high, color=style["color"], alpha=0.12, linewidth=0)
    if panel.logarithmic:
        axes.set_yscale("log")
    finish_panel(axes)


def _measures(part: pd.DataFrame, name: str) -> list[str]:
    """Return the measures that a panel draws; some panels draw several."""
    known = list(part["measure"].unique())
    if name == "power_last":
        return [measure for measure in known if measure.startswith("power_")][-1:]
    return [name, *(measure for measure in SECOND.get(name, ()) if measure in known)]


def _style(fix: str, measure: str, fixes: Sequence[str]) -> dict[str, Any]:
    if fix == "gaussian":
        return {"color": INK, "alpha": 0.6, "linestyle": "--", "linewidth": 1, "label": "exact for Gaussian data"}
    if fix == "control":
        return {"color": INK, "alpha": 0.35, "linewidth": 2, "label": "control"}
    i = fixes.index(fix)
    style = {"color": PALETTE[i % len(PALETTE)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.2, "label": fix}
    if measure in DOTTED:
        return style | {"linestyle": ":", "label": "_"}
    return style
