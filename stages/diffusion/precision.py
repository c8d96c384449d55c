"""The precision that networks compute in."""

from __future__ import annotations

import torch

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes in ``precision``: fp32 as it is, else mixed."""
    return torch.autocast(device.type, PRECISIONS[precision], enabled=precision != "fp32")
