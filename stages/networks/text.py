"""The text-conditional U-Net of Stable Diffusion: diffusers' class of it, and transformers' CLIP text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel


@dataclass(frozen=True)
class Config:
    """Size of one text-conditional network, and the captions that it can be told.

    ``unet`` and ``text_encoder`` are the configurations of the two classes. ``captions`` are token ids, of one length,
    the last ones of the empty caption, which a share ``unconditional`` of the images is told in training.
    """

    image_size: int
    image_channels: int
    unet: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    captions: tuple[Sequence[int], ...]
    unconditional: float


class Network(nn.Module):
    """Noise predictor: (x [B, C, H, W], times [B], labels [B]) -> [B, C, H, W] (LDM, Sec. 3.3).

    Labels are indices of captions; the one after the last caption is the empty one. See Config for sizes.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.unet = cast(UNet2DConditionModel, UNet2DConditionModel.from_config(dict(config.unet)))
        self.text_encoder = CLIPTextModel(CLIPTextConfig(**config.text_encoder))
        # Not saved with the weights: the moving average of them takes numbers, not indices.
        self.captions = nn.Buffer(torch.tensor(config.captions), persistent=False)

    @property
    def predicts_variance(self) -> bool:
        """False: the output is the noise alone."""
        return False

    @property
    def classes(self) -> int:
        """How many captions it can be told, beside the empty one."""
        return len(self.config.captions) - 1

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return the predicted noise; in training some labels are dropped for the empty caption's."""
        if self.training:
            dropped = torch.rand(len(labels), device=labels.device) < self.config.unconditional
            labels = labels.masked_fill(dropped, self.classes)
        # Each caption is encoded once, however many images have it.
        told, which = labels.unique(return_inverse=True)
        states = self.text_encoder(self.captions[told]).last_hidden_state
        return self.unet(x, times, states[which]).sample


def sizes(own: Mapping[str, Any], captions: Sequence[Sequence[int]], vocabulary: int) -> dict[str, Any]:
    """Return the sizes of a small network by those of the params, the image's, and the tokens of the captions."""
    widths = [own["channels"] * multiplier for multiplier in own["multipliers"]]
    attends = [own["image_size"] // 2**level in own["attention_sizes"] for level in range(len(widths))]
    unet = {
        "sample_size": own["image_size"], "in_channels": own["image_channels"], "out_channels": own["image_channels"],
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)],
        "block_out_channels": widths, "layers_per_block": own["res_blocks"], "dropout": own["dropout"],
        "norm_num_groups": own["groups"], "cross_attention_dim": own["text_width"],
        # Which is the number of heads, unlike its name.
        "attention_head_dim": [width // own["head_channels"] for width in widths],
    }  # fmt: skip
    text_encoder = {
        "vocab_size": vocabulary, "max_position_embeddings": len(captions[0]), "hidden_size": own["text_width"],
        "intermediate_size": 4 * own["text_width"], "num_hidden_layers": own["text_layers"],
        "num_attention_heads": own["text_width"] // own["head_channels"], "bos_token_id": captions[-1][0],
        "eos_token_id": captions[-1][1], "pad_token_id": captions[-1][1],
    }  # fmt: skip
    kept = {name: own[name] for name in ("image_size", "image_channels", "unconditional")}
    return {**kept, "unet": unet, "text_encoder": text_encoder, "captions": [list(ids) for ids in captions]}
