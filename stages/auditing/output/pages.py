"""Pages: the one place where templates are rendered, escaped and complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, *folders: Path, **context: Any) -> str:
    """Return a rendered template of this package, or of ``folders``, which are searched first.

    Equal contexts give equal bytes; a name that the context lacks is an error.
    """
    environment = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(**context)
