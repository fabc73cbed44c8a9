"""Films from files: frames one after the other, each with its own time; nothing in a header is believed."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from convolve.errors import FileAccessError, FileFormatError, FileMissingError
from convolve.files.picture import check_path
from convolve.runtime.threads import get_num_threads
from convolve.video.colours import HDR_TRANSFERS, Colours
from convolve.video.containers import DECODERS, READERS, of_suffix
from convolve.video.library import ffmpeg, is_frame, trouble
from convolve.video.pixels import nearest
from convolve.video.source import LARGEST_FRAME, Header, check_frame_size
from convolve.video.turning import turn_of

OPTIONS = {"format_whitelist": READERS, "protocol_whitelist": "file", "max_pixels": str(LARGEST_FRAME)}
"""FFmpeg opens the file alone, as one of the `CONTAINERS`, and no frame larger than is allowed."""

MICROSECONDS = 1_000_000
"""Per second: FFmpeg's unit for the length of a file."""

LEAST_MISSING = Fraction(1), Fraction(1, 20)
"""Seconds, and part of a film's length, that must be missing at its end before it is said: streams of one
film end at slightly different times, and lengths are rounded."""

GUESSED_RATE = Fraction(25)
"""Frames per second where a file does not say them; for rate control only, times are those of the frames."""


class FileSource:
    """A film in a file; a context manager. See `Source` for what it gives.

    Parameters
    ----------
    path
        Of the film.
    seconds
        Read so much of it; all without.

    Raises
    ------
    FileMissingError, FileAccessError
        If there is no such file or it cannot be read.
    FileFormatError
        If it is damaged, of another kind than `CONTAINERS`, or without pictures.
    """

    live = False

    def __init__(self, path: Path, seconds: float | None = None) -> None:
        check_path(path)
        of_suffix(path)
        if not path.is_file():
            raise FileMissingError(
                f"a film must exist to be read, but there is no file {path}; check the path"
            )
        self.name, self.notes, self._seconds = str(path), [], seconds
        self._stopped = False
        self._container = opened(f"file:{path}", self.name, options=OPTIONS)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    notes: list[str]
    _items: Any = None

    def _start(self) -> None:
        """Decode up to the first frame: only that tells what frames are like."""
        self._stream = picture_stream(self._container, self.name)
        check_decoder(self._stream, self.name)
        others = [one for one in self._container.streams if one.type in ("audio", "subtitle")]
        self.copied = tuple(others)
        self.metadata = dict(self._container.metadata)
        self.chapters = self._container.chapters()
        self._note_the_left_out()
        self._items = self._decoded()
        head = []
        for item in self._items:
            head.append(item)
            if is_frame(item):
                break
        else:
            raise FileFormatError(
                f"a film must hold pictures, but none can be decoded in {self.name}; get it again"
            )
        self.header = header_of(self._stream, head[-1], self.notes)
        self._head = head

    def _note_the_left_out(self) -> None:
        kinds = {one.type for one in self._container.streams} - {"video", "audio", "subtitle"}
        kinds -= {"data"} if self.chapters else set()  # the track of their titles, which are kept
        if kinds:
            self.notes.append(f"left out: {', '.join(sorted(str(kind) for kind in kinds))} streams")
        if sum(one.type == "video" for one in self._container.streams) > 1:
            self.notes.append("left out: all but the first film, such as a cover picture")

    def items(self) -> Iterator[Any]:
        """Yield frames and packets of other streams, once."""
        head, self._head = self._head, []
        limit, seen, before, end = self._limit(head), 0, None, Fraction(0)
        for item in itertools.chain(head, self._items):
            if limit is not None and item.pts is not None and item.pts * item.time_base >= limit:
                if is_frame(item):
                    break
                continue
            if self._stopped:
                break
            if is_frame(item):
                before = self._checked(item, seen, before)
                seen += 1
            if item.pts is not None:
                end = max(end, item.pts * Fraction(item.time_base))
            yield item
        if self._seconds is None and not self._stopped:
            self._note_what_is_missing(seen, end)

    def _note_what_is_missing(self, seen: int, end: Fraction) -> None:
        """Say it if there are fewer frames, or less time, than the header says."""
        expected = self.header.expected
        if expected not in (None, seen):
            self.notes.append(f"the header says {expected} frames, there are {seen}")
        lasts = Fraction(self._container.duration or 0, MICROSECONDS)
        missing = lasts + Fraction(self._container.start_time or 0, MICROSECONDS) - end
        if expected is None and missing > max(LEAST_MISSING[0], LEAST_MISSING[1] * lasts):
            self.notes.append(
                f"the header says {float(lasts):.1f} s, {float(missing):.1f} s of it are missing: the film "
                "may be cut off"
            )

    def _limit(self, head: list[Any]) -> Fraction | None:
        """Return the time at which to stop."""
        if self._seconds is None or not head:
            return None
        return (head[-1].pts or 0) * self.header.time_base + Fraction(self._seconds)

    def _decoded(self) -> Iterator[Any]:
        """Yield frames and packets; say where the file is damaged, if it is."""
        count = 0
        try:
            for packet in self._container.demux(self._stream, *self.copied):
                if packet.stream is not self._stream:
                    if packet.dts is not None:
                        yield packet
                    continue
                for frame in packet.decode():
                    count += 1
                    yield frame
        except trouble() as error:
            reason = getattr(error, "strerror", None) or error
            raise FileFormatError(
                f"{self.name} is damaged after frame {count}: {reason}; get it again, or take what "
                "is there with ffmpeg -err_detect ignore_err"
            ) from error

    def _checked(self, frame: Any, index: int, before: int | None) -> int:
        """Return a frame's time stamp, made up where there is none; refuse a frame unlike the first."""
        header = self.header
        if (frame.height, frame.width, frame.format.name) != (header.height, header.width, header.format):
            raise FileFormatError(
                f"all frames of a film must be alike, but frame {index} of {self.name} is {frame.width}×"
                f"{frame.height} {frame.format.name}, the first one {header.width}×{header.height} "
                f"{header.format}; make them alike with ffmpeg"
            )
        if frame.pts is None:
            step = max(1, round(1 / (header.rate * header.time_base)))
            frame.pts = 0 if before is None else before + step
        frame.time_base = header.time_base
        if before is not None and frame.pts <= before:
            raise FileFormatError(
                f"time stamps of a film must grow, but frame {index} of {self.name} comes at {frame.pts} "
                f"after one at {before} (in {header.time_base} s); mend it with ffmpeg -fps_mode vfr"
            )
        if frame.is_corrupt:
            self._say_once("the file is damaged: some frames were patched up by the decoder")
        if frame.interlaced_frame:
            self._say_once(
                "the film is interlaced: two half pictures of different times are filtered as one; "
                "take them apart first, with ffmpeg -vf bwdif"
            )
        return int(frame.pts)

    def _say_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def stop(self) -> None:
        """Yield no more frames after the present one."""
        self._stopped = True

    def close(self) -> None:
        """Close the file."""
        if self._items is not None:
            self._items.close()
        self._container.close()

    def __enter__(self) -> "FileSource":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def opened(target: str, name: str, **how: Any) -> Any:
    """Return PyAV's container of a file or device, or our own error."""
    try:
        return ffmpeg().open(target, "r", metadata_errors="replace", **how)
    except trouble() as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, PermissionError | IsADirectoryError):
            raise FileAccessError(f"{name} cannot be read: {reason}; check its rights") from error
        raise FileFormatError(
            f"{name} is damaged, not a whole film, or of a kind that is not read: {reason}; get it again, or "
            "convert it with ffmpeg"
        ) from error


