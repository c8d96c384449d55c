"""Strict, typed parameters: the one place where params.yaml is read, coerced and refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from stages.diffusion.grids import Spacing, check_steps, timestep_grid
from stages.files import InputError

PARAMS = Path("params.yaml")


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number, not a boolean")
    return value


def _name(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9.-]+", value):
        raise ValueError("a name made of a-z, 0-9, '.' and '-'")
    return value


# Floats are coerced from text: DVC writes 1e-06, which YAML 1.1 reads as a string.
Float = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]

Model = Literal["adm", "adm-ip"]
Sampler = Literal["ddpm", "ddim", "ddim-clipped", "s-pndm", "f-pndm"]
FixName = Literal["none", "es", "es-linear", "ts"]
MODELS, SAMPLERS, FIXES = get_args(Model), get_args(Sampler), get_args(FixName)
Name = BeforeValidator(_name)


class Section(BaseModel):
    """A params section: no unknown keys, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Runtime(Section):
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    batch_size: Annotated[Int, Field(ge=1)]
    checkpoint_every: Annotated[Int, Field(ge=1)]


class Grid(Section):
    models: Annotated[list[Annotated[Model, Name]], Field(min_length=1)]
    samplers: Annotated[list[Annotated[Sampler, Name]], Field(min_length=1)]
    fixes: Annotated[list[Annotated[FixName, Name]], Field(min_length=1)]
    steps: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for axis in ("models", "samplers", "fixes", "steps"):
            values = getattr(self, axis)
            if len(set(values)) < len(values):
                raise ValueError(f"{axis}: each value once")
        return self


class Prepare(Section):
    dataset: Annotated[str, Name]


class Extractor(Section):
    network: Literal["classifier", "inception"]
    epochs: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=2)]
    lr: Annotated[Float, Field(gt=0)]
    test_fraction: Annotated[Float, Field(gt=0, lt=1)]
    min_accuracy: Annotated[Float, Field(ge=0, le=1)]
    weights: str | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None

    @model_validator(mode="after")
    def _weights_are_pinned(self) -> Self:
        if self.network == "inception" and (self.weights is None or self.sha256 is None):
            raise ValueError("network: inception needs weights (a local file) and its sha256")
        return self


class Network(Section):
    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    head_channels: Annotated[Int, Field(ge=1)]
    dropout: Annotated[Float, Field(ge=0, lt=1)]

    @model_validator(mode="after")
    def _heads_divide_the_channels(self) -> Self:
        widths = [self.channels * multiplier for multiplier in self.multipliers]
        if any(width % self.head_channels for width in widths):
            raise ValueError(f"head_channels: {self.head_channels} does not divide all of the widths {widths}")
        return self


class Train(Section):
    network: Network
    schedule: Literal["linear", "cosine"]
    timesteps: Annotated[Int, Field(ge=2)]
    t_sampling: Literal["uniform", "loss-second-moment"]
    iterations: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]
    warmup: Annotated[Int, Field(ge=0)]
    weight_decay: Annotated[Float, Field(ge=0)]
    ema: Annotated[Float, Field(ge=0, lt=1)]
    flip: Bool
    precision: Literal["fp32", "bf16", "fp16"]

    @model_validator(mode="after")
    def _betas_stay_below_one(self) -> Self:
        if self.schedule == "linear" and self.timesteps <= 20:
            raise ValueError(f"timesteps: {self.timesteps}; the linear schedule needs more than 20")
        return self


class Sample(Section):
    n: Annotated[Int, Field(ge=2)]


class Evaluate(Section):
    neighborhood: Annotated[Int, Field(ge=1)]
    jackknife_groups: Annotated[Int, Field(ge=3)]


class Report(Section):
    searched: list[FixName]


class Training(Section):
    gamma: Annotated[Float, Field(ge=0)]


class Ddpm(Section):
    spacing: Spacing
    variance: Literal["small", "large", "learned"]


class Ddim(Section):
    # Not respaced: that grid starts at T - 1, where an unclipped x0 of the cosine schedule explodes.
    spacing: Literal["uniform", "quadratic"]
    eta: Annotated[Float, Field(ge=0, le=1)]


