"""The DDPM U-Net (Ho et al. 2020), with the parameter names and shapes of the DDIM repository's checkpoints."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.diffusion.mixed_precision import GroupNorm32
from stages.networks.ddpm_config import DdpmSettings


def group_norm(channels: int, settings: DdpmSettings) -> GroupNorm32:
    """Return a norm of the network."""
    return GroupNorm32(channels, settings.groups, eps=1e-6)


def time_embedding(times: Tensor, channels: int) -> Tensor:
    """Return [B, channels] sinusoids of ``times`` [B] in 0..T-1: sines first, frequencies 10000^(-i / (half - 1))."""
    half = channels // 2
    steps = torch.arange(half, dtype=torch.float32, device=times.device)
    angles = times.float()[:, None] * torch.exp(-math.log(10000) / (half - 1) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class TimeEmbedding(nn.Module):
    """Two-layer network on the sinusoids of the times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.dense = nn.ModuleList([nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, 4 * channels)])

    def forward(self, times: Tensor) -> Tensor:
        """Return [B, 4 channels] for times [B]."""
        first, second = self.dense
        return second(functional.silu(first(time_embedding(times, self.channels))))


class ResBlock(nn.Module):
    """Residual block that adds the time embedding between its convolutions."""

    def __init__(self, c_in: int, c_out: int, settings: DdpmSettings) -> None:
        super().__init__()
        self.norm1 = group_norm(c_in, settings)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.temb_proj = nn.Linear(4 * settings.channels, c_out)
        self.norm2 = group_norm(c_out, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.nin_shortcut = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Return [B, c_out, H, W] for x [B, c_in, H, W] and the time embedding [B, emb_dim]."""
        h = self.conv1(functional.silu(self.norm1(x)))
        h = h + self.temb_proj(functional.silu(emb))[:, :, None, None]
        h = self.conv2(self.dropout(functional.silu(self.norm2(h))))
        return self.nin_shortcut(x) + h


class AttentionBlock(nn.Module):
    """Residual single-head self-attention over all positions, with float32 softmax."""

    def __init__(self, channels: int, settings: DdpmSettings) -> None:
        super().__init__()
        self.norm = group_norm(channels, settings)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Return x [B, C, H, W] plus what each position attends to."""
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2) for layer in (self.q, self.k, self.v))
        # Scaling both factors keeps half precision in range where scaling the product would not.
        scale = x.shape[1] ** -0.25
        weight = torch.einsum("bct,bcs->bts", q * scale, k * scale).float().softmax(-1).to(v.dtype)
        return x + self.proj_out(torch.einsum("bts,bcs->bct", weight, v).reshape(x.shape))


class Downsample(nn.Module):
    """Halves the size by a strided convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, H / 2, W / 2]."""
        # The published networks inherit TensorFlow's "same" padding, which for stride 2 is right and bottom only.
        return self.conv(functional.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles the size by repetition, followed by a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, C, 2H, 2W]."""
        return self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))


class Level(nn.Module):
    """Residual blocks of one size, each followed by attention where the size has it."""

    def __init__(self, c_ins: list[int], c_out: int, settings: DdpmSettings, size: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(ResBlock(c_in, c_out, settings) for c_in in c_ins)
        # Identities hold no parameters, so that the names stay the published ones.
        attends = size in settings.attention_sizes
        self.attn = nn.ModuleList(AttentionBlock(c_out, settings) if attends else nn.Identity() for _ in c_ins)


class DownLevel(Level):
    """A level of the encoder, which halves the size at its end unless it is the deepest."""

    def __init__(self, c_ins: list[int], c_out: int, settings: DdpmSettings, size: int, deepest: bool) -> None:
        super().__init__(c_ins, c_out, settings, size)
        self.downsample = None if deepest else Downsample(c_out)

    def forward(self, x: Tensor, emb: Tensor) -> list[Tensor]:
        """Return the output of every block, and of the downsampling, in order."""
        outputs = []
        for block, attn in zip(self.block, self.attn, strict=True):
            x = attn(block(x, emb))
            outputs.append(x)
        return outputs if self.downsample is None else [*outputs, self.downsample(x)]


class UpLevel(Level):
    """A level of the decoder, which doubles the size at its end unless it is the top."""

    def __init__(self, c_ins: list[int], c_out: int, settings: DdpmSettings, size: int, top: bool) -> None:
        super().__init__(c_ins, c_out, settings, size)
        self.upsample = nn.Identity() if top else Upsample(c_out)

    def forward(self, x: Tensor, skips: list[Tensor], emb: Tensor) -> Tensor:
        """Return the level's output; each block takes the last of ``skips`` away."""
        for block, attn in zip(self.block, self.attn, strict=True):
            x = attn(block(torch.cat([x, skips.pop()], dim=1), emb))
        return self.upsample(x)


class Middle(nn.Module):
    """The deepest blocks, which attend whatever the size."""

    def __init__(self, channels: int, settings: DdpmSettings) -> None:
        super().__init__()
        self.block_1 = ResBlock(channels, channels, settings)
        self.attn_1 = AttentionBlock(channels, settings)
        self.block_2 = ResBlock(channels, channels, settings)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """Return x after all layers."""
        return self.block_2(self.attn_1(self.block_1(x, emb)), emb)


class Network(nn.Module):
    """Noise predictor: (x [B, C, H, W], times [B]) -> [B, C, H, W].

    Times are training indices 0..T-1, integer or fractional.

    Args:
        settings: sizes of the network.
        image_size: height and width of the images or latents.
        image_channels: their channels.
    """

    def __init__(self, settings: DdpmSettings, image_size: int, image_channels: int) -> None:
        super().__init__()
        self.settings = settings
        widths = [settings.channels, *(settings.channels * multiplier for multiplier in settings.multipliers)]
        levels = len(settings.multipliers)
        self.temb = TimeEmbedding(settings.channels)
        self.conv_in = nn.Conv2d(image_channels, settings.channels, 3, padding=1)
        self.down = nn.ModuleList()
        self.mid = Middle(widths[-1], settings)
        self.up = nn.ModuleList()
        for level, (before, width) in enumerate(pairwise(widths)):
            size = image_size // 2**level
            below = widths[min(level + 2, levels)]
            ins = [before] + [width] * (settings.res_blocks - 1)
            self.down.append(DownLevel(ins, width, settings, size, deepest=level == levels - 1))
            # The skips, last in first out: this level's blocks, then the resampling (or conv_in) before them.
            skips = [width] * settings.res_blocks + [before]
            carried = [below] + [width] * settings.res_blocks
            ins = [a + b for a, b in zip(carried, skips, strict=True)]
            self.up.append(UpLevel(ins, width, settings, size, top=level == 0))
        self.norm_out = group_norm(widths[1], settings)
        self.conv_out = nn.Conv2d(widths[1], image_channels, 3, padding=1)

    @property
    def predicts_variance(self) -> bool:
        """False: the output is the noise alone."""
        return False

    @property
    def classes(self) -> int:
        """0: it is conditioned on the time alone."""
        return 0

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Return the predicted noise."""
        emb = self.temb(times)
        skips = [self.conv_in(x)]
        for level in self.down:
            skips += level(skips[-1], emb)
        x = self.mid(skips[-1], emb)
        for level in reversed(self.up):
            x = level(x, skips, emb)
        return self.conv_out(functional.silu(self.norm_out(x)))
