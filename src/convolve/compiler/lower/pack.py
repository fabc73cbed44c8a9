"""Packing the weights into the order in which a routine reads them, once per call or once per `bind`.

While they are at hand, it also notes for each panel whether all of its weights are finite: ``checks`` holds
zeros for those and a NaN for the others. Packed zeros of a border must not be multiplied by an infinite
weight.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.costs import MOST_UNROLLED
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Body, Buffer, Routine, Signature, affines
from convolve.compiler.lower.frame import CB, C, G, K
from convolve.compiler.lower.transform import Transforms
from convolve.compiler.lower.words import MOVED, joined, signed_word, word_facts
from convolve.compiler.plan import DOT_CHANNELS, Code
from convolve.compiler.problem import panel_channels
from convolve.compiler.target import Target
from convolve.compiler.winograd import TAPS, Winograd

KP = Affine.symbol("KP")

LEAST_SQUARE = 4
"""Filters and words that are turned round together at least."""


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
    runs = code.is_contraction and code.taps[0] == 1 and rows_inside(code)
    return runs and not (code.method == "dot" and 1 < math.prod(code.taps) < LEAST_SQUARE)


def pack(code: Code, target: Target) -> Routine:
    """Return the loop nest that packs the weights of a routine."""
    code = factor_code(code)
    runs = reads_runs(code)
    writer = WRITERS.get((code.method, runs), _Runs if runs else _Single)(code, target)
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
        taps = math.prod(code.taps)
        extents = affines([(CB if words else C) * taps])
        order = order if transformed else affines([G, KP, C * taps, width])
    lanes = _lanes(code, target) if runs and not words else 1
    buffers = (
        Buffer("source", code.weight_dtype, affines([G, K, *extents]), "input", contiguous=runs),
        Buffer("weights", code.dtype, order, "weights"),
        Buffer("checks", code.dtype, affines([G, KP, lanes]), "weights"),
        *([Buffer("turned", code.dtype, affines([*extents, lanes]), "scratch")] if transformed else []),
        *([Buffer("offsets", code.dtype, affines([G, KP, width]), "weights")] if code.moves_cells else []),
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
            with pen.loop("v", 0, self.vectors) as v:
                lane = v * lanes
                left = K - panel * (self.vectors * lanes) - lane
                wide = pen.smallest("room", left - lanes, self.length - lanes)
                with pen.when(wide):
                    self._turned(g, panel, lane)
                with pen.otherwise():
                    self._single(g, panel, lane, left)
                self._vector_done(g, panel, lane)
            pen.store("checks", [g, panel, 0], "check", lanes)
        return pen.body()

    def _turned(self, g: Affine, panel: Affine, first: Affine) -> None:
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

    def _single(self, g: Affine, panel: Affine, first: Affine, left: Affine) -> None:
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
        self, g: Affine, panel: Affine, r: Affine, first: Affine, lane: Index, register: str, lanes: int
    ) -> None:
        """Store the weights number ``r`` of some filters."""
        self.pen.store("weights", [g, panel, r, lane + first], register, lanes)

    def _vector_done(self, g: Affine, panel: Affine, first: Affine) -> None:
        """Write what follows when all weights of a vector of filters are there."""


class _Transformed(_Runs):
    """Writes Winograd's transform of the weights; they are turned round into the scratch first."""

    def _put(
        self, g: Affine, panel: Affine, r: Affine, first: Affine, lane: Index, register: str, lanes: int
    ) -> None:
        self.pen.store("turned", [r, lane], register, lanes)

    def _vector_done(self, g: Affine, panel: Affine, first: Affine) -> None:
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
    """Writes the packing of bytes by fours, and what makes up for cells that are moved.

    With x + 128 instead of x a sum is larger by 128·Σw, with x − 128 smaller.
    """

    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.lanes = _lanes(code, target)

    def _panel(self, pen: Pen, g: Affine, panel: Affine) -> None:
        self._words(g, panel)
        if self.code.moves_cells:
            self._offsets(g, panel)

    def _words(self, g: Affine, panel: Affine) -> None:
        """Pack word by word, zeros where there is no filter."""
        pen, (d, h, w) = self.pen, self.code.taps
        filters = panel * self.width
        with (
            pen.loop("tz", 0, d) as tz,
            pen.loop("ty", 0, h) as ty,
            pen.loop("c", 0, C) as c,
            pen.loop("tx", 0, w) as tx,
        ):
            with pen.loop("lane", 0, [self.width, K - filters]) as lane:
                self._word([[g, filters + lane, channel, tz, ty, tx] for channel in _channels_of(c)], c)
                pen.store("weights", self._place(g, panel, (c, tz, ty, tx), lane), "word")
            with pen.loop("lane", [0, K - filters], self.width) as lane:
                pen.store("weights", self._place(g, panel, (c, tz, ty, tx), lane), "nothing")

    def _word(self, places: Sequence[Sequence[Index]], c: Affine) -> None:
        """Join the weights at four places, zeros where there is no such channel."""
        pen, names = self.pen, [f"byte{i}" for i in range(DOT_CHANNELS)]
        *_, last = _channels_of(c)
        with pen.when(CB - last - 1):
            for name, place in zip(names, places, strict=True):
                self._load(name, place, 1)
        with pen.otherwise():
            for name, place, channel in zip(names, places, _channels_of(c), strict=True):
                pen.number(name, 0.0, "int32", 1)
                with pen.when(CB - channel - 1):
                    self._load(name, place, 1)
        joined(pen, "word", names, 1)

    def _load(self, name: str, place: Sequence[Index], lanes: int) -> str:
        """Load weights as numbers from 0 to 255."""
        read = self.pen.load(f"read{lanes}", "source", place, lanes)
        return self.pen.convert(name, "int32", self.pen.convert(f"bytes{lanes}", "uint8", read))

    def _extents(self) -> Sequence[Index]:
        """Return how many words a filter has, in the dimensions in which they are packed."""
        return weight_order(self.code, C)

    def _offsets(self, g: Affine, panel: Affine) -> None:
        """Sum up the weights of each filter, as products with bytes that are all 1."""
        pen, lanes, signed = self.pen, self.lanes, self.code.weight_dtype == "int8"
        pen.number("ones", float(signed_word(1)), "int32", lanes)
        pen.number("each", float(-MOVED if signed else MOVED), "int32", lanes)
        for first in range(0, self.width, lanes):
            pen.number("offset", 0.0, "int32", lanes)
            with ExitStack() as loops:
                sizes = enumerate(self._extents())
                at = [loops.enter_context(pen.loop(f"at{i}", 0, size)) for i, size in sizes]
                pen.load("words", "weights", [g, panel, *at, first], lanes)
                factors = ("ones", "words") if signed else ("words", "ones")
                pen.compute("offset", "dot", *factors, "offset")
            pen.compute("offset", "multiply", "offset", "each")
            pen.store("offsets", [g, panel, first], "offset", lanes)


