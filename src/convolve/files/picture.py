"""The `Picture`: what a picture file holds, as an array that says what its dimensions are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from convolve.errors import FileAccessError, FileFormatError

LIGHT = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a grey picture: ITU-R BT.601, as Pillow has them."""

LARGEST_PIXELS = 1 << 28
"""Numbers in a TIFF or .npy beyond which it is refused by its header, before anything is decoded: a stack of
64 planes of 2048×2048 passes, 1 GB as float32."""

LARGEST_PACKED = 1 << 27
"""Pixels of all frames together beyond which a PNG, JPEG, WebP, BMP or GIF is refused by its header: a scan
of 11585×11585 passes, 512 MB as RGBA. A few kilobytes can claim far more (a decompression bomb). It stays
below the 178,956,970 at which Pillow refuses, so that our own words are what a person reads."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture, a film or a stack.

    Attributes
    ----------
    array
        The numbers, of the dtype that the file has.
    axes
        One letter per dimension: T time, Z depth, Y rows, X columns, C colours or channels, I any other.
    alpha
        Whether the last entry along C is opacity.
    spacing
        Size of a cell per dimension, None where it is not known.
    unit
        Unit of ``spacing``, such as "µm".
    notes
        What was converted on reading, in words for the person who asked.
    metadata
        What goes along into a file that can hold it: "icc", "exif", "durations" (ms per frame), "loop";
        "nifti" (the header), "affine" (from cells to mm), "moved" (from cells to those of the file).
    """

    array: NDArray[Any]
    axes: str
    alpha: bool = False
    spacing: tuple[float | None, ...] | None = None
    unit: str | None = None
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if len(self.axes) != self.array.ndim:
            raise FileFormatError(
                f"axes must name every dimension: {self.axes!r} has {len(self.axes)} letters and the array "
                f"{self.array.ndim} dimensions, {self.array.shape}; give one letter for each"
            )

    @property
    def channel_axis(self) -> int | None:
        """Which dimension holds the channels, or None."""
        place = self.axes.find("C")
        return None if place < 0 else place


def check_size(shape: tuple[int, ...], name: str, limit: int = LARGEST_PIXELS) -> None:
    """Refuse a picture that is larger than a file may make us allocate."""
    pixels = math.prod(shape)
    if pixels > limit:
        raise FileFormatError(
            f"a picture may have at most {limit} pixels, but the header of {name} says "
            f"{'×'.join(map(str, shape))} = {pixels}; cut it into smaller files"
        )


def check_path(path: str | Path) -> None:
    """Refuse a path that the system cannot look up, before `pathlib` raises whatever it finds."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:  # too long, no rights, a circle of links, a NUL
        reason = getattr(error, "strerror", None) or error
        raise FileAccessError(
            f"a path must be one that can be looked up, but {str(path)[:60]!r} gives: {reason}; check its "
            "length and the rights of its folder"
        ) from error
