"""What the report's page shows, in values that a template can take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd
from markupsafe import Markup

from stages.auditing.tables.rows import Metric
from stages.config.entries import Cell, Searched
from stages.config.params import Params
from stages.plan.published_tables import Published, PublishedMethod
from stages.plan.result_files import Times
from stages.reporting.figures.figure_states import FigureState, figure_counts, figure_groups
from stages.reporting.page.table_blocks import block_layout
from stages.reporting.plots.diagnosis_plot import GROUPS, diagnosis_plot, diagnosis_summary
from stages.reporting.plots.fid_plots import fid_against_steps
from stages.reporting.plots.forest import forest_plot
from stages.reporting.plots.search_plot import search_plot
from stages.reporting.results.differences import (
    FAMILY,
    NOT_PUBLISHED,
    UNJUDGED,
    verdict_counts,
    verdict_text,
)
from stages.reporting.results.headline_numbers import floor_fid
from stages.reporting.results.measurements import metric_names
from stages.reporting.results.provenance import Results
from stages.reporting.results.regenerated import Table, distinct_scores
from stages.reporting.results.search_trials import curves, place_counts, searched_settings
from stages.store.records import ModelRecord, SampleRecord

BETTER = "lower here"
WORSE = "higher here"
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Report:
    """A study as its page shows it: what was read, and the tables that were computed from it.

    ``searched`` holds the searches that are still valid, by cell; ``environments`` the devices and versions that the
    cells were sampled with.
    """

    params: Params
    cells: Mapping[str, Cell]
    published: Published
    audit: Mapping[str, Any]
    results: Results
    times: Times
    searched: Mapping[str, Searched]
    environments: Sequence[Mapping[str, Any]]
    scores: pd.DataFrame
    differences: pd.DataFrame
    tables: Sequence[Table]
    diagnosis: pd.DataFrame
    iterations: pd.DataFrame
    figures: Sequence[FigureState]


def page_context(report: Report) -> dict[str, Any]:
    """Return the variables of the page's template; equal reports give equal variables."""
    params = report.params
    results = report.results
    published = report.published
    differences = report.differences
    in_papers = differences[differences["verdict"] != NOT_PUBLISHED]
    unpublished = differences[differences["verdict"] == NOT_PUBLISHED]
    metrics = published.papers.metrics
    phrases = method_phrases(published.methods)
    forest = forest_rows(differences, phrases)
    # The main chains, which have all measures.
    main = report.diagnosis[report.diagnosis["steps"] == params.diagnose.steps[0]]
    drawn = main[main["model"].isin(one_model_per_network(results.models))]
    return {
        "params": params,
        "results": results,
        "audit": report.audit,
        "papers": paper_names(report),
        "headline": headline(report),
        "coverage": coverage_map(report),
        "forest": Markup(forest_plot(forest)) if len(forest) else "",
        "claims": claim_rows(in_papers, phrases, metrics, default_readings(report.tables)),
        "claim_steps": sorted(in_papers["steps"].unique()),
        "unpublished": unpublished_rows(unpublished, metrics),
        "unpublished_steps": sorted(unpublished["steps"].unique()),
        "sections": table_sections(report),
        "explained": next((planned.row for table in report.tables for planned in table.rows if planned.cell), None),
        "below_floor": int(report.scores["below_floor"].sum()),
        "fid_plot": Markup(fid_against_steps(report.scores)),
        "searches": search_plots(report),
        "search_places": place_counts(report.searched),
        "timings": timing_rows(report.times, report.cells),
        "timed_on": report.times.environment,
        "diagnoses": [(group, Markup(diagnosis_plot(drawn, group))) for group in GROUPS] if len(drawn) else [],
        "diagnosis_summary": diagnosis_summary(main),
        "figures": figure_sections(report),
        "images": image_rows(report.cells, drawn_cells(report.figures)),
        "settings": sampled_settings(results.samples),
        # All cells have equal settings of these.
        "sample": next(iter(results.samples.values())),
        "score": next(iter(results.scores.values())),
        "metrics": metric_names(results.scores.values()),
        "environments": report.environments,
    }


def method_phrases(methods: Sequence[PublishedMethod]) -> dict[tuple[str, str], str]:
    """Return the names of published methods within a sentence, by axis and coordinate."""
    return {(method.axis, method.name): method.phrase for method in methods}


