"""The published tables by a second route: the papers' extracted texts, parsed here, against data/published.

The texts are no part of the project; the environment variable PAPERS_TEXT names the folder that holds them.
"""

from __future__ import annotations

import csv
import os
import re
from itertools import groupby, zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.toy import ROOT

TEXTS = Path(os.environ.get("PAPERS_TEXT", ROOT.parent / "shared" / "papers"))
pytestmark = pytest.mark.skipif(not TEXTS.is_dir(), reason="PAPERS_TEXT names no folder with the papers' texts")

SEPARATOR = {"ip": "\t", "es": "\t", "ts": "|"}
# The tables stand in the texts in the order of their numbers. Left out: ES 1 (symbolic), ES 7 (the text lost its body).
FIRST = {"ip": 1, "es": 2, "ts": 1}
DAMAGED = "ip/10"
# Rows and cells: a parser that finds nothing must not agree with a file that holds nothing.
SIZE = {
    "ip/1": (2, 10),
    "ip/2": (4, 8),
    "ip/3": (8, 80),
    "ip/4": (10, 30),
    "ip/5": (4, 20),
    "ip/6": (1, 4),
    "ip/7": (3, 24),
    "ip/8": (2, 16),
    "ip/9": (14, 70),
    "es/2": (14, 42),
    "es/3": (6, 24),
    "es/4": (6, 12),
    "es/5": (2, 20),
    "es/6": (7, 35),
    "ts/1": (20, 100),
    "ts/2": (3, 12),
    "ts/3": (6, 24),
    "ts/4": (2, 8),
    "ts/5": (4, 16),
    "ts/6": (4, 12),
    "ts/7": (2, 16),
    "ts/8": (2, 6),
    "ts/9": (4, 12),
    "ts/10": (2, 4),
}

MARKUP = re.compile(r"</?\w+>|[$^]|\((?:ours|baseline|[^()]* et al[^()]*)\)")
NUMBER = r"-?\d+(?:\.\d+)?"
PRINTED = re.compile(rf"({NUMBER}[KM]?)(?: ms)?\s*(\([^()]*\))?\s*")

Line = list[str]


class Row(NamedTuple):
    """A row of a table: its labels, and per cell the value with the numbers that belong to it (improvement, k, b)."""

    labels: list[str]
    cells: list[tuple[str, ...]]


def clean(cell: str) -> str:
    """Without markup, remarks and thousands separators. A single comma left between digits is decimal (ES 6)."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", MARKUP.sub("", cell)).strip()
    return re.sub(r"^(\d+),(\d+)$", r"\1.\2", plain)


def label(printed: str) -> str:
    """TS puts a space before a bracket in one row and none in the next."""
    return re.sub(r"\s", "", clean(printed))


def tables(paper: str) -> dict[str, list[Line]]:
    """The cells of every tabular run of lines that holds a decimal number: equations and algorithms hold none."""
    separator = re.escape(SEPARATOR[paper])
    text = (TEXTS / f"{paper}.txt").read_text(encoding="utf-8")
    text = re.sub(r"^(.*\n---)", r"\n\1", text, flags=re.M)  # TS 3 and TS 4 touch each other
    runs = [run for run in re.findall(rf"(?:^.*{separator}.*\n)+", text, flags=re.M) if re.search(r"\d\.\d", run)]
    return {
        f"{paper}/{number}": [[clean(cell) for cell in re.split(separator, line)] for line in run.splitlines()]
        for number, run in enumerate(runs, FIRST[paper])
    }


def halves(lines: list[Line]) -> list[list[Line]]:
    """A header that repeats its first cell stands over two tables side by side (ES 2)."""
    header = lines[0]
    if header[0] not in header[1:]:
        return [lines]
    cut = header.index(header[0], 1)
    return [[line[:cut] for line in lines], [line[cut:] for line in lines]]


def result_rows(lines: list[Line]) -> list[Row]:
    """A line's values stand behind its last label; lines without a decimal number are headers.

    The extraction merged rows (IP 8, ES 2): a cell then holds as many values as the label before it holds names.
    """
    rows = []
    for line in lines:
        values = [re.fullmatch(rf"(?:{PRINTED.pattern})+", cell) for cell in line]
        places = [place for place, cell in enumerate(line) if re.search(r"[^\W\d]", cell) and not values[place]]
        cells = [PRINTED.findall(cell) for cell in line[max(places, default=-1) + 1 :] if cell.strip("-")]
        if not any("." in value for cell in cells for value, _ in cell):
            continue
        *outer, last = [line[place] for place in places]
        names = last.split() if len(cells[0]) > 1 else [last]
        for name, column in zip(names, zip(*cells, strict=True), strict=True):
            printed = [(value, *re.findall(NUMBER, remark)) for value, remark in column]
            rows.append(Row([label(level) for level in (*outer, name)], printed))
    return rows


def setting_rows(lines: list[Line]) -> list[Row]:
    """Hyperparameters are words and lists as well as numbers, so whatever stands behind the label is a value."""
    body = [line for line in lines if line[0] and line[1]]
    return [Row([label(name)], [(value.replace(", ", ","),) for value in values if value]) for name, *values in body]


def printed_rows(table: str) -> list[Row]:
    lines = tables(table[:2])[table]
    return setting_rows(lines) if table == "ip/9" else [row for half in halves(lines) for row in result_rows(half)]


def transcribed(table: str) -> list[dict[str, str]]:
    """What was transcribed of a table; cells that the paper left empty have an empty value."""
    paper, number = table.split("/")
    with (ROOT / "data" / "published" / f"{paper}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["table"] == number and row["value"]]


def transcribed_rows(records: list[dict[str, str]]) -> list[Row]:
    """Without the rows that repeat an ES 6 cell's k and b: they have a test of their own."""
    results = [record for record in records if record["metric"] not in ("k", "b")]
    return [
        Row(
            [label(level) for level in row.split(" | ")],
            [tuple(filter(None, (r["value"], r["improvement"], r["k"], r["b"]))) for r in group],
        )
        for row, group in groupby(results, key=lambda record: record["row"])
    ]


