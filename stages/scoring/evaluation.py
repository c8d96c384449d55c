"""All scores of a set of images: one per module of stages/scoring/metrics.

A metric is a module with ``value(fake, real, neighborhood)``, ``score`` (with its margin, and with replicates where
paired differences are taken) and PLACE, its position among the columns of tables.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from stages.config.registry import method_module, method_names, module_name
from stages.scoring.features import FakeFeatures, RealFeatures


def metrics() -> dict[str, ModuleType]:
    """Return the modules of all metrics by name, in the order of tables."""
    found = {module_name(name): method_module("metrics", name) for name in method_names("metrics")}
    return dict(sorted(found.items(), key=lambda item: item[1].PLACE))


def scores(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, dict[str, Any]]:
    """Return every score of generated images by metric, without those that the images have no features for."""
    found = {name: metric.score(fake, real, neighborhood) for name, metric in metrics().items()}
    return {name: score for name, score in found.items() if score is not None}


def values(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, float]:
    """Return the value of every score by metric, as ``scores`` without margins."""
    found = {name: metric.value(fake, real, neighborhood) for name, metric in metrics().items()}
    return {name: value for name, value in found.items() if value is not None}
