"""Parts of a local Stable Diffusion folder (diffusers' format): configurations, and weights pinned by sha256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from stages.config.errors import InputError
from stages.config.networks import Pretrained
from stages.diffusion.schedule import ROOT_LINEAR
from stages.store.files import sha256

WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}
FIRST, LAST = ROOT_LINEAR["stable-diffusion"]
# Required settings: the schedule stable-diffusion and noise predictions. DEFAULTS apply to files that lack one.
SCHEDULER = {
    "prediction_type": "epsilon",
    "beta_schedule": "scaled_linear",
    "beta_start": FIRST,
    "beta_end": LAST,
    "trained_betas": None,
    "rescale_betas_zero_snr": False,
}
DEFAULTS = {"prediction_type": "epsilon", "trained_betas": None, "rescale_betas_zero_snr": False}


def read_part(folder: str, part: str, digest: str, setting: str) -> Pretrained:
    """Return a part of a folder, a key of ``WEIGHTS``; ``setting`` is the key of params.yaml with its sha256.

    Nothing is downloaded, and only safetensors files are read, after a check of their sha256.

    Raises:
        InputError: a file is missing, has another sha256, or its weights do not fit its configuration.
    """
    place = Path(folder) / part
    weights = place / WEIGHTS[part]
    configuration = _read_json(place / "config.json")
    if not weights.is_file():
        raise InputError(f"{weights}: not found; a Stable Diffusion folder in diffusers' format has it")
    found = sha256(weights)
    if found != digest:
        raise InputError(f"{weights}: has sha256 {found}, {setting} is {digest}")
    try:
        network, faults = _load(place, part)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise InputError(f"{place}: cannot be loaded: {' '.join(str(error).split())[:200]}") from None
    # The libraries replace missing weights by random ones.
    wrong = [name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in faults[kind]]
    if wrong:
        raise InputError(f"{weights}: {len(wrong)} weights missing or not of {place / 'config.json'}: {wrong[0]}")
    # Keys such as _class_name and _diffusers_version are no settings.
    settings = {name: value for name, value in configuration.items() if not name.startswith("_")}
    return Pretrained(settings, network.state_dict())


def _load(place: Path, part: str) -> tuple[Any, Mapping[str, Any]]:
    """Return the network of a part, and the names of missing and unexpected weights."""
    import torch

    options: dict[str, Any] = {"local_files_only": True, "use_safetensors": True, "output_loading_info": True}
    if part == "text_encoder":
        from transformers.models.clip.modeling_clip import CLIPTextModel as Network

        options["dtype"] = torch.float32
    elif part == "vae":
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL as Network

        options["torch_dtype"] = torch.float32
    else:
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel as Network

        options["torch_dtype"] = torch.float32
    return cast(Any, Network).from_pretrained(place, **options)


def check_scheduler(folder: str, timesteps: int) -> None:
    """Refuse a folder whose network was not trained to predict noise along the schedule stable-diffusion."""
    path = Path(folder) / "scheduler/scheduler_config.json"
    found = DEFAULTS | _read_json(path)
    for name, wanted in {**SCHEDULER, "num_train_timesteps": timesteps}.items():
        if found.get(name) != wanted:
            raise InputError(f"{path}: {name} is {found.get(name)!r}; allowed is {wanted!r}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); a Stable Diffusion folder has it") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not an object of JSON")
    return content
