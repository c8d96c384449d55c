"""Pairs of cells to compare: those that the published tables print, and those of methods that no table prints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import COORDINATES
from stages.config.entries import Cell
from stages.config.params import Params
from stages.plan.planning import PlannedRow, table_id
from stages.plan.published_tables import Axis, PublishedMethod, Reading

# Scores with replicates, whose differences have an interval.
COMPARED = ("fid", "sfid")
# The score of pairs that no table prints.
UNPUBLISHED_METRIC = "fid"


class Printed(NamedTuple):
    """One printed difference: the table, the data set, and the change of the score in percent."""

    table: str
    dataset: str
    percent: float


class Pair(NamedTuple):
    """Two cells that differ in the fix or in the model alone, with all differences that a paper prints for them.

    ``base`` and ``changed`` are published coordinates. A pair that no paper prints has an empty ``paper`` and nothing
    in ``printed``; there they are names of params sections. ``repeats`` are the same two cells, base and changed, on
    further training seeds. ``reading`` is the name of the further reading that the numbers have cells under, empty for
    the default ones, and ``default_cell`` the cell of the changed number under the default ones.
    """

    paper: str
    axis: Axis
    metric: str
    base_cell: str
    changed_cell: str
    base: str
    changed: str
    printed: tuple[Printed, ...] = ()
    repeats: tuple[tuple[str, str], ...] = ()
    reading: str = ""
    default_cell: str = ""

    @property
    def direction(self) -> int:
        """-1 if every printed difference lowers the score, 1 if every one raises it, else 0."""
        signs = {(p.percent > 0) - (p.percent < 0) for p in self.printed}
        return signs.pop() if len(signs) == 1 else 0


def study_pairs(
    rows: Sequence[PlannedRow], methods: Sequence[PublishedMethod], params: Params, cells: Mapping[str, Cell]
) -> list[Pair]:
    """Return all pairs of a study: the published ones in the order of the tables, then the others."""
    published = published_pairs(rows, methods)
    return [*published, *unpublished_pairs(published, params, cells)]


def published_pairs(rows: Sequence[PlannedRow], methods: Sequence[PublishedMethod]) -> list[Pair]:
    """Return the pairs of published numbers that both have a cell: in the order of the tables, by reading within one.

    Under a further reading of the changed number the base has the same reading, but for one of the settings of what is
    changed, which the base does not have: there it has the default one.
    """
    found: dict[tuple[str, ...], Pair] = {}
    for _, table in groupby(rows, key=lambda planned: (planned.row.paper, planned.row.table)):
        for pair in _pairs_of_table(list(table), methods):
            key = (pair.paper, pair.metric, pair.base_cell, pair.changed_cell, pair.reading)
            known = found.setdefault(key, pair)
            if known is not pair:
                found[key] = known._replace(printed=tuple(dict.fromkeys((*known.printed, *pair.printed))))
    return list(found.values())


def _pairs_of_table(table: Sequence[PlannedRow], methods: Sequence[PublishedMethod]) -> Iterator[Pair]:
    numbers = [planned for planned in table if planned.cell and planned.row.metric in COMPARED]
    for changed in numbers:
        for method in methods:
            if getattr(changed.row, method.axis) != method.name:
                continue
            for base in method.bases:
                # The first alone: a table may print its baseline twice.
                partner = next((n for n in numbers if _differs_in_axis_alone(n, changed, method.axis, base)), None)
                if partner is not None:
                    yield from _pairs_by_reading(method.axis, partner, changed)


def _pairs_by_reading(axis: Axis, base: PlannedRow, changed: PlannedRow) -> Iterator[Pair]:
    """Yield the pair of two published numbers under the default readings, then under each further one."""
    pair = _published_pair(axis, base, changed)
    yield pair
    for under in changed.beside:
        base_cell = base.cell if under.reading.kind == axis else _cell_under(base, under.reading)
        if base_cell and under.cell:
            yield pair._replace(base_cell=base_cell, changed_cell=under.cell, reading=under.reading.name)


def _cell_under(planned: PlannedRow, reading: Reading) -> str | None:
    """Return the cell of a number under a reading of another, if it can be read so too."""
    same = (under.cell for under in planned.beside if under.reading.name == reading.name)
    return next(same, None)


def _differs_in_axis_alone(planned: PlannedRow, changed: PlannedRow, axis: str, base: str) -> bool:
    return all(
        getattr(planned.row, coordinate) == (base if coordinate == axis else getattr(changed.row, coordinate))
        for coordinate in COORDINATES
    )


def _published_pair(axis: Axis, base: PlannedRow, changed: PlannedRow) -> Pair:
    before = float(parse_number(base.row.value).value)
    after = float(parse_number(changed.row.value).value)
    return Pair(
        paper=changed.row.paper,
        axis=axis,
        metric=changed.row.metric,
        base_cell=str(base.cell),
        changed_cell=str(changed.cell),
        default_cell=str(changed.cell),
        base=getattr(base.row, axis),
        changed=getattr(changed.row, axis),
        printed=(Printed(table_id(changed.row), changed.row.dataset, 100 * (after / before - 1)),),
    )


def unpublished_pairs(published: Sequence[Pair], params: Params, cells: Mapping[str, Cell]) -> list[Pair]:
    """Return the pairs of FID that no paper prints, in the order of the cells.

    These are every cell with a fix and the cell without one, and every cell of a model and the one of its base (see
    ``base_models``), as far as both are planned. A model that only repeats another on a further training seed has no
    pairs of its own.
    """
    known = {(pair.base_cell, pair.changed_cell) for pair in published if pair.metric == UNPUBLISHED_METRIC}
    without = next((name for name, fix in params.fixes.items() if fix.method == "none"), None)
    bases = base_models(params, _first_of_each_training(params, {cell.model for cell in cells.values()}))
    found = []
    for key, cell in cells.items():
        changes: list[tuple[Axis, str | None]] = []
        if params.fixes[cell.fix].method != "none":
            changes.append(("fix", without))
        changes.append(("model", bases.get(cell.model)))
        for axis, base in changes:
            if base is None:
                continue
            base_cell = cell.model_copy(update={axis: base}).key
            if base_cell in cells and (base_cell, key) not in known:
                changed = getattr(cell, axis)
                found.append(Pair("", axis, UNPUBLISHED_METRIC, base_cell, key, base, changed, default_cell=key))
    return found


def base_models(params: Params, models: Sequence[str]) -> dict[str, str]:
    """Return the base of each model that has one among ``models``.

    The base is the first model of the same recipe and training seed that is trained on the base objective: without the
    change that the objective or its gamma makes.
    """
    found: dict[str, str] = {}
    for name in models:
        model = params.models[name]
        if model.coordinate() == model.base:
            continue
        for other in models:
            section = params.models[other]
            if section.coordinate() == model.base and (section.recipe, section.seed) == (model.recipe, model.seed):
                found[name] = other
                break
    return found


def _first_of_each_training(params: Params, models: Collection[str]) -> list[str]:
    """Return those of the models that do not repeat an earlier one on a further training seed."""
    firsts = []
    trainings = []
    for name in params.models:
        training = params.training(name) | {"seed": None}
        if name in models and training not in trainings:
            firsts.append(name)
            trainings.append(training)
    return firsts
