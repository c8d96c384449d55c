"""params.yaml is read strictly: what is wrong is named in one line, with what is allowed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dvc.api
import pytest
import torch
import yaml
from dvc.utils.hydra import apply_overrides

from stages.__main__ import main
from stages.commands import check
from stages.config.errors import InputError
from stages.config.params import forget_params, read_params, read_yaml
from stages.plan.plan_file import read_cells, read_plan
from tests.toy import ROOT, toy_params, write_params

Edit = Callable[[dict[str, Any]], Any]


def put(*paths_and_values: Any) -> Edit:
    def edit(params: dict[str, Any]) -> None:
        for path, value in zip(paths_and_values[::2], paths_and_values[1::2], strict=True):
            *parents, last = path.split("/")
            place = params
            for parent in parents:
                place = place[parent]
            place[last] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("es/lambda", 1.0), "es.lambda: unknown key; allowed are method, b, k"),
        (put("ess", {}), "ess: unknown section; allowed are seed, runtime, tables, max_steps, beside, grid"),
        (put("ess", {"method": "euler"}), "and what has a method: analytic-ddim, ddim, guided-ddim, cfg-ddim, ddpm, "),
        (put("ess", {"method": "adn", "recipe": "x"}), "ess.method: 'adn': a model's method is one of adm, adm-gp"),
        (put("adm-recipe/network/width", 3), "adm-recipe.network.width: unknown key; allowed are method, channels"),
        (put("es/b", "one"), "es.b: 'one': a number, or the word published or tuned"),
        (put("es/b", True), "es.b: True: a number, or the word published or tuned"),
        (put("es/b", 0), "es: b: 0.0: must be greater than 0"),
        (put("es/k", -1), "es: k: -1.0: must be 0 or greater"),
        (put("es/b", float("nan")), "es.b: nan: a number, or the word published or tuned"),
        (put("ts/window", 50.5), "ts.window: 50.5: a whole number of 0 or more, or the word tuned"),
        (put("ts/update_time", "often"), "ts.update_time: 'often': input should be 'scheduled' or 'shifted'"),
        (put("adm-ip/gamma", -0.1), "adm-ip.gamma: -0.1: input should be greater than or equal to 0"),
        (put("adm-ip/gamma", True), "adm-ip.gamma: True: a number, not a boolean"),
        (
            put("adm-ip/recipe", "adm-recipes"),
            "adm-ip.recipe: 'adm-recipes' is no such section; allowed are adm-recipe",
        ),
        (put("adm-ip/recipe", "ddpm-recipe"), "adm-ip.recipe: the network of ddpm-recipe predicts no variance, unlike"),
        (put("adm-wd/recipe", "adm-recipe"), "adm-wd.recipe: adm-recipe.weight_decay is 0; adm-wd is trained with one"),
        (put("adm-recipe/precision", "fp8"), "adm-recipe.precision: 'fp8': input should be 'fp32', 'bf16' or 'fp16'"),
        (put("adm-recipe/optimizer", "adam", "adm-recipe/weight_decay", 0.1), "weight_decay: 0.1; optimizer: adam"),
        (put("adm-recipe/clip", 0), "adm-recipe.clip: 0: input should be greater than 0"),
        (
            put("adm-recipe/network/method", "unet"),
            "adm-recipe.network.method: 'unet'; allowed are 'adm', 'ddpm', 'text', 'stable-diffusion'",
        ),
        (put("tables", "none"), "tables: 'none': all, or a list of tables such as ip-3"),
        (put("tables", ["ip 3"]), "tables: ['ip 3']: all, or a list of tables such as ip-3"),
        (put("tables", ["ip-11"]), "tables: 'ip-11' is no published table; allowed are all, or of es-1, es-2"),
        (put("max_steps", 0), "max_steps: 0: input should be greater than or equal to 1"),
        (put("grid/models", ["adm; rm -rf x"]), "grid.0.models.0: 'adm; rm -rf x': a name made of a-z, 0-9 and '-'"),
        (put("grid/samplers", ["euler"]), "grid.samplers: 'euler' is no such section; allowed are ddpm, ddpm-small"),
        (put("grid/samplers", ["es"]), "grid.samplers: 'es' is no such section; allowed are ddpm, ddpm-small"),
        (
            put("beside", [{"setting": "variance", "max_steps": 5}]),
            "beside.setting: 'variance': a kind (sampler, mode",
        ),
        (put("beside", [{"setting": "sampler.gamma", "max_steps": 5}]), "beside.setting: 'sampler.gamma': a kind (sam"),
        (put("beside", [{"setting": "sampler.eta", "max_steps": 0}]), "beside.0.max_steps: 0: input should be greater"),
        (put("beside", 2 * [{"setting": "sampler.eta", "max_steps": 5}]), "beside: each setting once"),
        (put("grid/fixes", []), "grid.0.fixes: List should have at least 1 item"),
        (put("grid/steps", [5, 5]), "steps: each value once"),
        (put("grid/steps", [80]), "grid: adm-ip, ddim, none, 80 steps: the uniform grid of 1000 cannot hold 80 steps"),
        (put("grid/steps", [1001]), "1001 steps: allowed are 1 to 1000"),
        (put("grid", None), "tables, max_steps and grid leave no cell to measure"),
        (put("ddim/spacing", "respaced"), "ddim: spacing: respaced is for samplers that clip x0; allowed are ldm, pn"),
        (put("ddim/spacing", "cubic"), "ddim: spacing: cubic is no grid of this sampler; allowed are ldm, pndm, "),
        (
            put("ddpm/variance", "learned", "grid/models", ["ddpm-net"]),
            "ddpm needs a variance, which ddpm-net does not",
        ),
        (put("s-pndm/order", 3), "s-pndm.order: 3: input should be 2 or 4"),
        (
            put("es/b", "published"),
            "es.b is published, but no paper prints it for dataset digits, model adm-ip",
        ),
        (put("plan", {"method": "none"}), "plan: a name of the project's own; name the section otherwise"),
        (put("a.b", {"method": "none"}), "name: 'a.b': a name made of a-z, 0-9 and '-'"),
        (put("prepare/dataset", "../../etc"), "prepare.dataset: '../../etc'; allowed are 'cifar10'"),
        (put("search/seed", 0), "search.seed: 0: the seed of the reported scores; another one"),
        (put("es/b", "1.0"), "es.b: '1.0': a number, or the word published or tuned"),
        (put("es/b", "tuned"), "es.b is tuned: no search yet; run python -m stages search"),
        (put("runtime/device", "gpu"), "runtime.device: 'gpu': string should match pattern"),
        (put("sample/n", 61), "sample.n: 61 images; allowed are multiples of evaluate.jackknife_groups (5) from 10 on"),
        (put("sample/n", 5), "sample.n: 5 images; allowed are multiples"),
        (put("sample/labels", "even"), "sample.labels: 'even': random, balanced, or a list of classes, each once"),
        (put("sample/labels", []), "sample.labels: []: random, balanced, or a list of classes"),
        (put("sample/labels", [3, 3]), "sample.labels: [3, 3]: random, balanced, or a list of classes"),
        (put("sample/labels", [-1]), "sample.labels: [-1]: random, balanced, or a list of classes"),
        (put("sample/labels", [True]), "sample.labels: [True]: random, balanced, or a list of classes"),
        (put("adm-recipe/network/head_channels", 24), "head_channels: 24 does not divide all of the widths"),
        (put("adm-recipe/schedule", "linear", "adm-recipe/timesteps", 10), "the linear schedule needs 21 or more"),
        (put("extractor/network", "inception"), "network: inception needs weights (a local file) and its sha256"),
        (lambda params: params.pop("seed"), "seed: missing"),
        (lambda params: params["es"].pop("b"), "es.b: missing"),
    ],
)
def test_faults_are_one_line(project: Path, edit: Edit, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    params = toy_params()
    edit(params)
    write_params(params)
    before = Path("cells.json").read_bytes()
    assert main(["plan"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("plan: params.yaml: ")
    assert message in lines[0]
    assert Path("cells.json").read_bytes() == before


def test_f_pndm_refuses_too_few_steps(project: Path) -> None:
    params = toy_params()
    params["grid"] |= {"samplers": ["f-pndm"], "steps": [4]}
    write_params(params)
    with pytest.raises(InputError, match="pndm needs at least 4 grid steps, not 3"):
        read_plan()


@pytest.mark.parametrize("content", ["", "seed: [", "- 1", "seed: 2024-13-01", "seed: 0x_"])
def test_files_that_are_no_params(project: Path, content: str) -> None:
    Path("params.yaml").write_text(content)
    forget_params()
    with pytest.raises(InputError, match=r"^params.yaml: [^\n]+$"):
        read_params()


def test_params_that_are_no_utf8(project: Path) -> None:
    Path("params.yaml").write_bytes(b"seed: \xff")
    forget_params()
    with pytest.raises(InputError, match=r"^params.yaml: not valid YAML: [^\n]+$"):
        read_params()


def test_a_missing_file(project: Path) -> None:
    Path("params.yaml").unlink()
    forget_params()
    with pytest.raises(InputError, match=r"params.yaml: not found; run from the project's folder"):
        read_params()


def test_numbers_that_dvc_writes_are_read(project: Path) -> None:
    """DVC's YAML library writes 1e-06, which YAML 1.1 takes for text."""
    params = toy_params()
    params["adm-recipe"]["lr"] = params["es"]["b"] = "1e-06"
    write_params(params)
    assert yaml.safe_load(Path("params.yaml").read_text())["adm-recipe"]["lr"] == "1e-06"
    found = read_params()
    assert found.recipes["adm-recipe"].lr == 1e-6
    assert found.fixes["es"].settings()["b"] == 1e-6


