"""The report: verdicts from paired differences, a self-contained page, equal bytes for equal inputs."""

from __future__ import annotations

import re
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from stages.papers.directions import DIRECTIONS
from stages.reporting.tables import NO_VERDICT, best_per_column, difference_table, summary

from stages import report
from stages.__main__ import main
from stages.compare import compare_scores
from stages.pipeline.files import read_json, write_json
from stages.pipeline.layout import AUDIT, FEATURE_NETWORK, REFERENCE, Cell, cells, dataset_path, model_path
from stages.pipeline.params import read_params
from stages.reporting.plots import fid_against_steps
from tests.papers.made_up import write_paper
from tests.toy import ROOT, toy_params, write_params

EFFECT = {"none": 0.0, "es": -1.0, "ts": 1.0}


def score(cell: Cell, spread: float = 0.05) -> dict[str, Any]:
    """A cell whose FID is 10 / steps, moved by its fix; replicates share most of their noise, as pairs do."""
    common = np.random.RandomState(cell.steps).standard_normal(15)
    own = np.random.RandomState(zlib.crc32(cell.key.encode())).standard_normal(15)
    value = 10 + 50 / cell.steps + EFFECT[cell.fix]
    replicates = value + 0.02 * common + spread / 14 * own
    frechet = {"value": value, "margin": 0.4, "replicates": replicates.tolist()}
    return {
        **cell._asdict(), "n_fake": 1500, "n_real": 1797, "reference": "digits", "feature_network": "classifier",
        "evaluate": {"neighborhood": 3}, "versions": {"torch": "2"},
        "fid": frechet, "sfid": frechet, "fd_pixel": frechet,
        "precision": {"value": 0.5 + cell.steps / 100, "margin": 0.02}, "recall": {"value": 0.6, "margin": 0.02},
    }  # fmt: skip


@pytest.fixture
def measured(project: Path) -> list[Cell]:
    """All that the report reads, for two models, two samplers, three fixes and two step counts."""
    params = toy_params()
    params["grid"] |= {"models": ["adm", "adm-ip"], "steps": [5, 10]}
    write_params(params)
    (project / "reports").mkdir()
    (project / "reports/templates").symlink_to(ROOT / "reports/templates")
    write_paper(project / "mine")
    assert main(["audit", "--published", "mine"]) == 0
    shutil.move("mine/audit/audit.json", AUDIT)
    (grid,) = read_params("grid")
    for cell in cells(grid):
        write_json(cell.scores, score(cell))
        write_sample(cell)
    for model in grid.models:
        losses = [{"iteration": 4, "mse": 0.1, "vb": 0.01}]
        write_json(
            model_path(model).with_suffix(".json"),
            {"parameters": 353090, "losses": losses, "training": {"gamma": 0.1, "t_sampling": "uniform"}},
        )
    write_json(
        dataset_path("digits").with_suffix(".json"),
        {"dataset": "digits", "n": 1797, "shape": [8, 8, 1], "source": "<script>alert(1)</script>", "sha256": "0" * 64},
    )
    record = {"network": "classifier", "test_accuracy": 0.98, "n_test": 359, "extractor": {"epochs": 2}}
    write_json(FEATURE_NETWORK.with_suffix(".json"), record)
    floor = {"fid": 1.5, "sfid": 0.1, "fd_pixel": 0.1, "precision": 0.9, "recall": 0.9, "n_fake": 1500, "n_real": 297}
    write_json(REFERENCE.with_suffix(".json"), {"reference": "digits", "n_real": 1797, "floor": floor})
    return cells(grid)


def write_sample(cell: Cell) -> None:
    settings = {"spacing": "uniform"} | ({"eta": 0.0} if cell.sampler == "ddim" else {})
    record = {
        **cell._asdict(), "n": 1500, "seed": 0, "nfe": cell.steps, "sampler_params": settings, "fix_params": {},
        "versions": {"torch": "2"}, "device": "cpu", "seconds": 1.0,
    }  # fmt: skip
    write_json(cell.samples.with_suffix(".json"), record)
    Image.fromarray(np.full((40, 80), 7, np.uint8)).save(cell.samples.with_suffix(".png"))


