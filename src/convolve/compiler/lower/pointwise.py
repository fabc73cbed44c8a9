"""A pass over numbers: each result is made, by an expression, of the numbers in the same place of the inputs.

Everything is seen as four-dimensional, with rows of ``X`` numbers. An input may be repeated along any
dimension: its stride there is 0, of which the routine knows nothing but along the row, where one number is
read for all. So a bias for each channel, a residual sum, a normalisation and a turned array are all this one
routine.
"""

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.expressions import write
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.plan import PointCode
from convolve.compiler.target import Target

SIZES = ("A", "B", "R", "X", "BR", "BX")
"""Sizes, and how many rows and columns one item of work has."""

A, B, R, X, BR, BX = map(Affine.symbol, SIZES)
FACTS = tuple(Affine.symbol(name) - (name in ("BR", "BX")) for name in SIZES)

FEW_STEPS, VECTORS = 4, 4
"""Expressions of so few steps are computed for so many vectors side by side: then loads of one wait beside
those of the others. Longer ones keep the multiply-adds busy by themselves: e^x has 13 steps one after the
other, and two vectors."""


def points_signature(code: PointCode) -> Signature:
    """Return what a caller must know of a pass."""
    inputs = [
        Buffer(
            f"input{place}",
            code.dtype,
            affines([A, B, R, 1 if kind == "one" else X]),
            "input",
            contiguous=kind != "apart",
        )
        for place, kind in enumerate(code.inputs)
    ]
    output = Buffer("output", code.dtype, (A, B, R, X), "output", contiguous=code.output == "x")
    return Signature("pass", SIZES, FACTS, (*inputs, output))


def points(code: PointCode, target: Target) -> Routine:
    """Return the loop nest of a pass."""
    pen = Pen()
    apart = "apart" in (*code.inputs, code.output)
    lanes = 1 if apart else target.lanes(ITEM_BYTES[code.dtype])
    vectors = 1 if apart else VECTORS if len(code.expression.steps) <= FEW_STEPS else VECTORS // 2
    with (
        pen.share([("a", A, 1), ("b", B, 1), ("r", R, BR), ("c", X, BX)]) as (
            (a, _),
            (b, _),
            (first, rows),
            (left, columns),
        ),
        pen.loop("row", 0, rows) as row,
    ):
        at: list[Index] = [a, b, first + row]

        def some(width: int) -> None:
            with pen.loop("x", 0, columns, width, overlap=width > 1) as x:
                for vector in range(max(1, width // lanes)):
                    _vector(pen, code, at, left + x + vector * lanes, min(width, lanes))

        pen.widths(columns, lanes * vectors, some)
    return Routine.of(points_signature(code), pen.body())


def _vector(pen: Pen, code: PointCode, at: list[Index], x: Affine, lanes: int) -> None:
    """Compute and store neighbouring numbers."""
    registers = []
    for place, kind in enumerate(code.inputs):
        name, buffer = f"given{place}_{lanes}", f"input{place}"
        if kind == "one":
            registers.append(pen.repeat(name, buffer, [*at, 0], lanes))
        else:
            registers.append(pen.load(name, buffer, [*at, x], lanes))
    result = write(pen, code.expression, registers, code.dtype, lanes)
    pen.store("output", [*at, x], result, lanes)
