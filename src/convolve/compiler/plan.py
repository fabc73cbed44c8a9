"""Frozen decisions: what a routine is specialised to (`Code`), and how one call uses it (`Plan`).

A plan changes speed, never results beyond rounding.
"""

import math
from dataclasses import dataclass
from typing import Literal

from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.formulas import clip, relu

Triple = tuple[int, int, int]
Method = Literal[
    "contract",
    "dot",
    "stencil",
    "depthwise",
    "separable",
    "winograd",
    "gradient_contract",
    "gradient_stencil",
]
Way = tuple[Method, Triple]
"""A method and its tile, which set the order of summation."""

Inner = Literal["x", "channel", "none"]

ACTIVATIONS = {
    "none": NOTHING,
    "relu": Expression.of(relu),
    "relu6": Expression.of(lambda write, x: clip(write, x, 0.0, 6.0)),
}
"""What callers name an activation -> what is made of every result."""

TILE_NAMES: dict[Method, str] = {
    "contract": "pixels × vectors × 1",
    "dot": "pixels × vectors × 1",
    "stencil": "channels × rows × vectors",
    "separable": "1 × rows × vectors of the pass along the rows",
    "depthwise": "pixels × 1 × 1",
    "winograd": "tiles × vectors × outputs down and across",
    "gradient_contract": "weights × vectors × 1",
    "gradient_stencil": "weights × channels × 1",
}
"""Method -> what the three numbers of its tile count."""

