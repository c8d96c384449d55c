"""A table written as Markdown, HTML or LaTeX and read back has its numbers and labels, whatever surrounds it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auditing.importer.tables import only, texts

# LaTeX makes one dash of two.
LABELS = st.from_regex(r"[ABCxyz](-?[ABCxyz0-9+()]){0,5}", fullmatch=True)
NUMBERS = st.decimals(-9999, 9999, places=2).map(str)
# What papers put around the rows, before and behind the tabular.
WRAPPERS = [
    (r"\begin{tabular}{%s}", r"\end{tabular}", "l"),
    (r"\resizebox{\linewidth}{!}{\begin{tabular}{@{}%s@{}}", r"\end{tabular}}", "S[table-format=2.2]"),
    (r"\begin{tabularx}{\textwidth}{%s}", r"\end{tabularx}", "X|"),
    (r"\begin{tabular*}{\textwidth}[t]{@{\extracolsep{\fill}}%s}", r"\end{tabular*}", "D{.}{.}{-1}"),
    (r"\scalebox{.8}{\begin{tabular}[b]{%s}", r"\end{tabular}}", r">{\centering\arraybackslash}p{1cm}"),
    (r"\begin{longtable}{%s}", r"\end{longtable}", "w{c}{2cm}"),
]


@st.composite
def grids(draw: st.DrawFn) -> list[list[str]]:
    """A header of labels, and rows of a label and numbers."""
    width = draw(st.integers(1, 4))
    header = draw(st.lists(LABELS, min_size=width + 1, max_size=width + 1))
    rows = draw(st.lists(st.tuples(LABELS, st.lists(NUMBERS, min_size=width, max_size=width)), min_size=1, max_size=4))
    return [header, *([label, *numbers] for label, numbers in rows)]


def as_markdown(grid: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in grid]
    return "\n".join([lines[0], "|---" * len(grid[0]) + "|", *lines[1:]]) + "\n"


def as_html(grid: list[list[str]]) -> str:
    rows = ["".join(f"<td>{text}</td>" for text in row) for row in grid]
    return f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>"


@settings(max_examples=15)
@given(grids())
@pytest.mark.parametrize(("name", "write"), [("a.md", as_markdown), ("a.html", as_html)])
def test_markdown_and_html_are_read_back(name: str, write: object, grid: list[list[str]]) -> None:
    assert callable(write)
    with TemporaryDirectory() as folder:
        assert texts(only(Path(folder), name, write(grid))) == grid


@settings(max_examples=25)
@given(grids(), st.sampled_from(WRAPPERS), st.booleans(), st.sets(st.integers(0, 3)))
def test_latex_is_read_back(grid: list[list[str]], wrapper: tuple[str, str, str], rules: bool, bold: set[int]) -> None:
    begin, end, column = wrapper
    rows = [
        [rf"\textbf{{{text}}}" if i and j and i in bold else text for j, text in enumerate(row)]
        for i, row in enumerate(grid)
    ]
    lines = [" & ".join(row) + r" \\" for row in rows]
    head = [r"\toprule", lines[0], r"\midrule"] if rules else [r"\hline", lines[0], r"\cline{1-2} \hline"]
    body = "\n".join([*head, *lines[1:], r"\bottomrule" if rules else ""])
    text = f"{begin.replace('%s', column * len(grid[0]))}\n{body}\n{end}\n"
    with TemporaryDirectory() as folder:
        table = only(Path(folder), "a.tex", text)
    assert table.head == 1
    assert table.lost == []
    starred = [["*" * (i in bold and i > 0 and j > 0) + text for j, text in enumerate(r)] for i, r in enumerate(grid)]
    assert texts(table) == starred
