"""The interpreter: nests of every target give the reference's bits; accesses outside raise."""

import random

import numpy as np
import pytest

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.interpreter import interpret
from convolve.compiler.loopnest import Buffer, Routine
from convolve.compiler.target import AVX512_VNNI, NEON, TARGETS, Target
from tests.compiler.cases import METHODS, Case, dot_case, line, random_case, winograd_case

CASES_PER_TARGET = 6


def run(case: Case) -> None:
    interpret(case.nests.packing, case.packed, case.values(case.nests.packing))
    interpret(case.nests.routine, case.arrays, case.values(case.nests.routine))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("method", [*METHODS, "separable"])
def test_nests_give_the_bits_of_the_reference(target: Target, method: str, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} {method}")
    for _ in range(CASES_PER_TARGET):
        case = random_case(draw, target, method)
        run(case)
        np.testing.assert_array_equal(case.out, case.expected(), err_msg=f"{case.plan.code} {case.call.spec}")
        assert not case.packed["checks"].any()


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("outputs", [2, 4])
def test_winograd_gives_the_whole_numbers_of_the_reference(target: Target, outputs: int, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} {outputs}")
    for _ in range(3):
        case = winograd_case(draw, target, outputs)
        run(case)
        np.testing.assert_allclose(case.out, case.expected(), atol=1e-2, err_msg=f"{case.call.spec}")
        assert not case.arrays["alarm"].any()
        assert not case.packed["checks"].any()


@pytest.mark.parametrize("target", [AVX512_VNNI, NEON], ids=lambda target: target.name)
def test_bytes_by_fours_give_the_numbers_of_the_reference(target: Target, seed: int) -> None:
    """On any target, though only plans for those that have the instruction take it."""
    draw = random.Random(f"{seed} {target.name}")
    for _ in range(2 * CASES_PER_TARGET):
        case = dot_case(draw, target)
        run(case)
        np.testing.assert_array_equal(case.out, case.expected(), err_msg=f"{case.plan.code} {case.call.spec}")


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_shares_do_not_change_a_bit(target: Target, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name}")
    case = random_case(draw, target)
    interpret(case.nests.packing, case.packed, case.values(case.nests.packing))
    cut = draw.randint(0, case.execution.items)
    for begin, end in ((cut, case.execution.items), (0, cut)):
        interpret(case.nests.routine, case.arrays, case.values(case.nests.routine), begin, end)
    np.testing.assert_array_equal(case.out, case.expected())


def test_infinite_weights_are_noted_by_the_packing() -> None:
    case = random_case(random.Random(5), TARGETS["avx2"])
    source = case.packed["source"].copy()
    source[(0,) * source.ndim] = np.inf
    interpret(case.nests.packing, case.packed | {"source": source}, case.values(case.nests.packing))
    assert np.isnan(case.packed["checks"][0, 0]).any()
    assert not case.packed["checks"][1:].any()
    assert not case.packed["checks"][0, 1:].any()


# -- the meaning of each statement -------------------------------------------------------------------

WIDTH = Affine.symbol("width")


def result(
    pen: Pen, size: int, width: int, buffers: tuple[Buffer, ...] = (), **arrays: np.ndarray
) -> list[float]:
    """Return what a nest writes to a line of zeros."""
    out = np.zeros(size, np.float32)
    routine = Routine("small", ("width",), (), (line(length=size), *buffers), pen.body())
    interpret(routine, {"line": out, **arrays}, {"width": width})
    return out.tolist()


@pytest.mark.parametrize("index", [-1, 4])
def test_an_access_outside_raises(index: int) -> None:
    pen = Pen()
    pen.store("line", [WIDTH], pen.number("one", 1.0, "float32", 1))
    assert result(pen, 4, 3) == [0, 0, 0, 1]
    with pytest.raises(IndexError, match=r"line\[width\] at"):
        result(pen, 4, index)


