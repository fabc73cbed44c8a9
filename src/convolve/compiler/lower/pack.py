"""Packing the weights into the order in which a routine reads them, once per call or once per `bind`.

While they are at hand, it also notes for each panel whether all of its weights are finite: ``checks`` holds
zeros for those and a NaN for the others. Packed zeros of a border must not be multiplied by an infinite
weight.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.costs import MOST_UNROLLED
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Body, Buffer, Routine, Signature, affines
from convolve.compiler.lower.frame import CB, C, G, K
from convolve.compiler.lower.transform import Transforms
from convolve.compiler.lower.words import MOVED, joined, word_facts
from convolve.compiler.plan import DOT_CHANNELS, Code
from convolve.compiler.problem import panel_channels
from convolve.compiler.target import Target
from convolve.compiler.winograd import TAPS, Winograd

KP = Affine.symbol("KP")


def factor_code(code: Code) -> Code:
    """Return the code of a filter of one row that holds the factors of a separable filter one after another.

    Its terms stand where other filters have their channels.
    """
    taps = (1, 1, sum(code.taps))
    return replace(code, method="stencil", taps=taps, tile=(1, 1, 1)) if code.method == "separable" else code


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
    if code.method == "winograd":
        return [Winograd.of(code.tile[2]).size ** 2, channels]
    d, h, w = code.taps
    return packed_place(code, channels, d, h, w)


def weight_extents(code: Code, groups: Index, panels: Affine, channels: Index, width: int) -> list[Index]:
    """Return the extents of the packed weights; a depthwise one's are a row of channels for each tap."""
    if code.method == "depthwise":
        return [*code.taps, panels * width]
    return [groups, panels, *weight_order(code, channels), width]


def reads_runs(code: Code) -> bool:
    """Whether a filter's weights are packed in the order in which they stand in memory.

    Then vectors of them are turned round: as many filters as lanes, and as many weights of each.
    """
    if code.method == "winograd":
        return True
    return code.method == "contract" and code.taps[0] == 1 and rows_inside(code)


def pack(code: Code, target: Target) -> Routine:
    """Return the loop nest that packs the weights of a routine."""
    code = factor_code(code)
    writer = WRITERS.get(code.method, _Runs if reads_runs(code) else _Single)(code, target)
    return Routine.of(pack_signature(code, target), writer.body())


