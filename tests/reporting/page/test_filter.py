"""The filter over the findings of the audit's page, in a browser: what it shows, its address, and where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.auditing.output.pages import render_page
from tests.auditing.claims.made_up import EXPECTED
from tests.auditing.output.audits import CANDIDATES, made_up_audit

pytestmark = pytest.mark.xdist_group("browser")
SHOWN = """() => [...document.querySelectorAll("[id^='finding-']")].filter(node => !node.closest("[hidden]"))
  .map(node => node.id.replace("finding-", ""))"""
TOTAL = len(EXPECTED)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the made-up paper, with a claim by another paper on its numbers."""
    folder = tmp_path_factory.mktemp("mine")
    record = made_up_audit(folder, candidates=CANDIDATES)
    (other,) = (finding for finding in record["findings"] if finding["id"] == "digit-short")
    other["paper"] = "other"
    record["counts"]["other"] = dict.fromkeys(record["verdicts"], 0)
    page = folder / "audit.html"
    page.write_text(render_page("audit.html.j2", audit=record, tables_elsewhere=False))
    return page.as_uri()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """A function that opens the page, with what follows its address, in a context of its own."""
    contexts = []
    errors = []

    def opened(fragment: str = "", **options: Any) -> Any:
        contexts.append(browser.new_context(offline=True, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def of(*verdicts: str) -> set[str]:
    return {name for name, verdict in EXPECTED.items() if verdict in verdicts}


def field(page: Any, label: str) -> Any:
    return page.get_by_role("search", name="Filter the findings").get_by_label(label)


def counted(page: Any) -> str:
    return page.get_by_role("status").inner_text()


def test_each_field_narrows_what_is_shown(visit: Any) -> None:
    page = visit()
    assert counted(page) == f"{TOTAL} of {TOTAL} shown"
    field(page, "Verdict").select_option("wording")
    assert set(page.evaluate(SHOWN)) == of("wording")
    assert counted(page) == f"7 of {TOTAL} shown"
    field(page, "Text").fill("SMALLER steps")
    assert page.evaluate(SHOWN) == ["smaller-b-for-more-steps"]
    field(page, "Verdict").select_option("sanity: fails")
    field(page, "Text").fill("")
    assert page.evaluate(SHOWN) == ["exchanged"]
    field(page, "Verdict").select_option("all")
    field(page, "Paper").select_option("other")
    assert page.evaluate(SHOWN) == ["digit-short"]
    field(page, "Paper").select_option("all")
    field(page, "Table").select_option("TOY 3")
    assert set(page.evaluate(SHOWN)) == {"again.none-10", "again.ours-20", "digit-short", "digit-wrong"}
    page.get_by_role("button", name="Show all").click()
    assert len(page.evaluate(SHOWN)) == TOTAL


def test_a_finding_is_found_by_the_cause_above_it(visit: Any) -> None:
    page = visit()
    field(page, "Text").fill("ours gains less")
    assert set(page.evaluate(SHOWN)) == {"printed-gain.20", "wrong-gain"}
    field(page, "Text").fill("ours gains less 3.50")
    assert page.evaluate(SHOWN) == ["wrong-gain"]
    assert page.get_by_role("heading", name="Ours gains less at 20 steps").is_visible()


def test_folds_open_on_what_is_shown_and_are_as_before_afterwards(visit: Any) -> None:
    page = visit()
    folds = page.locator("details:has(.findings)")
    state = "folds => folds.map(fold => [fold.open, fold.hidden])"
    before = folds.evaluate_all(state)
    assert [True, False] in before
    assert [False, False] in before
    field(page, "Text").fill("half")
    assert page.locator("#finding-half").is_visible()
    assert sorted(folds.evaluate_all(state)) == [[False, True]] * (len(before) - 1) + [[True, False]]
    assert page.locator("summary:visible").first.inner_text() == "12 consistent 1 shown"
    field(page, "Text").fill("nothing of the kind")
    assert counted(page) == f"0 of {TOTAL} shown"
    field(page, "Text").fill("")
    assert folds.evaluate_all(state) == before
    assert page.locator(".shown").count() == 0


def test_the_address_holds_the_filter_and_brings_it_back(visit: Any) -> None:
    page = visit()
    field(page, "Verdict").select_option("inconsistent")
    field(page, "Text").fill("50.0 % & more")
    sent = page.evaluate("location.hash")
    field(page, "Text").fill("50.0 %")
    shown = page.evaluate(SHOWN)
    assert shown == ["printed-gain.20"]
    assert sent == "#filter?verdict=inconsistent&text=50.0+%25+%26+more"
    received = visit(page.evaluate("location.hash"))
    assert received.evaluate(SHOWN) == shown
    assert field(received, "Text").input_value() == "50.0 %"
    assert visit(sent).evaluate(SHOWN) == []
    page.get_by_role("button", name="Show all").click()
    assert page.evaluate("location.hash") == ""


def test_an_address_of_nothing_that_there_is_shows_all(visit: Any) -> None:
    for fragment in ("#filter?paper=nobody&table=9&x=y", "#filter?", "#elsewhere", "#%"):
        assert counted(visit(fragment)) == f"{TOTAL} of {TOTAL} shown"


def test_a_link_to_a_finding_that_is_not_shown_shows_it(visit: Any) -> None:
    page = visit("#filter?verdict=wording")
    assert counted(page) == f"7 of {TOTAL} shown"
    page.locator("a.mark.inconsistent").first.click()
    target = page.evaluate("location.hash.slice(1)")
    page.wait_for_function("id => document.getElementById(id).checkVisibility()", arg=target)
    assert counted(page) == f"{TOTAL} of {TOTAL} shown"
    page.evaluate("location.hash = '#filter?verdict=rounding'")
    page.wait_for_function("text => document.querySelector('output').textContent === text", arg=f"3 of {TOTAL} shown")


def test_it_is_used_by_keyboard_and_told_to_screen_readers(visit: Any) -> None:
    page = visit()
    field(page, "Paper").focus()
    reached = []
    for _ in range(5):
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached == ["paper", "table", "verdict", "text", "Show all"]
    field(page, "Text").focus()
    page.keyboard.type("third")
    page.keyboard.press("Enter")
    assert page.evaluate(SHOWN) == ["third"]
    assert page.locator("output").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("fragment", ["", "#filter?verdict=wording"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Any, axe: str, width: int, scheme: str, fragment: str) -> None:
    page = visit(fragment, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.add_style_tag(content=".scroll { background: none !important }")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations)")
    grave = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
    assert grave == []


def test_without_script_no_control_shows_and_nothing_is_hidden(visit: Any) -> None:
    page = visit("#filter?verdict=wording", java_script_enabled=False)
    assert not page.locator("#filter").is_visible()
    assert page.locator("#finding-wrong-gain").is_visible()
    assert page.locator("#finding-always-better").is_visible()


def test_on_paper_there_is_no_filter(visit: Any, address: str) -> None:
    page = visit()
    page.emulate_media(media="print")
    assert not page.locator("#filter").is_visible()
    assert page.locator("#finding-half").is_visible()


def test_candidates_are_shown_whatever_the_filter(visit: Any) -> None:
    page = visit("#filter?verdict=wording")
    section = page.get_by_role("region", name="Worth a look: checks that need no claim")
    assert section.get_by_role("heading", level=4).all_inner_texts() == ["One number twice: 1", "Last digits: 0"]
    assert section.get_by_role("listitem").all_inner_texts() == [
        "6.00 is there <twice> toy/1 [a | b; c] fid; toy/1 [d; e] fid"
    ]


def test_the_report_has_no_script(tmp_path: Path) -> None:
    """The findings stand there too, without filter."""
    section = render_page("audit_section.html.j2", audit=made_up_audit(tmp_path), tables_elsewhere=True)
    assert "finding-wrong-gain" in section
    assert "<form" not in section
    assert "<script" not in section
