"""The feature network's file, and its application to images by batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.runtime import batches, pick_device
from stages.networks.feature_networks.classifier import Classifier, ClassifierConfig, classifier_features
from stages.scoring.features import Features
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import FEATURE_NETWORK

PIXEL_LIMIT = 256
INCEPTION_SIZE = 32


class FeatureNetwork(NamedTuple):
    """A network by its name, and its features of uint8 images [B, C, H, W]: those of FID, those of sFID and logits."""

    name: str
    features: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def save_feature_network(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write the feature network: ``network`` in its configuration is ``classifier`` or ``inception``."""
    write_tensors(FEATURE_NETWORK, tensors, config)


def load_feature_network() -> FeatureNetwork:
    """Return the feature network, on the chosen device.

    Raises:
        InputError: the file is missing, damaged, or its tensors do not fit its configuration.
    """
    tensors, config = read_tensors(FEATURE_NETWORK)
    try:
        if config["network"] == "inception":
            from stages.networks.feature_networks.inception import SpatialInception, inception_features

            inception = SpatialInception(tensors).to(pick_device())
            return FeatureNetwork("inception", partial(inception_features, inception))
        network = Classifier(ClassifierConfig(config["image_channels"], config["classes"]))
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{FEATURE_NETWORK}: the tensors do not fit the configuration in the file: {reason}") from None
    network = network.to(pick_device()).eval()
    return FeatureNetwork("classifier", partial(classifier_features, network))


def extract_features(network: FeatureNetwork, parts: Iterable[np.ndarray], n: int, label: str) -> Iterator[Features]:
    """Yield the features of n uint8 images NHWC that come in ``parts``, by batches of at most runtime.batch_size.

    Those of raw pixels only where an image has at most 256 values.

    Raises:
        InputError: a feature is not finite.
    """
    device = pick_device()
    with tqdm(total=n, desc=label, unit="img", mininterval=1) as progress:
        for part in parts:
            for start, stop in batches(len(part)):
                images = part[start:stop]
                batch = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
                pooled, spatial, logits = (features.cpu().numpy() for features in network.features(batch))
                if not all(np.isfinite(features).all() for features in (pooled, spatial, logits)):
                    raise InputError(f"{FEATURE_NETWORK}: features of images are not finite; check extractor in params")
                flat = images.reshape(len(images), -1)
                pixels = flat.astype(np.float32) / 255 if flat.shape[1] <= PIXEL_LIMIT else None
                progress.update(len(images))
                yield Features(pooled, spatial, pixels, logits)


def check_images(network: str, images: np.ndarray, where: Path) -> None:
    """Raise InputError where the feature network cannot take these images."""
    _, height, width, channels = images.shape
    if network == "inception" and (channels != 3 or min(height, width) < INCEPTION_SIZE):
        raise InputError(
            f"{where}: {height}x{width}x{channels} images; extractor.network: inception takes RGB of at least "
            f"{INCEPTION_SIZE}x{INCEPTION_SIZE}"
        )
