"""What every source of frames gives: a header, then frames with time stamps, and what lies between them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from convolve.errors import FileFormatError
from convolve.video.colours import Colours
from convolve.video.pixels import Pixels
from convolve.video.turning import Turn

LARGEST_FRAME = 8192 * 4320
"""Pixels of a frame beyond which a film is refused by its header: 8K. A decoder holds some 20 frames of "
"it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a film before it is decoded.

    Attributes
    ----------
    height, width
        Of frames as they are stored.
    format
        FFmpeg's name of the stored pixels.
    pixels
        The planar way that holds them.
    time_base
        Seconds that a time stamp of 1 means.
    rate
        Frames per second, on the average.
    colours, turn
        What the values mean, and how frames are meant to be seen.
    aspect
        Width of a pixel by its height.
    expected
        How many frames there should be, where the file says it; never trusted.
    about
        The same from its length and rate, for a bar that shows how far things are.
    """

    height: int
    width: int
    format: str
    pixels: Pixels
    time_base: Fraction
    rate: Fraction
    colours: Colours = field(default_factory=Colours)
    turn: Turn = field(default_factory=Turn)
    aspect: Fraction = Fraction(1)
    expected: int | None = None
    about: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width as they are meant to be seen."""
        return self.turn.size(self.height, self.width)


class Source(Protocol):
    """Where frames come from."""

    header: Header
    notes: list[str]
    live: bool
    copied: tuple[Any, ...]
    """Streams that go along as they are: sound, subtitles."""
    metadata: dict[str, str]
    chapters: list[Any]

    def items(self) -> Iterator[Any]:
        """Yield PyAV's frames, and packets of the streams in ``copied``, in the order of the file."""
        ...

    def stop(self) -> None:
        """Yield no more frames after the present one."""
        ...

    def close(self) -> None:
        """Let the file or device go."""
        ...


def check_frame_size(height: int, width: int, name: str) -> None:
    """Refuse frames without pixels, or of more than any film has."""
    if height < 1 or width < 1:
        raise FileFormatError(
            f"a frame must have pixels, but {name} says {width}×{height}; get the film again"
        )
    if height * width > LARGEST_FRAME:
        raise FileFormatError(
            f"a frame may have at most {LARGEST_FRAME} pixels, but {name} says {width}×{height}; make it "
            "smaller with ffmpeg -vf scale"
        )
