"""The figures of Input Perturbation, drawn from a study's own results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from stages.config.entries import Cell
from stages.plan.published_figures import PublishedFigure
from stages.reporting.figures.chart import Line, chart, histogram
from stages.reporting.figures.drawing import COLUMNS, Drawing, Material, Picture, same_noise, sheet
from stages.reporting.page.mosaics import row_uri
from stages.reporting.results.regenerated import LEVELS
from stages.reporting.results.training_curves import first_below_base
from stages.store.records import COLD_EMA

# The strength of the perturbation that all experiments but those on the strength have.
USUAL_GAMMA = 0.1
MOST_PANELS = 6


def prediction_error(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return nu_t of the models that are trained in the standard way (IP, Fig. 2), or why there is none."""
    models = [*material.models("adm"), *material.models("adm", "class")]
    curves = {name: material.curve(name, "nu") for name in models}
    curves = {name: curve for name, curve in curves.items() if len(curve)}
    if not curves:
        return "no model trained as ADM was diagnosed"
    lines = [Line(name, curve.at + 1, curve.values, curve.margins) for name, curve in curves.items()]
    name, curve = next(iter(curves.items()))
    description = f"ν against the time, for {' and '.join(curves)}."
    return Drawing(
        reading="Standard deviation over images of the error of the predicted image at true states of time t, averaged "
        "over pixels, which lie in [−1, 1]; IP searches its γ between 0 and the mean of this curve.",
        finding=f"For {name} the mean over t is {curve.values.mean():.2f}; ν rises from {curve.values[0]:.2f} at the "
        f"first time to {curve.values[-1]:.2f} at the last, where nothing of the image is left to predict from.",
        panels=[chart(f"Here: {material.dataset}", description, lines, figure.x, figure.y)],
        files=["diagnosis"],
    )


