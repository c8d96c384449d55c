"""params.yaml is read strictly: what is wrong is named in one line, with what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.__main__ import main
from stages.files import InputError
from stages.params import read_params
from tests.toy import ROOT, toy_params, write_params

Edit = Callable[[dict[str, Any]], Any]


def put(path: str, value: Any) -> Edit:
    *parents, last = path.split("/")

    def edit(params: dict[str, Any]) -> None:
        for parent in parents:
            params = params[parent]
        params[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("es/lambda", 1.0), "es.lambda: unknown key; allowed are b"),
        (put("ess", {}), "ess: unknown key; allowed are seed, runtime, grid"),
        (put("train/network/width", 3), "train.network.width: unknown key; allowed are channels, multipliers"),
        (put("es/b", "one"), "es.b: 'one': input should be a valid number"),
        (put("es/b", True), "es.b: True: a number, not a boolean"),
        (put("es/b", 0), "es.b: 0: input should be greater than 0"),
        (put("es/b", float("nan")), "es.b: nan: input should be a finite number"),
        (put("ts/window", 50.5), "ts.window: 50.5: input should be a valid integer"),
        (put("ts/update_time", "often"), "ts.update_time: 'often': input should be 'scheduled' or 'shifted'"),
        (put("adm-ip/gamma", -0.1), "adm-ip.gamma: -0.1: input should be greater than or equal to 0"),
        (put("train/precision", "fp8"), "train.precision: 'fp8': input should be 'fp32', 'bf16' or 'fp16'"),
        (put("grid/models", ["adm; rm -rf x"]), "grid.models.0: 'adm; rm -rf x': a name made of a-z, 0-9, '.' and '-'"),
        (put("grid/samplers", ["euler"]), "grid.samplers.0: 'euler': input should be 'ddpm', 'ddim'"),
        (put("grid/fixes", []), "grid.fixes: List should have at least 1 item"),
        (put("grid/steps", [5, 5]), "steps: each value once"),
        (put("grid/steps", [80]), "the uniform grid of 1000 cannot hold 80 steps; nearest are 77 and 84"),
        (put("grid/steps", [1001]), "1001 steps: allowed are 1 to 1000"),
        (put("ddim/spacing", "respaced"), "ddim.spacing: 'respaced': input should be 'uniform' or 'quadratic'"),
        (put("prepare/dataset", "../../etc"), "prepare.dataset: '../../etc': a name made of"),
        (put("runtime/device", "gpu"), "runtime.device: 'gpu': string should match pattern"),
        (put("sample/n", 61), "sample.n: 61 images; allowed are multiples of evaluate.jackknife_groups (5) from 10 on"),
        (put("sample/n", 5), "sample.n: 5 images; allowed are multiples"),
        (put("train/network/head_channels", 24), "train.network: head_channels: 24 does not divide all of the widths"),
        (put("train", toy_params()["train"] | {"schedule": "linear", "timesteps": 10}), "needs more than 20"),
        (put("extractor/network", "inception"), "network: inception needs weights (a local file) and its sha256"),
        (lambda params: params.pop("seed"), "seed: missing"),
        (lambda params: params["es"].pop("b"), "es.b: missing"),
    ],
)
def test_faults_are_one_line(project: Path, edit: Edit, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    params = toy_params()
    edit(params)
    write_params(params)
    assert main(["prepare"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("prepare: params.yaml: ")
    assert message in lines[0]
    assert not Path("data").exists()


def test_f_pndm_refuses_too_few_steps(project: Path) -> None:
    params = toy_params()
    params["grid"] |= {"samplers": ["f-pndm"], "steps": [2]}
    write_params(params)
    with pytest.raises(InputError, match="f-pndm needs at least 4 steps, not 2"):
        read_params("seed")


@pytest.mark.parametrize("content", ["", "seed: [", "- 1"])
def test_files_that_are_no_params(project: Path, content: str) -> None:
    Path("params.yaml").write_text(content)
    with pytest.raises(InputError, match=r"^params.yaml: [^\n]+$"):
        read_params("seed")


def test_params_that_are_no_utf8(project: Path) -> None:
    Path("params.yaml").write_bytes(b"seed: \xff")
    with pytest.raises(InputError, match=r"^params.yaml: not valid YAML: [^\n]+$"):
        read_params("seed")


def test_a_missing_file_and_an_unknown_section(project: Path) -> None:
    with pytest.raises(InputError, match="'sede' is no section"):
        read_params("sede")
    Path("params.yaml").unlink()
    with pytest.raises(InputError, match=r"params.yaml: not found; run from the project's folder"):
        read_params("seed")


def test_numbers_that_dvc_writes_are_read(project: Path) -> None:
    """DVC's YAML library writes 1e-06, which YAML 1.1 takes for text."""
    params = toy_params()
    params["train"]["lr"] = "1e-06"
    write_params(params)
    assert yaml.safe_load(Path("params.yaml").read_text())["train"]["lr"] == "1e-06"
    (train,) = read_params("train")
    assert train.lr == 1e-6


def test_unknown_grid_names_on_the_command_line_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["sample", "adm", "seed", "none", "4"], ["sample", "adm", "ddim", "none", "x"], ["nothing"], []):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("python -m stages")


def test_committed_params_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sections = yaml.safe_load(Path("params.yaml").read_text())
    assert len(read_params(*sections)) == len(sections)
