"""The report: every table regenerated, verdicts on made-up effects, a self-contained page, equal bytes."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import report
from stages.__main__ import main
from stages.commands.compare import compare_scores
from stages.config.entries import Cell, Planned, Searched
from stages.config.params import read_params
from stages.plan.plan_file import read_cells, read_plan, write_cells
from stages.plan.result_files import Timed, Times, settings_digest, write_times, write_tuned
from stages.reporting.plots.diagnosis_plot import GROUPS, diagnosis_plot
from stages.reporting.plots.fid_plots import fid_against_steps
from stages.store.files import read_json, sha256, write_json, write_npz
from stages.store.images import write_preview
from stages.store.paths import (
    AUDIT,
    DATASET_RECORD,
    EXTRACTOR_RECORD,
    REFERENCE_RECORD,
    RUNS,
    autoencoder_record_path,
    diagnosis_images_path,
    diagnosis_path,
    guide_record_path,
    model_record_path,
    moments_record_path,
    preview_path,
    sample_record_path,
    scores_path,
    trajectory_record_path,
)
from stages.store.records import (
    AutoencoderRecord,
    DatasetRecord,
    DiagnosisRecord,
    ExtractorRecord,
    Floor,
    GuideRecord,
    ModelRecord,
    MomentsRecord,
    ReferenceRecord,
    SampleRecord,
    ScoreRecord,
    Splits,
    TrajectoryPoint,
    TrajectoryRecord,
    write_record,
)
from tests.reporting.results.studies import made_up_score
from tests.toy import ROOT, toy_params, write_params, write_study

CELL = "adm-ddpm-none-20"
DATA, OTHER = "0" * 64, "1" * 64
# The mean FID of real images against other real ones; the best FID of each model is within ten times it.
FLOOR = 1.6
EFFECT = {"none": 0.0, "es": -1.0, "ts": 1.0, "es-linear": -2.0, "es-strong": -3.0}


def study_params() -> dict[str, Any]:
    params = toy_params() | {"tables": "all", "max_steps": 20, "grid": []}
    params["trajectory"] |= {"models": ["adm", "adm-ip"], "iterations": [1, 2]}
    return params


@pytest.fixture
def measured(project: Path) -> Planned:
    """All that the report reads, for the cells of every table up to 20 steps; a fix moves FID by a known amount."""
    params = study_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    write_study(params)
    AUDIT.parent.mkdir()
    shutil.copy(ROOT / AUDIT, AUDIT)
    write_results(read_cells())
    return read_cells()


def write_results(planned: Planned) -> None:
    """Write the records of a study that ran with the current params."""
    params = read_params()
    images = np.random.RandomState(0).randint(0, 256, (50, 8, 8, 1)).astype(np.uint8)
    for name in ("real", *planned.sample):
        write_preview(preview_path(name), images)
    picture = sha256(preview_path("real"))
    data = DatasetRecord(
        dataset="digits",
        n=1797,
        shape=(8, 8, 1),
        source="<script>alert(1)</script>",
        sha256=DATA,
        preview_sha256=picture,
    )
    network = ExtractorRecord(
        network="classifier",
        extractor=params.extractor,
        sha256=OTHER,
        dataset_sha256=DATA,
        test_accuracy=0.98,
        n_test=359,
        n_train=1438,
    )
    scored = {"fid": 1.5, "sfid": 0.1, "inception_score": 8.0, "precision": 0.9, "recall": 0.9}
    splits = Splits(count=20, mean=FLOOR, low=1.0, high=3.0, balanced=0.5, whole=0.9, labelled=1.1)
    floor = Floor.model_validate(scored | {"n_fake": 1500, "n_real": 297, "splits": splits})
    reference = ReferenceRecord(
        reference="digits",
        n_real=1797,
        n_fake=params.sample.n,
        evaluate=params.evaluate,
        shape=(8, 8, 1),
        sha256=DATA,
        dataset_sha256=DATA,
        network_sha256=OTHER,
        floor=floor,
    )
    write_record(DATASET_RECORD, data)
    write_record(EXTRACTOR_RECORD, network)
    write_record(REFERENCE_RECORD, reference)
    for name in planned.autoencoder:
        encoder = AutoencoderRecord(
            autoencoder=name,
            section=params.autoencoders[name].model_dump(),
            seed=params.seed,
            n=1797,
            parameters=5000,
            scale=1.5,
            mse=0.02,
            mean_image_mse=0.3,
            sha256=DATA,
            dataset_sha256=DATA,
        )
        write_record(autoencoder_record_path(name), encoder)
    for model in planned.train:
        record = ModelRecord(
            model=model,
            parameters=353090,
            losses=[{"iteration": 4, "mse": 0.1}],
            initial_share=0.001,
            training=params.training(model),
            sha256=DATA,
            snapshot_sha256=OTHER,
            dataset_sha256=DATA,
            input_sha256=DATA,
        )
        write_record(model_record_path(model), record)
        if model in planned.diagnose:
            write_npz(diagnosis_images_path(model), **diagnosis_images())
            write_record(diagnosis_path(model), diagnosis_record(model))
    write_inputs(planned)
    for key, cell in planned.sample.items():
        sampler = params.samplers[cell.sampler].model_dump()
        fix = params.fixes[cell.fix].resolved(cell.values)
        record = SampleRecord(
            **cell.axes,
            **params.sample.model_dump(exclude={"labels"}),
            labels=params.labels(cell),
            seed=0,
            nfe=cell.steps,
            timesteps=[0],
            sampler_params=sampler,
            fix_params=fix.model_dump(),
            model_sha256=DATA,
            input_sha256=DATA,
            sha256=OTHER,
            preview_sha256=picture,
        )
        write_record(sample_record_path(key), record)
        write_record(scores_path(key), score_record(cell))
    for model, cell in planned.trajectory.items():
        write_record(trajectory_record_path(model), trajectory_record(cell))


def write_inputs(planned: Planned) -> None:
    """Write the records of what samplers take beside noise; their files have the digest of the models'."""
    params = read_params()
    for model in planned.moments:
        moments = MomentsRecord(
            model=model,
            images=params.moments.images,
            seed=0,
            precision="fp32",
            sha256=DATA,
            model_sha256=DATA,
            dataset_sha256=DATA,
        )
        write_record(moments_record_path(model), moments)
    for model in planned.guide:
        guide = GuideRecord(
            model=model,
            parameters=9,
            classes=10,
            iterations=4,
            loss=0.5,
            accuracy={"0": 0.9},
            n_test=5,
            n_train=50,
            training=params.guiding(model),
            sha256=DATA,
            dataset_sha256=DATA,
        )
        write_record(guide_record_path(model), guide)


