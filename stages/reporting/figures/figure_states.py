"""Which of the papers' figures are drawn, and the reason of each that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from stages.plan.published_figures import NUMBERS, PublishedFigure
from stages.reporting.figures import es_figures, ip_figures, ts_figures
from stages.reporting.figures.drawing import Drawing, Material

Draw = Callable[[Material, PublishedFigure], Drawing | str]
# The drawings by what the column ``measure`` of figures.csv calls them.
MEASURES: dict[str, Draw] = {
    function.__name__.replace("_", "-"): function
    for function in (
        ip_figures.prediction_error,
        ip_figures.fid_of_models,
        ip_figures.fid_of_gammas,
        ip_figures.reconstructions,
        ip_figures.error_histograms,
        ip_figures.adm_and_adm_ip,
        ip_figures.adm_ip_at_best,
        es_figures.variance_errors,
        es_figures.noise_norms,
        es_figures.norm_quotient,
        es_figures.delta_of_es,
        es_figures.noise_norms_of_es,
        es_figures.es_on_other_models,
        es_figures.adm_and_adm_es,
        es_figures.class_adm_and_adm_es,
        es_figures.guided_adm_and_adm_es,
        es_figures.ldm_and_ldm_es,
        ts_figures.state_variances,
        ts_figures.error_along_ddim,
        ts_figures.nearby_times,
        ts_figures.times_of_ddpm,
        ts_figures.times_of_adm,
        ts_figures.window_and_cutoff,
        ts_figures.chains_of_images,
        ts_figures.selected_times,
        ts_figures.time_shift_images,
    )
}


class FigureState(NamedTuple):
    """A published figure with its drawing, or with the reason for none."""

    figure: PublishedFigure
    drawing: Drawing | None
    reason: str

    @property
    def state(self) -> str:
        """The word of the tables: drawn or listed."""
        return "drawn" if self.drawing else "listed"

    @property
    def has_numbers(self) -> bool:
        """Whether the published figure shows numbers, not images or a scheme."""
        return self.figure.kind == NUMBERS


def draw_figures(figures: Sequence[PublishedFigure], material: Material) -> list[FigureState]:
    """Return the state of every published figure; figures of one paper and measure share a drawing."""
    drawn: dict[tuple[str, str], Drawing | str] = {}
    states = []
    for figure in figures:
        place = (figure.paper, figure.measure)
        if figure.measure and place not in drawn:
            draw = MEASURES.get(figure.measure)
            drawn[place] = (
                draw(material, figure) if draw else f"there is no drawing {figure.measure!r}, but {', '.join(MEASURES)}"
            )
        found = drawn[place] if figure.measure else figure.reason
        states.append(FigureState(figure, None, found) if isinstance(found, str) else FigureState(figure, found, ""))
    return states


def figure_table(states: Sequence[FigureState]) -> pd.DataFrame:
    """Return one row per published figure: what it shows, whether it is drawn, and if not, why."""
    return pd.DataFrame(
        [
            {
                "paper": each.figure.paper,
                "figure": each.figure.figure,
                "title": each.figure.title,
                "dataset": each.figure.dataset,
                "kind": each.figure.kind,
                "x": each.figure.x,
                "y": each.figure.y,
                "state": each.state,
                "reason": each.reason,
            }
            for each in states
        ]
    )


def figure_counts(states: Sequence[FigureState]) -> Mapping[str, int]:
    """Return how many figures with numbers the papers have, and how many of them are drawn."""
    with_numbers = [each for each in states if each.has_numbers]
    return {"drawn": sum(each.drawing is not None for each in with_numbers), "published": len(with_numbers)}


def figure_groups(states: Sequence[FigureState], paper: str) -> list[dict[str, Any]]:
    """Return the figures of a paper for its page, those that share a drawing or a reason and title as one entry."""
    groups: dict[tuple[str, str], list[FigureState]] = {}
    for each in states:
        if each.figure.paper == paper:
            # Those without a measure have reasons of their own.
            alone = "" if each.figure.measure else each.figure.figure
            groups.setdefault((each.figure.measure, alone), []).append(each)
    found = []
    for members in groups.values():
        first = members[0].figure
        datasets = dict.fromkeys(each.figure.dataset for each in members if each.figure.dataset)
        axes = f"{first.y} against {first.x}" if first.x else ""
        found.append(
            {
                "anchor": f"{paper}-figure-{first.figure}",
                "name": numbered([each.figure.figure for each in members]),
                "title": first.title,
                "datasets": ", ".join(dict.fromkeys(", ".join(datasets).split(", "))) if datasets else "",
                "kind": first.kind,
                "axes": axes,
                "state": members[0].state,
                "reason": members[0].reason,
                "drawing": members[0].drawing,
                "published": bool(first.published),
            }
        )
    return found


def numbered(figures: Sequence[str]) -> str:
    """Return the numbers of figures in words: runs of three and more as first–last."""
    runs: list[list[str]] = []
    for number in figures:
        follows = runs and number.isdigit() and runs[-1][-1].isdigit() and int(number) == int(runs[-1][-1]) + 1
        if follows:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs]
    return f"{'Figures' if len(figures) > 1 else 'Figure'} {', '.join(parts)}"
