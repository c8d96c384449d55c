"""Timing side by side: variants take turns, so that what else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def take_turns(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each variant in each round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(rounds + 1):
        for name, variant in variants.items():
            started = time.perf_counter()
            variant()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def print_ratios(seconds: Mapping[str, list[float]], base: str, work: float, unit: str) -> None:
    """Print each variant's rate, and by how many times it is faster than ``base``: the median of the rounds' ratios."""
    for name, found in seconds.items():
        ratios = sorted(b / f for b, f in zip(seconds[base], found, strict=True))
        print(
            f"{name:34} {work / statistics.median(found):10,.1f} {unit}/s   x {statistics.median(ratios):.3f} of {base}"
            f"   [{ratios[0]:.3f}, {ratios[-1]:.3f}] in {len(ratios)} rounds"
        )
