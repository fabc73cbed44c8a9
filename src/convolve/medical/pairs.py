"""A folder of volumes with their labels: NAME_image.nii.gz beside NAME_label.nii.gz, or .npy, or .tif."""

from pathlib import Path

import numpy as np

from convolve import files
from convolve.errors import FileFormatError, FileMissingError, ShapeError
from convolve.files import Picture
from convolve.medical.phantom import Phantom
from convolve.medical.preparation import check_numbers
from convolve.medical.spacing import differ, millimetres, shown

IMAGE, LABEL = "_image", "_label"
MOST_LABELS = 64
"""Labels beyond which a file is taken for something else, such as a volume."""

MOST_APART = 0.5
"""Largest sizes of a cell by which corners of labels may lie off their volume's: headers are rounded."""


def read_pairs(folder: Path) -> list[Phantom]:
    """Return the volumes of a folder with their labels, by name.

    Raises
    ------
    FileMissingError
        If there is no pair, or half of one.
    FileFormatError, ShapeError, DTypeError, ArgumentError
        If a label is no whole number; if shapes, sizes of cells or places differ; if a volume is complex, or
        has NaN or infinity.
    """
    if not folder.is_dir():
        raise FileMissingError(f"there is no folder {folder}; give one, or phantom")
    images = sorted(path for path in folder.iterdir() if IMAGE in path.name)
    if not images:
        raise FileMissingError(
            f"the folder {folder} has no file whose name holds {IMAGE}, such as a{IMAGE}.nii.gz"
        )
    found = [_pair(path) for path in images]
    if len({one.unit for one in found}) > 1:
        unknown = next(one.name for one in found if one.unit != "mm")
        raise FileFormatError(
            f"all volumes of a folder must say how large their cells are, or none, but {unknown} does not; "
            "write it with its spacing"
        )
    return found


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
    _check_places(image, labels, f"{path.name} and {beside.name}")
    spacing = millimetres(image)
    unit = "cells" if spacing is None else "mm"
    return Phantom(seen, numbers.astype(np.uint8), spacing or (1.0, 1.0, 1.0), unit, str(path))


def _check_places(image: Picture, labels: Picture, names: str) -> None:
    """Refuse labels whose cells have another size than the volume's, or lie elsewhere in the body."""
    one, other = millimetres(image), millimetres(labels)
    if one is not None and other is not None and differ(one, other):
        raise FileFormatError(
            f"a volume and its labels must have cells of one size, but {names} have {shown(one)} and "
            f"{shown(other)}; resample the labels"
        )
    first, second = (np.asarray(each.metadata.get("affine", ()), float) for each in (image, labels))
    if one is None or first.shape != (4, 4) or second.shape != (4, 4):
        return
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(image.array.shape[::-1]) - 1)
    apart = np.linalg.norm((np.c_[corners, np.ones(8)] @ (first - second).T)[:, :3], axis=1).max()
    if not apart <= MOST_APART * max(one):
        raise FileFormatError(
            f"labels must lie where their volume does, but {names} have corners {apart:.4g} mm apart; write "
            "the labels with the volume's own affine, turned as it is"
        )


def _volume(path: Path) -> Picture:
    picture = files.read(path)
    if picture.axes != "ZYX":
        raise ShapeError(f"a volume has the axes ZYX, but {path} has {picture.axes}")
    return picture
