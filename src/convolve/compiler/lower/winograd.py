"""Winograd's method: tiles of cells are transformed, multiplied point by point, and transformed back.

One item does all of it for a block of tiles, so that nothing but results goes to memory:

1. Each vector of channels is packed, border included, and each tile's cells are transformed:
   ``transformed[point][tile][channel]``.
2. Point by point, and panel by panel of output channels, a contraction over the input channels, with the
   inner block of `convolve.compiler.lower.contract` and tiles for pixels:
   ``products[panel][point][tile][channel]``.
3. Panel by panel the products are transformed to sums, which are written out as a contraction's are.

With a dilation, neighbouring outputs that meet the same cells are that far apart, and so are a tile's cells
and outputs: the tiles of all residues stand side by side, ``outputs · dilation`` down and across together.

The transforms of a tile do not fit the registers: columns first, then rows, with ``staged`` between them.

One NaN or infinity, or an overflow on the way, spoils all outputs of a tile. In each of the three steps the
corners of what is computed hold a number of everything that went in, so the corners of every tile's outputs
are looked at, and ``alarm`` is marked. Then the caller computes everything once more by the direct method.
"""

from collections.abc import Callable

from convolve.compiler.affine import Affine, Index
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Place
from convolve.compiler.lower.channel_cells import ChannelCells
from convolve.compiler.lower.contract import BK, KP, PT, XS, Contract
from convolve.compiler.lower.frame import BX, BY, BZ, FACTS, SYMBOLS, C, G, grid, shared_buffers
from convolve.compiler.lower.pack import weight_order
from convolve.compiler.lower.transform import Transforms
from convolve.compiler.lower.unroll import counted, passes_at_once
from convolve.compiler.plan import Code
from convolve.compiler.problem import pieces
from convolve.compiler.target import LINE_BYTES, Target
from convolve.compiler.winograd import Winograd, beyond

CS = Affine.symbol("CS")
"""Channels that a transformed tile has room for."""

USUAL_TILES = 16
"""Tiles of a block for which hints at weights are counted: 14 × 14 by F(4×4), 7 × 7 by F(2×2). With more
tiles weights are read less often, and hints matter less."""

HINTED_VECTORS, MOST_HINTS = 2, 2
"""Vectors of a panel, and hints in a body, up to which hints are written; see `_Winograd._next_panel`."""


def winograd(code: Code, target: Target) -> Routine:
    """Return the loop nest of a convolution by Winograd's method."""
    return _Winograd(code, target).routine()


def winograd_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of a convolution by Winograd's method."""
    return _Winograd(code, target).signature()


