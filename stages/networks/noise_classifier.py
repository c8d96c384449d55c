"""The classifier of noised images that guides ADM, with the parameter names and shapes of its published checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.config.networks import NoiseClassifierSettings
from stages.diffusion.mixed_precision import GroupNorm32
from stages.networks.adm import Encoder
from stages.networks.adm_config import AdmSettings


class AttentionPool(nn.Module):
    """Attention of the mean over all positions, each with a learned embedding: [B, C, S, S] -> [B, outputs]."""

    def __init__(self, size: int, channels: int, head_channels: int, outputs: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.positional_embedding = nn.Parameter(torch.randn(channels, size**2 + 1) / channels**0.5)
        self.qkv_proj = nn.Conv1d(channels, 3 * channels, 1)
        self.c_proj = nn.Conv1d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for the mean as a query, a token before all positions."""
        flat = x.flatten(2)
        tokens = torch.cat([flat.mean(-1, keepdim=True), flat], dim=-1) + self.positional_embedding.to(x.dtype)
        batch, channels, _ = tokens.shape
        q, k, v = self.qkv_proj(tokens).reshape(batch, 3, self.heads, channels // self.heads, -1).unbind(1)
        scale = (channels // self.heads) ** -0.25
        weight = torch.einsum("bhc,bhcs->bhs", q[..., 0] * scale, k * scale).float().softmax(-1).to(v.dtype)
        attended = torch.einsum("bhs,bhcs->bhc", weight, v).reshape(batch, channels, 1)
        return self.c_proj(attended).flatten(1)


class Network(Encoder):
    """Class logits of noised images: (x [B, C, H, W], times [B]) -> [B, classes] (Dhariwal & Nichol 2021, App. H).

    Args:
        settings: sizes of the network.
        image_size: height and width of the images.
        image_channels: their channels.
        classes: the number of classes.
    """

    def __init__(self, settings: NoiseClassifierSettings, image_size: int, image_channels: int, classes: int) -> None:
        sizes = {name: getattr(settings, name) for name in NoiseClassifierSettings.model_fields}
        encoder = AdmSettings(method="adm", dropout=0.0, attention_order="heads-first", **sizes)
        super().__init__(encoder, image_size, image_channels)
        deepest = self.skips[-1]
        smallest = image_size // 2 ** (len(settings.multipliers) - 1)
        pool = AttentionPool(smallest, deepest, settings.head_channels, classes)
        self.out = nn.Sequential(GroupNorm32(deepest), nn.SiLU(), pool)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Return the class logits."""
        return self.out(self.encoded(x, self.embedded(times, None))[0])
