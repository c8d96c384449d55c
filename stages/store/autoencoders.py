"""First stages: autoencoders between images and what a denoiser works on, their files, and pixels as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.config.autoencoders import PIXELS
from stages.config.errors import InputError
from stages.config.registry import method_module
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import autoencoder_path


def build_first_stage(module: str, sizes: Mapping[str, Any]) -> Any:
    """Return a fresh first stage of a module of stages/first_stages; lists of sizes may come from JSON."""
    kind = method_module("autoencoders", module)
    if module == PIXELS:
        return kind.FirstStage()
    return kind.FirstStage(kind.Config(**{key: tuple(v) if isinstance(v, list) else v for key, v in sizes.items()}))


def save_autoencoder(name: str, network: nn.Module, module: str, sizes: Mapping[str, Any]) -> None:
    """Write an autoencoder's file: weights, module and sizes."""
    write_tensors(autoencoder_path(name), network.state_dict(), {"name": name, "module": module, "sizes": dict(sizes)})


def load_autoencoder(name: str | None, module: str) -> tuple[Any, dict[str, Tensor], dict[str, Any]]:
    """Return a first stage in eval mode on the CPU, its tensors, and module and sizes; pixels where no name is given.

    Raises:
        InputError: the file is missing, damaged, of another autoencoder, or its tensors do not fit its configuration.
    """
    if name is None:
        return build_first_stage(PIXELS, {}).eval(), {}, {}
    path = autoencoder_path(name)
    tensors, config = read_tensors(path)
    if config.get("name") != name or config.get("module") != module:
        raise InputError(f"{path}: holds no autoencoder {name!r} of {module!r}; run dvc repro to train it")
    try:
        built = build_first_stage(module, config["sizes"])
        built.load_state_dict(tensors)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    return built.eval(), tensors, {"module": module, "sizes": config["sizes"]}
