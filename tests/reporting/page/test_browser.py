"""The committed pages in a browser: wide and narrow, light and dark, on paper, without script, without the net."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.toy import ROOT

# One worker: one browser.
pytestmark = pytest.mark.xdist_group("browser")
PAGES = ("audit.html", "report.html")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# What a sheet of A4 leaves between the margins that the style sheet sets, at 96 px an inch.
PAPER = {"width": 703, "height": 1000}
# What lies in a shut fold is not looked at.
OPEN = "document.querySelectorAll('details').forEach(fold => fold.open = true)"
# Later entries and rows are like the first ones, and axe takes its time with thousands of them.
ALIKE = ".findings > li:nth-child(n+9), .cases > li:nth-child(n+4), .published tbody tr:nth-child(n+5)"
BOXES = """selector => [...document.querySelectorAll(selector)].map(node => {
  const box = node.getBoundingClientRect();
  return [node.id || node.textContent.trim().slice(0, 40), box.left, box.right, box.height];
})"""


@pytest.fixture(params=PAGES)
def address(request: pytest.FixtureRequest) -> str:
    return (ROOT / "reports" / request.param).as_uri()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """A function that opens the page in a context of its own."""
    contexts = []

    def opened(**options: Any) -> Any:
        contexts.append(browser.new_context(offline=True, **options))
        page = contexts[-1].new_page()
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, address: str) -> None:
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address, wait_until="load")
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert complaints == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_serious(visit: Any, axe: str, viewport: dict[str, int], scheme: str) -> None:
    page = visit(viewport=viewport, color_scheme=scheme)
    page.evaluate(OPEN)
    page.evaluate("selector => document.querySelectorAll(selector).forEach(node => node.remove())", ALIKE)
    # Axe judges no text above a gradient, such as the shade at a table's edge.
    page.add_style_tag(content=".scroll { background: none !important }")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
    grave = [
        (violation["id"], len(violation["nodes"]), violation["nodes"][0]["html"][:200])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("width", [390, 320, 1280])
def test_nothing_is_wider_than_the_screen(visit: Any, width: int) -> None:
    page = visit(viewport={"width": width, "height": 844})
    page.evaluate(OPEN)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_labels_stay_while_a_table_is_scrolled(visit: Any) -> None:
    """In a box narrower than its table, the first column and the head are where they were."""
    page = visit(viewport=NARROW)
    moved = page.evaluate("""() => [...document.querySelectorAll('.scroll')].flatMap(box => {
      if (box.scrollWidth <= box.clientWidth || !box.offsetParent) return [];
      const label = [...box.querySelectorAll('tbody tr > th:first-child:not([colspan])')].pop();
      const before = label.getBoundingClientRect().left;
      box.scrollLeft = 60;
      return [Math.abs(label.getBoundingClientRect().left - before)];
    })""")
    assert len(moved) > 5
    assert max(moved) < 1


def test_on_paper_every_table_and_fold_is_open_and_fits(visit: Any) -> None:
    page = visit(viewport=PAPER)
    page.emulate_media(media="print")
    shown = page.evaluate(BOXES, "table, details > :not(summary), figure, img, svg[role=img]")
    assert [name for name, _, _, height in shown if height < 10] == []
    assert [name for name, left, right, _ in shown if left < -1 or right > PAPER["width"] + 1] == []
    assert page.evaluate(
        "[...document.querySelectorAll('thead')].every(head => "
        "getComputedStyle(head).display === 'table-header-group' && "
        "getComputedStyle(head).position === 'static')"
    )


def test_a_printed_page_has_every_title_and_what_lies_in_folds(visit: Any, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("a printed page is read with pdftotext (poppler-utils), which is not here")
    page = visit()
    titles = page.evaluate("[...document.querySelectorAll('h2, h3, section[id] > h4')].map(node => node.textContent)")
    folded = page.evaluate("[...document.querySelectorAll('details .id')].map(node => node.textContent)")
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    subprocess.run(["pdftotext", "-raw", tmp_path / "page.pdf", tmp_path / "page.txt"], check=True)
    printed = "".join((tmp_path / "page.txt").read_text().split()).lower()
    # Lines break where they must; the text is compared without spaces.
    missing = [text for text in [*titles, *folded] if "".join(text.split()).lower() not in printed]
    assert missing == []
    assert len(titles) > 20


def test_it_works_without_script(visit: Any) -> None:
    page = visit(viewport=WIDE, java_script_enabled=False)
    fold = page.locator("details:not([open])").first
    body = fold.locator("> :not(summary)").first
    assert not body.is_visible()
    fold.locator("> summary").click()
    assert page.locator("details[open] > :not(summary)").last.is_visible()
    link = page.locator("nav a").last
    target = (link.get_attribute("href") or "").removeprefix("#")
    link.click()
    box = page.locator(f"[id='{target}']").bounding_box()
    assert -10 < box["y"] < WIDE["height"]
