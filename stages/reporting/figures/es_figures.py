"""The figures of Epsilon Scaling, drawn from a study's own results."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from stages.config.method_settings import GUIDED
from stages.plan.published_figures import PublishedFigure
from stages.reporting.figures.chart import Line, chart
from stages.reporting.figures.drawing import Drawing, Material, Points, same_noise, sheet

# Without the state that the chain starts from, as in ES's figures of delta.
LANDED = slice(None, -1)
# The chains of ADM's sampler in a diagnosis, with what is told of them.
CHAINS = {
    "ddpm": "the network’s variance",
    "ddpm-small": "the small variance",
    "ddpm-guided": "guidance by a classifier",
}
# From this timestep on ES fits its quadratic function.
FITTED_FROM = 5
NOT_DIAGNOSED = "no model trained as ADM was diagnosed"
NOT_SCALED = "no diagnosed model of ADM has a cell under Epsilon Scaling at the steps of its diagnosis"


class Walk(NamedTuple):
    """The chains of one model by one form of ADM's sampler, with a number of steps (None: that of the main chains)."""

    material: Material
    model: str
    sampler: str
    steps: int | None = None

    def curve(self, measure: str, fix: str = "none") -> Points:
        """Return a curve by the timestep of ES: 1 is the cleanest state of the chain, S the first."""
        found = self.material.curve(self.model, measure, self.sampler, fix, self.steps)
        grid = list(self.material.curve(self.model, "eps_norm", self.sampler, steps=self.steps).at)
        on_grid = found.only(np.isin(found.at, grid))
        return replace(on_grid, at=np.array([grid.index(time) + 1 for time in on_grid.at]))

    def number(self, measure: str, fix: str = "none") -> float | None:
        """Return the last value of a measure that is no curve along the chain, None without any."""
        found = self.material.curve(self.model, measure, self.sampler, fix, self.steps)
        return float(found.values[-1]) if len(found) else None

    @property
    def title(self) -> str:
        """What panels of these chains are called."""
        return f"Here: {self.model}, {CHAINS[self.sampler]}"

    @property
    def name(self) -> str:
        """The chains within a sentence."""
        return f"{self.model} and {CHAINS[self.sampler]}"

    @property
    def under_es(self) -> str:
        """How Epsilon Scaling with the b of these chains is called."""
        b, k = self.number("scaling_b", "es"), self.number("scaling_k", "es")
        slope = f", k = {k:g}" if k else ""
        return f"Epsilon Scaling (b = {b:g}{slope})" if b else "Epsilon Scaling"


