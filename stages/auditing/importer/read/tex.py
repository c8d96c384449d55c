"""LaTeX syntax: groups in braces, arguments, macro definitions, floats and their captions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

TOKEN = re.compile(r"\\.|[{}]", re.DOTALL)
OPTION = re.compile(r"\s*\[[^\[\]]*\]")
SPACE = re.compile(r"\s*")


def end_of_group(text: str, start: int) -> int:
    """Return the index after the brace that closes the one at ``start``.

    Raises:
        ValueError: there is no brace at ``start``, or it is not closed.
    """
    depth = 0
    if text[start : start + 1] == "{":
        for token in TOKEN.finditer(text, start):
            depth += {"{": 1, "}": -1}.get(token[0], 0)
            if not depth:
                return token.end()
    raise ValueError("a brace is not closed")


def skip_options(text: str, start: int) -> int:
    """Return the index after the options in brackets that follow ``start``, if any."""
    while option := OPTION.match(text, start):
        start = option.end()
    return start


def arguments(text: str, start: int, count: int) -> tuple[list[str], int]:
    """Return that many arguments in braces, without options in brackets, and the index after them.

    Raises:
        ValueError: there are fewer.
    """
    found = []
    for _ in range(count):
        space = SPACE.match(text, skip_options(text, start))
        assert space
        end = end_of_group(text, space.end())
        found.append(text[space.end() + 1 : end - 1])
        start = end
    return found, start


# Commands that decorate a cell are replaced by its content, others by nothing.
PLAIN_MACROS = r"""
\newcommand{\underline}[1]{#1}
\newcommand{\uline}[1]{#1}
\newcommand{\ul}[1]{#1}
\newcommand{\hl}[1]{#1}
\newcommand{\fbox}[1]{#1}
\newcommand{\colorbox}[2]{#2}
\newcommand{\rotatebox}[3][]{#3}
\newcommand{\scalebox}[2]{#2}
\newcommand{\resizebox}[3]{#3}
\newcommand{\adjustbox}[2]{#2}
\newcommand{\makebox}[1][]{}
\newcommand{\num}[2][]{#2}
\newcommand{\tablenum}[2][]{#2}
\newcommand{\cellcolor}[2][]{}
\newcommand{\rowcolor}[2][]{}
\newcommand{\phantom}[1]{}
\newcommand{\hphantom}[1]{}
\newcommand{\vphantom}[1]{}
\newcommand{\rule}[3][]{}
\newcommand{\footnote}[2][]{}
\newcommand{\footnotemark}[1][]{}
\newcommand{\tnote}[1]{}
\newcommand{\checkmark}{✓}
\newcommand{\cmark}{✓}
\newcommand{\xmark}{✗}
\newcommand{\pm}{±}
"""
DEFINITION = re.compile(r"\\(?:re|provide)?newcommand\*?\s*|\\DeclareRobustCommand\*?\s*|\\DeclareMathOperator\*?\s*")
MACRO_NAME = re.compile(r"\\[A-Za-z@]+\s*")
PLAIN_TEX_DEFINITION = re.compile(r"\\[gex]?def\s*\\[A-Za-z@]+(#\d)*\s*(?=\{)")


def definitions(text: str) -> str:
    r"""Return the definitions of macros of a file (\newcommand and the like, \def), one per line."""
    found = []
    for match in DEFINITION.finditer(text):
        try:
            found.append(text[match.start() : _end_of_definition(text, match.end())])
        except ValueError:
            continue
    for match in PLAIN_TEX_DEFINITION.finditer(text):
        try:
            found.append(text[match.start() : end_of_group(text, match.end())])
        except ValueError:
            continue
    return "\n".join(found)


def _end_of_definition(text: str, start: int) -> int:
    name = MACRO_NAME.match(text, start)
    start = name.end() if name else end_of_group(text, start)
    return arguments(text, skip_options(text, start), 1)[1]


FLOATS = "table|table\\*|wraptable|sidewaystable|sidewaystable\\*|margintable|longtable|xltabular|figure|figure\\*"
FLOAT_EDGE = re.compile(r"\\(begin|end)\s*\{(" + FLOATS + r"|subtable|subfigure)\}")
CAPTION = re.compile(r"\\(caption|captionof\s*\{table\}|tabcaption|tablecaption)(?=\s*[\[{])")
LABEL = re.compile(r"\\label\s*\{([^{}]*)\}")


class Caption(NamedTuple):
    """A caption with its number, text, label and index, and the start and end of its float."""

    number: str
    text: str
    label: str
    place: int
    start: int
    end: int


NO_CAPTION = Caption("", "", "", 0, 0, 0)


def captions_of(text: str) -> list[Caption]:
    """Return the captions of tables, numbered in order; captions of figures and of parts of a table are not counted.

    Appendices with their own numbering are not recognized.
    """
    floats = _floats(text)
    found: list[Caption] = []
    for match in CAPTION.finditer(text):
        around = [outer for outer in floats if outer.start < match.start() < outer.end]
        of_table = "table" in match[1] or any("fig" not in outer.name for outer in around)
        if not around or not of_table or any(outer.name.startswith("sub") for outer in around):
            continue
        try:
            (content,), end = arguments(text, match.end(), 1)
        except ValueError:
            continue
        outermost = around[0]
        following = CAPTION.search(text, end)
        limit = min(outermost.end, following.start()) if following else outermost.end
        label = (
            LABEL.search(content)
            or LABEL.search(text, end, limit)
            or LABEL.search(text, outermost.start, outermost.end)
        )
        found.append(
            Caption(
                number=str(len(found) + 1),
                text=LABEL.sub("", content),
                label=label[1] if label else "",
                place=match.start(),
                start=outermost.start,
                end=outermost.end,
            )
        )
    return found


def find_caption(captions: Sequence[Caption], starts: Sequence[int], start: int) -> Caption:
    """Return the caption of the table that begins at ``start``; ``starts`` are the beginnings of all tables.

    If a float has several captions, they all stand before their tables, or all after, as the first one does.
    """
    mine = [caption for caption in captions if caption.start <= start < caption.end]
    if not mine:
        return NO_CAPTION
    first = min(other for other in starts if mine[0].start <= other < mine[0].end)
    if mine[0].place < first:
        return max((c for c in mine if c.place < start), key=lambda caption: caption.place)
    return min((c for c in mine if c.place > start), default=mine[-1], key=lambda caption: caption.place)


class Float(NamedTuple):
    """A float: the name of its environment, and where it starts and ends."""

    name: str
    start: int
    end: int


def _floats(text: str) -> list[Float]:
    """Return the floats of a text, outer ones before those inside them."""
    opened: list[tuple[str, int]] = []
    found = []
    for edge in FLOAT_EDGE.finditer(text):
        if edge[1] == "begin":
            opened.append((edge[2], edge.start()))
        elif opened and opened[-1][0] == edge[2]:
            name, start = opened.pop()
            found.append(Float(name, start, edge.end()))
    return sorted(found, key=lambda place: place.start)
