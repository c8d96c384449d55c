r"""Tables of a LaTeX file as fragments that pandoc reads: each tabular alone, repaired where pandoc loses content.

Pandoc drops a whole table because of an unknown column type, \resizebox, table*, or a \multirow{2}*; it treats one row
as the head, and breaks a row at a \makecell. So each tabular is extracted, gets as many plain columns as its rows have,
and a row of ``HEAD_ENDS`` in place of the first rule under its head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stages.auditing.importer.read.grids import Unread
from stages.auditing.importer.read.tex import (
    PLAIN_MACROS,
    Caption,
    arguments,
    captions_of,
    definitions,
    end_of_group,
    find_caption,
    skip_options,
)

HEAD_ENDS = "head-ends-here"
# Environments, and their arguments before the rows.
TABULARS = {
    "tabular": 1,
    "tabular*": 2,
    "tabularx": 2,
    "tabulary": 2,
    "longtable": 1,
    "xltabular": 2,
    "supertabular": 1,
    "NiceTabular": 1,
    "NiceTabular*": 2,
    "NiceTabularX": 2,
    "tabu": 1,
    "longtabu": 1,
}
UNREADABLE = ("tblr", "longtblr", "talltblr", "tabbing", "deluxetable", "deluxetable*")
EDGE = re.compile(
    r"\\(begin|end)\s*\{(" + "|".join(re.escape(n) for n in sorted((*TABULARS, *UNREADABLE), key=len)) + r")\}"
)
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
HIDDEN = re.compile(r"\\begin\{(comment|verbatim|lstlisting|minted)\}.*?\\end\{\1\}|\\iffalse\b.*?\\fi\b", re.DOTALL)
RULE = re.compile(r"\\(midrule|hline|specialrule|Xhline|thickhline|hdashline|toprule|bottomrule)(?![A-Za-z])")
NO_ROW = re.compile(
    r"\\(cmidrule|cline|cdashline|addlinespace|arrayrulecolor|specialrule|Xhline|noalign|morecmidrules|rowcolors?|"
    r"setlength|extracolsep)(?![A-Za-z])\*?(\s*\([^()]*\)|\s*\[[^\[\]]*\]|\s*\{[^{}]*\})*"
    r"|\\(midrule|hline|hdashline|thickhline|toprule|bottomrule)(?![A-Za-z])(\s*\[[^\[\]]*\])?"
    r"|\\(endhead|endfirsthead|endfoot|endlastfoot|centering)(?![A-Za-z])"
)
BREAK = re.compile(r"\\\\\*?(\s*\[[^\[\]]*\])?|\\tabularnewline(?![A-Za-z])|\\cr(?![A-Za-z])")
STACKED = re.compile(r"\\(makecell|shortstack|thead|Centerstack|Shortstack|specialcell|tabincell)\*?(?![A-Za-z])")
# Commands whose decimals are no content.
LENGTHS = re.compile(
    r"\\(cellcolor|rowcolor|textcolor|color|colorbox|rule|hspace|vspace|raisebox|scalebox|resizebox|hskip)(?![A-Za-z])"
    r"\*?(\s*\[[^\[\]]*\])*\s*\{[^{}]*\}|\\\\\[[^\[\]]*\]|@\{[^{}]*\}"
)
DINGS = {"51": "✓", "52": "✓", "55": "✗", "56": "✗"}
DECIMAL = re.compile(r"\d+\.\d+")


class Fragment(NamedTuple):
    """A table as LaTeX that pandoc reads, with its number and label, and the decimal numbers that it contains."""

    place: str
    number: str
    label: str
    text: str
    decimals: list[str]


class Tabular(NamedTuple):
    """A tabular environment: where it starts, its arguments start, and its rows end (None if it is not closed)."""

    name: str
    start: int
    arguments: int
    end: int | None

    def rows(self, text: str) -> str:
        """Return the rows, without the arguments before them.

        Raises:
            ValueError: an argument is missing.
        """
        _, behind = arguments(text, self.arguments, TABULARS[self.name])
        return text[skip_options(text, behind) : self.end]


def fragments(name: str, text: str) -> list[Fragment | Unread]:
    """Return the tables of a LaTeX file in order; a table that cannot be repaired is unread."""
    text = COMMENT.sub(r"\1", HIDDEN.sub(lambda hidden: "\n" * hidden[0].count("\n"), text))
    text = re.sub(r"\\ding\s*\{(5[1256])\}", lambda sign: DINGS[sign[1]], text)
    prelude = PLAIN_MACROS + definitions(text) + "\n"
    captions = captions_of(text)
    found: list[Fragment | Unread] = []
    tabulars = list(_outermost(text))
    starts = [tabular.start for tabular in tabulars]
    for tabular in tabulars:
        line = text.count("\n", 0, tabular.start) + 1
        place = f"{name}:{line}"
        if tabular.end is None:
            found.append(Unread(place, f"the {tabular.name} is not closed"))
            continue
        if tabular.name in UNREADABLE:
            reason = "is of a kind that cannot be read; print it as a tabular"
            found.append(Unread(place, f"the {tabular.name} {reason}"))
            continue
        try:
            rows = repaired(tabular.rows(text))
        except ValueError as error:
            found.append(Unread(place, f"the {tabular.name}: {error}"))
            continue
        caption = find_caption(captions, starts, tabular.start)
        found.append(_fragment(place, prelude, caption, rows))
    return found


def _fragment(place: str, prelude: str, caption: Caption, rows: str) -> Fragment:
    widths = [line.count("&") + _extra_columns(line) for line in BREAK.split(rows) if line]
    columns = "l" * (max(widths, default=0) + 1)
    table = f"\\begin{{tabular}}{{{columns}}}\n{rows}\n\\end{{tabular}}"
    printed_caption = f"\\caption{{{caption.text}}}\n" if caption.text else ""
    text = f"{prelude}\\begin{{table}}\n{printed_caption}{table}\n\\end{{table}}\n"
    return Fragment(place, caption.number, caption.label, text, DECIMAL.findall(LENGTHS.sub("", rows)))


def repaired(rows: str) -> str:
    """Return the rows of a tabular without rules, with a row of ``HEAD_ENDS`` after the head, and one line per cell.

    Raises:
        ValueError: a brace is not closed.
    """
    rows = re.sub(r"\\caption\*?(?=[\[{])", r"\\caption", _without_repeats(rows))
    rows = _dropped(rows, r"\\caption(?=\s*[\[{])|\\label(?=\s*\{)")
    rows = re.sub(r"\\multirow((?:\[[^\]]*\])?\{[^{}]*\})(?:\[[^\]]*\])?\*", r"\\multirow\1{*}", rows)
    rows = re.sub(r"\{\s*\\(?:bf|bfseries)\s+([^{}]*)\}", r"{\\textbf{\1}}", rows)
    rows = _flat_nested(_flat_stacked(rows))
    for rule in RULE.finditer(rows):
        above = rows[: rule.start()]
        has_text = BREAK.sub("", NO_ROW.sub("", above)).strip("& \n\t")
        if BREAK.search(above) and has_text:
            rows = f"{rows[: rule.start()]} {HEAD_ENDS} \\\\ {rows[rule.start() :]}"
            break
    return re.sub(r"\n\s*\n", "\n", NO_ROW.sub(" ", rows)).strip()


def _without_repeats(rows: str) -> str:
    """Return a longtable's rows without the head repeated on later pages, and without its foot."""
    first = re.search(r"\\endfirsthead(?![A-Za-z])", rows)
    if first:
        others = re.finditer(r"\\end(head|foot|lastfoot)(?![A-Za-z])", rows)
        body = max([first.end(), *(match.end() for match in others)])
        return rows[: first.start()] + rows[body:]
    return re.sub(r"(\\endhead(?![A-Za-z])).*\\end(last)?foot(?![A-Za-z])", r"\1", rows, flags=re.DOTALL)


