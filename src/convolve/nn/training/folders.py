"""A folder of class folders of pictures, as data: cats/1.png, cats/2.jpg, dogs/1.png and so on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convolve import files
from convolve.errors import FileMissingError
from convolve.files.picture import check_path
from convolve.nn.preprocessing import bytes_of
from convolve.nn.training.data import Data


def image_folder(
    path: str | Path, size: int | Sequence[int] = 32, channels: int | None = None, *, crop: float = 1.0
) -> Data:
    """Read a folder whose folders are named by what the pictures in them show.

    Parameters
    ----------
    path
        The folder.
    size
        Height and width that every picture gets, as `Preprocessing` does it.
    channels
        3 for colours, 1 for grey; by default 1 if all pictures are grey.
    crop
        What is taken of a picture, as `Preprocessing` has it.

    Returns
    -------
    Data
        Bytes; the names of the folders in alphabetical order as classes, and of the files.

    Raises
    ------
    FileMissingError, FileFormatError
        If there are not two classes, or a picture cannot be read; the message names it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    check_path(path)
    folders = class_folders(Path(path))
    found = [(label, file) for label, folder in enumerate(folders) for file in files.expand([str(folder)])]
    pictures = [bytes_of(file, (height, width), channels, crop) for _, file in found]
    wanted = max(picture.shape[0] for picture in pictures)
    images = np.stack([np.broadcast_to(picture, (wanted, height, width)) for picture in pictures])
    labels, names = np.array([label for label, _ in found]), tuple(str(file) for _, file in found)
    return Data(images, labels, tuple(folder.name for folder in folders), names)


def class_folders(path: Path) -> list[Path]:
    """Return the folders of the classes, in order."""
    if not path.is_dir():
        raise FileMissingError(
            f"data must be a folder of class folders, but {path} is no folder; check the path"
        )
    folders = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    if len(folders) < 2:
        raise FileMissingError(
            f"data must be a folder with a folder of pictures for each class, at least two; {path} has "
            f"{len(folders)}"
        )
    return folders
