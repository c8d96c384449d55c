"""Measured differences of known effects, and what they say of the printed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from stages.sections.cells import Cell
from stages.study.differences import COLUMNS, MIXED, difference_table, verdict_counts
from stages.study.pairs import Pair, Printed
from stages.study.verdicts import ONE_RUN
from tests.study.studies import made_up_score

STEPS = (5, 10, 20)


def cell(fix: str, steps: int, model: str = "adm") -> Cell:
    return Cell(
        model=model, sampler="mine", fix=fix, steps=steps, network="adm", first_stage="pixels", sampler_module="ddim",
        grid_module="uniform", fix_module="none", input=f"models/{model}.safetensors", values={},
    )  # fmt: skip


def pair(changed: Cell, base: Cell, *percents: float, axis: Any = "fix", paper: str = "ts") -> Pair:
    printed = tuple(Printed(f"{paper}-{i + 1}", "cifar10", percent) for i, percent in enumerate(percents))
    names = [getattr(each, axis) for each in (base, changed)]
    return Pair(paper, axis, "fid", base.key, changed.key, names[0], names[1], printed)


def table(
    effect: float,
    *percents: float,
    searched: tuple[str, ...] = (),
    spread: float = 0.05,
    steps: tuple[int, ...] = STEPS,
) -> pd.DataFrame:
    """Differences of a fix that moves an FID of 20 by ``effect`` at every step count."""
    pairs, scores = study(effect, percents, spread, steps)
    return difference_table(pairs, scores, {cell(fix, n).key for fix in searched for n in steps})


def study(
    effect: float, percents: tuple[float, ...], spread: float, steps: tuple[int, ...]
) -> tuple[list[Pair], Mapping[str, Any]]:
    pairs = [pair(cell("moved", n), cell("none", n), *percents) for n in steps]
    values = {"none": 20.0, "moved": 20.0 + effect}
    cells = [cell(fix, n) for n in steps for fix in values]
    return pairs, {each.key: made_up_score(each, values[each.fix], spread) for each in cells}


@pytest.mark.parametrize(
    ("effect", "percents", "searched", "word"),
    [
        (-1, (-10,), (), "replicates"), (-1, (-10, -3), (), "replicates"), (1, (10,), (), "replicates"),
        (1, (-10,), (), "not seen at this setting"), (1, (-10,), ("moved",), "contradicted"),
        (1, (-10,), ("none", "ts"), "not seen at this setting"), (-1, (-10,), ("moved",), "replicates"),
        (-1, (10,), ("moved",), "contradicted"), (-1, (-10, 3), (), MIXED), (1, (-10, 3), ("moved",), MIXED),
        (-1, (0,), (), MIXED),
    ],
)  # fmt: skip
def test_words_of_known_effects(effect: float, percents: Any, searched: Any, word: str) -> None:
    found = table(effect, *percents, searched=searched)
    assert list(found["verdict"]) == [word] * 3
    assert verdict_counts(found) == {word: 3}
    assert (found["p_adjusted"].isna() == (word == MIXED)).all()


def test_noise_is_inconclusive() -> None:
    found = table(0.0, -10, spread=8)
    assert set(found["verdict"]) == {"inconclusive"}
    assert (found["low"] < 0).all()
    assert (found["high"] > 0).all()


def test_a_row_says_what_was_measured_and_printed() -> None:
    found = table(-1.0, -10, -3.05)
    assert list(found.columns) == COLUMNS
    first = found.iloc[0]
    told = ["paper", "tables", "axis", "changed", "base", "model", "sampler", "fix", "steps", "against", "metric", "n"]
    assert first[told].to_dict() == {
        "paper": "ts", "tables": "ts-1 ts-2", "axis": "fix", "changed": "moved", "base": "none", "model": "adm",
        "sampler": "mine", "fix": "moved", "steps": 5, "against": "none", "metric": "fid", "n": 1500,
    }  # fmt: skip
    assert first["printed"] in ("ts-1 cifar10 -10.0; ts-2 cifar10 -3.0", "ts-1 cifar10 -10.0; ts-2 cifar10 -3.1")
    assert first["direction"] == -1
    assert first["difference"] == pytest.approx(-1, abs=0.2)
    assert first["low"] < first["difference"] < first["high"] < 0
    assert first["percent"] == pytest.approx(-5, abs=1)
    assert first["percent_low"] < first["percent"] < first["percent_high"] < 0


def test_percent_is_relative_to_the_base() -> None:
    found = table(-5.0, -10, spread=0.0)
    assert found["difference"].to_numpy() == pytest.approx(-5, abs=1e-9)
    assert found["percent"].to_numpy() == pytest.approx(-25, abs=0.2)
    assert table(5.0, -10, spread=0.0)["percent"].to_numpy() == pytest.approx(25, abs=0.2)


def test_holm_counts_the_step_counts_of_a_family() -> None:
    together = table(-0.03, -10).set_index("steps")["p_adjusted"]
    alone = {n: table(-0.03, -10, steps=(n,))["p_adjusted"].iloc[0] for n in STEPS}
    ranked = sorted(STEPS, key=alone.__getitem__)
    assert together[ranked[0]] == pytest.approx(min(1, 3 * alone[ranked[0]]))
    assert together[ranked[1]] == pytest.approx(min(1, max(3 * alone[ranked[0]], 2 * alone[ranked[1]])))


@pytest.mark.parametrize("other", [{"paper": "es"}, {"metric": "sfid"}])
def test_families_of_other_papers_and_metrics_are_apart(other: dict[str, str]) -> None:
    pairs, scores = study(-0.03, (-10,), 0.05, (5, 10))
    alone = difference_table(pairs[:1], scores, [])["p_adjusted"].iloc[0]
    apart = difference_table([pairs[0], pairs[1]._replace(**other)], scores, [])
    assert apart.set_index("steps")["p_adjusted"][5] == alone


def test_training_variants_have_a_difference_and_no_verdict() -> None:
    base, changed = cell("none", 5), cell("none", 5, model="perturbed")
    scores = {c.key: made_up_score(c, value) for c, value in ((base, 20.0), (changed, 15.0))}
    found = difference_table([pair(changed, base, -10, axis="model", paper="ip")], scores, ["none"]).iloc[0]
    assert (found["verdict"], found["model"], found["against"]) == (ONE_RUN, "perturbed", "adm")
    assert pd.isna(found["p_adjusted"])
    assert found["high"] < 0


def test_rows_are_in_order_whatever_that_of_the_pairs() -> None:
    pairs, scores = study(-1.0, (-10,), 0.05, STEPS)
    first = difference_table(pairs, scores, [])
    assert list(first["steps"]) == [5, 10, 20]
    pd.testing.assert_frame_equal(
        difference_table(pairs[::-1], scores, []).reset_index(drop=True), first.reset_index(drop=True)
    )


def test_no_pairs_are_an_empty_table() -> None:
    found = difference_table([], {}, [])
    assert found.empty
    assert list(found.columns) == COLUMNS
    assert verdict_counts(found) == {}


def test_counts_are_in_the_order_of_the_words() -> None:
    words = [ONE_RUN, "inconclusive", "replicates", MIXED, "inconclusive", "contradicted", "not seen at this setting"]
    found = verdict_counts(pd.DataFrame({"verdict": words}))
    assert list(found.items()) == [
        ("replicates", 1), ("contradicted", 1), ("not seen at this setting", 1), ("inconclusive", 2), (MIXED, 1),
        (ONE_RUN, 1),
    ]  # fmt: skip
