"""A small convolutional classifier of small images, the feature network where Inception does not apply."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

SPATIAL_CHANNELS = 7


class ClassifierConfig(NamedTuple):
    """Input channels and classes of one classifier."""

    image_channels: int
    classes: int


class Classifier(nn.Module):
    """Two convolutions, a 4x4 map, a 64-wide penultimate layer; any image size of at least 4x4, uint8 in."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Sequential(
            nn.Conv2d(config.image_channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
        )  # fmt: skip
        self.spatial = nn.Conv2d(64, 64, 3, padding=1)
        self.penultimate = nn.Sequential(
            nn.BatchNorm2d(64), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(1024, 64), nn.ReLU()
        )
        self.head = nn.Linear(64, config.classes)

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the penultimate features [B, 64] and the 4x4 map before its norm and activation [B, 64, 4, 4]."""
        spatial = self.spatial(self.stem(images.float() / 127.5 - 1))
        return self.penultimate(spatial), spatial

    def forward(self, images: Tensor) -> Tensor:
        """Return the class logits [B, classes] of uint8 images [B, C, H, W]."""
        return self.head(self.maps(images)[0])


@torch.inference_mode()
def classifier_features(network: Classifier, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return FID's features [B, 64], sFID's [B, 112] and the logits [B, classes].

    Those of sFID are seven channels of the 4x4 map, as ADM takes of its own.
    """
    pooled, spatial = network.maps(images)
    return pooled, spatial[:, :SPATIAL_CHANNELS].flatten(1), network.head(pooled)
