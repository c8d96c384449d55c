"""The list of the papers' figures: what each shows, on which axes, and what measures it or why nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from stages.auditing.claims.queries import parse_query, select
from stages.auditing.tables.published import FIGURES, read_text
from stages.auditing.tables.rows import FaultyFile, Papers, Row, read_records

Kind = Literal["numbers", "images", "schematic"]
NUMBERS: Kind = "numbers"


class PublishedFigure(NamedTuple):
    """A figure of a paper.

    ``x`` and ``y`` are what its axes show. ``published`` is a query for its numbers where the papers or their authors
    give them. ``measure`` names the drawing of the same quantity from a study's own results; a figure without one has
    the ``reason``.
    """

    paper: str
    figure: str
    title: str
    dataset: str
    kind: Kind
    x: str
    y: str
    published: str
    measure: str
    reason: str

    def numbers(self, papers: Papers) -> Sequence[Row]:
        """Return the published numbers of the figure, none where they are not known."""
        return select(parse_query(self.published), papers) if self.published else ()


def read_figures(folder: Path, papers: Papers) -> list[PublishedFigure]:
    """Return the figures of a folder's figures.csv; a folder without the file lists none.

    Raises:
        FaultyFile: an unknown paper or kind, an empty field, a query that finds nothing, or a figure listed twice.
    """
    if not (folder / FIGURES).exists():
        return []
    return parse_figures(FIGURES, read_text(folder / FIGURES), papers)


def parse_figures(name: str, text: str, papers: Papers) -> list[PublishedFigure]:
    """Return the figures of a file's text, in its order; faults are those of ``read_figures``."""
    figures: dict[tuple[str, str], PublishedFigure] = {}
    for place, record in read_records(name, text, PublishedFigure._fields):
        kind = next((known for known in get_args(Kind) if known == record["kind"]), None)
        if kind is None:
            raise FaultyFile(f"{place}: kind {record['kind']!r}: must be one of {', '.join(get_args(Kind))}")
        figure = PublishedFigure(**{**record, "kind": kind})
        if figure.paper not in papers:
            raise FaultyFile(f"{place}: paper {figure.paper!r}: must be one of {', '.join(papers)}")
        if not (figure.figure and figure.title):
            raise FaultyFile(f"{place}: figure and title must not be empty")
        if (figure.paper, figure.figure) in figures:
            raise FaultyFile(f"{place}: figure {figure.figure!r} of {figure.paper} occurs twice")
        if bool(figure.measure) == bool(figure.reason):
            raise FaultyFile(f"{place}: must have a measure, or the reason for none")
        if kind == NUMBERS and not (figure.x and figure.y):
            raise FaultyFile(f"{place}: a figure with numbers must name its axes x and y")
        try:
            found = figure.numbers(papers)
        except ValueError as error:
            raise FaultyFile(f"{place}: {error}") from None
        if figure.published and not found:
            raise FaultyFile(f"{place}: published {figure.published!r} finds no number")
        figures[figure.paper, figure.figure] = figure
    return list(figures.values())
