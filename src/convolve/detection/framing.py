"""Pictures of any size in a frame of one size: scaled as a whole, in the middle, the rest grey."""

from pathlib import Path

import numpy as np

from convolve.detection.boxes import Letterbox
from convolve.dtypes import Array
from convolve.errors import ConvolveError, FileFormatError
from convolve.files import Picture, read
from convolve.files.picture import LIGHT
from convolve.nn.preprocessing import as_bytes, planes_of, resized

BARS = 114
"""Grey of the bars, of 255; what YOLO's networks have been trained with."""


def framed(
    picture: str | Path | Picture, frame: tuple[int, int], channels: int = 3
) -> tuple[Array, Letterbox]:
    """Return a picture in a frame, as bytes (channels, height, width), and where it lies there.

    Parameters
    ----------
    picture
        Any of the pictures that `files.read` reads.
    frame
        (height, width) in pixels.
    channels
        1 for grey, 3 for red, green and blue.

    Raises
    ------
    FileFormatError
        If it is no single picture.

    Examples
    --------
    >>> cells, where = framed(Picture(np.full((20, 40), 255, np.uint8), "YX"), (8, 8), 1)
    >>> cells[0, :, 0].tolist(), where.offset
    ([114, 114, 255, 255, 255, 255, 114, 114], (2, 0))
    """
    given = picture if isinstance(picture, Picture) else read(picture)
    try:
        planes = planes_of(given)
    except ConvolveError as error:
        named = "" if isinstance(picture, Picture) else f"{picture}: "
        raise FileFormatError(f"{named}{error}") from None
    if planes.shape[0] > channels:
        planes = np.tensordot(np.array(LIGHT, np.float32), planes, 1)[None]
    where = Letterbox((planes.shape[1], planes.shape[2]), frame)
    inner, (top, left) = where.inner, where.offset
    small = planes if inner == where.source else resized(planes, inner)
    cells = np.full((channels, *frame), BARS, np.uint8)
    cells[:, top : top + inner[0], left : left + inner[1]] = as_bytes(small)
    return cells, where
