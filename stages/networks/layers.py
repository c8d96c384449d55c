"""Layers that several networks share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class GroupNorm32(nn.GroupNorm):
    """Group normalisation, over 32 groups unless told otherwise, in float32 whatever the input's precision."""

    def __init__(self, channels: int, groups: int = 32, eps: float = 1e-5) -> None:
        super().__init__(groups, channels, eps=eps)

    def forward(self, input: Tensor) -> Tensor:
        return functional.group_norm(input.float(), self.num_groups, self.weight, self.bias, self.eps).to(input.dtype)
