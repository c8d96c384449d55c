"""Tables of a document as pandoc parses it: grids with spans filled in, bold cells marked, captions found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from stages.auditing.importer.read.grids import Cell, Table
from stages.config.errors import InputError

Blocks = Sequence[dict[str, Any]]
# Before or behind a table that has no caption of its own.
CAPTION = re.compile(r"(?:Table|Tab\.|TABLE)\s+([A-Z]?\.?\d+)\s*[.:|]?\s*")
SCRIPTS = {"Superscript": "^", "Subscript": "_"}
INLINE = {"Space": " ", "SoftBreak": " ", "LineBreak": " "}
# Where the content of what surrounds text lies.
WITHIN = {
    "Emph": None,
    "Underline": None,
    "SmallCaps": None,
    "Strikeout": None,
    "Quoted": 1,
    "Cite": 1,
    "Span": 1,
    "Link": 1,
}


def tables_of(blocks: Blocks, name: str) -> list[Table]:
    """Return the tables of a document's blocks, in its order; ``name`` is that of its file."""
    found = []
    for count, (table, before, behind, label) in enumerate(_tables(blocks), 1):
        (attributes, _, _), (_, caption), *_ = table[0], table[1]
        message = text_of(caption) or next((text for text in (before, behind) if CAPTION.match(text)), "")
        number = CAPTION.match(message)
        grid, head = grid_of(table)
        caption = message[number.end() :] if number else message
        place = f"{name}, table {count} of the file"
        found.append(Table(number[1] if number else "", caption, attributes or label, name, place, grid, head))
    return found


def grid_of(table: Sequence[Any]) -> tuple[list[list[Cell]], int]:
    """Return the grid of pandoc's table and how many rows its head has."""
    _, _, _, (_, head), bodies, (_, foot) = table
    heads = list(head)
    rows = []
    for _, _, inner, body in bodies:
        # A second header row, which HTML writes without thead.
        if rows:
            rows += inner
        else:
            heads += inner
        rows += body
    grid: dict[tuple[int, int], Cell] = {}
    everything = [*heads, *rows, *foot]
    for i, (_, cells) in enumerate(everything):
        j = 0
        for _, _, high, wide, content in cells:
            while (i, j) in grid:
                j += 1
            text, bold = _read(content)
            for row in range(i, min(i + high, len(everything))):
                for column in range(j, j + wide):
                    grid.setdefault((row, column), Cell(text, bold, i, j))
    width = 1 + max((column for _, column in grid), default=-1)
    filled = [[grid.get((i, j), Cell("", False, i, j)) for j in range(width)] for i in range(len(everything))]
    return filled, len(heads)


def text_of(blocks: Blocks) -> str:
    """Return the text of blocks, scripts as ``^{2}`` and ``_{2}``."""
    return _read(blocks)[0]


def _read(blocks: Blocks) -> tuple[str, bool]:
    """Return the text, and whether its first digit is bold."""
    pieces = list(_pieces(blocks, False))
    text = " ".join("".join(text for text, _ in pieces).split())
    digits = (bold for text, bold in pieces if re.search(r"\d", text))
    return text, next(digits, False)


def _pieces(elements: Blocks, bold: bool) -> Iterator[tuple[str, bool]]:
    for element in elements:
        kind = element["t"]
        content = element.get("c", "")
        if kind in ("Str", *INLINE):
            yield INLINE.get(kind) or content, bold
        elif kind in ("Code", "Math", "CodeBlock"):
            yield content[1], bold
        elif kind == "Strong":
            yield from _pieces(content, True)
        elif kind in SCRIPTS:
            yield SCRIPTS[kind] + "{" + "".join(text for text, _ in _pieces(content, bold)) + "}", bold
        elif kind == "Span" and "math" in content[0][1]:
            # A number's comma is followed by a space in formulas.
            yield from ((re.sub(r"(?<=\d), ?(?=\d{3}(?!\d))", ",", t), b) for t, b in _joined(content[1], bold))
        elif kind in WITHIN:
            yield from _pieces(content if WITHIN[kind] is None else content[WITHIN[kind]], bold)
        elif kind in ("Plain", "Para", "Div", "Header", "BulletList", "OrderedList", "LineBlock", "Table"):
            yield from _within_block(kind, content, bold)


def _within_block(kind: str, content: Any, bold: bool) -> Iterator[tuple[str, bool]]:
    if kind == "Table":
        grid, _ = grid_of(content)
        parts = [[{"t": "Str", "c": cell.text}] for row in grid for cell in row]
    elif kind in ("BulletList", "LineBlock"):
        parts = content
    else:
        parts = content[1] if kind == "OrderedList" else [content[-1] if kind in ("Div", "Header") else content]
    for part in parts:
        yield from _pieces(part, bold)
        yield " ", bold


def _joined(inlines: Blocks, bold: bool) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a formula, neighbours of one weight as one."""
    together: list[tuple[str, bool]] = []
    for text, weight in _pieces(inlines, bold):
        if together and together[-1][1] == weight:
            together[-1] = (together[-1][0] + text, weight)
        else:
            together.append((text, weight))
    yield from together


def _tables(blocks: Blocks, label: str = "") -> Iterator[tuple[Sequence[Any], str, str, str]]:
    """Yield every table with the text before it, behind it, and the name of what holds it."""
    texts = [text_of([block]) if block["t"] in ("Para", "Plain", "Header", "Div") else "" for block in blocks]
    for i, block in enumerate(blocks):
        kind = block["t"]
        content = block.get("c", "")
        before = texts[i - 1] if i else ""
        behind = texts[i + 1] if i + 1 < len(blocks) else ""
        if kind == "Table":
            yield content, before, behind, label
        elif kind == "Figure":
            caption = text_of(content[1][1])
            for table, inner, last, name in _tables(content[2], content[0][0]):
                own = table[1][1] or [{"t": "Plain", "c": [{"t": "Str", "c": caption}]}]
                yield [table[0], [None, own], *table[2:]], inner, last, name
        elif kind in ("Div", "BlockQuote"):
            inner = content[1] if kind == "Div" else content
            for table, first, last, name in _tables(inner, content[0][0] if kind == "Div" else label):
                yield table, first or before, last or behind, name or label


def convert(text: str, source: str, target: str) -> str:
    """Return a text in another format, without a line's wrapping.

    Raises:
        InputError: pypandoc is not installed.
        ValueError: pandoc cannot read the text.
    """
    try:
        import pypandoc
    except ImportError:
        raise InputError("--init needs pandoc for this file: pip install -e .[import]") from None
    options = ["--sandbox", "--quiet", "--wrap=none"]
    try:
        return pypandoc.convert_text(text, target, source, extra_args=options, verify_format=False)
    except RuntimeError as error:
        message = " ".join(str(error).partition("message:")[2].split()) or "unknown fault"
        raise ValueError(f"pandoc: {message[:200]}") from None


def blocks_of(html: str) -> list[dict[str, Any]]:
    """Return the blocks of an HTML text as pandoc reads it.

    Raises:
        ValueError: pandoc cannot read the text.
        RecursionError: it is nested too deeply.
    """
    return json.loads(convert(html, "html", "json"))["blocks"]
