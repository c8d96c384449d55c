r"""Tables of a LaTeX file as pieces that pandoc reads: each tabular alone, mended where pandoc would lose content.

Pandoc loses a whole table over a column type that it does not know, over \resizebox and table*, and over a
\multirow{2}*; it takes one row for the head, and breaks a row at a \makecell. So each tabular is taken out of what is
around it, gets as many plain columns as its rows have, and a row of ``HEAD_ENDS`` in place of the first rule under it.
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
    """A table of its own in LaTeX that pandoc reads, with its number and label, and the decimals that it holds."""

    place: str
    number: str
    label: str
    text: str
    decimals: list[str]


def fragments(name: str, text: str) -> list[Fragment | Unread]:
    """Return the tables of a LaTeX file, in its order; those that cannot be mended as what was not read."""
    text = COMMENT.sub(r"\1", HIDDEN.sub(lambda hidden: "\n" * hidden[0].count("\n"), text))
    text = re.sub(r"\\ding\s*\{(5[1256])\}", lambda sign: DINGS[sign[1]], text)
    prelude = PLAIN_MACROS + definitions(text) + "\n"
    captions = captions_of(text)
    found: list[Fragment | Unread] = []
    outer = list(_outermost(text))
    starts = [start for _, start, _, _ in outer]
    for environment, start, body, end in outer:
        place = f"{name}:{text.count(chr(10), 0, start) + 1}"
        if environment in UNREADABLE or end < 0:
            reason = "is not closed" if end < 0 else "is of a kind that cannot be read; print it as a tabular"
            found.append(Unread(place, f"the {environment} {reason}"))
            continue
        try:
            rows = mended(text[skip_options(text, arguments(text, body, TABULARS[environment])[1]) : end])
        except ValueError as error:
            found.append(Unread(place, f"the {environment}: {error}"))
            continue
        caption = find_caption(captions, starts, start)
        found.append(_fragment(place, prelude, caption, rows))
    return found


def _fragment(place: str, prelude: str, caption: Caption, rows: str) -> Fragment:
    width = max((line.count("&") + sum(_spans(line)) for line in BREAK.split(rows) if line), default=0) + 1
    table = f"\\begin{{tabular}}{{{'l' * width}}}\n{rows}\n\\end{{tabular}}"
    message = f"\\caption{{{caption.text}}}\n" if caption.text else ""
    text = f"{prelude}\\begin{{table}}\n{message}{table}\n\\end{{table}}\n"
    return Fragment(place, caption.number, caption.label, text, DECIMAL.findall(LENGTHS.sub("", rows)))


def mended(rows: str) -> str:
    """Return the rows of a tabular without rules, with a row of ``HEAD_ENDS`` behind the head, a line in every cell.

    Raises:
        ValueError: a brace is not closed.
    """
    rows = re.sub(r"\\caption\*?(?=[\[{])", r"\\caption", _without_repeats(rows))
    rows = _dropped(rows, r"\\caption(?=\s*[\[{])|\\label(?=\s*\{)")
    rows = re.sub(r"\\multirow((?:\[[^\]]*\])?\{[^{}]*\})(?:\[[^\]]*\])?\*", r"\\multirow\1{*}", rows)
    rows = re.sub(r"\{\s*\\(?:bf|bfseries)\s+([^{}]*)\}", r"{\\textbf{\1}}", rows)
    rows = _flat_nested(_flat_stacked(rows))
    for rule in RULE.finditer(rows):
        if BREAK.search(rows, 0, rule.start()) and BREAK.sub("", NO_ROW.sub("", rows[: rule.start()])).strip("& \n\t"):
            rows = f"{rows[: rule.start()]} {HEAD_ENDS} \\\\ {rows[rule.start() :]}"
            break
    return re.sub(r"\n\s*\n", "\n", NO_ROW.sub(" ", rows)).strip()


def _without_repeats(rows: str) -> str:
    """Return a longtable's rows without the head that is printed again on later pages, and without its foot."""
    if first := re.search(r"\\endfirsthead(?![A-Za-z])", rows):
        last = list(re.finditer(r"\\end(head|foot|lastfoot)(?![A-Za-z])", rows))
        return rows[: first.start()] + rows[max([first.end(), *(match.end() for match in last)]) :]
    return re.sub(r"(\\endhead(?![A-Za-z])).*\\end(last)?foot(?![A-Za-z])", r"\1", rows, flags=re.DOTALL)


def _dropped(rows: str, command: str) -> str:
    """Return the rows without a command and its argument."""
    while match := re.search(command, rows):
        end = arguments(rows, match.end(), 1)[1]
        rows = rows[: match.start()] + re.sub(r"^\s*\\\\", "", rows[end:])
    return rows


def _flat_stacked(rows: str) -> str:
    r"""Return the rows with the lines of a \makecell or \shortstack in one."""
    while match := STACKED.search(rows):
        start = skip_options(rows, match.end())
        end = end_of_group(rows, start)
        rows = rows[: match.start()] + BREAK.sub(" ", rows[start:end]) + rows[end:]
    return rows


def _flat_nested(rows: str) -> str:
    """Return the rows with the cells of a tabular inside a cell in one line."""
    for environment, start, body, end in reversed(list(_outermost(rows))):
        if end < 0 or environment in UNREADABLE:
            raise ValueError(f"a {environment} inside it cannot be read")
        inner = rows[skip_options(rows, arguments(rows, body, TABULARS[environment])[1]) : end]
        behind = rows.index("}", end) + 1
        flat = BREAK.sub(" ", NO_ROW.sub(" ", _flat_nested(inner))).replace(r"\&", "\0").replace("&", " ")
        rows = f"{rows[:start]}{{{flat}}}{rows[behind:]}".replace("\0", r"\&")
    return rows


def _outermost(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield each tabular that is in no other: name, start, start of its arguments, end of its rows (-1 if open)."""
    depth = 0
    first = None
    for edge in EDGE.finditer(text):
        if edge[1] == "begin":
            first = first or edge
            depth += 1
        elif first:
            depth -= 1
            if not depth:
                yield first[2], first.start(), first.end(), edge.start()
                first = None
    if first:
        yield first[2], first.start(), first.end(), -1


def _spans(line: str) -> list[int]:
    return [int(number) - 1 for number in re.findall(r"\\multicolumn\s*\{\s*(\d{1,3})\s*\}", line)]
