"""All measures of exposure bias of one model, as curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stages.config.fixed import Diagnose
from stages.diagnosis import (
    coupling,
    deviation,
    eps_norm,
    error_evolution,
    gradient_norm,
    prediction_error,
    shift,
    single_step,
    spectrum,
    state_variance,
    step_match,
)
from stages.diagnosis.chains import diagnosed_samplers, run_chain, run_forward
from stages.diagnosis.estimates import Curve
from stages.diagnosis.subject import Subject
from stages.diffusion.chain import Chain
from stages.methods.fixes import epsilon_scaling, time_shift
from stages.sampling.fix import Fix
from stages.sampling.trial import Values

# The measures; each file gives curves of the forward process, of sampled chains, or of both. Those of the forward
# process are taken once for each sampler, the others under each fix.
OF_FORWARD_PROCESS = (
    eps_norm.control,
    deviation.control,
    spectrum.controls,
    prediction_error.curves,
    gradient_norm.curves,
    state_variance.curves,
    error_evolution.curves,
    coupling.curves,
    step_match.curves,
)
OF_CHAINS = (deviation.curves, eps_norm.curves, spectrum.curves, single_step.curves, shift.curves)
# The fixes that chains of a sampler are diagnosed under besides Epsilon Scaling; the file of each says with which
# settings.
FIXES = {"ddim": (time_shift,)}

# Settings of Epsilon Scaling by sampler and number of steps.
Scalings = Mapping[tuple[str, int], Values]


def curves(subject: Subject, section: Diagnose, scalings: Scalings) -> Iterator[Curve]:
    """Yield every curve of all samplers.

    At the first number of steps these are all measures, and the small variance is for models that ``scalings`` has
    settings for. At the others it is the norm of predictions, by which ES designs its scaling; of the samplers that
    have settings there.
    """
    for steps in section.steps:
        first = steps == section.steps[0]
        forward = None
        for sampler, (sample, chain) in diagnosed_samplers(subject, steps).items():
            scaling = scalings.get((sampler, steps))
            if (sampler == "ddpm-small" and not (first and scalings)) or (not first and scaling is None):
                continue
            # Samplers of one chain share its forward process.
            if forward is None or forward.chain.grid != chain.grid:
                forward = run_forward(subject, sampler, chain)
            forward = forward._replace(sampler=sampler)
            for measure in OF_FORWARD_PROCESS if first else (eps_norm.control,):
                yield from measure(forward)
            fixes = diagnosed_fixes(sampler, chain, section, scaling) if first else {"none": Fix()}
            for name, fix in fixes.items():
                walked = run_chain(forward, sample, name, fix)
                for measure in OF_CHAINS if first else (eps_norm.curves,):
                    yield from measure(walked)
            for name, value in (scaling or {}).items():
                yield Curve(f"scaling_{name}", sampler, steps, "es", (0,), (value,))


def diagnosed_fixes(sampler: str, chain: Chain, section: Diagnose, scaling: Values | None) -> dict[str, Fix]:
    """Return the fixes under which a sampler's chains are diagnosed, by the name of their curves."""
    found = {"none": Fix()}
    if scaling is not None:
        found["es"] = epsilon_scaling.make(chain, **scaling)
    for module in FIXES.get(sampler, ()):
        found |= {name: module.make(chain, **settings) for name, settings in module.diagnosed(section).items()}
    return found
