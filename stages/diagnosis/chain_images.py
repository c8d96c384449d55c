"""Images along a chain: its states, and the clean images that are predicted from them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stages.diagnosis.chains import Sample, levels, sampled
from stages.diagnosis.subject import SAMPLED, Subject
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import predict_x0
from stages.sampling.fix import Fix

SHOWN = 5


def chain_images(subject: Subject, sample: Sample, chain: Chain, fixes: Mapping[str, Fix]) -> tuple[Tensor, Tensor]:
    """Return the states and their x0hat, each [fixes, S, m, C, H, W], of the first images' chains (TS, Fig. 11).

    Chains under every fix start from the same noise. Times go from the cleanest to the noisiest.
    """
    few = subject.first(SHOWN)
    states = []
    predicted = []
    for fix in fixes.values():
        noise = subject.noise(SAMPLED)
        found = sampled(sample, few.denoiser, noise()[:SHOWN], chain, fix, lambda noise=noise: noise()[:SHOWN])
        states.append(found.states)
        pairs = zip(found.states, found.eps, levels(chain), strict=True)
        predicted.append(torch.stack([predict_x0(x, eps, level) for x, eps, level in pairs]))
    return torch.stack(states), torch.stack(predicted)
