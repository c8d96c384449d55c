"""The ADM U-Net (Dhariwal & Nichol 2021), with the parameter names and shapes of its published checkpoints."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.diffusion.mixed_precision import GroupNorm32
from stages.networks.adm_config import AdmSettings


def zero_init(module: nn.Module) -> nn.Module:
    """Return ``module`` with all parameters set to zero, so that its block starts as the identity."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def time_embedding(times: Tensor, channels: int) -> Tensor:
    """Return [B, channels] sinusoids of ``times`` [B] in 0..T-1: cosines first, frequencies 10000^(-i / half)."""
    half = channels // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=times.device) / half)
    angles = times.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class ResBlock(nn.Module):
    """Residual block with scale-shift norm; ``resize`` makes it ADM's (BigGAN's) up or down block."""

    def __init__(
        self, c_in: int, c_out: int, emb_dim: int, dropout: float, resize: Literal["up", "down"] | None = None
    ) -> None:
        super().__init__()
        self.resize = resize
        self.in_layers = nn.Sequential(GroupNorm32(c_in), nn.SiLU(), nn.Conv2d(c_in, c_out, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb_dim, 2 * c_out))
        out_conv = zero_init(nn.Conv2d(c_out, c_out, 3, padding=1))
        self.out_layers = nn.Sequential(GroupNorm32(c_out), nn.SiLU(), nn.Dropout(dropout), out_conv)
        self.skip_connection = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def _resized(self, x: Tensor) -> Tensor:
        if self.resize == "up":
            return functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.avg_pool2d(x, 2) if self.resize == "down" else x

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Return [B, c_out, H', W'] for x [B, c_in, H, W] and the time embedding [B, emb_dim]."""
        norm, activation, conv = self.in_layers
        h = conv(self._resized(activation(norm(x))))
        scale, shift = self.emb_layers(emb).to(h.dtype)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        return self.skip_connection(self._resized(x)) + h


class AttentionBlock(nn.Module):
    """Residual multi-head self-attention over all positions, with float32 softmax."""

    def __init__(self, channels: int, heads: int, order: Literal["qkv-first", "heads-first"]) -> None:
        super().__init__()
        self.heads = heads
        self.order = order
        self.norm = GroupNorm32(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zero_init(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return x [B, C, H, W] plus what each position attends to."""
        batch, channels, *size = x.shape
        flat = x.reshape(batch, channels, -1)
        qkv = self.qkv(self.norm(flat))
        if self.order == "qkv-first":
            qkv = qkv.reshape(batch, 3, self.heads, channels // self.heads, -1)
        else:
            qkv = qkv.reshape(batch, self.heads, 3, channels // self.heads, -1).transpose(1, 2)
        q, k, v = qkv.unbind(1)
        # Scaling both factors keeps half precision in range where scaling the product would not.
        scale = (channels // self.heads) ** -0.25
        weight = torch.einsum("bhct,bhcs->bhts", q * scale, k * scale).float().softmax(-1).to(v.dtype)
        attended = torch.einsum("bhts,bhcs->bhct", weight, v).reshape(batch, channels, -1)
        return (flat + self.proj_out(attended)).reshape(batch, channels, *size)


class Stage(nn.ModuleList):
    """Layers applied in order; residual blocks also receive the time embedding."""

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Return x after all layers."""
        for layer in self:
            x = layer(x, emb) if isinstance(layer, ResBlock) else layer(x)
        return x


class Encoder(nn.Module):
    """The first half and the middle of the U-Net, which the classifier of noised images has too.

    Args:
        settings: sizes of the U-Net.
        image_size: height and width of the images or latents.
        image_channels: their channels.
    """

    def __init__(self, settings: AdmSettings, image_size: int, image_channels: int) -> None:
        super().__init__()
        self.settings = settings
        self.image_size = image_size
        self.image_channels = image_channels
        width = settings.channels
        emb_dim = 4 * width
        self.time_embed = nn.Sequential(nn.Linear(width, emb_dim), nn.SiLU(), nn.Linear(emb_dim, emb_dim))
        if settings.classes:
            self.label_emb = nn.Embedding(settings.classes, emb_dim)
        self.input_blocks, self.skips = self._encoder(emb_dim)
        deepest = self.skips[-1]
        self.middle_block = Stage(
            [
                ResBlock(deepest, deepest, emb_dim, settings.dropout),
                self._attention(deepest),
                ResBlock(deepest, deepest, emb_dim, settings.dropout),
            ]
        )

    def embedded(self, times: Tensor, labels: Tensor | None) -> Tensor:
        """Return the embedding [B, emb_dim] of times and, where there are classes, of labels."""
        emb = self.time_embed(time_embedding(times, self.settings.channels))
        if not self.settings.classes:
            return emb
        if labels is None:
            raise ValueError("a class-conditional network needs labels")
        return emb + self.label_emb(labels)

    def encoded(self, x: Tensor, emb: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the state after the middle, and the states that skip connections carry to the decoder."""
        skips = []
        for block in self.input_blocks:
            x = block(x, emb)
            skips.append(x)
        return self.middle_block(x, emb), skips

    def _attention(self, channels: int) -> AttentionBlock:
        width = self.settings.head_channels or channels // self.settings.heads
        return AttentionBlock(channels, channels // width, self.settings.attention_order)

    def _encoder(self, emb_dim: int) -> tuple[nn.ModuleList, list[int]]:
        settings = self.settings
        c_now = settings.channels * settings.multipliers[0]
        blocks = [Stage([nn.Conv2d(self.image_channels, c_now, 3, padding=1)])]
        skips = [c_now]
        size = self.image_size
        for level, multiplier in enumerate(settings.multipliers):
            for _ in range(settings.res_blocks):
                c_next = settings.channels * multiplier
                layers: list[nn.Module] = [ResBlock(c_now, c_next, emb_dim, settings.dropout)]
                if size in settings.attention_sizes:
                    layers.append(self._attention(c_next))
                blocks.append(Stage(layers))
                c_now = c_next
                skips.append(c_now)
            if level < len(settings.multipliers) - 1:
                blocks.append(Stage([ResBlock(c_now, c_now, emb_dim, settings.dropout, resize="down")]))
                skips.append(c_now)
                size //= 2
        return nn.ModuleList(blocks), skips


class Network(Encoder):
    """Noise predictor: (x [B, C, H, W], times [B]) -> [B, C or 2C, H, W], the second half parameterising the variance.

    Times are training indices 0..T-1, integer or fractional.
    """

    def __init__(self, settings: AdmSettings, image_size: int, image_channels: int) -> None:
        super().__init__(settings, image_size, image_channels)
        self.output_blocks = self._decoder(4 * settings.channels, list(self.skips))
        c_first = settings.channels * settings.multipliers[0]
        c_out = image_channels * (2 if settings.learn_sigma else 1)
        self.out = nn.Sequential(GroupNorm32(c_first), nn.SiLU(), zero_init(nn.Conv2d(c_first, c_out, 3, padding=1)))

    @property
    def predicts_variance(self) -> bool:
        """Whether the output's second half parameterises the variance."""
        return self.settings.predicts_variance

    @property
    def classes(self) -> int:
        """The number of classes that it is conditioned on; 0 for none."""
        return self.settings.classes

    def _decoder(self, emb_dim: int, skips: list[int]) -> nn.ModuleList:
        settings = self.settings
        c_now = skips[-1]
        blocks = []
        size = self.image_size // 2 ** (len(settings.multipliers) - 1)
        for level, multiplier in reversed(list(enumerate(settings.multipliers))):
            for block in range(settings.res_blocks + 1):
                c_next = settings.channels * multiplier
                layers: list[nn.Module] = [ResBlock(c_now + skips.pop(), c_next, emb_dim, settings.dropout)]
                c_now = c_next
                if size in settings.attention_sizes:
                    layers.append(self._attention(c_now))
                if level and block == settings.res_blocks:
                    layers.append(ResBlock(c_now, c_now, emb_dim, settings.dropout, resize="up"))
                    size *= 2
                blocks.append(Stage(layers))
        return nn.ModuleList(blocks)

    def forward(self, x: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the network's output; ``labels`` [B] int64 are needed by a network with classes."""
        emb = self.embedded(times, labels)
        x, skips = self.encoded(x, emb)
        for block in self.output_blocks:
            x = block(torch.cat([x, skips.pop()], dim=1), emb)
        return self.out(x)
