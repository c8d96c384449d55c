"""Images in a folder, a zip or a tar file: their names and bytes, decoded and resized as ADM does it."""

from __future__ import annotations

import hashlib
import io
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from stages.config.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ENDINGS = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
# The largest file of an image, in bytes: a lying header must not fill the memory.
LARGEST = 2**27
ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


class ImageFile(NamedTuple):
    """An image file: its path within the folder or archive, and its content."""

    name: str
    content: bytes


class Labelled(NamedTuple):
    """Images uint8 [N, size, size, 3], their labels int64 [N], and the names of the classes.

    The order is that of the sha256 of the names, so that the first n images are of all classes. ``digest`` is the
    sha256 of the sorted lines ``sha256  name`` of all files: equal names and contents give an equal one, whatever holds
    them.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: list[str]
    digest: str


def image_files(path: Path) -> Iterator[ImageFile]:
    """Yield the image files of a folder, zip or tar file; hidden files and files with another ending are left out.

    Nothing is extracted, and links are not followed out of a folder.

    Raises:
        InputError: the path does not exist or is damaged, or a file is larger than 128 MiB.
    """
    try:
        if path.is_dir():
            yield from _of_folder(path)
        elif zipfile.is_zipfile(path):
            yield from _of_zip(path)
        elif path.is_file() and tarfile.is_tarfile(path):
            yield from _of_tar(path)
        elif path.exists():
            raise InputError(f"{path}: allowed are a folder, a zip or a tar file of images")
        else:
            raise InputError(f"{path}: not found")
    except ARCHIVE_FAULTS as error:
        raise InputError(f"{path}: damaged or cannot be read ({' '.join(str(error).split())[:200]})") from None


def _of_folder(folder: Path) -> Iterator[ImageFile]:
    root = folder.resolve()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and _is_image(name):
            if not file.resolve().is_relative_to(root):
                raise InputError(f"{file}: links out of {folder}")
            _check_size(folder, name, file.stat().st_size)
            yield ImageFile(name, file.read_bytes())


def _of_zip(path: Path) -> Iterator[ImageFile]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and _is_image(member.filename):
                _check_size(path, member.filename, member.file_size)
                yield ImageFile(member.filename, archive.read(member))


def _of_tar(path: Path) -> Iterator[ImageFile]:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and _is_image(member.name):
                _check_size(path, member.name, member.size)
                stream = archive.extractfile(member)
                assert stream is not None, "a regular file has a stream"
                yield ImageFile(member.name.removeprefix("./"), stream.read())


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LARGEST:
        raise InputError(f"{path}: {name}: {size:,} bytes; allowed are images of at most {LARGEST:,}")


def labelled_images(path: Path, files: Iterable[ImageFile], size: int) -> Labelled:
    """Return image files decoded and resized to size x size RGB, with the folder of each as its class.

    Args:
        path: where they come from, for messages.
        files: the files, in any order.
        size: height and width to resize to.

    Raises:
        InputError: there is no image, or a file is none.
    """
    import numpy as np
    from tqdm import tqdm

    pixels: dict[str, np.ndarray] = {}
    digests: dict[str, str] = {}
    for file in tqdm(files, desc=f"images of {path.name}", unit="img", mininterval=1):
        pixels[file.name] = decoded(path, file, size)
        digests[file.name] = hashlib.sha256(file.content).hexdigest()
    if not pixels:
        raise InputError(f"{path}: no images; allowed are files that end in {', '.join(sorted(ENDINGS))}")
    names = sorted(pixels, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    folders = [PurePosixPath(name).parent.as_posix() for name in names]
    classes = sorted(set(folders))
    labels = np.array([classes.index(folder) for folder in folders], dtype=np.int64)
    lines = "".join(f"{digests[name]}  {name}\n" for name in sorted(names))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Labelled(np.stack([pixels[name] for name in names]), labels, classes, digest)


def decoded(path: Path, file: ImageFile, size: int) -> np.ndarray:
    """Return one image as uint8 [size, size, 3].

    Raises:
        InputError: the file is not an image, or declares more pixels than Pillow takes for safe.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(file.content)) as image:
                return np.asarray(resized(image.convert("RGB"), size))
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path}: {file.name}: not a readable image ({' '.join(str(error).split())[:120]})") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError(f"{path}: {file.name}: damaged ({' '.join(str(error).split())[:120]})") from None


def resized(image: Image.Image, size: int) -> Image.Image:
    """Return the centre square of an image at size x size.

    The image is halved by averaging while its shorter side is at least twice as long as wanted, brought to that length
    bicubically, and cropped: the rule of ADM's training (guided-diffusion, ``center_crop_arr``). Sizes that a power of
    two divides are thus plain averages.
    """
    from PIL import Image

    while min(image.size) >= 2 * size:
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    scale = size / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    left = (image.width - size) // 2
    top = (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def resized_arrays(images: np.ndarray, size: int) -> np.ndarray:
    """Return images uint8 [N, H, W, C] of one or three channels, resized by the rule of ``resized``."""
    import numpy as np
    from PIL import Image

    if images.shape[1:3] == (size, size):
        return np.ascontiguousarray(images)
    channels = images.shape[3]
    made = [np.asarray(resized(Image.fromarray(image.squeeze()), size)) for image in images]
    return np.stack(made).reshape(len(images), size, size, channels)
