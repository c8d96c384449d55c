"""The order in which stages run, with stages and workers that only keep notes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.scheduler.order import Outcome, StageFault, run_stages


class Stages:
    """A graph whose stages all need a run, but for those that are fresh."""

    def __init__(
        self,
        upstream: Mapping[str, set[str]],
        fresh: frozenset[str] = frozenset(),
        faults: frozenset[str] = frozenset(),
    ) -> None:
        self.upstream = upstream
        self.fresh = fresh
        self.faults = faults
        self.recorded: list[str] = []

    @property
    def descendants(self) -> dict[str, int]:
        return {name: sum(name in above for above in self.upstream.values()) for name in self.upstream}

    def arguments(self, name: str) -> list[str]:
        return ["run", name]

    def restore(self, name: str) -> bool:
        if f"restore {name}" in self.faults:
            raise StageFault("no such file")
        assert self.upstream[name] <= {*self.recorded, *self.fresh}, "asked only after its upstream stages"
        return name in self.fresh

    def record(self, name: str) -> None:
        if f"record {name}" in self.faults:
            raise StageFault("an out is missing")
        self.recorded.append(name)


class Workers:
    """Finishes the oldest stage first; ``statuses`` are those of a stage's successive attempts, 0 unless given."""

    def __init__(self, jobs: int, **statuses: list[int]) -> None:
        self.jobs = jobs
        self.statuses = statuses
        self.running: list[str] = []
        self.started: list[str] = []
        self.most = 0

    def free(self, name: str) -> bool:
        return len(self.running) < self.jobs

    def start(self, name: str, arguments: list[str]) -> None:
        assert arguments == ["run", name]
        self.started.append(name)
        self.running.append(name)
        self.most = max(self.most, len(self.running))

    def finished(self) -> dict[str, int]:
        name = self.running.pop(0)
        return {name: self.statuses[name].pop(0) if self.statuses.get(name) else 0}

    def stop(self) -> None:
        raise AssertionError("the one who made the workers stops them")


def outcome_of(stages: Stages, workers: Workers) -> Outcome:
    over: dict[str, bool] = {}
    outcome = run_stages(stages, workers, over.__setitem__)
    assert sorted(over) == sorted([*outcome.ran, *outcome.kept, *outcome.failed])
    assert {name for name, ran in over.items() if ran} >= set(outcome.ran)
    assert not any(over[name] for name in outcome.kept)
    assert stages.recorded == outcome.ran
    return outcome


CHAIN: dict[str, set[str]] = {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"a"}}


def test_each_stage_runs_after_those_that_it_needs() -> None:
    assert outcome_of(Stages(CHAIN), Workers(2)) == Outcome(ran=["a", "b", "d", "c"])


def test_what_is_up_to_date_is_not_started() -> None:
    workers = Workers(1)
    assert outcome_of(Stages(CHAIN, frozenset("ab")), workers) == Outcome(ran=["c", "d"], kept=["a", "b"])
    assert workers.started == ["c", "d"]


def test_a_failure_stops_what_depends_on_it_and_no_other() -> None:
    outcome = outcome_of(Stages(CHAIN), Workers(1, b=[2]))
    assert outcome == Outcome(ran=["a", "d"], failed={"b": "exit status 2"}, left=["c"])


@pytest.mark.parametrize(("fault", "reason"), [("restore b", "no such file"), ("record b", "an out is missing")])
def test_a_stage_that_cannot_be_restored_or_recorded_stops_no_other(fault: str, reason: str) -> None:
    outcome = outcome_of(Stages(CHAIN, faults=frozenset([fault])), Workers(1))
    assert outcome == Outcome(ran=["a", "d"], failed={"b": reason}, left=["c"])


def test_a_stage_ended_by_a_signal_is_started_once_more() -> None:
    workers = Workers(2, b=[-9])
    assert outcome_of(Stages(CHAIN), workers).failed == {}
    assert sorted(workers.started) == ["a", "b", "b", "c", "d"]
    outcome = outcome_of(Stages(CHAIN), Workers(2, b=[-9, -9]))
    assert outcome == Outcome(ran=["a", "d"], failed={"b": "signal 9"}, left=["c"])


def test_the_stage_that_holds_up_most_starts_first() -> None:
    workers = Workers(1)
    outcome_of(Stages({"lone": set(), "root": set(), "x": {"root"}, "y": {"root"}}), workers)
    assert workers.started[0] == "root"


@given(st.integers(1, 5), st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=12))
def test_any_graph_runs_whole_and_within_the_number_of_workers(jobs: int, above: list[set[int]]) -> None:
    upstream = {str(i): {str(j) for j in numbers if j < i} for i, numbers in enumerate(above)}
    workers = Workers(jobs)
    assert sorted(outcome_of(Stages(upstream), workers).ran) == sorted(upstream)
    assert workers.most <= jobs
