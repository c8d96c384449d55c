"""LaTeX syntax: groups in braces, arguments, macro definitions, floats and their captions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

TOKEN = re.compile(r"\\.|[{}]", re.DOTALL)
OPTION = re.compile(r"\s*\[[^\[\]]*\]")
SPACE = re.compile(r"\s*")


def end_of_group(text: str, start: int) -> int:
    """Return the place behind the brace that closes the one at ``start``.

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
    """Return the place behind the options in brackets that follow ``start``, if any."""
    while option := OPTION.match(text, start):
        start = option.end()
    return start


def arguments(text: str, start: int, count: int) -> tuple[list[str], int]:
    """Return that many arguments in braces, options in brackets left out, and the place behind them.

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


# What only decorates a cell passes on its content; what is no part of it is empty.
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
    r"""Return the definitions of macros (\newcommand and its kin, \def) of a file, a line each."""
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
    """A caption in LaTeX, its label, its number, and from where to where its float goes."""

    number: str
    text: str
    label: str
    place: int
    start: int
    end: int


NO_CAPTION = Caption("", "", "", 0, 0, 0)


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
        message = LABEL.sub("", content)
        found.append(Caption(str(len(found) + 1), message, label[1] if label else "", match.start(), start, stop))
    return found


def find_caption(captions: Sequence[Caption], starts: Sequence[int], start: int) -> Caption:
    """Return the caption of the table that begins at ``start``; ``starts`` are those of all tables.

    Several in one float stand before or behind their tables, whichever the first does.
    """
    mine = [caption for caption in captions if caption.start <= start < caption.end]
    if not mine:
        return NO_CAPTION
    first = min(other for other in starts if mine[0].start <= other < mine[0].end)
    if mine[0].place < first:
        return max((c for c in mine if c.place < start), key=lambda caption: caption.place)
    return min((c for c in mine if c.place > start), default=mine[-1], key=lambda caption: caption.place)


def _floats(text: str) -> list[tuple[str, int, int]]:
    """Return the floats, the outer ones first: name, start and end."""
    opened: list[tuple[str, int]] = []
    found: list[tuple[str, int, int]] = []
    for edge in FLOAT_EDGE.finditer(text):
        if edge[1] == "begin":
            opened.append((edge[2], edge.start()))
        elif opened and opened[-1][0] == edge[2]:
            name, start = opened.pop()
            found.append((name, start, edge.end()))
    return sorted(found, key=lambda place: place[1])
