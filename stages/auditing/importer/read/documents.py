"""Tables of a document as pandoc parses it: grids with spans filled in, bold cells marked, captions found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stages.auditing.importer.read.grids import Cell, Table
from stages.config.errors import InputError

Blocks = Sequence[dict[str, Any]]
# A caption in the text before or after a table.
CAPTION = re.compile(r"(?:Table|Tab\.|TABLE)\s+([A-Z]?\.?\d+)\s*[.:|]?\s*")
SCRIPTS = {"Superscript": "^", "Subscript": "_"}
INLINE = {"Space": " ", "SoftBreak": " ", "LineBreak": " "}
# The index of the content of inline elements; None if it is the content itself.
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
    """Return the tables of a document's blocks, in order; ``name`` is the name of its file."""
    found = []
    for count, placed in enumerate(_tables(blocks), 1):
        identifier, _, _ = placed.table[0]
        _, own_caption = placed.table[1]
        caption = text_of(own_caption)
        if not caption:
            caption = next((text for text in (placed.before, placed.after) if CAPTION.match(text)), "")
        number = CAPTION.match(caption)
        grid = grid_of(placed.table)
        found.append(
            Table(
                number=number[1] if number else "",
                caption=caption[number.end() :] if number else caption,
                label=identifier or placed.label,
                source=name,
                place=f"{name}, table {count} of the file",
                grid=grid.rows,
                head=grid.head,
            )
        )
    return found


class Grid(NamedTuple):
    """The cells of a table, row by row, and the number of rows of its head."""

    rows: list[list[Cell]]
    head: int


def grid_of(table: Sequence[Any]) -> Grid:
    """Return the grid of a table of pandoc, with the text of spanning cells at each of their places."""
    _attributes, _caption, _columns, (_, head), bodies, (_, foot) = table
    heads = list(head)
    rows = []
    for _, _, inner_head, body in bodies:
        # The second header row of HTML without thead is the inner head of the first body.
        if rows:
            rows += inner_head
        else:
            heads += inner_head
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
    return Grid(filled, len(heads))


def text_of(blocks: Blocks) -> str:
    """Return the text of blocks, with superscripts and subscripts as ``^{2}`` and ``_{2}``."""
    return _read(blocks)[0]


def _read(blocks: Blocks) -> tuple[str, bool]:
    """Return the text of blocks, and whether the first piece with a digit is bold."""
    pieces = list(_pieces(blocks, False))
    text = " ".join("".join(text for text, _ in pieces).split())
    digits = (bold for text, bold in pieces if re.search(r"\d", text))
    return text, next(digits, False)


def _pieces(elements: Blocks, bold: bool) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of text of elements, each with whether it is bold."""
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
            # In formulas, a space follows the comma of a number.
            for text, weight in _joined(content[1], bold):
                yield re.sub(r"(?<=\d), ?(?=\d{3}(?!\d))", ",", text), weight
        elif kind in WITHIN:
            yield from _pieces(content if WITHIN[kind] is None else content[WITHIN[kind]], bold)
        elif kind in ("Plain", "Para", "Div", "Header", "BulletList", "OrderedList", "LineBlock", "Table"):
            yield from _within_block(kind, content, bold)


def _within_block(kind: str, content: Any, bold: bool) -> Iterator[tuple[str, bool]]:
    if kind == "Table":
        parts = [[{"t": "Str", "c": cell.text}] for row in grid_of(content).rows for cell in row]
    elif kind in ("BulletList", "LineBlock"):
        parts = content
    else:
        parts = content[1] if kind == "OrderedList" else [content[-1] if kind in ("Div", "Header") else content]
    for part in parts:
        yield from _pieces(part, bold)
        yield " ", bold


def _joined(inlines: Blocks, bold: bool) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a formula, with neighbours of the same weight joined."""
    together: list[tuple[str, bool]] = []
    for text, weight in _pieces(inlines, bold):
        if together and together[-1][1] == weight:
            together[-1] = (together[-1][0] + text, weight)
        else:
            together.append((text, weight))
    yield from together


class PlacedTable(NamedTuple):
    """A table of pandoc, the texts before and after it, and the identifier of the element around it."""

    table: Sequence[Any]
    before: str
    after: str
    label: str


def _tables(blocks: Blocks, label: str = "") -> Iterator[PlacedTable]:
    texts = [text_of([block]) if block["t"] in ("Para", "Plain", "Header", "Div") else "" for block in blocks]
    for i, block in enumerate(blocks):
        kind = block["t"]
        content = block.get("c", "")
        before = texts[i - 1] if i else ""
        after = texts[i + 1] if i + 1 < len(blocks) else ""
        if kind == "Table":
            yield PlacedTable(content, before, after, label)
        elif kind == "Figure":
            (identifier, _, _), (_, caption_blocks), inner_blocks = content
            caption = [{"t": "Plain", "c": [{"t": "Str", "c": text_of(caption_blocks)}]}]
            for placed in _tables(inner_blocks, identifier):
                attributes, (_, own_caption), *rest = placed.table
                yield placed._replace(table=[attributes, [None, own_caption or caption], *rest])
        elif kind in ("Div", "BlockQuote"):
            inner_blocks = content[1] if kind == "Div" else content
            inner_label = content[0][0] if kind == "Div" else label
            for placed in _tables(inner_blocks, inner_label):
                yield PlacedTable(placed.table, placed.before or before, placed.after or after, placed.label or label)


def convert(text: str, source: str, target: str) -> str:
    """Return a text converted by pandoc to another format, without wrapped lines; pandoc reads no other files.

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
