"""The papers' figures: each is drawn from what a study measured, or listed with the reason; what they say of it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from stages.plan.published_figures import PublishedFigure
from stages.plan.result_files import Times
from stages.reporting.figures.drawing import Drawing, Material
from stages.reporting.figures.figure_states import (
    MEASURES,
    draw_figures,
    figure_counts,
    figure_groups,
    figure_table,
    numbered,
)
from stages.reporting.figures.ts_figures import spaced
from tests.reporting.figures.materials import B, material
from tests.reporting.results.studies import published

SVG = "{http://www.w3.org/2000/svg}"


def figure(paper: str, number: str) -> PublishedFigure:
    (found,) = [each for each in published().figures if (each.paper, each.figure) == (paper, number)]
    return found


def drawn(paper: str, number: str, *, of: Material | None = None) -> Drawing:
    """The drawing of one figure, of the made-up study by default."""
    (state,) = draw_figures([figure(paper, number)], of or material())
    assert state.drawing, state.reason
    return state.drawing


def texts(panel: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(panel).iter(f"{SVG}text")]


def without(**changes: Any) -> Material:
    return dataclasses.replace(material(), **changes)


def test_of_a_study_that_measured_everything_every_figure_but_the_schemes_is_drawn() -> None:
    states = draw_figures(published().figures, material())
    assert {(each.figure.paper, each.figure.figure) for each in states if not each.drawing} == {
        ("ip", "1"),
        ("ts", "1"),
        ("ts", "8"),
    }
    assert figure_counts(states) == {"drawn": 20, "published": 20}
    for each in states:
        if each.drawing:
            assert each.drawing.panels or each.drawing.pictures
            assert each.drawing.reading
            assert each.drawing.finding, each.figure


def test_of_a_study_that_measured_nothing_every_figure_has_its_reason() -> None:
    empty = without(
        cells={},
        diagnosis=material().diagnosis.iloc[:0],
        iterations=material().iterations.iloc[:0],
        searched={},
        times=Times(environment={}, cells={}),
    )
    states = draw_figures(published().figures, empty)
    assert not any(each.drawing for each in states)
    assert all(each.reason and "\n" not in each.reason for each in states)
    assert figure_counts(states) == {"drawn": 0, "published": 20}


def test_an_unknown_measure_is_listed_with_those_that_there_are() -> None:
    (state,) = draw_figures([figure("ip", "2")._replace(measure="entropy")], material())
    assert state.reason.startswith("there is no drawing 'entropy', but prediction-error, ")


def test_every_drawing_belongs_to_a_figure_of_the_papers() -> None:
    assert {each.measure for each in published().figures if each.measure} == set(MEASURES)


@pytest.mark.parametrize(
    "number",
    [each for each in published().figures if each.kind == "numbers"],
    ids=lambda each: f"{each.paper}-{each.figure}",
)
def test_the_axes_are_those_that_the_list_names_and_equal_results_give_equal_bytes(number: PublishedFigure) -> None:
    first, again = (draw_figures([number], material())[0].drawing for _ in range(2))
    assert first
    assert first == again
    labels = {text for panel in first.panels for text in texts(panel)}
    assert {*number.x.split("; "), *number.y.split("; ")} <= labels
    named = [ElementTree.fromstring(panel).findtext(f"{SVG}title") for panel in first.panels]
    assert len(set(named)) == len(named), "each panel has a name of its own"


def test_published_numbers_stand_on_panels_of_their_own() -> None:
    own, *others = drawn("ip", "3").panels
    assert "PUBLISHED" not in texts(own)
    assert all("PUBLISHED" in texts(panel) for panel in others)
    assert len(others) == 4
    assert {"ADM", "ADM-IP"} <= set(texts(others[0]))
    assert [("PUBLISHED" in texts(panel)) for panel in drawn("ts", "5").panels] == [False, True]


def test_the_time_of_training_that_saves_is_told_of_each_strength() -> None:
    told = drawn("ip", "4").finding
    assert "lowest for adm-ip-20 (γ = 0.2) (5.50) and highest for adm (7.00)" in told
    assert (
        "adm-ip-20 is first below the FID of adm at 2,000 iterations (7.00) at 500 iterations, with the 95 % interval "
        "of the paired difference below 0 first at 500." in told
    )
    assert "adm-ip-05" not in drawn("ip", "3").finding


def test_the_errors_of_a_chain_are_told_with_those_of_a_perfect_sampler() -> None:
    told = drawn("es", "1").finding
    assert (
        "With adm and the network’s variance, the multi-step error ends at 0.50, that of a perfect sampler at 0.60"
        in told
    )
    assert "the small variance" in told


def test_epsilon_scaling_is_told_with_its_b_and_its_direction() -> None:
    assert f"Epsilon Scaling (b = {B}) brings the norm closer: its mean distance" in drawn("es", "5").finding
    assert "goes from 0.100 to 0.050" in drawn("es", "5").finding
    assert f"is 0.500 and under Epsilon Scaling (b = {B}) 0.550, larger;" in drawn("es", "4").finding
    further = drawn("es", "7").finding
    assert "adm-class and guidance by a classifier" in further
    assert len(drawn("es", "8").panels) == 4


def test_the_norm_in_sampling_is_counted_where_it_is_larger() -> None:
    count = material().step_counts[0]
    assert f"the larger one at {count} of {count} timesteps" in drawn("es", "2").finding


def test_the_quotient_has_a_panel_and_a_fit_for_each_number_of_steps() -> None:
    drawing = drawn("es", "3")
    assert len(drawing.panels) == len(material().step_counts)
    assert (
        "R² = 0.900 and the coefficient −0.001 of t²; read as a schedule, k = −0.002 and b = 0.010" in drawing.finding
    )


def test_the_nearest_times_and_the_shifts_have_their_signs() -> None:
    assert "at most by +18 (at t = 900)" in drawn("ts", "4").finding
    assert re.search(
        r"the mean shift is largest at t = \d+, by −12\.2; at true states it is 5\.0", drawn("ts", "12").finding
    )


def test_the_search_is_drawn_against_window_and_cutoff() -> None:
    drawing = drawn("ts", "7")
    assert len(drawing.panels) == 2
    assert any(re.fullmatch(r"Here: ddpm-net, ddim\S*, cutoff 300", text) for text in texts(drawing.panels[0]))
    assert "The best window size is 10 at 5 steps (the smallest tried), 10 at 10 steps (the sm" in drawing.finding
    assert "The best cutoff is 400 at 5 steps (the largest tried)" in drawing.finding


def test_images_from_the_same_noise_are_of_one_sampler_and_number_of_steps() -> None:
    for paper, number in (("ip", "7"), ("es", "9"), ("es", "11"), ("es", "12"), ("es", "13")):
        cells = [material().cells[key] for key in drawn(paper, number).cells]
        assert len({(cell.sampler, cell.steps) for cell in cells}) == 1
        assert [cell.fix for cell in cells] == (["none", "none"] if paper == "ip" else ["none", "es"])


def test_a_difference_within_the_margins_is_no_direction() -> None:
    table = material().diagnosis
    scaled = (table["measure"] == "delta") & (table["fix"] == "es")
    near = table.assign(value=table["value"].where(~scaled, table["value"] - 0.045))
    assert "not told apart by these images;" in drawn("es", "4", of=without(diagnosis=near)).finding


def test_chains_are_shown_from_noise_to_image_for_both_samplers() -> None:
    drawing = drawn("ts", "11")
    assert "at t = 950, " in drawing.reading
    assert [picture.caption for picture in drawing.pictures] == [
        f"image {image}, {what}: DDIM above, TS-DDIM below"
        for image in (1, 2)
        for what in ("states", "predicted images")
    ]


def test_the_page_has_an_entry_for_the_figures_that_share_a_drawing() -> None:
    states = draw_figures(published().figures, material())
    groups = figure_groups(states, "ip")
    named = {group["name"]: group for group in groups}
    assert list(named) == [*(f"Figure {n}" for n in range(1, 7)), "Figures 7–11", "Figures 12–16"]
    assert named["Figures 7–11"]["datasets"] == "CIFAR-10, ImageNet 32, LSUN tower, CelebA, FFHQ"
    assert named["Figure 3"]["published"]
    assert named["Figure 1"]["state"] == "listed"
    table = figure_table(states)
    assert list(table["paper"].value_counts(sort=False)) == [16, 13, 18]
    assert set(table["state"]) == {"drawn", "listed"}


def test_numbers_of_figures_in_words() -> None:
    assert numbered(["3"]) == "Figure 3"
    assert numbered(["6", "9", "10"]) == "Figures 6, 9, 10"
    assert numbered(["7", "8", "9", "A1"]) == "Figures 7–9, A1"


def test_values_are_taken_evenly_with_both_ends() -> None:
    assert spaced(range(0, 1000, 50), 5) == [0, 250, 500, 700, 950]
    assert spaced([3, 4], 5) == [3, 4]
