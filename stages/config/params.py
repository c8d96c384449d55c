"""params.yaml as a whole: its sections, whether they fit one another, and the one place where the file is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from stages.config.dataset_settings import DatasetSettings, dataset_settings
from stages.config.entries import Cell
from stages.config.errors import InputError
from stages.config.fixed import (
    Beside,
    Diagnose,
    Evaluate,
    Grid,
    Guide,
    Labels,
    Moments,
    Runtime,
    Sample,
    Search,
    Trajectory,
)
from stages.config.method_settings import FixSettings, ModelSettings, SamplerSettings
from stages.config.networks import (
    AutoencoderSettings,
    FeatureNetworkSettings,
    NetworkSettings,
    autoencoder_settings,
    feature_network_settings,
    network_settings,
)
from stages.config.registry import settings_types
from stages.config.sections import Bool, Float, Int, Method, Name, Section

# The settings classes of each kind by the method that they stand for, from the files of the methods.
SAMPLERS = settings_types("samplers", SamplerSettings)
FIXES = settings_types("fixes", FixSettings)
MODELS = settings_types("objectives", ModelSettings)
NETWORKS = network_settings()
AUTOENCODERS = autoencoder_settings()
FEATURE_NETWORKS = feature_network_settings()
DATASETS = dataset_settings()

if TYPE_CHECKING:
    AnyNetwork = NetworkSettings
    Extractor = FeatureNetworkSettings
    Prepare = DatasetSettings
else:
    AnyNetwork = Annotated[Union[tuple(NETWORKS.values())], Field(discriminator="method")]  # noqa: UP007
    Extractor = Annotated[Union[tuple(FEATURE_NETWORKS.values())], Field(discriminator="network")]  # noqa: UP007
    Prepare = Annotated[Union[tuple(DATASETS.values())], Field(discriminator="dataset")]  # noqa: UP007

PARAMS = Path("params.yaml")
# With fewer training times the last beta, which is scaled by 1000 / T, would be 1 or more.
LEAST_TIMESTEPS = {"cosine": 2, "linear": 21, "scaled-linear": 20, "stable-diffusion": 13}
# The kinds of sections that the user names.
KINDS = ("recipes", "models", "samplers", "fixes", "autoencoders")
# No section has one of these names: DVC reads the variables of dvc.yaml and cells.json into one namespace with it.
RESERVED = (*KINDS, "code", "published", "plan", "planned")


def _tables(value: Any) -> Any:
    listed = isinstance(value, list) and all(re.fullmatch(r"[a-z]+-\d+", str(name)) for name in value)
    if value != "all" and not listed:
        raise ValueError("all, or a list of tables such as ip-3")
    return value


def _products(value: Any) -> Any:
    return value if isinstance(value, list) else [] if value is None else [value]


class Recipe(Section):
    """How a network is built and trained, whatever the objective."""

    network: AnyNetwork
    schedule: Literal["linear", "cosine", "scaled-linear", "stable-diffusion"]
    timesteps: Annotated[Int, Field(ge=2, le=100_000)]
    t_sampling: Literal["uniform", "antithetic", "loss-second-moment"]
    optimizer: Literal["adam", "adamw"]
    iterations: Annotated[Int, Field(ge=0)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]
    warmup: Annotated[Int, Field(ge=0)]
    weight_decay: Annotated[Float, Field(ge=0)]
    clip: Annotated[Float, Field(gt=0)] | None
    ema: Annotated[Float, Field(ge=0, lt=1)]
    flip: Bool
    precision: Literal["fp32", "bf16", "fp16"]

    @model_validator(mode="after")
    def _betas_stay_below_one(self) -> Self:
        least = LEAST_TIMESTEPS[self.schedule]
        if self.timesteps < least:
            raise ValueError(f"timesteps: {self.timesteps}; the {self.schedule} schedule needs {least} or more")
        return self

    @model_validator(mode="after")
    def _pretrained_weights_or_iterations(self) -> Self:
        if not self.iterations and not self.network.pretrained:
            raise ValueError("iterations: 0; allowed are 1 and more, 0 with a network that has pretrained weights")
        if self.network.schedule not in (None, self.schedule):
            raise ValueError(
                f"schedule: {self.schedule}; network.method: {self.network.method} takes {self.network.schedule}"
            )
        return self

    @model_validator(mode="after")
    def _adam_has_no_decay_of_its_own(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"weight_decay: {self.weight_decay}; optimizer: adam takes 0, adamw any")
        return self


# The kinds of sections whose settings readings of published numbers may name.
READ_KINDS: Mapping[str, Sequence[type[BaseModel]]] = {
    "sampler": tuple(SAMPLERS.values()),
    "model": tuple(MODELS.values()),
    "recipe": (Recipe,),
    "fix": tuple(FIXES.values()),
}


def is_setting(name: str) -> bool:
    """Return whether a name such as ``sampler.variance`` is that of a kind of sections and a setting of one of them."""
    kind, _, setting = name.partition(".")
    return any(setting in type_.model_fields for type_ in READ_KINDS.get(kind, ()))


def has_settings(kind: str, section: BaseModel, wanted: Mapping[str, str]) -> bool:
    """Return whether a section of a kind has the wanted settings, as texts by kind and name; others count for nothing.

    Real numbers are compared in their shortest form, such as 0.1.
    """
    for name, value in wanted.items():
        of, _, setting = name.partition(".")
        if of == kind:
            own = getattr(section, setting, None)
            if (f"{own:g}" if isinstance(own, float) else str(own)) != value:
                return False
    return True


class ParamsFault(ValueError):
    """An error in params.yaml: one line with the key and what is allowed."""


class Params(Section):
    """params.yaml, validated; the last five fields hold the sections that the user names."""

    seed: Annotated[Int, Field(ge=0)]
    runtime: Runtime
    tables: Annotated[str | list[str], BeforeValidator(_tables)]
    max_steps: Annotated[Int, Field(ge=1)]
    beside: Annotated[list[Beside], BeforeValidator(_products)]
    grid: Annotated[list[Grid], BeforeValidator(_products)]
    prepare: Prepare
    extractor: Extractor
    moments: Moments
    diagnose: Diagnose
    guide: Guide
    sample: Sample
    evaluate: Evaluate
    search: Search
    trajectory: Trajectory
    recipes: dict[str, Recipe]
    models: dict[str, ModelSettings]
    samplers: dict[str, SamplerSettings]
    fixes: dict[str, FixSettings]
    autoencoders: dict[str, AutoencoderSettings]

    def training(self, model: str) -> dict[str, Any]:
        """Return all settings of a model's training, as its file and record hold them."""
        section = self.models[model]
        name = section.encoded_by
        first = {} if name is None else {"autoencoder": {"name": name, **self.autoencoders[name].model_dump()}}
        seed = self.seed if section.seed is None else section.seed
        return {
            **section.settings(),
            **first,
            "variant": section.module,
            "recipe": section.recipe,
            "seed": seed,
            "dataset": self.prepare.dataset,
            **self.recipes[section.recipe].model_dump(exclude_defaults=True),
        }

    def guiding(self, model: str) -> dict[str, Any]:
        """Return all settings of the training of the classifier that guides a model."""
        recipe = self.recipes[self.models[model].recipe].model_dump(exclude_defaults=True)
        return {**self.guide.model_dump(), "seed": self.seed, "dataset": self.prepare.dataset, "recipe": recipe}

    def labels(self, cell: Cell) -> Labels | None:
        """Return how the labels of a cell's images are chosen: those of captions at random; None without labels."""
        condition = self.recipes[self.models[cell.model].recipe].network.conditioned_on
        if condition == "text":
            return "random"
        return self.sample.labels if condition == "class" or self.samplers[cell.sampler].takes == "guide" else None

    @property
    def trial_images(self) -> int:
        """How many images a trial of a search draws: as many as a score where params.yaml does not say."""
        return self.sample.n if self.search.n is None else self.search.n

    def searching(self, cell: Cell) -> dict[str, Any]:
        """Return all settings that decide what a search finds for a cell."""
        sampler = self.samplers[cell.sampler]
        guide = {"guide": self.guiding(cell.model)} if sampler.takes == "guide" else {}
        labels = self.labels(cell)
        chosen = {} if labels in (None, "random") else {"labels": labels}
        return {
            **guide,
            **chosen,
            **cell.axes,
            "training": self.training(cell.model),
            "n": self.trial_images,
            "seed": self.search.seed,
            "precision": self.sample.precision,
            "sampler_params": sampler.model_dump(exclude_defaults=True),
            "fix_params": self.fixes[cell.fix].model_dump(),
            "extractor": self.extractor.model_dump(),
        }

    @model_validator(mode="after")
    def _beside_are_settings(self) -> Self:
        for entry in self.beside:
            if not is_setting(entry.setting):
                raise ValueError(
                    f"beside.setting: {entry.setting!r}: a kind ({', '.join(READ_KINDS)}) and a setting of such "
                    "sections, as in sampler.variance"
                )
        settings = [entry.setting for entry in self.beside]
        if len(set(settings)) < len(settings):
            raise ValueError("beside: each setting once")
        return self

    @model_validator(mode="after")
    def _searches_on_other_seeds(self) -> Self:
        if self.search.seed == self.seed:
            raise ValueError(f"search.seed: {self.seed}: the seed of the reported scores; another one")
        return self

    @model_validator(mode="after")
    def _enough_images_in_equal_groups(self) -> Self:
        groups = self.evaluate.jackknife_groups
        n = self.sample.n
        least = 2 * max(groups, self.evaluate.neighborhood + 2)
        if n < least or n % groups:
            raise ValueError(
                f"sample.n: {n} images; allowed are multiples of evaluate.jackknife_groups ({groups}) from {least} on"
            )
        return self

    @model_validator(mode="after")
    def _names_are_of_sections(self) -> Self:
        named: list[tuple[str, list[str], Mapping[str, Any]]] = []
        for grid in self.grid:
            named += [
                ("grid.models", grid.models, self.models),
                ("grid.samplers", grid.samplers, self.samplers),
                ("grid.fixes", grid.fixes, self.fixes),
            ]
        named += [
            ("trajectory.models", self.trajectory.models, self.models),
            ("trajectory.sampler", [self.trajectory.sampler], self.samplers),
            ("trajectory.fix", [self.trajectory.fix], self.fixes),
        ]
        named += [(f"{name}.recipe", [model.recipe], self.recipes) for name, model in self.models.items()]
        encoded = {name: model.encoded_by for name, model in self.models.items() if model.encoded_by}
        named += [(f"{name}.autoencoder", [each], self.autoencoders) for name, each in encoded.items()]
        for place, names, allowed in named:
            for name in names:
                if name not in allowed:
                    raise ValueError(f"{place}: {name!r} is no such section; allowed are {', '.join(allowed)}")
        return self

    @model_validator(mode="after")
    def _networks_predict_what_is_trained(self) -> Self:
        for name, model in self.models.items():
            network = self.recipes[model.recipe].network
            if network.predicts_variance != model.trains_variance:
                predicts = "no variance" if model.trains_variance else "a variance too"
                raise ValueError(
                    f"{name}.recipe: the network of {model.recipe} predicts {predicts}, "
                    f"unlike what {model.method} trains"
                )
            if network.pretrained and model.predicts != "noise":
                raise ValueError(
                    f"{name}.method: {model.method}; the pretrained weights of {model.recipe} predict noise"
                )
            if model.decays_weights and not self.recipes[model.recipe].weight_decay:
                raise ValueError(f"{name}.recipe: {model.recipe}.weight_decay is 0; {model.method} is trained with one")
        return self

    @model_validator(mode="after")
    def _repeats_have_seeds_of_their_own(self) -> Self:
        for name, model in self.models.items():
            alike = (other for other in self.models if other != name and self.training(other) == self.training(name))
            other = next(alike, None)
            if model.seed is not None and other:
                raise ValueError(f"{name}.seed: {model.seed}: {other} is trained alike on that seed; another one")
        return self


