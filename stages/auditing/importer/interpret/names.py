"""Names made of printed labels: words of coordinates, names of columns, and the paper's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import count
from keyword import iskeyword

SCRIPT = re.compile(r"[\^_]\{([^{}]*)\}")
MARKS = re.compile(r"[*†‡§¶#]+|\[\d[\d,\s-]*\]")
# The labels that many papers write for the same coordinate.
SAME = {
    "methods": "method", "approach": "method", "approaches": "method", "algorithm": "method", "models": "model",
    "datasets": "dataset", "data_set": "dataset", "data_sets": "dataset", "data": "dataset", "nfe": "steps",
    "step": "steps", "sampling_steps": "steps", "number_of_steps": "steps", "task": "task", "tasks": "task",
}  # fmt: skip
TAKEN = {
    "paper", "table", "row", "column", "metric", "value", "where", "source", "note", "improvement", "sd",
    "place", "kind", "label", "key", "axes", "columns", "of_source", "spread", "bold",
    "min", "max", "mean", "exact", "count", "index", "beside",
}  # fmt: skip


def plain_label(text: str) -> str:
    """Return a label as its table prints it, in one line, without arrows and without what the tables' files forbid."""
    text = SCRIPT.sub(lambda script: MARKS.sub("", script[1]), text)
    text = re.sub(r"[↑↓]", "", text).replace('"', "'").replace("|", "/").replace(" ,", ",").replace("$", "")
    return " ".join(text.split())


def word_of(label: str) -> str:
    """Return a label as a word of a coordinate: lower case, letters, digits, ``.``, ``_`` and ``-``."""
    text = unicodedata.normalize("NFKC", plain_label(label)).replace("Δ", "delta").casefold().replace("+", " plus ")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.sub(r"[^\w.]+", "-", text).strip("-._")


def words_of(labels: Iterable[str]) -> dict[str, str]:
    """Return the words of several labels, no two the same."""
    words: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        word = word_of(label) or ("yes" if label in ("✓", "✔") else "no" if label in ("✗", "✘", "×") else "other")
        alike = (f"{word}-{i}" if i > 1 else word for i in count(1))
        words[label] = next(name for name in alike if name not in words.values()) if label else ""
    return words


def name_of(header: str) -> str:
    """Return a header as the name of a coordinate, empty where it has none."""
    text = re.sub(r"\([^()]*\)", " ", plain_label(header)).casefold()
    name = re.sub(r"[^a-z0-9]+", "_", text).strip("_")
    name = SAME.get(name, name)
    if name in TAKEN or iskeyword(name):
        name += "_"
    return name if name[:1].isalpha() else f"x_{name}" if name else ""


def paper_name(stem: str) -> str:
    """Return the name of a paper from its file's: made of a-z, 0-9 and ``-``."""
    ascii_ = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_).strip("-") or "paper"
