"""``python -m stages explain``: how one published number is regenerated, and refusals that list what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.__main__ import main
from stages.plan import plan_file as cells
from stages.store.paths import diagnosis_path, scores_path
from stages.store.records import ScoreRecord, write_record
from tests.reporting.results.studies import content, made_up_diagnosis, published
from tests.toy import write_params

PLACE = ("ts", "1", "CIFAR-10 | DDIM (quadratic)", "10 steps")
CELL = "ddpm-net-ddim-quadratic-none-10"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed params, entered; no cells.json is needed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cells, "read_published", published)
    write_params(content())
    return tmp_path


def explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["explain", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_a_measured_number(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(capsys, *PLACE) == [
        "ts/1 [CIFAR-10 | DDIM (quadratic); 10 steps] fid = 13.70, cifar10 (Table 1)",
        "  data set  digits, in place of cifar10",
        "  model     ddpm-net: gamma 0.0, ddpm-recipe (ddpm network, linear schedule, 2,000 iterations of 64)",
        "  sampler   ddim-quadratic: ddim, eta 0.0, clip False, direction scaled",
        "  grid      quadratic, 10 times from 800 down to 0",
        "  nfe       10 evaluations per image, 1,000 images",
        "  fix       none: none",
        "  metric    fid",
        f"  cell      {CELL}",
        f"  command   dvc repro evaluate@{CELL}",
        "  measured  not yet",
    ]


def test_the_measured_value_once_there_is_one(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    distance = {"value": 12.345678, "margin": 0.4321, "replicates": [12.0] * 20}
    share = {"value": 0.5, "margin": 0.1}
    record = ScoreRecord.model_validate(
        {
            "model": "ddpm-net",
            "sampler": "ddim-quadratic",
            "fix": "none",
            "steps": 10,
            "n_fake": 1500,
            "n_real": 1797,
            "reference": "digits",
            "feature_network": "classifier",
            "evaluate": content()["evaluate"],
            "samples_sha256": "0" * 64,
            "reference_sha256": "0" * 64,
            "fid": distance,
            "sfid": distance,
            "precision": share,
            "recall": share,
        }
    )
    write_record(scores_path(CELL), record)
    assert explained(capsys, *PLACE, "--metric", "fid")[-1] == "  measured  12.35 ± 0.43 (n = 1,500)"


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        (
            ("ts", "1", "CIFAR-10 | TS-DDIM (uniform)", "5 steps"),
            [
                "  fix       ts: time-shift, window 50, cutoff 300, update_time scheduled, cutoff_on current, "
                "from params.yaml",
                "  grid      ts-dpm, 4 times from 601 down to 1",
                "  read as   sampler.spacing ts-dpm: the released code's, which evaluates DDIM steps - 1 times (TS, "
                "App. F: "
                "the times of DDIM divided by steps - 1, and those of F-PNDM by steps + 8, are constant within 4 %; "
                "TS-DPM sampler/pnm_solver.py:86-98 drops the largest time, and run_generate.py has no other grid)",
                "  beside    fix.update_time shifted: the step starts from the shifted time too (TS, Sec. 3, last "
                "paragraph: take a sampling step with the current t; the time found is passed to the next sampling "
                "iteration as its t)",
                "            not measured: fix.update_time is not among beside in params.yaml",
            ],
        ),
        (
            ("ts", "1", "CIFAR-10 | F-PNDM (uniform)", "10 steps"),
            ["  nfe       18 evaluations per image, 1,000 images", "  sampler   f-pndm: pndm, order 4"],
        ),
        (
            ("es", "6", "50 | ADM-ES", "Unconditional | CIFAR-10 32×32", "--metric", "fid"),
            [
                "  fix       es: epsilon-scaling, b 1.017, k 0.0, from params.yaml",
                "  model     adm: gamma 0.0, adm-recipe (adm network, cosine schedule, 2,000 iterations of 64)",
                "  grid      respaced, 50 times from 999 down to 0",
                "  command   dvc repro evaluate@adm-ddpm-es-50",
                "  read as   sampler.variance learned: the authors train and sample with the learned variance "
                "(ADM-ES README.md:51-99: each of its five commands has --learn_sigma True)",
                "  beside    sampler.variance small: as the algorithm prints it (ES, Alg. 2, line 6, adds "
                "sqrt(beta_tilde_t) z, beta_tilde_t as in Eq. 9)",
                "            cell adm-ddpm-small-es-50",
            ],
        ),
        (
            ("ip", "5", "η = 0.5 | DDIM-IP", "Sampling steps (T') | 20"),
            [
                "  model     ddpm-net-ip: gamma 0.1, ddpm-recipe "
                "(ddpm network, linear schedule, 2,000 iterations of 64)",
                "  sampler   ddim-half: ddim, eta 0.5, clip False, direction scaled",
                "  read as   sampler.spacing quadratic: DDIM's uniform grid gives about 18.7 at 10 steps where 14.21 "
                "is printed, its quadratic one about 13.5 (ddim issue 32: 18.77 at 10 uniform steps; issue 3: 5.68 at "
                "100 uniform and 4.26 at 100 quadratic ones)",
            ],
        ),
        (
            ("ip", "3", "1,000 | ADM (baseline)", "CIFAR10 32 | sFID"),
            ["  status    1000 steps: beyond max_steps (100), 1,000,000 image-evaluations"],
        ),
        (
            ("ip", "9", "Dropout", "CIFAR10 32×32"),
            ["  status    a setting; the page shows that of the study beside it"],
        ),
        (
            ("ts", "8", "DDIM", "5 steps"),
            [
                "  read as   needs classifier guidance: guided by a classifier (TS, App. I, above Table 8: ADM as the "
                "backbone model with classifier guidance)",
                "  sampler   ddim-guided: guided-ddim, scale 1.0, eta 0.0, clip True",
            ],
        ),
        (
            ("ts", "10", "DDIM", "10 steps"),
            [
                "  read as   needs a text-conditional model: the table is of text-to-image sampling (TS, App. I, above "
                "Table 10: text-to-image generation on MSCOCO val2017)",
                "  read as   model text-to-image: the model is not stated; whichever it is, it makes images from texts "
                "(TS, App. I, above Table 10, names no model)",
                "  model     text: text-recipe (text network, linear schedule, 1,000 iterations of 64)",
                "  sampler   ddim-cfg: cfg-ddim, eta 0.0, scale 1.5",
                "  nfe       20 evaluations per image, 1,000 images",
            ],
        ),
    ],
)
def test_what_is_explained(study: Path, place: Any, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(capsys, *place)
    assert set(lines) <= set(found)
    assert all(line.isprintable() for line in found)
    assert not any(line.startswith("  status") for line in found) or not any("command" in line for line in found)


def test_a_lost_number(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = explained(capsys, "es", "7", "100 | DDIM-ES", "CIFAR-10 32×32 | η=0")
    assert found[0].startswith("es/7 [100 | DDIM-ES; CIFAR-10 32×32 | η=0] b = lost, cifar10 ")
    assert found[1:] == ["  status    lost in the source"]


def test_a_value_looked_up_has_its_origin(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = content()
    params["prepare"]["dataset"] = "cifar10"
    params["es"]["b"] = "published"
    write_params(params)
    found = explained(capsys, "es", "6", "20 | ADM-ES", "Unconditional | CIFAR-10 32×32", "--metric", "fid")
    assert "  fix       es: epsilon-scaling, b 1.017, k 0.0, from the paper's table" in found


def test_all_numbers_of_a_place_apart_or_the_one_asked_for(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("es", "6", "20 | ADM-ES*", "Unconditional | CIFAR-10 32×32")
    found = explained(capsys, *place)
    heads = [line for line in found if line.startswith("es/6")]
    assert [head.split("] ")[1].split(",")[0] for head in heads] == ["fid = 4.31", "k = 0.0025", "b = 1.0"]
    assert found.count("") == 2
    assert explained(capsys, *place, "--metric", "b")[0] == heads[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ddpm", "1", "a", "b"), "paper 'ddpm': must be one of es; ip; ts"),
        (("es", "8", "a", "b"), "table '8': must be one of 1; 2; 3; 4; 5; 6; 7"),
        (
            ("es", "6", "ADM", "b"),
            "row 'ADM': must be one of 100 | ADM; 100 | ADM-ES; 50 | ADM; 50 | ADM-ES; 20 | ADM; 20 | ADM-ES; "
            "20 | ADM-ES*",
        ),
        (
            (*PLACE[:3], "11 steps"),
            "column '11 steps': must be one of 5 steps; 10 steps; 20 steps; 50 steps; 100 steps",
        ),
        ((*PLACE, "--metric", "sfid"), "metric 'sfid': must be one of fid"),
        (
            ("es", "6", "20 | ADM-ES*", "Unconditional | CIFAR-10 32×32", "--metric", ""),
            "metric '': must be one of fid; k; b",
        ),
    ],
)
def test_a_place_that_is_not_there_is_refused_with_those_that_are(
    study: Path, arguments: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"explain: {message}\n"
    assert captured.out == ""


def test_a_number_of_the_diagnosis(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(capsys, "ip", "6", "ADM", "Number of reverse diffusion steps | 100")[1:] == [
        "  model     adm",
        "  metric    delta_bar, over 500 images",
        "  command   dvc repro diagnose@adm",
        "  measured  not yet",
    ]
    write_record(diagnosis_path("adm"), made_up_diagnosis())
    assert explained(capsys, "ip", "6", "ADM", "Number of reverse diffusion steps | 100")[-1] == (
        "  measured  0.05 ± 0.001 (n = 500)"
    )


def test_a_fresh_clone_has_the_score_of_the_committed_table(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("ts", "1", "CIFAR-10 | DDIM (quadratic)", "10 steps")
    (cell,) = (line.split()[-1] for line in explained(capsys, *place) if line.startswith("  cell  "))
    table = Path("reports/tables/scores.csv")
    table.parent.mkdir(parents=True)
    model, sampler, fix, steps = "ddpm-net", "ddim-quadratic", "none", "10"
    assert cell == "-".join((model, sampler, fix, steps))
    head = "model,sampler,fix,steps,n,fid,fid_margin"
    table.write_text(
        f"{head}\n{model},{sampler},{fix},20,500,9,1\n{model},{sampler},{fix},{steps},500,12.3456,0.5432\n"
    )
    assert "  measured  12.35 ± 0.54 (n = 500), by the table in reports/tables/scores.csv" in explained(capsys, *place)
