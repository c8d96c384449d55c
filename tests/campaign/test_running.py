"""The short form of the campaign on a study that runs: one event under each command that records."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.campaign.running import happen


def test_what_happens_to_a_running_stage_is_told_or_harmless(study: Path) -> None:
    random = Random(2)
    found = [
        happen(study, command, what, random)
        for command, what in (("repro", "params"), ("exp", "SIGKILL"), ("grid", "code"))
    ]
    assert {event.kind for event in found} <= {"clear line", "harmless", "clean resume"}, found
