"""Provide the feature network: train the small classifier, or admit Inception weights after checking their sha256."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import Extractor
from stages.config.params_file import read_params
from stages.config.runtime import pick_device
from stages.diffusion.random_streams import stream, stream_seed
from stages.networks.feature_networks.classifier import Classifier, ClassifierConfig
from stages.scoring.extract import check_images, save_feature_network
from stages.store.files import read_npz, sha256
from stages.store.paths import DATASET, EXTRACTOR_RECORD, FEATURE_NETWORK
from stages.store.record_types import ExtractorRecord
from stages.store.records import write_record

EXTRACTOR, SPLIT = 4, 5


def run() -> None:
    """Write the feature network and its record."""
    params = read_params()
    seed, extractor = params.seed, params.extractor
    images, labels = read_npz(DATASET, "images", "labels")
    check_images(extractor.network, images, DATASET)
    if extractor.weights is not None and extractor.sha256 is not None and extractor.network == "inception":
        tensors = checked_weights(Path(extractor.weights), extractor.sha256)
        config, found = {"network": "inception"}, {}
    else:
        network, accuracy, n_test = train_classifier(images, labels, seed, extractor)
        tensors = network.state_dict()
        config = {"network": "classifier", **network.config._asdict()}
        found = {"test_accuracy": accuracy, "n_test": n_test, "n_train": len(images) - n_test}
    save_feature_network(tensors, config)
    record = ExtractorRecord(
        network=extractor.network, extractor=extractor, sha256=sha256(FEATURE_NETWORK), dataset_sha256=sha256(DATASET),
        **found,
    )  # fmt: skip
    write_record(EXTRACTOR_RECORD, record)


def checked_weights(path: Path, expected: str) -> dict[str, Tensor]:
    """Return the tensors of a foreign PyTorch file, opened only once its sha256 is the expected one.

    Raises:
        InputError: the file is missing, its checksum differs, or it does not hold Inception's tensors.
    """
    from stages.networks.feature_networks.inception import SpatialInception

    if not path.is_file():
        raise InputError(f"extractor.weights: {path} not found; it must be a local file")
    if (found := sha256(path)) != expected:
        raise InputError(f"extractor.weights: {path} has sha256 {found}; extractor.sha256 is {expected}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # Built once here, so that the stage ends with a file that the next ones can use.
        return {name: tensor.clone() for name, tensor in SpatialInception(state).state_dict().items()}
    except Exception as error:  # a file of unknown origin: unpickling and loading raise nearly anything
        reason = type(error).__name__
        raise InputError(f"extractor.weights: {path} does not hold Inception's tensors ({reason})") from None


def train_classifier(
    images: np.ndarray, labels: np.ndarray, seed: int, extractor: Extractor
) -> tuple[Classifier, float, int]:
    """Return a classifier trained on a random split of the data, its accuracy on the rest, and the rest's size.

    Raises:
        InputError: a part of the split is empty, training diverges, or accuracy is below extractor.min_accuracy.
    """
    train, test = split(len(images), seed, extractor)
    device = pick_device()
    pixels, targets = torch.from_numpy(images).permute(0, 3, 1, 2).to(device), torch.from_numpy(labels).to(device)
    torch.manual_seed(stream_seed(seed, EXTRACTOR))
    network = Classifier(ClassifierConfig(pixels.shape[1], int(labels.max()) + 1)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=extractor.lr)
    per_epoch = len(train) // extractor.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, extractor.lr, extractor.epochs * per_epoch)
    for epoch in tqdm(range(extractor.epochs), desc="extractor", unit="epoch", mininterval=1):
        shuffled = train[torch.randperm(len(train), generator=stream(seed, EXTRACTOR, epoch + 1))]
        for batch in shuffled.split(extractor.batch_size)[:per_epoch]:
            optimizer.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(network(pixels[batch]), targets[batch]).backward()
            optimizer.step()
            schedule.step()
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise InputError(f"extractor: the weights are not finite; lower extractor.lr ({extractor.lr})")
    with torch.inference_mode():
        accuracy = (network.eval()(pixels[test]).argmax(1) == targets[test]).double().mean().item()
    if accuracy < extractor.min_accuracy:
        raise InputError(
            f"extractor: test accuracy {accuracy:.4f} is below extractor.min_accuracy = {extractor.min_accuracy}; "
            "train for more extractor.epochs"
        )
    return network, accuracy, len(test)


def split(n: int, seed: int, extractor: Extractor) -> tuple[Tensor, Tensor]:
    """Return the indices of the images to train on and of those to test on, drawn at random."""
    order = torch.randperm(n, generator=stream(seed, SPLIT))
    test, train = order.tensor_split([round(extractor.test_fraction * n)])
    if not len(test) or len(train) < extractor.batch_size:
        raise InputError(
            f"extractor: {n} images give {len(test)} to test on (extractor.test_fraction), {len(train)} to train on; "
            f"allowed are 1 and more, and a batch of {extractor.batch_size} and more"
        )
    return train, test
