"""The verifier: proves of a loop nest, for every size in its domain, that no access leaves its buffer.

It also checks what the emitter takes for granted: symbols are bound once and known where they are used,
steps and divisors are positive, nothing is written to what is only read, registers hold what is expected of
them (`convolve.compiler.registers`). A nest that passes is safe to run for all sizes that fulfil its
``facts``, provided that its tables hold what they declare and its buffers are as large as they declare.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from convolve.compiler.affine import Affine
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import (
    Access,
    Block,
    Blocks,
    Body,
    Buffer,
    Extremum,
    Load,
    Lookup,
    Loop,
    Mark,
    Prefetch,
    Quotient,
    Ramp,
    Repeat,
    Routine,
    Share,
    Statement,
    Store,
    ToLine,
    Walk,
    When,
)
from convolve.compiler.printer import head, show_access
from convolve.compiler.proof import Facts
from convolve.compiler.registers import check_registers
from convolve.compiler.target import LINE_BYTES
from convolve.errors import VerificationError

Terms = tuple[tuple[str, int], ...]
Where = Statement | Access | str


def verify(routine: Routine) -> None:
    """Raise `VerificationError` unless a routine is safe for every size in its domain.

    Examples
    --------
    A line may be read behind its end only if it is known to have that much:

    >>> from convolve.compiler.builder import Pen
    >>> pen, width = Pen(), Affine.symbol("width")
    >>> with pen.loop("x", 0, width) as x:
    ...     pen.store("line", [x + 1], pen.number("zero", 0.0, "float32", 1))
    >>> line = Buffer("line", "float32", (width,), "output")
    >>> verify(Routine("shift", ("width",), (width,), (line,), pen.body()))
    Traceback (most recent call last):
    convolve.errors.VerificationError: shift: line[x + 1]: x + 2 <= width in dimension 0 cannot be proved...
    """
    check_registers(routine)
    _Verifier(routine).run()


@dataclass(slots=True)
class _Span:
    """The lowest and the highest of indices that differ in a constant only, and where they occur."""

    lowest: int
    highest: int
    lowest_in: Access
    highest_in: Access

    def widen(self, lowest: int, highest: int, access: Access) -> None:
        """Take in another index."""
        if lowest < self.lowest:
            self.lowest, self.lowest_in = lowest, access
        if highest > self.highest:
            self.highest, self.highest_in = highest, access


class _Verifier:
    def __init__(self, routine: Routine) -> None:
        self.routine = routine
        self.buffers = {buffer.name: buffer for buffer in routine.buffers}
        self.facts = Facts()
        self.spans: dict[tuple[str, int, Terms], _Span] = {}
        roles = {buffer.role for buffer in routine.buffers}
        self.writable = {"output", "scratch"} if "output" in roles else {"output", "scratch", "weights"}

    def run(self) -> None:
        """Verify the routine."""
        if len(self.buffers) != len(self.routine.buffers):
            self.refuse("its buffers", "two of them have the same name")
        for name in self.routine.parameters:
            self.bind(name)
        for buffer in self.routine.buffers:
            self.check_known(f"the extents of {buffer.name}", *buffer.extents, *(buffer.values or ()))
        for fact in self.routine.facts:
            self.check_known("its facts", fact)
            self.facts.add(fact, 0)
        self.body(self.routine.body)

    # -- statements ----------------------------------------------------------------------------------

    def body(self, body: Body) -> None:
        """Verify statements; whoever opens a body forgets what it bound."""
        outside, self.spans = self.spans, {}
        for statement in body:
            check = CHECKS.get(type(statement))
            if check is not None:
                check(self, statement)
        for (buffer, dimension, terms), span in self.spans.items():
            self.span(self.buffers[buffer], dimension, terms, span)
        self.spans = outside

    def share(self, share: Share) -> None:
        """Check a grid of blocks."""
        mark = self.facts.mark()
        for block in share.blocks:
            self.block(block, share)
        self.body(share.body)
        self.facts.forget(mark)

    def blocks(self, blocks: Blocks) -> None:
        """Check blocks one after another."""
        mark = self.facts.mark()
        self.block(blocks.block, blocks)
        self.body(blocks.body)
        self.facts.forget(mark)

    def block(self, block: Block, where: Statement) -> None:
        """Learn 0 <= start, 1 <= count <= step and start + count <= extent, so there is some extent."""
        self.check_known(where, block.extent, block.step)
        if not self.facts.prove(block.extent, 0):
            self.refuse(where, f"{block.extent} >= 0 cannot be proved for all sizes")
        if not self.facts.prove(block.step, 1):
            self.refuse(where, f"{block.step} >= 1 cannot be proved for all sizes")
        self.bind(block.start)
        self.bind(block.count)
        start, count = Affine.symbol(block.start), Affine.symbol(block.count)
        self.facts.add(start, 0)
        self.facts.add(count, 1)
        self.facts.add(block.step, count)
        self.facts.add(block.extent, start + count)
        self.facts.add(block.extent, start + 1)
        self.facts.add(block.extent, 1)

    def loop(self, loop: Loop) -> None:
        """Learn that the variable is at or above every start, and a whole step below every stop."""
        self.check_known(loop, *loop.starts, *loop.stops)
        if loop.step < 1:
            self.refuse(loop, "the step must be positive")
        mark = self.facts.mark()
        self.bind(loop.var)
        var = Affine.symbol(loop.var)
        for start in loop.starts:
            self.facts.add(var, start)
        for stop in loop.stops:
            self.facts.add(stop, var + loop.step)
            for start in loop.starts:
                self.facts.add(stop, start + loop.step)
        self.body(loop.body)
        self.facts.forget(mark)

    def walk(self, walk: Walk) -> None:
        """Learn that every pixel lies in the rectangle, which has some, and every step below the limit."""
        self.check_known(walk, walk.rows, walk.columns, walk.limit)
        mark = self.facts.mark()
        self.bind(walk.step)
        self.facts.add(Affine.symbol(walk.step), 0)
        self.facts.add(walk.limit, Affine.symbol(walk.step) + 1)
        self.facts.add(walk.limit, 1)
        for names, size in zip(zip(*walk.pixels, strict=True), (walk.rows, walk.columns), strict=True):
            self.facts.add(size, 1)
            for name in names:
                self.bind(name)
                self.facts.add(Affine.symbol(name), 0)
                self.facts.add(size, Affine.symbol(name) + 1)
        self.body(walk.body)
        self.facts.forget(mark)

    def when(self, when: When) -> None:
        """Check both bodies, each knowing on which side of the condition it is."""
        self.check_known(when, when.condition)
        for body, fact in ((when.body, when.condition), (when.otherwise, -when.condition - 1)):
            mark = self.facts.mark()
            self.facts.add(fact, 0)
            self.body(body)
            self.facts.forget(mark)

    def quotient(self, let: Quotient) -> None:
        """Learn divisor·v <= dividend <= divisor·v + divisor - 1."""
        self.check_known(let, let.dividend)
        if let.divisor < 1:
            self.refuse(let, "the divisor must be positive")
        self.bind(let.var)
        whole = Affine.symbol(let.var) * let.divisor
        self.facts.add(let.dividend, whole)
        self.facts.add(whole + (let.divisor - 1), let.dividend)

    def lookup(self, let: Lookup) -> None:
        """Learn that a table's value lies in the range that the table declares."""
        table = self.buffers.get(let.table)
        if table is None or table.role != "table" or table.values is None:
            self.refuse(let, f"{let.table} is not a table with a range of values")
        self.access(Access(let.table, (let.index,)), {"table"})
        self.bind(let.var)
        first, end = table.values
        self.facts.add(Affine.symbol(let.var), first)
        self.facts.add(end, Affine.symbol(let.var) + 1)

    def extremum(self, let: Extremum) -> None:
        """Learn on which side of a symbol several expressions are."""
        self.check_known(let, *let.choices)
        if not let.choices:
            self.refuse(let, "there is nothing to choose from")
        self.bind(let.var)
        self.facts.add_extremum(let.var, let.kind, let.choices)

    def to_line(self, let: ToLine) -> None:
        """Learn that there are fewer numbers than a line holds."""
        buffer = self.buffers.get(let.access.buffer)
        if buffer is None:
            self.refuse(let, f"there is no buffer {let.access.buffer}")
        self.check_known(let, *let.access.index)
        self.bind(let.var)
        self.facts.add(Affine.symbol(let.var), 0)
        self.facts.add(Affine.of(LINE_BYTES // ITEM_BYTES[buffer.dtype] - 1), Affine.symbol(let.var))

    # -- accesses ------------------------------------------------------------------------------------

    def load(self, load: Load | Repeat) -> None:
        """Check that numbers of anything but a table are read."""
        self.access(load.access, {"input", "output", "weights", "scratch"})

    def ramp(self, ramp: Ramp) -> None:
        """Check that whole numbers can be computed; they are never an index."""
        self.check_known(ramp, ramp.start)

    def store(self, store: Store | Mark) -> None:
        """Check that only results are written: weights only where packing them is the result."""
        self.access(store.access, self.writable)

    def prefetch(self, hint: Prefetch) -> None:
        """Check that a hint can be computed; where it points to does not matter."""
        self.check_known(hint.access, *hint.access.index)

    def access(self, access: Access, roles: set[str]) -> None:
        """Note an access; it is proved when its body ends, together with those that differ in a constant."""
        buffer = self.buffers.get(access.buffer)
        if buffer is None or buffer.role not in roles:
            self.refuse(access, f"only buffers of the roles {', '.join(sorted(roles))} may stand here")
        if len(access.index) != len(buffer.extents):
            self.refuse(access, f"{buffer.name} has {len(buffer.extents)} dimensions")
        if access.lanes > 1 and not buffer.contiguous:
            self.refuse(access, f"neighbours of {buffer.name} are not neighbours in memory")
        reach = (access.lanes - 1) * access.step
        last = len(access.index) - 1
        for dimension, index in enumerate(access.index):
            lowest = index.constant
            highest = lowest + reach if dimension == last else lowest
            span = self.spans.get((access.buffer, dimension, index.terms))
            if span is None:
                self.check_known(access, index)
                span = _Span(lowest, highest, access, access)
                self.spans[access.buffer, dimension, index.terms] = span
            else:
                span.widen(lowest, highest, access)

    def span(self, buffer: Buffer, dimension: int, terms: Terms, span: _Span) -> None:
        """Prove that indices stay inside a dimension."""
        extent = buffer.extents[dimension]
        lowest, end = Affine(terms, span.lowest), Affine(terms, span.highest + 1)
        if not self.facts.prove(lowest, 0):
            self.outside(span.lowest_in, dimension, f"{lowest} >= 0")
        if not self.facts.prove(extent, end):
            self.outside(span.highest_in, dimension, f"{end} <= {extent}")

    def outside(self, access: Access, dimension: int, goal: str) -> NoReturn:
        """Refuse an access that may leave its buffer."""
        self.refuse(access, f"{goal} in dimension {dimension} cannot be proved for all sizes")

    # -- small steps ---------------------------------------------------------------------------------

    def bind(self, name: str) -> None:
        """Bind a symbol that is not bound yet."""
        if name in self.facts:
            self.refuse(name, "the symbol is bound twice")
        self.facts.bind(name)

    def check_known(self, where: Where, *expressions: Affine) -> None:
        """Refuse expressions of symbols that are not bound here."""
        for expression in expressions:
            for name, _ in expression.terms:
                if name not in self.facts:
                    self.refuse(where, f"the symbol {name} is not bound here")

    def refuse(self, where: Where, reason: str) -> NoReturn:
        """Raise the error."""
        if not isinstance(where, str):
            where = show_access(where) if isinstance(where, Access) else head(where)
        raise VerificationError(f"{self.routine.name}: {where}: {reason}")


CHECKS: dict[type, Callable[[_Verifier, Any], None]] = {
    Share: _Verifier.share,
    Blocks: _Verifier.blocks,
    Loop: _Verifier.loop,
    Walk: _Verifier.walk,
    When: _Verifier.when,
    Quotient: _Verifier.quotient,
    Lookup: _Verifier.lookup,
    Extremum: _Verifier.extremum,
    ToLine: _Verifier.to_line,
    Load: _Verifier.load,
    Repeat: _Verifier.load,
    Ramp: _Verifier.ramp,
    Store: _Verifier.store,
    Mark: _Verifier.store,
    Prefetch: _Verifier.prefetch,
}
"""Kind of statement -> its check; those that only compute are checked with the registers."""
