"""Packing bytes for products by fours: four input channels of one cell become one number of 32 bits.

``C`` counts these words and ``CB`` the channels. Where channels are missing in the last word it holds any
others; their weights are zero. One factor of each product must have a sign and the other none: where both
have one, or neither has, 128 is added to every cell modulo 256, and offsets of the sums make up for it.
"""

from collections.abc import Sequence

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.lower.border import Packer, Row
from convolve.compiler.lower.frame import CB, C, image_index
from convolve.compiler.plan import DOT_CHANNELS

MOVED = 128
"""What turns bytes with a sign into bytes without, and the other way round."""


def word_facts() -> list[Affine]:
    """Return what is known of the number of words: they hold all channels, the last one at least one."""
    return [CB, C * DOT_CHANNELS - CB, CB - C * DOT_CHANNELS + DOT_CHANNELS - 1]


def signed_word(byte: int) -> int:
    """Return the int32 whose four bytes are all this one.

    >>> signed_word(1), signed_word(255)
    (16843009, -1)
    """
    return int.from_bytes(bytes([byte]) * DOT_CHANNELS, "little", signed=True)


def joined(pen: Pen, name: str, numbers: Sequence[str], lanes: int) -> str:
    """Write the joining of int32 numbers from 0 to 255, or as far below 0, to words; the first is lowest."""
    pen.compute(name, "copy", numbers[0])
    for i, number in enumerate(numbers[1:], 1):
        place = pen.number(f"place{i}_{lanes}", float(256**i), "int32", lanes)
        pen.compute(name, "fma", number, place, name)
    return name


class WordPacker(Packer):
    """Writes the packing of one block as words."""

    def pack(self, channel: Affine, channels: Affine) -> None:
        """Write the packing of ``channels`` words from the word ``channel`` on."""
        pen = self.pen
        pen.repeat("fill", "border", [0], self.lanes)
        pen.repeat("fill_one", "border", [0], 1)
        if self.by_channel:
            self.planes(lambda row: self._pixels(row, channel, channels))
            return
        phases = self.columns_of_phases()
        with pen.loop("c", 0, channels) as c:
            self._four = self._channels_of(channel + c)
            self.planes(lambda row: self._row(row, c, channel + c, phases))

    def _channels_of(self, word: Affine) -> list[Affine]:
        """Return the channels of a word, the last one again where there are no more."""
        first = word * DOT_CHANNELS
        more = (self.pen.smallest(f"channel{i}", first + i, CB - 1) for i in range(1, DOT_CHANNELS))
        return [first, *more]

    def move(
        self, row: Row, channel: Affine, x: Affine, to: Sequence[Index], lanes: int, step: int = 1
    ) -> None:
        """Join numbers of the four channels of the word that is packed."""
        numbers = []
        for i, one in enumerate(self._four):
            register = self._bytes(f"byte{i}_{lanes}", row, one, x, lanes, step)
            numbers.append(self.pen.convert(f"number{i}_{lanes}", "int32", register))
        word = joined(self.pen, f"word{lanes}", numbers, lanes)
        if self.code.moves_cells:
            moved = self.pen.number(f"moved{lanes}", float(signed_word(MOVED)), "int32", lanes)
            self.pen.compute(word, "add", word, moved)
        self.pen.store("cells", to, word, lanes)

    def _bytes(self, name: str, row: Row, channel: Affine, x: Affine, lanes: int, step: int = 1) -> str:
        """Load numbers of the input, as bytes that have a sign if they will be moved and none if not."""
        place = self.place
        index = image_index(self.code.reads, place.n, place.g, channel, row.source_z, row.source_y, x)
        read = self.pen.load(f"{name}_read", "input", index, lanes, step)
        return self.pen.convert(name, "int8" if self.code.moves_cells else "uint8", read)

    # -- [z][y][x][word] -------------------------------------------------------------------------------

    def _pixels(self, row: Row, channel: Affine, channels: Affine) -> None:
        """Pack a row pixel by pixel, all words of each: those of four channels as they stand in memory."""
        pen = self.pen
        whole = pen.quotient("all_whole", CB, DOT_CHANNELS) - channel
        whole = pen.smallest("whole", channels, whole)
        with pen.loop("px", 0, self.cells[2]) as x:
            source_x = pen.lookup("source_x", "x_map", self.first[2] + x * self.steps[2])
            shown = pen.smallest("shown", row.shown, source_x)
            with pen.when(shown):
                pen.widths(whole, self.lanes, lambda lanes: self._whole(row, channel, x, whole, lanes))
                with pen.loop("c", [0, whole], channels) as c:
                    self._four = self._channels_of(channel + c)
                    self.move(row, channel, source_x, [row.z, row.y, x, c], 1)
            with pen.otherwise():
                pen.widths(channels, self.lanes, lambda lanes: self._fill_pixel(row, x, channels, lanes))

    def _whole(self, row: Row, channel: Affine, x: Affine, count: Affine, lanes: int) -> None:
        """Pack words whose channels all exist, ``lanes`` at a time."""
        pen, many = self.pen, lanes * DOT_CHANNELS
        source_x = Affine.symbol("source_x")
        with pen.loop("c", 0, count, lanes, overlap=lanes > 1) as c:
            first = (channel + c) * DOT_CHANNELS
            register = self._bytes(f"four{many}", row, first, source_x, many)
            register = pen.convert(f"four{many}_bytes", "uint8", register)
            if self.code.moves_cells:
                moved = pen.number(f"moved{many}", float(MOVED), "uint8", many)
                register = pen.compute(f"four{many}_moved", "add", register, moved)
            pen.store("cells", [row.z, row.y, x, c], pen.join(f"joined{lanes}", register), lanes)

    def _fill_pixel(self, row: Row, x: Affine, count: Affine, lanes: int) -> None:
        """Pack a pixel of the border."""
        register = "fill" if lanes == self.lanes else f"fill_{lanes}"
        if lanes != self.lanes:
            self.pen.repeat(register, "border", [0], lanes)
        with self.pen.loop("c", 0, count, lanes, overlap=lanes > 1) as c:
            self.pen.store("cells", [row.z, row.y, x, c], register, lanes)
