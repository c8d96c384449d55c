"""Pandoc, which reads nothing but the text that it is given."""

from __future__ import annotations

import json
from typing import Any

from stages.config.errors import InputError


def convert(text: str, source: str, target: str) -> str:
    """Return a text in another format, without a line's wrapping.

    Raises:
        InputError: pypandoc is not installed.
        ValueError: pandoc cannot read the text.
    """
    try:
        import pypandoc
    except ImportError:
        raise InputError("--init needs pandoc for this file: pip install -e .[import]") from None
    options = ["--sandbox", "--quiet", "--wrap=none"]
    try:
        return pypandoc.convert_text(text, target, source, extra_args=options, verify_format=False)
    except RuntimeError as error:
        told = " ".join(str(error).partition("message:")[2].split()) or "unknown fault"
        raise ValueError(f"pandoc: {told[:200]}") from None


def blocks_of(html: str) -> list[dict[str, Any]]:
    """Return the blocks of an HTML text as pandoc reads it.

    Raises:
        ValueError: pandoc cannot read the text.
        RecursionError: it is nested too deeply.
    """
    return json.loads(convert(html, "html", "json"))["blocks"]
