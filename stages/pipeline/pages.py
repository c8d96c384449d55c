"""Pages: the one place where templates are rendered, escaped and complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Beside the package, so that other people's papers can be audited from anywhere.
TEMPLATES = Path(__file__).parents[2] / "reports" / "templates"


def render_page(template: str, **context: Any) -> str:
    """Return a template of reports/templates/ rendered: equal contexts give equal bytes, a missing name is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(template).render(**context)
