"""`Explanation`: all steps of one convolution as one piece of data, from which everything is drawn."""

import html as html_text
import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from convolve.arguments import SPATIAL_NAMES, Call
from convolve.axis import OUTSIDE, Axis
from convolve.dtypes import Array
from convolve.errors import ArgumentTypeError, ConvolveError, ShapeError, StepError
from convolve.explain import gif, html, json, plot, svg, text
from convolve.explain.gif import Animation
from convolve.explain.steps import Feed, Index, Step, step
from convolve.reference import run

LARGEST_WHOLE = 1 << 14
"""Outputs up to which the whole result is computed when several totals are wanted."""


class Steps(Sequence[Step]):
    """The steps of an explanation, each computed when it is asked for."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._shape = call.spec.result_shape[1:]

    def __len__(self) -> int:
        return int(np.prod(self._shape))

    @overload
    def __getitem__(self, which: int) -> Step: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Step]: ...
    def __getitem__(self, which: int | slice) -> Step | Sequence[Step]:
        if isinstance(which, slice):
            return [step(self._call, number) for number in range(*which.indices(len(self)))]
        number = operator.index(which)
        if not -len(self) <= number < len(self):
            raise StepError(
                f"there are {len(self)} steps, 0 to {len(self) - 1}; step {number} is not one of them"
            )
        return step(self._call, number % len(self))

    def __iter__(self) -> Iterator[Step]:
        return (step(self._call, number) for number in range(len(self)))


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Every step of one convolution, with its own numbers.

    Made by `convolve.explain`. Steps are computed when they are asked for, so that one pixel of a
    photograph can be explained as well as a 5×5 lesson.

    Attributes
    ----------
    call
        The convolution: its `ConvSpec` and the arrays that go in.

    Examples
    --------
    >>> import convolve
    >>> explanation = convolve.explain([[10, 10, 0], [10, 10, 0], [10, 10, 0]], [[1, -1]])
    >>> explanation
    <Explanation: 1×2 filter on a 3×3 image, 6 steps>
    >>> explanation.step_at((0, 1)).products.tolist()
    [[[10, 0]]]
    >>> explanation.output.tolist()
    [[0, 10], [0, 10], [0, 10]]
    """

    call: Call

    def __repr__(self) -> str:
        return f"<Explanation: {self.title}, {len(self.steps)} steps>"

    @cached_property
    def title(self) -> str:
        """What is done to what, in one line."""
        return text.title(self.call)

    @cached_property
    def steps(self) -> Steps:
        """The steps in reading order: channels, rows, columns."""
        return Steps(self.call)

    @cached_property
    def output(self) -> Array:
        """The result of `conv2d` (or its kin) on the same arguments, in the caller's own shape."""
        result = run(self.call)
        result.flags.writeable = False
        return result

    @property
    def size_formula(self) -> tuple[str, ...]:
        """The size formula with the numbers put in, one line per spatial dimension.

        >>> import convolve, numpy
        >>> convolve.explain(numpy.eye(5), numpy.eye(3)).size_formula[0]
        'size = ⌊(5 + 2·0 − 1·(3−1) − 1) / 1⌋ + 1 = 3'
        """
        formula = transposed_formula if self.transposed else Axis.formula
        lines = [formula(axis) for axis in self.call.spec.axes]
        names = SPATIAL_NAMES[-len(lines) :] if len(set(lines)) > 1 else ("size",) * len(lines)
        return tuple(f"{name} = {one}" for name, one in zip(names, lines, strict=True))

    @property
    def transposed(self) -> bool:
        """Whether this is a transposed convolution."""
        return self.call.spec.operation == "conv_transpose"

    @cached_property
    def coverage(self) -> Array:
        """How often each input cell is read by one output channel; shape: the input's spatial dimensions."""
        counts = [
            np.count_nonzero(axis.source() != OUTSIDE, axis=1) if self.transposed else axis.coverage()
            for axis in self.call.spec.axes
        ]
        result = counts[0]
        for count in counts[1:]:
            result = np.multiply.outer(result, count)
        result.flags.writeable = False
        return result

    def step_at(self, index: Sequence[int]) -> Step:
        """Return the step of one output.

        Parameters
        ----------
        index
            (row, column), or (out channel, row, column); the channel may be left out if there is one.
        """
        return self.steps[self.step_number(index)]

    def step_number(self, index: int | Sequence[int] | None) -> int:
        """Return the position among the steps of a number, or of an output's index; None is the first."""
        if index is None:
            return 0
        if isinstance(index, Sequence | np.ndarray) and not isinstance(index, str):
            shape = self.call.spec.result_shape[1:]
            return int(np.ravel_multi_index(_full_index(index, shape, "output"), shape))
        try:
            number = operator.index(index)
        except TypeError:
            raise ArgumentTypeError(
                f"a step must be a number from 0 or an output index such as (0, 1); got {index!r}"
            ) from None
        return self.steps[number].number

    def total(self, number: int) -> Any:
        """Return the total of one step; many of them cost little, one of a photograph does too."""
        if len(self.steps) > LARGEST_WHOLE:
            return self.steps[number].total
        return self.call.canonical(self.output)[0].ravel()[number].item()

    def feeds(self, cell: Sequence[int]) -> tuple[Feed, ...]:
        """Return which outputs an input cell feeds, and with which weight: the backward view.

        Parameters
        ----------
        cell
            (row, column), or (channel, row, column); the channel may be left out if there is one.
        """
        spec = self.call.spec
        channel, *place = _full_index(cell, self.call.first.shape[1:], "input")
        ways = [self._ways(d, at) for d, at in enumerate(place)]
        group = channel // (self.call.first.shape[1] // spec.groups)
        each = spec.result_shape[1] // spec.groups
        found = []
        for k, way in itertools.product(range(group * each, (group + 1) * each), itertools.product(*ways)):
            index, tap = (k, *(one[0] for one in way)), tuple(one[1] for one in way)
            found.append(Feed(index, tap, self._weight(k, channel, tap)))
        return tuple(sorted(found, key=lambda feed: (feed.index, feed.tap)))

    def _ways(self, dimension: int, cell: int) -> list[tuple[int, int]]:
        """Return (output, tap as the caller wrote it) of each reading of a cell along one dimension."""
        spec = self.call.spec
        axis = spec.axes[dimension]
        if self.transposed:
            cells = axis.source([cell])[0]
            pairs = [(int(at), tap) for tap, at in enumerate(cells) if at != OUTSIDE]
        else:
            region = [(0, size) for size in spec.in_size]
            region[dimension] = (cell, cell + 1)
            outputs = spec.feeds(region)[dimension]
            pairs = [(int(outputs[row]), int(tap)) for row, tap in np.argwhere(axis.source(outputs) == cell)]
        return [(output, axis.taps - 1 - tap if spec.flip else tap) for output, tap in pairs]

    def _weight(self, result: int, channel: int, tap: Index) -> Any:
        spec, weight = self.call.spec, self.call.second
        if self.transposed:
            return weight[(channel, result % (spec.in_channels // spec.groups), *tap)].item()
        return weight[(result, channel % (spec.in_channels // spec.groups), *tap)].item()

    def to_text(
        self, step: int | Sequence[int] | None = None, *, all: bool = False, ascii: bool = False
    ) -> str:
        """Return the five steps as text.

        Parameters
        ----------
        step
            Which one: a number from 0, or the output's index. Without it, the first, and the whole result.
        all
            Every step, shortly, and the whole result.
        ascii
            Nothing but ASCII, for pipes and old terminals.
        """
        return text.to_text(self, step, all, ascii)

    def to_json(self) -> str:
        """Return everything as JSON, version 1 of the schema shipped as ``explanation.schema.json``."""
        return json.to_json(self)

    def to_html(self) -> str:
        """Return one self-contained page in which the convolution can be stepped through."""
        return html.to_html(self)

    def to_svg(self, step: int | Sequence[int] | None = None) -> str:
        """Return one step as a drawing; the first if none is named."""
        return svg.to_svg(self, step)

    def to_gif(self, *, seconds: float = 0.8) -> Animation:
        """Return all steps as an animation, a frame each; beyond 200 an even sample, as ``.note`` says."""
        return gif.to_gif(self, seconds)

    def plot(self, ax: Any = None, *, step: int | Sequence[int] | None = None) -> Any:
        """Draw one step with matplotlib (the extra "plot") and return its axes."""
        return plot.plot(self, ax, step)

    def _repr_html_(self) -> str:
        """Show the page in a notebook, or the text where there is nothing to draw."""
        try:
            page = html_text.escape(self.to_html(), quote=True)
        except ConvolveError:
            return f"<pre>{html_text.escape(self.to_text())}</pre>"
        return (
            f'<iframe title="{html_text.escape(self.title)}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:640px;border:0" srcdoc="{page}"></iframe>'
        )

    def _repr_svg_(self) -> str | None:
        """Show the first step where pages are not shown."""
        try:
            return self.to_svg()
        except ConvolveError:
            return None


def _full_index(index: Sequence[int], shape: tuple[int, ...], name: str) -> Index:
    """Return an index with its channel, after checking that it lies within the shape."""
    given = tuple(operator.index(one) for one in index)
    full = (0, *given) if len(given) == len(shape) - 1 and shape[0] == 1 else given
    if len(full) != len(shape) or not all(0 <= at < size for at, size in zip(full, shape, strict=True)):
        raise ShapeError(
            f"an index into the {name} must be (channel, *position) within {shape} (the channel may be left "
            f"out if there is one); got {given}"
        )
    return full


def transposed_formula(axis: Axis) -> str:
    """Return the size formula of a transposed convolution with this dimension's numbers put in.

    >>> transposed_formula(Axis(size=5, outputs=3, taps=3, stride=2, before=1, after=1))
    '(3−1)·2 − 2·1 + 1·(3−1) + 1 = 5'
    """
    padding = f"2·{axis.before}" if axis.before == axis.after else f"{axis.before} − {axis.after}"
    size = (axis.outputs - 1) * axis.stride - axis.before - axis.after + axis.extent
    extra = f" + {axis.size - size}" if axis.size != size else ""
    return (
        f"({axis.outputs}−1)·{axis.stride} − {padding} + {axis.dilation}·({axis.taps}−1) + 1{extra}"
        f" = {axis.size}"
    )