SPELLINGS = [
    "010",
    "1:30",
    "1_000",
    "0b11",
    "yes",
    "on",
    "True",
    "TRUE",
    "no",
    "1e-06",
    "1e5",
    "1E5",
    "12e03",
    "1.",
    ".5",
    "+5",
    "0x1F",
    "0o17",
    "~",
    "null",
    "Null",
    "",
    "2024-01-01",
    "-.inf",
    ".NaN",
    "1e",
    "5_000.0",
    "'1'",
    '"1e3"',
    "&a 1",
    "!!int 3",
    "!!str 3",
    "[1, 010]",
    "{a: 1e3}",
    "1.0e+3",
    "09",
    "- 1",
    "|\n  text",
    "a: b",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_is_to_the_stages_what_it_is_to_dvc(tmp_path: Path, spelling: str) -> None:
    """What DVC tracks must be what the stages use: in YAML 1.1, b: 010 would be 8."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.utils.serialize import load_yaml

    path = tmp_path / "params.yaml"
    path.write_text(f"section:\n  b: {spelling}\n")
    try:
        expected = load_yaml(str(path))
    except DvcException:
        with pytest.raises(InputError, match=r"params.yaml: [^\n]+$"):
            read_yaml(path)
        return
    assert repr(read_yaml(path)) == repr(expected)
    with Repo.init(str(tmp_path), no_scm=True):
        shown = dvc.api.params_show(repo=str(tmp_path))
    assert repr(shown) == repr(read_yaml(path))


@pytest.mark.parametrize("content", ["es: {b: 1, b: 2}", "es:\n  b: 1\n  b: 1\n", "seed: 1\nseed: 1\n"])
def test_a_key_that_stands_twice_is_refused(project: Path, content: str, capsys) -> None:
    Path("params.yaml").write_text(content)
    forget_params()
    assert main(["check"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r'check: params\.yaml: line \d: found duplicate key "(b|seed)"', line)


@pytest.mark.parametrize("content", ["adm: &a {b: 1}\nes: *a\n", "adm: &a\n  b: 1\nes:\n  <<: *a\n", "a: [&b 1, *b]\n"])
def test_an_alias_is_refused(project: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("params.yaml").write_text(content)
    forget_params()
    assert main(["check"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"check: params\.yaml: line \d: alias \*[ab]: -S would change two keys; write both out", line)


def leaves(content: dict[str, Any], *parents: str) -> dict[str, Any]:
    """The values that are no mappings, by dotted path."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= leaves(value, *parents, name) if isinstance(value, dict) else {".".join([*parents, name]): value}
    return found


@pytest.mark.parametrize("study", [".", "studies/quick", "studies/seeds", "studies/time-shift"])
def test_an_override_changes_the_key_that_it_names_alone(tmp_path: Path, study: str) -> None:
    """Each leaf is set in half of the runs: of any two leaves, some run sets the first and not the second."""
    path = tmp_path / "params.yaml"
    before = leaves(read_yaml(ROOT / study / "params.yaml"))
    new = {name: 7000 + place for place, name in enumerate(before)}
    for bit in range(len(before).bit_length()):
        for value in (0, 1):
            named = {name: new[name] for place, name in enumerate(before) if place >> bit & 1 == value}
            shutil.copy(ROOT / study / "params.yaml", path)
            apply_overrides(str(path), [f"{name}={number}" for name, number in named.items()])
            assert leaves(read_yaml(path)) == before | named


def test_params_nested_too_deeply_are_refused(project: Path) -> None:
    Path("params.yaml").write_text("a: " + "[" * 20_000)
    forget_params()
    with pytest.raises(InputError, match=r"^params\.yaml: [^\n]+$"):
        read_params()


def test_sound_params_are_reported(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "params.yaml and cells.json are sound: 1 models, 6 cells\n"


@pytest.mark.parametrize("text", ["1.0", "1e-3"])
def test_text_is_no_number(project: Path, text: str) -> None:
    params = toy_params()
    params["adm-recipe"]["ema"] = text
    Path("params.yaml").write_text(yaml.safe_dump(params).replace(f"ema: {text}", f"ema: '{text}'"))
    forget_params()
    with pytest.raises(InputError, match=r"adm-recipe\.ema: "):
        read_params()


def no_memory() -> None:
    torch.empty(2**60)


def no_memory_of_python() -> None:
    raise MemoryError


@pytest.mark.parametrize("fault", [no_memory, no_memory_of_python])
def test_too_little_memory_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch, capsys, fault: Any) -> None:
    monkeypatch.setattr(check, "run", fault)
    assert main(["check"]) == 2
    assert capsys.readouterr().err == ("check: out of memory; lower runtime.batch_size or the sizes of the network\n")


def test_another_fault_of_torch_keeps_its_traceback(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "run", lambda: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        main(["check"])


def test_wrong_arguments_are_refused_in_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["sample"], ["sample", "a", "b"], ["explain", "ts", "1"], ["nothing"], []):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("python -m stages")


def test_committed_params_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = read_params()
    assert {"adm", "adm-ip"} <= set(found.models)
    assert found.samplers["ddim"].settings() == {"eta": 0.0, "clip": False, "direction": "scaled"}


def test_a_search_is_repeated_for_other_labels_where_images_have_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    cells = read_cells().sample
    found = {"adm": [], "adm-class": [], "text": []}
    for labels in ("random", "balanced", [3]):
        params = read_params()
        params = params.model_copy(update={"sample": params.sample.model_copy(update={"labels": labels})})
        for model, settings in found.items():
            settings.append(params.searching(next(cell for cell in cells.values() if cell.model == model)))
    assert found["adm"][0] == found["adm"][1] == found["adm"][2]
    assert found["text"][0] == found["text"][1] == found["text"][2]
    assert [settings.get("labels") for settings in found["adm-class"]] == [None, "balanced", [3]]