def trajectory_record(cell: Cell) -> TrajectoryRecord:
    """Of ADM falling from 9 to 7, of ADM-IP from 8 to 6."""
    params = read_params()
    shift = {"adm": 0, "adm-ip": -1}[cell.model]
    points = [
        TrajectoryPoint(iteration=i, value=10 - i + shift, margin=1, replicates=[10 - i + shift + r for r in range(5)])
        for i in (1, 2, 3)
    ]
    return TrajectoryRecord.model_validate(
        {
            **cell.axes,
            **params.sample.model_dump(),
            "labels": params.labels(cell),
            "seed": 0,
            "evaluate": params.evaluate,
            "points": points,
            "sampler_params": params.samplers[cell.sampler].model_dump(),
            "fix_params": params.fixes["none"].model_dump(),
            "model_sha256": DATA,
            "snapshot_sha256": OTHER,
            "reference_sha256": DATA,
            "network_sha256": OTHER,
        }
    )


def diagnosis_images() -> dict[str, np.ndarray]:
    chains = np.zeros((2, 4, 2, 8, 8, 1), np.uint8)
    pairs = np.zeros((3, 2, 8, 8, 1), np.uint8)
    times = np.arange(4)
    return {
        "pairs": pairs,
        "pairs_steps": np.array([20]),
        "chain_states": chains,
        "chain_x0": chains,
        "chain_times": times,
    }


def diagnosis_record(model: str) -> DiagnosisRecord:
    """A diagnosis whose every curve is 1 at two times."""
    params = read_params()
    named = [("nu", "", "none"), ("rejected", "", "none")]
    for sampler in ("ddpm", "ddim"):
        named += [(measure, sampler, fix) for measure in ("delta", "power") for fix in ("none", "control")]
        named += [("eps_norm_ratio", sampler, "none"), ("power_4", sampler, "none")]
    return DiagnosisRecord.model_validate(
        {
            "model": model,
            "diagnose": params.diagnose,
            "seed": 0,
            "precision": "fp32",
            "scalings": {},
            "guided": None,
            "model_sha256": DATA,
            "guide_sha256": DATA,
            "dataset_sha256": DATA,
            "images_sha256": sha256(diagnosis_images_path(model)),
            "formulas_at": 500,
            "reverse": [{"steps": 20, "value": 0.05, "margin": 0.001, "n": 20}],
            "formulas": {
                f"{phase}_{metric}": {"value": 0.5, "margin": 0.01, "formula": 0.25}
                for phase in ("training", "sampling")
                for metric in ("mean", "variance")
            },
            "curves": [
                {
                    "measure": measure,
                    "sampler": sampler,
                    "steps": 4,
                    "fix": fix,
                    "at": [0, 500],
                    "values": [1, 1],
                    "margins": None if fix == "control" else [0.1, 0.2],
                }
                for measure, sampler, fix in named
            ],
        }
    )


def score_record(cell: Cell) -> ScoreRecord:
    value = 10 + 50 / cell.steps + EFFECT[cell.fix]
    params = read_params()
    return made_up_score(cell, value, groups=5, n_fake=params.sample.n, evaluate=params.evaluate)


