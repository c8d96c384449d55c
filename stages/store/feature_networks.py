"""The file of the feature network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stages.config.errors import InputError
from stages.config.registry import method_module
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import FEATURE_NETWORK

if TYPE_CHECKING:
    from torch import Tensor


class FeatureNetwork(NamedTuple):
    """A network by its name, and its function from uint8 images [B, C, H, W] to pooled, spatial features and logits."""

    name: str
    features: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def save_feature_network(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write the feature network: ``network`` in its configuration is the name of its module."""
    write_tensors(FEATURE_NETWORK, tensors, config)


def load_feature_network() -> FeatureNetwork:
    """Return the feature network, on the chosen device.

    Raises:
        InputError: the file is missing, damaged, or its tensors do not fit its configuration.
    """
    tensors, config = read_tensors(FEATURE_NETWORK)
    try:
        features = method_module("feature_networks", config["network"]).load(tensors, config)
    except (ImportError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{FEATURE_NETWORK}: the tensors do not fit the configuration in the file: {reason}") from None
    return FeatureNetwork(config["network"], features)
