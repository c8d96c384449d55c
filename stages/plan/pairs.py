"""The pairs that the published tables set against one another: a fix against none, a variant against its base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import COORDINATES
from stages.config.params import MODELS
from stages.plan.planning import PlannedRow, table_id

# Scores with replicates, whose differences have an interval.
COMPARED = ("fid", "sfid")
# What a fix is set against: none, and the linear schedule of ES against the uniform one too.
BASES = {"es": ("none",), "es-linear": ("none", "es"), "ts": ("none",)}
MODEL_BASES = {name: (kind.base,) for kind in MODELS.values() for name in kind.published if name != kind.base}

Axis = Literal["fix", "model"]
AXES: dict[Axis, dict[str, tuple[str, ...]]] = {"fix": BASES, "model": MODEL_BASES}


class Printed(NamedTuple):
    """One printed difference: where, on which data set, and by how many percent the score changes."""

    table: str
    dataset: str
    percent: float


class Pair(NamedTuple):
    """Two cells that differ in a fix or in the model alone, with all that the paper prints of the two."""

    paper: str
    axis: Axis
    metric: str
    base_cell: str
    changed_cell: str
    base: str
    changed: str
    printed: tuple[Printed, ...]
    # The same two on further training seeds: base cell and changed cell.
    repeats: tuple[tuple[str, str], ...] = ()

    @property
    def direction(self) -> int:
        """-1 where every printed difference lowers the score, 1 where every one raises it, else 0."""
        signs = {(p.percent > 0) - (p.percent < 0) for p in self.printed}
        return signs.pop() if len(signs) == 1 else 0


def published_pairs(rows: Sequence[PlannedRow]) -> list[Pair]:
    """Return the pairs whose two numbers both get a cell, in the order of the tables."""
    found: dict[tuple[str, ...], Pair] = {}
    for _, table in groupby(rows, key=lambda planned: (planned.row.paper, planned.row.table)):
        for pair in _pairs_of(list(table)):
            key = (pair.paper, pair.metric, pair.base_cell, pair.changed_cell)
            known = found.setdefault(key, pair)
            if known is not pair:
                found[key] = known._replace(printed=tuple(dict.fromkeys((*known.printed, *pair.printed))))
    return list(found.values())


def _pairs_of(table: Sequence[PlannedRow]) -> Iterator[Pair]:
    numbers = [planned for planned in table if planned.cell and planned.row.metric in COMPARED]
    for changed in numbers:
        for axis, bases in AXES.items():
            for base in bases.get(getattr(changed.row, axis), ()):
                # The first alone: a table may print its baseline twice.
                partner = next((n for n in numbers if _matches(n, changed, axis, base)), None)
                if partner is not None:
                    yield _pair(axis, partner, changed)


def _matches(planned: PlannedRow, changed: PlannedRow, axis: str, base: str) -> bool:
    return all(
        getattr(planned.row, coordinate) == (base if coordinate == axis else getattr(changed.row, coordinate))
        for coordinate in COORDINATES
    )


def _pair(axis: Axis, base: PlannedRow, changed: PlannedRow) -> Pair:
    before, after = (float(parse_number(planned.row.value).value) for planned in (base, changed))
    printed = Printed(table_id(changed.row), changed.row.dataset, 100 * (after / before - 1))
    return Pair(
        changed.row.paper, axis, changed.row.metric, str(base.cell), str(changed.cell), getattr(base.row, axis),
        getattr(changed.row, axis), (printed,),
    )  # fmt: skip
