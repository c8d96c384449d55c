"""Which time fits the variance of DDIM's next state, and what the error of that state adds to the question."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.coupling import reached_state
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diagnosis.state_variance import image_variance
from stages.diffusion.schedule import Schedule

# Shares of the error's norm that the distance of two means may have, for the window. TS's own value is lost.
SHARES = (0.1, 1.0)


def error_term(errors: Tensor) -> Tensor:
    """Return [S, n]: ||e||^2 / (d (d - 1)) of errors [S, n, C, H, W] over their d elements (TS, Eq. 8).

    By the theorem the time s that fits best a state has 1 - alpha_bar_s = variance - this term.
    """
    d = errors[0, 0].numel()
    return errors.double().flatten(2).square().sum(dim=2) / (d * (d - 1))


def fitting_time(variance: Tensor, schedule: Schedule) -> Tensor:
    """Return the training times, the first of each tie, whose 1 - alpha_bar is nearest to variances of any shape."""
    expected = 1 - schedule.alpha_bar.to(variance.device)
    return (variance[..., None] - expected).abs().argmin(dim=-1)


def window_widths(errors: Tensor, images: Tensor, times: Tensor, schedule: Schedule, share: float) -> Tensor:
    """Return [S]: the width around each time t of the window whose every s has a mean near that of t (TS, App. J.2).

    Near is |sqrt(alpha_bar_s) - sqrt(alpha_bar_t)| ||x0|| <= share ||e||, with norms as root mean squares over images.
    The formulas of that appendix are lost; this one follows its text: TS's Eq. 8 leaves out the distance of the two
    means, which may be done where its norm is sufficiently smaller than that of the error.

    Args:
        errors: e of the states at these times, [S, n, C, H, W].
        images: x0, [n, C, H, W].
        times: [S].
        schedule: of all training times.
        share: the largest distance, as a share of the error's norm.
    """
    roots = schedule.alpha_bar.sqrt()
    largest = (
        share * (errors.double().square().flatten(1).mean(dim=1).cpu() / images.double().square().mean().cpu()).sqrt()
    )
    within = (roots - roots[times][:, None]).abs() <= largest[:, None]
    return within.sum(dim=1).double() - 1


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the variance that a step of DDIM from a true state leads to, with and without the term, and the windows.

    ``step_shift`` is by how much the fitting time exceeds the scheduled one, in training steps.
    """
    if forward.sampler != "ddim" or len(forward.chain.grid.times) < 2:
        return
    schedule = forward.chain.schedule
    images = forward.subject.images
    times = [int(time) for time in forward.chain.grid.times[:-1]]
    at = torch.tensor(times)
    indices = range(1, len(times) + 1)
    reached = torch.stack([reached_state(forward.trajectory, forward.chain, index) for index in indices])
    errors = reached.double() - forward.trajectory.states[:-1].double()
    variance = image_variance(reached).cpu()
    term = error_term(errors).cpu()
    shift = (fitting_time(variance, schedule) - at[:, None]).double()
    corrected = (fitting_time(variance - term, schedule) - at[:, None]).double()

    def measure(kept: Tensor) -> dict[str, Tensor]:
        found = {
            "step_variance": variance[:, kept].mean(dim=1),
            "step_variance_term": term[:, kept].mean(dim=1),
            "step_shift": shift[:, kept].mean(dim=1),
            "step_shift_corrected": corrected[:, kept].mean(dim=1),
        }
        windows = {
            f"window_{share:g}": window_widths(errors[:, kept], images[kept], at, schedule, share) for share in SHARES
        }
        return found | windows

    yield from jackknifed_curves("ddim", forward.steps, "none", times, measure, len(images))
    yield Curve("step_variance", "ddim", forward.steps, "control", times, (1 - levels(forward.chain)[:-1]).tolist())