def pack_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of the packing."""
    code = factor_code(code)
    width, runs = panel_channels(code, target), reads_runs(code)
    words = code.method == "dot"
    extents = affines([1 if code.method == "depthwise" else CB if words else C, *code.taps])
    order = affines(weight_extents(code, G, KP, C, width))
    transformed = code.method == "winograd"
    if runs:
        extents = affines([C * math.prod(code.taps)])
        order = order if transformed else affines([G, KP, *extents, width])
    lanes = _lanes(code, target) if runs else 1
    buffers = (
        Buffer("source", code.weight_dtype, affines([G, K, *extents]), "input", contiguous=runs),
        Buffer("weights", code.dtype, order, "weights"),
        Buffer("checks", code.dtype, affines([G, KP, lanes]), "weights"),
        *([Buffer("turned", code.dtype, affines([*extents, lanes]), "scratch")] if transformed else []),
        *([Buffer("offsets", code.dtype, affines([G, KP, width]), "weights")] if words else []),
    )
    more, known = (("CB",), word_facts()) if words else ((), [])
    return Signature("pack", ("G", "C", "K", "KP", *more), (G, C, K, KP, *known), buffers)


class _Single:
    """Writes the packing number by number, from any order in memory."""

    def __init__(self, code: Code, target: Target) -> None:
        self.code, self.width = code, panel_channels(code, target)
        self.pen = Pen()

    def body(self) -> Body:
        pen, dtype = self.pen, self.code.dtype
        with pen.share([("g", G, 1), ("k", KP, 1)]) as ((g, _), (panel, _)):
            pen.number("check", 0.0, dtype, 1)
            pen.number("nothing", 0.0, dtype, 1)
            self._panel(pen, g, panel)
            pen.store("checks", [g, panel, 0], "check")
        return pen.body()

    def _panel(self, pen: Pen, g: Affine, panel: Affine) -> None:
        d, h, w = self.code.taps
        left = K - panel * self.width
        with (
            pen.loop("tz", 0, d) as tz,
            pen.loop("ty", 0, h) as ty,
            pen.loop("c", 0, 1 if self.code.method == "depthwise" else C) as c,
            pen.loop("tx", 0, w) as tx,
        ):
            with pen.loop("lane", 0, [self.width, left]) as lane:
                pen.load("weight", "source", [g, panel * self.width + lane, c, tz, ty, tx])
                pen.compute("check", "poison", "check", "weight")
                pen.store("weights", self._place(g, panel, (c, tz, ty, tx), lane), "weight")
            with pen.loop("lane", [0, left], self.width) as lane:
                pen.store("weights", self._place(g, panel, (c, tz, ty, tx), lane), "nothing")

    def _place(
        self, g: Affine, panel: Affine, weight: tuple[Affine, Affine, Affine, Affine], lane: Affine
    ) -> list[Index]:
        """Return where a weight of a filter stands."""
        if self.code.method == "depthwise":
            return [*weight[1:], panel * self.width + lane]
        return [g, panel, *packed_place(self.code, *weight), lane]


class _Runs:
    """Writes the packing vector by vector: each filter's weights are one run in memory."""

    def __init__(self, code: Code, target: Target) -> None:
        self.code, self.lanes, self.vectors = code, _lanes(code, target), code.tile[1]
        self.length = C * math.prod(code.taps)
        self.pen = Pen()

    def body(self) -> Body:
        pen, lanes = self.pen, self.lanes
        with pen.share([("g", G, 1), ("k", KP, 1)]) as ((g, _), (panel, _)):
            pen.number("check", 0.0, self.code.dtype, lanes)
            pen.number("nothing", 0.0, self.code.dtype, 1)
            for v in range(self.vectors):
                lane = v * lanes
                left = K - panel * (self.vectors * lanes) - lane
                wide = pen.smallest(f"room{v}", left - lanes, self.length - lanes)
                with pen.when(wide):
                    self._turned(g, panel, lane)
                with pen.otherwise():
                    self._single(g, panel, lane, left)
                self._vector_done(g, panel, lane)
            pen.store("checks", [g, panel, 0], "check", lanes)
        return pen.body()

    def _turned(self, g: Affine, panel: Affine, first: int) -> None:
        """Pack a square of filters × weights at a time, turned round."""
        pen, lanes = self.pen, self.lanes
        filters = panel * (self.vectors * lanes) + first
        with pen.loop("r", 0, self.length, lanes, overlap=True) as r:
            rows = [pen.load(f"row{i}", "source", [g, filters + i, r], lanes) for i in range(lanes)]
            for row in rows:
                pen.compute("check", "poison", "check", row)
            columns = [f"column{j}" for j in range(lanes)]
            pen.transpose(columns, rows)
            for j, column in enumerate(columns):
                self._put(g, panel, r + j, first, 0, column, lanes)

    def _single(self, g: Affine, panel: Affine, first: int, left: Affine) -> None:
        """Pack number by number, and zeros where there is no filter."""
        pen = self.pen
        filters = panel * (self.vectors * self.lanes) + first
        with pen.loop("r", 0, self.length) as r:
            with pen.loop("lane", 0, [self.lanes, left]) as lane:
                place = [g, filters + lane, r]
                pen.repeat("repeated", "source", place, self.lanes)
                pen.compute("check", "poison", "check", "repeated")
                self._put(g, panel, r, first, lane, pen.load("weight", "source", place), 1)
            with pen.loop("lane", [0, left], self.lanes) as lane:
                self._put(g, panel, r, first, lane, "nothing", 1)

    def _put(
        self, g: Affine, panel: Affine, r: Affine, first: int, lane: Index, register: str, lanes: int
    ) -> None:
        """Store the weights number ``r`` of some filters."""
        self.pen.store("weights", [g, panel, r, lane + first], register, lanes)

    def _vector_done(self, g: Affine, panel: Affine, first: int) -> None:
        """Write what follows when all weights of a vector of filters are there."""


