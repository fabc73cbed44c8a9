"""Statements of the loop language -> LLVM IR: one short method per kind, found by the statement's type."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.llvm.addresses import Addresses
from convolve.compiler.llvm.code import LLVM_TYPES, Code, Registers, vector_type
from convolve.compiler.llvm.conversions import FLOATS, convert
from convolve.compiler.llvm.operations import OPERATIONS
from convolve.compiler.llvm.shuffles import gather, strided_starts, transpose
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
    Routine,
    Select,
    Share,
    Store,
    ToLine,
    Transpose,
    Walk,
    When,
)
from convolve.compiler.target import LINE_BYTES, Target

STREAMED = "!0"
"""The module's note that marks stores past the caches."""

HEADER = "define void @{name}(ptr noalias %args, i64 %begin, i64 %end, ptr noalias %scratch) #0 {{"


def emit(routine: Routine, target: Target) -> str:
    """Return a routine as the text of one LLVM function, with the declarations that it needs."""
    return Emitter(routine, target).function()


class Emitter:
    """One function in the making."""

    def __init__(self, routine: Routine, target: Target) -> None:
        self.routine = routine
        self.target = target
        self.code = Code(HEADER.format(name=routine.name))
        self.registers = Registers(self.code)
        self.addresses = Addresses(routine, self.code, self.code.new_piece())
        self.declared: set[str] = set()
        self.streams = False

    def function(self) -> str:
        """Return the whole function."""
        self.body(self.routine.body)
        self.registers.end_block()
        if self.streams:  # other threads may read the results as soon as they hear that this one is done
            self.code.write("  fence seq_cst")
        self.code.write("  ret void\n}")
        return "\n".join([*sorted(self.declared), self.code.text()])

    def body(self, body: Body) -> None:
        """Emit statements; symbols that they bind are forgotten at the end."""
        depth = self.addresses.depth
        for statement in body:
            EMITTERS[type(statement)](self, statement)
        self.addresses.close(depth)

    # -- control -------------------------------------------------------------------------------------

    def share(self, share: Share) -> None:
        """Emit the items [begin, end), each a place in every dimension, the last fastest.

        The first item is taken apart by divisions; from then on the places count up like an odometer.
        """
        counts = [self.block_count(block) for block in share.blocks]
        rest, places = "%begin", []
        for count in reversed(counts):
            positive = self.extreme([count, "1"], "sgt")
            places.append(self.code.value(f"urem i64 {rest}, {positive}"))
            rest = self.code.value(f"udiv i64 {rest}, {positive}")
        wheels = [self.code.slot("i64", place) for place in reversed(places)]

        def one(_item: str) -> None:
            for block, wheel in zip(share.blocks, wheels, strict=True):
                self.bind_block(block, self.code.value(f"load i64, ptr {wheel}"))
            self.addresses.open()
            self.body(share.body)
            self.turn(wheels, counts)

        self.counted("item", "%begin", "%end", 1, one)

    def turn(self, wheels: Sequence[str], counts: Sequence[str]) -> None:
        """Count the odometer up by one."""
        carry = "1"
        for wheel, count in reversed(list(zip(wheels, counts, strict=True))):
            place = self.code.value(f"add i64 {self.code.value(f'load i64, ptr {wheel}')}, {carry}")
            over = self.code.value(f"icmp sge i64 {place}, {count}")
            self.code.write(
                f"  store i64 {self.code.value(f'select i1 {over}, i64 0, i64 {place}')}, ptr {wheel}"
            )
            carry = self.code.value(f"zext i1 {over} to i64")

    def blocks(self, blocks: Blocks) -> None:
        """All blocks of a dimension, in order."""

        def one(place: str) -> None:
            self.bind_block(blocks.block, place)
            self.addresses.open()
            self.body(blocks.body)

        self.counted("block", "0", self.block_count(blocks.block), 1, one)

    def block_count(self, block: Block) -> str:
        """Return how many blocks there are: the extent over the step, rounded up."""
        extent, step = self.addresses.value(block.extent), self.addresses.value(block.step)
        rounded = self.code.value(f"add i64 {extent}, {step}")
        return self.code.value(f"udiv i64 {self.code.value(f'sub i64 {rounded}, 1')}, {step}")

    def bind_block(self, block: Block, place: str) -> None:
        """Bind a block's start and count."""
        extent, step = self.addresses.value(block.extent), self.addresses.value(block.step)
        start = self.code.value(f"mul i64 {place}, {step}")
        count = self.smaller(self.code.value(f"sub i64 {extent}, {start}"), step)
        self.addresses.open()
        self.addresses.bind(block.start, start)
        self.addresses.bind(block.count, count)

    def loop(self, loop: Loop) -> None:
        """Emit a loop of whole steps."""
        start = self.addresses.extreme(loop.starts, "sgt")
        stop = self.addresses.extreme(loop.stops, "slt")

        def one(var: str) -> None:
            if loop.overlap:
                var = self.smaller(var, self.code.value(f"sub i64 {stop}, {loop.step}"))
            self.addresses.open()
            self.addresses.bind(loop.var, var)
            self.body(loop.body)

        if not loop.overlap:
            self.counted(loop.var, start, stop, loop.step, one)
            return
        fits = self.code.value(f"add i64 {start}, {loop.step}")
        enough = self.code.value(f"icmp sle i64 {fits}, {stop}")
        self.branch(enough, lambda: self.counted(loop.var, start, stop, loop.step, one, partial=True))

    def counted(
        self, hint: str, start: str, stop: str, step: int, one: Callable[[str], None], partial: bool = False
    ) -> None:
        """Emit a loop; ``partial`` also runs a last step that reaches beyond ``stop``."""
        reach = 1 if partial else step
        inside, after = self.code.fresh("loop"), self.code.fresh("after")
        self.registers.end_block()
        before = self.code.fresh("before")
        self.code.write(f"  br label {before}")
        self.code.label(before)
        if start.isdecimal() and stop.isdecimal() and int(start) + reach <= int(stop):
            self.code.write(f"  br label {inside}")
        else:
            first = self.code.value(f"add i64 {start}, {reach - 1}")
            runs = self.code.value(f"icmp slt i64 {first}, {stop}")
            self.code.write(f"  br i1 {runs}, label {inside}, label {after}")
        self.code.label(inside)
        var, following, latch = self.code.fresh(hint), self.code.fresh("next"), self.code.fresh("latch")
        self.code.write(f"  {var} = phi i64 [ {start}, {before} ], [ {following}, {latch} ]")
        depth = self.addresses.depth
        one(var)
        self.addresses.close(depth)
        self.registers.end_block()
        self.code.write(f"  br label {latch}")
        self.code.label(latch)
        self.code.write(f"  {following} = add nsw i64 {var}, {step}")
        end = following if reach == 1 else self.code.value(f"add nsw i64 {following}, {reach - 1}")
        again = self.code.value(f"icmp slt i64 {end}, {stop}")
        self.code.write(f"  br i1 {again}, label {inside}, label {after}")
        self.code.label(after)

    def walk(self, walk: Walk) -> None:
        """Neighbouring pixels of a rectangle; the position of the first is carried from step to step."""
        rows, columns = self.addresses.value(walk.rows), self.addresses.value(walk.columns)
        smallest = self.smaller(self.smaller(rows, columns), self.addresses.value(walk.limit))
        some = self.code.value(f"icmp sgt i64 {smallest}, 0")
        self.branch(some, lambda: self.walk_steps(walk, rows, columns))

    def walk_steps(self, walk: Walk, rows: str, columns: str) -> None:
        """Emit the steps of a walk over at least one pixel."""
        self.registers.end_block()
        before, inside, after = (self.code.fresh(hint) for hint in ("before", "walk", "after"))
        self.code.write(f"  br label {before}")
        self.code.label(before)
        self.code.write(f"  br label {inside}")
        self.code.label(inside)
        y, x, next_y, next_x, latch = (self.code.fresh(hint) for hint in ("y", "x", "ny", "nx", "latch"))
        step, next_step = self.code.fresh("step"), self.code.fresh("next")
        self.code.write(f"  {step} = phi i64 [ 0, {before} ], [ {next_step}, {latch} ]")
        self.code.write(f"  {y} = phi i64 [ 0, {before} ], [ {next_y}, {latch} ]")
        self.code.write(f"  {x} = phi i64 [ 0, {before} ], [ {next_x}, {latch} ]")
        depth = self.addresses.depth
        pixels: list[tuple[str, str]] = []
        following = (y, x)
        for _ in walk.pixels:
            last = pixels[-1] if pixels else following
            inside_rows = self.code.value(f"icmp slt i64 {following[0]}, {rows}")
            row = self.code.value(f"select i1 {inside_rows}, i64 {following[0]}, i64 {last[0]}")
            column = self.code.value(f"select i1 {inside_rows}, i64 {following[1]}, i64 {last[1]}")
            pixels.append((row, column))
            following = self.step(following, columns)
        self.addresses.open()
        self.addresses.bind(walk.step, step)
        for (name_y, name_x), pixel in zip(walk.pixels, pixels, strict=True):
            self.addresses.bind(name_y, pixel[0])
            self.addresses.bind(name_x, pixel[1])
        self.addresses.open()
        self.body(walk.body)
        self.addresses.close(depth)
        self.registers.end_block()
        self.code.write(f"  br label {latch}")
        self.code.label(latch)
        self.code.write(f"  {next_y} = add i64 {following[0]}, 0")
        self.code.write(f"  {next_x} = add i64 {following[1]}, 0")
        self.code.write(f"  {next_step} = add i64 {step}, 1")
        rows_left = self.code.value(f"icmp slt i64 {next_y}, {rows}")
        steps_left = self.code.value(f"icmp slt i64 {next_step}, {self.addresses.value(walk.limit)}")
        again = self.code.value(f"and i1 {rows_left}, {steps_left}")
        self.code.write(f"  br i1 {again}, label {inside}, label {after}")
        self.code.label(after)

    def step(self, pixel: tuple[str, str], columns: str) -> tuple[str, str]:
        """Return the pixel after this one in reading order."""
        right = self.code.value(f"add i64 {pixel[1]}, 1")
        below = self.code.value(f"add i64 {pixel[0]}, 1")
        same_row = self.code.value(f"icmp slt i64 {right}, {columns}")
        y = self.code.value(f"select i1 {same_row}, i64 {pixel[0]}, i64 {below}")
        return y, self.code.value(f"select i1 {same_row}, i64 {right}, i64 0")

    def when(self, when: When) -> None:
        """One of two bodies."""
        condition = self.code.value(f"icmp sge i64 {self.addresses.value(when.condition)}, 0")
        otherwise = (lambda: self.body(when.otherwise)) if when.otherwise else None
        self.branch(condition, lambda: self.body(when.body), otherwise)

    def branch(
        self, condition: str, then: Callable[[], None], otherwise: Callable[[], None] | None = None
    ) -> None:
        """Emit one of two pieces of code."""
        yes, no, after = (self.code.fresh(hint) for hint in ("yes", "no", "after"))
        self.registers.end_block()
        self.code.write(f"  br i1 {condition}, label {yes}, label {no if otherwise else after}")
        for label, emit_one in ((yes, then), (no, otherwise)):
            if emit_one is None:
                continue
            self.code.label(label)
            depth = self.addresses.depth
            self.addresses.open()
            emit_one()
            self.addresses.close(depth)
            self.registers.end_block()
            self.code.write(f"  br label {after}")
        self.code.label(after)

    # -- symbols -------------------------------------------------------------------------------------

    def quotient(self, let: Quotient) -> None:
        """Floor division: LLVM's division cuts towards zero, so what is left over decides."""
        dividend = self.addresses.value(let.dividend)
        cut = self.code.value(f"sdiv i64 {dividend}, {let.divisor}")
        left = self.code.value(f"srem i64 {dividend}, {let.divisor}")
        negative = self.code.value(f"icmp slt i64 {left}, 0")
        self.let(let.var, self.code.value(f"sub i64 {cut}, {self.code.value(f'zext i1 {negative} to i64')}"))

    def lookup(self, let: Lookup) -> None:
        """Read a table."""
        pointer = self.addresses.pointer(Access(let.table, (let.index,)))
        self.let(let.var, self.code.value(f"load i64, ptr {pointer}"))

    def extremum(self, let: Extremum) -> None:
        """Choose the smallest or the largest of several."""
        order = "slt" if let.kind == "min" else "sgt"
        self.let(let.var, self.addresses.extreme(let.choices, order))

    def to_line(self, let: ToLine) -> None:
        """Count the numbers up to the next line."""
        place = self.code.value(f"ptrtoint ptr {self.addresses.pointer(let.access)} to i64")
        left = self.code.value(f"and i64 {self.code.value(f'sub i64 0, {place}')}, {LINE_BYTES - 1}")
        item = ITEM_BYTES[self.routine.buffer(let.access.buffer).dtype]
        self.let(let.var, self.code.value(f"udiv i64 {left}, {item}"))

    def let(self, var: str, value: str) -> None:
        """Bind a symbol for the rest of the body."""
        self.addresses.open()
        self.addresses.bind(var, value)

    def smaller(self, a: str, b: str) -> str:
        """Return the smaller of two integers."""
        return self.extreme([a, b], "slt")

    def extreme(self, values: Sequence[str], order: str) -> str:
        """Return the first of several integers in an order."""
        best = values[0]
        for value in values[1:]:
            first = self.code.value(f"icmp {order} i64 {best}, {value}")
            best = self.code.value(f"select i1 {first}, i64 {best}, i64 {value}")
        return best

    # -- registers -----------------------------------------------------------------------------------

    def number(self, set_: Number) -> None:
        """Set every lane to a constant."""
        value = self.constant(set_.value, set_.dtype, set_.lanes)
        self.registers.set(set_.register, value, set_.dtype, set_.lanes)

    def constant(self, value: float, dtype: str, lanes: int) -> str:
        """Return a constant as LLVM writes it: a whole number, or a rounded one by the bits of a float64."""
        if dtype == "float32":
            (value,) = struct.unpack(">f", struct.pack(">f", value))
        text = f"{value:.1f}" if float(value).is_integer() else "0x" + struct.pack(">d", value).hex().upper()
        if dtype not in FLOATS:
            text = str(int(value))
        return text if lanes == 1 else "<" + ", ".join([f"{LLVM_TYPES[dtype]} {text}"] * lanes) + ">"

    def load(self, load: Load) -> None:
        """Neighbours, or numbers a step apart."""
        dtype = self.routine.buffer(load.access.buffer).dtype
        lanes, step = load.access.lanes, load.access.step
        if step == 1 or lanes == 1:
            value = self.read(load.access, dtype, lanes)
        else:
            *outer, inner = load.access.index
            starts = [Access(load.access.buffer, (*outer, inner + at)) for at in strided_starts(lanes, step)]
            vectors = [self.read(start, dtype, lanes) for start in starts]
            value = gather(vectors, lanes, step, self.shuffler(dtype, lanes))
        self.registers.set(load.register, value, dtype, lanes)

    def read(self, access: Access, dtype: str, lanes: int) -> str:
        """Load neighbours, at any address."""
        pointer = self.addresses.pointer(access)
        return self.code.value(f"load {vector_type(dtype, lanes)}, ptr {pointer}, align 1")

    def repeat(self, repeat: Repeat) -> None:
        """One number in every lane."""
        dtype = self.routine.buffer(repeat.access.buffer).dtype
        value = self.read(repeat.access, dtype, 1)
        value = self.splat(value, dtype, repeat.lanes)
        self.registers.set(repeat.register, value, dtype, repeat.lanes)

    def splat(self, value: str, dtype: str, lanes: int) -> str:
        """Return a number in every lane."""
        if lanes == 1:
            return value
        kind = vector_type(dtype, lanes)
        one = self.code.value(f"insertelement {kind} poison, {LLVM_TYPES[dtype]} {value}, i64 0")
        return self.shuffler(dtype, lanes)(one, one, [0] * lanes)

    def store(self, store: Store) -> None:
        """Neighbours, at any address."""
        pointer = self.addresses.pointer(store.access)
        value = self.registers.get(store.register)
        line = f"  store {self.registers.type_of(store.register)} {value}, ptr {pointer}, align "
        if not store.streams:
            self.code.write(f"{line}1")
            return
        self.streams = True
        dtype, lanes = self.registers.kind(store.register)
        size = lanes * ITEM_BYTES[dtype]
        place = self.code.value(f"ptrtoint ptr {pointer} to i64")
        aligned = self.code.value(f"icmp eq i64 {self.code.value(f'and i64 {place}, {size - 1}')}, 0")
        past = f"{line}{size}, !nontemporal {STREAMED}"
        self.branch(aligned, lambda: self.code.write(past), lambda: self.code.write(f"{line}1"))

    def mark(self, mark: Mark) -> None:
        """Store 1 where any lane is not equal to itself."""
        dtype, lanes = self.registers.kind(mark.register)
        value, kind = self.registers.get(mark.register), vector_type(dtype, lanes)
        some = self.code.value(f"fcmp uno {kind} {value}, {value}")
        if lanes > 1:
            bits = self.code.value(f"bitcast <{lanes} x i1> {some} to i{lanes}")
            some = self.code.value(f"icmp ne i{lanes} {bits}, 0")
        pointer = self.addresses.pointer(mark.access)
        one = f"  store {LLVM_TYPES[dtype]} {self.constant(1.0, dtype, 1)}, ptr {pointer}, align 1"
        self.branch(some, lambda: self.code.write(one))

    def prefetch(self, prefetch: Prefetch) -> None:
        """Hint at an address, for reading, into all caches."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        pointer = self.addresses.pointer(prefetch.access)
        self.code.write(f"  call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")

    def compute(self, compute: Compute) -> None:
        """Compute lane by lane, with the operation of the table."""
        dtype, lanes = self.registers.kind(compute.arguments[0])
        values = [self.registers.get(name) for name in compute.arguments]
        value = OPERATIONS[compute.operation](self, dtype, lanes, values)
        self.registers.set(compute.register, value, dtype, lanes)

    def ramp(self, ramp: Ramp) -> None:
        """Whole numbers, the same distance from lane to lane."""
        value = self.splat(self.addresses.value(ramp.start), "int64", ramp.lanes)
        if ramp.lanes > 1 and ramp.step:
            steps = ", ".join(f"i64 {lane * ramp.step}" for lane in range(ramp.lanes))
            value = self.code.value(f"add {vector_type('int64', ramp.lanes)} {value}, <{steps}>")
        self.registers.set(ramp.register, value, "int64", ramp.lanes)

    def select(self, select: Select) -> None:
        """One of two numbers, lane by lane."""
        dtype, lanes = self.registers.kind(select.new)
        new, old = self.registers.get(select.new), self.registers.get(select.old)
        winner, loser = self.registers.get(select.winner), self.registers.get(select.loser)
        kind = self.registers.kind(select.winner)
        value = self.choice(*kind, self.beats(dtype, lanes, new, old), winner, loser)
        self.registers.set(select.register, value, *kind)

    def choice(self, dtype: str, lanes: int, condition: str, yes: str, no: str) -> str:
        """Return one of two numbers, lane by lane."""
        kind, bits = vector_type(dtype, lanes), "i1" if lanes == 1 else f"<{lanes} x i1>"
        return self.code.value(f"select {bits} {condition}, {kind} {yes}, {kind} {no}")

    def beats(self, dtype: str, lanes: int, new: str, old: str) -> str:
        """Return whether a number is larger, or NaN where the other one is not."""
        kind, bits = vector_type(dtype, lanes), "i1" if lanes == 1 else f"<{lanes} x i1>"
        if dtype not in FLOATS:
            return self.code.value(f"icmp {'ugt' if dtype[0] == 'u' else 'sgt'} {kind} {new}, {old}")
        larger = self.code.value(f"fcmp ult {kind} {old}, {new}")  # or one of them is NaN
        return self.code.value(f"and {bits} {larger}, {self.code.value(f'fcmp ord {kind} {old}, {old}')}")

    def convert(self, move: Convert) -> None:
        """Convert lane by lane."""
        dtype, lanes = self.registers.kind(move.argument)
        value = self.registers.get(move.argument)
        value = convert(self.code, self.target, value, (dtype, move.dtype), lanes, move.saturated)
        self.registers.set(move.register, value, move.dtype, lanes)

    def join(self, join: Join) -> None:
        """Bytes by fours, the first the lowest: as every target keeps numbers in memory."""
        dtype, lanes = self.registers.kind(join.argument)
        given, wanted = vector_type(dtype, lanes), vector_type("int32", lanes // 4)
        value = self.code.value(f"bitcast {given} {self.registers.get(join.argument)} to {wanted}")
        self.registers.set(join.register, value, "int32", lanes // 4)

    def transpose(self, move: Transpose) -> None:
        """Rows into columns."""
        dtype, lanes = self.registers.kind(move.arguments[0])
        rows = [self.registers.get(name) for name in move.arguments]
        columns = transpose(rows, ITEM_BYTES[dtype], self.shuffler(dtype, lanes))
        for name, value in zip(move.registers, columns, strict=True):
            self.registers.set(name, value, dtype, lanes)

    def shuffler(self, dtype: str, lanes: int) -> Callable[[str, str, Sequence[int]], str]:
        """Return the function that emits a shuffle of two registers."""
        kind = vector_type(dtype, lanes)

        def shuffle(a: str, b: str, places: Sequence[int]) -> str:
            mask = ", ".join("i32 poison" if place < 0 else f"i32 {place}" for place in places)
            return self.code.value(f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{mask}>")

        return shuffle


EMITTERS: dict[type, Callable[[Emitter, Any], None]] = {
    Share: Emitter.share,
    Blocks: Emitter.blocks,
    Loop: Emitter.loop,
    Walk: Emitter.walk,
    When: Emitter.when,
    Quotient: Emitter.quotient,
    Lookup: Emitter.lookup,
    Extremum: Emitter.extremum,
    ToLine: Emitter.to_line,
    Number: Emitter.number,
    Load: Emitter.load,
    Repeat: Emitter.repeat,
    Compute: Emitter.compute,
    Ramp: Emitter.ramp,
    Select: Emitter.select,
    Convert: Emitter.convert,
    Join: Emitter.join,
    Transpose: Emitter.transpose,
    Store: Emitter.store,
    Mark: Emitter.mark,
    Prefetch: Emitter.prefetch,
}
"""Kind of statement -> its emitter."""