def fid_of_models(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return FID along the training of ADM and ADM-IP (IP, Fig. 3), beside the authors' curves."""
    bases = _in_training(material, "adm")
    perturbed = _in_training(material, "adm-ip")
    if not bases or not perturbed:
        return "no training of ADM and ADM-IP was followed: trajectory.models"
    usual = [name for name in perturbed if _gamma(material, name) == USUAL_GAMMA]
    shown = [bases[0], (usual or perturbed)[0]]
    told = [_first_below(row) for row in first_below_base(material.iterations) if row["model"] == shown[1]]
    told += _cold_averages(material, shown[0])
    return Drawing(
        reading="FID of the EMA weights after so many iterations, here on a logarithmic axis; IP finds ADM-IP below "
        "ADM’s best long before ADM has converged. One training run of each model gives no verdict; the margins are in "
        "the table.",
        finding=" ".join(told),
        panels=[_own_iterations(material, shown), *_published_iterations(material, figure)],
        files=["iterations"],
    )


def fid_of_gammas(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return FID along the training by the strength of the perturbation (IP, Fig. 4), beside the authors' curves."""
    shown = [*_in_training(material, "adm"), *_in_training(material, "adm-ip")]
    if len(shown) < 3:
        return "no training with several strengths of the perturbation was followed: trajectory.models"
    table = material.iterations
    last = table[table["model"].isin(shown)].groupby("model", sort=False).last()["fid"].sort_values()
    told = [_first_below(row) for row in first_below_base(table) if row["model"] in shown]
    lowest, highest = str(last.index[0]), str(last.index[-1])
    return Drawing(
        reading="As in Figure 3, a line per γ; γ = 0 is ADM. IP finds every γ better than none, and γ = 0.1 best.",
        finding=f"After all iterations FID is lowest for {_label(material, lowest)} ({last.iloc[0]:.2f}) and highest "
        f"for {_label(material, highest)} ({last.iloc[-1]:.2f}). {' '.join(told)}",
        panels=[_own_iterations(material, shown), *_published_iterations(material, figure)],
        files=["iterations"],
    )


def _in_training(material: Material, coordinate: str) -> list[str]:
    models = material.iterations["model"].unique()
    return [name for name in models if material.params.models[name].coordinate() == coordinate]


def _gamma(material: Material, model: str) -> float | None:
    return material.params.models[model].settings().get("gamma")


def _label(material: Material, model: str) -> str:
    gamma = _gamma(material, model)
    return f"{model} (γ = {gamma:g})" if gamma else model


def _cold_averages(material: Material, model: str) -> list[str]:
    """Return a sentence on the EMA weights that were taken before the average had warmed up, if there are some."""
    decay = material.params.recipes[material.params.models[model].recipe].ema
    iterations = material.iterations.loc[material.iterations["model"] == model, "iteration"]
    shares = {int(iteration): decay**iteration for iteration in iterations}
    cold = [f"{100 * share:.3g} % after {n:,}" for n, share in shares.items() if share > COLD_EMA]
    return [f"The EMA of {model} still holds initial weights: {', '.join(cold)} iterations."] if cold else []


def _own_iterations(material: Material, models: Sequence[str]) -> Markup:
    table = material.iterations
    lines = []
    for name in models:
        x, y = table.loc[table["model"] == name, ["iteration", "fid"]].to_numpy(float).T
        lines.append(Line(_label(material, name), x, y))
    title = f"Here: {material.dataset}, {table['steps'].iloc[0]} steps"
    description = f"FID of {', '.join(models)} along their training."
    return chart(title, description, lines, "training iterations", "FID", logarithmic=True)


def _published_iterations(material: Material, figure: PublishedFigure) -> Iterator[Markup]:
    """Yield a panel per data set of the authors' arrays, whose columns are thousands of iterations."""
    rows = figure.numbers(material.papers)
    for dataset in dict.fromkeys(row.dataset for row in rows):
        of_dataset = [row for row in rows if row.dataset == dataset]
        names = list(dict.fromkeys(row.row for row in of_dataset))
        lines = []
        for name in names:
            points = [(float(row.column.removesuffix("K")), float(row.value)) for row in of_dataset if row.row == name]
            x, y = zip(*points, strict=True)
            lines.append(Line(name.split(LEVELS)[-1].replace("gamma ", "γ = "), x, y, kind="published"))
        heading = names[0].split(LEVELS)[0] if LEVELS in names[0] else figure.dataset
        title = f"{heading}, {of_dataset[0].steps} steps"
        description = f"FID along the training, the authors’ numbers for {heading}."
        yield chart(title, description, lines, figure.x, figure.y)


def _first_below(row: Mapping[str, Any]) -> str:
    """Return a sentence on when a model is first below the last FID of its base."""
    of_base = f"the FID of {row['base']} at {row['iterations']:,} iterations ({row['fid']:.2f})"
    if row["first"] is None:
        return f"{row['model']} is never below {of_base}, up to {row['last']:,}."
    sure = "at none with the 95 % interval of the paired difference below 0"
    if row["certain"] is not None:
        sure = f"with the 95 % interval of the paired difference below 0 first at {row['certain']:,}"
    return f"{row['model']} is first below {of_base} at {row['first']:,} iterations, {sure}."


def reconstructions(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images and what deterministic chains of different lengths make of them (IP, Fig. 5)."""
    for model in material.models("adm"):
        states = material.states(model)
        if not len(states["pairs_steps"]):
            continue
        pairs = states["pairs"][:COLUMNS]
        pictures = [Picture("x₀, real images", row_uri(pairs[:, 0]))]
        for i, steps in enumerate(states["pairs_steps"], 1):
            pictures.append(Picture(f"x̂₀, from {steps} steps", row_uri(pairs[:, i])))
        table = material.diagnosis
        errors = table[(table["model"] == model) & (table["measure"] == "delta_bar")].sort_values("at")
        told = [f"{value:.3f} from {at + 1:.0f} steps" for at, value in errors[["at", "value"]].to_numpy(float)]
        return Drawing(
            reading="Each image is noised to a time n and walked back through all n steps without further noise; a "
            "network without error would return it. The longer the chain, the further the result is from the image.",
            finding=f"For {model} the mean absolute difference, of pixels in [−1, 1], is {' and '.join(told)}.",
            pictures=pictures,
        )
    return "no reconstruction was kept: the chains are as long as the planned columns of IP’s Table 6, up to max_steps"


def error_histograms(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the distribution over images of the error of single pixels (IP, Fig. 6)."""
    for model in material.models("adm"):
        panels = []
        for measure in material.measures(model, "histogram_at_")[:MOST_PANELS]:
            time, _, pixel = measure.removeprefix("histogram_at_").partition("_pixel_")
            gaussian = material.curve(model, measure, fix="gaussian")
            panels.append(
                histogram(
                    f"Here: {model}, t = {time}, pixel {pixel}",
                    f"Frequency of the error of pixel {pixel} at t = {time} over images, beside a Gaussian.",
                    material.curve(model, measure).line("error"),
                    gaussian.line("Gaussian of its mean and variance") if len(gaussian) else None,
                    figure.x,
                    figure.y,
                )
            )
        if not panels:
            continue
        rejected = 100 * material.curve(model, "rejected").values.mean()
        control = 100 * material.curve(model, "rejected", fix="control").values.mean()
        return Drawing(
            reading="Bars count images by the error of one pixel of the predicted image; IP calls the error Gaussian, "
            "the assumption behind its perturbation.",
            finding=f"For {model}, Shapiro and Wilk’s test rejects at 5 % that the error is Gaussian in "
            f"{rejected:.0f} % of the pixels on average over t, against {control:.0f} % for Gaussian noise.",
            panels=panels,
            files=["diagnosis"],
        )
    return "no model trained as ADM has histograms in its diagnosis"


def _perturbed_cells(material: Material) -> dict[str, Cell]:
    """Return the cells of ADM-IP by ADM's sampler, of the paper's usual strength where there are such."""
    found = material.cells_of("adm-ip", "ddpm", "none")
    usual = {key: cell for key, cell in found.items() if _gamma(material, cell.model) == USUAL_GAMMA}
    return usual or found


def adm_and_adm_ip(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of ADM and ADM-IP from the same noise, at the most steps that both have (IP, Figs. 7 to 11)."""
    pairs = same_noise(material.cells_of("adm", "ddpm", "none"), _perturbed_cells(material))
    if not pairs:
        return "no cells of ADM and ADM-IP with one sampler and as many steps: tables, max_steps, grid"
    keys = max(pairs, key=lambda pair: material.cells[pair[0]].steps)
    cells = [material.cells[key] for key in keys]
    fids = [material.fid(cell) for cell in cells]
    return Drawing(
        reading="Images at the same place started from the same noise and had the same noise added at each step.",
        finding=f"At {cells[0].steps:,} steps FID is {fids[0]:.2f} for {cells[0].model} and {fids[1]:.2f} for "
        f"{cells[1].model}; what that difference is worth stands under the claims.",
        pictures=[sheet(material, key, material.cells[key].model) for key in keys],
        cells=keys,
    )


def adm_ip_at_best(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of ADM-IP at the step count with the lowest FID (IP, Figs. 12 to 16)."""
    cells = _perturbed_cells(material)
    if not cells:
        return "no cell of ADM-IP: tables, grid"
    best = min(cells, key=lambda key: material.fid(cells[key]))
    cell = cells[best]
    return Drawing(
        reading="IP shows ADM-IP at the step count of its Table 3 with the lowest FID.",
        finding=f"It is {cell.model} at {cell.steps:,} steps, with FID {material.fid(cell):.2f}.",
        pictures=[sheet(material, best, f"{cell.model}, {cell.steps:,} steps")],
        cells=[best],
    )
