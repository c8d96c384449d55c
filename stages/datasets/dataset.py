"""What a data set is: images to learn from, their labels and captions, and where they come from.

Each data set is a module of this package with a settings class, the section ``prepare``, and a function
``load(settings)`` that returns a ``DataSet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class DataSet(NamedTuple):
    """Images uint8 [N, H, W, C], their labels int64 [N], a caption for each label, and the source in words."""

    images: np.ndarray
    labels: np.ndarray
    captions: np.ndarray
    source: str
