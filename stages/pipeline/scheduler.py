"""The order in which stages run beside one another: each after those that it depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

# A process ended by a signal, for want of memory say, is started once more.
ATTEMPTS = 2


class Stages(Protocol):
    """Stages by name, and what to do with one."""

    @property
    def upstream(self) -> Mapping[str, set[str]]: ...
    @property
    def descendants(self) -> Mapping[str, int]: ...
    def command(self, name: str) -> str: ...
    def settled(self, name: str) -> bool: ...
    def record(self, name: str) -> None: ...


class Workers(Protocol):
    """Something that runs commands."""

    def free(self) -> bool: ...
    def start(self, name: str, command: str) -> None: ...
    def finished(self) -> dict[str, int]: ...
    def stop(self) -> None: ...


@dataclass
class Outcome:
    """What became of the stages: those that ran, needed no run, failed and why, or were not reached."""

    ran: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def run_stages(stages: Stages, workers: Workers, done: Callable[[str], object]) -> Outcome:
    """Run every stage that needs it, each after its upstream ones; return what became of them.

    A failed stage stops those that depend on it and no other. ``done`` is told every stage that is over. Among stages
    that could start, the one with the most descendants does: it holds up the others.
    """
    outcome, attempts, running = Outcome(), Counter[str](), set[str]()
    waiting = {name: set(upstream) for name, upstream in stages.upstream.items()}
    while True:
        ready = [name for name, upstream in waiting.items() if not upstream]
        if ready and workers.free():
            name = max(ready, key=lambda name: stages.descendants[name])
            del waiting[name]
            if not attempts[name] and stages.settled(name):
                outcome.kept.append(name)
                _release(waiting, name)
                done(name)
                continue
            attempts[name] += 1
            workers.start(name, stages.command(name))
            running.add(name)
        elif running:
            for name, status in workers.finished().items():
                running.remove(name)
                if status < 0 and attempts[name] < ATTEMPTS:
                    waiting[name] = set()
                    continue
                _settle(name, status, stages, outcome, waiting)
                done(name)
        else:
            outcome.left = list(waiting)
            return outcome


def _settle(name: str, status: int, stages: Stages, outcome: Outcome, waiting: dict[str, set[str]]) -> None:
    if status:
        outcome.failed[name] = f"signal {-status}" if status < 0 else f"exit status {status}"
        return
    stages.record(name)
    outcome.ran.append(name)
    _release(waiting, name)


def _release(waiting: dict[str, set[str]], name: str) -> None:
    for upstream in waiting.values():
        upstream.discard(name)
