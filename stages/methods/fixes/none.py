"""No fix."""

from __future__ import annotations

from typing import ClassVar, Literal

from stages.config.method_settings import FixSettings
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix


class NoFix(FixSettings):
    method: Literal["none"]
    published: ClassVar = ("none",)


def make(chain: Chain) -> Fix:
    """Return the fix that changes nothing."""
    return Fix()
