"""The precision that networks compute in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in ``precision``; fp32 disables autocast, the others mix."""
    return torch.autocast(device.type, PRECISIONS[precision], enabled=precision != "fp32")


class GroupNorm32(nn.GroupNorm):
    """Group normalisation in float32 whatever the input's precision, with 32 groups by default."""

    def __init__(self, channels: int, groups: int = 32, eps: float = 1e-5) -> None:
        super().__init__(groups, channels, eps=eps)

    def forward(self, input: Tensor) -> Tensor:
        return functional.group_norm(input.float(), self.num_groups, self.weight, self.bias, self.eps).to(input.dtype)
