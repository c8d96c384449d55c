"""The text-conditional U-Net of Stable Diffusion: diffusers' U-Net and transformers' CLIP text encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel

from stages.config.errors import InputError
from stages.config.networks import ReadPretrained
from stages.networks.text_config import StableDiffusionSettings, TextSettings
from stages.store.files import read_npz
from stages.store.paths import DATASET

START = "<start>"
END = "<end>"


class Network(nn.Module):
    """Noise predictor: (x [B, C, H, W], times [B], labels [B]) -> [B, C, H, W] (LDM, Sec. 3.3).

    Labels are indices of captions; the one after the last caption is the empty caption. In training, a share
    ``settings.unconditional`` of the labels is replaced by it.

    Args:
        settings: the section of the network.
        image_size: height and width of the images or latents.
        image_channels: their channels.
        unet: configuration of the U-Net, as diffusers has it.
        text_encoder: configuration of the text encoder, as transformers has it.
        captions: token ids of the captions, all of one length, those of the empty caption last.
    """

    def __init__(
        self,
        settings: TextSettings | StableDiffusionSettings,
        image_size: int,
        image_channels: int,
        unet: Mapping[str, Any],
        text_encoder: Mapping[str, Any],
        captions: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        self.settings = settings
        self.unet = cast(UNet2DConditionModel, UNet2DConditionModel.from_config(dict(unet)))
        self.text_encoder = CLIPTextModel(CLIPTextConfig(**text_encoder))
        # Not saved with the weights: their moving average is of floats, not of indices.
        self.captions = nn.Buffer(torch.tensor(captions), persistent=False)

    @property
    def predicts_variance(self) -> bool:
        """False: the output is the noise alone."""
        return False

    @property
    def classes(self) -> int:
        """The number of captions without the empty one."""
        return len(self.captions) - 1

    def forward(self, x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return the predicted noise."""
        if self.training:
            dropped = torch.rand(len(labels), device=labels.device) < self.settings.unconditional
            labels = labels.masked_fill(dropped, self.classes)
        # Each caption is encoded once, however many images have it.
        used, which = labels.unique(return_inverse=True)
        states = self.text_encoder(self.captions[used]).last_hidden_state
        return self.unet(x, times, states[which]).sample


def start(
    name: str,
    settings: TextSettings | StableDiffusionSettings,
    image_size: int,
    image_channels: int,
    read_part: ReadPretrained,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what ``Network`` takes beside settings and image sizes, and the weights that training starts from.

    Args:
        name: the name of the recipe's section.
        settings: its network.
        image_size: height and width of the images or latents.
        image_channels: their channels.
        read_part: reads a network of a Stable Diffusion folder.

    Raises:
        InputError: there are no captions, or the Stable Diffusion folder is not as expected.
    """
    captions = read_captions()
    if isinstance(settings, TextSettings):
        tokens = word_tokens(captions)
        return configurations(settings, image_size, image_channels, tokens), {}
    unet = read_part(settings.folder, "unet", settings.unet_sha256, f"{name}.network.unet_sha256")
    encoder_key = f"{name}.network.text_encoder_sha256"
    text_encoder = read_part(settings.folder, "text_encoder", settings.text_encoder_sha256, encoder_key)
    wanted = unet.configuration["in_channels"]
    factor = 2 ** (len(unet.configuration["block_out_channels"]) - 1)
    if image_channels != wanted or image_size % factor:
        raise InputError(
            f"{DATASET}: {image_size}x{image_size}x{image_channels} images or latents; the U-Net of {settings.folder} "
            f"takes {wanted} channels and squares of a size that {factor} divides"
        )
    arguments = {
        "unet": unet.configuration,
        "text_encoder": text_encoder.configuration,
        "captions": clip_tokens(settings.folder, captions),
    }
    weights = {f"unet.{key}": value for key, value in unet.weights.items()}
    weights |= {f"text_encoder.{key}": value for key, value in text_encoder.weights.items()}
    return arguments, weights


class Tokens(NamedTuple):
    """Token ids of all captions, of one length, those of the empty caption last, and the size of the vocabulary."""

    captions: list[list[int]]
    vocabulary: int


def configurations(settings: TextSettings, image_size: int, image_channels: int, tokens: Tokens) -> dict[str, Any]:
    """Return the configurations of U-Net and text encoder of a network trained from scratch, and the captions."""
    widths = [settings.channels * multiplier for multiplier in settings.multipliers]
    attends = [image_size // 2**level in settings.attention_sizes for level in range(len(widths))]
    start_id, end_id = tokens.captions[-1][:2]
    unet = {
        "sample_size": image_size,
        "in_channels": image_channels,
        "out_channels": image_channels,
        "down_block_types": ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)],
        "block_out_channels": widths,
        "layers_per_block": settings.res_blocks,
        "dropout": settings.dropout,
        "norm_num_groups": settings.groups,
        "cross_attention_dim": settings.text_width,
        # Which is the number of heads, unlike its name.
        "attention_head_dim": [width // settings.head_channels for width in widths],
    }
    text_encoder = {
        "vocab_size": tokens.vocabulary,
        "max_position_embeddings": len(tokens.captions[0]),
        "hidden_size": settings.text_width,
        "intermediate_size": 4 * settings.text_width,
        "num_hidden_layers": settings.text_layers,
        "num_attention_heads": settings.text_width // settings.head_channels,
        "bos_token_id": start_id,
        "eos_token_id": end_id,
        "pad_token_id": end_id,
    }
    return {"unet": unet, "text_encoder": text_encoder, "captions": tokens.captions}


def read_captions() -> list[str]:
    """Return the captions that the labels of the data set are indices of.

    Raises:
        InputError: there are none.
    """
    captions = [str(caption) for caption in read_npz(DATASET, "captions")[0]]
    if not captions:
        raise InputError(f"{DATASET}: no captions; a text-conditional network needs one for each label")
    return captions


def word_tokens(captions: list[str]) -> Tokens:
    """Return the tokens of captions, one per word between a start and an end, padded by ends as CLIP's are."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    split = Whitespace()
    words = sorted({word for caption in captions for word, _ in split.pre_tokenize_str(caption)})
    vocabulary = {word: index for index, word in enumerate((START, END, *words))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=END))
    tokenizer.pre_tokenizer = split  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.post_processor = TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single=f"{START} $A {END}", special_tokens=[(START, 0), (END, 1)]
    )
    tokenizer.enable_padding(pad_id=1, pad_token=END)
    return Tokens([encoded.ids for encoded in tokenizer.encode_batch([*captions, ""])], len(vocabulary))


def clip_tokens(folder: str, captions: list[str]) -> list[list[int]]:
    """Return the token ids of captions by the folder's own tokenizer, those of the empty caption last.

    They are padded or cut to the length that the text encoder was made for.

    Raises:
        InputError: the folder has no tokenizer.
    """
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    place = Path(folder) / "tokenizer"
    if not (place / "vocab.json").is_file() or not (place / "merges.txt").is_file():
        raise InputError(f"{place}: has no vocab.json and merges.txt; a Stable Diffusion folder has")
    try:
        tokenizer = CLIPTokenizer.from_pretrained(place, local_files_only=True)
        return tokenizer([*captions, ""], padding="max_length", truncation=True)["input_ids"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(f"{place}: cannot be loaded: {' '.join(str(error).split())[:200]}") from None
