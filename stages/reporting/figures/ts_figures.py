"""The figures of Time-Shift, drawn from a study's own results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from stages.auditing.tables.rows import Row
from stages.config.entries import Cell
from stages.plan.published_figures import PublishedFigure
from stages.reporting.figures.chart import Bars, Line, bars, chart
from stages.reporting.figures.drawing import Drawing, Material, Picture, same_noise, sheet, signed
from stages.reporting.page.mosaics import row_uri
from stages.reporting.results.search_trials import curves

# How many densities and targets are drawn, of those that were measured, and how many states and images of chains.
FEW = 6
STATES = 10
CHAINED = 2
SHIFTED = "TS-"


def state_variances(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the densities over images of the variance of one noised image (TS, Fig. 2)."""
    for model in _networks(material):
        found = material.measures(model, "variance_density_")
        if not found:
            continue
        times = spaced(sorted(int(measure.removeprefix("variance_density_")) for measure in found), FEW)
        lines = [material.curve(model, f"variance_density_{time}").line(f"t = {time}") for time in times]
        low = material.curve(model, "variance_0.05")
        widths = material.curve(model, "variance_0.95").values - low.values
        description = f"Density of the variance of one image at the times {', '.join(map(str, times))}."
        return Drawing(
            reading="How the variance of single noised images scatters over images at a time. TS infers from its "
            "narrowing that small errors matter more at late times, and takes its cutoff from it.",
            finding=f"90 % of the images lie within a range of {widths[0]:.3f} at t = {low.at[0]:.0f} and of "
            f"{widths[-1]:.3f} at t = {low.at[-1]:.0f}: with so few pixels an image, that of pure noise scatters too.",
            panels=[chart(f"Here: {material.dataset}", description, lines, figure.x, figure.y)],
            files=["diagnosis"],
        )
    return "no diagnosed model has densities of the variance"


