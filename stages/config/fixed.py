"""The sections of params.yaml whose names are the project's own."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import check_heads
from stages.config.sections import Float, Int, Name, Section, Sha256


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


class Prepare(Section):
    dataset: Name


class Extractor(Section):
    network: Literal["classifier", "inception"]
    epochs: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=2)]
    lr: Annotated[Float, Field(gt=0, le=1)]
    test_fraction: Annotated[Float, Field(gt=0, lt=1)]
    min_accuracy: Annotated[Float, Field(ge=0, le=1)]
    weights: str | None
    sha256: Sha256 | None

    @model_validator(mode="after")
    def _weights_are_pinned(self) -> Self:
        if self.network == "inception" and (self.weights is None or self.sha256 is None):
            raise ValueError("network: inception needs weights (a local file) and its sha256")
        return self


class Sample(Section):
    n: Annotated[Int, Field(ge=2)]
    precision: Literal["fp32", "bf16", "fp16"]


class Moments(Section):
    images: Annotated[Int, Field(ge=1)]


class Diagnose(Section):
    images: Annotated[Int, Field(ge=4)]
    steps: Annotated[Int, Field(ge=2)]
    b: list[Annotated[Float, Field(gt=0)]]
    window: Annotated[Int, Field(ge=0)]
    cutoff: Annotated[Int, Field(ge=0)]


class Guide(Section):
    """The classifier of noised images that guides samplers; what is not here is as in the recipe of the model."""

    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    head_channels: Annotated[Int, Field(ge=1)]
    iterations: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]
    weight_decay: Annotated[Float, Field(ge=0)]
    test_fraction: Annotated[Float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _heads_divide_the_channels(self) -> Self:
        check_heads(self.channels, self.multipliers, self.head_channels)
        return self


class Evaluate(Section):
    neighborhood: Annotated[Int, Field(ge=1)]
    jackknife_groups: Annotated[Int, Field(ge=3)]


class Search(Section):
    seed: Annotated[Int, Field(ge=0)]


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
