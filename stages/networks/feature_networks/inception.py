"""FID's Inception network: torch-fidelity's TensorFlow-compatible one, with the spatial features of sFID beside."""

from __future__ import annotations

import io

import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

SPATIAL_CHANNELS = 7


class SpatialInception(FeatureExtractorInceptionV3):
    """uint8 [B, 3, H, W] -> pool_3 features [B, 2048] and logits [B, 1008] without bias, beside the spatial [B, 2023].

    The spatial features are seven channels of the 17x17 output of the first 1x1 convolution of block Mixed_6d, before
    batch norm and activation: TensorFlow's ``mixed_6/conv``, which the ADM evaluator uses for sFID.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        # The base class can only load a file, and unpickles it freely: it gets these tensors written afresh in memory.
        weights = io.BytesIO()
        torch.save(state, weights)
        weights.seek(0)
        super().__init__("inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=weights)
        self._spatial = torch.empty(0)
        self.Mixed_6d.branch1x1.conv.register_forward_hook(self._keep)

    def _keep(self, module: torch.nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._spatial = output[:, :SPATIAL_CHANNELS].flatten(1)


@torch.inference_mode()
def inception_features(network: SpatialInception, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return FID's features [B, 2048], sFID's [B, 2023] and the logits [B, 1008] of uint8 RGB images [B, 3, H, W]."""
    pooled, logits = network(images)
    return pooled, network._spatial, logits