class Page(HTMLParser):
    """Collects ids, links, sources and open tags, and the text."""

    VOID = ("meta", "img", "br", "link", "use", "path", "rect")

    def __init__(self, content: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [value for key in ("href", "src", "xlink:href") if (value := named.get(key))]
        self.ids += [value for value in [named.get("id")] if value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_self_contained_well_formed_and_escaped(measured: list[Cell]) -> None:
    report.run()
    content = Path("reports/report.html").read_text()
    page = Page(content)
    assert not page.open
    assert len(set(page.ids)) == len(page.ids)
    assert page.addresses
    for address in page.addresses:
        assert address.startswith("data:image/png;base64,") or address.removeprefix("#") in page.ids
    assert not re.search(r"url\((?!#)|@import|<script", content)
    assert "&lt;script&gt;alert(1)" in content
    assert content.count("<svg") == 1
    assert content.count("<img") == len(measured)
    body = content[content.index("<body>") :]
    assert body.index("Not comparable to published FIDs") < 300, "among its first lines"


def test_equal_inputs_give_equal_bytes_whatever_the_time_it_took(measured: list[Cell]) -> None:
    def written() -> list[bytes]:
        report.run()
        return [p.read_bytes() for p in sorted(Path("reports").rglob("*")) if p.suffix in {".html", ".csv", ".json"}]

    first = written()
    assert len(first) == 5
    for cell in measured:
        record = read_json(cell.samples.with_suffix(".json"))
        write_json(cell.samples.with_suffix(".json"), record | {"seconds": 99.0})
    assert written() == first


def test_cells_come_from_params_not_from_what_lies_in_the_folder(measured: list[Cell]) -> None:
    report.run()
    stray = Cell("adm", "ddpm", "none", 99)
    write_json(stray.scores, score(stray))
    before = Path("reports/tables/scores.csv").read_text()
    report.run()
    assert Path("reports/tables/scores.csv").read_text() == before
    assert len(before.splitlines()) == 1 + len(measured)
    assert before.startswith("dataset,model,sampler,spacing,fix,steps,nfe,eta,seed,n,fid,fid_margin,sfid,")


def test_verdicts_of_known_effects(measured: list[Cell]) -> None:
    scores = [score(cell) for cell in measured]
    table = difference_table(scores, DIRECTIONS, searched=[])
    verdicts = {(row.claim, row.steps): row.verdict for row in table.itertuples() if row.claim}
    for sampler in ("ddpm", "ddim"):
        for steps in (5, 10):
            assert verdicts[f"es-{sampler}", steps] == "replicates"
            assert verdicts[f"ts-{sampler}", steps] == "not seen at this setting"
            assert verdicts[f"ip-{sampler}", steps] == NO_VERDICT
    searched = difference_table(scores, DIRECTIONS, searched=["ts"])
    assert set(searched[searched["claim"] == "ts-ddpm"]["verdict"]) == {"contradicted"}
    es = table[(table["claim"] == "es-ddpm") & (table["steps"] == 5)].iloc[0]
    assert es["difference"] == pytest.approx(-1, abs=0.2)
    assert es["low"] < es["difference"] < es["high"] < 0


def test_noise_is_inconclusive_and_holm_counts_the_claims_cells() -> None:
    found = [Cell("adm", "ddpm", fix, steps) for fix in ("none", "es") for steps in (5, 10, 20)]
    scores = [score(cell, spread=8) for cell in found]
    table = difference_table(scores, DIRECTIONS, searched=[])
    assert set(table["verdict"]) == {"inconclusive"}
    single = difference_table([s for s in scores if s["steps"] == 5], DIRECTIONS, searched=[])
    together = table[table["steps"] == 5]["p_adjusted"].iloc[0]
    assert together >= single["p_adjusted"].iloc[0]


def test_every_other_difference_is_listed_without_a_verdict(measured: list[Cell]) -> None:
    table = difference_table([score(cell) for cell in measured], DIRECTIONS, searched=[])
    others = table[table["claim"].isna()]
    assert set(others["verdict"]) == {""}
    # adm-ip's two fixes against none, and adm-ip against adm under two fixes; two samplers, two step counts.
    assert len(others) == 2 * 4 + 2 * 4
    assert not table.duplicated(["model", "sampler", "fix", "steps", "metric", "base"]).any()


def test_best_values_are_per_model_and_steps_and_know_their_direction() -> None:
    table = pd.DataFrame(
        {"model": ["a", "a", "a", "b"], "steps": [5, 5, 10, 5], "fid": [2, 1, 9, 7], "recall": [0.1, 0.3, 0.2, 0.9]}
    )
    assert best_per_column(table, "fid").tolist() == [False, True, True, True]
    assert best_per_column(table, "recall").tolist() == [False, True, True, True]


def test_summary_has_the_fid_of_every_cell_and_the_verdict_counts(measured: list[Cell]) -> None:
    report.run()
    found = read_json(Path("reports/summary.json"))
    assert found["fid"]["adm"]["ddpm"]["es"]["5"] == 19
    assert found["verdicts"] == {"replicates": 4, "not seen at this setting": 4}
    assert found["floor_fid"] == 1.5


def test_directions_are_of_names_that_exist() -> None:
    assert len({claim.id for claim in DIRECTIONS}) == len(DIRECTIONS)
    sections = toy_params()
    for claim in DIRECTIONS:
        assert {claim.base, claim.changed, claim.sampler, claim.model} <= set(sections)


def test_plots_are_the_same_bytes_each_time(measured: list[Cell]) -> None:
    report.run()
    table = pd.read_csv("reports/tables/scores.csv", keep_default_na=False, na_values=[""])
    assert fid_against_steps(table) == fid_against_steps(table)


def test_comparison_counts_identical_near_and_different() -> None:
    committed = pd.DataFrame(
        {"model": "adm", "sampler": "ddpm", "fix": "es", "steps": [5, 10, 20], "fid": [1.0, 2.0, 3.0],
         "fid_margin": 0.1, "recall": [0.5, 0.5, 0.5], "recall_margin": 0.001}
    )  # fmt: skip
    regenerated = committed.assign(fid=[1.0, 2.05, 3.2], recall=[0.5, 0.5, 0.51])
    assert compare_scores(committed, regenerated) == {"identical": 3, "within interval": 1, "different": 2}
    missing = compare_scores(committed, regenerated.iloc[:2])
    assert missing == {"identical": 3, "within interval": 1, "different": 0, "cells not compared": 1}


def test_summary_without_a_floor(measured: list[Cell]) -> None:
    report.run()
    table = pd.read_csv("reports/tables/scores.csv", keep_default_na=False, na_values=[""])
    differences = pd.read_csv("reports/tables/differences.csv", keep_default_na=False, na_values=[""])
    assert summary(table, differences, None)["floor_fid"] is None