class DdimClipped(Section):
    spacing: Spacing
    eta: Annotated[Float, Field(ge=0, le=1)]


class Pndm(Section):
    spacing: Literal["uniform", "quadratic"]


class NoFix(Section):
    pass


class EpsilonScaling(Section):
    b: Annotated[Float, Field(gt=0)]


class LinearEpsilonScaling(Section):
    k: Annotated[Float, Field(ge=0)]
    b: Annotated[Float, Field(gt=0)]


class TimeShift(Section):
    window: Annotated[Int, Field(ge=0)]
    cutoff: Annotated[Int, Field(ge=0)]
    update_time: Literal["scheduled", "shifted"]
    cutoff_on: Literal["current", "next"]


class Params(Section):
    """params.yaml as a whole."""

    seed: Annotated[Int, Field(ge=0)]
    runtime: Runtime
    grid: Grid
    prepare: Prepare
    extractor: Extractor
    train: Train
    sample: Sample
    evaluate: Evaluate
    report: Report
    adm: Training
    adm_ip: Training = Field(alias="adm-ip")
    ddpm: Ddpm
    ddim: Ddim
    ddim_clipped: DdimClipped = Field(alias="ddim-clipped")
    s_pndm: Pndm = Field(alias="s-pndm")
    f_pndm: Pndm = Field(alias="f-pndm")
    none: NoFix
    es: EpsilonScaling
    es_linear: LinearEpsilonScaling = Field(alias="es-linear")
    ts: TimeShift

    @model_validator(mode="after")
    def _enough_images_in_equal_groups(self) -> Self:
        groups, n = self.evaluate.jackknife_groups, self.sample.n
        least = 2 * max(groups, self.evaluate.neighborhood + 2)
        if n < least or n % groups:
            raise ValueError(
                f"sample.n: {n} images; allowed are multiples of evaluate.jackknife_groups ({groups}) from {least} on"
            )
        return self

    @model_validator(mode="after")
    def _grids_hold_their_steps(self) -> Self:
        for sampler in self.grid.samplers:
            for steps in self.grid.steps:
                check_steps(sampler, steps)
                timestep_grid(self[sampler].spacing, steps, self.train.timesteps)
        return self

    def __getitem__(self, section: str) -> Any:
        return getattr(self, section.replace("-", "_"))


def read_params(*sections: str) -> tuple[Any, ...]:
    """Return the named sections of params.yaml, validated, in the order asked for.

    Raises:
        InputError: the file is missing or malformed, has an unknown key, a wrong type or a value out of range, or a
            section asked for does not exist; one line says which and what is allowed.
    """
    params = _validated(_parsed())
    unknown = [name for name in sections if name not in _keys(Params)]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no section of {PARAMS}; allowed are {', '.join(_keys(Params))}")
    return tuple(params[name] for name in sections)


def _parsed() -> dict[str, Any]:
    try:
        content = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{PARAMS}: not found; run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{PARAMS}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{PARAMS}: expected sections such as 'seed:' and 'grid:', found {type(content).__name__}")
    return content


def _validated(content: dict[str, Any]) -> Params:
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise InputError(f"{PARAMS}: {_explained(dict(details[0]))}{more}") from None


def _explained(detail: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key; allowed are {', '.join(_keys(_model_at(detail['loc'][:-1])))}"
    if detail["type"] == "missing":
        return f"{where}: missing"
    if isinstance(detail["input"], dict | list | BaseModel):
        return f"{where}: {message}" if where else message
    return f"{where}: {detail['input']!r}: {message[0].lower()}{message[1:]}"


def _model_at(location: tuple[Any, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Params
    for part in location:
        fields = {_key(name, field): field for name, field in model.model_fields.items()}
        annotation = fields[part].annotation if part in fields else None
        inner = next((a for a in (annotation, *get_args(annotation)) if isinstance(a, type)), None)
        if inner is None or not issubclass(inner, BaseModel):
            break
        model = inner
    return model


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _keys(model: type[BaseModel]) -> list[str]:
    return [_key(name, field) for name, field in model.model_fields.items()]