def paper_names(report: Report) -> dict[str, Any]:
    """Return how the papers of the tables are named: their count in words, and their names as a list in words."""
    papers = list(dict.fromkeys(table.rows[0].row.paper for table in report.tables))
    publications = report.published.publications
    names = [publications[paper].name if paper in publications else paper.upper() for paper in papers]
    count = COUNTS[len(papers)] if len(papers) < len(COUNTS) else str(len(papers))
    return {
        "count": f"{count} paper{'' if len(papers) == 1 else 's'}",
        "names": in_words(names),
    }


def in_words(names: Sequence[str]) -> str:
    """Return a list within a sentence: commas, and 'and' before the last."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def headline(report: Report) -> dict[str, Any]:
    """Return the numbers of the page's first sentence, and of the tiles below it."""
    dataset = report.results.dataset
    counts = verdict_counts(report.differences)
    judged = {word: count for word, count in counts.items() if word not in UNJUDGED}
    differences = report.differences
    rows = differences[differences["verdict"].isin(judged) & (differences["reading"] == "")]
    compared = set(zip(rows["axis"], rows["changed"], strict=True))
    phrases = [m.phrase for m in report.published.methods if (m.axis, m.name) in compared]
    return {
        "dataset": dataset.dataset,
        "shape": dataset.shape,
        "measured": sum(table.counts["measured"] for table in report.tables),
        "scores": distinct_scores(report.tables),
        "published": sum(len(table.rows) for table in report.tables),
        "tables": len(report.tables),
        "filled": sum(table.coverage in ("measured", "partly") for table in report.tables),
        "figures": figure_counts(report.figures),
        "judged": sum(judged.values()),
        "judged_methods": in_words(phrases),
        "verdicts": judged,
        "unjudged": {word: counts[word] for word in UNJUDGED if word in counts},
    }


def coverage_map(report: Report) -> list[dict[str, Any]]:
    """Return the papers, each with its citation and the coverage of its tables."""
    publications = report.published.publications
    titles = report.published.titles
    return [
        {
            "paper": paper,
            "citation": publications[paper].citation if paper in publications else "",
            "tables": [_coverage(table, titles) for table in group],
        }
        for paper, group in groupby(report.tables, key=lambda table: table.rows[0].row.paper)
    ]


