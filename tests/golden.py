"""The small ADM network of the golden numbers, with its published parameter values."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from stages.networks.adm import Config, Network

ORACLES = Path(__file__).parent / "oracles"
TINY = Config(16, 3, 32, (1, 2), 2, (8,), head_channels=16)
CIFAR10 = Config(32, 3, 128, (1, 2, 2, 2), 3, (16, 8), head_channels=32, dropout=0.3)


def shapes(name: str) -> dict[str, str]:
    return json.loads((ORACLES / name).read_text())


def shapes_of(network: Network) -> dict[str, str]:
    return {name: "x".join(map(str, tensor.shape)) for name, tensor in network.state_dict().items()}


def golden_network() -> Network:
    """Parameter k of the sorted names is RandomState(k) normal * 0.05, plus 1 for the gains of the norms."""
    network = Network(TINY).eval()
    state = {}
    for k, (name, tensor) in enumerate(sorted(network.state_dict().items())):
        value = np.random.RandomState(k).standard_normal(tuple(tensor.shape)) * 0.05
        gain = tensor.ndim == 1 and name.endswith(".weight")
        state[name] = torch.tensor(value + gain, dtype=torch.float32)
    network.load_state_dict(state)
    return network
