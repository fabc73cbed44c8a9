"""One filter over the frames of a film: in space, in time, or in both.

Frames are filtered as photographs are, as red, green and blue, with one exception that gives the same and
is faster: a weighted mean (weights that are not negative and sum up to 1) can be taken of brightness and
colour differences as they are stored, because both ways are linear and nothing can be clipped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve import filters
from convolve.api.images import apply
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arguments import conv_spec
from convolve.axis import Axis
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError, TooLargeError
from convolve.filters import Filter
from convolve.options import choice, per_dimension
from convolve.pictures import RANGES, Range, Report, to_range
from convolve.video.chroma import cell_axis, cell_weights
from convolve.video.colours import FULL
from convolve.video.library import ffmpeg, is_frame
from convolve.video.pixels import Pixels, for_rgb, plane_arrays
from convolve.video.source import Header
from convolve.video.windows import ENDLESS, Block, blocks, middle_tap

SUM_TOLERANCE = 1e-6
"""How far from 1 the weights of a mean may sum up: the rounding of float32, 6e-8, for a dozen taps."""

LARGEST_STACK = 1 << 27
"""Bytes of the frames that are filtered in time together: 128 MiB, ten windows of 720p."""

LARGEST_WINDOW = 1 << 31
"""Bytes of the frames that one result depends on: 2 GiB, 300 of 1080p as RGB; twice that is held at times."""


@dataclass(frozen=True, slots=True)
class PlaneStep:
    """How one plane of every frame is filtered: weights, options of `apply`, and the result's size."""

    kernel: Filter
    options: dict[str, Any]
    used: tuple[slice, slice]
    size: tuple[int, int]