class _Winograd(Contract):
    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.method = Winograd.of(code.tile[2])
        self.transforms = Transforms(self.pen, self.method, code.dtype, self.lanes)
        self.apart = code.dilation[1:]

    def signature(self) -> Signature:
        code, size = self.code, self.method.size
        rest = [beyond(self.method.outputs, apart) for apart in self.apart]
        reach = [2 * apart for apart in self.apart]
        points, tiles = size**2, PT * self.pixels
        weights = affines([G, KP, *weight_order(code, C), self.width])
        scratch: dict[str, list[Index]] = {
            "cells": [BY + rest[0] + reach[0], XS, self.lanes],
            "transformed": [points, tiles, CS],
            "products": [BK, points, tiles, self.width],
            "staged": [size, size, self.lanes],
            "sums": [1, 1, BY + rest[0], BX + rest[1], self.width],
        }
        buffers = (
            *shared_buffers(code),
            Buffer("weights", code.dtype, weights, "weights"),
            Buffer("bias", code.dtype, affines([G, KP, self.width]), "weights"),
            *(Buffer(name, code.dtype, affines(extents), "scratch") for name, extents in scratch.items()),
            Buffer("alarm", code.dtype, affines([1]), "output"),
        )
        facts = (*FACTS, PT, KP, BK - 1, 1 - BZ, XS - BX - rest[1] - reach[1], CS - C, C - self.lanes)
        return Signature("winograd", (*SYMBOLS, "KP", "BK", "PT", "XS", "CS"), facts, buffers)

    def _item(self) -> None:
        """One item: transform all cells, then some panels at a time."""
        pen, outputs = self.pen, self.method.outputs
        with pen.share(grid(KP, BK)) as (n, g, z, y, x, k):
            place = Place(n[0], g[0], (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            rows, columns = (
                pen.quotient(name, count + outputs * apart - 1, outputs * apart) * apart
                for name, count, apart in zip(("rows", "columns"), (y[1], x[1]), self.apart, strict=True)
            )
            self._transform(place, rows, columns)
            self._products(place, k, (rows, columns))
            pen.number("check", 0.0, self.code.dtype, self.lanes)
            with pen.loop("kp", 0, k[1]) as kp:
                self._outputs(place, k[0] + kp, kp, (rows, columns))
            pen.mark("alarm", [0], "check")

    # -- cells -----------------------------------------------------------------------------------------

    def _transform(self, place: Place, rows: Affine, columns: Affine) -> None:
        """Pack and transform the cells of all channels, a vector of them at a time."""
        pen, lanes, outputs = self.pen, self.lanes, self.method.outputs
        packer = ChannelCells(pen, self.code, lanes, place)
        with pen.loop("c", 0, C, lanes, overlap=True) as c:
            down, across = self.apart
            packer.pack_plane(c, (rows * outputs + 2 * down, columns * outputs + 2 * across))
            with pen.walk(1, rows, columns, PT * self.pixels) as (tile, [place_of_tile]):
                self._transform_tile(*self._corner(place_of_tile), tile, c)

    def _corner(self, place: tuple[Affine, Affine]) -> tuple[Affine, Affine]:
        """Return the first output of a tile: the tiles of all residues stand side by side."""
        outputs, corner = self.method.outputs, []
        for name, at, apart in zip("yx", place, self.apart, strict=True):
            group = at
            if apart > 1:  # never below 0, as the verifier knows of fractions only
                group = self.pen.largest(f"group_{name}", 0, self.pen.quotient(f"part_{name}", at, apart))
            corner.append(group * ((outputs - 1) * apart) + at)
        return corner[0], corner[1]

    def _transform_tile(self, y: Affine, x: Affine, tile: Affine, c: Affine) -> None:
        """Transform a tile's cells along columns, then along rows."""
        pen, lanes, size = self.pen, self.lanes, self.method.size
        for j in range(size):
            column = x + j * self.apart[1]
            cells = [
                pen.load(f"cell{i}", "cells", [y + i * self.apart[0], column, 0], lanes) for i in range(size)
            ]
            for i, register in enumerate(self.transforms.cells("down", cells)):
                pen.store("staged", [i, j, 0], register, lanes)
        for i in range(size):
            cells = [pen.load(f"cell{j}", "staged", [i, j, 0], lanes) for j in range(size)]
            for j, register in enumerate(self.transforms.cells("across", cells)):
                pen.store("transformed", [i * size + j, tile, c], register, lanes)

    # -- products --------------------------------------------------------------------------------------

    def _products(self, place: Place, panels: tuple[Affine, Affine], tiles: tuple[Affine, Affine]) -> None:
        """Multiply and add over the channels, point by point, panel by panel.

        A point's cells stay in the second-level cache for all panels, and a panel's weights in the first for
        all tiles. Panel by panel and then point by point, which keeps fewer products, was never quicker: 128
        channels of 112 × 112 made 273 and 302 GFLOP/s (2026-11-25, AMD Zen 3).
        """
        pen = self.pen
        with (
            pen.loop("point", 0, self.method.size**2) as point,
            pen.loop("kp", 0, panels[1]) as kp,
            pen.walk(self.pixels, *tiles, PT) as (step, _),
        ):
            sums = [(i, v) for i in range(self.pixels) for v in range(self.vectors)]
            for i, v in sums:
                pen.number(f"sum{i}_{v}", 0.0, self.code.dtype, self.lanes)
            weight: list[Index] = [place.g, panels[0] + kp, point]
            for c in counted(pen, "ci", C, len(sums), self._next_panel(weight, step)):
                cells = [[point, step * self.pixels + i, c] for i in range(self.pixels)]
                self.multiply([*weight, c], "transformed", cells)
            for i, v in sums:
                at: list[Index] = [kp, point, step * self.pixels + i, v * self.lanes]
                pen.store("products", at, f"sum{i}_{v}", self.lanes)

    def _next_panel(self, weight: list[Index], step: Affine) -> Callable[[Affine], None]:
        """Return what writes hints at the next panel's weights: all of them by the end of this one, or none.

        On AVX2 512 channels of 14 × 14 made 167 GFLOP/s without them and 210 with them (2026-11-25, AMD Zen
        3). Hints at some lines only keep the hardware from seeing a stream: with AVX-512 tiles of 6 × 4 took
        5.3 ms with hints at three lines of four, 4.6 with all and 3.6 with none; F(2×2) on 7 × 7, tiles of 8
        × 2, took 2.35 ms with half of them, 1.76 with none and 1.29 with all (2026-11-26, AMD Zen 4).
        """
        line = LINE_BYTES // ITEM_BYTES[self.code.dtype]
        lines = pieces(passes_at_once(self.pixels * self.vectors) * self.width, line)
        many = pieces(lines, pieces(USUAL_TILES, self.pixels))
        if self.vectors > HINTED_VECTORS or many > MOST_HINTS:
            return lambda c: None
        aheads = [
            self.pen.smallest(f"ahead{number}", step * many + number, lines - 1) for number in range(many)
        ]
        group, panel, point = weight

        def hint(c: Affine) -> None:
            for ahead in aheads:
                self.pen.prefetch("weights", [group, panel + 1, point, c, ahead * line])

        return hint

    # -- outputs ---------------------------------------------------------------------------------------

    def _outputs(self, place: Place, panel: Affine, kp: Affine, tiles: tuple[Affine, Affine]) -> None:
        """Transform a panel's products back, and write the sums out."""
        pen = self.pen
        with pen.walk(1, *tiles, PT * self.pixels) as (tile, [place_of_tile]):
            corner = self._corner(place_of_tile)
            for v in range(self.vectors):
                bias = pen.load("bias", "bias", [place.g, panel, v * self.lanes], self.lanes)
                self._outputs_of_tile([kp, tile], corner, v * self.lanes, bias)
        self.finish(place, (panel, Affine.of(0)))

    def _outputs_of_tile(
        self, tile: list[Affine], corner: tuple[Affine, Affine], lane: int, bias: str
    ) -> None:
        """Transform a tile's products along columns, then along rows; check its corners."""
        pen, lanes, size, outputs = self.pen, self.lanes, self.method.size, self.method.outputs
        kp, step = tile
        for j in range(size):
            products = [
                pen.load(f"product{i}", "products", [kp, i * size + j, step, lane], lanes)
                for i in range(size)
            ]
            for i, register in enumerate(self.transforms.outputs("down", products)):
                pen.store("staged", [i, j, 0], register, lanes)
        for i in range(outputs):
            products = [pen.load(f"product{j}", "staged", [i, j, 0], lanes) for j in range(size)]
            for j, register in enumerate(self.transforms.outputs("across", products, bias)):
                if {i, j} <= {0, outputs - 1}:
                    pen.compute("check", "poison", "check", register)
                y, x = corner[0] + i * self.apart[0], corner[1] + j * self.apart[1]
                pen.store("sums", [0, 0, y, x, lane], register, lanes)
