"""Classifiers and autoencoders whose training is interrupted: they resume from their checkpoints to the same bytes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from stages import autoencoder, guide, prepare
from stages.store.paths import autoencoder_path, guide_path
from stages.training import loop
from tests.toy import toy_params, write_study


@pytest.mark.parametrize(("stage", "name"), [(guide, "adm-class"), (autoencoder, "vq")])
def test_one_that_is_interrupted_ends_in_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch, stage: ModuleType, name: str
) -> None:
    params = toy_params()
    params["grid"] = {"models": ["adm-class"], "samplers": ["ddim-guided"], "fixes": ["none"], "steps": [4]}
    params["guide"]["iterations"] = params["vq"]["iterations"] = 8
    params["runtime"]["checkpoint_every"] = 3
    write_study(params)
    prepare.run()
    path = {guide: guide_path, autoencoder: autoencoder_path}[stage](name)
    stage.run(name)
    expected = path.read_bytes()
    path.unlink()
    real, seen, stop = loop.fit, [], [5]

    def interrupted(state, loss, *rest, **options):
        def counted(iteration: int) -> loop.BatchLoss:
            if iteration in stop:
                raise KeyboardInterrupt
            seen.append(iteration)
            return loss(iteration)

        real(state, counted, *rest, **options)

    monkeypatch.setattr(stage, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stage.run(name)
    assert not path.exists()
    stop.clear()
    stage.run(name)
    assert seen == [0, 1, 2, 3, 4, 3, 4, 5, 6, 7]
    assert path.read_bytes() == expected
    assert not list(Path(".scratch").glob("*"))
