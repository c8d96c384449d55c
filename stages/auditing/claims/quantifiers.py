"""Quantifiers: at how many of a claim's comparisons its relation must hold."""

from __future__ import annotations

import re
from typing import NamedTuple

WORDS = ("all", "most", "none")
COUNT = re.compile(r"(?P<bound>(at least |at most )?)(?P<count>\d{1,9}) of (?P<total>[1-9]\d{0,8})", re.ASCII)
SUCH_AS = f"{', '.join(WORDS)}, N of M, at least N of M or at most N of M"


class Quantifier(NamedTuple):
    """What is said of a number of comparisons: a word, or a number of a total behind "", "at least" or "at most"."""

    word: str
    number: int = 0
    total: int = 0

    @property
    def is_number(self) -> bool:
        """Whether a number was stated, which is right or wrong."""
        return self.word not in WORDS

    @property
    def is_negative(self) -> bool:
        """Whether what holds speaks against it: it says that no more than so many do."""
        return self.word in ("none", "at most")

    def admits(self, held: int, total: int) -> bool:
        """Return whether it is true of a relation that holds at so many of so many comparisons."""
        match self.word:
            case "all":
                return held == total
            case "most":
                return held > total / 2
            case "none":
                return held == 0
            case "at least":
                return held >= self.number
            case "at most":
                return held <= self.number
            case _:
                return held == self.number


def parse_quantifier(text: str) -> Quantifier:
    """Return the quantifier that a claim states.

    Raises:
        ValueError: the text is none, or counts more than there are.
    """
    if text in WORDS:
        return Quantifier(text)
    match = COUNT.fullmatch(text)
    if not match:
        raise ValueError(f"quantifier {text!r}: must be empty, {SUCH_AS}")
    count, total = int(match["count"]), int(match["total"])
    if count > total:
        raise ValueError(f"quantifier {text!r}: counts more than there are")
    return Quantifier(match["bound"].strip(), count, total)
