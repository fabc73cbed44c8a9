"""`filter_film`: from a source of frames to a film, decoded, filtered and compressed side by side."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.filters import Filter
from convolve.pictures import Range, Report
from convolve.video.ahead import ahead
from convolve.video.colours import FULL, Colours, Converter
from convolve.video.devices import PREFIX, DeviceSource
from convolve.video.filtering import FilmFilter
from convolve.video.library import is_frame
from convolve.video.numbering import PicturesWriter, is_pattern
from convolve.video.pictures import PictureSource
from convolve.video.pixels import Pixels
from convolve.video.reading import FileSource
from convolve.video.source import Source
from convolve.video.writing import FilmWriter, Pictures, writing

Progress = Callable[[int, int | None], None]
"""Is told how many frames are done, and how many there should be, if that is known."""

QUEUED = 1 << 26
"""Bytes of frames that wait between two threads, 64 MiB; at least `FEWEST` of them, whatever their size."""
FEWEST, MOST = 2, 4
"""Frames that wait: two keep both threads busy, more than four only make memory rise and fall."""


@dataclass(frozen=True, slots=True)
class FilmReport:
    """What `filter_film` did.

    Attributes
    ----------
    frames
        How many were written.
    seconds
        From the first frame's time stamp to the last one's.
    elapsed
        Seconds that it took.
    clipped
        What became of the values of the first frame, or the first few.
    notes
        What was converted, left out or found wrong, in words.
    """

    frames: int
    seconds: float
    elapsed: float
    clipped: Report
    notes: tuple[str, ...]


def filter_film(
    source: str | Path,
    destination: str | Path,
    kernel: ArrayLike | str | Filter,
    *,
    stride: Size = 1,
    padding: PaddingArgument = "same",
    padding_mode: PaddingMode = "reflect",
    flip: bool = False,
    range: Range = "clip",
    rate: Fraction | float = 25,
    seconds: float | None = None,
    codec: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> FilmReport:
    """Apply one filter to a film, and write the film that results.

    Frames are filtered as photographs are, as red, green and blue. A filter of three dimensions slides
    through time (its first dimension), rows and columns. Each result has the time stamp of the frame in the
    middle of its window; time stamps, colours, sound, subtitles, titles and chapters are kept. Memory does
    not grow with the film.

    Parameters
    ----------
    source
        A film; a folder of numbered pictures, or a pattern of them ("frames/%04d.png"); or "device:0", a
        webcam.
    destination
        A film, whose suffix says how it is compressed (.mp4, .mov, .mkv: H.264; .webm: VP9; .avi: MPEG-4),
        or a pattern for numbered pictures.
    kernel
        As in `convolve.apply`, of 2 or 3 dimensions; a filter of one dimension counts as a row.
    stride, padding, padding_mode, flip
        As in `convolve.apply`. A stride in time keeps every nth frame; there "same" means the padding of
        stride 1, and "circular" is refused, for a film's end is not known at its beginning.
    range
        What becomes of values that a film cannot hold: "clip", "abs" or "offset", as in
        `convolve.pictures.filter_picture`.
    rate
        Frames per second of numbered pictures.
    seconds
        Filter so much of the source; all without.
    codec
        "h264", "vp9", "mpeg4" or "ffv1", which is lossless; the suffix says it without.
    force
        Whether an existing file may be replaced.
    progress
        Is called after each frame.

    Returns
    -------
    FilmReport
        How many frames, how fast, and what is worth knowing.

    Raises
    ------
    FileFormatError
        If a film is damaged, of a kind that is not read, or cannot be written so.
    FileMissingError, FileExistsRefusal, FileAccessError
        As `convolve.files.read` and `convolve.files.write` raise them.
    ArgumentError
        If an option has no meaning for a film.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from convolve.video import read_frames, write_frames
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clip, change = Path(folder) / "clip.mkv", Path(folder) / "change.mkv"
    ...     flash = [np.full((16, 16), shade, np.uint8) for shade in (50, 50, 90, 50)]
    ...     written = write_frames(clip, flash, codec="ffv1")
    ...     report = filter_film(clip, change, np.array([[[-1]], [[1]]]), range="abs", codec="ffv1")
    ...     [int(frame[0, 0, 0]) for _, frame in read_frames(change)]
    [0, 40, 40, 40]
    """
    started = time.perf_counter()
    with closing(opened_source(str(source), Fraction(rate), seconds)) as film:
        prepared = FilmFilter(
            film.header,
            kernel,
            stride=stride,
            padding=padding,
            padding_mode=padding_mode,
            flip=flip,
            range=range,
        )
        pictures = result_pictures(film, prepared)
        depth = max(FEWEST, min(MOST, QUEUED // pictures.pixels.bytes_of(*film.header.size)))
        with _destination(Path(destination), pictures, film, codec, force) as out, _stoppable(film):
            decoded = ahead(brought_to(film, prepared.pixels), depth)
            filtered = ahead(prepared.frames(decoded), depth)
            with closing(decoded), closing(filtered):
                count, lasted = _deliver(filtered, out, film, prepared, progress)
        notes = (*film.notes, *out.notes)
    assert prepared.report is not None
    return FilmReport(count, lasted, time.perf_counter() - started, prepared.report, notes)


def opened_source(source: str, rate: Fraction, seconds: float | None) -> Source:
    """Return the source of frames that a name stands for."""
    if source.startswith(PREFIX):
        return DeviceSource(source, seconds)
    if is_pattern(source) or Path(source).is_dir():
        return PictureSource(source, rate, seconds)
    return FileSource(Path(source), seconds)


def brought_to(film: Source, pixels: Pixels) -> Iterator[Any]:
    """Yield the items of a film, its frames in a planar format."""
    convert, colours = Converter(), film.header.colours
    target = Colours(range=FULL) if pixels.kind == "rgb" else colours
    for item in film.items():
        if is_frame(item) and item.format.name != pixels.name:
            stamp, base, lasts = item.pts, item.time_base, item.duration
            item = convert(item, pixels.name, colours, target)
            item.pts, item.time_base, item.duration = stamp, base, lasts
        yield item


def result_pictures(film: Source, prepared: FilmFilter) -> Pictures:
    """Return what the frames to be written are like."""
    header = film.header
    down, across = prepared.strides
    every = prepared.time.stride if prepared.time else 1
    return Pictures(
        prepared.size, prepared.pixels, header.pixels, header.time_base, header.rate / every, header.colours,
        header.aspect * across / down,
    )  # fmt: skip


def _destination(
    path: Path, pictures: Pictures, film: Source, codec: str | None, force: bool
) -> AbstractContextManager[FilmWriter | PicturesWriter]:
    if is_pattern(path):
        from_film = not isinstance(film, PictureSource)
        return PicturesWriter(path, pictures, from_film=from_film, force=force)
    return writing(path, pictures, source=film, codec=codec, force=force)


def _deliver(
    items: Iterator[Any],
    out: FilmWriter | PicturesWriter,
    film: Source,
    prepared: FilmFilter,
    progress: Progress | None,
) -> tuple[int, float]:
    """Write all items; return how many frames there were, and how long the film is."""
    every = prepared.time.stride if prepared.time else 1
    about = film.header.about and -(-film.header.about // every)
    count, first, last = 0, Fraction(0), Fraction(0)
    for item in items:
        if is_frame(item):
            last = item.pts * item.time_base
            first = last if count == 0 else first
            count += 1
        out.write(item)
        if progress is not None and is_frame(item):
            progress(count, about)
    return count, float(last - first)


@contextmanager
def _stoppable(film: Source) -> Iterator[None]:
    """Let Ctrl-C end what a camera records, as a film that is whole, instead of giving it up."""
    if not film.live or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda _number, _frame: film.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
