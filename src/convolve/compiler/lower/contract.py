"""The contraction: channels to channels, a tile of pixels times vectors of output channels.

The inner block keeps ``pixels × vectors`` sums in registers. For each input channel and tap it loads the
weights of the vectors, repeats one input number per pixel over a register, and multiplies and adds each
with each: few loads for many multiply-adds. Pixels are taken in reading order across rows, so that a map 7
wide fills tiles as well as a large one.

Sums go to a scratch first, [panel][z][y][x][channel of the panel]: there they wait for the next part of
the input channels, if these do not fit at once, and from there they are written out, turned round where the
output wants neighbouring columns.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.costs import INTEGER_OPERATIONS, MOST_STEP, MOST_UNROLLED
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Packer, Place, packs_by_channel
from convolve.compiler.lower.frame import (
    BC,
    BX,
    BY,
    BZ,
    FACTS,
    OX,
    OY,
    OZ,
    SYMBOLS,
    C,
    G,
    K,
    X,
    Y,
    Z,
    grid,
    image_index,
    read_input,
    shared_buffers,
    write_output,
)
from convolve.compiler.lower.pack import rows_inside, weight_extents
from convolve.compiler.lower.unroll import (
    LEAST_UNROLLED,
    counted,
    passes_at_once,
    tap_groups,
)
from convolve.compiler.lower.words import WordPacker, word_facts
from convolve.compiler.plan import Code
from convolve.compiler.target import LINE_BYTES, Target

KP, BK, BS, PT, XS = map(Affine.symbol, ("KP", "BK", "BS", "PT", "XS"))
"""Panels of output channels, panels of one item, panels whose sums are kept (one is enough if all input
channels are summed up at once), tiles of pixels in a plane of a block, and the columns that a packed row has
room for."""


CHANNELS_TOGETHER = 8
"""Channels whose pixels are packed tile by tile together: as many streams as the hardware fetches ahead. With
all 256 channels of 56 × 56 at once, 1 × 1 with stride 2 took 2.94 ms, with 16 2.93, with 8 2.37 and with 4
2.44 (2026-11-25, AMD Zen 3)."""

Tile = tuple[Affine, list[tuple[Affine, Affine]]]
"""A step of the walk over pixels: its number, and the row and column of each pixel."""


def inside_facts(code: Code) -> list[Affine]:
    """Return the facts of a convolution without a border: the last output's cell is one of the input."""
    if not code.tiled:
        return []
    dimensions = zip((Z, Y, X), (OZ, OY, OX), code.stride, strict=True)
    return [size - (outputs - 1) * stride - 1 for size, outputs, stride in dimensions]


def contract(code: Code, target: Target) -> Routine:
    """Return the loop nest of a contraction."""
    return Contract(code, target).routine()


