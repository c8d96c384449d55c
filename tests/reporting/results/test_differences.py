"""Measured differences of known effects, and what they say of the printed ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages import evaluate, extractor, prepare, reference, sample, train
from stages.config.entries import Cell, Searched
from stages.plan.pairs import Pair, Printed
from stages.plan.plan_file import read_cells
from stages.reporting.results.differences import (
    COLUMNS,
    MIXED,
    NOT_PUBLISHED,
    NOT_SEARCHED,
    ONE_RUN,
    HolmStep,
    difference_table,
    holm,
    over_runs,
    poor_models,
    verdict,
    verdict_counts,
    verdict_text,
)
from stages.reporting.results.headline_numbers import mean_floor
from stages.scoring.intervals import Estimate
from stages.store.paths import REFERENCE_RECORD, scores_path
from stages.store.records import Distance, ReferenceRecord, ScoreRecord, read_record
from tests.reporting.results.studies import made_up_score
from tests.toy import toy_params, write_study

STEPS = (5, 10, 20)
# The mean FID of real images against one another: bases of 20 are within ten times it.
FLOOR = 5.0


def cell(fix: str, steps: int, model: str = "adm") -> Cell:
    return Cell(
        model=model,
        sampler="mine",
        fix=fix,
        steps=steps,
        network="adm",
        autoencoder="pixels",
        sampler_module="ddim",
        grid_module="uniform",
        fix_module="none",
        input=f"models/{model}.safetensors",
        values={},
    )


def pair(changed: Cell, base: Cell, *percents: float, axis: Any = "fix", paper: str = "ts") -> Pair:
    printed = tuple(Printed(f"{paper}-{i + 1}", "cifar10", percent) for i, percent in enumerate(percents))
    names = [getattr(each, axis) for each in (base, changed)]
    return Pair(paper, axis, "fid", base.key, changed.key, names[0], names[1], printed)


def search(**places: Any) -> Searched:
    """A search whose best values lie in these places."""
    return Searched(values=dict.fromkeys(places, 1), places=places, settings="", trials=[])


def table(
    effect: float,
    *percents: float,
    searched: tuple[str, ...] = (),
    spread: float = 0.05,
    steps: tuple[int, ...] = STEPS,
    floor: float | None = FLOOR,
    places: dict[str, str] | None = None,
) -> pd.DataFrame:
    """Differences of a fix that moves an FID of 20 by ``effect`` at every step count."""
    pairs, scores = study(effect, percents, spread, steps)
    found = search(**(places or {"window": "inside"}))
    return difference_table(pairs, scores, {cell(fix, n).key: found for fix in searched for n in steps}, floor)


def study(
    effect: float, percents: tuple[float, ...], spread: float, steps: tuple[int, ...]
) -> tuple[list[Pair], Mapping[str, ScoreRecord]]:
    pairs = [pair(cell("moved", n), cell("none", n), *percents) for n in steps]
    values = {"none": 20.0, "moved": 20.0 + effect}
    cells = [cell(fix, n) for n in steps for fix in values]
    return pairs, {each.key: made_up_score(each, values[each.fix], spread) for each in cells}


@pytest.mark.parametrize(
    ("effect", "percents", "searched", "word", "text"),
    [
        (-1, (-10,), (), "same direction", "same direction"),
        (-1, (-10, -3), (), "same direction", "same direction"),
        (1, (10,), (), "same direction", "same direction"),
        (1, (-10,), (), "opposite", "opposite at this setting"),
        (1, (-10,), ("moved",), "opposite", "opposite"),
        (1, (-10,), ("none", "ts"), "opposite", "opposite at this setting"),
        (-1, (-10,), ("moved",), "same direction", "same direction"),
        (-1, (10,), ("moved",), "opposite", "opposite"),
        (-1, (-10, 3), (), MIXED, MIXED),
        (1, (-10, 3), ("moved",), MIXED, MIXED),
        (-1, (0,), (), MIXED, MIXED),
    ],
)
def test_words_of_known_effects(effect: float, percents: Any, searched: Any, word: str, text: str) -> None:
    found = table(effect, *percents, searched=searched)
    assert list(found["verdict"]) == [word] * 3
    assert [verdict_text(row) for row in found.to_dict("records")] == [text] * 3
    assert verdict_counts(found) == {word: 3}
    assert (found["p_adjusted"].isna() == (word == MIXED)).all()


@pytest.mark.parametrize(
    ("places", "at"),
    [
        ({"window": "inside", "cutoff": "inside"}, ""),
        ({"window": "off", "cutoff": "inside"}, "at the best window tried"),
        ({"window": "lower edge", "cutoff": "upper edge"}, "at the best window and cutoff tried"),
        ({"b": "below the range"}, "at the best b tried"),
    ],
)
def test_an_opposite_difference_at_the_edge_of_a_search_is_so_at_the_best_value_tried(places: Any, at: str) -> None:
    found = table(1, -10, searched=("moved",), places=places)
    assert set(found["verdict"]) == {"opposite"}
    assert set(found["at"]) == {at}
    assert {verdict_text(row) for row in found.to_dict("records")} == {f"opposite {at}".strip()}
    same = table(-1, -10, searched=("moved",), places=places)
    assert {verdict_text(row) for row in same.to_dict("records")} == {"same direction"}


def test_noise_is_undecided() -> None:
    found = table(0.0, -10, spread=8)
    assert set(found["verdict"]) == {"undecided"}
    assert (found["low"] < 0).all()
    assert (found["high"] > 0).all()


@pytest.mark.parametrize(("floor", "word"), [(2.1, "opposite"), (1.9, "base too poor"), (None, "opposite")])
def test_a_model_far_from_real_images_gives_no_verdict(floor: float | None, word: str) -> None:
    """Its best FID is 20, in the cells without the fix; ten times 1.9 is less, ten times 2.1 is more."""
    found = table(1, -10, searched=("moved",), floor=floor)
    assert set(found["verdict"]) == {word}
    assert (found["p_adjusted"].isna() == (word == "base too poor")).all()
    assert verdict_counts(found) == {word: 3}


def test_the_best_cell_of_a_model_tells_how_well_it_is_trained() -> None:
    cells = [cell("none", 5), cell("none", 100), cell("none", 5, model="untrained")]
    scores = {each.key: made_up_score(each, value) for each, value in zip(cells, (300.0, 8.0, 205.0), strict=True)}
    assert poor_models(scores, FLOOR) == {"untrained"}
    assert poor_models(scores, None) == set()


def test_a_network_of_100_iterations_is_a_base_too_poor(project: Path) -> None:
    """Of its 2,000: what it draws is about as far from real images as noise is."""
    params = toy_params()
    params["grid"] |= {"models": ["adm"], "samplers": ["ddim"], "fixes": ["none"], "steps": [10]}
    params["extractor"] |= {"epochs": 20, "min_accuracy": 0.9}
    params["adm-recipe"] |= {"iterations": 100, "batch_size": 64}
    params["sample"]["n"] = 500
    write_study(params)
    for stage in (prepare, extractor, reference):
        stage.run()
    train.run("adm")
    (key,) = read_cells().sample
    sample.run(key)
    evaluate.run(key)
    score = read_record(scores_path(key), ScoreRecord)
    floor = mean_floor(read_record(REFERENCE_RECORD, ReferenceRecord))
    assert poor_models({key: score}, floor) == {"adm"}


def test_a_row_says_what_was_measured_and_printed() -> None:
    found = table(-1.0, -10, -3.05)
    assert list(found.columns) == COLUMNS
    first = found.iloc[0]
    told = ["paper", "tables", "axis", "changed", "base", "model", "sampler", "fix", "steps", "against", "metric", "n"]
    assert first[told].to_dict() == {
        "paper": "ts",
        "tables": "ts-1 ts-2",
        "axis": "fix",
        "changed": "moved",
        "base": "none",
        "model": "adm",
        "sampler": "mine",
        "fix": "moved",
        "steps": 5,
        "against": "none",
        "metric": "fid",
        "n": 1500,
    }
    assert first["printed"] in ("ts-1 cifar10 -10.0; ts-2 cifar10 -3.0", "ts-1 cifar10 -10.0; ts-2 cifar10 -3.1")
    assert first["direction"] == -1
    assert (first["base_score"], first["score"], first["difference"], first["percent"]) == (20, 19, -1, -5)
    assert first["low"] < first["difference"] < first["high"] < 0
    assert first["percent_low"] < first["percent"] < first["percent_high"] < 0
    assert (first["verdict"], first["at"]) == ("same direction", NOT_SEARCHED)


def test_differences_and_percentages_recompute_from_the_scores() -> None:
    """The interval in percent is that of the difference, whose verdict it shows."""
    found = table(-5.0, -10, spread=8)
    base = found["base_score"]
    assert found["difference"].to_numpy() == pytest.approx((found["score"] - base).to_numpy(), abs=1e-12)
    for column, percent in (("difference", "percent"), ("low", "percent_low"), ("high", "percent_high")):
        assert found[percent].to_numpy() == pytest.approx((100 * found[column] / base).to_numpy())


@pytest.mark.parametrize("effect", [0.0, -0.01, -0.02, -0.03, -0.05, -1.0])
@pytest.mark.parametrize("spread", [0.02, 0.05])
def test_the_interval_shown_is_the_one_that_decides(effect: float, spread: float) -> None:
    found = table(effect, -10, spread=spread)
    excludes = (found["low"] > 0) | (found["high"] < 0)
    assert list(excludes) == list(found["p_adjusted"] < 0.05)
    assert list(excludes) == list(found["verdict"] != "undecided")
    assert list(excludes) == list((found["percent_low"] > 0) | (found["percent_high"] < 0))


def test_holm_counts_the_step_counts_of_a_family() -> None:
    together = table(-0.03, -10).set_index("steps")["p_adjusted"]
    alone = {n: table(-0.03, -10, steps=(n,))["p_adjusted"].iloc[0] for n in STEPS}
    ranked = sorted(STEPS, key=alone.__getitem__)
    assert together[ranked[0]] == pytest.approx(min(1, 3 * alone[ranked[0]]))
    assert together[ranked[1]] == pytest.approx(min(1, max(3 * alone[ranked[0]], 2 * alone[ranked[1]])))


@pytest.mark.parametrize("other", [{"paper": "es"}, {"metric": "sfid"}])
def test_families_of_other_papers_and_metrics_are_apart(other: dict[str, str]) -> None:
    pairs, scores = study(-0.03, (-10,), 0.05, (5, 10))
    alone = difference_table(pairs[:1], scores, {}, FLOOR)["p_adjusted"].iloc[0]
    apart = difference_table([pairs[0], pairs[1]._replace(**other)], scores, {}, FLOOR)
    assert apart.set_index("steps")["p_adjusted"][5] == alone


def test_training_variants_have_a_difference_and_no_verdict() -> None:
    base = cell("none", 5)
    changed = cell("none", 5, model="perturbed")
    scores = {c.key: made_up_score(c, value) for c, value in ((base, 20.0), (changed, 15.0))}
    found = difference_table([pair(changed, base, -10, axis="model", paper="ip")], scores, {}, FLOOR).iloc[0]
    assert (found["verdict"], found["model"], found["against"]) == (ONE_RUN, "perturbed", "adm")
    assert pd.isna(found["p_adjusted"])
    assert found["high"] < 0


def trained(effects: Mapping[int, tuple[float, ...]], percent: float = -10) -> pd.DataFrame:
    """Differences of a variant of training, by step count the difference on each of its seeds."""
    pairs = []
    scores = {}
    for steps, by_seed in effects.items():
        runs = []
        for seed, effect in enumerate(by_seed):
            base, changed = (cell("none", steps, f"{model}{seed}") for model in ("adm", "perturbed"))
            same = made_up_score(base, 20.0)
            replicates = [each + effect for each in same.fid.replicates]
            moved = Distance(value=20.0 + effect, margin=0.4, replicates=replicates)
            scores |= {base.key: same, changed.key: same.model_copy(update={**changed.axes, "fid": moved})}
            runs.append((base, changed))
        first = pair(runs[0][1], runs[0][0], percent, axis="model", paper="ip")
        repeats = tuple((base.key, changed.key) for base, changed in runs[1:])
        pairs.append(first._replace(base="adm", changed="perturbed", repeats=repeats))
    searches = dict.fromkeys(scores, search(b="inside"))
    return difference_table(pairs, scores, searches, FLOOR).set_index("steps")


def test_three_training_seeds_have_the_t_interval_of_their_mean_by_hand() -> None:
    """Mean -2, s = 1: t(2) at 97.5 % is 4.3027, times 1 / sqrt(3) is 2.4841; t = -2 sqrt(3) has p = 0.0742."""
    found = trained({5: (-1.0, -2.0, -3.0)}).loc[5]
    assert found["seeds"] == 3
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((-2, -4.4841, 0.4841), abs=1e-4)
    assert (found["p_adjusted"], found["verdict"]) == (pytest.approx(0.07418, abs=1e-5), "undecided")
    assert found["percent"] == pytest.approx(-10)
    assert (found["percent_low"], found["percent_high"]) == pytest.approx((-22.42, 2.42), abs=0.001)


@pytest.mark.parametrize(
    ("effects", "percent", "word"),
    [
        ((-2.0, -2.1, -1.9), -10, "same direction"),
        ((2.0, 2.1, 1.9), 10, "same direction"),
        # Its cells were searched for, which is of a fix: nobody searched how to train here.
        ((2.0, 2.1, 1.9), -10, "opposite"),
        ((2.0, -2.1, 1.9), -10, "undecided"),
        ((-2.0, -2.1, -1.9), 0, MIXED),
        ((-2.0, -2.1), -10, "two training seeds"),
        ((-2.0,), -10, ONE_RUN),
    ],
)
def test_words_of_known_effects_of_training(effects: tuple[float, ...], percent: float, word: str) -> None:
    found = trained({5: effects}, percent)
    assert list(found["verdict"]) == [word]
    assert found["p_adjusted"].isna().all() == (word in (MIXED, "two training seeds", ONE_RUN))
    assert verdict_counts(found) == {word: 1}


def test_holm_counts_the_step_counts_that_have_seeds_enough() -> None:
    seeds = (-1.0, -2.0, -3.0)
    found = trained({5: seeds, 10: (-1.0,), 20: (-5.0, -5.1, -4.9), 50: (-1.0, -1.2)})
    assert list(found["seeds"]) == [3, 1, 3, 2]
    assert list(found["verdict"]) == ["undecided", ONE_RUN, "same direction", "two training seeds"]
    alone = {n: trained({n: effects})["p_adjusted"][n] for n, effects in ((5, seeds), (20, (-5.0, -5.1, -4.9)))}
    assert found["p_adjusted"][20] == pytest.approx(2 * alone[20])
    assert found["p_adjusted"][5] == alone[5]
    assert trained({10: (-1.0,)}).loc[10].equals(found.loc[10]), "one run is judged as if it were alone"


def runs_of(groups: np.ndarray) -> list[tuple[Distance, Distance]]:
    """A base without scatter and a changed score whose groups [K, g] of noise give these means."""
    rest = (groups.sum(1, keepdims=True) - groups) / (groups.shape[1] - 1)
    base = Distance(value=0.0, margin=0.0, replicates=[0.0] * groups.shape[1])
    return [
        (base, Distance(value=own.mean(), margin=0.0, replicates=left.tolist()))
        for own, left in zip(groups, rest, strict=True)
    ]


def test_noise_that_all_seeds_share_counts_by_its_jackknife_error() -> None:
    """Groups -1, 0, 1 have mean 0 and error s / sqrt(3) = 1 / sqrt(3); runs at 1, 2, 3 another 1 / sqrt(3)."""
    shared = np.array([-1.0, 0.0, 1.0])
    found = over_runs(runs_of(np.array([1 + shared, 2 + shared, 3 + shared])))
    assert (found.value, found.error, found.freedom) == pytest.approx((2, (2 / 3) ** 0.5, 2))
    same = over_runs(runs_of(np.array([1 + shared] * 3)))
    assert same.error == pytest.approx(1 / 3**0.5), "runs that agree do not take the noise away"
    assert over_runs(runs_of(np.ones((3, 3)))) == Estimate(1, 0, 2)


@pytest.mark.parametrize(("training", "shared", "own"), [(1.0, 0.0, 0.0), (0.5, 1.0, 1.0), (0.0, 1.0, 1.0)])
def test_the_interval_over_seeds_covers_the_true_difference(training: float, shared: float, own: float) -> None:
    """Three runs around -0.5 and ten groups of noise, of which all runs share a part. 500 studies."""
    rng = np.random.RandomState(0)
    covered = []
    for _ in range(500):
        noise = shared * rng.standard_normal((1, 10)) + own * rng.standard_normal((3, 10))
        low, high = over_runs(runs_of(-0.5 + training * rng.standard_normal((3, 1)) + noise)).interval()
        covered.append(low <= -0.5 <= high)
    # Standard error of a coverage of 95 % over 500 trials: 1 %; three of them. With noise it is more than asked for.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03) if not shared else np.mean(covered) > 0.95


def test_rows_are_in_order_whatever_that_of_the_pairs() -> None:
    pairs, scores = study(-1.0, (-10,), 0.05, STEPS)
    first = difference_table(pairs, scores, {}, FLOOR)
    assert list(first["steps"]) == [5, 10, 20]
    pd.testing.assert_frame_equal(
        difference_table(pairs[::-1], scores, {}, FLOOR).reset_index(drop=True), first.reset_index(drop=True)
    )


def test_a_pair_that_no_paper_prints_has_an_interval_and_neither_verdict_nor_family() -> None:
    pairs, scores = study(-0.03, (-10,), 0.05, STEPS)
    alone = difference_table(pairs[:1], scores, {}, FLOOR)
    own = [found._replace(paper="", printed=()) for found in pairs[1:]]
    found = difference_table([*own, *pairs[:1]], scores, {}, FLOOR)
    assert list(found["steps"]) == [5, 10, 20], "after the published ones"
    pd.testing.assert_frame_equal(found.iloc[:1], alone)
    assert set(found.iloc[1:]["verdict"]) == {NOT_PUBLISHED}
    assert found.iloc[1:]["p_adjusted"].isna().all()
    assert (found["high"] - found["low"] > 0).all()
    assert list(found["printed"]) == ["ts-1 cifar10 -10.0", "", ""]
    assert sum(verdict_counts(found).values()) == 1
    assert found["p_adjusted"].dtype == float, "written with six digits"


def test_no_pairs_are_an_empty_table() -> None:
    found = difference_table([], {}, {}, FLOOR)
    assert found.empty
    assert list(found.columns) == COLUMNS
    assert verdict_counts(found) == {}


def test_counts_are_in_the_order_of_the_words() -> None:
    words = [
        "two training seeds",
        ONE_RUN,
        "undecided",
        "base too poor",
        "same direction",
        MIXED,
        "undecided",
        "opposite",
    ]
    found = verdict_counts(pd.DataFrame({"verdict": words, "reading": ""}))
    assert list(found.items()) == [
        ("same direction", 1),
        ("opposite", 1),
        ("undecided", 2),
        ("base too poor", 1),
        (MIXED, 1),
        (ONE_RUN, 1),
        ("two training seeds", 1),
    ]


def test_holm_matches_its_definition() -> None:
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert [step.p for step in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [step.divisor for step in found] == [3, 2, 2, 4], "it stops at 0.03, tested at 0.05 / 2"
    assert holm([0.6, 0.9]) == [HolmStep(1, 2), HolmStep(1, 2)]
    assert holm([0.01]) == [HolmStep(0.01, 1)]
    assert [step.divisor for step in holm([0.001, 0.002, 0.003])] == [3, 2, 1]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("difference", "p", "printed", "expected"),
    [
        (-1, 0.01, -1, "same direction"),
        (-1, 0.2, -1, "undecided"),
        (1, 0.01, -1, "opposite"),
        (1, 0.05, -1, "undecided"),
        (1, 0.01, 1, "same direction"),
        (-1, 0.01, 1, "opposite"),
    ],
)
def test_verdicts(difference: float, p: float, printed: int, expected: str) -> None:
    assert verdict(difference, p, printed) == expected