def _coverage(table: Table, titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    row = table.rows[0].row
    counts = table.counts
    return {
        "anchor": f"{row.paper}-table-{row.table}",
        "table": row.table,
        "coverage": table.coverage,
        "title": titles.get((row.paper, row.table), row.where),
        "measured": counts["measured"],
        "settings": counts["setting"],
        "published": len(table.rows),
        "lost": counts["lost"],
    }


def figure_sections(report: Report) -> list[dict[str, Any]]:
    """Return the papers that have figures, each with its citation and its figures."""
    publications = report.published.publications
    papers = dict.fromkeys(each.figure.paper for each in report.figures)
    return [
        {
            "paper": paper,
            "name": publications[paper].name if paper in publications else paper.upper(),
            "figures": figure_groups(report.figures, paper),
        }
        for paper in papers
    ]


def drawn_cells(figures: Sequence[FigureState]) -> set[str]:
    """Return the cells whose images are shown as a figure of a paper."""
    return {key for each in figures if each.drawing for key in each.drawing.cells}


def table_sections(report: Report) -> list[dict[str, Any]]:
    """Return a section per published table: its parts as printed, the study's block, reasons, readings and verdicts."""
    differences = report.differences
    floor = floor_fid(report.results.reference)
    sections = []
    for table in report.tables:
        coverage = _coverage(table, report.published.titles)
        # Of type bool even if there are no differences.
        of_table = pd.Series([table.id in ids.split() for ids in differences["tables"]], differences.index, dtype=bool)
        pairs = differences[of_table]
        words = {(pair["cell"], pair["metric"]): verdict_word(pair) for pair in pairs.to_dict("records")}
        readings = {
            (reading.use, reading.setting, reading.value, reading.reason): reading
            for planned in table.rows
            for reading in planned.readings
        }
        metrics = report.published.papers.metrics
        beside = {
            name: block_layout(table._replace(block=list(numbers)), metrics, words, floor)
            for name, numbers in groupby(table.beside, key=lambda number: number.reading)
        }
        sections.append(
            {
                **coverage,
                "id": table.id,
                "paper": table.rows[0].row.paper,
                "parts": [part for part in report.audit["tables"] if part["anchor"] == coverage["anchor"]],
                "block": block_layout(table, metrics, words, floor),
                "beside": beside,
                "reasons": table.reasons,
                "readings": list(readings.values()),
                "verdicts": dict(
                    Counter(verdict_text(pair) for pair in pairs[pairs["reading"] == ""].to_dict("records"))
                ),
            }
        )
    return sections


def verdict_word(pair: Mapping[Any, Any]) -> str:
    """Return the verdict of a published pair, or the direction of the score for one without a verdict."""
    if pair["verdict"] not in UNJUDGED:
        return verdict_text(pair)
    if pair["low"] <= 0 <= pair["high"]:
        return "undecided"
    return BETTER if pair["difference"] < 0 else WORSE


def claim_rows(
    differences: pd.DataFrame,
    phrases: Mapping[tuple[str, str], str],
    metrics: Mapping[str, Metric],
    defaults: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return a row per claim and reading, a statement over several step counts, with its differences by step count.

    A claim under its default readings comes first and tells its verdicts under all of them, if there are others.

    Args:
        differences: the published pairs.
        phrases: the names of methods within a sentence.
        metrics: the metrics of published tables.
        defaults: the names of the default readings that have others beside them, by cell.
    """
    found: dict[tuple[Any, ...], list[pd.DataFrame]] = {}
    cells: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for _, family in differences.groupby(FAMILY, sort=False):
        pair = family.iloc[0]
        # A claim has one family under the default readings, whose cells its families under others name.
        if not pair["reading"]:
            claim = tuple(pair[name] for name in FAMILY)
            cells |= {_of_claim(row): claim for row in family.to_dict("records")}
            found[claim] = [family]
    for _, family in differences[differences["reading"] != ""].groupby(FAMILY, sort=False):
        found[cells[_of_claim(dict(family.iloc[0]))]].append(family)
    rows = []
    for families in found.values():
        under = [_verdicts_under(family, defaults) for family in families]
        for place, family in enumerate(families):
            reading = family["reading"].iloc[0]
            rows.append(
                {
                    "paper": family["paper"].iloc[0],
                    "tables": list(dict.fromkeys(" ".join(family["tables"]).split())),
                    "statement": statement(family, phrases, metrics),
                    "reading": reading,
                    "holds": under if len(under) > 1 and place == 0 else [],
                    "cells": {int(row["steps"]): row for row in _with_text(family)},
                }
            )
    return rows


def _with_text(family: pd.DataFrame) -> list[dict[Any, Any]]:
    return [row | {"text": verdict_text(row)} for row in family.to_dict("records")]


def _of_claim(pair: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return what tells the pair of a claim under every reading."""
    return tuple(pair[name] for name in ("paper", "axis", "changed", "base", "metric", "default_cell"))


def _verdicts_under(family: pd.DataFrame, defaults: Mapping[str, str]) -> dict[str, Any]:
    """Return the name of a claim's reading, and the step counts of each of its verdicts there."""
    steps: dict[str, list[int]] = {}
    for row in family.to_dict("records"):
        steps.setdefault(verdict_text(row), []).append(int(row["steps"]))
    default = next((defaults[cell] for cell in family["cell"] if defaults.get(cell)), "default")
    return {
        "reading": family["reading"].iloc[0] or default,
        "verdicts": {word: in_words(list(map(str, found))) for word, found in steps.items()},
    }


def default_readings(tables: Sequence[Table]) -> dict[str, str]:
    """Return the names of the default readings that others were measured beside, by the cells that are read so."""
    found: dict[str, dict[str, None]] = {}
    for table in tables:
        for planned in table.rows:
            settings = {under.reading.setting for under in planned.beside if under.cell}
            names = (r.name for r in planned.readings if r.use == "default" and r.setting in settings)
            if planned.cell:
                found.setdefault(planned.cell, {}).update(dict.fromkeys(names))
    return {cell: ", ".join(names) for cell, names in found.items()}


def statement(family: pd.DataFrame, phrases: Mapping[tuple[str, str], str], metrics: Mapping[str, Metric]) -> str:
    """Return the statement of a paper that a family of pairs is about."""
    pair = family.iloc[0]
    phrase = phrases[pair["axis"], pair["changed"]]
    name = phrase[0].upper() + phrase[1:]
    directions = set(family["direction"])
    verb = "lowers"
    if 1 in directions:
        verb = "lowers or raises" if -1 in directions else "raises"
    base = phrases.get((pair["axis"], pair["base"]))
    against = f" further than {base}" if base else ""
    # A variant of training names the model itself.
    model = "" if pair["axis"] == "model" else f", {pair['model']}"
    return f"{name} {verb} {metrics[pair['metric']].heading} of {pair['sampler']}{model}{against}"


def unpublished_rows(differences: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """Return a row per fix or model, sampler and base that no paper compares, with its differences by step count."""
    rows = []
    for _, family in differences.groupby(FAMILY, sort=False):
        pair = family.iloc[0]
        # A fix has been changed for the model, a model for the fix.
        same = pair["model"] if pair["axis"] == "fix" else pair["fix"]
        heading = metrics[pair["metric"]].heading
        rows.append(
            {
                "paper": "",
                "tables": [],
                "statement": f"{pair['changed']} against {pair['base']}: {heading} of {pair['sampler']}, {same}",
                "reading": pair["reading"],
                "holds": [],
                "cells": {int(row["steps"]): row for row in _with_text(family)},
            }
        )
    return rows


def forest_rows(differences: pd.DataFrame, phrases: Mapping[tuple[str, str], str]) -> pd.DataFrame:
    """Return the differences of FID as the forest plot takes them."""
    rows = []
    for pair in differences.to_dict("records"):
        if pair["metric"] != "fid":
            continue
        label = f"{pair['changed']}: {pair['model']}, {pair['sampler']}"
        if (pair["axis"], pair["base"]) in phrases:
            label += f" (against {pair['base']})"
        if pair["seeds"] > 1:
            label += f", {pair['seeds']} seeds"
        if pair["reading"]:
            label += f", {pair['reading']}"
        rows.append(
            {
                "group": pair["paper"] or NOT_PUBLISHED,
                "label": label,
                "steps": pair["steps"],
                "relative": pair["percent"],
                "low": pair["percent_low"],
                "high": pair["percent_high"],
                "verdict": verdict_text(pair) if pair["paper"] else "",
                "published": [float(text.split()[-1]) for text in pair["printed"].split("; ") if text],
            }
        )
    return pd.DataFrame(rows)


def search_plots(report: Report) -> dict[str, Markup]:
    """Return a plot of the trials of each setting that was searched for."""
    found = {name: list(curves(report.searched, report.cells, name)) for name in searched_settings(report.searched)}
    return {name: Markup(search_plot(each, name)) for name, each in found.items() if each}


def one_model_per_network(models: Mapping[str, ModelRecord]) -> list[str]:
    """Return the first model of each kind of network."""
    found: dict[str, str] = {}
    for name, record in models.items():
        found.setdefault(record.training["network"]["method"], name)
    return list(found.values())


def sampled_settings(samples: Mapping[str, SampleRecord]) -> list[tuple[str, dict[str, Any]]]:
    """Return the name of each sampler and fix with the values that its cells were sampled with."""
    found = {sample.sampler: sample.sampler_params for sample in samples.values()}
    found |= {sample.fix: sample.fix_params for sample in samples.values()}
    return list(found.items())


def timing_rows(times: Times, cells: Mapping[str, Cell]) -> list[dict[str, Any]]:
    """Return a row per cell with a fix that was timed beside the cell without one: axes, both times, the overhead."""
    rows = []
    for key, timed in times.cells.items():
        if key not in cells or timed.overhead is None:
            continue
        base = cells[key].model_copy(update={"fix": "none"}).key
        rows.append(
            {
                **cells[key].axes,
                "base": times.cells[base].ms,
                "ms": timed.ms,
                "overhead": timed.overhead,
                "rounds": timed.rounds,
            }
        )
    return sorted(rows, key=lambda row: (row["model"], row["sampler"], row["steps"]))


def image_rows(cells: Mapping[str, Cell], drawn: Collection[str]) -> list[dict[str, Any]]:
    """Return which cells' images stand beside one another: per model and sampler, by steps, one row per fix.

    Only samplers with several fixes at a step count have something to compare, and of these not those whose cells are
    all ``drawn`` elsewhere. Each row is the key of a cell and its fix.
    """
    groups: dict[tuple[str, str], dict[int, list[dict[str, str]]]] = {}
    for key, cell in cells.items():
        by_steps = groups.setdefault((cell.model, cell.sampler), {})
        by_steps.setdefault(cell.steps, []).append({"key": key, "fix": cell.fix})
    rows = []
    for (model, sampler), by_steps in groups.items():
        compared = [
            (steps, found)
            for steps, found in sorted(by_steps.items())
            if len(found) > 1 and any(row["key"] not in drawn for row in found)
        ]
        if compared:
            rows.append({"model": model, "sampler": sampler, "steps": compared})
    return rows
