"""The files that hold films: which are read, which are written, and by what they are compressed."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from convolve.errors import ArgumentError, FileFormatError


@dataclass(frozen=True, slots=True)
class Container:
    """One kind of file.

    Attributes
    ----------
    name
        FFmpeg's, of what writes it.
    reader
        FFmpeg's, of what reads it.
    codec
        What films in it are compressed with unless another is named.
    timed
        Whether each frame has a time stamp of its own; AVI knows one rate for all.
    tick
        What time stamps are rounded to, in seconds; None where they are kept exactly.
    """

    name: str
    reader: str
    codec: str
    timed: bool = True
    tick: Fraction | None = None


MILLISECOND = Fraction(1, 1000)
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
CONTAINERS = {
    ".mp4": Container("mp4", MOV, "h264"),
    ".m4v": Container("mp4", MOV, "h264"),
    ".mov": Container("mov", MOV, "h264"),
    ".mkv": Container("matroska", "matroska,webm", "h264", tick=MILLISECOND),
    ".webm": Container("webm", "matroska,webm", "vp9", tick=MILLISECOND),
    ".avi": Container("avi", "avi", "mpeg4", timed=False),
}
"""Suffix -> file. No other is opened: FFmpeg's list has playlists among it that name files and servers."""

READERS = ",".join(sorted({one.reader for one in CONTAINERS.values()}))

DECODERS = (
    "h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg", "ffv1", "prores",
    "dnxhd", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "theora", "msmpeg4v3", "h263", "png", "dvvideo",
)  # fmt: skip
"""What films may be compressed with to be read: those in use, not the 200 that FFmpeg knows."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a film is compressed.

    Attributes
    ----------
    encoder
        FFmpeg's name of what compresses.
    options
        The encoder's.
    even
        Whether sizes must be multiples of what shares a colour difference.
    """

    encoder: str
    options: tuple[tuple[str, str], ...] = ()
    even: bool = False


CODECS = {
    # crf 18 is x264's "visually lossless"; "veryfast" takes half the time of "medium" or less (docs/video.md)
    "h264": Codec("libx264", (("preset", "veryfast"), ("crf", "18")), even=True),
    # quality 24 looks about like crf 18 above; "realtime" and 7, for slower ways take minutes per minute
    "vp9": Codec(
        "libvpx-vp9",
        (("crf", "24"), ("b", "0"), ("deadline", "realtime"), ("cpu-used", "7"), ("row-mt", "1")),
    ),
    # quantisers go from 1 to 31, and 2 is the finest in use; the bit rate is a limit that is never met
    "mpeg4": Codec("mpeg4", (("qmin", "2"), ("qmax", "4"), ("b", "40000000"))),
    "ffv1": Codec("ffv1", (("level", "3"), ("slicecrc", "1"))),  # lossless, as archives keep films
}
"""Name -> codec that films are written with."""


def of_suffix(path: Path) -> Container:
    """Return the kind of file that a suffix promises."""
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise FileFormatError(
            f"the suffix of a film must be one of {', '.join(CONTAINERS)}; {path.name} has "
            f"{suffix or 'none'}: rename it, or convert it with ffmpeg"
        )
    return CONTAINERS[suffix]


def is_film(path: str | Path) -> bool:
    """Tell whether a name ends like a film's.

    >>> is_film("clip.MP4"), is_film("photo.png")
    (True, False)
    """
    return Path(path).suffix.lower() in CONTAINERS


def codec_of(name: str | None, container: Container) -> Codec:
    """Return the codec of a name, or the container's own."""
    wanted = container.codec if name is None else name
    if wanted not in CODECS:
        raise ArgumentError(f"codec must be one of {', '.join(CODECS)}; got {name!r}")
    return CODECS[wanted]
