"""The short form of the campaign: no damage passes unnoticed, none ends in a traceback."""

from __future__ import annotations

from tests.campaign.campaign import campaign


def test_nothing_is_wrong_in_silence() -> None:
    counts, wrong = campaign(seed=1, damages=80, odd=80)
    assert not wrong, "\n\n".join(wrong)
    assert sum(counts.values()) == 160
    assert counts["clear line"] > 80
    assert counts["clean resume"] > 13
