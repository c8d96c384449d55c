"""A small convolutional classifier of small images, trained on the data set: the default feature network.

Two convolutions, a 4x4 map and a penultimate layer of 64 features; images of at least 4x4, uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from stages.config.errors import InputError
from stages.config.networks import FeatureNetworkSettings
from stages.config.sections import Float, Int

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

# Channels of the 4x4 map that are the features of sFID, as many as ADM takes of its own map.
SPATIAL_CHANNELS = 7
EXTRACTOR = 4
SPLIT = 5


class ClassifierSettings(FeatureNetworkSettings):
    """How the classifier is trained: by Adam, on all images but a share ``test_fraction``."""

    network: Literal["classifier"]
    epochs: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=2)]
    lr: Annotated[Float, Field(gt=0, le=1)]
    test_fraction: Annotated[Float, Field(gt=0, lt=1)]
    min_accuracy: Annotated[Float, Field(ge=0, le=1)]

    @property
    def cost(self) -> int:
        """About what the training costs, in evaluations of one image by a denoiser."""
        return 4_000 * self.epochs


def build(image_channels: int, classes: int) -> nn.ModuleDict:
    """Return a fresh network."""
    from torch import nn

    return nn.ModuleDict(
        {
            "stem": nn.Sequential(
                nn.Conv2d(image_channels, 32, 3, padding=1),
                nn.BatchNorm2d(32),
                nn.ReLU(),
                nn.Conv2d(32, 64, 3, padding=1),
                nn.BatchNorm2d(64),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(4),
            ),
            "spatial": nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
            "penultimate": nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(1024, 64), nn.ReLU()),
            "head": nn.Linear(64, classes),
        }
    )


def features(network: nn.ModuleDict, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return pooled features [B, 64], spatial features [B, 112] and logits [B, classes] of uint8 images [B, C, H, W].

    The spatial features are of the 4x4 map after its norm and ReLU, as ADM's evaluator takes Inception's.
    """
    spatial = network["spatial"](network["stem"](images.float() / 127.5 - 1))
    pooled = network["penultimate"](spatial)
    return pooled, spatial[:, :SPATIAL_CHANNELS].flatten(1), network["head"](pooled)


def load(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return the function from images to features, of the content of a file.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the tensors do not fit the configuration.
    """
    import torch

    from stages.config.runtime import pick_device

    network = build(config["image_channels"], config["classes"])
    network.load_state_dict(tensors)
    network = network.to(pick_device()).eval()

    @torch.inference_mode()
    def evaluate(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return features(network, images)

    return evaluate


def prepare(
    settings: ClassifierSettings, images: np.ndarray, labels: np.ndarray, seed: int
) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Return the tensors and configuration of a trained classifier, and for its record the accuracy on test images.

    Raises:
        InputError: a part of the split is empty, training diverges, or accuracy is below extractor.min_accuracy.
    """
    import torch
    from torch.nn import functional
    from tqdm import tqdm

    from stages.config.runtime import pick_device
    from stages.diffusion.random_streams import stream, stream_seed

    order = torch.randperm(len(images), generator=stream(seed, SPLIT))
    test, train = order.tensor_split([round(settings.test_fraction * len(images))])
    if not len(test) or len(train) < settings.batch_size:
        raise InputError(
            f"extractor: {len(images)} images give {len(test)} to test on (extractor.test_fraction), {len(train)} to "
            f"train on; allowed are 1 and more, and a batch of {settings.batch_size} and more"
        )
    device = pick_device()
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    targets = torch.from_numpy(labels).to(device)
    config = {"image_channels": pixels.shape[1], "classes": int(labels.max()) + 1}
    torch.manual_seed(stream_seed(seed, EXTRACTOR))
    network = build(**config).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr)
    per_epoch = len(train) // settings.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.lr, settings.epochs * per_epoch)
    for epoch in tqdm(range(settings.epochs), desc="extractor", unit="epoch", mininterval=1):
        shuffled = train[torch.randperm(len(train), generator=stream(seed, EXTRACTOR, epoch + 1))]
        for batch in shuffled.split(settings.batch_size)[:per_epoch]:
            optimizer.zero_grad(set_to_none=True)
            _, _, logits = features(network, pixels[batch])
            functional.cross_entropy(logits, targets[batch]).backward()
            optimizer.step()
            schedule.step()
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise InputError(f"extractor: the weights are not finite; lower extractor.lr ({settings.lr})")
    with torch.inference_mode():
        _, _, logits = features(network.eval(), pixels[test])
    accuracy = (logits.argmax(1) == targets[test]).double().mean().item()
    if accuracy < settings.min_accuracy:
        raise InputError(
            f"extractor: test accuracy {accuracy:.4f} is below extractor.min_accuracy = {settings.min_accuracy}; "
            "train for more extractor.epochs"
        )
    found = {"test_accuracy": accuracy, "n_test": len(test), "n_train": len(train)}
    return network.state_dict(), config, found