def _dropped(rows: str, command: str) -> str:
    """Return the rows without a command and its argument."""
    while match := re.search(command, rows):
        end = arguments(rows, match.end(), 1)[1]
        rows = rows[: match.start()] + re.sub(r"^\s*\\\\", "", rows[end:])
    return rows


def _flat_stacked(rows: str) -> str:
    r"""Return the rows with the lines of a \makecell or \shortstack joined."""
    while match := STACKED.search(rows):
        start = skip_options(rows, match.end())
        end = end_of_group(rows, start)
        rows = rows[: match.start()] + BREAK.sub(" ", rows[start:end]) + rows[end:]
    return rows


def _flat_nested(rows: str) -> str:
    """Return the rows with the cells of a tabular inside a cell joined.

    Raises:
        ValueError: the inner tabular cannot be read.
    """
    for tabular in reversed(list(_outermost(rows))):
        if tabular.end is None or tabular.name in UNREADABLE:
            raise ValueError(f"a {tabular.name} inside it cannot be read")
        inner = _flat_nested(tabular.rows(rows))
        behind = rows.index("}", tabular.end) + 1
        flat = BREAK.sub(" ", NO_ROW.sub(" ", inner)).replace(r"\&", "\0").replace("&", " ")
        rows = f"{rows[: tabular.start]}{{{flat}}}{rows[behind:]}".replace("\0", r"\&")
    return rows


def _outermost(text: str) -> Iterator[Tabular]:
    """Yield the tabulars that are not inside another."""
    depth = 0
    first = None
    for edge in EDGE.finditer(text):
        if edge[1] == "begin":
            first = first or edge
            depth += 1
        elif first:
            depth -= 1
            if not depth:
                yield Tabular(first[2], first.start(), first.end(), edge.start())
                first = None
    if first:
        yield Tabular(first[2], first.start(), first.end(), None)


def _extra_columns(line: str) -> int:
    r"""Return how many columns the \multicolumn commands of a line span beyond their first."""
    return sum(int(number) - 1 for number in re.findall(r"\\multicolumn\s*\{\s*(\d{1,3})\s*\}", line))
