"""FID's Inception network: torch-fidelity's TensorFlow-compatible one, with the spatial features of sFID.

The spatial features are seven channels of the 17x17 output of the first 1x1 branch of block Mixed_6d, after its batch
norm and ReLU: TensorFlow's ``mixed_6/conv``, which the ADM evaluator uses for sFID, is the output of that ReLU.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from stages.config.errors import InputError
from stages.config.networks import FeatureNetworkSettings
from stages.config.sections import Sha256

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

SPATIAL_CHANNELS = 7
SMALLEST_SIZE = 32


class InceptionSettings(FeatureNetworkSettings):
    """A local file of the weights as torch-fidelity publishes them, and its sha256, checked before it is opened."""

    network: Literal["inception"]
    weights: str
    sha256: Sha256

    @model_validator(mode="before")
    @classmethod
    def _weights_are_pinned(cls, values: Any) -> Any:
        if isinstance(values, dict) and (values.get("weights") is None or values.get("sha256") is None):
            raise ValueError("network: inception needs weights (a local file) and its sha256")
        return values


def build(state: Mapping[str, Tensor]) -> nn.Module:
    """Return the network with these weights, without a download."""
    import torch
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # The class can only load a file, and unpickles it freely: it gets these tensors written afresh in memory.
    weights = io.BytesIO()
    torch.save(dict(state), weights)
    weights.seek(0)
    layers = ["2048", "logits_unbiased"]
    return FeatureExtractorInceptionV3("inception-v3-compat", layers, feature_extractor_weights_path=weights)


def features(network: Any, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return pooled features [B, 2048], spatial ones [B, 2023] and logits [B, 1008] of uint8 images [B, 3, H, W]."""
    import torch

    spatial = []
    hook = network.Mixed_6d.branch1x1.register_forward_hook(lambda module, inputs, output: spatial.append(output))
    with torch.inference_mode():
        pooled, logits = network(images)
    hook.remove()
    return pooled, spatial[0][:, :SPATIAL_CHANNELS].flatten(1), logits


def load(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return the function from images to features, of the content of a file.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the tensors are not Inception's.
    """
    from stages.config.runtime import pick_device

    network = build(tensors).to(pick_device())
    return lambda images: features(network, images)


def prepare(
    settings: InceptionSettings, images: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Return the tensors of the weights' file, its sha256 checked; there is no configuration and nothing to record.

    Raises:
        InputError: the images are not of three channels or too small, the file is missing, its checksum differs, or it
            does not hold Inception's tensors.
    """
    import torch

    from stages.store.files import sha256
    from stages.store.paths import DATASET

    _, height, width, channels = images.shape
    if channels != 3 or min(height, width) < SMALLEST_SIZE:
        raise InputError(
            f"{DATASET}: {height}x{width}x{channels} images; extractor.network: inception takes RGB of at least "
            f"{SMALLEST_SIZE}x{SMALLEST_SIZE}"
        )
    path = Path(settings.weights)
    if not path.is_file():
        raise InputError(f"extractor.weights: {path} not found; it must be a local file")
    found = sha256(path)
    if found != settings.sha256:
        raise InputError(f"extractor.weights: {path} has sha256 {found}; extractor.sha256 is {settings.sha256}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # Built once here, so that the stage ends with a file that the next ones can use.
        tensors = {name: tensor.clone() for name, tensor in build(state).state_dict().items()}
    except Exception as error:  # a file of unknown origin: unpickling and loading raise nearly anything
        reason = type(error).__name__
        raise InputError(f"extractor.weights: {path} does not hold Inception's tensors ({reason})") from None
    return tensors, {}, {}
