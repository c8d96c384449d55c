"""Tables of scores without the number of samples behind them, and of steps without their cost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stages.papers.tables import Row
from stages.screening.cells import Candidate, Paper, beside, beside_names, coordinates

TITLE = "What the scores depend on is not stated"
LITERATURE = (
    "Chong and Forsyth (2020), Effectively Unbiased FID and Inception Score and Where to Find Them; Karras, Aittala, "
    "Aila and Laine (2022), Elucidating the Design Space of Diffusion-Based Generative Models"
)
LIMITS = (
    "Looks at the tables and at the statements of claims, not at the paper's text: n counts as stated where one of "
    "these names a number of samples or images. Evaluations are asked for only where a sampler's name says that its "
    "steps take several. Times are no scores."
)
WHAT_ELSE = r"(?!training|reference|test|real)"
STATED = re.compile(
    rf"\bn\s*=\s*\d|\d[kKM]?\s+(?:{WHAT_ELSE}[\w-]+\s+){{0,2}}(?:samples|images)\b", re.IGNORECASE
)  # fmt: skip
SAMPLES = re.compile(rf"n|(?:{WHAT_ELSE}[a-z]+_)?(?:samples|images)", re.IGNORECASE)
EVALUATIONS = re.compile(r"nfe|\w*evaluations", re.IGNORECASE)
SEVERAL = re.compile(r"heun|dpm-?solver-?[23]|pndm|\brk[234]|runge", re.IGNORECASE)
TIMES = re.compile(r"(?:.*_)?(?:time|seconds|s|ms)(?:_.*)?", re.IGNORECASE)


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the tables of scores that lack n, or the evaluations of samplers whose steps need several."""
    stated = _states_n(paper)
    for table in paper.tables:
        scores = [row for row in table if row.value and paper.metrics[row.metric].better and not _is_time(row)]
        costly = [] if _states_evaluations(table) else [row for row in scores if _several(row)]
        told = ["n is not stated, the number of samples behind the scores"] * (bool(scores) and not stated)
        if costly:
            name = _named(_sampler(costly[0]))
            told.append(f"steps of {name} take several evaluations of the network, and how many is not stated")
        if told:
            yield Candidate("unstated", "; ".join(told), tuple(costly or scores))


def _states_n(paper: Paper) -> bool:
    texts = {text for row in paper.rows for text in (row.note, row.row, row.column, row.where)}
    texts |= {row.value for row in paper.rows if paper.metrics[row.metric].type == "text"}
    statements = (claim.statement for claim in paper.claims)
    named = any(SAMPLES.fullmatch(row.metric) or beside(row, "n") for row in paper.rows)
    return named or any(map(STATED.search, (*texts, *statements)))


def _states_evaluations(table: Sequence[Row]) -> bool:
    asides = [name for name in beside_names(table[0]) if any(getattr(row, name) for row in table)]
    return any(map(EVALUATIONS.fullmatch, (*asides, *(row.metric for row in table))))


def _is_time(row: Row) -> bool:
    return bool(TIMES.fullmatch(row.metric))


def _several(row: Row) -> bool:
    return bool(getattr(row, "steps", "")) and bool(SEVERAL.search(_sampler(row)))


def _named(text: str) -> str:
    """Return the word of a text that names a sampler of several evaluations a step, if any."""
    return next((word for word in text.split() if SEVERAL.search(word)), "")


def _sampler(row: Row) -> str:
    return " ".join((*coordinates(row), row.row, row.column))
