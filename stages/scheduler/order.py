"""Runs stages in parallel, each after those that it depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

# A process that a signal ended, such as for lack of memory, is started once more.
ATTEMPTS = 2


class StageFault(Exception):
    """Why one stage cannot be run or recorded, in one line."""


class Stages(Protocol):
    """Stages by name, and what to do with one; both methods may raise StageFault."""

    @property
    def upstream(self) -> Mapping[str, set[str]]: ...
    @property
    def descendants(self) -> Mapping[str, int]: ...
    def arguments(self, name: str) -> list[str]: ...
    def restore(self, name: str) -> bool: ...
    def record(self, name: str) -> None: ...


class Workers(Protocol):
    """Processes that run ``python -m stages`` with the arguments of a stage."""

    def free(self, name: str) -> bool: ...
    def start(self, name: str, arguments: list[str]) -> None: ...
    def finished(self) -> dict[str, int]: ...
    def stop(self) -> None: ...


@dataclass
class Outcome:
    """The stages that ran, that were up to date (``kept``), that failed and why, and that were not run (``left``)."""

    ran: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def run_stages(stages: Stages, workers: Workers, done: Callable[[str, bool], object]) -> Outcome:
    """Run every stale stage, each after its upstream ones, and return the outcome.

    A failed stage stops the stages that depend on it and no others. ``done`` is called with the name of each stage that
    is finished, and whether it ran. Of the stages that can start, the one with the most descendants starts first.
    """
    run = _Run(stages, workers, done, {name: set(upstream) for name, upstream in stages.upstream.items()})
    while True:
        ready = [name for name, upstream in run.waiting.items() if not upstream and workers.free(name)]
        if ready:
            run.begin(max(ready, key=lambda name: stages.descendants[name]))
        elif run.ended:
            # Recorded only when no stage can start, so that the others run meanwhile.
            run.end(*run.ended.popitem())
        elif run.running:
            run.ended = dict(workers.finished())
        else:
            run.outcome.left = list(run.waiting)
            return run.outcome


@dataclass
class _Run:
    stages: Stages
    workers: Workers
    done: Callable[[str, bool], object]
    waiting: dict[str, set[str]]
    running: set[str] = field(default_factory=set)
    ended: dict[str, int] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    outcome: Outcome = field(default_factory=Outcome)

    def begin(self, name: str) -> None:
        """Restore a stage from the cache, or start it."""
        del self.waiting[name]
        try:
            restored = not self.attempts[name] and self.stages.restore(name)
        except StageFault as fault:
            self.fail(name, str(fault), ran=False)
            return
        if restored:
            self.outcome.kept.append(name)
            self.succeed(name, ran=False)
            return
        self.attempts[name] += 1
        self.running.add(name)
        self.workers.start(name, self.stages.arguments(name))

    def end(self, name: str, status: int) -> None:
        """Record a stage that has ended, or let it start once more."""
        self.running.remove(name)
        if status < 0 and self.attempts[name] < ATTEMPTS:
            self.waiting[name] = set()
            return
        try:
            if status:
                raise StageFault(f"signal {-status}" if status < 0 else f"exit status {status}")
            self.stages.record(name)
        except StageFault as fault:
            self.fail(name, str(fault), ran=True)
            return
        self.outcome.ran.append(name)
        self.succeed(name, ran=True)

    def succeed(self, name: str, ran: bool) -> None:
        """Release the stages that wait for this one."""
        for upstream in self.waiting.values():
            upstream.discard(name)
        self.done(name, ran)

    def fail(self, name: str, fault: str, ran: bool) -> None:
        """Record why a stage failed; the stages that wait for it never start."""
        self.outcome.failed[name] = fault
        self.done(name, ran)
