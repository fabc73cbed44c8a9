"""What all convolution routines share: their parameters, their buffers, and the grid of blocks they work on.

Symbols: ``N`` images, ``G`` groups, ``C`` input and ``K`` output channels of one group; ``Z Y X`` the input's
size and ``OZ OY OX`` the output's; ``BZ BY BX`` the outputs of one item, ``BC`` the channels packed at
once; ``before`` the padding before the first column, ``above`` that before the first row and ``front`` that
before the first plane. The border is told by tables: ``y_map[p]`` is the input
row found at padded row p, or -1 for a row of the constant. So one routine serves every boundary.
"""

from collections.abc import Sequence

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.expressions import write
from convolve.compiler.loopnest import Buffer, affines
from convolve.compiler.plan import Code

SIZES = ("N", "G", "C", "K", "Z", "Y", "X", "OZ", "OY", "OX", "BZ", "BY", "BX", "BC")
PADDING = ("front", "above", "before")
CB = Affine.symbol("CB")
"""Input channels of one group where ``C`` counts packed numbers of four of them."""

SYMBOLS = SIZES + PADDING
N, G, C, K, Z, Y, X, OZ, OY, OX, BZ, BY, BX, BC = map(Affine.symbol, SIZES)
FRONT, ABOVE, BEFORE = map(Affine.symbol, PADDING)
FACTS = tuple(Affine.symbol(name) - (name[0] == "B") for name in SYMBOLS)
"""Sizes are not negative, and blocks hold something."""


def image_index(order: str, n: Index, g: Index, c: Index, z: Index, y: Index, x: Index) -> tuple[Affine, ...]:
    """Return the index of a number of an image whose innermost dimension is x or the channel."""
    return affines([n, g, z, y, x, c] if order == "channel" else [n, g, c, z, y, x])


def map_extents(code: Code) -> list[Affine]:
    """Return the padded cells of each dimension."""
    sizes = zip((OZ, OY, OX), code.stride, code.extent, strict=True)
    return [(outputs - 1) * stride + extent for outputs, stride, extent in sizes]


def shared_buffers(code: Code) -> tuple[Buffer, ...]:
    """Return the buffers that every convolution routine has, in the order of a call."""
    source = image_index(code.reads, N, G, C if code.together == 1 else CB, Z, Y, X)
    target = image_index(code.writes, N, G, K, OZ, OY, OX * code.spread)
    maps = [
        Buffer(name, "int64", (extent,), "table", values=(Affine.of(-1), size))
        for name, extent, size in zip(("z_map", "y_map", "x_map"), map_extents(code), (Z, Y, X), strict=True)
    ]
    return (
        Buffer("input", code.input_dtype, source, "input", contiguous=code.reads != "none"),
        Buffer("output", code.output_dtype, target, "output", contiguous=code.writes != "none"),
        *(
            [Buffer("added", code.output_dtype, target, "input", contiguous=code.writes != "none")]
            * code.adds
        ),
        Buffer("border", code.dtype, affines([1]), "weights"),
        *maps,
    )


def grid(panels: Index, panels_at_once: Index) -> Sequence[tuple[str, Index, Index]]:
    """Return the blocks that one routine's items are the combinations of."""
    return [
        ("n", N, 1),
        ("g", G, 1),
        ("z", OZ, BZ),
        ("y", OY, BY),
        ("x", OX, BX),
        ("k", panels, panels_at_once),
    ]


def read_input(pen: Pen, code: Code, register: str, index: Sequence[Index], lanes: int, step: int = 1) -> str:
    """Write the reading of input numbers, in the dtype of the sums."""
    if code.input_dtype == code.dtype:
        return pen.load(register, "input", index, lanes, step)
    return pen.convert(register, code.dtype, pen.load(f"{register}_read", "input", index, lanes, step))


def write_output(
    pen: Pen, code: Code, register: str, index: Sequence[Index], lanes: int, streams: bool = False
) -> None:
    """Write the storing of sums as results.

    What is made of each comes first, then its conversion to the output's dtype, whose range it is set to if
    asked for.
    """
    given = [register]
    if code.adds:
        given.append(pen.load(f"added{lanes}", "added", index, lanes))
    register = write(pen, code.activation, given, code.dtype, lanes)
    if code.output_dtype != code.dtype:
        result = f"result{lanes}"
        register = pen.convert(result, code.output_dtype, register, code.saturated)
    pen.store("output", index, register, lanes, streams)