def test_the_last_lane_is_checked_too() -> None:
    pen = Pen()
    pen.store("line", [WIDTH], pen.number("ones", 1.0, "float32", 4), 4)
    assert result(pen, 8, 4) == [0] * 4 + [1] * 4
    with pytest.raises(IndexError):
        result(pen, 8, 5)


def counted(start: int, stop: int, step: int, overlap: bool, size: int = 8) -> list[float]:
    """Return how often a loop of vectors touches each place."""
    pen = Pen()
    pen.number("ones", 1.0, "float32", step)
    with pen.loop("x", start, stop, step, overlap) as x:
        pen.load("sum", "line", [x], step)
        pen.number("ones", 1.0, "float32", step)
        pen.compute("sum", "fma", "ones", "ones", "sum")
        pen.store("line", [x], "sum", step)
    return result(pen, size, 0)


def test_loops_do_whole_steps() -> None:
    assert counted(1, 8, 3, overlap=False) == [0, 1, 1, 1, 1, 1, 1, 0]
    assert counted(1, 8, 3, overlap=True) == [0, 1, 1, 1, 1, 2, 2, 1]
    assert counted(2, 8, 3, overlap=True) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert counted(0, 2, 3, overlap=True) == [0] * 8
    assert counted(5, 2, 3, overlap=True) == [0] * 8


def test_walks_repeat_the_last_pixel() -> None:
    pen = Pen()
    pen.number("one", 1.0, "float32", 1)
    with pen.walk(2, 3, 1, WIDTH) as (_, pixels):
        for y, x in pixels:
            pen.load("count", "line", [y + x])
            pen.compute("count", "fma", "one", "one", "count")
            pen.store("line", [y + x], "count")
    assert result(pen, 4, 2) == [1, 1, 2, 0]
    assert result(pen, 4, 9) == [1, 1, 2, 0]
    assert result(pen, 4, 1) == [1, 1, 0, 0]  # no more steps than the limit
    assert result(pen, 4, 0) == [0, 0, 0, 0]


def test_walks_count_their_steps() -> None:
    pen = Pen()
    with pen.walk(2, 1, 5, WIDTH) as (step, pixels):
        pen.store("line", [step + pixels[0][1]], pen.number("one", 1.0, "float32", 1))
    assert result(pen, 8, 9) == [1, 0, 0, 1, 0, 0, 1, 0]


def test_halves_of_registers_laid_end_to_end() -> None:
    pen = Pen()
    for place, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        pen.store("line", [place], pen.number("one", value, "float32", 1))
    pen.load("a", "line", [0], 2)
    pen.load("b", "line", [2], 2)
    pen.store("line", [0], pen.compute("even", "even", "a", "b"), 2)
    pen.store("line", [2], pen.compute("odd", "odd", "a", "b"), 2)
    assert result(pen, 4, 0) == [1, 3, 2, 4]


def chosen(new: float, old: float) -> tuple[float, float]:
    """Return the larger of two numbers, and 1 if the new one beats the old."""
    pen = Pen()
    for name, value in (("new", new), ("old", old), ("yes", 1.0), ("no", 0.0)):
        pen.repeat(name, "numbers", [[new, old, 1.0, 0.0].index(value) if value == value else 4], 2)
    pen.store("line", [0], pen.compute("most", "larger", "new", "old"), 2)
    pen.store("line", [2], pen.select("which", "new", "old", "yes", "no"), 2)
    numbers = np.array([new, old, 1.0, 0.0, np.nan], np.float32)
    most, again, which, _ = result(pen, 4, 0, (line("numbers", 5, "input"),), numbers=numbers)
    np.testing.assert_array_equal(most, again)
    return most, which


