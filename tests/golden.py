"""The small ADM network of the golden numbers, with its published parameter values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages.networks.adm import Network
from stages.networks.adm_config import AdmSettings

ORACLES = Path(__file__).parent / "oracles"


def adm_network(image_size: int, image_channels: int = 3, **settings: Any) -> Network:
    """An ADM network without dropout, unless the settings have it."""
    return Network(AdmSettings.model_validate({"method": "adm", "dropout": 0.0} | settings), image_size, image_channels)


TINY = {
    "image_size": 16,
    "channels": 32,
    "multipliers": [1, 2],
    "res_blocks": 2,
    "attention_sizes": [8],
    "head_channels": 16,
}
CIFAR10 = {
    "image_size": 32,
    "channels": 128,
    "multipliers": [1, 2, 2, 2],
    "res_blocks": 3,
    "attention_sizes": [16, 8],
    "head_channels": 32,
    "dropout": 0.3,
}


def shapes(name: str) -> dict[str, str]:
    return json.loads((ORACLES / name).read_text())


def shapes_of(network: Network) -> dict[str, str]:
    return {name: "x".join(map(str, tensor.shape)) for name, tensor in network.state_dict().items()}


def golden_network() -> Network:
    """Parameter k of the sorted names is RandomState(k) normal * 0.05, plus 1 for the gains of the norms."""
    network = adm_network(**TINY).eval()
    state = {}
    for k, (name, tensor) in enumerate(sorted(network.state_dict().items())):
        value = np.random.RandomState(k).standard_normal(tuple(tensor.shape)) * 0.05
        gain = tensor.ndim == 1 and name.endswith(".weight")
        state[name] = torch.tensor(value + gain, dtype=torch.float32)
    network.load_state_dict(state)
    return network
