"""ADM's stochastic sampler, plain, guided, and from noised images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.method_settings import FROM_IMAGES, GUIDED, SamplerSettings
from stages.config.sections import Float
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise, posterior, predict_x0
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, GuideGradient, Noise, Step, grid_time, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

Variance = Literal["small", "large", "learned"]


class Ddpm(SamplerSettings):
    """With ``start: data`` the chain starts from images noised up to the last time of the grid ``first``."""

    method: Literal["ddpm"]
    variance: Variance
    start: Literal["noise", "data"] = "noise"
    published: ClassVar = ("ddpm",)

    @model_validator(mode="after")
    def _images_are_noised_within_the_chain(self) -> Self:
        if (self.start == "data") != (self.spacing == "first"):
            raise ValueError(f"start: {self.start}: spacing: first goes with start: data, all others with noise")
        return self

    @property
    def clips(self) -> bool:
        return True

    @property
    def takes(self) -> str | None:
        return "images" if self.start == "data" else None

    @property
    def need(self) -> str | None:
        return FROM_IMAGES if self.start == "data" else None

    @property
    def needs_variance(self) -> bool:
        return self.variance == "learned"

    def settings(self) -> dict[str, Any]:
        return {"variance": self.variance}


class GuidedDdpm(SamplerSettings):
    """The sampler that a classifier guides to labels; ``scale: 0`` is the unguided one."""

    method: Literal["guided-ddpm"]
    scale: Annotated[Float, Field(ge=0)]
    variance: Variance
    published: ClassVar = ("ddpm",)

    @property
    def clips(self) -> bool:
        return True

    @property
    def takes(self) -> str:
        return "guide"

    @property
    def need(self) -> str:
        return GUIDED

    @property
    def needs_variance(self) -> bool:
        return self.variance == "learned"

    @property
    def least_steps(self) -> int:
        return 1 if self.variance == "small" else 2


def sample(
    denoiser: Denoiser,
    x: Tensor,
    chain: Chain,
    fix: Fix,
    noise: Noise,
    *,
    variance: Variance = "small",
    images: Tensor | None = None,
    guide: GuideGradient | None = None,
    scale: float = 0.0,
) -> Tensor:
    """Return images sampled by ADM's stochastic sampler: x0 clipped, then the posterior mean plus noise (DDPM, Alg. 2).

    ``variance`` of the respaced chain: ``small`` is the posterior's, ``large`` is beta, ``learned`` interpolates
    between their logarithms by the network's v (Improved DDPM, Eq. 15). With ``images`` [B, C, H, W] in [-1, 1] the
    chain starts from these, noised by x (IP, Sec. 4). A ``guide`` moves the mean by ``scale`` times the variance times
    its gradient (Dhariwal & Nichol 2021, Alg. 1). One evaluation per grid time.
    """
    if images is not None:
        first = grid_time(chain.grid.times[-1], x)
        x = add_noise(images.to(x), x, chain.alpha_bar(first))

    def update(x: Tensor, step: Step) -> Tensor:
        x0 = predict_x0(x, step.eps, step.alpha_bar).clamp(-1, 1)
        q = posterior(step.alpha_bar, step.alpha_bar_next)
        mean = q.x0_coef.to(x) * x0 + q.x_coef.to(x) * x
        z = noise()
        last = step.index == 0
        if guide is not None:
            sigma = deviation(x, step, variance)
            mean = mean + scale * sigma.square() * guide(x, step.start)
            return mean if last else mean + sigma * z
        return mean if last else mean + deviation(x, step, variance) * z

    return walk(update, scaled(denoiser, fix), x, chain, fix)


def deviation(x: Tensor, step: Step, variance: Variance) -> Tensor:
    """Return the standard deviation of a step, which broadcasts to x [B, C, H, W].

    The last step adds no noise; guidance alone needs its deviation, and has it as the published code does: ``large``
    and the lower end of ``learned`` are then the posterior variance of the step before it, of which there must be one.
    """
    q = posterior(step.alpha_bar, step.alpha_bar_next)
    last = step.index == 0
    if variance == "small":
        return q.variance.sqrt().to(x)
    if variance == "large":
        return (_variance_before_the_last(step) if last else q.beta).sqrt().to(x)
    if step.v is None:
        raise ValueError("variance: learned needs a network that predicts it")
    small = _variance_before_the_last(step) if last else q.variance
    fraction = (step.v + 1) / 2
    return (0.5 * (fraction * q.beta.log().to(x) + (1 - fraction) * small.log().to(x))).exp()


def _variance_before_the_last(step: Step) -> Tensor:
    times = step.chain.grid.times
    if len(times) < 2:
        raise ValueError("guidance by a variance that is not small needs 2 grid steps")
    here = step.chain.alpha_bar(step.time.new_full(step.time.shape, int(times[1])))
    there = step.chain.alpha_bar(step.time.new_full(step.time.shape, int(times[0])))
    return posterior(here, there).variance