class Page(HTMLParser):
    """Collects ids, links, sources and open tags, and the text."""

    VOID = ("meta", "img", "br", "input", "link", "use", "path", "rect")

    def __init__(self, content: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += filter(None, map(named.get, ("href", "src", "xlink:href")))
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


def content() -> str:
    return Path("reports/report.html").read_text()


def summary() -> dict[str, Any]:
    return json.loads(Path("reports/summary.json").read_text())


def differences() -> pd.DataFrame:
    return pd.read_csv("reports/tables/differences.csv", keep_default_na=False, na_values=[""])


def section(name: str) -> str:
    """The source of one table's section."""
    start = content().index(f'<section id="{name}"')
    return content()[start : content().index("</section>", start)]


def test_the_page_is_self_contained_well_formed_and_escaped(measured: Planned) -> None:
    report.run()
    page = Page(content())
    assert not page.open
    assert len(set(page.ids)) == len(page.ids)
    for address in page.addresses:
        csv = Path("reports") / address
        inside = address.startswith("data:image/png;base64,") or address.removeprefix("#") in page.ids
        assert inside or (csv.suffix == ".csv" and csv.exists()), address
    assert not re.search(r"url\((?!#)|@import|<script", content())
    assert "&lt;script&gt;alert(1)" in content()
    figures = content()[content().index('<section id="figures"') : content().index('<section id="steps"')]
    assert content().count("<svg") - figures.count("<svg") == 2 + len(GROUPS)
    assert figures.count("<svg") > 5
    body = content()[content().index("<body>") :]
    assert body.index("Not comparable to published FIDs") < 1200, "among its first lines"


def percentages_recompute(reports: Path) -> None:
    """Compare each percentage of a page's claims with the scores of its cells, and its interval with its verdict."""
    read = partial(pd.read_csv, keep_default_na=False, na_values=[""])
    scores = read(reports / "tables/scores.csv").set_index(["model", "sampler", "fix", "steps"])
    table = read(reports / "tables/differences.csv").fillna({"paper": "", "reading": ""})
    single = table[table["seeds"] == 1]
    for row in single.to_dict("records"):
        changed = {axis: row[axis] for axis in ("model", "sampler", "fix", "steps")}
        base, score = (
            scores.loc[tuple(each.values()), row["metric"]]
            for each in (changed | {row["axis"]: row["against"]}, changed)
        )
        assert (row["base_score"], row["score"]) == pytest.approx((base, score), rel=1e-5)
    # Six digits are written of each of the three numbers: each is off by up to 5e-6 of itself.
    slack = 5e-6 * table[["base_score", "score", "difference"]].abs().sum(axis=1)
    assert ((table["difference"] - (table["score"] - table["base_score"])).abs() <= slack).all()
    for column, percent in (("difference", "percent"), ("low", "percent_low"), ("high", "percent_high")):
        assert table[percent].to_numpy() == pytest.approx(
            (100 * table[column] / table["base_score"]).to_numpy(), rel=1e-4
        )
    judged = table[table["p_adjusted"].notna()]
    excludes = (judged["low"] > 0) | (judged["high"] < 0)
    assert list(excludes) == list(judged["verdict"].isin(["same direction", "opposite"]))
    page = (reports / "report.html").read_text()
    shown = re.findall(r"<b>([+−][\d.]+)&nbsp;%</b> <span class=\"interval\">\[([+−][\d.]+), ([+−][\d.]+)\]", page)
    expected = table[["percent", "percent_low", "percent_high"]].to_numpy()
    assert len(shown) == len(expected)
    for numbers in shown:
        found = [float(text.replace("−", "-")) for text in numbers]
        distances = np.abs(expected - found).max(axis=1)
        # Half of the last digit shown; each row of the table is shown once, claims in an order of their own.
        assert distances.min() <= 0.0501, numbers
        expected = np.delete(expected, distances.argmin(), axis=0)


def test_all_27_tables_have_their_section_in_the_order_of_the_papers(measured: Planned) -> None:
    report.run()
    found = re.findall(r'<section id="((?:ip|es|ts)-table-\d+)"', content())
    expected = [
        f"{paper}-table-{n}" for paper, count in (("ip", 10), ("es", 7), ("ts", 10)) for n in range(1, count + 1)
    ]
    assert found == expected
    coverage = pd.read_csv("reports/tables/coverage.csv")
    assert [name.replace("-", "-table-") for name in coverage["table"]] == expected
    for row in coverage.to_dict("records"):
        assert f"<b>{row['coverage']}</b>" in section(row["table"].replace("-", "-table-")), row
    assert (coverage[["measured", "setting", "absent", "lost"]].sum(axis=1) == coverage["numbers"]).all()


def test_all_47_figures_are_in_the_list_and_those_that_are_drawn_on_the_page(measured: Planned) -> None:
    report.run()
    table = pd.read_csv("reports/tables/figures.csv", keep_default_na=False)
    assert len(table) == 47
    assert (table["reason"] == "").equals(table["state"] == "drawn")
    drawn = {(row["paper"], row["figure"]) for row in table.to_dict("records") if row["state"] == "drawn"}
    assert {("ip", 2), ("ip", 3), ("ip", 7), ("es", 9), ("ts", 13)} <= drawn
    ids = re.findall(r'<section id="(ip|es|ts)-figure-(\d+)"', content())
    assert {(paper, int(figure)) for paper, figure in ids} <= drawn
    assert "listed: a drawing of the method" in section("coverage")
    told = "figures with numbers are drawn"
    assert f"{(table['kind'].eq('numbers') & table['state'].eq('drawn')).sum()} of 20 {told}" in content()


def test_images_that_a_figure_shows_do_not_stand_among_the_others(measured: Planned) -> None:
    report.run()
    assert 'alt="Figures 6, 9, 10 of ES: adm, 20 steps"' in section("es-figure-6")
    assert 'alt="ddpm-net, ddim, none, 5 steps"' not in section("images")
    assert 'alt="ddpm-net, s-pndm, none, 10 steps"' in section("images")


def test_a_section_has_the_printed_numbers_the_measured_ones_and_the_reasons(measured: Planned) -> None:
    report.run()
    ts1 = section("ts-table-1")
    assert "13.70" in ts1, "printed"
    assert "15.00<small> ±0.40</small>" in ts1, "10 + 50 / 10, without a fix"
    assert "16.00<small> ±0.40</small>" in ts1, "Time-Shift raises it by one"
    assert re.search(r"50 steps: beyond max_steps \(20\), [\d,]+ image-evaluations", ts1)
    assert "opposite at this setting" in ts1
    assert 'href="tables/ts-1.csv"' in ts1
    assert "Read as model <b>text-to-image</b>" in section("ts-table-10")
    assert "lost in the source" in section("es-table-7")
    spacing = section("ip-table-5")
    assert "Read as sampler.spacing <b>quadratic</b>" in spacing
    assert "May be read as sampler.spacing <b>uniform</b>" in spacing
    assert "ddim issue 32" in spacing, "the evidence"
    assert section("ip-table-10").count("Adam") == 2, "ours beside the printed setting"


def test_times_stand_in_their_tables_once_there_are_some(measured: Planned) -> None:
    report.run()
    assert "not timed yet; run python -m stages times" in section("ts-table-3")
    assert '<section id="times"' not in content()
    base = "ddpm-net-ddim-ts-dpm-none-10"
    shifted = "ddpm-net-ddim-ts-dpm-ts-10"
    timed = {"margin": 0.02, "images": 100, "rounds": 9}
    cells = {base: Timed(ms=1.25, overhead=None, **timed), shifted: Timed(ms=1.5, overhead=[20.0, 19.0, 21.0], **timed)}
    write_times(Times(environment={"device": "cpu"}, cells=cells))
    report.run()
    assert "1.25<small> ±0.02</small>" in section("ts-table-3")
    assert "+20.0&nbsp;%" in section("times")


def test_the_csv_of_a_table_has_the_numbers_of_its_block(measured: Planned) -> None:
    report.run()
    block = pd.read_csv("reports/tables/ts-2.csv")
    assert set(block["metric"]) == {"fid"}
    assert set(block["steps"]) == {5, 10, 20, 50}
    assert block.loc[block["steps"] == 50, "value"].isna().all()
    assert block.loc[block["steps"] < 50, "value"].notna().all()
    assert block["reading"].isna().all()
    assert not Path("reports/tables/es-7.csv").exists()


def test_a_claim_and_its_table_have_the_numbers_of_each_reading(measured: Planned) -> None:
    report.run()
    block = pd.read_csv("reports/tables/es-2.csv")
    beside = block[block["reading"] == "variance small"]
    assert "adm-ddpm-small-es-20" in set(beside["cell"])
    assert set(beside["steps"]) == {20}
    assert "measured here, read as variance small" in section("es-table-2")
    assert "measured here, read as" not in section("ts-table-1")
    claims = section("verdicts")
    assert "Epsilon Scaling lowers FID of ddpm-small, adm, read as <b>variance small</b>" in claims
    assert "variance learned: same direction at 20 steps" in claims
    assert "variance small: same direction at 20 steps" in claims
    found = differences()
    assert set(found["reading"].dropna()) == {"variance small"}


def test_equal_inputs_give_equal_bytes_whatever_the_time_it_took(measured: Planned) -> None:
    def written() -> dict[str, bytes]:
        report.run()
        found = [p for p in sorted(Path("reports").rglob("*")) if p.suffix in {".html", ".csv", ".json"}]
        return {path.name: path.read_bytes() for path in found}

    first = written()
    assert {"report.html", "scores.csv", "differences.csv", "ts-1.csv"} <= set(first)
    environment = {"device": "cpu", "threads": 1, "versions": {"torch": "2"}}
    for seconds in (1.0, 99.0):
        for key in measured.sample:
            write_json(RUNS / f"sample-{key}.json", environment | {"seconds": seconds})
        second = written()
        first = second if seconds == 1.0 else first
    assert written() == first


def test_cells_come_from_the_plan_not_from_what_lies_in_the_folder(measured: Planned) -> None:
    report.run()
    before = Path("reports/tables/scores.csv").read_text()
    key = next(iter(measured.sample))
    write_json(scores_path("stray"), read_json(scores_path(key)) | {"steps": 99})
    report.run()
    assert Path("reports/tables/scores.csv").read_text() == before
    assert len(before.splitlines()) == 1 + len(measured.sample)
    assert before.startswith("dataset,model,sampler,spacing,fix,steps,nfe,eta,seed,n,fid,fid_margin,sfid,")


def test_verdicts_of_known_effects(measured: Planned) -> None:
    report.run()
    found = differences()
    fid = found[found["metric"] == "fid"]
    assert set(fid.loc[fid["fix"] == "ts", "verdict"]) == {"opposite"}
    assert set(fid.loc[fid["fix"].isin(["es", "es-linear"]), "verdict"]) == {"same direction"}
    assert set(fid.loc[fid["axis"] == "model", "verdict"]) == {"one training seed"}
    by_default = found[found["reading"].isna()]
    assert summary()["verdicts"]["same direction"] == int((by_default["verdict"] == "same direction").sum())
    params = study_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    params["ts"] |= {"window": "tuned"}
    found = {key: cell for key, cell in measured.sample.items() if cell.fix == "ts"}
    write_params(params)
    entries = {
        key: Searched(
            values={"window": 50}, places={"window": "off"}, settings=settings_digest(read_params(), cell), trials=[]
        )
        for key, cell in found.items()
    }
    write_tuned(entries)
    write_cells(read_plan())
    write_results(read_cells())
    report.run()
    found = differences()
    assert set(found.loc[found["fix"] == "ts", "verdict"]) == {"opposite"}
    assert set(found.loc[found["fix"] == "ts", "at"]) == {"at the best window tried"}
    assert "go in the opposite one" in content()
    assert "opposite at the best window tried, p&nbsp;=" in content()
    other = {key: entry.model_copy(update={"settings": "for another model"}) for key, entry in entries.items()}
    write_tuned(other)
    write_cells(read_plan())
    report.run()
    found = differences()
    assert set(found.loc[found["fix"] == "ts", "verdict"]) == {"opposite"}
    assert set(found.loc[found["fix"] == "ts", "at"]) == {"at this setting"}


def floor_of(**changes: Any) -> None:
    """Change the floor of the reference's record."""
    record = read_json(REFERENCE_RECORD)
    write_json(REFERENCE_RECORD, record | {"floor": record["floor"] | changes})


def test_a_fid_below_that_of_real_images_is_flagged_and_explained(measured: Planned) -> None:
    report.run()
    assert 'id="floor"' not in content()
    assert not pd.read_csv("reports/tables/scores.csv")["below_floor"].any()
    floor_of(fid=12.4)
    report.run()
    scores = pd.read_csv("reports/tables/scores.csv")
    assert list(scores["below_floor"]) == list(scores["fid"] < 12.4)
    text = " ".join(Page(content()).text)
    assert f"{scores['below_floor'].sum()} cells have a FID below 12.40" in " ".join(text.split())
    assert "11.50<small> ±0.40</small>" in section("es-table-2")
    assert "lower than the FID of real images against other real ones" in section("es-table-2")
    assert "lower than the FID of real images" not in section("ts-table-3")


def test_networks_far_from_real_images_have_a_base_too_poor(measured: Planned) -> None:
    floor_of(splits=read_json(REFERENCE_RECORD)["floor"]["splits"] | {"mean": 0.9})
    report.run()
    assert set(summary()["verdicts"]) == {"base too poor"}
    assert "have a base too poor to say" in content()


def test_every_percentage_recomputes_from_the_scores(measured: Planned) -> None:
    report.run()
    percentages_recompute(Path("reports"))


def test_every_percentage_of_the_committed_report_recomputes() -> None:
    percentages_recompute(ROOT / "reports")


def test_a_fix_and_a_model_of_ones_own_have_their_differences_and_no_verdict(measured: Planned) -> None:
    report.run()
    published = Path("reports/tables/differences.csv").read_text()
    verdicts = summary()["verdicts"]
    assert 'id="unpublished"' not in content()
    grid = {"models": ["adm", "adm-ip-20"], "samplers": ["ddpm"], "fixes": ["none", "es-strong"], "steps": [20]}
    write_study(study_params() | {"es-strong": study_params()["es"] | {"b": 1.1}, "grid": grid})
    write_results(read_cells())
    report.run()
    assert Path("reports/tables/differences.csv").read_text().startswith(published)
    assert summary()["verdicts"] == verdicts
    own = differences()
    own = own[own["paper"].isna()]
    assert [(row.changed, row.base, row.cell) for row in own.itertuples()] == [
        ("es-strong", "none", "adm-ddpm-es-strong-20"),
        ("es-strong", "none", "adm-ip-20-ddpm-es-strong-20"),
        ("adm-ip-20", "adm", "adm-ip-20-ddpm-es-strong-20"),
        ("adm-ip-20", "adm", "adm-ip-20-ddpm-none-20"),
    ]
    assert set(own["verdict"]) == {"not published"}
    assert own["printed"].isna().all()
    assert own["p_adjusted"].isna().all()
    first = own.iloc[0]
    assert first["difference"] == pytest.approx(-3, abs=0.2)
    assert first["low"] < first["difference"] < first["high"] < 0
    assert summary()["fid_percent"]["es-strong"] < summary()["fid_percent"]["es"] < 0
    page = content()[content().index('id="unpublished"') : content().index('<section id="tables"')]
    assert "es-strong against none: FID of ddpm, adm<" in page
    assert "adm-ip-20 against adm: FID of ddpm, none<" in page
    assert re.search(r"−2\d\.\d&nbsp;%", page)


def add_paper(folder: Path) -> None:
    """Add a fourth paper by CSVs alone: two fixes of ADM-IP, which are compared with none and with one another."""
    lines = {
        "papers.csv": "mine,Better Noise,A Better Noise for Diffusion Models,2026 preprint",
        "tables.csv": "mine,1,Two fixes of ADM-IP",
    }
    for name, line in lines.items():
        content = (folder / name).read_text().rstrip()
        (folder / name).write_text(f"{content}\n{line}\n")
    methods = (folder / "methods.csv").read_text()
    (folder / "methods.csv").write_text(methods.replace("fix,ts,Time-Shift,none\n", "fix,ts,Time-Shift,none es\n"))
    header = (folder / "ts.csv").read_text().splitlines()[0]
    rows = [
        f"mine,1,ADM-IP + {fix},20 steps,cifar10,adm-ip,ddpm,respaced,,{fix},20,fid,{value},,,,Table 1,paper,"
        for fix, value in (("none", "5.0"), ("es", "4.0"), ("ts", "4.5"))
    ]
    (folder / "mine.csv").write_text("\n".join([header, *rows, ""]))


def test_a_fourth_paper_is_its_csvs_alone(measured: Planned) -> None:
    report.run()
    assert "the tables of three papers, regenerated" in content()
    folder = Path("data/published")
    folder.unlink()
    shutil.copytree(ROOT / "data/published", folder)
    add_paper(folder)
    assert main(["audit"]) == 0
    write_study(study_params())
    write_results(read_cells())
    report.run()
    found = differences()
    found = found[found["paper"] == "mine"].set_index(["fix", "against"])
    assert found["printed"].to_dict() == {
        ("es", "none"): "mine-1 cifar10 -20.0",
        ("ts", "none"): "mine-1 cifar10 -10.0",
        ("ts", "es"): "mine-1 cifar10 +12.5",
    }
    assert found["verdict"].to_dict() == {
        ("es", "none"): "same direction",
        ("ts", "none"): "opposite",
        ("ts", "es"): "same direction",
    }
    assert set(found["cell"]) == {"adm-ip-ddpm-es-20", "adm-ip-ddpm-ts-20"}
    assert "the tables of four papers, regenerated" in content()
    assert "four papers (Input Perturbation, Epsilon Scaling, Time-Shift and Better Noise)" in content()
    assert "A Better Noise for Diffusion Models (2026 preprint)" in content()
    assert "Two fixes of ADM-IP" in section("mine-table-1")
    for claim in (
        "Epsilon Scaling lowers FID of ddpm, adm-ip",
        "Time-Shift raises FID of ddpm, adm-ip further than Epsilon Scaling",
    ):
        assert f'{claim} <small><span class="paper">mine</span>' in content()
    assert content().index('id="ts-table-10"') < content().index('id="mine-table-1"'), "the last of the papers"
    assert main(["explain", "mine", "1", "ADM-IP + es", "20 steps"]) == 0


def test_three_training_seeds_give_a_verdict_and_the_page_tells_them(measured: Planned) -> None:
    report.run()
    assert "that the papers print for Epsilon Scaling, linear Epsilon Scaling and Time-Shift, <b>" in content()
    assert "one training run per model" in content()
    assert "3 seeds" not in content()
    params = study_params() | {"tables": ["ts-2"]}
    params |= {f"{name}-{seed}": params[name] | {"seed": seed} for name in ("adm", "adm-ip-15") for seed in (1, 2)}
    write_study(params)
    write_results(read_cells())
    for key, cell in read_cells().sample.items():
        if cell.model.startswith("adm-ip"):
            score = score_record(cell)
            fid = score.fid.model_dump()
            lower = {"value": fid["value"] - 1, "replicates": [each - 1 for each in fid["replicates"]]}
            write_record(scores_path(key), score.model_copy(update={"fid": type(score.fid)(**(fid | lower))}))
    report.run()
    found = differences()
    found = found[found["axis"] == "model"]
    assert set(found["model"]) == {"adm-ip-15"}
    assert dict(zip(found["steps"], found["verdict"], strict=True)) == {
        5: "opposite",
        10: "opposite",
        20: "same direction",
    }
    assert set(found["seeds"]) == {3}
    assert "that the papers print for Time-Shift and input perturbation (ADM-IP), <b>" in content()
    assert content().count(", 3 seeds</span>") == 3
    assert "adm-ip: adm-ip-15, ddim-clipped, 3 seeds" in content().replace("\n", " ")
    assert "training runs on the seeds 0, 1, 2, all sampled from the same noise" in content()
    assert "seed = 2" in content()


def test_a_section_that_changed_since_the_plan_leaves_its_rows_without_a_number(measured: Planned) -> None:
    """With eta = 1 no section has the settings of the rows with eta = 0; nothing else may stand in for them."""
    params = study_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    params["ddim-ts-dpm"]["eta"] = 1.0
    write_params(params)
    write_results(measured)
    report.run()
    assert "no section of params.yaml has sampler ddim, spacing uniform, eta 0" in section("ts-table-5")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"ddpm": {"variance": "large"}},
            "images of adm-ddpm-none-20: made with variance = 'learned', now 'large' (and",
        ),
        ({"es": {"b": 1.2}}, "images of adm-ddpm-es-20: made with b = 1.017, now 1.2 (and"),
        ({"seed": 3}, "autoencoder vq: made with seed = 0, now 3 (and"),
        ({"adm": {"gamma": 0.5}}, "model adm: made with gamma = 0.0, now 0.5; run dvc repro"),
        ({"adm-recipe": {"lr": 0.5}}, "model adm: made with lr = 0.001, now 0.5 (and 2 more); run dvc repro"),
        ({"evaluate": {"neighborhood": 5}}, "reference: made with neighborhood = 3, now 5 (and"),
        ({"diagnose": {"window": 9}}, "diagnosis of adm: made with window = 50, now 9 (and"),
        ({"extractor": {"epochs": 9}}, "extractor: made with epochs = 2, now 9; run dvc repro"),
    ],
)
def test_results_of_other_params_are_refused(measured: Planned, changes: dict, told: str, capsys) -> None:
    params = study_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    for name, change in changes.items():
        params[name] = params[name] | change if isinstance(change, dict) else change
    write_params(params)
    assert main(["report"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"report: {told}")
    assert not Path("reports/report.html").exists()


@pytest.mark.parametrize(
    ("path", "changes", "told"),
    [
        (scores_path(CELL), {"samples_sha256": DATA}, f"scores of {CELL}: made with another samples"),
        (scores_path(CELL), {"reference_sha256": OTHER}, f"scores of {CELL}: made with another reference"),
        (scores_path(CELL), {"steps": 5}, "scores of adm-ddpm-none-20: made with steps = 5, now 20"),
        (sample_record_path(CELL), {"model_sha256": OTHER}, f"images of {CELL}: made with another model"),
        (model_record_path("adm"), {"dataset_sha256": OTHER}, "model adm: made with another dataset than"),
        (diagnosis_path("adm"), {"model_sha256": OTHER}, "diagnosis of adm: made with another model than"),
        (sample_record_path(CELL), {"input_sha256": OTHER}, f"images of {CELL}: made with another input than the one"),
        (moments_record_path("ddpm-net"), {"model_sha256": OTHER}, "moments of ddpm-net: made with another model"),
        (moments_record_path("ddpm-net"), {"images": 5}, "moments of ddpm-net: made with images = 5, now 4"),
        (autoencoder_record_path("vq"), {"seed": 1}, "autoencoder vq: made with seed = 1, now 0"),
        (autoencoder_record_path("vq"), {"sha256": OTHER}, "model ldm: made with another input than the one"),
        (guide_record_path("adm-class"), {"dataset_sha256": OTHER}, "guide of adm-class: made with another dataset"),
        (guide_record_path("adm-class"), {"sha256": OTHER}, "images of adm-class-ddim-guided-none-5: made with"),
        (diagnosis_path("adm"), {"seed": 8}, "diagnosis of adm: made with seed = 8, now 0"),
        (diagnosis_path("adm"), {"images_sha256": OTHER}, "data/previews/diagnosis-adm.npz: not the images of this"),
        (DATASET_RECORD, {"preview_sha256": OTHER}, "data/previews/real.png: not the picture of these images"),
        (scores_path(CELL), {"fid": {"value": "x"}}, "data/scores/adm-ddpm-none-20.json: no record of"),
        (sample_record_path(CELL), {"seconds": 1}, f"data/records/samples/{CELL}.json: no record"),
    ],
)
def test_results_that_were_not_made_from_one_another_are_refused(
    measured: Planned, path: Path, changes: dict, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(path, read_json(path) | changes)
    assert main(["report"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"report: {told}")
    assert re.search(r"run dvc repro(, or where it finds nothing to do dvc repro -s -f [a-z]+(@[a-z0-9-]+)?)?$", line)
    assert not Path("reports/report.html").exists()


def test_a_stale_plan_is_refused_in_one_line(measured: Planned, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(study_params() | {"max_steps": 10})
    assert main(["report"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("report: cells.json: stale")
    assert not Path("reports/report.html").exists()


def test_summary_is_a_few_headline_numbers(measured: Planned) -> None:
    report.run()
    found = summary()
    assert set(found) == {"floor_fid", "verdicts", "coverage", "fid_percent"}
    assert found["floor_fid"] == 1.5
    coverage = pd.read_csv("reports/tables/coverage.csv")
    figures = pd.read_csv("reports/tables/figures.csv")
    assert found["coverage"] == {
        "measured": coverage["measured"].sum(),
        "scores": distinct(),
        "published": 666,
        "tables": coverage["coverage"].isin(["measured", "partly"]).sum(),
        "figures": 20,
        "figures_drawn": (figures.loc[figures["kind"] == "numbers", "state"] == "drawn").sum(),
    }
    scores = pd.read_csv("reports/tables/scores.csv")
    assert scores.set_index(["model", "sampler", "fix", "steps"]).loc[("adm", "ddpm", "es", 20), "fid"] == 11.5


def distinct() -> int:
    """How many different scores the CSVs of the tables have: by cell and metric; those of a diagnosis have no cell."""
    blocks = [pd.read_csv(path) for path in Path("reports/tables").glob("*-*.csv")]
    table = pd.concat(blocks).dropna(subset=["value"])
    table = table[table["reading"].isna()]
    return len(table[["cell", "metric", "steps"]].drop_duplicates())


def test_the_change_of_a_fix_is_the_mean_over_its_cells(measured: Planned) -> None:
    report.run()
    found = summary()["fid_percent"]
    small = {f"{name} (variance small)" for name in ("es", "es-linear", "adm-ip-15")}
    assert set(found) == {"es", "es-linear", "ts", "adm-ip-15", "ddpm-net-ip"} | small
    table = differences().drop_duplicates(["cell", "against", "metric"])
    table = table[table["reading"].isna()]
    of_es = table[(table["fix"] == "es") & (table["axis"] == "fix")]
    assert found["es"] == pytest.approx(of_es["percent"].mean(), abs=1e-3)
    assert found["es"] < 0 < found["ts"]
    against_none = table[(table["fix"] == "es-linear") & (table["against"] == "none")]
    assert found["es-linear"] == pytest.approx(against_none["percent"].mean(), abs=1e-3)


def test_dvc_finds_every_plot_of_its_pipeline_file(measured: Planned) -> None:
    report.run()
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    plots = [plot for entry in pipeline["plots"] for plot in entry.values()]
    assert len(plots) == 3
    for plot in plots:
        template = json.loads((ROOT / ".dvc/plots" / f"{plot['template']}.json").read_text())
        ((path, field),) = plot["y"].items()
        table = pd.read_csv(path)
        assert {plot["x"], field} <= set(table.columns)
        assert table[field].notna().all()
        assert "<DVC_METRIC_DATA>" in template["data"]["values"]
        columns = re.findall(r'"field": "(\w+)"|datum\.(\w+)', json.dumps(template))
        assert {name for pair in columns for name in pair if name} <= {*table.columns, "panel", "rev"}
    assert len(pd.read_csv("reports/plots/fid_against_steps.csv")) == len(measured.sample)


def test_plots_are_the_same_bytes_each_time(measured: Planned) -> None:
    report.run()
    table = pd.read_csv("reports/tables/scores.csv", keep_default_na=False, na_values=[""])
    assert fid_against_steps(table) == fid_against_steps(table)


def test_comparison_counts_identical_near_and_different() -> None:
    committed = pd.DataFrame(
        {
            "model": "adm",
            "sampler": "ddpm",
            "fix": "es",
            "steps": [5, 10, 20],
            "fid": [1.0, 2.0, 3.0],
            "fid_margin": 0.1,
            "recall": [0.5, 0.5, 0.5],
            "recall_margin": 0.001,
        }
    )
    regenerated = committed.assign(fid=[1.0, 2.05, 3.2], recall=[0.5, 0.5, 0.51])
    assert compare_scores(committed, regenerated) == {"identical": 3, "within interval": 1, "different": 2}
    missing = compare_scores(committed, regenerated.iloc[:2])
    assert missing == {"identical": 3, "within interval": 1, "different": 0, "cells not compared": 1}


def test_the_diagnosis_has_its_section_its_csv_and_its_places_in_the_tables(measured: Planned) -> None:
    write_study(study_params() | {"max_steps": 100})
    write_results(read_cells())
    for model in read_cells().diagnose:
        record = diagnosis_record(model).model_dump()
        record["reverse"] = [record["reverse"][0] | {"steps": 100}]
        write_record(diagnosis_path(model), DiagnosisRecord.model_validate(record))
    report.run()
    table = pd.read_csv("reports/tables/ip-6.csv")
    assert table["value"].tolist()[0] == 0.05
    assert table["n"].tolist()[0] == 20
    assert table["value"].tolist()[1:] == pytest.approx([float("nan")] * 3, nan_ok=True)
    assert set(pd.read_csv("reports/tables/es-1.csv")["setting"]) == {
        "mean of x_t - sqrt(alpha_bar_t) x_0 = 0.500 ± 0.010 (adm, t = 500)",
        "0.500 ± 0.010, by the formula 0.250 (adm, t = 500)",
    }
    long = pd.read_csv("reports/tables/diagnosis.csv", keep_default_na=False)
    assert set(long["model"]) == set(read_cells().diagnose)
    assert {"delta", "delta_bar", "power", "nu"} <= set(long["measure"])
    assert all(group.title in section("diagnosis") for group in GROUPS)


def test_a_diagnosis_of_fewer_steps_than_are_planned_leaves_its_number_absent(measured: Planned) -> None:
    write_study(study_params() | {"max_steps": 100})
    write_results(read_cells())
    report.run()
    assert "run python -m stages plan" in section("ip-table-6")


def test_diagnosis_plots_draw_controls_and_every_fix() -> None:
    curves = [("delta", "ddim", fix) for fix in ("control", "none", "es 0.99", "ts")]
    table = pd.DataFrame(
        [("adm", sampler, fix, measure, at, 0.5, 0.1) for measure, sampler, fix in curves for at in (0, 500)],
        columns=["model", "sampler", "fix", "measure", "at", "value", "margin"],
    )
    drawn = diagnosis_plot(table, GROUPS[0])
    assert drawn == diagnosis_plot(table, GROUPS[0])
    assert all(f">{name}<" in drawn for name in ("control", "none", "es 0.99", "ts"))


def test_the_page_tells_when_a_model_is_first_below_its_base(measured: Planned) -> None:
    report.run()
    told = " ".join("".join(Page(section("ip-figure-3")).text).split())
    assert "adm-ip is first below the FID of adm at 3 iterations (7.00) at 3 iterations" in told
    table = pd.read_csv("reports/tables/iterations.csv").set_index(["model", "iteration"])
    assert list(table["fid"]) == [9, 8, 7, 8, 7, 6]
    assert list(table.loc[("adm-ip", 1), ["difference", "to_last"]]) == pytest.approx([-1, 1])


def test_the_page_tells_of_averages_that_have_not_warmed_up(measured: Planned) -> None:
    """Decay 0.995 leaves 99.5 %, 99 % and 98.5 % of the initial weights after 1 to 3 iterations."""
    report.run()
    told = " ".join("".join(Page(section("ip-figure-3")).text).split())
    assert "initial weights: 99.5 % after 1, 99 % after 2, 98.5 % after 3 iterations." in told
    assert "Not warmed up" not in content()
    assert '<tr><th scope="row">class labels</th><td>random</td></tr>' in content()
    path = model_record_path("adm")
    write_json(path, read_json(path) | {"initial_share": 0.97})
    report.run()
    assert "The EMA of adm still holds more than 1&nbsp;% of the weights before training" in content()
    assert '<tr><th scope="row">adm</th><td>353,090 parameters; <b>its EMA has not warmed up: 97&nbsp;%' in content()
    assert content().count("its EMA has not warmed up") == 1


def test_the_page_tells_of_which_classes_images_are(measured: Planned) -> None:
    params = study_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    params["sample"]["labels"] = [3, 5]
    write_params(params)
    assert main(["report"]) == 2, "images of other labels"
    write_results(measured)
    report.run()
    assert '<tr><th scope="row">class labels</th><td>in turn 3, 5</td></tr>' in content()


def test_a_trajectory_of_other_weights_is_refused(measured: Planned, capsys: pytest.CaptureFixture[str]) -> None:
    path = trajectory_record_path("adm-ip")
    write_json(path, read_json(path) | {"snapshot_sha256": DATA})
    assert main(["report"]) == 2
    assert "trajectory of adm-ip: made with another snapshot than the one whose record" in capsys.readouterr().err
