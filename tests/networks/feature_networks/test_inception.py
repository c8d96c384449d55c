"""FID's Inception path with the real architecture and random weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from stages import evaluate, extractor, reference
from stages.__main__ import main
from stages.networks.feature_networks.inception import build, features
from stages.scoring import frechet
from stages.store.files import read_json, sha256, write_npz
from stages.store.paths import DATASET, samples_path, scores_path
from tests.golden import ORACLES
from tests.toy import toy_params, write_study

LAYER = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"


@pytest.fixture(scope="module")
def random_state() -> dict[str, Tensor]:
    """Weights of torch-fidelity's network as its constructor initialises them: its own download is replaced."""
    torch.manual_seed(0)
    with patch(LAYER, return_value={}), patch.object(nn.Module, "load_state_dict"):
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).state_dict()


def random_images(n: int, size: int = 32, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randint(0, 256, (n, size, size, channels)).astype(np.uint8)


def weights_file(path: Path, content: object) -> str:
    torch.save(content, path)
    return sha256(path)


def configure(weights: str, checksum: str) -> None:
    params = toy_params()
    params["extractor"] |= {"network": "inception", "weights": weights, "sha256": checksum}
    params["sample"]["n"] = 12
    params["evaluate"] = {"neighborhood": 3, "jackknife_groups": 4}
    params["runtime"]["batch_size"] = 8
    write_study(params)


def dataset(images: np.ndarray) -> None:
    write_npz(DATASET, images=images, labels=np.zeros(len(images), np.int64))


def test_spatial_features_are_the_output_of_the_relu(random_state: dict[str, Tensor]) -> None:
    network: Any = build(random_state)
    normalised: list[Tensor] = []
    network.Mixed_6d.branch1x1.bn.register_forward_hook(lambda m, i, output: normalised.append(output.clone()))
    images = torch.from_numpy(random_images(2)).permute(0, 3, 1, 2)
    pooled, spatial, logits = features(network, images)
    assert pooled.shape == (2, 2048)
    assert spatial.shape == (2, 7 * 17 * 17)
    assert torch.equal(spatial, normalised[0][:, :7].relu().flatten(1))
    with patch(LAYER, return_value=random_state):
        plain = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    assert torch.equal(pooled, plain(images)[0])
    assert torch.equal(logits, plain(images)[1])
    torch.testing.assert_close(logits, pooled @ random_state["fc.weight"].T)


def test_features_match_the_pytorch_port_of_the_evaluator(random_state: dict[str, Tensor]) -> None:
    """openai/consistency_models, on the same weights and images; within 1e-4 standard deviations, float32."""
    with np.load(ORACLES / "released" / "sfid_layer.npz") as content:
        expected = dict(content)
    images = np.random.RandomState(2).randint(0, 256, (3, 3, 32, 32)).astype(np.uint8)
    pooled, spatial, _ = features(build(oracle_weights(random_state)), torch.from_numpy(images))
    for found, wanted in ((spatial[:, ::7], expected["spatial"]), (pooled[:, ::16], expected["pooled"])):
        assert np.abs(found.numpy() - wanted).max() < 1e-4 * wanted.std()


def oracle_weights(shapes: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensor k of the sorted names is drawn from RandomState(k)."""
    weights = {}
    for k, (name, tensor) in enumerate(sorted(shapes.items())):
        rng = np.random.RandomState(k)
        shape = tuple(tensor.shape)
        if name.endswith("num_batches_tracked"):
            weights[name] = tensor
            continue
        if name.endswith("running_var"):
            value = 0.5 + rng.uniform(size=shape)
        elif name.startswith("fc"):
            value = 0.02 * rng.standard_normal(shape)
        elif tensor.ndim == 4:
            value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith("bn.weight"):
            value = np.ones(shape)
        else:
            value = 0.1 * rng.standard_normal(shape)
        weights[name] = torch.tensor(value, dtype=torch.float32)
    return weights


def test_a_cell_is_scored_with_inception(project: Path, random_state: dict[str, Tensor]) -> None:
    configure("weights.pth", weights_file(Path("weights.pth"), random_state))
    dataset(random_images(20))
    extractor.run()
    reference.run()
    cell = "adm-ip-ddim-none-4"
    write_npz(samples_path(cell), arr_0=random_images(12, seed=1))
    # 2,048 and 2,023 features: the eigenvalues of one product take a second.
    with patch.object(frechet, "frechet_replicates", lambda moments, real, root: [0.0] * len(moments.sizes)):
        evaluate.run(cell)
    scores = read_json(scores_path(cell))
    assert {"fid", "sfid", "precision", "recall"} <= set(scores)
    assert "fd_pixel" not in scores, "32x32x3 pixels are too many for a raw Frechet distance"
    assert scores["fid"]["value"] >= 0
    assert (scores["n_fake"], scores["n_real"]) == (12, 20)


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_weights_are_checked_before_they_are_opened(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> str:
        assert main(["extractor"]) == 2
        assert not Path("data/extractor").exists()
        assert not Path("executed").exists()
        (line,) = capsys.readouterr().err.splitlines()
        return line

    dataset(random_images(20))
    configure("absent.pth", "0" * 64)
    assert "absent.pth not found; it must be a local file" in refused()
    Path("w.pth").write_bytes(b"other")
    configure("w.pth", "0" * 64)
    assert "w.pth has sha256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa; extractor" in refused()
    contents = (
        Payload(),
        [1, 2],
        torch.zeros(3),
        {"a": 1},
        {1: torch.zeros(1)},
        {"fc.weight": torch.zeros(1)},
        b"",
        b"hello\n",
        b"\x80\x02.",
        pickle.dumps(Payload(), protocol=2),
    )
    for content in contents:
        if isinstance(content, bytes):
            Path("w.pth").write_bytes(content)
            configure("w.pth", sha256(Path("w.pth")))
        else:
            configure("w.pth", weights_file(Path("w.pth"), content))
        assert "w.pth does not hold Inception's tensors" in refused()


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (16, 3)])
def test_images_that_inception_cannot_take_are_refused(project: Path, capsys, size: int, channels: int) -> None:
    configure("w.pth", "0" * 64)
    dataset(random_images(20, size, channels))
    assert main(["extractor"]) == 2
    assert f"{size}x{size}x{channels} images; extractor.network: inception takes RGB of at least 32x32" in (
        capsys.readouterr().err
    )
