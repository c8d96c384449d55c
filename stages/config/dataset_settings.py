"""Settings of data sets: the section ``prepare``, a subclass in the file of each data set."""

from __future__ import annotations

from functools import cache
from typing import get_args

from stages.config.registry import import_all, module_name
from stages.config.sections import Section


class DatasetSettings(Section):
    """The section ``prepare``: the data set by its name, and its own settings."""

    dataset: str

    @property
    def module(self) -> str:
        """The name of its module in stages/datasets."""
        return module_name(self.dataset)

    @property
    def input(self) -> str | None:
        """The file or folder that params.yaml names, which its images are read from; None for any other data set."""
        return getattr(self, "path", None)


@cache
def dataset_settings() -> dict[str, type[DatasetSettings]]:
    """Return the settings classes of data sets by name."""
    import_all("datasets")
    return {get_args(each.model_fields["dataset"].annotation)[0]: each for each in DatasetSettings.__subclasses__()}