FIXED = [name for name in Params.model_fields if name not in RESERVED]


def read_params() -> Params:
    """Return params.yaml, validated as a whole.

    A process reads the file once, so that an edit during a run neither mixes two versions of the params nor stops a
    stage that has trained for hours.

    Raises:
        InputError: the file is missing or malformed, has an alias, an unknown key, a wrong type or a value out of
            range.
    """
    return _read(PARAMS.absolute())


def params_content() -> Mapping[str, Any]:
    """Return params.yaml as ``read_params`` reads it, once in a process, before it is validated.

    Raises:
        InputError: the file is missing or malformed, or has an alias.
    """
    return _content(PARAMS.absolute())


def forget_params() -> None:
    """Clear the caches of ``read_params`` and ``params_content``, for another command in the same process."""
    _read.cache_clear()
    _content.cache_clear()


@cache
def _read(path: Path) -> Params:
    try:
        return parse_params(_content(path))
    except ParamsFault as fault:
        raise InputError(f"{PARAMS}: {fault}") from None


@cache
def _content(path: Path) -> dict[str, Any]:
    return read_yaml(PARAMS, aliases=False)


def read_yaml(path: Path, aliases: bool = True) -> dict[str, Any]:
    """Return the mapping in a YAML file, parsed as DVC parses it, so that stages use the values that DVC tracks.

    Raises:
        InputError: the file is missing, is not YAML 1.2, has a duplicate key or, unless they are allowed, an alias, or
            holds no mapping.
    """
    # The audit, which reads no params, runs without this package.
    from ruamel.yaml import YAML, AliasEvent, YAMLError
    from ruamel.yaml.constructor import DuplicateKeyError

    try:
        text = path.read_text(encoding="utf-8")
        content = YAML(typ="safe").load(text)
        events = () if aliases else YAML(typ="safe").parse(text)
        alias = next((event for event in events if isinstance(event, AliasEvent)), None)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; run from the project's folder") from None
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        key = str(error.problem).partition(" with ")[0]
        raise InputError(f"{path}: line {line}: {key}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    except (YAMLError, ValueError, AttributeError) as error:
        # ValueError: bytes that are not UTF-8, or text that YAML reads as a date or number, such as 2024-13-01.
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if alias is not None:
        line = alias.start_mark.line + 1
        raise InputError(f"{path}: line {line}: alias *{alias.anchor}: -S would change two keys; write both out")
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected sections such as 'seed:', found {type(content).__name__}")
    return content


def parse_params(content: Mapping[str, Any]) -> Params:
    """Return the params of a parsed file.

    Raises:
        ParamsFault: an unknown key, a wrong type, a value out of range, or sections that do not fit one another.
    """
    sections: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for name, section in content.items():
        if name not in FIXED:
            kind, type_ = _kind(name, section)
            sections[kind][name] = _validated(type_, section, f"{name}.")
    return _validated(Params, {name: content[name] for name in FIXED if name in content} | sections, "")


def _kind(name: Any, section: Any) -> tuple[str, type[BaseModel]]:
    """Return the kind of a section that the user names, judged by its keys, and its type."""
    if name in RESERVED:
        raise ParamsFault(f"{name}: a name of the project's own; name the section otherwise")
    _validated(_Named, {"name": name}, "")
    method = str(section.get("method")) if isinstance(section, dict) else ""
    kinds: dict[str, Mapping[str, type[Method]]] = {"samplers": SAMPLERS, "fixes": FIXES, "autoencoders": AUTOENCODERS}
    if isinstance(section, dict) and "network" in section:
        return "recipes", Recipe
    if isinstance(section, dict) and "recipe" in section:
        if method in MODELS:
            return "models", MODELS[method]
        raise ParamsFault(f"{name}.method: {method!r}: a model's method is one of {', '.join(MODELS)}")
    for kind, types in kinds.items():
        if method in types:
            return kind, types[method]
    raise ParamsFault(
        f"{name}: unknown section; allowed are {', '.join(FIXED)}, a recipe (with a network), a model (with a recipe), "
        f"and what has a method: {', '.join([*SAMPLERS, *FIXES, *AUTOENCODERS])}"
    )


class _Named(Section):
    name: Name


def _validated(type_: type[Any], content: Any, prefix: str) -> Any:
    try:
        return type_.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ParamsFault(f"{_explained(dict(details[0]), type_, prefix)}{more}") from None


def _explained(detail: dict[str, Any], type_: type[BaseModel], prefix: str) -> str:
    # For a union, pydantic adds a part for the type that it tried: a method, or a type in brackets.
    parts = list(detail["loc"])
    tags = {*NETWORKS, *FEATURE_NETWORKS, *DATASETS}
    location = [part for part in parts if "[" not in str(part) and (part == parts[0] or part not in tags)]
    where = prefix + ".".join(str(part) for part in location)
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key; allowed are {', '.join(_keys_at(type_, location[:-1]))}"
    if detail["type"] == "union_tag_invalid":
        context = detail["ctx"]
        key = context["discriminator"].strip("'")
        return f"{where}.{key}: {context['tag']!r}; allowed are {context['expected_tags']}"
    if detail["type"] == "missing":
        return f"{where}: missing"
    if isinstance(detail["input"], dict | list | BaseModel):
        shown = (
            f": {detail['input']!r}" if isinstance(detail["input"], list) and detail["type"] == "value_error" else ""
        )
        return f"{where.rstrip('.')}{shown}: {message}" if where else message
    return f"{where.rstrip('.')}: {detail['input']!r}: {message[0].lower()}{message[1:]}"


def _keys_at(type_: type[BaseModel], location: list[Any]) -> list[str]:
    for part in location:
        annotation = type_.model_fields[part].annotation if part in type_.model_fields else None
        inner = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
        models = [each for each in inner if issubclass(each, BaseModel)]
        if not models:
            break
        type_ = models[0]
    return list(type_.model_fields)
