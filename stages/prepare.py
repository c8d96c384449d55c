"""Prepare the data set: images as uint8 NHWC, labels, captions, their record, and a preview."""

from __future__ import annotations

from stages.config.params import read_params
from stages.config.registry import method_module
from stages.plan.plan_file import read_cells
from stages.store.files import sha256, write_npz
from stages.store.images import write_preview
from stages.store.paths import DATASET, DATASET_RECORD, preview_path
from stages.store.records import DatasetRecord, write_record


def run() -> None:
    """Write the data set, its record (checksum, source and shape) and its preview."""
    settings = read_params().prepare
    read_cells()  # refuses a plan for another data set, whose file DVC would then depend on
    data = method_module("datasets", settings.dataset).load(settings)
    write_npz(DATASET, images=data.images, labels=data.labels, captions=data.captions)
    write_preview(preview_path("real"), data.images)
    record = DatasetRecord(
        dataset=settings.dataset,
        n=len(data.images),
        shape=data.images.shape[1:],
        source=data.source,
        sha256=sha256(DATASET),
        preview_sha256=sha256(preview_path("real")),
    )
    write_record(DATASET_RECORD, record)
