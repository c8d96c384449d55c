"""First and second moments of features, added up by groups of images, so that no set need be held as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """Mean ``mu`` [d] and unbiased covariance ``sigma`` [d, d] of a set of features, float64."""

    mu: np.ndarray
    sigma: np.ndarray


class GroupMoments:
    """The moments of n features [n, d], kept apart for consecutive groups of images."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = list(sizes)
        self.ends = np.cumsum(self.sizes)
        self.seen = 0
        self.totals: np.ndarray | None = None
        self.products: np.ndarray | None = None
        # Over all groups, once these are complete: with many groups the sums take longer than their use.
        self.sums: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, features: np.ndarray) -> None:
        """Count the next features [m, d]; the order is that of the images."""
        if self.totals is None or self.products is None:
            d = features.shape[1]
            self.totals = np.zeros((len(self.sizes), d))
            self.products = np.zeros((len(self.sizes), d, d))
        while len(features):
            group = int(np.searchsorted(self.ends, self.seen, side="right"))
            part, features = np.split(features, [int(self.ends[group]) - self.seen])
            exact = part.astype(np.float64)
            self.totals[group] += exact.sum(0)
            self.products[group] += exact.T @ exact
            self.seen += len(part)

    def statistics(self, without: int | None = None) -> Statistics:
        """Return mean and covariance of all features, or of all but those of one group."""
        if self.totals is None or self.products is None or self.seen != self.ends[-1]:
            raise ValueError(f"{self.seen} features counted of {self.ends[-1]}")
        if self.sums is None:
            self.sums = self.totals.sum(0), self.products.sum(0)
        n = self.seen
        total, product = self.sums
        if without is not None:
            n = n - self.sizes[without]
            total = total - self.totals[without]
            product = product - self.products[without]
        mu = total / n
        return Statistics(mu, (product - n * np.outer(mu, mu)) / (n - 1))


def statistics(features: np.ndarray) -> Statistics:
    """Return mean and covariance of features [n, d]."""
    moments = GroupMoments([len(features)])
    moments.add(features)
    return moments.statistics()


def group_sizes(n: int, groups: int) -> list[int]:
    """Return the sizes of ``groups`` runs of n images, equal but for one."""
    return [len(part) for part in np.array_split(np.arange(n), groups)]


def square_root(sigma: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a covariance [d, d]."""
    values, vectors = np.linalg.eigh(sigma)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
