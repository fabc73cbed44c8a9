"""Small films for the tests of this room: made on the spot, and read back number by number."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from convolve.video.colours import Colours
from convolve.video.pixels import PLANAR, nearest, plane_arrays
from convolve.video.writing import Pictures, writing
from tests.peers import peer

av = peer("av")  # without it the modules that import this one are left out
Planes = list[np.ndarray]


def planes(seed: int, pixels: str, height: int, width: int, count: int) -> list[Planes]:
    """Return random frames, plane by plane."""
    form, draw = PLANAR[pixels], np.random.default_rng(seed)
    cells = [form.factors(number) for number in range(form.planes)]
    sizes = [(-(-height // down), -(-width // across)) for down, across in cells]
    top = 1 << form.bits
    return [[draw.integers(0, top, size).astype(form.dtype) for size in sizes] for _ in range(count)]


def frame(pixels: str, content: Planes, stamp: int, base: Fraction) -> Any:
    """Return planes as PyAV's frame."""
    made = av.VideoFrame(content[0].shape[1], content[0].shape[0], pixels)
    for room, plane in zip(plane_arrays(made, PLANAR[pixels]), content, strict=True):
        room[...] = plane
    made.pts, made.time_base = stamp, base
    return made


def film(
    path: Path,
    content: list[Planes],
    pixels: str = "yuv420p",
    *,
    codec: str = "ffv1",
    stamps: list[int] | None = None,
    base: Fraction = Fraction(1, 25),
    colours: Colours | None = None,
) -> Path:
    """Write frames as a film; lossless unless another codec is named."""
    form = PLANAR[pixels]
    size = content[0][0].shape
    pictures = Pictures(size, form, form, base, Fraction(25), colours or Colours())
    with writing(path, pictures, codec=codec, force=True) as out:
        for number, one in enumerate(content):
            out.write(frame(pixels, one, number if stamps is None else stamps[number], base))
    return path


def decoded(path: Path) -> tuple[list[Planes], list[Fraction], Any]:
    """Return a film's planes as they are stored, its time stamps in seconds, and its last frame."""
    found, times, last = [], [], None
    with av.open(str(path)) as container:
        for last in container.decode(video=0):
            found.append([plane.copy() for plane in plane_arrays(last, nearest(last.format))])
            times.append(last.pts * last.time_base)
    return found, times, last