def differences(printed: list[Row], transcription: list[Row]) -> list[str]:
    found = []
    for number, (paper, ours) in enumerate(zip_longest(printed, transcription, fillvalue=Row([], [])), 1):
        if not set(ours.labels[-1:]) & set(paper.labels):
            found.append(f"row {number}: labels {paper.labels} printed, {ours.labels} transcribed")
        for place, (a, b) in enumerate(zip_longest(paper.cells, ours.cells), 1):
            if a != b:
                found.append(f"row {number} {paper.labels}, cell {place}: {a} printed, {b} transcribed")
    return found


@pytest.mark.parametrize("table", SIZE)
def test_every_cell_is_transcribed_as_printed(table: str) -> None:
    printed = printed_rows(table)
    assert (len(printed), sum(len(row.cells) for row in printed)) == SIZE[table]
    assert differences(printed, transcribed_rows(transcribed(table))) == []


# Whose printed numbers stand elsewhere than the statement: a table, another paper's page, a resolution of a curve.
ELSEWHERE = {
    "ip-sec61-bias-significantly",
    "ip-sec62-samples",
    "ip-fig15-best-steps",
    "es-k-smaller",
    "es-app-eq8",
    "ts-appe-figures",
}
# Whose numbers are the audit's thresholds: half, not below 1, one step of a curve, the same up to a percent.
THRESHOLDS = {
    "es-abstract-scaling-down",
    "es-ffhq-less-than-half",
    "es-celebahq-half",
    "es-celebahq-almost",
    "ts-sec4-uniform-baseline",
    "ip-sec62-much-faster",
}


def test_every_claim_rests_on_a_line_of_its_paper() -> None:
    """The line exists and holds the numbers that the claim takes from the prose."""
    texts = {paper: (TEXTS / f"{paper}.txt").read_text(encoding="utf-8").split("\n") for paper in SEPARATOR}
    with (ROOT / "data" / "published" / "claims.csv").open(encoding="utf-8", newline="") as file:
        claims = list(csv.DictReader(file))
    for claim in claims:
        line = texts[claim["paper"]][int(claim["line"]) - 1]
        assert line.strip(), claim["id"]
        if claim["kind"] == "sanity" or {claim["id"], claim["id"].rpartition(".")[0]} & (ELSEWHERE | THRESHOLDS):
            continue
        written = [claim["stated"], *(operand.partition("=")[2].strip() for operand in claim["operands"].split(";"))]
        for number in (text for text in written if re.fullmatch(r"[\d.,]+[KM]?", text)):
            assert number.rstrip("KM").replace(",", "") in re.sub(r"(?<=\d),(?=\d)", "", line), claim["id"]


def test_no_table_escapes_the_parsers() -> None:
    assert {table for paper in SEPARATOR for table in tables(paper)} == {*SIZE, DAMAGED}


def test_a_damaged_table_still_holds_its_values() -> None:
    """IP 10 lost most of its labels; the columns before and behind those that are left hold the values."""
    _, *body = tables("ip")[DAMAGED]
    printed = [line[place] for line in body if line[0] for place in (0, 2)]
    assert len(printed) == 14
    assert sorted(printed) == sorted(record["value"] for record in transcribed(DAMAGED))


def test_k_and_b_are_rows_of_their_own_as_well() -> None:
    """One printed cell of ES 6 gives up to three rows, with the same place in the table."""
    records = transcribed("es/6")
    beside = {
        (r["row"], r["column"], name): r[name] for r in records for name in "kb" if r["metric"] == "fid" and r[name]
    }
    alone = {(r["row"], r["column"], r["metric"]): r["value"] for r in records if r["metric"] in ("k", "b")}
    assert alone == beside
    assert len(alone) == 25


def test_a_changed_digit_is_reported() -> None:
    printed = printed_rows("ip/1")
    first, *others = printed
    changed = Row(first.labels, [("0.993",), *first.cells[1:]])
    assert differences(printed, printed) == []
    assert differences(printed, [changed, *others]) == [
        "row 1 ['ADM'], cell 1: ('0.983',) printed, ('0.993',) transcribed"
    ]
    assert differences(printed, others)
