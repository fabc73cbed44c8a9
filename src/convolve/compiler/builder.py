"""A pen for the loop language: statements are written down in order, ``with`` opens a body.

>>> pen = Pen()
>>> with pen.loop("x", 0, Affine.symbol("width")) as x:
...     pen.store("line", [x], pen.number("zero", 0.0, "float32", 1))
>>> pen.body()[0].var
'x'
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from convolve.compiler.affine import Affine, Index
from convolve.compiler.loopnest import (
    Access,
    Block,
    Blocks,
    Body,
    Compute,
    Convert,
    Extremum,
    Join,
    Load,
    Lookup,
    Loop,
    Mark,
    Number,
    Prefetch,
    Quotient,
    Ramp,
    Repeat,
    Select,
    Share,
    Statement,
    Store,
    ToLine,
    Transpose,
    Walk,
    When,
    affines,
)

Bounds = Index | Sequence[Index]
Maker = Callable[[Body], Statement]


class Pen:
    """Collects statements; see the grammar in `convolve.compiler.loopnest`."""

    def __init__(self) -> None:
        self._open: list[list[Statement]] = [[]]

    def body(self) -> Body:
        """Return the statements written so far."""
        return tuple(self._open[-1])

    def _write(self, statement: Statement) -> None:
        self._open[-1].append(statement)

    def _open_body(self) -> list[Statement]:
        self._open.append([])
        return self._open[-1]

    def _close_body(self) -> Body:
        return tuple(self._open.pop())

    @contextmanager
    def share(self, blocks: Sequence[tuple[str, Index, Index]]) -> Iterator[list[tuple[Affine, Affine]]]:
        """Open this thread's share of a grid; blocks are (name, extent, step)."""
        made = tuple(_block(*block) for block in blocks)
        self._open_body()
        yield [(Affine.symbol(block.start), Affine.symbol(block.count)) for block in made]
        self._write_closed(lambda body: Share(made, body))

    @contextmanager
    def blocks(self, name: str, extent: Index, step: Index) -> Iterator[tuple[Affine, Affine]]:
        """Open the blocks of one dimension, one after another."""
        block = _block(name, extent, step)
        self._open_body()
        yield Affine.symbol(block.start), Affine.symbol(block.count)
        self._write_closed(lambda body: Blocks(block, body))

    @contextmanager
    def loop(
        self, var: str, start: Bounds, stop: Bounds, step: int = 1, overlap: bool = False
    ) -> Iterator[Affine]:
        """Open a loop from the largest start to below the smallest stop.

        A loop from one plain number to another that takes a single step is its body.
        """
        if isinstance(start, int) and isinstance(stop, int) and start < stop <= start + step and not overlap:
            yield Affine.of(start)
            return
        self._open_body()
        yield Affine.symbol(var)
        self._write_closed(lambda body: Loop(var, _bounds(start), _bounds(stop), step, overlap, body))

    def widths(self, count: Affine, widest: int, write: Callable[[int], None]) -> None:
        """Write the same work for vectors and for narrower ones, of which the widest that fits is done.

        ``write(lanes)`` must do all of ``count`` with whole, overlapping steps of so many lanes.
        """
        if widest == 1:
            write(1)
            return
        with self.when(count - widest):
            write(widest)
        with self.otherwise():
            self.widths(count, widest // 2 if widest > 4 else 1, write)

    @contextmanager
    def walk(
        self, count: int, rows: Index, columns: Index, limit: Affine
    ) -> Iterator[tuple[Affine, list[tuple[Affine, Affine]]]]:
        """Open a walk over a rectangle, ``count`` pixels at a time, of at most ``limit`` steps."""
        pixels = tuple((f"row{i}", f"column{i}") for i in range(count))
        self._open_body()
        yield Affine.symbol("step"), [(Affine.symbol(y), Affine.symbol(x)) for y, x in pixels]
        self._write_closed(
            lambda body: Walk("step", limit, pixels, Affine.of(rows), Affine.of(columns), body)
        )

    @contextmanager
    def when(self, condition: Affine) -> Iterator[None]:
        """Open a body that runs if the condition is not negative."""
        self._open_body()
        yield
        self._write_closed(lambda body: When(condition, body))

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """Open the other body of the ``when`` just closed."""
        last = self._open[-1].pop()
        assert isinstance(last, When)
        self._open_body()
        yield
        self._write_closed(lambda body: When(last.condition, last.body, body))

    def _write_closed(self, make: Maker) -> None:
        body = self._close_body()
        self._write(make(body))

    def quotient(self, var: str, dividend: Affine, divisor: int) -> Affine:
        """Let a symbol be floor(dividend / divisor)."""
        self._write(Quotient(var, dividend, divisor))
        return Affine.symbol(var)

    def lookup(self, var: str, table: str, index: Affine) -> Affine:
        """Let a symbol be a table's value."""
        self._write(Lookup(var, table, index))
        return Affine.symbol(var)

    def to_line(self, var: str, buffer: str, index: Sequence[Index]) -> Affine:
        """Let a symbol be how many numbers lie between a place and the next line of the caches."""
        self._write(ToLine(var, Access(buffer, affines(index))))
        return Affine.symbol(var)

    def smallest(self, var: str, *choices: Index) -> Affine:
        """Let a symbol be the smallest of several."""
        self._write(Extremum(var, "min", affines(choices)))
        return Affine.symbol(var)

    def largest(self, var: str, *choices: Index) -> Affine:
        """Let a symbol be the largest of several."""
        self._write(Extremum(var, "max", affines(choices)))
        return Affine.symbol(var)

    def number(self, register: str, value: float, dtype: str, lanes: int) -> str:
        """Set all lanes of a register to a number."""
        self._write(Number(register, value, dtype, lanes))
        return register

    def load(self, register: str, buffer: str, index: Sequence[Index], lanes: int = 1, step: int = 1) -> str:
        """Load neighbours of a buffer."""
        self._write(Load(register, Access(buffer, affines(index), lanes, step)))
        return register

    def repeat(self, register: str, buffer: str, index: Sequence[Index], lanes: int) -> str:
        """Load one number into all lanes."""
        self._write(Repeat(register, Access(buffer, affines(index)), lanes))
        return register

    def compute(self, register: str, operation: str, *arguments: str) -> str:
        """Compute lane by lane."""
        self._write(Compute(register, operation, arguments))
        return register

    def ramp(self, register: str, start: Affine, step: int, lanes: int) -> str:
        """Set the lanes of a register to start, start + step, ..."""
        self._write(Ramp(register, start, step, lanes))
        return register

    def select(self, register: str, new: str, old: str, winner: str, loser: str) -> str:
        """Set a register to the winner where the new number beats the old one, else to the loser."""
        self._write(Select(register, new, old, winner, loser))
        return register

    def convert(self, register: str, dtype: str, argument: str, saturated: bool = False) -> str:
        """Convert lane by lane."""
        self._write(Convert(register, dtype, argument, saturated))
        return register

    def join(self, register: str, argument: str) -> str:
        """Join every four neighbouring bytes to one int32."""
        self._write(Join(register, argument))
        return register

    def transpose(self, registers: Sequence[str], arguments: Sequence[str]) -> None:
        """Turn rows into columns."""
        self._write(Transpose(tuple(registers), tuple(arguments)))

    def prefetch(self, buffer: str, index: Sequence[Index]) -> None:
        """Hint that a number will be needed soon."""
        self._write(Prefetch(Access(buffer, affines(index))))

    def mark(self, buffer: str, index: Sequence[Index], register: str) -> None:
        """Write 1 if a register holds a NaN."""
        self._write(Mark(Access(buffer, affines(index)), register))

    def store(
        self, buffer: str, index: Sequence[Index], register: str, lanes: int = 1, streams: bool = False
    ) -> None:
        """Store a register."""
        self._write(Store(Access(buffer, affines(index), lanes), register, streams))


def _block(name: str, extent: Index, step: Index) -> Block:
    return Block(f"{name}0", f"{name}_count", Affine.of(extent), Affine.of(step))


def _bounds(bounds: Bounds) -> tuple[Affine, ...]:
    return affines([bounds] if isinstance(bounds, Affine | int) else bounds)
