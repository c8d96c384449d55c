"""Tables of scores without the number of samples, and of sampling steps without the network evaluations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stages.auditing.checks.table_cells import Candidate, Check, Paper, beside, beside_names, coordinates
from stages.auditing.tables.rows import Row

WHAT_ELSE = r"(?!training|reference|test|real)"
STATED = re.compile(rf"\bn\s*=\s*\d|\d[kKM]?\s+(?:{WHAT_ELSE}[\w-]+\s+){{0,2}}(?:samples|images)\b", re.IGNORECASE)
SAMPLES = re.compile(rf"n|(?:{WHAT_ELSE}[a-z]+_)?(?:samples|images)", re.IGNORECASE)
EVALUATIONS = re.compile(r"nfe|\w*evaluations", re.IGNORECASE)
SEVERAL = re.compile(r"heun|dpm-?solver-?[23]|pndm|\brk[234]|runge", re.IGNORECASE)
# Joins texts that are searched at once; no pattern matches across it.
APART = "\0"
TIMES = re.compile(r"(?:.*_)?(?:time|seconds|s|ms)(?:_.*)?", re.IGNORECASE)


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the tables of scores without n, or with samplers of several evaluations per step without their number."""
    stated = _states_n(paper)
    scored = {name for name, metric in paper.metrics.items() if metric.better and not TIMES.fullmatch(name)}
    for table in paper.tables:
        scores = [row for row in table if row.value and row.metric in scored]
        costly = [] if _states_evaluations(table) else _several(scores)
        messages = []
        if scores and not stated:
            messages.append("n is not stated, the number of samples behind the scores")
        if costly:
            name = _named(_sampler(costly[0]))
            messages.append(f"steps of {name} take several evaluations of the network, and how many is not stated")
        if messages:
            yield Candidate("unstated", "; ".join(messages), tuple(costly or scores))


def _states_n(paper: Paper) -> bool:
    texts = {text for row in paper.rows for text in (row.note, row.row, row.column, row.where)}
    texts |= {row.value for row in paper.rows if paper.metrics[row.metric].type == "text"}
    texts |= {claim.statement for claim in paper.claims}
    if any(map(SAMPLES.fullmatch, {row.metric for row in paper.rows})):
        return True
    if any(beside(row, "n") for row in paper.rows):
        return True
    return bool(STATED.search(APART.join(texts)))


def _states_evaluations(table: Sequence[Row]) -> bool:
    asides = [name for name in beside_names(table[0]) if any(getattr(row, name) for row in table)]
    return any(map(EVALUATIONS.fullmatch, {*asides, *(row.metric for row in table)}))


def _several(scores: Sequence[Row]) -> list[Row]:
    """Return the scores with a number of steps whose sampler takes several network evaluations per step."""
    stepped = [row for row in scores if getattr(row, "steps", "")]
    words = {word for row in stepped for word in (*coordinates(row), row.row, row.column)}
    # Fast path: most tables name no such sampler.
    if not SEVERAL.search(APART.join(words)):
        return []
    return [row for row in stepped if SEVERAL.search(_sampler(row))]


def _named(text: str) -> str:
    """Return the word of a text that names a sampler with several evaluations per step; empty if none does."""
    return next((word for word in text.split() if SEVERAL.search(word)), "")


def _sampler(row: Row) -> str:
    return " ".join((*coordinates(row), row.row, row.column))


CHECK = Check(
    "unstated",
    candidates,
    title="What the scores depend on is not stated",
    literature=(
        "Chong and Forsyth (2020), Effectively Unbiased FID and Inception Score and Where to Find Them; Karras, "
        "Aittala, Aila and Laine (2022), Elucidating the Design Space of Diffusion-Based Generative Models"
    ),
    limits=(
        "Looks at the tables and at the statements of claims, not at the paper's text: n counts as stated where one "
        "of these names a number of samples or images. Evaluations are asked for only where a sampler's name says "
        "that its steps take several. Times are no scores."
    ),
)
