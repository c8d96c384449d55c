"""What the settings of networks, autoencoders and feature networks share; each has its settings beside its code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, get_args

from pydantic import ConfigDict, Field, model_validator

from stages.config.registry import import_all
from stages.config.sections import Float, Int, Method, Section, methods

if TYPE_CHECKING:
    from torch import Tensor

# What a network is conditioned on beside the time: one of the classes, or one of the captions of the data set.
Condition = Literal["class", "text"]
# The module of stages/networks/autoencoders of models without an autoencoder.
PIXELS = "pixels"


class Pretrained(NamedTuple):
    """The configuration of a pretrained network, as JSON can hold it, and its weights, float32."""

    configuration: dict[str, Any]
    weights: dict[str, Tensor]


# (folder, name of a network in it, sha256 of its weights, the key of params.yaml that has the sha256) -> the network.
ReadPretrained: TypeAlias = Callable[[str, str, str, str], Pretrained]


def check_heads(channels: int, multipliers: list[int], head_channels: int) -> None:
    """Refuse attention heads that do not divide the widths of a U-Net's levels."""
    widths = [channels * multiplier for multiplier in multipliers]
    if any(width % head_channels for width in widths):
        raise ValueError(f"head_channels: {head_channels} does not divide all of the widths {widths}")


def check_groups(channels: int, groups: int) -> None:
    """Refuse groups of norms that do not divide the channels, or that hold a single one."""
    if channels % groups or channels < 2 * groups:
        # The norm of a single channel removes what the time embedding adds to it.
        raise ValueError(f"groups: {groups}; must divide channels ({channels}) and be half of them at most")


class NetworkSettings(Method):
    """Settings of a denoiser's network; image size and channels come from the data.

    The settings of a network ``NAME`` are a subclass in stages/networks/NAME_config.py, which must not import torch.
    """

    # Whether training starts from weights that the settings name.
    pretrained: ClassVar[bool] = False
    # The noise schedule that the pretrained weights belong to.
    schedule: ClassVar[str | None] = None

    @property
    def predicts_variance(self) -> bool:
        """Whether the network predicts a variance beside the noise."""
        return False

    @property
    def num_classes(self) -> int:
        """The number of classes that the network is conditioned on; 0 without classes."""
        return 0

    @property
    def conditioned_on(self) -> Condition | None:
        """What the network is conditioned on beside the time."""
        return "class" if self.num_classes else None


class UNetSettings(NetworkSettings):
    """Sizes of the U-Nets that are trained from scratch."""

    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    dropout: Annotated[Float, Field(ge=0, lt=1)]


class NoiseClassifierSettings(Section):
    """Sizes of the classifier of noised images; image size, channels and classes come from the data."""

    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    head_channels: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _heads_divide_the_channels(self) -> Self:
        check_heads(self.channels, self.multipliers, self.head_channels)
        return self


class AutoencoderSettings(Method):
    """Settings of an autoencoder between images and latents: a subclass in stages/networks/autoencoders/NAME.py."""


class TrainedAutoencoderSettings(AutoencoderSettings):
    """An autoencoder that is trained on the images of the data set."""

    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=2)]
    iterations: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]


class FeatureNetworkSettings(Section):
    """The section ``extractor``: a subclass in stages/networks/feature_networks/NAME.py.

    Settings of other feature networks may stand beside its own, unused, so that ``-S extractor.network=NAME`` is enough
    to change the network.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    network: str

    @property
    def cost(self) -> int:
        """About what preparing the network costs, in evaluations of one image by a denoiser."""
        return 0

    @model_validator(mode="after")
    def _extras_are_settings_of_other_networks(self) -> Self:
        known = {field: None for each in feature_network_settings().values() for field in each.model_fields}
        for name in self.model_extra or {}:
            if name not in known:
                raise ValueError(f"{name}: unknown key; allowed are {', '.join(known)}")
        return self


@cache
def network_settings() -> dict[str, type[NetworkSettings]]:
    """Return the settings classes of networks by method."""
    import_all("networks", "_config")
    return methods(NetworkSettings)


@cache
def autoencoder_settings() -> dict[str, type[AutoencoderSettings]]:
    """Return the settings classes of autoencoders by method."""
    import_all("autoencoders")
    return methods(AutoencoderSettings)


@cache
def feature_network_settings() -> dict[str, type[FeatureNetworkSettings]]:
    """Return the settings classes of feature networks by name."""
    import_all("feature_networks")
    return {
        get_args(each.model_fields["network"].annotation)[0]: each for each in FeatureNetworkSettings.__subclasses__()
    }
