"""Films from numbered pictures: a folder, or a pattern such as frames/%04d.png."""

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from convolve import files
from convolve.errors import FileFormatError, FileMissingError
from convolve.files import Picture
from convolve.video.colours import FULL, Colours
from convolve.video.library import ffmpeg
from convolve.video.pixels import PLANAR, Pixels, plane_arrays
from convolve.video.source import Header, check_frame_size

NUMBER = re.compile(r"%(0\d+)?d")
"""Where the number stands in a pattern, as in C and in ffmpeg."""


class PictureSource:
    """Numbered pictures, each a frame; see `Source` for what it gives."""

    live = False
    copied: tuple[Any, ...] = ()

    def __init__(self, place: str, rate: Fraction, seconds: float | None = None) -> None:
        self.notes: list[str] = []
        self.metadata: dict[str, str] = {}
        self.chapters: list[Any] = []
        self._stopped = False
        found = numbered(place)
        self._say_what_is_missing([number for number, _ in found])
        wanted = len(found) if seconds is None else max(1, int(rate * Fraction(seconds)))
        self._paths = [path for _, path in found][:wanted]
        self._first = files.read(self._paths[0])
        pixels = pixels_of(self._first, self._paths[0])
        height, width = self._first.array.shape[:2]
        check_frame_size(height, width, str(self._paths[0]))
        self.header = Header(
            height, width, pixels.name, pixels, 1 / rate, rate, Colours(space=2, range=FULL),
            about=len(self._paths),
        )  # fmt: skip

    def _say_what_is_missing(self, numbers: list[int]) -> None:
        gaps = sum(after - before > 1 for before, after in itertools.pairwise(numbers))
        if gaps:
            self.notes.append(
                f"the numbers of the pictures have {gaps} gap{'s' if gaps > 1 else ''}, which the film has "
                "not"
            )

    def items(self) -> Iterator[Any]:
        """Yield one frame for each picture."""
        shape, dtype = self._first.array.shape, self._first.array.dtype
        for index, path in enumerate(self._paths):
            if self._stopped:
                return
            picture = files.read(path)
            if picture.array.shape != shape or picture.array.dtype != dtype:
                raise FileFormatError(
                    f"all frames of a film must be alike, but {path} is {picture.array.shape} "
                    f"{picture.array.dtype}, the first one {shape} {dtype}; make them alike"
                )
            yield frame_of(picture.array, self.header, index)

    def stop(self) -> None:
        """Yield no more frames after the present one."""
        self._stopped = True

    def close(self) -> None:
        """Let go of nothing: each file is closed as soon as it is read."""


def numbered(place: str) -> list[tuple[int, Path]]:
    """Return the pictures of a folder or pattern with their numbers, in order of these."""
    path = Path(place)
    if NUMBER.search(path.name):
        before, after = (re.escape(part) for part in NUMBER.split(path.name)[::2])
        name = re.compile(f"{before}(\\d+){after}")
        inside = path.parent.iterdir() if path.parent.is_dir() else iter(())
        found = [(match[1], one) for one in inside if (match := name.fullmatch(one.name))]
        if not found:
            raise FileMissingError(f"the pattern {place!r} matches no file; check the path")
    else:
        inside = iter(files.expand([place]))
        found = [(match[1], one) for one in inside if (match := re.search(r"(\d+)\D*$", one.stem))]
        if not found:
            raise FileMissingError(
                f"pictures that make a film must have numbers in their names, but those in {place} have "
                "none; rename them to 0001.png and so on"
            )
    return sorted((int(number), one) for number, one in found)


def pixels_of(picture: Picture, path: Path) -> Pixels:
    """Return how frames of such pictures are stored."""
    if picture.alpha or picture.axes not in ("YX", "YXC") or picture.array.dtype not in (np.uint8, np.uint16):
        what = "transparency" if picture.alpha else f"{picture.axes} {picture.array.dtype}"
        raise FileFormatError(
            f"the frames of a film must be grey or RGB in 8 or 16 bits, but {path} has {what}; convert it"
        )
    if picture.axes == "YXC" and picture.array.shape[-1] != 3:
        raise FileFormatError(
            f"a frame in colours must have 3 channels, but {path} has {picture.array.shape[-1]}; convert it"
        )
    stem = "gray" if picture.axes == "YX" else "gbrp"
    return PLANAR[stem if picture.array.dtype == np.uint8 else f"{stem}16le"]


def frame_of(array: Any, header: Header, index: int) -> Any:
    """Return an array of rows, columns and perhaps red, green, blue as PyAV's frame."""
    frame = ffmpeg().VideoFrame(header.width, header.height, header.pixels.name)
    channels = (array,) if array.ndim == 2 else (array[..., 1], array[..., 2], array[..., 0])
    for plane, channel in zip(plane_arrays(frame, header.pixels), channels, strict=True):
        plane[...] = channel
    frame.pts, frame.time_base, frame.duration = index, header.time_base, 1
    return frame