class FilmFilter:
    """A filter made ready for films like ``header``.

    Attributes
    ----------
    pixels
        What frames must be brought to before `frames` filters them.
    size
        Height and width of the results.
    time
        The dimension of time, of an endless film; None for a filter in space alone.
    strides
        Rows and columns of pixels that a result stands for.
    report
        What was clipped in the first frame, or the first block of frames; None before it.
    """

    def __init__(
        self,
        header: Header,
        kernel: ArrayLike | str | Filter,
        *,
        stride: Size = 1,
        padding: PaddingArgument = "same",
        padding_mode: PaddingMode = "reflect",
        flip: bool = False,
        range: Range = "clip",
    ) -> None:
        self._range = checked_range(range)
        self._kernel = as_filter(kernel, flip)
        self._mode, self._turn = padding_mode, header.turn
        self.time, space = film_axes(header.size, self._kernel, stride, padding, padding_mode)
        as_stored = self._range != "offset" and is_mean(self._kernel, (self.time, *space))
        self.pixels = working_pixels(header, as_stored)
        self.size = (space[0].outputs, space[1].outputs)
        self.strides = (space[0].stride, space[1].stride)
        self._frame_bytes = self.pixels.bytes_of(*header.size)
        check_window(self.time, self._frame_bytes)
        self._steps = self._plane_steps(space)
        self.report: Report | None = None
        self._counted: list[Report] = []

    def _plane_steps(self, space: tuple[Axis, Axis]) -> list[PlaneStep]:
        """Return how each plane is filtered."""
        return [self._step(space, plane) for plane in range(self.pixels.planes)]

    def _step(self, space: tuple[Axis, Axis], plane: int) -> PlaneStep:
        """Return how a plane is filtered, whose numbers may stand for cells of several pixels."""
        cells = self._turn.size(*self.pixels.factors(plane))
        (down, rows), (across, columns) = (
            cell_axis(axis, cell) for axis, cell in zip(space, cells, strict=True)
        )
        kernel = self._kernel
        if cells != (1, 1):
            brought = tuple(cell_weights(one, (rows, columns)) for one in kernel.weights)
            kernel = replace(kernel, weights=brought)
        strides: tuple[int, ...] = (down.stride, across.stride)
        pads: tuple[tuple[int, int], ...] = tuple(
            (axis.before, max(0, axis.after)) for axis in (down, across)
        )
        if self.time is not None:
            strides, pads = (self.time.stride, *strides), ((0, 0), *pads)
        options = {"stride": strides, "padding": pads, "padding_mode": self._mode}
        used = (slice(down.size + min(0, down.after)), slice(across.size + min(0, across.after)))
        return PlaneStep(kernel, options, used, (down.outputs, across.outputs))

    def frames(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield PyAV's frames filtered, and what is no frame as it comes."""
        if self.time is None:
            for item in items:
                yield self._in_space(item) if is_frame(item) else item
            return
        passing: list[Any] = []
        for block in blocks(_only_frames(items, passing), self.time, self._together(self.time)):
            yield from passing
            passing.clear()
            yield from self._in_time(block)
        yield from passing

    def _together(self, time: Axis) -> int:
        """Return how many outputs are worth filtering together: passes in space are shared by them."""
        room = (LARGEST_STACK // self._frame_bytes - time.extent) // time.stride
        return max(1, min(time.taps, room))

    def _in_space(self, frame: Any) -> Any:
        """Return one frame filtered."""
        result = self._new_frame(frame)
        rooms, planes = plane_arrays(result, self.pixels), plane_arrays(frame, self.pixels)
        for step, plane, room in zip(self._steps, planes, rooms, strict=True):
            self._apply(step, self._turn(plane)[step.used], room)
        self._first_is_done()
        return result

    def _in_time(self, block: Block[Any]) -> Iterator[Any]:
        """Yield the frames of a block, filtered in time or in time and space."""
        results = [self._new_frame(frame) for frame in block.middles]
        rooms = [plane_arrays(one, self.pixels) for one in results]
        planes = [None if one is None else plane_arrays(one, self.pixels) for one in block.frames]
        for number, step in enumerate(self._steps):
            shown = [None if one is None else self._turn(one[number])[step.used] for one in planes]
            filtered = np.empty((len(results), *step.size), self.pixels.dtype)
            self._apply(step, stacked(shown, self._mode), filtered)
            for room, plane in zip(rooms, filtered, strict=True):
                room[number][...] = plane
        self._first_is_done()
        yield from results

    def _apply(self, step: PlaneStep, plane: Array, room: Array) -> None:
        """Filter a plane, or a stack of them, into its place."""
        if self._range == "clip" and self.report is not None:
            apply(plane, step.kernel, out=room, out_dtype=room.dtype, **step.options)
            return
        room[...], report = to_range(apply(plane, step.kernel, **step.options), room.dtype, self._range)
        if self.report is None:
            self._counted.append(report)

    def _first_is_done(self) -> None:
        """Sum up what was clipped; from now on nothing is counted, which takes time."""
        if self.report is None:
            values, below, above = (
                sum(getattr(one, name) for one in self._counted) for name in ("values", "below", "above")
            )
            self.report = replace(self._counted[0], values=values, below=below, above=above)

    def _new_frame(self, middle: Any) -> Any:
        """Return an empty frame with the time of the one that it is the new version of."""
        frame = ffmpeg().VideoFrame(self.size[1], self.size[0], self.pixels.name)
        frame.pts, frame.time_base = middle.pts, middle.time_base
        frame.duration = (middle.duration or 0) * (self.time.stride if self.time else 1)
        return frame


def checked_range(range: Range) -> Range:
    """Return the range, or refuse one that has no meaning for a film."""
    if choice(range, "range", RANGES) == "scale":
        raise ArgumentError(
            "range='scale' stretches what it sees, and would do so with every frame by itself, which "
            "flickers; use 'abs' or 'offset', or divide the filter's weights"
        )
    return range


def as_filter(kernel: ArrayLike | str | Filter, flip: bool) -> Filter:
    """Return what was given as a filter of 2 or 3 dimensions, turned by 180 degrees if that is wanted."""
    found = filters.get(kernel) if isinstance(kernel, str) else kernel
    if not isinstance(found, Filter):
        found = Filter("weights", (np.asarray(found),), None, "given as an array", "the caller")
    weights = tuple(one[None] if one.ndim == 1 else one for one in found.weights)
    if weights[0].ndim not in (2, 3):
        raise ShapeError(
            f"a film's filter must have 2 dimensions (rows, columns) or 3 (time, rows, columns), got "
            f"{weights[0].ndim}: {weights[0].shape}; a film has no more"
        )
    return replace(found, weights=tuple(np.flip(one) for one in weights) if flip else weights)


def film_axes(
    size: tuple[int, int], kernel: Filter, stride: Size, padding: PaddingArgument, mode: PaddingMode
) -> tuple[Axis | None, tuple[Axis, Axis]]:
    """Return the dimensions of time, rows and columns.

    In time "same" means the padding of stride 1, whatever the stride: how many frames there are to divide is
    not known before the last one.
    """
    dims = kernel.weights[0].ndim
    strides = per_dimension(stride, dims, "stride", 1)
    frames = np.broadcast_to(np.zeros((), np.uint8), (ENDLESS, *size)[-dims:])
    asked = {"stride": (1, *strides[1:]) if dims == 3 else strides, "padding": padding, "padding_mode": mode}
    axes = conv_spec("conv", dims, frames, kernel.weights[0], **asked).spec.axes
    rows, columns = axes[-2:]
    if dims == 2:
        return None, (rows, columns)
    time = replace(axes[0], stride=strides[0])
    middle_tap(time)  # refuses what has no meaning in time before anything is read
    return time, (rows, columns)


def is_mean(kernel: Filter, axes: tuple[Axis | None, ...]) -> bool:
    """Tell whether every result is a weighted mean of pixels, so that it has no need to be clipped."""
    padded = any(axis and axis.boundary == "constant" and axis.before + axis.after for axis in axes)
    weights = np.asarray(kernel.weights[0], np.float64)
    alone = len(kernel.weights) == 1 and not padded
    return alone and bool((weights >= 0).all()) and abs(float(weights.sum()) - 1) < SUM_TOLERANCE


def working_pixels(header: Header, as_stored: bool) -> Pixels:
    """Return how frames are stored while they are filtered."""
    pixels, down_and_across = header.pixels, header.pixels.shared
    whole = pixels.kind == "rgb" or (pixels.kind == "grey" and header.colours.range == FULL)
    full_range = whole and pixels.bits in (8, 16)
    turnable = not header.turn.swapped or down_and_across[0] == down_and_across[1]
    return pixels if full_range or (as_stored and turnable) else for_rgb(pixels)


def check_window(time: Axis | None, frame_bytes: int) -> None:
    """Refuse a filter that looks at more frames than should be held."""
    if time is not None and time.extent * frame_bytes > LARGEST_WINDOW:
        raise TooLargeError(
            f"the frames that a filter looks at may take {LARGEST_WINDOW} bytes together, but {time.extent} "
            f"frames of {frame_bytes} bytes take {time.extent * frame_bytes}; use a shorter filter, or make "
            "the film smaller first"
        )


def stacked(planes: list[Array | None], mode: PaddingMode) -> Array:
    """Return planes as one array; in the place of None, the constant of the border."""
    like = next(one for one in planes if one is not None)
    stack = np.empty((len(planes), *like.shape), like.dtype)
    for place, plane in zip(stack, planes, strict=True):
        place[...] = (0 if mode == "zeros" else mode) if plane is None else plane
    return stack


def _only_frames(items: Iterable[Any], passing: list[Any]) -> Iterator[Any]:
    """Yield the frames among the items; keep the others."""
    for item in items:
        if is_frame(item):
            yield item
        else:
            passing.append(item)
