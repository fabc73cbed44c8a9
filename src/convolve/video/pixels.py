"""How the numbers of a frame lie in memory, and the same numbers as arrays.

FFmpeg has some 200 ways. Frames are filtered in the planar ones of `PLANAR`, where every colour or colour
difference has a plane of its own; all others are converted to the nearest of them first.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from convolve.dtypes import Array, DType

Kind = Literal["yuv", "rgb", "grey"]


@dataclass(frozen=True, slots=True)
class Pixels:
    """One planar way to store pixels.

    Attributes
    ----------
    name
        FFmpeg's.
    kind
        "yuv": brightness and two colour differences; "rgb": planes in the order green, blue, red; "grey".
    bits
        Per number; those of more than 8 lie in 16.
    shared
        Rows and columns of pixels that share one colour difference: (2, 2) for the usual 4:2:0.
    """

    name: str
    kind: Kind
    bits: int
    shared: tuple[int, int] = (1, 1)

    @property
    def dtype(self) -> DType:
        """Of the planes."""
        return np.dtype(np.uint8 if self.bits == 8 else np.uint16)

    @property
    def planes(self) -> int:
        """Number of planes."""
        return 1 if self.kind == "grey" else 3

    def factors(self, plane: int) -> tuple[int, int]:
        """Return how many rows and columns of pixels one number of a plane stands for."""
        return self.shared if self.kind == "yuv" and plane else (1, 1)

    def bytes_of(self, height: int, width: int) -> int:
        """Return the size of a frame in memory."""
        each = [self.factors(plane) for plane in range(self.planes)]
        return sum(-(-height // down) * -(-width // across) for down, across in each) * self.dtype.itemsize


SHARED = {"420": (2, 2), "422": (1, 2), "440": (2, 1), "444": (1, 1), "411": (1, 4), "410": (4, 4)}
"""4:2:0 and its relatives: rows and columns of pixels per colour difference."""


def _name(stem: str, bits: int) -> str:
    return stem if bits == 8 else f"{stem}{bits}le"


PLANAR: dict[str, Pixels] = {
    one.name: one
    for bits in (8, 10, 12, 16)
    for one in (
        *(Pixels(_name(f"yuv{digits}p", bits), "yuv", bits, shared) for digits, shared in SHARED.items()
          if bits == 8 or digits in ("420", "422", "444")),
        Pixels(_name("gbrp", bits), "rgb", bits),
        Pixels(_name("gray", bits), "grey", bits),
    )
}  # fmt: skip
"""Name -> the planar ways that frames are filtered in."""


def nearest(format: Any) -> Pixels:
    """Return the planar way that holds the pixels of one of FFmpeg's formats, transparency left out."""
    plain = format.name.replace("yuvj", "yuv")  # yuvj: an old name for yuv with values from 0 to 255
    if plain in PLANAR:
        return PLANAR[plain]
    seen = [one for one in format.components if not one.is_alpha]
    most = max(one.bits for one in seen)
    bits = min(known for known in (8, 10, 12, 16) if known >= min(most, 16))
    if format.is_rgb or format.has_palette:
        return PLANAR[_name("gbrp", 8 if bits == 8 else 16)]
    chroma = [one for one in seen if one.is_chroma]
    if not chroma:
        return PLANAR[_name("gray", bits)]
    shared = (round(format.height / chroma[0].height), round(format.width / chroma[0].width))
    digits = next((name for name, known in SHARED.items() if known == shared), "444")
    return PLANAR.get(_name(f"yuv{digits}p", bits), PLANAR[_name("yuv444p", bits)])


def for_rgb(pixels: Pixels) -> Pixels:
    """Return the colours red, green and blue in as many bits, 8 or 16, so that their range is a dtype's."""
    return PLANAR["gbrp" if pixels.bits == 8 else "gbrp16le"]


def plane_arrays(frame: Any, pixels: Pixels) -> list[Array]:
    """Return the planes of a frame as arrays of rows and columns, without a copy."""
    found = []
    for plane in frame.planes[: pixels.planes]:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, abs(plane.line_size))
        if plane.line_size < 0:  # some files are stored from the last row to the first
            rows = rows[::-1]
        found.append(rows.view(pixels.dtype)[:, : plane.width])
    return found