class _WordRuns(_Words):
    """Writes the packing of words where each filter's weights are one run in memory.

    Squares of filters × words are turned round: of neighbouring words where there is one tap, else of the
    taps of one word. Number by number 256 × 256 filters of 3 × 3 took 0.38 ms (2026-11-26, AMD Zen 4).
    """

    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.taps = math.prod(code.taps)
        self.side = self.lanes
        while 1 < self.taps < self.side:
            self.side //= 2

    def _words(self, g: Affine, panel: Affine) -> None:
        pen, side = self.pen, self.side
        whole = pen.quotient("whole", CB, DOT_CHANNELS)
        with pen.loop("first", 0, self.width, side) as first:
            left = K - panel * self.width - first
            room = pen.smallest("room", left - side, whole - (side if self.taps == 1 else 1))
            with pen.when(room):
                self._squares(g, panel, first, whole)
                self._one_by_one(g, panel, first, ([side], whole))
            with pen.otherwise():
                self._one_by_one(g, panel, first, ([side, left], Affine.of(0)))
                with pen.loop("lane", [0, left], side) as lane, pen.loop("r", 0, C * self.taps) as r:
                    pen.store("weights", [g, panel, r, first + lane], "nothing")

    def _extents(self) -> Sequence[Index]:
        return [C * self.taps]

    def _one_by_one(
        self, g: Affine, panel: Affine, first: Affine, part: tuple[Sequence[Index], Affine]
    ) -> None:
        """Pack some filters' words from one on."""
        pen, (lanes, start) = self.pen, part
        with (
            pen.loop("lane", 0, lanes) as lane,
            pen.loop("c", start, C) as c,
            pen.loop("t", 0, self.taps) as t,
        ):
            filter_ = panel * self.width + first + lane
            self._word([[g, filter_, channel * self.taps + t] for channel in _channels_of(c)], c)
            pen.store("weights", [g, panel, c * self.taps + t, first + lane], "word")

    def _squares(self, g: Affine, panel: Affine, first: Affine, whole: Affine) -> None:
        """Pack words of which all channels exist, as many filters as words at a time."""
        pen, side, filters = self.pen, self.side, panel * self.width + first
        if self.taps == 1:
            with pen.loop("c", 0, whole, side, overlap=True) as c:
                rows = [self._neighbours(i, [g, filters + i, c * DOT_CHANNELS]) for i in range(side)]
                self._turned([g, panel, c], first, rows)
            return
        with pen.loop("c", 0, whole) as c, pen.loop("t", 0, self.taps, side, overlap=True) as t:
            rows = []
            for i in range(side):
                places = [[g, filters + i, channel * self.taps + t] for channel in _channels_of(c)]
                numbers = [self._load(f"bytes{n}_{side}", place, side) for n, place in enumerate(places)]
                rows.append(joined(pen, f"row{i}", numbers, side))
            self._turned([g, panel, c * self.taps + t], first, rows)

    def _neighbours(self, i: int, place: Sequence[Index]) -> str:
        """Join a filter's weights as they stand in memory."""
        many = self.side * DOT_CHANNELS
        read = self.pen.load("read", "source", place, many)
        return self.pen.join(f"row{i}", self.pen.convert("bytes", "uint8", read))

    def _turned(self, place: Sequence[Affine], first: Affine, rows: Sequence[str]) -> None:
        """Store the words of as many filters, turned round."""
        columns = [f"column{j}" for j in range(self.side)]
        self.pen.transpose(columns, rows)
        group, panel, r = place
        for j, column in enumerate(columns):
            self.pen.store("weights", [group, panel, r + j, first], column, self.side)


def _channels_of(word: Affine) -> list[Affine]:
    return [word * DOT_CHANNELS + i for i in range(DOT_CHANNELS)]


WRITERS: dict[tuple[str, bool], type[_Runs | _Single]] = {
    ("winograd", True): _Transformed,
    ("dot", True): _WordRuns,
    ("dot", False): _Words,
}
"""Methods with a packing of their own, and whether it reads runs."""


def _lanes(code: Code, target: Target) -> int:
    return target.lanes(ITEM_BYTES[code.dtype])
