"""Provide the feature network: train the small classifier, or admit Inception weights after checking their sha256."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from stages.diffusion.noise import Purpose, stream, stream_seed
from stages.feature_network import check_images, save_feature_network
from stages.files import InputError, read_npz, sha256, write_json
from stages.layout import FEATURE_NETWORK, dataset_path
from stages.networks.classifier import Classifier, ClassifierConfig
from stages.params import Extractor, read_params
from stages.runtime import pick_device


def run() -> None:
    """Write the feature network and its record."""
    seed, prepare, extractor = read_params("seed", "prepare", "extractor")
    path = dataset_path(prepare.dataset)
    images, labels = read_npz(path, "images", "labels")
    check_images(extractor.network, images, path)
    if extractor.network == "inception":
        tensors = checked_weights(Path(extractor.weights), extractor.sha256)
        record = {"network": "inception", "weights_sha256": extractor.sha256}
        config = {"network": "inception"}
    else:
        network, accuracy, n_test = train_classifier(images, labels, seed, extractor)
        if accuracy < extractor.min_accuracy:
            raise InputError(
                f"extractor: test accuracy {accuracy:.4f} is below extractor.min_accuracy = {extractor.min_accuracy}; "
                "train for more extractor.epochs"
            )
        tensors = network.state_dict()
        config = {"network": "classifier", **network.config._asdict()}
        record = {**config, "test_accuracy": accuracy, "n_test": n_test, "n_train": len(images) - n_test}
    write_json(FEATURE_NETWORK.with_suffix(".json"), record)
    save_feature_network(tensors, config)


def checked_weights(path: Path, expected: str) -> dict[str, Tensor]:
    """Return the tensors of a foreign PyTorch file, opened only once its sha256 is the expected one.

    Raises:
        InputError: the file is missing, its checksum differs, or it holds anything but tensors.
    """
    if not path.is_file():
        raise InputError(f"extractor.weights: {path} not found; it must be a local file")
    if (found := sha256(path)) != expected:
        raise InputError(f"extractor.weights: {path} has sha256 {found}; extractor.sha256 is {expected}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(f"extractor.weights: {path} is no file of tensors: {str(error).splitlines()[0]}") from None


def train_classifier(
    images: np.ndarray, labels: np.ndarray, seed: int, extractor: Extractor
) -> tuple[Classifier, float, int]:
    """Return a classifier trained on a random split of the data, its accuracy on the rest, and the rest's size."""
    device = pick_device()
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
    targets = torch.from_numpy(labels).to(device)
    order = torch.randperm(len(images), generator=stream(seed, Purpose.SPLIT)).to(device)
    n_test = round(extractor.test_fraction * len(images))
    test, train = order[:n_test], order[n_test:]
    torch.manual_seed(stream_seed(seed, Purpose.EXTRACTOR))
    network = Classifier(ClassifierConfig(pixels.shape[1], int(labels.max()) + 1)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=extractor.lr)
    batches_per_epoch = len(train) // extractor.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, extractor.lr, extractor.epochs * batches_per_epoch)
    for epoch in tqdm(range(extractor.epochs), desc="extractor", unit="epoch", mininterval=1):
        shuffled = train[torch.randperm(len(train), generator=stream(seed, Purpose.EXTRACTOR, epoch + 1)).to(device)]
        for batch in shuffled.split(extractor.batch_size)[:batches_per_epoch]:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(pixels[batch]), targets[batch]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.inference_mode():
        accuracy = (network(pixels[test]).argmax(1) == targets[test]).double().mean().item()
    return network, accuracy, n_test
