"""Reading tables: LaTeX with what pandoc alone would lose, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stages.auditing.importer.read.grids import Table, Unread
from stages.auditing.importer.read.paper_files import read_tables
from stages.config.errors import InputError
from tests.auditing.importer.tables import HERE, only, read, texts


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> list[Table | Unread]:
    folder = tmp_path_factory.mktemp("awkward")
    shutil.copy(HERE / "awkward.tex", folder)
    (folder / "secret.tex").write_text(r"\begin{tabular}{l} 6.66 \\ \end{tabular}")
    return read_tables(folder / "awkward.tex")


def test_a_table_with_awkward_constructs_is_read_whole(awkward: list[Table | Unread]) -> None:
    table = awkward[0]
    assert isinstance(table, Table)
    assert (table.number, table.caption, table.label, table.head) == ("1", "Main results.", "tab:main", 2)
    assert table.place == "awkward.tex:14"
    assert table.lost == []
    assert texts(table) == [
        ["Dataset", "Method", "FID ↓", "FID ↓", "IS ↑"],
        ["Dataset", "Method", "10 steps", "20 steps", "10 steps"],
        ["CIFAR-10", "DDIM", "9.49", "5.37", "8.1"],
        ["CIFAR-10", "Ours", "*5.14 (48.5%)", "*4.20", "8.5±0.1"],
        ["ImageNet", "DDIM", "3.2 ± 0.1", "3.3_{±0.2}", "–"],
    ]


def test_columns_and_numbers_of_siunitx_and_stacked_cells_are_read(awkward: list[Table | Unread]) -> None:
    assert texts(awkward[1]) == [
        ["Method", "FID", "IS"],
        ["first method", "1.20", "1.5e-3"],
        ["second method", "1,000.5", "1.5"],
    ]


def test_parts_under_one_caption_have_its_number(awkward: list[Table | Unread]) -> None:
    assert [texts(table) for table in awkward[2:4]] == [
        [["Model", "FID"], ["x", "1.25"]],
        [["Model", "FID"], ["x", "*2.25"]],
    ]
    assert [(table.number, table.caption) for table in awkward[2:4] if isinstance(table, Table)] == [
        ("3", "Two parts"),
        ("3", "Two parts"),
    ]


def test_a_long_table_has_its_head_once_and_inner_tables_are_one_cell(awkward: list[Table | Unread]) -> None:
    assert texts(awkward[4]) == [["Model", "FID"], ["x", "3.25"], ["y", "3.50 (3.1%)"]]
    assert isinstance(awkward[4], Table)
    assert (awkward[4].number, awkward[4].label) == ("4", "tab:long")


def test_what_is_not_read_is_told(awkward: list[Table | Unread]) -> None:
    """The caption of a table that is not read counts all the same."""
    place = "awkward.tex:74"
    assert awkward[5] == Unread(place, "the tblr is of a kind that cannot be read; print it as a tabular")
    last = awkward[6]
    assert isinstance(last, Table)
    assert (last.number, list(last.lost)) == ("6", ["5.50"])
    assert len(awkward) == 7


def test_nothing_but_the_named_file_is_read(awkward: list[Table | Unread], tmp_path: Path) -> None:
    held = [cell.text for table in awkward if isinstance(table, Table) for row in table.grid for cell in row]
    assert not any("6.66" in text or "7.77" in text or "9.99" in text for text in held)
    (tmp_path / "secret.html").write_text("<table><tr><td>a</td><td>6.66</td></tr></table>")
    page = '<iframe src="secret.html"></iframe><table><tr><td>a</td><td>1.5</td></tr></table>'
    assert texts(only(tmp_path, "page.html", page)) == [["a", "1.5"]]


CAPTIONED = r"""
\begin{figure}\caption{A figure}\end{figure}
\begin{table}\begin{minipage}{1cm}\begin{tabular}{l} a & 1.5 \\ \end{tabular}\caption{left}\label{l}\end{minipage}
\begin{minipage}{1cm}\begin{tabular}{l} a & 2.5 \\ \end{tabular}\caption{right}\label{r}\end{minipage}\end{table}
\begin{table}\caption{whole}\begin{subtable}{1cm}\begin{tabular}{l} a & 3.5 \\ \end{tabular}\caption{part}\end{subtable}
\end{table}
\begin{figure}\captionof{table}{beside}\begin{tabular}{l} a & 4.5 \\ \end{tabular}\end{figure}
\begin{tabular}{l} a & 5.5 \\ \end{tabular}
"""


def test_captions_are_those_of_tables_and_stand_on_either_side(tmp_path: Path) -> None:
    tables = [table for table in read(tmp_path, "a.tex", CAPTIONED) if isinstance(table, Table)]
    message = [(table.number, table.caption, table.label, table.grid[0][1].text) for table in tables]
    assert message == [
        ("1", "left", "l", "1.5"),
        ("2", "right", "r", "2.5"),
        ("3", "whole", "", "3.5"),
        ("4", "beside", "", "4.5"),
        ("", "", "", "5.5"),
    ]


def test_signs_outside_formulas_are_kept(tmp_path: Path) -> None:
    rows = r"a & \ding{51} & \xmark & 91.0 \pm 0.3 & \phantom{0}9.1 & ${\bf 4.4}$ & \fbox{7.1} & 1.0\footnote{b 2.0} \\"
    table = only(tmp_path, "a.tex", f"\\begin{{tabular}}{{l}} {rows} \\end{{tabular}}")
    assert texts(table) == [["a", "✓", "✗", "91.0 ±0.3", "9.1", "*4.4", "7.1", "1.0"]]


def test_a_brace_that_is_not_closed_costs_its_own_table_alone(tmp_path: Path) -> None:
    broken = r"\begin{tabular}{l} a & \makecell{1.5 \\ \end{tabular}"
    fine = r"\begin{tabular}{l} a & 2.5 \\ \end{tabular}"
    first, second = read(tmp_path, "a.tex", f"{broken}\n{fine}")
    assert first == Unread("a.tex:1", "the tabular: a brace is not closed")
    assert texts(second) == [["a", "2.5"]]


def test_markdown_holds_tables_in_html_too_and_captions_stand_around(tmp_path: Path) -> None:
    text = (
        "Table 4: piped\n\n| a | b |\n|---|---|\n| x | **1.5** |\n\n"
        "<table><caption>in HTML</caption><tr><th>a</th><th>b</th></tr><tr><td>x</td><td>2.5</td></tr></table>\n\n"
        "| a | b |\n|---|---|\n| y | 3.5 |\n\n: its own {#tbl:own}\n\n\\begin{tabular}{l} a & 4.5 \\\\ \\end{tabular}\n"
    )
    *tables, unread = read(tmp_path, "a.md", text)
    assert [texts(table) for table in tables] == [
        [["a", "b"], ["x", "*1.5"]],
        [["a", "b"], ["x", "2.5"]],
        [["a", "b"], ["y", "3.5"]],
    ]
    assert [(t.number, t.caption, t.label) for t in tables if isinstance(t, Table)] == [
        ("4", "piped", ""),
        ("", "in HTML", ""),
        ("", "its own", "tbl:own"),
    ]
    assert unread == Unread("a.md", "1 tables in LaTeX inside the Markdown; put them into a .tex file")


def test_tables_inside_others_are_told(tmp_path: Path) -> None:
    inner = "<table><tr><td>1.5</td></tr></table>"
    _, unread = read(tmp_path, "a.html", f"<table><tr><td>a</td><td>{inner}</td></tr></table>")
    assert isinstance(unread, Unread)
    assert "1 of its 2 tables" in unread.reason


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.pdf", b"%PDF-1.7", "a PDF is not read; give the paper's LaTeX or HTML, or its tables as Markdown or CSV"),
        ("a.tex", b"%PDF-1.7", "a PDF is not read"),
        ("a.tex", b"\xff\xfe", "not UTF-8"),
        ("a.md", b"a\0b", "binary, no text"),
        ("a.docx", b"PK", "must be one of .tex, .ltx, .html, .htm, .md, .markdown, .csv"),
        ("a.html", b"<div>" * 5000, "cannot be read (maximum recursion depth exceeded"),
        ("a.csv", b'a,"b', "cannot be read (unexpected end of data)"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes, fault: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_tables(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: {fault}")
    assert "\n" not in str(refused.value)


def test_files_that_are_missing_or_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.tex: cannot be read \(No such file"):
        read_tables(tmp_path / "no.tex")
    with pytest.raises(InputError, match="not a file"):
        read_tables(tmp_path)


def test_without_pandoc_the_command_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pypandoc", None)
    with pytest.raises(InputError, match=r"pip install -e \.\[import\]"):
        read(tmp_path, "a.html", "<p>")
    assert texts(only(tmp_path, "a.csv", "a,b\nx,1.5\n")) == [["a", "b"], ["x", "1.5"]]
