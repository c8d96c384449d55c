"""Figures as SVG text to be put inline; the same figure gives the same bytes.

Text has the font of its page; text and axes take the colour of the page's text, series its variables --series-1 to
--series-6.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

# Distinct for colour-blind readers too. The page may replace them by variables in the same order.
PALETTE = ("#0064a4", "#b84a00", "#00734f", "#96408c", "#7a6000", "#4b5563")
GRID = "#dfe4ea"
INK = "#000000"
# Points of the small texts.
SMALL = 8


def to_svg(figure: Figure, title: str, description: str) -> str:
    """Return the figure as an SVG with ids of its own, a name and a description, in the colours of its page.

    Args:
        figure: the figure.
        title: its name for screen readers.
        description: its content in words.
    """
    stream = io.StringIO()
    # A fixed salt and no date: ids and metadata would otherwise differ between runs.
    with mpl.rc_context({"svg.hashsalt": title, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = stream.getvalue()
    name = "plot" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = svg[svg.index("<svg") :]
    # Style rules inside would hold for the whole page.
    svg = _compact(re.sub(r"\s*<metadata>.*?</metadata>|\s*<style\b.*?</style>", "", svg, flags=re.DOTALL))
    # One page holds several plots: each gets ids of its own.
    for reference in ('id="', '="#', "url(#"):
        svg = svg.replace(reference, f"{reference}{name}-")
    for i, colour in enumerate(PALETTE, 1):
        svg = svg.replace(colour, f"var(--series-{i}, {colour})")
    svg = svg.replace(GRID, f"var(--grid, {GRID})").replace(INK, "currentColor")
    start = svg.index(">") + 1
    root = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc" fill="currentColor" stroke-linejoin="round"'
        f'{svg[4 : start - 1]}>\n<title id="{name}-title">{escape(title)}</title>'
        f'\n<desc id="{name}-desc">{escape(description)}</desc>'
    )
    return root + svg[start:]


def _compact(svg: str) -> str:
    """Return an SVG of matplotlib's without what shows nothing, at about a third of the size."""
    # The page's font is as good as a list of twelve, and names of groups are for editors.
    svg = re.sub(r"font-family: [^;\"]*; ?", "", svg)
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r'<path d="[^"]*" style="fill: none"/>', "", svg)
    svg = re.sub(r' xmlns:xlink="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\b(d|x|y|transform)="([^"]*)"', _rounded, svg)
    svg = re.sub(r">\s+<", ">\n<", svg)
    while (emptied := re.sub(r"<(g|defs)>\s*</\1>\s*", "", svg)) != svg:
        svg = emptied
    return svg


def _rounded(attribute: re.Match[str]) -> str:
    """Return an attribute of places with a tenth of a point, which is less than a pixel of any screen."""
    name, value = attribute.groups()
    value = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), value)
    return f'{name}="{" ".join(value.split())}"'
