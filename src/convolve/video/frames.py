"""Frames as arrays: one after the other out of a film, and into one."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array
from convolve.errors import FileFormatError
from convolve.files import Picture
from convolve.video.colours import FULL, Colours
from convolve.video.film import brought_to, opened_source
from convolve.video.library import is_frame
from convolve.video.pictures import frame_of, pixels_of
from convolve.video.pixels import for_rgb, plane_arrays
from convolve.video.source import Header
from convolve.video.writing import Pictures, writing


def read_frames(
    source: str | Path, *, rate: Fraction | float = 25, seconds: float | None = None
) -> Iterator[tuple[Fraction, Array]]:
    """Yield a film's frames as arrays, each with its time in seconds.

    Parameters
    ----------
    source, rate, seconds
        As in `filter_film`.

    Yields
    ------
    fractions.Fraction, numpy.ndarray
        The time, exactly, and red, green and blue as they are meant to be seen: (rows, columns, 3), uint8, or
        uint16 over its whole range for films of more than 8 bits.

    Raises
    ------
    FileFormatError, FileMissingError, FileAccessError
        As in `filter_film`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "clip.mkv"
    ...     written = write_frames(path, [np.zeros((16, 24, 3), np.uint8)] * 2, rate=10, codec="ffv1")
    ...     [(str(seconds), frame.shape) for seconds, frame in read_frames(path)]
    [('0', (16, 24, 3)), ('1/10', (16, 24, 3))]
    """
    with closing(opened_source(str(source), Fraction(rate), seconds)) as film:
        pixels = for_rgb(film.header.pixels)
        for frame in filter(is_frame, brought_to(film, pixels)):
            green, blue, red = map(film.header.turn, plane_arrays(frame, pixels))
            yield frame.pts * frame.time_base, np.stack([red, green, blue], axis=-1)


def write_frames(
    destination: str | Path,
    frames: Iterable[ArrayLike],
    *,
    rate: Fraction | float = 25,
    codec: str | None = None,
    force: bool = False,
) -> int:
    """Write arrays as a film.

    Parameters
    ----------
    destination, codec, force
        As in `filter_film`; a film, no pattern.
    frames
        Equal arrays of rows and columns (grey), or rows, columns and red, green, blue; uint8 or uint16.
    rate
        Frames per second.

    Returns
    -------
    int
        How many frames were written.

    Raises
    ------
    FileFormatError
        If frames differ, are of another kind, or there is none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_frames(Path(folder) / "clip.mp4", [np.zeros((16, 24), np.uint8)] * 3)
    3
    """
    every = (np.asarray(frame) for frame in frames)
    first = next(every, None)
    if first is None:
        raise FileFormatError("a film must hold frames, but there is none to write; give at least one")
    path, per_second = Path(destination), Fraction(rate).limit_denominator(1 << 16)
    pixels = pixels_of(
        Picture(first, "YXC"[: first.ndim] if first.ndim in (2, 3) else "I" * first.ndim), path
    )
    height, width = first.shape[:2]
    header = Header(height, width, pixels.name, pixels, 1 / per_second, per_second, Colours(range=FULL))
    pictures = Pictures((height, width), pixels, pixels, 1 / per_second, per_second, header.colours)
    count = 1
    with writing(path, pictures, codec=codec, force=force) as out:
        out.write(frame_of(first, header, 0))
        for frame in every:
            if frame.shape != first.shape or frame.dtype != first.dtype:
                raise FileFormatError(
                    f"all frames of a film must be alike, but frame {count} is {frame.shape} {frame.dtype}, "
                    f"the first one {first.shape} {first.dtype}; make them alike"
                )
            out.write(frame_of(frame, header, count))
            count += 1
    return count
