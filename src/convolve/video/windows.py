"""Frames in a window of time: as many as a filter looks at, handed on while the film goes by.

Nobody knows how long a film is before it ends. An output whose cells on an endless film have all been seen
is the same on the real one; the others wait for the end. Which frames an output reads is what
`Axis.reads` says, borders included.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from convolve.axis import OUTSIDE, Axis, output_count
from convolve.errors import ArgumentError, FileFormatError

T = TypeVar("T")
ENDLESS = 1 << 30
"""Frames of a film that is not over: more than a year of any."""


@dataclass(frozen=True, slots=True)
class Block(Generic[T]):
    """Some neighbouring outputs in time.

    Attributes
    ----------
    frames
        What all their taps read, one after the other; None where the border supplies a constant.
    middles
        For each output, the frame that it is the new version of.
    """

    frames: list[T | None]
    middles: list[T]


def middle_tap(axis: Axis) -> int:
    """Return the tap whose frame gives an output its time stamp, or refuse outputs outside the film's time.

    >>> middle_tap(Axis(size=9, outputs=9, taps=3, before=1, after=1, boundary="reflect"))
    1
    """
    keeps_length = axis.before + axis.after == axis.extent - 1
    middle = axis.before if keeps_length else (axis.extent - 1) // 2
    if axis.before > middle or axis.after > axis.extent - 1 - middle:
        raise ArgumentError(
            "padding in time may not make frames beyond the film, which would have no time: before and "
            "after a "
            f"filter of {axis.taps} frames come at most {middle} and {axis.extent - 1 - middle}, got "
            f"{axis.before} and {axis.after}; use padding 'same' or 'valid'"
        )
    if axis.boundary == "circular" and axis.before + axis.after:
        raise ArgumentError(
            "a film cannot be continued in a circle, for its last frame is not known when the first is "
            "filtered: "
            f"padding_mode='circular' needs padding 'valid' in time, got {axis.before} frames before and "
            f"{axis.after} after; use 'reflect'"
        )
    return middle


def blocks(frames: Iterable[T], axis: Axis, most: int) -> Iterator[Block[T]]:
    """Yield all outputs of a film in blocks of at most ``most``.

    ``axis`` tells taps, stride, padding and boundary; its size is not believed.

    >>> axis = Axis(size=ENDLESS, outputs=ENDLESS, taps=3, before=1, after=1, boundary="reflect")
    >>> [(block.frames, block.middles) for block in blocks("abcd", axis, 2)]
    [(['b', 'a', 'b', 'c'], ['a', 'b']), (['b', 'c', 'd', 'c'], ['c', 'd'])]
    """
    axis = replace(axis, size=ENDLESS, outputs=ENDLESS)
    middle = middle_tap(axis)
    held: dict[int, T] = {}
    seen = done = 0
    for frame in frames:
        held[seen] = frame
        seen += 1
        while _last_read(axis, done, most) < seen:
            yield _block(axis, done, done + most, middle, held)
            done += most
        for old in range(min(held), _first_needed(axis, done, seen)):
            del held[old]
    if not seen:
        raise FileFormatError("a film must hold frames, but this one has none; get it again")
    outputs = output_count(seen, axis.taps, axis.stride, axis.dilation, axis.before, axis.after, "time")
    axis = replace(axis, size=seen, outputs=outputs)
    for start in range(done, outputs, most):
        yield _block(axis, start, min(start + most, outputs), middle, held)


def _last_read(axis: Axis, start: int, count: int) -> int:
    """Return the last frame that any of these outputs reads; the one after them all if that is unknown."""
    return int(axis.reads(start, start + count).cells.max())


def _first_needed(axis: Axis, done: int, seen: int) -> int:
    """Return the first frame that an output to come may read, whenever the film ends."""
    return max(0, min(done * axis.stride - axis.before, seen - 1 - axis.after))


def _block(axis: Axis, start: int, stop: int, middle: int, held: dict[int, T]) -> Block[T]:
    cells = axis.reads(start, stop).cells.tolist()
    middles = [held[output * axis.stride - axis.before + middle] for output in range(start, stop)]
    return Block([None if cell == OUTSIDE else held[cell] for cell in cells], middles)
