"""How long sampling took, as times.yaml holds it."""

from __future__ import annotations

from stages.config.sections import Float, Int, Section


class Timed(Section):
    """One cell: ms per image with the margin of a 95 % interval over rounds.

    ``overhead`` is by how many percent it took longer than the same cell without a fix: median, least and most of the
    rounds, in each of which both took their turn; of a cell without a fix, none.
    """

    ms: Float
    margin: Float
    images: Int
    rounds: Int
    overhead: list[Float] | None


class Times(Section):
    """All timed cells, and where they were timed."""

    environment: dict[str, str]
    cells: dict[str, Timed]
