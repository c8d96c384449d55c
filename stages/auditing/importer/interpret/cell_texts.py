"""What a cell prints: its number, and what stands beside it."""

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
# Scripts and signs that point to a note.
NOTES = re.compile(r"\^\{(?![+-]\d)[^{}]*\}|[*†‡§¶]+")
PLUS_MINUS = re.compile(rf"(?:±|\+/-|\+-)\s*({DIGITS})\s*%?")
PERCENT = re.compile(rf"\(\s*([+-]?)\s*({DIGITS})\s*%\s*\)")
SIGNED = re.compile(rf"(?:\(|[_^]\{{|(?=\+))\s*([+-])\s*({DIGITS})\s*%?[)}}]?")
UNIT = re.compile(rf"(?:{UNITS})(?![A-Za-z])|\((?:{UNITS})\)")
PLAIN = re.compile(rf"\(({DIGITS})\)|_\{{({DIGITS})\}}")
ARROWS = re.compile(r"[↑↓⬆⬇▲▼△▽⇧⇩]")
DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})


class Printed(NamedTuple):
    """A cell's number without unit and decoration, the percentage and the deviation beside it, and what else there is.

    ``note`` is the text as printed where more than units, arrows and bold was taken off; ``beside`` a bare number in
    brackets or below, which may be a deviation; ``doubt`` says what a person must look at.
    """

    value: str
    improvement: str = ""
    sd: str = ""
    beside: str = ""
    note: str = ""
    doubt: str = ""


def is_empty(text: str) -> bool:
    """Return whether a cell prints nothing, or a dash that says so."""
    return bool(EMPTY.fullmatch(text.strip()))


def parse_cell(text: str) -> Printed | None:
    """Return what a cell prints, or None where it is no number, perhaps with others beside it."""
    plain = ARROWS.sub("", text.translate(DASHES)).strip()
    plain = POWER.sub(lambda match: f"e{int(match[1] or match[2])}", plain)
    noted = NOTES.sub("", plain).replace("$", "").strip()
    number = NUMBER.match(noted)
    if not number:
        return None
    if not _is_value(_number(number)):
        return None
    printed = Printed(_number(number), note="" if noted == plain else f"printed: {text}")
    rest = noted[number.end() :].strip()
    while rest:
        for read in (_unit, _deviation, _percentage, _difference, _bare):
            if told := read(rest, printed):
                printed = told[0]
                rest = told[1].strip()
                break
        else:
            return _bracketed(text, rest, printed)
    return printed


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


def _unit(rest: str, printed: Printed) -> tuple[Printed, str] | None:
    match = UNIT.match(rest)
    return (printed, rest[match.end() :]) if match else None


def _deviation(rest: str, printed: Printed) -> tuple[Printed, str] | None:
    match = PLUS_MINUS.match(rest.removeprefix("_{").removeprefix("(").strip())
    if not match or printed.sd:
        return None
    behind = rest[rest.index(match[0]) + len(match[0]) :].lstrip()
    opened = rest.startswith(("_{", "("))
    return printed._replace(sd=_plain("", match[1])), behind[1:] if opened and behind[:1] in ("}", ")") else behind


def _percentage(rest: str, printed: Printed) -> tuple[Printed, str] | None:
    match = PERCENT.match(rest)
    if not match or printed.improvement:
        return None
    return printed._replace(improvement=_plain(match[1], match[2])), rest[match.end() :]


def _difference(rest: str, printed: Printed) -> tuple[Printed, str] | None:
    """Return a signed number beside the value, percentage or difference: which of them, the sums tell."""
    match = SIGNED.match(rest)
    if not match or printed.improvement:
        return None
    return printed._replace(improvement=_plain(match[1], match[2])), rest[match.end() :]


def _bare(rest: str, printed: Printed) -> tuple[Printed, str] | None:
    match = PLAIN.match(rest)
    if not match or printed.beside:
        return None
    return printed._replace(beside=_plain("", match[1] or match[2])), rest[match.end() :]


def _bracketed(text: str, rest: str, printed: Printed) -> Printed | None:
    """Return the number with all that stands in brackets behind it as a note, or None where more than that follows."""
    if re.fullmatch(r"[(\[].*[)\]]|_\{[^{}]*\}", rest):
        return printed._replace(note=f"printed: {text}", doubt=f"{text!r}: only {printed.value} was taken")
    return None
