"""All measures of exposure bias of one model, as curves."""

from __future__ import annotations

from collections.abc import Iterator

from stages.config.fixed import Diagnose
from stages.diagnosis import (
    coupling,
    deviation,
    eps_norm,
    error_evolution,
    prediction_error,
    shift,
    single_step,
    spectrum,
    state_variance,
)
from stages.diagnosis.chains import diagnosed_samplers, run_chain, run_forward
from stages.diagnosis.estimates import Curve
from stages.diagnosis.subject import Subject
from stages.diffusion.chain import Chain
from stages.methods.fixes import epsilon_scaling, none, time_shift
from stages.sampling.fix import Fix

# The measures; each file gives curves of the forward process, of sampled chains, or of both. Those of the forward
# process are taken once for each sampler, the others under each fix.
OF_FORWARD_PROCESS = (
    eps_norm.control,
    deviation.control,
    spectrum.controls,
    prediction_error.curves,
    state_variance.curves,
    error_evolution.curves,
    coupling.curves,
)
OF_CHAINS = (deviation.curves, eps_norm.curves, spectrum.curves, single_step.curves, shift.curves)
# The fixes that models are diagnosed under; the file of each says with which settings.
FIXES = (none, epsilon_scaling, time_shift)


def curves(subject: Subject, section: Diagnose) -> Iterator[Curve]:
    """Yield every curve of both samplers."""
    for sampler, (sample, chain) in diagnosed_samplers(subject.schedule, section.steps).items():
        forward = run_forward(subject, sampler, chain)
        for measure in OF_FORWARD_PROCESS:
            yield from measure(forward)
        for name, fix in diagnosed_fixes(chain, section).items():
            walked = run_chain(forward, sample, name, fix)
            for measure in OF_CHAINS:
                yield from measure(walked)


def diagnosed_fixes(chain: Chain, section: Diagnose) -> dict[str, Fix]:
    """Return the fixes under which chains are diagnosed, by the name of their curves."""
    return {
        name: module.make(chain, **settings) for module in FIXES for name, settings in module.diagnosed(section).items()
    }
