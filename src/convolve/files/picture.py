"""The `Picture`: what a picture file holds, as an array that says what its dimensions are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from convolve.errors import FileFormatError

LARGEST_PIXELS = 1 << 28
"""Pixels of all frames together beyond which a file is refused by its header, before anything is decoded:
a scan of 16384×16384 passes, 805 MB as RGB. A PNG of a few kilobytes can claim far more (a decompression
bomb)."""


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
        What goes along into a file that can hold it: "icc", "exif", "durations" (ms per frame), "loop".
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


def check_size(shape: tuple[int, ...], name: str) -> None:
    """Refuse a picture that is larger than a file may make us allocate."""
    pixels = math.prod(shape)
    if pixels > LARGEST_PIXELS:
        raise FileFormatError(
            f"a picture may have at most {LARGEST_PIXELS} pixels, but the header of {name} says "
            f"{'×'.join(map(str, shape))} = {pixels}; cut it into smaller files"
        )
