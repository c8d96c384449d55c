"""Claims of the page: a row under each reading that was measured, and what holds under which."""

from __future__ import annotations

from typing import Any

from stages.plan.pairs import Pair, Printed
from stages.reporting.page.content import claim_rows, default_readings
from stages.reporting.results.differences import difference_table, verdict_counts
from stages.reporting.results.headline_numbers import mean_changes
from stages.reporting.results.regenerated import Table
from tests.reporting.results.studies import committed, made_up_score, published, rows_of
from tests.reporting.results.test_differences import FLOOR, cell

STEPS = (20, 50)
PHRASES = {("fix", "es"): "Epsilon Scaling"}


def differences(default: float, small: float | None) -> Any:
    """Of a fix that moves an FID of 20 by ``default``, and by ``small`` under a further reading up to 20 steps."""
    pairs = []
    scores = {}
    for sampler, effect, steps in (("mine", default, STEPS), ("small", small, STEPS[:1])):
        for n in steps if effect is not None else ():
            base, changed = (cell(fix, n).model_copy(update={"sampler": sampler}) for fix in ("none", "es"))
            scores[base.key] = made_up_score(base, 20.0, 0.05)
            scores[changed.key] = made_up_score(changed, 20.0 + effect, 0.05)
            printed = (Printed("es-2", "cifar10", -50.0),)
            reading = "" if sampler == "mine" else "variance small"
            pairs.append(
                Pair(
                    paper="es",
                    axis="fix",
                    metric="fid",
                    base_cell=base.key,
                    changed_cell=changed.key,
                    base="none",
                    changed="es",
                    printed=printed,
                    reading=reading,
                    default_cell=cell("es", n).key,
                )
            )
    return difference_table(pairs, scores, {}, FLOOR)


def rows(default: float, small: float, **names: str) -> list[dict[str, Any]]:
    return claim_rows(differences(default, small), PHRASES, published().papers.metrics, names)


def test_a_claim_has_a_row_under_each_reading_and_tells_what_holds_under_which() -> None:
    first, second = rows(-1.0, 1.0, **{cell("es", 50).key: "variance learned"})
    assert (first["reading"], list(first["cells"])) == ("", [20, 50])
    assert (second["reading"], list(second["cells"]), second["holds"]) == ("variance small", [20], [])
    assert first["holds"] == [
        {"reading": "variance learned", "verdicts": {"same direction": "20 and 50"}},
        {"reading": "variance small", "verdicts": {"opposite at this setting": "20"}},
    ]
    assert rows(-1.0, 1.0)[0]["holds"][0]["reading"] == "default"


def test_a_claim_under_its_default_reading_alone_tells_nothing_more() -> None:
    found = differences(-1.0, 1.0)
    (row,) = claim_rows(found[found["reading"] == ""], PHRASES, published().papers.metrics, {})
    assert row["holds"] == []


def test_counts_and_means_are_those_of_the_default_reading() -> None:
    found = differences(-1.0, 1.0)
    assert verdict_counts(found) == {"same direction": 2}
    assert {name: round(change) for name, change in mean_changes(found).items()} == {"es": -5, "es (variance small)": 5}


def test_a_further_reading_makes_no_verdict_of_the_default_one_stricter() -> None:
    found = differences(-1.0, 1.0)
    default = found[found["reading"] == ""]
    assert default["p_adjusted"].max() >= 2 * default["p"].min() > 0, "adjusted for two step counts"
    assert default.equals(differences(-1.0, None))
    (small,) = found[found["reading"] != ""].to_dict("records")
    assert small["p_adjusted"] == small["p"], "one step count alone"


def test_default_readings_that_have_others_beside_them_are_named() -> None:
    rows = rows_of(committed(), "es-2")
    found = default_readings([Table("es-2", rows, [], [])])
    assert found["adm-ddpm-es-50"] == "variance learned"
    assert found["adm-ddpm-es-100"] == "", "no other was measured"