DOT_CHANNELS = 4
"""Input channels whose bytes stand in one packed number of the method "dot"."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """In which dtypes a convolution is computed, and how its results are made of sums.

    Attributes
    ----------
    input, output
        Of the arrays in memory.
    sums
        Of packed cells and weights, of the bias and of all sums.
    saturated
        Whether a sum that an integer output does not hold becomes its nearest end; else it wraps around.
    bytes
        "int8" or "uint8", the dtype of the weights, if these and the cells are bytes and int32 holds every
        sum: then a method may take it instead of ``sums``. "" if not.
    """

    input: str
    sums: str
    output: str
    saturated: bool = False
    bytes: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Everything that changes the machine code of a routine. Sizes are not among it.

    Every convolution is seen as a three-dimensional one, with one plane or one row where it has fewer
    dimensions: so (depth, height, width) everywhere.

    Attributes
    ----------
    dtype
        Of packed cells and weights, of the bias and of all sums.
    method
        "contract" keeps vectors of output channels in registers, "dot" the same while it multiplies bytes of
        four input channels at once, "stencil" vectors of neighbouring outputs, "depthwise" vectors of
        channels that each have a filter of their own, and "winograd" is a contraction of transformed cells.
        The gradients with respect to the weight sum over pixels: "gradient_contract" with vectors of output
        channels, "gradient_stencil" with vectors of neighbouring pixels.
    tile
        For "contract" and "dot": (pixels, vectors of channels, 1). For "stencil": (channels, rows, vectors of
        columns).
        For "depthwise": (pixels, 1, 1).
        For "winograd": (tiles, vectors of channels, outputs of a tile along each dimension).
        For "gradient_contract": (weights, vectors of output channels, 1), a weight being a tap of an input
        channel. For "gradient_stencil": (weights, output channels, 1).
    reads, writes
        Along which dimension neighbours of the input and of the output are neighbours in memory.
    activation
        What is made of every sum before it is written; its second number is the one that is added.
    adds
        Whether ``activation`` is given another number for each result: those of an array like the output,
        which must not overlap it.
    direct
        For "stencil": whether tiles read the input where it is, and only those at the border are packed.
    whole
        For "stencil" and "depthwise": whether a block is a whole plane with a constant border, laid once for
        all planes.
    tiled
        For "contract" with one tap and no border: whether pixels are packed tile by tile, so that the inner
        block reads one run of numbers instead of a few of every cache line.
    input_dtype, weight_dtype, output_dtype
        Of the arrays in memory, if it is another one than ``dtype``: packing converts cells, writing results.
        Weights are given in ``dtype``, and as bytes to the method "dot".
    saturated
        Whether results that an integer output does not hold become its nearest end; else they wrap around.
    spread, shift
        For "contract" as a part of a transposed convolution: how many neighbouring columns of the output
        come from each pixel, one per residue of the stride, each with weights of its own; and how many cells
        further right the next one reads.
    boxes
        For "separable": along which dimensions all factors are equal and outputs share sums.
    streams
        For "stencil" and "separable": whether results are written past the caches, a line at a time.
    """

    method: Method
    dtype: str
    taps: Triple
    stride: Triple
    dilation: Triple
    tile: Triple
    reads: Inner = "x"
    writes: Inner = "x"
    activation: Expression = NOTHING
    adds: bool = False
    direct: bool = False
    whole: bool = False
    tiled: bool = False
    input_dtype: str = ""
    weight_dtype: str = ""
    output_dtype: str = ""
    saturated: bool = False
    spread: int = 1
    shift: int = 0
    boxes: tuple[bool, bool, bool] = (False, False, False)
    streams: bool = False

    def __post_init__(self) -> None:
        for name in ("input_dtype", "weight_dtype", "output_dtype"):
            object.__setattr__(self, name, getattr(self, name) or self.dtype)

    @property
    def extent(self) -> Triple:
        """Cells from the first to the last tap, per dimension; in a row of all residues together."""
        d, h, w = (e * (t - 1) + 1 for t, e in zip(self.taps, self.dilation, strict=True))
        return d, h, w + (self.spread - 1) * self.shift

    @property
    def packed_stride(self) -> Triple:
        """Packed cells from one output to the next: 1 where there is one tap, as no others are packed."""
        d, h, w = (1 if t == 1 else s for t, s in zip(self.taps, self.stride, strict=True))
        return d, h, w

    @property
    def phases(self) -> int:
        """Into how many parts a packed row is dealt out: for a stencil one per step of the stride."""
        return self.packed_stride[2] if self.method in ("stencil", "gradient_stencil") else 1

    @property
    def is_contraction(self) -> bool:
        """Whether tiles of pixels × vectors of output channels sum up packed cells as they are."""
        return self.method in ("contract", "dot")

    @property
    def together(self) -> int:
        """Input channels of one packed number."""
        return DOT_CHANNELS if self.method == "dot" else 1

    @property
    def moves_cells(self) -> bool:
        """For "dot": whether cells are moved by 128, as one factor must have a sign and the other none."""
        return self.method == "dot" and (self.input_dtype == "int8") == (self.weight_dtype == "int8")

    @property
    def is_gradient(self) -> bool:
        """Whether this is a gradient with respect to the weight."""
        return self.method in ("gradient_contract", "gradient_stencil")

    def cells(self, outputs: Triple) -> int:
        """Return how many cells of a channel are packed for so many outputs."""
        return math.prod(
            (out - 1) * stride + extent
            for out, stride, extent in zip(outputs, self.packed_stride, self.extent, strict=True)
        )


@dataclass(frozen=True, slots=True)
class PoolCode:
    """Everything that changes the machine code of a pooling, seen as three-dimensional.

    Attributes
    ----------
    kind
        What is taken of every window.
    dtype, sums, output
        Of the cells, of the maxima or sums while they are taken, and of the results.
    clipped
        Per dimension: whether any window reaches outside the image.
    order
        Along which dimension neighbours of both image and result are neighbours in memory.
    places
        Whether the place of each maximum is written down, too.
    planes
        Whether every window is a whole plane whose cells lie in memory one after the other.
    """

    kind: Literal["max", "mean"]
    dtype: str
    sums: str
    output: str
    taps: Triple
    stride: Triple
    dilation: Triple
    clipped: tuple[bool, bool, bool]
    order: Inner = "x"
    places: bool = False
    planes: bool = False

    @property
    def extent(self) -> Triple:
        """Cells from the first to the last tap, per dimension."""
        d, h, w = (e * (t - 1) + 1 for t, e in zip(self.taps, self.dilation, strict=True))
        return d, h, w