def error_along_ddim(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the error of DDIM's states from several starts (TS, Figs. 3 and 9)."""
    panels = []
    told = []
    for model in _networks(material):
        starts = sorted(int(found.removeprefix("error_from_")) for found in material.measures(model, "error_from_"))
        if not starts:
            continue
        errors = [material.curve(model, f"error_from_{start}", "ddim") for start in starts]
        # The final image is at -1.
        lines = [
            Line(f"from t = {start}", error.at + 1, error.values, error.margins)
            for start, error in zip(starts, errors, strict=True)
        ]
        description = f"Mean square distance of DDIM’s states from the true ones with {model}, from several starts."
        panels.append(chart(f"Here: {model}, DDIM", description, lines, figure.x, figure.y, logarithmic=True))
        told.append(
            f"With {model} the final images are off by {errors[0].values[0]:.2g} from t = {starts[0]} and by "
            f"{errors[-1].values[0]:.2g} from t = {starts[-1]}."
        )
    if not panels:
        return "no model was diagnosed"
    return Drawing(
        reading="DDIM walks from noised images to the left; the distance is that to the same images under the same "
        "noise, timestep 0 being the final image. TS finds that the error accumulates, and that DDIM returns the image "
        "from below t = 650 alone. The vertical axis is logarithmic here.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def nearby_times(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the distances of DDIM's next state from true states of nearby times (TS, Figs. 4 and 10)."""
    panels = []
    told = []
    for model in _networks(material):
        targets = sorted(int(found.removeprefix("coupling_to_")) for found in material.measures(model, "coupling_to_"))
        # Near 0 the window is cut.
        targets = spaced([target for target in targets if target > 0], FEW - 1)
        nearest = material.curve(model, "nearest", "ddim")
        if not targets or not len(nearest):
            continue
        lines = [
            material.curve(model, f"coupling_to_{target}", "ddim").line(f"step to t = {target}") for target in targets
        ]
        description = f"Mean square distance of DDIM’s next state from true states around its time, with {model}."
        panels.append(chart(f"Here: {model}, DDIM", description, lines, figure.x, figure.y, logarithmic=True))
        zero = Line("the step’s own time", nearest.at[[0, -1]], [0, 0], kind="control")
        description = f"How far the nearest time lies from that of the step, with {model}."
        lines = [nearest.line("nearest time less own"), zero]
        panels.append(chart(f"Here: {model}, nearest times", description, lines, "timestep", "difference in time"))
        moved = int((nearest.values != 0).sum())
        largest = int(np.abs(nearest.values).argmax())
        told.append(
            f"With {model} another time is nearer at {moved} of {len(nearest)} steps, at most by "
            f"{signed(nearest.values[largest])} (at t = {nearest.at[largest]:.0f})."
        )
    if not panels:
        return "no model was diagnosed"
    return Drawing(
        reading="One step of DDIM from a true state, compared with true states of the same image and noise at times s "
        "around the one that the step leads to. Where the minimum is not at 0, another time fits the state better; "
        "Time-Shift looks for that. The vertical axis of the distances is logarithmic here.",
        finding=" ".join(told),
        panels=panels,
        files=["diagnosis"],
    )


def times_of_ddpm(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the sampling times of the DDPM network (TS, Fig. 5), beside the printed ones."""
    return _times(material, figure, "ddpm", ("ddim", "s-pndm", "f-pndm"))


def times_of_adm(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the sampling times of the ADM network (TS, Fig. 6), beside the printed ones."""
    return _times(material, figure, "adm", ("ddim-clipped", "ddim"))


def _times(material: Material, figure: PublishedFigure, model: str, samplers: Sequence[str]) -> Drawing | str:
    timed = material.times.cells
    found: dict[str, dict[int, float]] = {}
    overheads = []
    for sampler in samplers:
        plain_cells = {key: cell for key, cell in material.cells_of(model, sampler, "none").items() if key in timed}
        shifted_cells = {key: cell for key, cell in material.cells_of(model, sampler, "ts").items() if key in timed}
        pairs: dict[str, list[tuple[str, str]]] = {}
        for pair in same_noise(plain_cells, shifted_cells):
            pairs.setdefault(material.cells[pair[0]].sampler, []).append(pair)
        # Of several sections with one published name, the one that was timed at most step counts.
        for plain, shifted in max(pairs.values(), key=len, default=[]):
            cell = material.cells[plain]
            found.setdefault(cell.sampler, {})[cell.steps] = timed[plain].ms
            found.setdefault(f"{SHIFTED}{cell.sampler}", {})[cell.steps] = timed[shifted].ms
            overheads += (timed[shifted].overhead or [])[:1]
    if not found:
        return "not timed yet; run python -m stages times"
    printed = _printed_times(figure.numbers(material.papers))
    panels = [_time_panel(f"Here: {material.dataset}, network of {model.upper()}", found, figure, published=False)]
    if printed:
        panels.append(_time_panel(f"{figure.dataset}, RTX 3090", printed, figure, published=True))
    change = f"{signed(min(overheads), 1)} to {signed(max(overheads), 1)} %" if overheads else "an unknown share"
    return Drawing(
        reading="Time per image here, of an image or a batch, undisclosed, in the paper; hatched with Time-Shift. Only "
        "the ratio within a panel means something. TS finds the additional time negligible up to 20 steps.",
        finding=f"With Time-Shift sampling takes {change} longer here (medians over the rounds).",
        panels=panels,
        files=["ts-3" if model == "ddpm" else "ts-4"],
    )


def _printed_times(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if row.metric == "time_ms":
            name = row.sampler if row.fix == "none" else f"{SHIFTED}{row.sampler}"
            found.setdefault(name, {})[int(row.steps)] = float(row.value)
    return found


def _time_panel(
    title: str, found: Mapping[str, Mapping[int, float]], figure: PublishedFigure, published: bool
) -> Markup:
    steps = sorted({step for times in found.values() for step in times})
    # A sampler, then the same with Time-Shift.
    samplers = [name for name in found if not name.startswith(SHIFTED)]
    heights = [
        Bars(name, [found[name].get(step, float("nan")) for step in steps])
        for sampler in samplers
        for name in (sampler, f"{SHIFTED}{sampler}")
    ]
    description = f"Sampling times of {', '.join(each.name for each in heights)} by the number of steps."
    return bars(title, description, [str(step) for step in steps], heights, figure.x, figure.y, published)


def window_and_cutoff(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return FID against the window and against the cutoff, by number of steps (TS, Fig. 7)."""
    cells = _uniform(material, "ts")
    searched = {key: entry for key, entry in material.searched.items() if key in cells}
    panels = []
    told = []
    for name, label in zip(("window", "cutoff"), figure.x.split("; "), strict=True):
        found = sorted(curves(searched, material.cells, name), key=lambda each: each["steps"])
        if not found:
            continue
        lines = []
        for each in found:
            trials = sorted(each["trials"], key=lambda trial: trial[name])
            lines.append(Line(f"{each['steps']} steps", [t[name] for t in trials], [t["fid"] for t in trials]))
        title = f"Here: {found[0]['model']}, {found[0]['sampler']}"
        title += f", cutoff {found[0]['trials'][0]['cutoff']:g}" if name == "window" else ", best windows"
        description = f"FID of every trial against the {label}, a line per number of steps."
        panels.append(chart(title, description, lines, label, figure.y, logarithmic=True))
        best = ", ".join(f"{each['chosen']:g} at {each['steps']} steps{_where(each['place'])}" for each in found)
        told.append(f"The best {label} is {best}.")
    if not panels:
        return "no search for the window and the cutoff of DDIM with Time-Shift; run python -m stages search"
    return Drawing(
        reading="Left the window at one cutoff, right the cutoff; every point is a trial of the search, on noise that "
        "no score uses. TS finds little influence of the window at few steps, and a cutoff of 200 best at 10. The "
        "vertical axis is logarithmic here.",
        finding=" ".join(told),
        panels=panels,
        files=["searches"],
    )


def _where(place: str) -> str:
    """Return what is to be said of a best value that is not inside its range."""
    words = {"off": "as low without the fix", "lower edge": "the smallest tried", "upper edge": "the largest tried"}
    return f" ({words[place]})" if place in words else ""


def chains_of_images(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return chains of images of DDIM and of TS-DDIM from the same noise (TS, Fig. 11)."""
    for model in _networks(material):
        states = material.states(model)
        times = states["chain_times"]
        chosen = spaced(range(len(times)), STATES)[::-1]
        shown = ", ".join(f"{times[place]:.0f}" for place in chosen)
        pictures = []
        for image in range(min(CHAINED, states["chain_states"].shape[2])):
            for array, what in (("chain_states", "states"), ("chain_x0", "predicted images")):
                both = np.concatenate([states[array][fix, chosen, image] for fix in (0, 1)])
                caption = f"image {image + 1}, {what}: DDIM above, TS-DDIM below"
                pictures.append(Picture(caption, row_uri(both, len(chosen))))
        return Drawing(
            reading=f"From left to right, the chain at t = {shown}. Both chains start from the same noise; they differ "
            "in the times that the network is given.",
            finding=f"The chains are of {model}, with the window and the cutoff of the diagnosis.",
            pictures=pictures,
        )
    return "no model was diagnosed"


def selected_times(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return the times that Time-Shift selects along the chain (TS, Fig. 12)."""
    for model in _networks(material):
        measures = material.measures(model, "chosen_")
        if not measures:
            continue
        numbers = [int(measure.removeprefix("chosen_")) for measure in measures]
        lines = [material.curve(model, f"chosen_{i}", "ddim", "ts").line(f"image {i + 1}") for i in numbers]
        scheduled = Line("scheduled", lines[0].x, lines[0].x, kind="control")
        description = "The times that the network is given for the states of single images, against the scheduled ones."
        selected = chart(f"Here: {model}, DDIM", description, [*lines, scheduled], figure.x, figure.y)
        mean = material.curve(model, "shift", "ddim", "ts")
        low, high = (material.curve(model, f"shift_{share}", "ddim", "ts") for share in ("0.05", "0.95"))
        true = material.curve(model, "shift", "ddim", "control")
        lines = [
            mean.line("mean"),
            low.line("5 % of images below"),
            high.line("5 % of images above"),
            true.line("mean at true states", "control"),
        ]
        description = "The selected time less the scheduled one: mean and quantiles over images, beside true states."
        largest = int(np.abs(mean.values).argmax())
        return Drawing(
            reading="Below the cutoff nothing is shifted. TS finds shifts both ways, most of them between 300 and 600. "
            "A shift at true states (grey) has nothing to do with errors of sampling.",
            finding=f"With {model} the mean shift is largest at t = {mean.at[largest]:.0f}, by "
            f"{signed(mean.values[largest], 1)}; at true states it is {np.abs(true.values).max():.1f} at most.",
            panels=[selected, chart(f"Here: {model}, shifts", description, lines, figure.x, "shift of the time")],
            files=["diagnosis"],
        )
    return "no diagnosed model has the times that Time-Shift selects"


def time_shift_images(material: Material, figure: PublishedFigure) -> Drawing | str:
    """Return images of DDIM with and without Time-Shift by number of steps (TS, Figs. 13 to 18)."""
    pairs = same_noise(_uniform(material, "none"), _uniform(material, "ts"))
    if not pairs:
        return "no cells of DDIM with and without Time-Shift: tables, max_steps"
    keys = [key for pair in sorted(pairs, key=lambda pair: material.cells[pair[0]].steps) for key in pair]
    pictures = []
    for key in keys:
        cell = material.cells[key]
        fix = "" if cell.fix == "none" else f", {cell.fix}"
        caption = f"{cell.model}, {cell.sampler}{fix}, {cell.steps} steps: FID {material.fid(cell):.2f}"
        pictures.append(sheet(material, key, caption, rows=1))
    return Drawing(
        reading="Images at the same place started from the same noise. TS shows images of DDIM and other samplers on "
        "its data sets; those of the other samplers here follow under the images.",
        finding="What the difference between two rows is worth stands under the claims.",
        pictures=pictures,
        cells=keys,
    )


def _uniform(material: Material, fix: str) -> dict[str, Cell]:
    """Return the cells of DDIM on the uniform grid with a fix, of DDPM's network, by key."""
    samplers = material.params.samplers
    found = material.cells_of("ddpm", "ddim", fix)
    return {key: cell for key, cell in found.items() if samplers[cell.sampler].coordinates()["spacing"] == "uniform"}


def _networks(material: Material) -> list[str]:
    """Return a model of DDPM's network, which TS has in these figures, and one of ADM's."""
    return [*material.models("ddpm")[:1], *material.models("adm")[:1]]


def spaced(values: Sequence[int], count: int) -> list[int]:
    """Return at most so many of the values, evenly spaced, with the first and the last."""
    places = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return [values[place] for place in places]
