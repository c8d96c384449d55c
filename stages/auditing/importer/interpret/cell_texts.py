"""Texts of cells: the number that a cell prints, and what is printed beside it."""

from __future__ import annotations

import re
from typing import NamedTuple

from stages.auditing.tables.numbers import parse_number

EMPTY = re.compile(r"[-–—−.·*†‡]*|n/?a|none|\?", re.IGNORECASE)
UNITS = r"%|‰|×|x|ms|s|sec|min|h|hrs?|hours?|days?|GB|MB|KB|dB|px|°C?|it/s|img/s|fps"
DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
NUMBER = re.compile(
    rf"(?P<below><\s*)?(?P<sign>[+-]?)\s?(?P<digits>{DIGITS})(?P<power>e[+-]?\d{{1,2}})?(?P<scale>[kKMB](?![A-Za-z]))?"
)
POWER = re.compile(r"\s*[×x·]\s*10\^\{([+-]?\d{1,2})\}|(?<=[\d.])e([+-]?\d{1,2})(?!\d)", re.IGNORECASE)
# Superscripts and signs that refer to a note.
NOTES = re.compile(r"\^\{(?![+-]\d)[^{}]*\}|[*†‡§¶]+")
PLUS_MINUS = re.compile(rf"(?:±|\+/-|\+-)\s*({DIGITS})\s*%?")
PERCENT = re.compile(rf"\(\s*([+-]?)\s*({DIGITS})\s*%\s*\)")
SIGNED = re.compile(rf"(?:\(|[_^]\{{|(?=\+))\s*([+-])\s*({DIGITS})\s*%?[)}}]?")
UNIT = re.compile(rf"(?:{UNITS})(?![A-Za-z])|\((?:{UNITS})\)")
PLAIN = re.compile(rf"\(({DIGITS})\)|_\{{({DIGITS})\}}")
ARROWS = re.compile(r"[↑↓⬆⬇▲▼△▽⇧⇩]")
DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})


class PrintedCell(NamedTuple):
    """A cell's number without unit and decoration, with the percentage and the deviation printed beside it.

    ``note`` is the text as printed if more than units, arrows and bold was removed; ``beside`` is a plain number in
    brackets or in a subscript, which may be a deviation; ``doubt`` says what a person must check.
    """

    value: str
    improvement: str = ""
    sd: str = ""
    beside: str = ""
    note: str = ""
    doubt: str = ""


def is_empty(text: str) -> bool:
    """Return whether a cell is empty, or prints a dash or the like."""
    return bool(EMPTY.fullmatch(text.strip()))


def parse_cell(text: str) -> PrintedCell | None:
    """Return the number of a cell with what is printed beside it, or None if it does not begin with a number."""
    plain = ARROWS.sub("", text.translate(DASHES)).strip()
    plain = POWER.sub(lambda match: f"e{int(match[1] or match[2])}", plain)
    noted = NOTES.sub("", plain).replace("$", "").strip()
    number = NUMBER.match(noted)
    if not number or not _is_value(_number(number)):
        return None
    printed = PrintedCell(_number(number), note="" if noted == plain else f"printed: {text}")
    rest = noted[number.end() :].strip()
    while rest:
        parsed = _parse_beside(rest, printed)
        if parsed is None:
            return _bracketed(text, rest, printed)
        printed = parsed.cell
        rest = parsed.rest.strip()
    return printed


class Parsed(NamedTuple):
    """A cell after one more part of its text was parsed, and the rest of the text."""

    cell: PrintedCell
    rest: str


def _parse_beside(rest: str, printed: PrintedCell) -> Parsed | None:
    for parse in (_unit, _deviation, _percentage, _difference, _bare):
        parsed = parse(rest, printed)
        if parsed:
            return parsed
    return None


def _is_value(text: str) -> bool:
    try:
        return bool(parse_number(text))
    except ValueError:
        return False


def _number(match: re.Match[str]) -> str:
    sign = "-" if match["sign"] == "-" else ""
    digits = match["digits"]
    zero = "0" if digits.startswith(".") else ""
    below = "<" if match["below"] else ""
    return f"{below}{sign}{zero}{digits}{match['power'] or ''}{(match['scale'] or '').upper()}"


def _plain(sign: str, digits: str) -> str:
    return f"{'-' if sign == '-' else ''}{'0' if digits.startswith('.') else ''}{digits}"


def _unit(rest: str, printed: PrintedCell) -> Parsed | None:
    match = UNIT.match(rest)
    return Parsed(printed, rest[match.end() :]) if match else None


def _deviation(rest: str, printed: PrintedCell) -> Parsed | None:
    match = PLUS_MINUS.match(rest.removeprefix("_{").removeprefix("(").strip())
    if not match or printed.sd:
        return None
    behind = rest[rest.index(match[0]) + len(match[0]) :].lstrip()
    opened = rest.startswith(("_{", "("))
    if opened and behind.startswith(("}", ")")):
        behind = behind[1:]
    return Parsed(printed._replace(sd=_plain("", match[1])), behind)


def _percentage(rest: str, printed: PrintedCell) -> Parsed | None:
    match = PERCENT.match(rest)
    if not match or printed.improvement:
        return None
    return Parsed(printed._replace(improvement=_plain(match[1], match[2])), rest[match.end() :])


def _difference(rest: str, printed: PrintedCell) -> Parsed | None:
    """Return a signed number beside the value: a percentage or a difference, depending on which of them fits."""
    match = SIGNED.match(rest)
    if not match or printed.improvement:
        return None
    return Parsed(printed._replace(improvement=_plain(match[1], match[2])), rest[match.end() :])


def _bare(rest: str, printed: PrintedCell) -> Parsed | None:
    match = PLAIN.match(rest)
    if not match or printed.beside:
        return None
    return Parsed(printed._replace(beside=_plain("", match[1] or match[2])), rest[match.end() :])


def _bracketed(text: str, rest: str, printed: PrintedCell) -> PrintedCell | None:
    """Return the number with the brackets after it as a note, or None if anything else follows."""
    if re.fullmatch(r"[(\[].*[)\]]|_\{[^{}]*\}", rest):
        return printed._replace(note=f"printed: {text}", doubt=f"{text!r}: only {printed.value} was read")
    return None
