"""The text-conditional network: its captions, when they are dropped, and that its arguments hold all of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from stages.networks.text import Network, configurations, word_tokens
from stages.networks.text_config import TextSettings
from stages.store.models import build_network

CAPTIONS = ["the digit one", "the digit seven", "a line"]
OWN = {
    "method": "text",
    "channels": 32,
    "multipliers": [1, 1],
    "res_blocks": 1,
    "attention_sizes": [2],
    "dropout": 0.0,
    "groups": 8,
    "head_channels": 16,
    "text_width": 32,
    "text_layers": 1,
    "unconditional": 0.1,
}


def arguments(settings: TextSettings) -> dict[str, Any]:
    return {"image_size": 4, "image_channels": 1, **configurations(settings, 4, 1, word_tokens(CAPTIONS))}


def network(**changes: Any) -> Network:
    torch.manual_seed(0)
    # A share of 1, which the settings refuse, drops every caption.
    settings = TextSettings.model_construct(**OWN | changes)
    return Network(settings, **arguments(settings))


def batch(n: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 1, 4, 4, generator=generator), torch.arange(n) * 100, torch.arange(n) % len(CAPTIONS)


def test_tokens_are_words_between_start_and_end_filled_up_with_ends() -> None:
    tokens = word_tokens(CAPTIONS)
    words = ["<start>", "<end>", "a", "digit", "line", "one", "seven", "the"]
    assert tokens.vocabulary == len(words)
    assert [[words[index] for index in ids] for ids in tokens.captions] == [
        ["<start>", "the", "digit", "one", "<end>"],
        ["<start>", "the", "digit", "seven", "<end>"],
        ["<start>", "a", "line", "<end>", "<end>"],
        ["<start>", "<end>", "<end>", "<end>", "<end>"],
    ]


@torch.no_grad()
def test_every_caption_is_another_prediction_and_the_same_in_every_batch() -> None:
    built, (x, times, labels) = network().eval(), batch()
    found = built(x, times, labels)
    assert found.shape == x.shape
    alone = torch.cat([built(x[i : i + 1], times[i : i + 1], labels[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(alone, found, rtol=1e-4, atol=1e-5)
    others = [built(x, times, torch.full_like(labels, label)) for label in range(built.classes + 1)]
    assert built.classes == len(CAPTIONS)
    assert all((a - b).abs().max() > 1e-3 for i, a in enumerate(others) for b in others[:i])


@torch.no_grad()
def test_captions_are_dropped_in_training_only_and_as_often_as_set() -> None:
    x, times, labels = batch()
    empty = torch.full_like(labels, len(CAPTIONS))
    for share, told in ((1.0, empty), (0.0, labels)):
        built = network(unconditional=share)
        expected = built.eval()(x, times, told)
        assert torch.equal(built.train()(x, times, labels), expected)
        assert torch.equal(built.eval()(x, times, labels), built.eval()(x, times, labels))
    built, seen = network(unconditional=0.25), []
    built.text_encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    built.unet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
    built.train()(x[:1].expand(2000, -1, -1, -1), times[:1].expand(2000), torch.zeros(2000, dtype=torch.int64))
    (_, states) = seen
    dropped = (states != states[0]).flatten(1).any(1).float().mean()
    share = min(float(dropped), 1 - float(dropped))
    # Its standard error is 0.01.
    assert share == pytest.approx(0.25, abs=0.04)


def test_the_drawing_of_dropped_captions_is_the_global_generators() -> None:
    built, (x, times, labels) = network(unconditional=0.5).train(), batch()
    found = []
    for seed in (4, 4, 5):
        torch.manual_seed(seed)
        found.append(built(x, times, labels))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_weights_are_floats_and_sizes_go_through_json() -> None:
    built = network()
    assert all(weight.is_floating_point() for weight in built.state_dict().values())
    settings = TextSettings.model_validate(OWN)
    again: Any = build_network(settings, json.loads(json.dumps(arguments(settings))))
    again.load_state_dict(built.state_dict())
    told = batch()
    assert torch.equal(again.eval()(*told), built.eval()(*told))
    assert not built.predicts_variance


def test_equal_seeds_give_equal_networks_of_which_every_weight_is_trained() -> None:
    built, other = network(), network()
    assert all(torch.equal(a, b) for a, b in zip(built.parameters(), other.parameters(), strict=True))
    built(*batch()).square().mean().backward()
    assert all(weight.grad is not None for weight in built.parameters())


def test_times_may_be_fractional() -> None:
    built, (x, times, labels) = network().eval(), batch()
    torch.testing.assert_close(built(x, times.double(), labels), built(x, times, labels))
    assert not torch.equal(built(x, times.double() + 0.5, labels), built(x, times, labels))
