"""Noise depends on (seed, image) alone."""

from __future__ import annotations

import pytest
import torch

from stages.config.errors import InputError
from stages.diffusion.block_noise import SAMPLE, block_labels, block_noise, image_labels
from stages.diffusion.random_streams import stream, stream_seed

CPU = torch.device("cpu")


def test_an_image_has_the_same_noise_in_every_batch() -> None:
    whole = block_noise(0, 0, 250, (1, 2, 2), CPU)
    part = block_noise(0, 90, 210, (1, 2, 2), CPU)
    for _ in range(3):
        assert torch.equal(whole()[90:210], part())


def test_blocks_seeds_and_purposes_have_streams_of_their_own() -> None:
    first = block_noise(0, 0, 200, (1,), CPU)()
    assert not torch.equal(first[:100], first[100:])
    assert not torch.equal(first, block_noise(1, 0, 200, (1,), CPU)())
    seeds = {stream_seed(s, p, i) for s in range(3) for p in range(20) for i in range(3)}
    assert len(seeds) == 9 * 20


def test_a_stream_is_the_same_everywhere() -> None:
    """Pinned: a change here changes every image and model of every study."""
    assert stream_seed(0, SAMPLE, 0) == 15793235383387715774
    first = torch.randn(3, generator=stream(0, SAMPLE))
    assert first.tolist() == pytest.approx([0.545865, -0.358755, -0.717865], abs=1e-6)


def test_labels_are_the_same_in_every_batch_and_uniform() -> None:
    device = torch.device("cpu")
    whole = block_labels(0, 0, 20_000, 10, device)
    for start, stop in ((0, 1), (99, 101), (150, 420), (19_950, 20_000)):
        assert torch.equal(block_labels(0, start, stop, 10, device), whole[start:stop])
    counts = torch.bincount(whole, minlength=10)
    # Five standard deviations of a count, sqrt(20000 * 0.1 * 0.9) = 42.
    assert len(counts) == 10
    assert int((counts - 2000).abs().max()) < 212
    assert not torch.equal(block_labels(1, 0, 100, 10, device), whole[:100])


def test_random_labels_are_those_of_the_blocks() -> None:
    assert torch.equal(image_labels("random", 3, 50, 250, 10, CPU), block_labels(3, 50, 250, 10, CPU))


@pytest.mark.parametrize(("chosen", "classes"), [("balanced", list(range(10))), ([7], [7]), ([8, 1, 5], [8, 1, 5])])
def test_chosen_labels_are_equally_often_in_any_first_images_and_the_same_in_every_batch(
    chosen: str | list[int], classes: list[int]
) -> None:
    whole = image_labels(chosen, 0, 0, 1037, 10, CPU)
    for stop in (1, 99, 100, 101, 1037):
        counts = torch.bincount(whole[:stop], minlength=10)
        assert int(counts.sum()) == int(counts[classes].sum()) == stop
        assert int(counts[classes].max() - counts[classes].min()) <= 1
    for start, stop in ((0, 1), (99, 101), (150, 420), (1000, 1037)):
        assert torch.equal(image_labels(chosen, 1, start, stop, 10, CPU), whole[start:stop])


def test_a_label_beyond_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match=r"sample.labels: 10; the classes here are 0 to 9"):
        image_labels([3, 10], 0, 0, 4, 10, CPU)
