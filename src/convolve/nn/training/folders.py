"""A folder of class folders of pictures, as data: cats/1.png, cats/2.jpg, dogs/1.png and so on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convolve import files
from convolve.dtypes import Array
from convolve.errors import ConvolveError, FileFormatError, FileMissingError
from convolve.files import Picture
from convolve.files.picture import check_path
from convolve.nn.graph import make_node
from convolve.nn.inference import run_node
from convolve.nn.training.data import Data

RESIZE = make_node(
    "Resize", ["image", "", "", "sizes"], ["resized"], "resize", {"mode": "linear", "antialias": 1}
)


def image_folder(path: str | Path, size: int | Sequence[int] = 32, channels: int | None = None) -> Data:
    """Read a folder whose folders are named by what the pictures in them show.

    Parameters
    ----------
    path
        The folder.
    size
        Height and width that every picture gets: it is scaled until it covers them, and its middle is taken.
    channels
        3 for colours, 1 for grey; by default 1 if all pictures are grey.

    Returns
    -------
    Data
        Bytes, and the names of the folders in alphabetical order as classes.

    Raises
    ------
    FileMissingError, FileFormatError
        If there are not two classes, or a picture cannot be read; the message names it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    check_path(path)
    folders = class_folders(Path(path))
    found = [(label, file) for label, folder in enumerate(folders) for file in files.expand([str(folder)])]
    pictures = [_small(file, (height, width), channels) for _, file in found]
    wanted = max(picture.shape[0] for picture in pictures)
    images = np.stack([np.broadcast_to(picture, (wanted, height, width)) for picture in pictures])
    return Data(images, np.array([label for label, _ in found]), tuple(folder.name for folder in folders))


def _small(file: Path, size: tuple[int, int], channels: int | None) -> Array:
    """Return one picture of the size that is wanted, which is all of it that is kept in memory."""
    cells = cells_of(file)
    return fitted(cells, size, channels or cells.shape[0])


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


def cells_of(file: Path) -> Array:
    """Return one picture as (channels, height, width) from 0 to 1, 1 channel if it is grey, else 3."""
    picture = files.read(file)
    if picture.axes not in ("YX", "YXC"):
        raise FileFormatError(
            f"{file} must be one picture, not a film or a stack; its axes are {picture.axes}"
        )
    try:
        return _in_planes(picture)
    except ConvolveError as error:
        raise FileFormatError(f"{file}: {error}") from None


def _in_planes(picture: Picture) -> Array:
    array = picture.array
    if array.dtype.kind in "iu":
        array = np.asarray(array / np.iinfo(array.dtype).max, np.float32)
    cells = array.astype(np.float32).reshape(*array.shape[:2], -1)
    if picture.alpha:  # what cannot be seen is black
        cells = cells[..., :-1] * cells[..., -1:]
    if cells.shape[2] not in (1, 3):
        raise FileFormatError(
            f"a picture must be grey or have three colours, it has {cells.shape[2]} channels"
        )
    return np.moveaxis(cells, 2, 0)


def fitted(cells: Array, size: tuple[int, int], channels: int) -> Array:
    """Return a picture of one size and number of channels, as bytes."""
    if cells.shape[0] > channels:
        weights = np.array([0.299, 0.587, 0.114], np.float32)  # of light, ITU-R BT.601, as Pillow has it
        cells = np.tensordot(weights, cells, 1)[None]
    scale = max(wanted / given for wanted, given in zip(size, cells.shape[1:], strict=True))
    covering = [
        max(wanted, round(given * scale)) for wanted, given in zip(size, cells.shape[1:], strict=True)
    ]
    sizes = np.array([1, cells.shape[0], *covering])
    (resized,) = run_node(RESIZE, [cells[None], None, None, sizes])
    top, left = ((given - wanted) // 2 for given, wanted in zip(covering, size, strict=True))
    middle = resized[0, :, top : top + size[0], left : left + size[1]]
    repeated = np.broadcast_to(middle, (channels, *size))
    return np.asarray(np.rint(np.clip(repeated, 0, 1) * 255), np.uint8)
