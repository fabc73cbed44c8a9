"""A convolution as the planner sees it: sizes, which the code does not know, and geometry, which it does."""

import math
from dataclasses import dataclass, replace

from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.plan import DOT_CHANNELS, Arithmetic, Code, Inner, Method, Triple
from convolve.compiler.target import Target
from convolve.spec import ConvSpec


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers of a convolution that do not change its code; channels are those of one group.

    ``terms``: how many products of one-dimensional filters are summed up in each filter, if the weights are
    known to be such sums; 0 if not. ``boxes``: in which dimensions the numbers of each filter are all equal.
    ``interleaved``: how many channels are seen as one whose pixels are that many times as far apart.
    """

    batch: int
    groups: int
    channels: int
    filters: int
    input: Triple
    output: Triple
    terms: int = 0
    boxes: tuple[bool, bool, bool] = (False, False, False)
    interleaved: int = 1

    @property
    def outputs(self) -> int:
        """Outputs of one channel of one image."""
        return math.prod(self.output)

    def for_method(self, method: Method) -> "Sizes":
        """Return the sizes as a routine sees them.

        To a depthwise one all channels are those of one group, and to "dot" four of them are one number.
        """
        if method == "dot":
            return replace(self, channels=pieces(self.channels, DOT_CHANNELS))
        if method != "depthwise":
            return self
        return replace(self, groups=1, channels=self.groups, filters=self.groups)


@dataclass(frozen=True, slots=True)
class Geometry:
    """What every tile of a convolution has in common.

    ``transforms``: whether methods may be taken whose rounding errors are those of transformed numbers:
    never where integers are summed up, or anything is converted.
    """

    arithmetic: Arithmetic
    taps: Triple
    stride: Triple
    dilation: Triple
    reads: Inner
    writes: Inner
    activation: Expression
    adds: bool
    constant_border: bool
    padded: bool
    transforms: bool = False
    spread: int = 1
    shift: int = 0

    @property
    def dtype(self) -> str:
        """The dtype of packed cells, weights and sums."""
        return self.arithmetic.sums

    @property
    def converts(self) -> bool:
        """Whether cells are packed in another dtype than that of the input."""
        return self.arithmetic.input != self.dtype

    @property
    def extent(self) -> Triple:
        """Cells from the first to the last tap; in a row of all residues together."""
        d, h, w = (e * (t - 1) + 1 for t, e in zip(self.taps, self.dilation, strict=True))
        return d, h, w + (self.spread - 1) * self.shift

    @property
    def pointwise(self) -> bool:
        """Whether a contraction's pixels may be packed tile by tile."""
        return self.taps == (1, 1, 1) and not self.padded and self.reads != "channel"

    def code(self, method: Method, tile: Triple, direct: bool = False, whole: bool = False) -> Code:
        """Return what a routine with this tile is specialised to."""
        dot = method == "dot"
        return Code(
            method,
            "int32" if dot else self.dtype,
            self.taps,
            self.stride,
            self.dilation,
            tile,
            self.reads,
            self.writes,
            self.activation,
            self.adds,
            direct,
            whole,
            tiled=method == "contract" and self.pointwise and not self.shift,
            input_dtype=self.arithmetic.input,
            weight_dtype=self.arithmetic.bytes if dot else "",
            output_dtype=self.arithmetic.output,
            saturated=self.arithmetic.saturated,
            spread=self.spread,
            shift=self.shift,
        )


def three(values: tuple[int, ...], missing: int = 1) -> Triple:
    """Return one to three numbers as three: depth and height are added in front.

    >>> three((5, 4))
    (1, 5, 4)
    """
    d, h, w = (missing,) * (3 - len(values)) + values
    return d, h, w


def sizes_of(spec: ConvSpec) -> Sizes:
    """Return the sizes of a spec."""
    return Sizes(
        spec.batch,
        spec.groups,
        spec.in_channels // spec.groups,
        spec.out_channels // spec.groups,
        three(spec.in_size),
        three(spec.out_size),
    )


def geometry_of(
    spec: ConvSpec,
    reads: Inner,
    writes: Inner,
    activation: Expression = NOTHING,
    arithmetic: Arithmetic | None = None,
    adds: bool = False,
) -> Geometry:
    """Return the geometry of a spec whose arrays have these innermost dimensions in memory.

    Without ``arithmetic`` everything is computed in the dtype of the result.
    """
    result = spec.out_dtype.name
    given = arithmetic or Arithmetic(spec.input_dtype.name, result, result)
    padded = any(axis.before or axis.after for axis in spec.axes)
    return Geometry(
        given,
        three(spec.filter_size),
        three(tuple(axis.stride for axis in spec.axes)),
        three(tuple(axis.dilation for axis in spec.axes)),
        reads,
        writes,
        activation,
        adds,
        spec.boundary == "constant" or not padded,
        padded,
        spec.accuracy == "default" and given.input == given.sums == given.output,
    )


def one_plane(sizes: Sizes, geometry: Geometry) -> tuple[Sizes, Geometry]:
    """Return the same convolution of one channel of one image, which lies in memory by itself."""
    many = sizes.interleaved
    (depth, height, width), (planes, rows, columns) = sizes.input, sizes.output
    alone = replace(
        sizes,
        batch=1,
        groups=1,
        input=(depth, height, width // many),
        output=(planes, rows, columns // many),
        interleaved=1,
    )
    apart = (*geometry.dilation[:2], geometry.dilation[2] // many)
    return alone, replace(geometry, dilation=apart, reads="x", writes="x")


def cells_read(sizes: Sizes, geometry: Geometry) -> int:
    """Return how many cells of a channel come from memory: rows are read whole, whatever the stride."""
    planes, rows = (
        min(size, outputs * taps, (outputs - 1) * stride + extent)
        for size, outputs, taps, stride, extent in zip(
            sizes.input[:2], sizes.output[:2], geometry.taps[:2], geometry.stride[:2], geometry.extent[:2],
            strict=True,
        )
    )  # fmt: skip
    return planes * rows * sizes.input[2]


def item_bytes(dtype: str) -> int:
    """Return the bytes of one number."""
    return ITEM_BYTES[dtype]


def panel_channels(code: Code, target: Target) -> int:
    """Return the output channels of one panel of packed weights."""
    if code.method in ("stencil", "separable"):
        return code.tile[0]
    if code.method == "gradient_stencil":
        return code.tile[1]
    vectors = 1 if code.method == "depthwise" else code.tile[1]
    return vectors * target.lanes(item_bytes(code.dtype))


def pieces(value: int, step: int) -> int:
    """Return how many steps cover a value.

    >>> pieces(7, 3)
    3
    """
    return -(-value // step)


def cells_first(tile: Triple) -> bool:
    """Whether a stencil's inner block holds a row's cells and one weight, not all weights and one cell."""
    channels, rows, vectors = tile
    return rows == 1 and vectors <= channels