class _Transformed(_Runs):
    """Writes Winograd's transform of the weights; they are turned round into the scratch first."""

    def _put(
        self, g: Affine, panel: Affine, r: Affine, first: int, lane: Index, register: str, lanes: int
    ) -> None:
        self.pen.store("turned", [r, lane], register, lanes)

    def _vector_done(self, g: Affine, panel: Affine, first: int) -> None:
        pen, lanes, method = self.pen, self.lanes, Winograd.of(self.code.tile[2])
        transforms = Transforms(pen, method, self.code.dtype, lanes)
        with pen.loop("c", 0, C) as c:
            columns = []
            for x in range(TAPS):
                taps = [pen.load(f"tap{y}_{x}", "turned", [9 * c + 3 * y + x, 0], lanes) for y in range(TAPS)]
                columns.append(transforms.weights(f"down{x}_", taps))
            for i, row in enumerate(zip(*columns, strict=True)):
                for j, value in enumerate(transforms.weights("across", row)):
                    scaled = transforms.scaled("scaled", value, i, j)
                    pen.store("weights", [g, panel, i * method.size + j, c, first], scaled, lanes)


class _Words(_Single):
    """Writes the packing of bytes by fours, filter by filter, and what makes up for cells that are moved.

    With x + 128 instead of x a sum is larger by 128·Σw, with x − 128 smaller.
    """

    def _panel(self, pen: Pen, g: Affine, panel: Affine) -> None:
        d, h, w = self.code.taps
        left = K - panel * self.width
        each = -MOVED if self.code.weight_dtype == "int8" else MOVED
        pen.number("each", float(each), self.code.dtype, 1)
        with pen.loop("lane", 0, self.width) as lane:
            pen.number("offset", 0.0, self.code.dtype, 1)
            with (
                pen.loop("tz", 0, d) as tz,
                pen.loop("c", 0, C) as c,
                pen.loop("ty", 0, h) as ty,
                pen.loop("tx", 0, w) as tx,
            ):
                place = self._place(g, panel, (c, tz, ty, tx), lane)
                with pen.when(left - lane - 1):
                    self._word([g, panel * self.width + lane], c, [tz, ty, tx])
                    pen.store("weights", place, "word")
                with pen.otherwise():
                    pen.store("weights", place, "nothing")
            pen.store("offsets", [g, panel, lane], "offset")

    def _word(self, filter_: Sequence[Index], c: Affine, tap: Sequence[Index]) -> None:
        """Join the weights of four channels, zeros for those that there are not."""
        pen = self.pen
        for i in range(DOT_CHANNELS):
            channel = c * DOT_CHANNELS + i
            pen.number(f"byte{i}", 0.0, "int32", 1)
            with pen.when(CB - channel - 1):
                pen.load("weight", "source", [*filter_, channel, *tap])
                pen.compute("offset", "fma", pen.convert("number", "int32", "weight"), "each", "offset")
                pen.convert(f"byte{i}", "int32", pen.convert("byte", "uint8", "weight"))
        joined(pen, "word", [f"byte{i}" for i in range(DOT_CHANNELS)], 1)


WRITERS: dict[str, type[_Runs | _Single]] = {"winograd": _Transformed, "dot": _Words}
"""Methods with a packing of their own."""


def _lanes(code: Code, target: Target) -> int:
    return target.lanes(ITEM_BYTES[code.dtype])