@dataclass(frozen=True, slots=True)
class PointCode:
    """Everything that changes the machine code of a pass over numbers, one by one.

    Attributes
    ----------
    expression
        What is made of the numbers that stand in the same place of all inputs.
    inputs
        Of each input whether neighbours are neighbours in memory ("x"), any distance apart ("apart"), or one
        number for a whole row ("one").
    output
        "x" or "apart".
    """

    expression: Expression
    inputs: tuple[Literal["x", "apart", "one"], ...]
    output: Literal["x", "apart"] = "x"
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Plan:
    """How one convolution is computed: printable, and equal for equal questions.

    Attributes
    ----------
    code
        What the routine is specialised to.
    reason
        Why this method and tile were chosen, with the estimate that decided.
    block
        Outputs of one item of work: (depth, height, width).
    channels_at_once
        Input channels that are packed and summed up together; for "dot" packed numbers of four.
    panels_at_once
        Panels of output channels in one item.
    flops
        Floating-point operations of the direct sum; a multiply-add counts as two.
    bytes_moved
        Bytes that must be read or written at least once: input, weight and output.
    cycles
        The cost model's estimate, in cycles of one core.
    parts
        For a gradient with respect to the weight: into how many parts the pixels are cut, each summed up by
        itself. It sets the order of summation, and follows from the sizes alone.
    """

    code: Code
    reason: str
    block: Triple
    channels_at_once: int
    panels_at_once: int
    flops: int
    bytes_moved: int
    cycles: int
    parts: int = 1

    def __str__(self) -> str:
        tile = " × ".join(str(part) for part in self.code.tile)
        at_once = f"{self.channels_at_once * self.code.together} channels at once"
        parts = f", {self.parts} parts" if self.parts > 1 else ""
        lines = [
            ("method", self.code.method.replace("_", " ")),
            ("reason", self.reason),
            ("tile", f"{tile} ({TILE_NAMES[self.code.method]})"),
            ("block", f"{' × '.join(map(str, self.block))} outputs, {at_once}{parts}"),
            ("flops", f"{self.flops:,}"),
            ("bytes", f"{self.bytes_moved:,}"),
        ]
        if self.code.method == "winograd":
            lines.insert(3, ("saves", _saving(self.code.tile[2])))
        return "\n".join(f"{name:8} {text}" for name, text in lines)


def _saving(outputs: int) -> str:
    """Return in words what Winograd's method saves and what that costs."""
    direct, products = 9 * outputs**2, (outputs + 2) ** 2
    return f"{products} multiplications instead of {direct} per tile; relative L2 error at most 1e-5"


@dataclass(frozen=True, slots=True)
class Phases:
    """How a convolution is computed as several plain ones.

    A transposed one has one for each residue of the stride, those of a border that repeats the input
    included; one of complex numbers has them once for each product of real or imaginary parts. ``parts``
    holds a plan for each.
    """

    parts: tuple[Plan, ...]

    @property
    def code(self) -> Code:
        """What the part with the most work is specialised to."""
        return max(self.parts, key=lambda plan: plan.cycles).code

    @property
    def flops(self) -> int:
        """Floating-point operations of the direct sum; a multiply-add counts as two."""
        return sum(plan.flops for plan in self.parts)

    @property
    def bytes_moved(self) -> int:
        """Bytes that the parts read or write at least once each."""
        return sum(plan.bytes_moved for plan in self.parts)

    @property
    def cycles(self) -> int:
        """The cost model's estimate, in cycles of one core."""
        return sum(plan.cycles for plan in self.parts)

    def __str__(self) -> str:
        if len(self.parts) == 1:
            return str(self.parts[0])
        if not self.parts:
            return "phases   none: no tap reaches the result, which is the bias alone"
        counts = {plan: self.parts.count(plan) for plan in self.parts}
        texts = [
            f"{count} × {' × '.join(map(str, plan.code.taps))} taps\n{plan}" for plan, count in counts.items()
        ]
        plain = "gradients" if self.code.is_gradient else "plain convolutions"
        whole = f"together\nflops    {self.flops:,}\nbytes    {self.bytes_moved:,}"
        return "\n\n".join([f"phases   {len(self.parts)} {plain}, one after the other", *texts, whole])
