"""The networks of the default study, untrained: speed does not depend on the weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from stages.config.params import Recipe, read_params
from stages.config.registry import method_module
from stages.diffusion.schedule import Schedule, make_schedule
from stages.store.models import build_network
from stages.training.processes import accelerator
from stages.training.state import TrainingState, new_state

SHAPE = (1, 8, 8)


def recipe_of(model: str) -> Recipe:
    """Return the recipe of a model of params.yaml."""
    params = read_params()
    return params.recipes[params.models[model].recipe]


def network_of(model: str) -> torch.nn.Module:
    """Return the network of a model of params.yaml, for images of 8x8."""
    recipe = recipe_of(model)
    return build_network(recipe.network, {"image_size": SHAPE[1], "image_channels": SHAPE[0]})


def schedule_of(model: str) -> Schedule:
    """Return the noise schedule of a model of params.yaml."""
    recipe = recipe_of(model)
    return make_schedule(recipe.schedule, recipe.timesteps)


def training_of(model: str) -> tuple[TrainingState, Any]:
    """Return a training run before its first iteration, and its objective."""
    section = read_params().models[model]
    state = new_state(partial(network_of, model), recipe_of(model), 0, accelerator(torch.device("cpu")))
    return state, partial(method_module("objectives", section.module).loss, **section.settings())
