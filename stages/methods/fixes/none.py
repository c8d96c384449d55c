"""No fix."""

from __future__ import annotations

from typing import ClassVar, Literal

from stages.config.fixed import Diagnose
from stages.config.method_settings import FixSettings
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix
from stages.sampling.trial import Values


class NoFix(FixSettings):
    method: Literal["none"]
    published: ClassVar = ("none",)


def make(chain: Chain) -> Fix:
    """Return the fix that changes nothing."""
    return Fix()


def diagnosed(section: Diagnose) -> dict[str, Values]:
    """Return the settings that models are diagnosed under, by the name that their curves have."""
    return {"none": {}}
