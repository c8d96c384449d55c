"""Braces of LaTeX: where a group ends, and the arguments behind a command."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\.|[{}]", re.DOTALL)
OPTION = re.compile(r"\s*\[[^\[\]]*\]")
SPACE = re.compile(r"\s*")


def end_of_group(text: str, start: int) -> int:
    """Return the place behind the brace that closes the one at ``start``.

    Raises:
        ValueError: there is no brace at ``start``, or it is not closed.
    """
    depth = 0
    if text[start : start + 1] == "{":
        for token in TOKEN.finditer(text, start):
            depth += {"{": 1, "}": -1}.get(token[0], 0)
            if not depth:
                return token.end()
    raise ValueError("a brace is not closed")


def skip_options(text: str, start: int) -> int:
    """Return the place behind the options in brackets that follow ``start``, if any."""
    while option := OPTION.match(text, start):
        start = option.end()
    return start


def arguments(text: str, start: int, count: int) -> tuple[list[str], int]:
    """Return that many arguments in braces, options in brackets left out, and the place behind them.

    Raises:
        ValueError: there are fewer.
    """
    found = []
    for _ in range(count):
        space = SPACE.match(text, skip_options(text, start))
        assert space
        end = end_of_group(text, space.end())
        found.append(text[space.end() + 1 : end - 1])
        start = end
    return found, start