def contract_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of a contraction."""
    return Contract(code, target).signature()


class Contract:
    """A contraction in the making; Winograd's method shares its inner block and its way to write out."""

    def __init__(self, code: Code, target: Target) -> None:
        self.code = code
        self.lanes = target.lanes(ITEM_BYTES[code.dtype])
        self.pixels, self.vectors, _ = code.tile
        self.width = self.vectors * self.lanes
        self.pen = Pen()

    def routine(self) -> Routine:
        """Return the whole routine."""
        self._item()
        return Routine.of(self.signature(), self.pen.body())

    def signature(self) -> Signature:
        """Return its sizes, facts and buffers."""
        code = self.code
        room = (BX - 1) * code.packed_stride[2] + code.extent[2]
        depth, height = (
            (b - 1) * s + e for b, s, e in zip((BZ, BY), code.packed_stride, code.extent, strict=False)
        )
        cells: list[Index] = [BC, depth, height, 1, XS]
        if code.tiled:
            cells = [BZ, PT, BC, self.pixels]
        elif packs_by_channel(code):
            cells = [depth, height, XS, BC]
        sets = G * code.spread
        weights = affines(weight_extents(code, sets, KP, C, self.width))
        sums = affines([BS * code.spread, BZ, BY, BX, self.width])
        buffers = (
            *shared_buffers(code),
            Buffer("weights", code.dtype, weights, "weights"),
            Buffer("bias", code.dtype, affines([sets, KP, self.width]), "weights"),
            Buffer("cells", code.dtype, affines(cells), "scratch"),
            Buffer("sums", code.dtype, sums, "scratch"),
        )
        more: tuple[str, ...] = ("KP", "BK", "BS", "PT", "XS")
        facts = (*FACTS, *inside_facts(code), PT, KP, BK - 1, BS - 1, XS - room)
        if code.method == "dot":
            more, facts = (*more, "CB"), (*facts, *word_facts())
        if code.moves_cells:
            offsets = Buffer("offsets", code.dtype, affines([sets, KP, self.width]), "weights")
            buffers = (*buffers, offsets)
        return Signature(code.method, (*SYMBOLS, *more), facts, buffers)

    def _item(self) -> None:
        """One item: pack some channels, then panel by panel and tile by tile."""
        pen = self.pen
        with pen.share(grid(KP, BK)) as (n, g, z, y, x, k):
            place = Place(n[0], g[0], (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            with pen.blocks("c", C, BC) as (channel, channels):
                if self.code.tiled:
                    self._pack_tiles(place, channel, channels)
                else:
                    packer = WordPacker if self.code.method == "dot" else Packer
                    packer(pen, self.code, self.lanes, place).pack(channel, channels)
                with pen.loop("kp", 0, k[1]) as kp:
                    kept = pen.smallest("kept", kp, BS - 1) * self.code.spread
                    with (
                        pen.loop("px", 0, self.code.spread) as residue,
                        pen.loop("oz", 0, z[1]) as oz,
                        pen.walk(self.pixels, y[1], x[1], PT) as tile,
                    ):
                        panel = _Panel(
                            place.g * self.code.spread + residue, k[0] + kp, kept + residue, residue
                        )
                        self._tile(panel, oz, tile, (channel, channels))
                    with pen.when(channel + channels - C):
                        self.finish(place, (k[0] + kp, kept))

    def _pack_tiles(self, place: Place, channel: Affine, channels: Affine) -> None:
        """Pack the pixels of each tile together, a few channels at a time."""
        pen = self.pen
        depth, rows, columns = place.counts
        with (
            pen.blocks("p", channels, CHANNELS_TOGETHER) as (first, count),
            pen.loop("pz", 0, depth) as oz,
            pen.walk(self.pixels, rows, columns, PT) as tile,
        ):
            self._pack_tile(place, oz, tile, channel, (first, count))

    def _pack_tile(
        self, place: Place, oz: Affine, tile: Tile, channel: Affine, part: tuple[Affine, Affine]
    ) -> None:
        """Pack one tile: as one vector per channel where its pixels are neighbours, else one by one.

        Hints at the channels that come next: 1024 of 14 × 14, whose rows of 784 bytes are too short for the
        hardware to see, took 0.095 ms of 0.93, and 0.043 with them (2026-11-26, AMD Zen 4).
        """
        pen, code, (step, pixels) = self.pen, self.code, tile
        z, y, x = place.starts

        def move(lanes: int) -> None:
            with pen.loop("c", 0, part[1]) as one:
                c = part[0] + one
                for i in range(0, self.pixels, lanes):
                    at = (z + oz, y + pixels[i][0], x + pixels[i][1])
                    source = [one * stride for one, stride in zip(at, code.stride, strict=True)]
                    if i == 0 and code.reads == "x":
                        soon = channel + c + CHANNELS_TOGETHER
                        pen.prefetch("input", image_index(code.reads, place.n, place.g, soon, *source))
                    index = image_index(code.reads, place.n, place.g, channel + c, *source)
                    register = read_input(pen, code, f"moved{lanes}", index, lanes, code.stride[2])
                    pen.store("cells", [oz, step, c, i], register, lanes)

        if code.reads != "x" or code.stride[2] > MOST_STEP:
            move(1)
            return
        with pen.when(place.counts[2] - pixels[0][1] - self.pixels):
            move(self.pixels)
        with pen.otherwise():
            move(1)

    # -- the tile --------------------------------------------------------------------------------------

    def _tile(
        self,
        panel: "_Panel",
        oz: Affine,
        tile: Tile,
        part: tuple[Affine, Affine],
    ) -> None:
        """Sum up one tile of pixels × vectors."""
        pen = self.pen
        with pen.when(part[0] - 1):  # not the first channels: go on with the sums so far
            for i, (y, x) in enumerate(tile[1]):
                for v in range(self.vectors):
                    pen.load(f"sum{i}_{v}", "sums", [panel.kept, oz, y, x, v * self.lanes], self.lanes)
        with pen.otherwise():
            self._start(panel)
        self._reduce(panel, oz, tile, part)
        for i, (y, x) in enumerate(tile[1]):
            for v in range(self.vectors):
                pen.store("sums", [panel.kept, oz, y, x, v * self.lanes], f"sum{i}_{v}", self.lanes)

    def _start(self, panel: "_Panel") -> None:
        """Let sums begin with the bias, and with what makes up for cells that were moved."""
        pen = self.pen
        places: list[list[Index]] = [[panel.set, panel.number, v * self.lanes] for v in range(self.vectors)]
        for i, (v, place) in itertools.product(range(self.pixels), enumerate(places)):
            pen.load(f"sum{i}_{v}", "bias", place, self.lanes)
        if self.code.moves_cells:
            for v, place in enumerate(places):
                pen.load(f"offset{v}", "offsets", place, self.lanes)
                for i in range(self.pixels):
                    pen.compute(f"sum{i}_{v}", "add", f"sum{i}_{v}", f"offset{v}")

    def _reduce(
        self,
        panel: "_Panel",
        oz: Affine,
        tile: Tile,
        part: tuple[Affine, Affine],
    ) -> None:
        """Write the loops over taps and channels.

        Few taps are written out inside the loop over channels: one long loop ends once per tile, while a
        short one for every row of the filter costs a mispredicted branch each time.
        """
        pen, code = self.pen, self.code
        with pen.loop("tz", 0, code.taps[0]) as tz:
            z = oz if code.tiled else oz * code.packed_stride[0] + tz * code.dilation[0]
            if rows_inside(code):
                hint = self._next_weights((panel.set, panel.number, tz), tile[0], part[0])
                for c in counted(pen, "ci", part[1], self._body, hint):
                    for ty in range(code.taps[1]):
                        weight: list[Index] = [panel.set, panel.number, tz, part[0] + c, ty]
                        self._row(weight, z, Affine.of(ty), tile, c, panel.residue)
            else:
                with pen.loop("ty", 0, code.taps[1]) as row, pen.loop("ci", 0, part[1]) as c:
                    weight = [panel.set, panel.number, tz, row, part[0] + c]
                    self._row(weight, z, row, tile, c, panel.residue)

    @property
    def _is_whole(self) -> bool:
        """Whether products of integers are added to sums, and written out one at a time.

        Where several stand in one block, LLVM adds them up before it adds them to a sum, and runs out of
        registers: 82 of 108 were spilled. One at a time are as quick, 3.2 ms for 64 → 64@56 (2026-11-26, AMD
        Zen 4, AVX2).
        """
        return self.code.method != "dot" and self.code.dtype in INTEGER_OPERATIONS

    @property
    def _body(self) -> int:
        """Multiply-adds of one channel, of which a loop over channels writes several out if they are few."""
        work = math.prod(self.code.taps[1:]) * self.pixels * self.vectors
        return max(work, LEAST_UNROLLED) if self._is_whole else work

    def _next_weights(
        self, panel: tuple[Affine, Affine, Affine], step: Affine, channel: Affine
    ) -> Callable[[Affine], None]:
        """Return what writes a hint at the next panel's weights: of those of a body one line for each tile.

        The first tile of a panel otherwise waits for weights that come from the third-level cache: without
        these hints 512 channels of 7 × 7, 3 × 3, took 3.2 ms and with them 2.8, 1 × 1 on 2048 channels 1.45
        and 1.26 (2026-11-23, AMD Zen 3).
        """
        group, this, plane = panel
        line = LINE_BYTES // ITEM_BYTES[self.code.dtype]
        taps = math.prod(self.code.taps[1:])
        lines = passes_at_once(self._body) * taps * self.width // line
        ahead = self.pen.smallest("ahead", step, lines - 1)
        return lambda c: self.pen.prefetch(
            "weights", [group, this + 1, plane, channel + c, 0, 0, ahead * line]
        )

    def _row(
        self,
        weight: Sequence[Index],
        z: Affine,
        ty: Affine,
        tile: Tile,
        c: Affine,
        residue: Affine,
    ) -> None:
        """Add the taps of one row of the filter."""
        code = self.code
        limit = 1 if self._is_whole else MOST_UNROLLED
        for tx in tap_groups(self.pen, code.taps[2], self.pixels * self.vectors, limit=limit):
            column = tx * code.dilation[2] + residue * code.shift
            self._multiply([*weight, tx], z, ty * code.dilation[1], column, tile, c)

    def _multiply(
        self,
        weight: Sequence[Index],
        z: Affine,
        row: Affine,
        column: Affine,
        tile: Tile,
        c: Affine,
    ) -> None:
        """One tap of one channel: each pixel with each vector of weights."""
        code = self.code
        cells: list[list[Index]] = []
        for i, (y, x) in enumerate(tile[1]):
            at = [z, y * code.packed_stride[1] + row, x * code.packed_stride[2] + column]
            index: list[Index] = [*at, c] if packs_by_channel(code) else [c, *at[:2], 0, at[2]]
            cells.append([z, tile[0], c, i] if code.tiled else index)
        self.multiply(weight, "cells", cells)

    def multiply(self, weight: Sequence[Index], buffer: str, cells: Sequence[Sequence[Index]]) -> None:
        """Multiply and add numbers of a buffer, each with each vector of weights: the innermost work."""
        pen = self.pen
        for v in range(self.vectors):
            pen.load(f"weight{v}", "weights", [*weight, v * self.lanes], self.lanes)
        for i, index in enumerate(cells):
            pen.repeat("cell", buffer, index, self.lanes)
            for v in range(self.vectors):
                pen.compute(f"sum{i}_{v}", *self._product(v), f"sum{i}_{v}")

    def _product(self, v: int) -> tuple[str, str, str]:
        """Return the operation that multiplies and adds, and its factors, bytes without a sign first."""
        if self.code.method != "dot":
            return "fma", "cell", f"weight{v}"
        factors = ("cell", f"weight{v}") if self.code.weight_dtype == "int8" else (f"weight{v}", "cell")
        return "dot", *factors

    # -- writing out -----------------------------------------------------------------------------------

    def finish(self, place: Place, panel: tuple[Affine, Affine]) -> None:
        """Write a panel's sums to the output: whole vectors of channels where there are as many."""
        pen = self.pen
        with pen.loop("oz", 0, place.counts[0]) as oz, pen.loop("oy", 0, place.counts[1]) as oy:
            for v in self._vectors_to_write():
                first = panel[0] * self.width + v * self.lanes
                row = _Row(place, (panel[1], oz, oy), v * self.lanes, first)
                if self.code.writes == "none" or self.lanes % self.code.spread:
                    self._single(row)
                    continue
                wide = K - first - self.lanes
                if self.code.writes == "x":
                    pixels = self.lanes // self.code.spread
                    wide = pen.smallest(f"room{v.constant}", wide, place.counts[2] - pixels)
                with pen.when(wide):
                    self._turned(row) if self.code.writes == "x" else self._straight(row)
                with pen.otherwise():
                    self._single(row)

    def _vectors_to_write(self) -> Iterator[Affine]:
        """Yield the vectors of a panel one after the other, in a loop: written out they are most of the code.

        A loop cut LLVM's time by a fifth (2026-11-26). Beside one of integers on AVX2, LLVM kept one in three
        products of the inner block on the stack instead of one in six, so these are written out.
        """
        if self._is_whole:
            yield from map(Affine.of, range(self.vectors))
            return
        with self.pen.loop("v", 0, self.vectors) as v:
            yield v

    def _turned(self, row: "_Row") -> None:
        """Write a square of columns × channels at a time, turned round; residues take turns."""
        pen, lanes, spread = self.pen, self.lanes, self.code.spread
        with pen.loop("ox", 0, row.place.counts[2], lanes // spread, overlap=True) as x:
            places = [divmod(i, spread) for i in range(lanes)]
            rows = [
                pen.load(f"row{i}", "sums", row.sums(x + pixel, residue), lanes)
                for i, (pixel, residue) in enumerate(places)
            ]
            columns = [f"column{j}" for j in range(lanes)]
            pen.transpose(columns, rows)
            for j, column in enumerate(columns):
                self._write(column, row.output(self.code, x, j), lanes)

    def _straight(self, row: "_Row") -> None:
        """Write a vector of one pixel's channels at a time."""
        pen, code = self.pen, self.code
        with pen.loop("ox", 0, row.place.counts[2]) as x, pen.loop("pw", 0, code.spread) as residue:
            pen.load("done", "sums", row.sums(x, residue), self.lanes)
            self._write("done", row.output(code, x, 0, residue), self.lanes)

    def _single(self, row: "_Row") -> None:
        """Write number by number."""
        pen, code = self.pen, self.code
        with (
            pen.loop("oc", 0, [self.lanes, K - row.first]) as k,
            pen.loop("ox", 0, row.place.counts[2]) as x,
            pen.loop("pw", 0, code.spread) as residue,
        ):
            pen.load("one", "sums", row.sums(x, residue, k))
            self._write("one", row.output(code, x, k, residue), 1)

    def _write(self, register: str, index: Sequence[Index], lanes: int) -> None:
        write_output(self.pen, self.code, register, index, lanes)


@dataclass(frozen=True, slots=True)
class _Panel:
    """A panel of output channels: its set of weights, its number, where sums are kept, and its residue."""

    set: Affine
    number: Affine
    kept: Affine
    residue: Affine


class _Row:
    """A row of a panel's sums, and where it belongs."""

    def __init__(self, place: Place, at: tuple[Affine, Affine, Affine], lane: Affine, first: Affine) -> None:
        self.place, self.at, self.lane, self.first = place, at, lane, first

    def sums(self, x: Affine, residue: Index, k: Index = 0) -> list[Index]:
        """Return the place of a pixel's sums in the scratch."""
        kept, *rest = self.at
        return [kept + residue, *rest, x, k + self.lane]

    def output(self, code: Code, x: Affine, k: Index, residue: Index = 0) -> tuple[Affine, ...]:
        """Return the place of a pixel's channel in the output."""
        z, y, left = self.place.starts
        _, oz, oy = self.at
        at = (z + oz, y + oy, (left + x) * code.spread + residue)
        return image_index(code.writes, self.place.n, self.place.g, self.first + k, *at)
