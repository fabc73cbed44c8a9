"""A folder of volumes with their labels: NAME_image.nii.gz beside NAME_label.nii.gz, or .npy, or .tif."""

from pathlib import Path

import numpy as np

from convolve import files
from convolve.errors import FileFormatError, FileMissingError, ShapeError
from convolve.files import Picture
from convolve.medical.phantom import Phantom
from convolve.medical.unet import check_numbers

IMAGE, LABEL = "_image", "_label"
MOST_LABELS = 64
"""Labels beyond which a file is taken for something else, such as a volume."""


def read_pairs(folder: Path) -> list[Phantom]:
    """Return the volumes of a folder with their labels, by name.

    Raises
    ------
    FileMissingError
        If there is no pair, or half of one.
    FileFormatError, ShapeError, DTypeError, ArgumentError
        If a label is no whole number, or shapes differ, or a volume is complex, or has NaN or infinity.
    """
    if not folder.is_dir():
        raise FileMissingError(f"there is no folder {folder}; give one, or phantom")
    images = sorted(path for path in folder.iterdir() if IMAGE in path.name)
    if not images:
        raise FileMissingError(
            f"the folder {folder} has no file whose name holds {IMAGE}, such as a{IMAGE}.nii.gz"
        )
    return [_pair(path) for path in images]


def _pair(path: Path) -> Phantom:
    beside = path.with_name(path.name.replace(IMAGE, LABEL))
    if not beside.exists():
        raise FileMissingError(f"{path} needs its labels beside it, but there is no {beside.name}")
    image, labels = _volume(path), _volume(beside)
    if image.array.shape != labels.array.shape:
        raise ShapeError(
            f"labels must have their volume's shape, but {beside.name} has {labels.array.shape} and "
            f"{path.name} {image.array.shape}"
        )
    seen = check_numbers(image.array, str(path)).astype(np.float32)
    numbers = labels.array
    real = numbers.dtype.kind in "buif" and np.isfinite(numbers).all()
    whole = real and (numbers == np.rint(numbers)).all()
    if not whole or numbers.min() < 0 or numbers.max() >= MOST_LABELS:
        raise FileFormatError(f"{beside} must hold whole numbers from 0 to {MOST_LABELS - 1} as labels")
    depth, height, width = (size or 1.0 for size in image.spacing or (1.0, 1.0, 1.0))
    return Phantom(seen, numbers.astype(np.uint8), (depth, height, width))


def _volume(path: Path) -> Picture:
    picture = files.read(path)
    if picture.axes != "ZYX":
        raise ShapeError(f"a volume has the axes ZYX, but {path} has {picture.axes}")
    return picture