def variance_errors(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the variance error of single steps and of the whole chain (ES, Fig. 1)."""
    panels = []
    told = []
    for walk in _walks(material):
        chain, step, perfect = walk.curve("delta"), walk.curve("Delta"), walk.curve("delta", "control")
        if not (len(chain) and len(step) and len(perfect)):
            continue
        lines = [
            chain.only(LANDED).line("multi-step"),
            step.line("single-step"),
            perfect.only(LANDED).line("multi-step, perfect sampler", "control"),
        ]
        description = f"Variance error of the chain and of single steps, with {walk.name}."
        panels.append(chart(walk.title, description, lines, figure.x, figure.y))
        told.append(
            f"With {walk.name}, the multi-step error ends at {chain.values[0]:.2f}, that of a perfect sampler at "
            f"{perfect.values[0]:.2f}; the single-step error is at most {step.values.max():.3f}."
        )
    if not panels:
        return NOT_DIAGNOSED
    return Drawing(
        reading="Timestep 1 is the end of sampling. ES reads the rise towards it as accumulated error; but the chain "
        "keeps nothing of the image that it is compared with, so that even a perfect sampler ends at twice the "
        "variance of the data (grey).",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def noise_norms(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the norm of the predicted noise in training and in sampling (ES, Fig. 2)."""
    panels = []
    told = []
    for walk in _walks(material):
        panel = _norm_panel(walk, figure.x, figure.y, scaled=False)
        if panel:
            panels.append(panel)
            above = int((walk.curve("eps_norm").values > walk.curve("eps_norm", "control").values).sum())
            of = len(walk.curve("eps_norm"))
            told.append(f"With {walk.name}, the norm while sampling is the larger one at {above} of {of} timesteps.")
    if not panels:
        return NOT_DIAGNOSED
    return Drawing(
        reading="Mean over images of the norm of the predicted noise, in training (at true states) and while sampling; "
        "that of white noise is √d (grey). ES finds the norm while sampling always above that in training.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def norm_quotient(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the quotient of the norms at each number of steps, and its quadratic fit (ES, Fig. 3, Eqs. 21 and 22)."""
    panels = []
    told = []
    for model in material.models("adm")[:1]:
        for steps in material.step_counts:
            walk = Walk(material, model, "ddpm", steps)
            quotient = walk.curve("eps_norm_ratio")
            if not len(quotient):
                continue
            lines = [quotient.line("ΔN(t)")]
            fit = walk.curve("eps_norm_ratio_fit")
            if len(fit):
                lines.append(fit.line("quadratic fit", "fit"))
                told.append(_fit_told(walk))
            lines.append(Line("1", [1, steps], [1, 1], kind="control"))
            description = f"Norm while sampling over that in training, with {model} and {steps} steps."
            # The first timesteps, which ES leaves out of the fit, would take nearly all of the axis.
            fitted = quotient.values[min(FITTED_FROM, steps) - 1 :]
            room = 0.2 * float(np.ptp([*fitted, 1]))
            limits = (float(min([*fitted, 1])) - room, float(max([*fitted, 1])) + room)
            title = f"Here: {model}, {steps} steps"
            panels.append(chart(title, description, lines, figure.x, figure.y, limits=limits))
            told.append(f"At timestep 1, above the panel, it is {quotient.values[0]:.2f} with {steps} steps.")
    if not panels:
        return NOT_DIAGNOSED
    return Drawing(
        reading="Above 1 the network predicts more noise while sampling than at true states. ES fits a quadratic "
        "function of the timestep (dotted), whose derivative is the linear λ = kt + b, and finds less curvature with "
        "50 steps than with 20.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def _fit_told(walk: Walk) -> str:
    curvature, k = (_decimal(walk.number(measure) or 0.0) for measure in ("ratio_fit_2", "ratio_fit_k"))
    return (
        f"With {walk.steps} steps the fit of {walk.model} has R² = {walk.number('ratio_fit_r2') or 0:.3f} and the "
        f"coefficient {curvature} of t²; read as a schedule, k = {k} and b = {walk.number('ratio_fit_b') or 0:.3f}."
    )


def _decimal(value: float) -> str:
    """Return a number with two significant digits and without an exponent."""
    return np.format_float_positional(value, 2, fractional=False, trim="-").replace("-", "−")


def delta_of_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return delta of ADM with and without Epsilon Scaling (ES, Fig. 4)."""
    walks = [walk for walk in _walks(material) if _has_delta(walk)]
    if not walks:
        return NOT_SCALED
    return Drawing(
        reading="δ with and without Epsilon Scaling at the cell’s own b; grey, a perfect sampler. ES finds a smaller δ "
        "at timestep 1 under Epsilon Scaling. A δ below the grey line means states of too little variance.",
        finding=" ".join(map(_delta_told, walks)),
        panels=[_delta_panel(walk, figure.x, figure.y) for walk in walks],
        files=["diagnosis"],
    )


def noise_norms_of_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the norm of the predicted noise, also under Epsilon Scaling (ES, Fig. 5)."""
    panels = []
    told = []
    for walk in _walks(material):
        panel = _norm_panel(walk, figure.x, figure.y, scaled=True)
        if panel:
            panels.append(panel)
            told.append(_norm_told(walk))
    if not panels:
        return NOT_SCALED
    return Drawing(
        reading="As in Figure 2, and while sampling under Epsilon Scaling at the cell’s own b, divided by it. ES finds "
        "that the norm while sampling moves towards that in training.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def es_on_other_models(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return norms and delta under Epsilon Scaling of further models, as ES has further data sets (ES, Figs. 7, 8)."""
    of_norm, of_delta = figure.y.split("; ")
    panels = []
    told = []
    for sampler in ("ddpm", "ddpm-guided"):
        walks = [Walk(material, model, sampler) for model in material.models("adm", "class")]
        for walk in [walk for walk in walks if _has_delta(walk)][:1]:
            norms = _norm_panel(walk, figure.x, of_norm, scaled=True)
            panels += [*([norms] if norms else []), _delta_panel(walk, figure.x, of_delta)]
            told += [_norm_told(walk), _delta_told(walk)]
    if not panels:
        return "no class-conditional model was diagnosed under Epsilon Scaling"
    return Drawing(
        reading="ES repeats Figures 5 and 4 on two more data sets. This study has one, and repeats them on its "
        "class-conditional network, without and with guidance.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def adm_and_adm_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of ADM with and without Epsilon Scaling, from the same noise (ES, Figs. 6, 9, 10)."""
    return _images(material, "adm")


def class_adm_and_adm_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of class-conditional ADM with and without Epsilon Scaling (ES, Fig. 11)."""
    return _images(material, "adm", "class")


def guided_adm_and_adm_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of guided ADM with and without Epsilon Scaling (ES, Fig. 12)."""
    return _images(material, "adm", "class", GUIDED)


def ldm_and_ldm_es(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of LDM with and without Epsilon Scaling (ES, Fig. 13)."""
    return _images(material, "ldm")


def _images(material: Material, model: str, condition: str | None = None, need: str | None = None) -> Drawing | str:
    plain = material.cells_of(model, "ddpm", "none", condition, need)
    scaled = material.cells_of(model, "ddpm", "es", condition, need)
    pairs = same_noise(plain, scaled)
    if not pairs:
        return "no such cells with and without Epsilon Scaling: tables, max_steps"
    # There ES finds the largest gain.
    keys = min(pairs, key=lambda pair: material.cells[pair[0]].steps)
    cells = [material.cells[key] for key in keys]
    fids = [material.fid(cell) for cell in cells]
    b = material.params.fixes[cells[1].fix].resolved(cells[1].values).settings()["b"]
    return Drawing(
        reading="Images at the same place started from the same noise; ES finds better contrast, colours and detail.",
        finding=f"At {cells[0].steps} steps FID is {fids[0]:.2f} without and {fids[1]:.2f} with b = {b:g}; what that "
        "difference is worth stands under the claims.",
        pictures=[
            sheet(material, keys[0], f"{cells[0].model}, {cells[0].steps} steps"),
            sheet(material, keys[1], f"{cells[1].model} under Epsilon Scaling, b = {b:g}"),
        ],
        cells=keys,
    )


def _walks(material: Material) -> list[Walk]:
    """Return the chains of the first unconditional model by each form of ADM's sampler."""
    return [
        Walk(material, model, sampler) for model in material.models("adm")[:1] for sampler in ("ddpm", "ddpm-small")
    ]


def _norm_panel(walk: Walk, x: str, y: str, scaled: bool) -> Markup | None:
    """Return a panel of the norms, None where one of its curves is not there."""
    training, sampling = walk.curve("eps_norm", "control"), walk.curve("eps_norm")
    under_es = walk.curve("eps_norm", "es")
    if not (len(training) and len(sampling)) or (scaled and not len(under_es)):
        return None
    lines = [training.line("training"), sampling.line("sampling")]
    if scaled:
        lines.append(under_es.line(f"sampling under {walk.under_es}"))
    ceiling = walk.curve("eps_norm_ceiling", "control")
    if len(ceiling):
        lines.append(ceiling.line("√d", "control"))
    return chart(walk.title, f"Norm of the predicted noise with {walk.name}, by timestep.", lines, x, y)


def _norm_told(walk: Walk) -> str:
    training = walk.curve("eps_norm", "control").values
    before = float(np.abs(walk.curve("eps_norm").values - training).mean())
    after = float(np.abs(walk.curve("eps_norm", "es").values - training).mean())
    return (
        f"With {walk.name}, {walk.under_es} brings the norm {'closer' if after < before else 'further away'}: its mean "
        f"distance from that in training goes from {before:.3f} to {after:.3f}."
    )


def _has_delta(walk: Walk) -> bool:
    return all(len(walk.curve("delta", fix)) for fix in ("none", "es", "control"))


def _delta_panel(walk: Walk, x: str, y: str) -> Markup:
    lines = [
        walk.curve("delta").only(LANDED).line("without"),
        walk.curve("delta", "es").only(LANDED).line(f"under {walk.under_es}"),
        walk.curve("delta", "control").only(LANDED).line("perfect sampler", "control"),
    ]
    return chart(walk.title, f"δ with {walk.name}, with and without Epsilon Scaling, by timestep.", lines, x, y)


def _delta_told(walk: Walk) -> str:
    plain, scaled, perfect = (walk.curve("delta", fix) for fix in ("none", "es", "control"))
    difference = scaled.values[0] - plain.values[0]
    margin = max(float(each.margins[0]) if each.margins is not None else 0.0 for each in (plain, scaled))
    word = "smaller" if difference < 0 else "larger"
    if abs(difference) <= margin:
        word = "not told apart by these images"
    return (
        f"With {walk.name}, δ at timestep 1 is {plain.values[0]:.3f} and under {walk.under_es} {scaled.values[0]:.3f}, "
        f"{word}; a perfect sampler has {perfect.values[0]:.3f}."
    )