def test_the_first_of_equals_stays_and_nan_beats_every_number() -> None:
    nan = float("nan")
    assert chosen(2.0, 5.0) == (5, 0)
    assert chosen(5.0, 2.0) == (5, 1)
    assert chosen(5.0, 5.0) == (5, 0)
    for new, old, wins in ((nan, 2.0, 1), (2.0, nan, 0), (nan, nan, 0)):
        most, which = chosen(new, old)
        assert np.isnan(most)
        assert which == wins
    pen = Pen()
    pen.repeat("zero", "signs", [0], 1)
    pen.repeat("minus", "signs", [1], 1)
    pen.store("line", [0], pen.compute("first", "larger", "zero", "minus"))
    pen.store("line", [1], pen.compute("other", "larger", "minus", "zero"))
    signs = np.array([0.0, -0.0], np.float32)
    assert np.signbit(result(pen, 2, 0, (line("signs", 2, "input"),), signs=signs)).tolist() == [True, False]


def test_ramps_count_up() -> None:
    pen, out = Pen(), np.zeros(4, np.int64)
    pen.store("places", [0], pen.ramp("here", WIDTH + 1, 3, 4), 4)
    places = Buffer("places", "int64", (Affine.of(4),), "output")
    interpret(Routine("small", ("width",), (), (places,), pen.body()), {"places": out}, {"width": 4})
    assert out.tolist() == [5, 8, 11, 14]


def test_bytes_are_joined_and_multiplied_by_fours() -> None:
    pen, out = Pen(), np.zeros(2, np.int32)
    pen.load("bytes", "bytes", [0], 8)
    pen.join("words", "bytes")
    pen.number("sum", 1000.0, "int32", 2)
    pen.store("words", [0], pen.compute("sum", "dot", "words", "words", "sum"), 2)
    buffers = (
        Buffer("bytes", "uint8", (Affine.of(8),), "input"),
        Buffer("words", "int32", (Affine.of(2),), "output"),
    )
    numbers = np.array([1, 2, 3, 255, 128, 0, 0, 127], np.uint8)
    interpret(Routine("small", (), (), buffers, pen.body()), {"bytes": numbers, "words": out}, {})
    assert out.tolist() == [1000 + 1 + 4 + 9 - 255, 1000 - 128 * 128 + 127 * 127]


def test_quotients_round_down_and_lookups_read_tables() -> None:
    pen = Pen()
    half = pen.quotient("half", WIDTH - 1, 2)
    place = pen.lookup("place", "table", half + 1)
    pen.store("line", [place], pen.number("one", 1.0, "float32", 1))
    table = Buffer("table", "int64", (Affine.of(3),), "table", values=(Affine.of(0), Affine.of(4)))
    places = {"buffers": (table,), "table": np.array([3, 1, 0])}
    assert result(pen, 4, 0, **places) == [0, 0, 0, 1]  # floor(-1 / 2) is -1
    assert result(pen, 4, 4, **places) == [1, 0, 0, 0]


def test_a_table_keeps_to_its_range() -> None:
    pen = Pen()
    pen.lookup("place", "table", Affine.of(0))
    table = Buffer("table", "int64", (Affine.of(1),), "table", values=(Affine.of(-1), WIDTH))
    assert result(pen, 1, 4, (table,), table=np.array([3])) == [0]
    for value in (-2, 4):
        with pytest.raises(IndexError, match=rf"table\[0\] is {value}, which is not from -1 below 4"):
            result(pen, 1, 4, (table,), table=np.array([value]))


def test_scratch_is_not_zero() -> None:
    pen = Pen()
    pen.load("left", "scratch", [0])
    pen.store("line", [0], "left")
    assert np.isnan(result(pen, 1, 0, (line("scratch", 1, "scratch"),))[0])


def test_wrong_arrays_are_refused() -> None:
    routine = Routine("small", (), (), (line(length=4),), ())
    with pytest.raises(ValueError, match=r"line must be float32 \(4,\), but is float32 \(5,\)"):
        interpret(routine, {"line": np.zeros(5, np.float32)}, {})
    with pytest.raises(ValueError, match="but is nothing"):
        interpret(routine, {}, {})
