"""Made-up results of the committed study, with every curve and image that figures are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from stages.config.entries import Cell, Searched
from stages.plan.result_files import Timed, Times
from stages.reporting.figures.drawing import Material
from stages.reporting.results.measurements import DIAGNOSIS_COLUMNS
from tests.reporting.results.studies import committed, edited, published

# What the made-up b is.
B = 1.03
Rows = Iterator[tuple[Any, ...]]


@cache
def material() -> Material:
    """Made-up results of every cell and model of the committed plan."""
    params = edited()
    cells = committed().stages.sample
    models = ("adm", "adm-class", "ddpm-net")
    rows = [row for model in models for row in diagnosed(model, params.diagnose.steps)]
    return Material(
        params=params,
        cells=cells,
        papers=published().papers,
        dataset="digits, 8×8",
        diagnosis=pd.DataFrame(rows, columns=DIAGNOSIS_COLUMNS),
        iterations=iterations(),
        scores=pd.DataFrame([{**cell.axes, "fid": 10.0 + 50 / cell.steps} for cell in cells.values()]),
        searched={key: trials(cell) for key, cell in cells.items() if cell.fix == "ts"},
        times=times(cells),
        preview=lambda key: np.full((50, 8, 8, 1), len(key) % 256, np.uint8),
        states=lambda model: images(),
    )


def diagnosed(model: str, counts: Sequence[int]) -> Rows:
    main = counts[0]
    grid = np.linspace(0, 950, main)
    half = grid / 1000
    for measure, fix, values in (
        ("nu", "none", half),
        ("rejected", "none", 0.5 + 0 * half),
        ("rejected", "control", 0.05 + 0 * half),
        ("variance_0.05", "none", 0.4 + half / 2),
        ("variance_0.95", "none", 0.9 + half / 5),
    ):
        yield from curve(model, "", main, fix, measure, grid, values)
    for time in (0, 400, 900):
        yield from curve(model, "", main, "none", f"variance_density_{time}", [0.5, 0.7, 0.9], [0.1, 3.0, 0.1])
        yield from curve(model, "", main, "none", f"histogram_at_{time}_pixel_27", [-0.1, 0.0, 0.1], [20, 60, 20])
        yield from curve(model, "", main, "gaussian", f"histogram_at_{time}_pixel_27", [-0.1, 0.0, 0.1], [25, 50, 25])
    for sampler in ("ddpm", *{"adm": ["ddpm-small"], "adm-class": ["ddpm-guided"]}.get(model, [])):
        for fix, shift in (("control", 0.0), ("none", 0.1), ("es", 0.05)):
            yield from curve(model, sampler, main, fix, "eps_norm", grid, 6 + 2 * half + shift)
            yield from curve(model, sampler, main, fix, "delta", grid, 0.6 * (1 - half) - shift)
        yield from curve(model, sampler, main, "none", "Delta", grid[:-1], 0.05 * half[:-1])
        yield from curve(model, sampler, main, "control", "eps_norm_ceiling", grid, 8 + 0 * half)
        yield from curve(model, sampler, main, "es", "scaling_b", [0], [B])
    for count in counts:
        times = np.linspace(0, 950, count)
        if count != main:
            yield from curve(model, "ddpm", count, "none", "eps_norm", times, 6 + times / 500)
        yield from curve(model, "ddpm", count, "none", "eps_norm_ratio", times, 1 + times / 5000)
        yield from curve(model, "ddpm", count, "none", "eps_norm_ratio_fit", times[4:], 1 + times[4:] / 5000)
        for name, value in (("2", -0.001), ("r2", 0.9), ("k", -0.002), ("b", 0.01)):
            yield from curve(model, "ddpm", count, "none", f"ratio_fit_{name}", [0], [value])
    for start in (200, 950):
        yield from curve(model, "ddim", main, "none", f"error_from_{start}", [-1, 0, 100], [0.1, 0.05, start / 1e4])
    for target in (0, 100, 500):
        yield from curve(model, "ddim", main, "none", f"coupling_to_{target}", [-50, 0, 50], [0.03, 0.01, 0.02])
    yield from curve(model, "ddim", main, "none", "nearest", grid[:-1], np.round(20 * half[:-1]))
    for image in range(3):
        yield from curve(model, "ddim", main, "ts", f"chosen_{image}", grid, grid + 10 * image)
    for measure, fix, shift in (
        ("shift", "ts", -12.25),
        ("shift_0.05", "ts", -25),
        ("shift_0.95", "ts", 25),
        ("shift", "control", 5),
    ):
        yield from curve(model, "ddim", main, fix, measure, grid, shift * (grid > 300))
    yield model, "ddpm", main, "none", "delta_bar", 99, 0.054, 0.001


def curve(
    model: str, sampler: str, steps: int, fix: str, measure: str, at: Sequence[float] | np.ndarray, values: Any
) -> Rows:
    for place, value in zip(at, values, strict=True):
        yield model, sampler, steps, fix, measure, float(place), float(value), None if fix == "control" else 0.01


def iterations() -> pd.DataFrame:
    """FID along the training: ADM falls from 9 to 7, each stronger perturbation is half a point below."""
    rows = []
    for i, model in enumerate(("adm", "adm-ip-05", "adm-ip", "adm-ip-20")):
        for place, iteration in enumerate((250, 500, 2000)):
            fid = 9.0 - place - i / 2
            rows.append(
                {
                    "model": model,
                    "base": "adm" if i else None,
                    "steps": 20,
                    "iteration": iteration,
                    "fid": fid,
                    "fid_margin": 1.0,
                    "to_last": fid - 7,
                    "to_last_high": fid - 6.9,
                }
            )
    return pd.DataFrame(rows)


def trials(cell: Cell) -> Searched:
    """Nine trials; the smallest window and the cutoff 400 are best."""
    tried = [{"window": w, "cutoff": 300, "fid": 10.0 + w} for w in (10, 20, 40)]
    tried += [{"window": 10, "cutoff": c, "fid": 31.0 - c / 25} for c in (200, 400)]
    return Searched.model_validate(
        {
            "values": {"window": 10, "cutoff": 400},
            "settings": "",
            "trials": tried,
            "places": {"window": "lower edge", "cutoff": "upper edge"},
        }
    )


def times(cells: Mapping[str, Cell]) -> Times:
    timed = {}
    for key, cell in cells.items():
        overhead = None if cell.fix == "none" else [1.5, -0.5, 2.0]
        timed[key] = Timed(ms=float(cell.steps), margin=0.1, images=100, rounds=9, overhead=overhead)
    return Times(environment={"device": "cpu"}, cells=timed)


def images() -> dict[str, np.ndarray]:
    random = np.random.RandomState(0)

    def drawn(*shape: int) -> np.ndarray:
        return random.randint(0, 256, shape).astype(np.uint8)

    return {
        "pairs": drawn(4, 3, 8, 8, 1),
        "pairs_steps": np.array([50, 100]),
        "chain_states": drawn(2, 20, 2, 8, 8, 1),
        "chain_x0": drawn(2, 20, 2, 8, 8, 1),
        "chain_times": np.linspace(0, 950, 20),
    }
