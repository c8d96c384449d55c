"""Provide the feature network of the scores: train or admit it, as its module does."""

from __future__ import annotations

from stages.config.params import read_params
from stages.config.registry import method_module
from stages.plan.plan_file import read_cells
from stages.store.files import read_npz, sha256
from stages.store.models import save_feature_network
from stages.store.paths import DATASET, EXTRACTOR_RECORD, FEATURE_NETWORK
from stages.store.records import ExtractorRecord, write_record


def run() -> None:
    """Write the feature network and its record."""
    params = read_params()
    read_cells()  # refuses a plan for another feature network, whose file DVC would then depend on
    settings = params.extractor
    images, labels = read_npz(DATASET, "images", "labels")
    prepare = method_module("feature_networks", settings.network).prepare
    tensors, config, found = prepare(settings, images, labels, params.seed)
    save_feature_network(tensors, {"network": settings.network, **config})
    record = ExtractorRecord(
        network=settings.network,
        extractor=settings,
        sha256=sha256(FEATURE_NETWORK),
        dataset_sha256=sha256(DATASET),
        **found,
    )
    write_record(EXTRACTOR_RECORD, record)
