"""Packing the weights into the order in which a routine reads them, once per call or once per `bind`.

While they are at hand, it also notes for each panel whether all of its weights are finite: ``checks`` holds 0
for those and NaN for the others. Packed zeros of a border must not be multiplied by an infinite weight.
"""

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.frame import C, G, K
from convolve.compiler.lower.unroll import MOST_UNROLLED
from convolve.compiler.plan import Code
from convolve.compiler.target import Target

KP = Affine.symbol("KP")


def panel_width(code: Code, target: Target) -> int:
    """Return how many output channels stand together in the packed weights."""
    if code.method == "stencil":
        return code.tile[0]
    return code.tile[1] * target.lanes(8 if code.dtype == "float64" else 4)


def rows_inside(code: Code) -> bool:
    """Whether a contraction writes out all taps of a plane inside its loop over channels."""
    pixels, vectors, _ = code.tile
    return code.taps[1] * code.taps[2] * pixels * vectors <= MOST_UNROLLED


def packed_place(code: Code, c: Index, tz: Index, ty: Index, tx: Index) -> list[Index]:
    """Return where a weight stands in its panel: taps and channels in the order of the inner loops."""
    if code.method == "stencil":
        return [tz, c, tx, ty]
    return [tz, c, ty, tx] if rows_inside(code) else [tz, ty, c, tx]


def weight_order(code: Code, channels: Index) -> list[Index]:
    """Return the extents of a panel, without its width."""
    d, h, w = code.taps
    return packed_place(code, channels, d, h, w)


def pack(code: Code, target: Target) -> Routine:
    """Return the loop nest that packs the weights of a routine."""
    width = panel_width(code, target)
    d, h, w = code.taps
    pen = Pen()
    with pen.share([("g", G, 1), ("k", KP, 1)]) as ((g, _), (panel, _)):
        pen.number("check", 0.0, code.dtype, 1)
        pen.number("nothing", 0.0, code.dtype, 1)
        with (
            pen.loop("tz", 0, d) as tz,
            pen.loop("ty", 0, h) as ty,
            pen.loop("c", 0, C) as c,
            pen.loop("tx", 0, w) as tx,
        ):
            place = [g, panel, *packed_place(code, c, tz, ty, tx)]
            with pen.loop("lane", 0, [width, K - panel * width]) as lane:
                pen.load("weight", "source", [g, panel * width + lane, c, tz, ty, tx])
                pen.compute("check", "poison", "check", "weight")
                pen.store("weights", [*place, lane], "weight")
            with pen.loop("lane", [0, K - panel * width], width) as lane:
                pen.store("weights", [*place, lane], "nothing")
        pen.store("checks", [g, panel], "check")
    return Routine.of(pack_signature(code, target), pen.body())


def pack_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of the packing."""
    order = weight_order(code, C)
    buffers = (
        Buffer("source", code.dtype, affines([G, K, C, *code.taps]), "input", contiguous=False),
        Buffer("weights", code.dtype, affines([G, KP, *order, panel_width(code, target)]), "weights"),
        Buffer("checks", code.dtype, affines([G, KP]), "weights"),
    )
    return Signature("pack", ("G", "C", "K", "KP"), (G, C, K, KP), buffers)
