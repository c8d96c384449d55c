"""Rendering of HTML pages from templates; all pages of the project are rendered here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, *folders: Path, **context: Any) -> str:
    """Return a rendered template from ``folders`` or, if they lack it, from this package.

    Output is escaped, equal contexts give equal bytes, and a name missing from the context is an error.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**context)
