"""Films into files: compressed anew, with times, colours, sound and subtitles kept; whole or not at all."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from convolve.errors import ConvolveError, FileAccessError, FileFormatError
from convolve.files import atomic
from convolve.runtime.threads import get_num_threads
from convolve.video.colours import Colours, Converter
from convolve.video.containers import Codec, Container, codec_of, of_suffix
from convolve.video.encoding import written_pixels
from convolve.video.library import ffmpeg, is_frame, trouble
from convolve.video.pixels import Pixels
from convolve.video.source import Source

FILE_FACTS = ("major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "duration")
"""What a file's metadata says of the file itself: of the new one it would be wrong."""

ROUNDED = "time stamps were rounded to the milliseconds that this kind of file holds; .mp4 files keep them"
HALF = Fraction(1, 2)

NO_ROOM, TOO_LARGE = 28, 27
"""errno of a full disk and of a limit on the size of files."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the pictures to be written are like.

    Attributes
    ----------
    size
        Height and width.
    pixels
        In memory.
    stored
        Those of the film that they come from, which the new one shall have too.
    time_base, rate
        Seconds that a time stamp of 1 means; frames per second on the average.
    colours
        What the values mean.
    aspect
        Width of a pixel by its height.
    """

    size: tuple[int, int]
    pixels: Pixels
    stored: Pixels
    time_base: Fraction
    rate: Fraction
    colours: Colours
    aspect: Fraction = Fraction(1)


class FilmWriter:
    """Writes one film; made by `writing`. ``notes`` tell what could not be kept."""

    def __init__(
        self,
        path: Path,
        target: str,
        container: Container,
        codec: Codec,
        pictures: Pictures,
        source: Source | None,
    ) -> None:
        self.notes: list[str] = []
        self._name, self._container, self._pictures = str(path), container, pictures
        self._format, said = written_pixels(pictures.stored, pictures.size, codec)
        self.notes.extend(said)
        self._colours = pictures.colours.for_encoding(pictures.stored, self._format)
        self._convert = Converter()
        self._out = ffmpeg().open(target, "w", format=container.name)
        self._stream = self._picture_stream(codec)
        self._copies: dict[int, Any] = {}
        self._count, self._first = 0, 0
        if source is not None:
            self._keep_from(source)

    def _picture_stream(self, codec: Codec) -> Any:
        pictures = self._pictures
        rate = pictures.rate.limit_denominator(1 << 16)
        stream = self._out.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
        stream.height, stream.width = pictures.size
        stream.pix_fmt = self._format
        self._time_base = pictures.time_base if self._container.timed else 1 / rate
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.codec_context.sample_aspect_ratio = pictures.aspect
        stream.codec_context.thread_count = get_num_threads()
        self._colours.mark(stream.codec_context)
        return stream

    def _keep_from(self, source: Source) -> None:
        """Take over sound, subtitles, titles and chapters."""
        self._out.metadata.update(kept_facts(source.metadata))
        for stream in source.copied:
            if not can_hold(self._container, stream):
                what = {"audio": "sound"}.get(stream.type, stream.type)
                self.notes.append(
                    f"the {what} ({getattr(stream, 'name', 'damaged')}) was left out: {self._container.name} "
                    "files cannot hold it; .mkv files hold nearly anything"
                )
                continue
            copy = self._out.add_stream_from_template(stream)
            copy.metadata.update(kept_facts(stream.metadata))
            copy.disposition = stream.disposition
            self._copies[stream.index] = copy
        if source.chapters:
            self._out.set_chapters(source.chapters)

    def write(self, item: Any) -> None:
        """Write a frame, or a packet of a stream that is copied."""
        try:
            if is_frame(item):
                self._out.mux(self._stream.encode(self._ready(item)))
            elif item.stream.index in self._copies:
                item.stream = self._copies[item.stream.index]
                self._out.mux(item)
        except ConvolveError:
            raise
        except trouble() as error:
            raise self._failure(error) from error

    def _ready(self, frame: Any) -> Any:
        """Return a frame as the encoder takes it."""
        if not self._container.timed:
            self._number(frame)
        tick = self._container.tick
        if tick is not None and frame.pts * frame.time_base % tick and ROUNDED not in self.notes:
            self.notes.append(ROUNDED)
        self._count += 1
        stamp, base, lasts = frame.pts, frame.time_base, frame.duration
        ready = self._convert(frame, self._format, self._pictures.colours, self._colours)
        ready.pts, ready.time_base, ready.duration = stamp, base, lasts
        self._colours.mark(ready)
        return ready

    def _number(self, frame: Any) -> None:
        """Give a frame its number in a file without time stamps; refuse a film that does not tick evenly."""
        time = frame.pts * frame.time_base
        self._first = time if self._count == 0 else self._first
        place = (time - self._first) / self._time_base
        if abs(place - self._count) > HALF:
            raise FileFormatError(
                f"{self._container.name} files know one rate for all frames, but frame {self._count} comes "
                f"{float(time - self._first):.3f} s after the first, not "
                f"{float(self._count * self._time_base):.3f} s; write .mkv or .mp4, which keep times"
            )
        start = max(0, round(self._first / self._time_base))  # where it stands beside the sound
        frame.pts, frame.time_base, frame.duration = start + self._count, self._time_base, 1

    def finish(self) -> None:
        """Write what encoder and file still hold back."""
        try:
            self._out.mux(self._stream.encode())
            self._out.close()
        except trouble() as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Let go of a film that will not be finished."""
        with contextlib.suppress(*trouble()):
            self._out.close()

    def _failure(self, error: Any) -> FileAccessError | FileFormatError:
        """Return our own error for one of FFmpeg's."""
        reason = getattr(error, "strerror", None) or error
        if getattr(error, "errno", None) in (NO_ROOM, TOO_LARGE):
            return FileAccessError(f"{self._name} cannot be written: {reason}; nothing was changed")
        return FileFormatError(
            f"{self._name} cannot be written as {self._container.name} with "
            f"{self._stream.codec_context.name}: {reason}; try another suffix, such as .mkv"
        )


def can_hold(container: Container, stream: Any) -> bool:
    """Tell whether a kind of file can hold a stream, by trying to begin one."""
    try:
        with ffmpeg().open(io.BytesIO(), "w", format=container.name) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except trouble():
        return False
    return True


def kept_facts(metadata: dict[str, str]) -> dict[str, str]:
    """Return what metadata says of the film rather than of its file.

    >>> kept_facts({"title": "Storks", "encoder": "Lavf62"})
    {'title': 'Storks'}
    """
    return {name: text for name, text in metadata.items() if name.lower() not in FILE_FACTS}


@contextlib.contextmanager
def writing(
    path: Path,
    pictures: Pictures,
    *,
    source: Source | None = None,
    codec: str | None = None,
    force: bool = False,
) -> Iterator[FilmWriter]:
    """Give a `FilmWriter`, whose film takes its place when the block is over, and vanishes if that fails."""
    container = of_suffix(path)
    compressor = codec_of(codec, container)
    with atomic.beside(path, force=force) as part:
        writer = FilmWriter(path, f"file:{part}", container, compressor, pictures, source)
        try:
            yield writer
            writer.finish()
        except BaseException:
            writer.abandon()
            raise
        atomic.reach_the_disk(part)
