"""Captions of a LaTeX file: which table each belongs to, and the number that the paper counts for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from stages.auditing.importer.read.braces import arguments

FLOATS = "table|table\\*|wraptable|sidewaystable|sidewaystable\\*|margintable|longtable|xltabular|figure|figure\\*"
EDGE = re.compile(r"\\(begin|end)\s*\{(" + FLOATS + r"|subtable|subfigure)\}")
CAPTION = re.compile(r"\\(caption|captionof\s*\{table\}|tabcaption|tablecaption)(?=\s*[\[{])")
LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")


class Caption(NamedTuple):
    """A caption in LaTeX, its label, its number, and from where to where its float goes."""

    number: str
    text: str
    label: str
    place: int
    start: int
    end: int


NONE = Caption("", "", "", 0, 0, 0)


def captions_of(text: str) -> list[Caption]:
    """Return the captions of tables, numbered in their order; those of figures and of parts of a table count for none.

    Appendices that count anew are not seen.
    """
    floats = _floats(text)
    found: list[Caption] = []
    for match in CAPTION.finditer(text):
        around = [(name, start, end) for name, start, end in floats if start < match.start() < end]
        of_table = "table" in match[1] or any("fig" not in name for name, _, _ in around)
        if not around or not of_table or any(name.startswith("sub") for name, _, _ in around):
            continue
        try:
            (content,), end = arguments(text, match.end(), 1)
        except ValueError:
            continue
        _, start, stop = around[0]
        following = CAPTION.search(text, end)
        limit = min(stop, following.start()) if following else stop
        label = LABEL.search(content) or LABEL.search(text, end, limit) or LABEL.search(text, start, stop)
        told = LABEL.sub("", content)
        found.append(Caption(str(len(found) + 1), told, label[1] if label else "", match.start(), start, stop))
    return found


def find_caption(captions: Sequence[Caption], starts: Sequence[int], start: int) -> Caption:
    """Return the caption of the table that begins at ``start``; ``starts`` are those of all tables.

    Several in one float stand before or behind their tables, whichever the first does.
    """
    mine = [caption for caption in captions if caption.start <= start < caption.end]
    if not mine:
        return NONE
    first = min(other for other in starts if mine[0].start <= other < mine[0].end)
    if mine[0].place < first:
        return max((c for c in mine if c.place < start), key=lambda caption: caption.place)
    return min((c for c in mine if c.place > start), default=mine[-1], key=lambda caption: caption.place)


def _floats(text: str) -> list[tuple[str, int, int]]:
    """Return the floats, the outer ones first: name, start and end."""
    opened: list[tuple[str, int]] = []
    found: list[tuple[str, int, int]] = []
    for edge in EDGE.finditer(text):
        if edge[1] == "begin":
            opened.append((edge[2], edge.start()))
        elif opened and opened[-1][0] == edge[2]:
            name, start = opened.pop()
            found.append((name, start, edge.end()))
    return sorted(found, key=lambda place: place[1])