def picture_stream(container: Any, name: str) -> Any:
    """Return the stream of pictures, ready to decode."""
    cover = ffmpeg().stream.Disposition.attached_pic
    found = [one for one in container.streams.video if not one.disposition & cover]
    if not found or found[0].codec_context is None:
        raise FileFormatError(
            f"a film must have a stream of pictures, but {name} has none that can be decoded"
        )
    stream = found[0]
    check_frame_size(stream.codec_context.height, stream.codec_context.width, name)
    stream.codec_context.options = {"max_pixels": OPTIONS["max_pixels"]}
    stream.thread_type = "AUTO"  # frames of their own, or slices, whichever the codec can
    stream.codec_context.thread_count = get_num_threads()
    return stream


def check_decoder(stream: Any, name: str) -> None:
    """Refuse what is compressed in a way that is not on the list."""
    codec = stream.codec_context.codec.canonical_name
    if codec not in DECODERS:
        raise FileFormatError(
            f"films may be compressed by {', '.join(DECODERS)}; {name} is by {codec}: convert it with ffmpeg"
        )


def header_of(stream: Any, frame: Any, notes: list[str]) -> Header:
    """Return what the first frame and its stream say; add what is worth knowing to the notes."""
    pixels = nearest(frame.format)
    if any(one.is_alpha for one in frame.format.components) or stream.metadata.get("alpha_mode") == "1":
        notes.append("transparency was left out")
    turn, odd = turn_of(frame)
    if not turn.nothing:
        notes.append("the film was turned upright, as its display matrix says")
    colours = Colours.of(frame)
    if colours.transfer in HDR_TRANSFERS:
        notes.append(
            f"the film is HDR ({HDR_TRANSFERS[colours.transfer]}): filtered as it is coded, not as light"
        )
    notes.extend([odd] if odd else [])
    time_base = frame.time_base or stream.time_base
    aspect = stream.sample_aspect_ratio or Fraction(1)
    rate = Fraction(stream.average_rate or stream.guessed_rate or GUESSED_RATE)
    lasts = (stream.container.duration or 0) / MICROSECONDS
    return Header(
        frame.height, frame.width, frame.format.name, pixels, Fraction(time_base),
        rate=rate,
        colours=colours, turn=turn,
        aspect=1 / aspect if turn.swapped else aspect,
        expected=stream.frames or None, about=stream.frames or round(lasts * rate) or None,
    )  # fmt: skip
