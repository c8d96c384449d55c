"""The sections of params.yaml whose names are fixed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stages.config.networks import NoiseClassifierSettings
from stages.config.sections import Float, Int, Name, Section


def _labels(value: Any) -> Any:
    classes = value if isinstance(value, list) else []
    whole = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in classes)
    if value not in ("random", "balanced") and not (classes and whole and len(set(classes)) == len(classes)):
        raise ValueError("random, balanced, or a list of classes, each once, such as [3, 5]")
    return value


# How the class labels of sampled images are chosen: uniform at random, all classes equally often, or these.
Labels = Annotated[Literal["random", "balanced"] | list[Int], BeforeValidator(_labels)]


class Runtime(Section):
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    threads: Annotated[Int, Field(ge=1, le=1024)]
    batch_size: Annotated[Int, Field(ge=1)]
    checkpoint_every: Annotated[Int, Field(ge=1)]
    train_processes: Annotated[Int, Field(ge=1, le=1024)]


class Grid(Section):
    models: Annotated[list[Name], Field(min_length=1)]
    samplers: Annotated[list[Name], Field(min_length=1)]
    fixes: Annotated[list[Name], Field(min_length=1)]
    steps: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for axis in ("models", "samplers", "fixes", "steps"):
            values = getattr(self, axis)
            if len(set(values)) < len(values):
                raise ValueError(f"{axis}: each value once")
        return self


class Beside(Section):
    """A setting whose further readings are measured beside the default ones, up to a step count."""

    setting: str
    max_steps: Annotated[Int, Field(ge=1)]


class Sample(Section):
    n: Annotated[Int, Field(ge=2)]
    precision: Literal["fp32", "bf16", "fp16"]
    labels: Labels


class Moments(Section):
    images: Annotated[Int, Field(ge=1)]


class Diagnose(Section):
    images: Annotated[Int, Field(ge=4)]
    steps: Annotated[list[Annotated[Int, Field(ge=2)]], Field(min_length=1)]
    window: Annotated[Int, Field(ge=0)]
    cutoff: Annotated[Int, Field(ge=0)]

    @model_validator(mode="after")
    def _steps_once(self) -> Self:
        if len(set(self.steps)) < len(self.steps):
            raise ValueError("steps: each once")
        return self


class Guide(NoiseClassifierSettings):
    """The classifier of noised images that guides samplers; its other settings are those of the model's recipe."""

    iterations: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]
    weight_decay: Annotated[Float, Field(ge=0)]
    test_fraction: Annotated[Float, Field(gt=0, lt=1)]


class Evaluate(Section):
    neighborhood: Annotated[Int, Field(ge=1)]
    jackknife_groups: Annotated[Int, Field(ge=3)]


class Search(Section):
    seed: Annotated[Int, Field(ge=0)]
    n: Annotated[Int, Field(ge=2)] | None = None


class Trajectory(Section):
    models: list[Name]
    iterations: list[Annotated[Int, Field(ge=1)]]
    sampler: Name
    fix: Name
    steps: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.iterations != sorted(set(self.iterations)):
            raise ValueError(f"iterations: {self.iterations}; each once, in rising order")
        if len(set(self.models)) < len(self.models):
            raise ValueError("models: each once")
        return self
