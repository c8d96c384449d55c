"""Plots: equal bytes for equal tables, any names, labels that do not meet, and no series told by its colour alone."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.reporting.plots.fid_plots import fid_against_steps
from stages.reporting.plots.forest import forest_plot
from stages.reporting.plots.panels import spread
from stages.reporting.plots.svg import PALETTE

SVG = "{http://www.w3.org/2000/svg}"


def scores(models: int = 1, samplers: int = 5, fixes: int = 8) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (f"model{m}", f"sampler{s}", f"fix{f}", steps, 100 / steps + f + m + s, 2.0)
            for m in range(models)
            for s in range(samplers)
            for f in range(fixes)
            for steps in (5, 10, 20)
        ],
        columns=["model", "sampler", "fix", "steps", "fid", "fid_margin"],
    )


def differences(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": [f"p{i // 20}" for i in range(count)],
            "label": [f"a label of many words that takes more than a line {i // 4}" for i in range(count)],
            "steps": [(5, 10, 20, 50)[i % 4] for i in range(count)],
            "relative": [i - 20.0 for i in range(count)],
            "low": [i - 25.0 for i in range(count)],
            "high": [i - 15.0 for i in range(count)],
            "verdict": ["undecided"] * count,
            "published": [[-float(j) for j in range(i % 3)] for i in range(count)],
        }
    )


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


PLOTS = {
    "fid": lambda: fid_against_steps(scores(2, 2, 7)),
    "one line": lambda: fid_against_steps(scores(1, 1, 1)),
    "forest": lambda: forest_plot(differences(80)),
    "one row": lambda: forest_plot(differences(1)),
}


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_is_the_same_bytes_again_and_fit_for_a_page(plot: str) -> None:
    svg = PLOTS[plot]()
    assert svg == PLOTS[plot]()
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    named = {node.get("id"): node for node in root.iter() if node.get("id")}
    title, description = (named[name] for name in (root.get("aria-labelledby") or "").split())
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text
    assert description.text
    ids = re.findall(r' id="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("plot") for name in ids)
    assert not re.search(r"<style|<script|<metadata|#000000|<image", svg)
    assert not re.search(r"(?<!\()" + PALETTE[0] + r"(?!\))", svg.replace(f"var(--series-1, {PALETTE[0]})", ""))


def test_every_line_is_labelled_in_every_panel() -> None:
    found = texts(fid_against_steps(scores()))
    assert [found.count(f"fix{i}") for i in range(8)] == [5] * 8
    assert {"model0, sampler4", "model0, sampler0"} <= set(found)


def test_a_cell_that_is_not_there_has_no_line() -> None:
    table = scores(1, 2, 2)
    found = texts(fid_against_steps(table[(table["sampler"] == "sampler0") | (table["fix"] == "fix0")]))
    assert (found.count("fix0"), found.count("fix1")) == (2, 1)


def test_the_forest_plot_says_every_number_and_verdict() -> None:
    found = texts(forest_plot(differences(8).assign(relative=[-140.0, 2.5, *[0.0] * 6], low=-9.0, high=[400.0] * 8)))
    assert "+2 [−9, +400]" in found
    assert found.count("undecided") == 8
    assert {
        "P0",
        "better ←",
        "→ worse",
        "measured here, with the interval that decides",
        "printed in the paper",
    } <= set(found)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.2))
def test_labels_keep_their_distance_and_their_order(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for below, above in pairwise(order):
        assert placed[above] - placed[below] >= gap * (1 - 1e-6)
    assert sum(placed) == pytest.approx(sum(wanted))


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert spread([0.9, 0.1, 0.5], 0.1) == [0.9, 0.1, 0.5]
