"""Records of stages: what a damaged one and a chain that diverged are told as."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from stages.config.errors import InputError
from stages.store.records import Curve

CURVE = {"measure": "delta", "sampler": "ddim", "steps": 4, "fix": "es", "at": [0.0], "values": [1.0], "margins": [0.5]}


@pytest.mark.parametrize("name", ["values", "margins"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_curve_that_is_not_finite_names_its_chain(name: str, value: float) -> None:
    with pytest.raises(InputError, match=r"^delta of the ddim chain under es is not finite; check the params"):
        Curve.model_validate(CURVE | {name: [value]})


@pytest.mark.parametrize("name", ["values", "measure", "at", "margins"])
@pytest.mark.parametrize("value", [None, 3, ["x"]])
def test_a_damaged_curve_is_a_fault_of_its_record(name: str, value: Any) -> None:
    damaged = {key: each for key, each in CURVE.items() if key != name}
    with pytest.raises(ValidationError):
        Curve.model_validate(damaged)
    if (name, value) != ("margins", None):
        with pytest.raises(ValidationError):
            Curve.model_validate(damaged | {name: value})
