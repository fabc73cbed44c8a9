"""Films into numbered pictures: a pattern such as frames/%06d.png."""

from pathlib import Path
from typing import Any

import numpy as np

from convolve import files
from convolve.errors import FileFormatError
from convolve.files import Picture, atomic, formats
from convolve.video.colours import FULL, Colours, Converter
from convolve.video.library import is_frame
from convolve.video.pictures import NUMBER
from convolve.video.pixels import PLANAR, plane_arrays
from convolve.video.writing import Pictures


def is_pattern(path: str | Path) -> bool:
    """Tell whether a name stands for numbered pictures.

    >>> is_pattern("frames/%04d.png"), is_pattern("clip.mp4")
    (True, False)
    """
    return len(NUMBER.findall(Path(path).name)) == 1


class PicturesWriter:
    """Writes each frame as a picture, the first as number 1; a context manager."""

    def __init__(self, pattern: Path, pictures: Pictures, *, from_film: bool, force: bool) -> None:
        if not is_pattern(pattern):
            raise FileFormatError(f"a pattern must hold one number, such as frames/%06d.png; got {pattern}")
        formats.of_suffix(pattern)
        self._pattern, self._pictures, self._force, self._count = pattern, pictures, force, 0
        self._convert = Converter()
        atomic.refuse_existing(self._path(1), force=force)
        pattern.parent.mkdir(parents=True, exist_ok=True)
        lost = "pictures hold neither times nor sound, which were left out"
        self.notes = [lost] if from_film else []

    def _path(self, number: int) -> Path:
        return self._pattern.with_name(self._pattern.name % number)

    def write(self, item: Any) -> None:
        """Write a frame; leave out what is none."""
        if not is_frame(item):
            return
        self._count += 1
        grey = self._pictures.pixels.kind == "grey"
        bits = "" if self._pictures.stored.bits == 8 else "16le"
        wanted = PLANAR["gray" + bits if grey else "gbrp" + bits]
        frame = self._convert(item, wanted.name, self._pictures.colours, Colours(range=FULL))
        planes = plane_arrays(frame, wanted)
        array = planes[0] if grey else np.stack([planes[2], planes[0], planes[1]], axis=-1)
        files.write(self._path(self._count), Picture(array, "YX" if grey else "YXC"), force=self._force)

    def __enter__(self) -> "PicturesWriter":
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing is left to do: each picture is whole as soon as it is there."""
