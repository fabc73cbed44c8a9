"""Machine code does what the interpreter does: on random nests of every statement, bit by bit.

The nests are drawn so that no access can leave its buffer: every index is first brought inside with ``min``
and ``max``. They mean nothing, which is the point: they are put together as no convolution is. CONVOLVE_NESTS
sets their number.
"""

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.interpreter import interpret
from convolve.compiler.loopnest import OPERATIONS, Buffer, Routine, affines
from convolve.compiler.printer import show
from convolve.compiler.target import AVX512_VNNI, Target
from convolve.compiler.verify import verify
from tests.compiler.cases import METHODS, Array, Case, dot_case, random_case, winograd_case
from tests.compiler.native import RUNNABLE, call, compiled

NESTS = int(os.environ.get("CONVOLVE_NESTS", "25"))
"""Of each target that runs here, or in qemu (release: 500)."""

CONVOLUTIONS = max(4, NESTS // 6)
"""Of each target and method."""

SIZES_PER_NEST = 6
A, B, C = map(Affine.symbol, "ABC")
ROWS, COLUMNS = A + 3, B + 20


class Scribbler:
    """Writes a random nest with a pen."""

    def __init__(self, draw: random.Random, dtype: str, target: Target) -> None:
        self.draw = draw
        self.dtype = dtype
        self.widest = target.lanes(4 if dtype == "float32" else 8)
        self.pen = Pen()
        self.symbols = [A, B, C]
        self.names = 0
        self.walking = False

    def routine(self) -> Routine:
        sizes = affines([ROWS, COLUMNS])
        buffers = (
            Buffer("source", self.dtype, sizes, "input"),
            Buffer("result", self.dtype, sizes, "output"),
            Buffer("places", "int64", sizes, "output"),
            Buffer("room", self.dtype, affines([2, COLUMNS]), "scratch"),
            Buffer("table", "int64", affines([5]), "table", values=(Affine.of(-1), A + 1)),
        )
        with self.pen.share([("i", A + 3, B + 1), ("j", C, 2)]) as places:
            kept = self.symbols
            self.symbols = [*kept, *(symbol for place in places for symbol in place)]
            self.clear_room()
            self.body(3)
            self.symbols = kept
        return Routine("scribble", ("A", "B", "C"), (A, B, C), buffers, self.pen.body())

    def clear_room(self) -> None:
        """Scratch holds whatever the last routine left: give every number a value."""
        self.pen.number("clear", 1.0, self.dtype, 1)
        with self.pen.loop("clear_row", 0, 2) as row, self.pen.loop("clear_x", 0, COLUMNS) as x:
            self.pen.store("room", [row, x], "clear")

    def fresh(self, hint: str) -> str:
        self.names += 1
        return f"{hint}{self.names}"

    def index(self) -> Affine:
        """Return a random expression of the symbols in sight, often of the one bound last."""
        picked = [self.draw.choice([self.symbols[-1], A]), self.draw.choice(self.symbols)]
        terms = [one * self.draw.randint(-2, 3) for one in picked]
        return terms[0] + terms[1] + self.draw.randint(-3, 9)

    def inside(self, extent: Affine, reach: int) -> Affine:
        """Return an index from 0 so that ``reach`` more are below the extent."""
        top = self.pen.smallest(self.fresh("low"), self.index(), extent - 1 - reach)
        return self.pen.largest(self.fresh("at"), top, 0)

    def body(self, depth: int) -> None:
        kept = self.symbols
        kinds = [self.move, self.compute, self.choose, self.turn, self.let]
        if depth:
            kinds += [self.loop, self.branch, self.walk, self.blocks]
        for _ in range(self.draw.randint(1, 3)):
            self.draw.choice(kinds)(depth - 1)
        self.move(depth)
        self.symbols = kept

    def inner(self, depth: int, *symbols: Affine) -> None:
        kept = self.symbols
        self.symbols = [*kept, *symbols]
        self.body(depth)
        self.symbols = kept

    # -- statements ------------------------------------------------------------------------------

    def read(self, lanes: int) -> str:
        register, step = self.fresh("r"), self.draw.choice([1, 1, 2, 3])
        buffer, rows = self.draw.choice([("source", ROWS), ("room", Affine.of(2))])
        row = self.inside(rows, 0)
        if self.draw.random() < 0.3:
            return self.pen.repeat(register, buffer, [row, self.inside(COLUMNS, 0)], lanes)
        step = step if (lanes - 1) * step < 20 else 1
        return self.pen.load(register, buffer, [row, self.inside(COLUMNS, (lanes - 1) * step)], lanes, step)

    def write(self, register: str, lanes: int, buffer: str = "result") -> None:
        row = self.inside(Affine.of(2) if buffer == "room" else ROWS, 0)
        self.pen.store(buffer, [row, self.inside(COLUMNS, lanes - 1)], register, lanes)

    def lanes(self) -> int:
        return self.draw.choice([1, self.widest])

    def move(self, _depth: int) -> None:
        lanes = self.lanes()
        self.write(self.read(lanes), lanes, self.draw.choice(["room", "result"]))

    def compute(self, _depth: int) -> None:
        lanes = self.widest  # half of a single number is none
        a, b, c = (self.read(lanes) for _ in range(3))
        self.pen.compute(a, "fma", a, b, c)
        operation = self.draw.choice(
            [name for name in OPERATIONS if name not in ("dot", "scale")]
        )  # bytes; exponents
        self.pen.compute(a, operation, *(a, b, c)[: OPERATIONS[operation]])
        # What is read again stays small, so that sums of products are exact however they are rounded.
        if operation == "relu":
            self.pen.compute(a, "smaller", a, self.pen.number("most", 6.0, self.dtype, lanes))
        self.write(a, lanes, "room" if operation == "relu" else "result")

    def choose(self, _depth: int) -> None:
        """Choose the larger numbers, and where they stand."""
        lanes = self.lanes()
        new, old = self.read(lanes), self.read(lanes)
        here, there = (
            self.pen.ramp(self.fresh("p"), self.index(), self.draw.randint(-2, 3), lanes) for _ in range(2)
        )
        self.write(self.pen.select(self.fresh("s"), new, old, here, there), lanes, "places")
        self.write(self.pen.select(new, new, old, new, old), lanes)

    def turn(self, _depth: int) -> None:
        rows = [self.read(self.widest) for _ in range(self.widest)]
        columns = [self.fresh("t") for _ in rows]
        self.pen.transpose(columns, rows)
        for column in columns[:3]:
            self.write(column, self.widest)

    def let(self, _depth: int) -> None:
        name = self.fresh("v")
        kind = self.draw.choice(["quotient", "lookup", "extremum"])
        if kind == "quotient":
            self.symbols = [*self.symbols, self.pen.quotient(name, self.index(), self.draw.randint(1, 4))]
        elif kind == "lookup":
            self.symbols = [*self.symbols, self.pen.lookup(name, "table", self.inside(Affine.of(5), 0))]
        else:
            choose = self.draw.choice([self.pen.smallest, self.pen.largest])
            self.symbols = [
                *self.symbols,
                choose(name, *(self.index() for _ in range(self.draw.randint(1, 3)))),
            ]

    def bounds(self) -> tuple[list[Affine], list[Affine]]:
        """Return bounds of a loop that is not long, though its ends can lie anywhere."""
        start = self.index()
        stops = [start + self.draw.randint(0, 7), *(self.index() for _ in range(self.draw.randint(0, 2)))]
        return [start, *(self.index() for _ in range(self.draw.randint(0, 1)))], stops

    def loop(self, depth: int) -> None:
        starts, stops = self.bounds()
        step, overlap = self.draw.choice([(1, False), (2, False), (3, True), (4, True)])
        with self.pen.loop(self.fresh("x"), starts, stops, step, overlap) as x:
            self.inner(depth, x)

    def branch(self, depth: int) -> None:
        with self.pen.when(self.index()):
            self.inner(depth)
        if self.draw.random() < 0.5:
            with self.pen.otherwise():
                self.inner(depth)

    def walk(self, depth: int) -> None:
        if self.walking:  # the pixels of a walk inside a walk would have the same names
            return
        self.walking = True
        rows = self.pen.smallest(self.fresh("rows"), self.index(), 3)
        columns, limit = self.draw.randint(1, 3), A + self.draw.randint(-1, 3)
        with self.pen.walk(self.draw.randint(1, 3), rows, columns, limit) as (step, pixels):
            self.inner(depth, *(symbol for pixel in pixels for symbol in pixel), step)
        self.walking = False

    def blocks(self, depth: int) -> None:
        with self.pen.blocks(self.fresh("b"), A + self.draw.randint(0, 3), C + 1) as (start, count):
            self.inner(depth, start, count)


def arrays_of(routine: Routine, values: dict[str, int], numbers: np.random.Generator) -> dict[str, Array]:
    """Return random whole numbers for every buffer, each wider than declared so that strides differ."""
    arrays = {}
    for buffer in routine.buffers:
        shape = tuple(extent.value(values) for extent in buffer.extents)
        low, high = (-1, values["A"] + 1) if buffer.role == "table" else (-4, 5)
        arrays[buffer.name] = numbers.integers(low, high, shape).astype(buffer.dtype)
    wide = np.zeros((*arrays["source"].shape[:1], arrays["source"].shape[1] + 3), arrays["source"].dtype)
    wide[:, :-3] = arrays["source"]
    return arrays | {"source": wide[:, :-3]}


def bits(array: Array) -> bytes:
    """Return an array's bits, with one NaN for all: x86 makes negative ones of 0 / 0, ARM positive ones."""
    return np.where(np.isnan(array), np.nan, array).tobytes()


def random_values(draw: random.Random) -> Iterator[dict[str, int]]:
    for _ in range(SIZES_PER_NEST):
        yield {name: draw.choice([0, 1, 2, 5, 9]) for name in "ABC"}


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_random_nests_do_what_the_interpreter_does(target: Target, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name}")
    numbers = np.random.default_rng(seed)
    changed = 0
    for _ in range(NESTS):
        routine = Scribbler(draw, draw.choice(["float32", "float64"]), target).routine()
        verify(routine)
        library = compiled([routine], target)
        for values in random_values(draw):
            items = (values["A"] + 3 + values["B"]) // (values["B"] + 1) * ((values["C"] + 1) // 2)
            arrays = arrays_of(routine, values, numbers)
            expected = {name: array.copy() for name, array in arrays.items()}
            before = arrays["result"].copy()
            call(library, routine, arrays, values, items)
            interpret(routine, expected, values, 0, items)
            for name in ("result", "places"):
                assert bits(arrays[name]) == bits(expected[name]), f"{values}\n{show(routine)}"
            changed += not np.array_equal(before, arrays["result"])
    assert changed > NESTS  # else nothing was compared


def interpreted_then_called(case: Case, target: Target) -> tuple[Array, Array]:
    """Return what the interpreter leaves: output and packed weights. The case then holds the machine's."""
    interpret(case.nests.packing, case.packed, case.values(case.nests.packing))
    interpret(case.nests.routine, case.arrays, case.values(case.nests.routine))
    expected, weights = case.out.copy(), case.packed["weights"].copy()
    case.out[...] = case.packed["weights"][...] = case.packed["checks"][...] = -77
    library = compiled([case.nests.packing, case.nests.routine], target)
    panels = case.execution.panels * case.execution.sizes.groups
    call(library, case.nests.packing, case.packed, case.values(case.nests.packing), panels)
    call(library, case.nests.routine, case.arrays, case.values(case.nests.routine), case.execution.items)
    return expected, weights


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize("method", [*METHODS, "separable"])
def test_convolutions_do_what_the_interpreter_does(target: Target, method: str, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} {method}")
    for _ in range(CONVOLUTIONS):
        case = random_case(draw, target, method)
        expected, weights = interpreted_then_called(case, target)
        np.testing.assert_array_equal(case.packed["weights"], weights)
        np.testing.assert_array_equal(case.out, expected)


@pytest.mark.skipif(AVX512_VNNI not in RUNNABLE, reason="this CPU multiplies no bytes by fours")
def test_bytes_by_fours_do_what_the_interpreter_does(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(CONVOLUTIONS):
        case = dot_case(draw, AVX512_VNNI)
        expected, weights = interpreted_then_called(case, AVX512_VNNI)
        np.testing.assert_array_equal(case.packed["weights"], weights)
        np.testing.assert_array_equal(case.out, expected, err_msg=f"{case.plan.code} {case.call.spec}")


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize("outputs", [2, 4])
def test_winograd_does_what_the_interpreter_does(target: Target, outputs: int, seed: int) -> None:
    """But for the last bit, as the interpreter rounds a multiply-add through float64."""
    case = winograd_case(random.Random(f"{seed} {target.name} {outputs}"), target, outputs)
    expected, weights = interpreted_then_called(case, target)
    np.testing.assert_allclose(case.packed["weights"], weights, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(case.out, expected, atol=1e-2)


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize("lanes", [1, 4])
def test_a_mark_is_made_for_nan_alone(target: Target, lanes: int) -> None:
    pen = Pen()
    with pen.share([("i", A, 1)]) as ((i, _),):
        pen.mark("result", [i], pen.load("some", "source", [i, 0], lanes))
    rows = Buffer("source", "float32", affines([A, lanes]), "input")
    routine = Routine("marks", ("A",), (A,), (rows, Buffer("result", "float32", (A,), "output")), pen.body())
    verify(routine)
    source = np.zeros((4, lanes), np.float32)
    source[1, -1], source[2, -1], source[3, 0] = np.inf, np.nan, np.nan
    for run in (
        lambda arrays: call(compiled([routine], target), routine, arrays, {"A": 4}, 4),
        lambda arrays: interpret(routine, arrays, {"A": 4}),
    ):
        result = np.full(4, -7, np.float32)
        run({"source": source, "result": result})
        assert result.tolist() == [-7, -7, 1, 1]
