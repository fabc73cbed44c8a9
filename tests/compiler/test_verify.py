"""The verifier: what is safe for every size passes, whatever is not safe for some size is refused."""

import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.interpreter import interpret
from convolve.compiler.loopnest import Block, Buffer, Loop, Routine, Share, affines
from convolve.compiler.pipeline import lower
from convolve.compiler.plan import Code
from convolve.compiler.target import AVX2, NEON, TARGETS
from convolve.compiler.verify import verify
from convolve.errors import ConvolveError, VerificationError
from tests.compiler.cases import METHODS, Case, line, random_case, random_codes, winograd_case
from tests.compiler.mutations import bugs

CODES = 60
BUGS_TRIED, BUGS_RUN = 150, 8
W, H = Affine.symbol("w"), Affine.symbol("h")


def routine(pen: Pen, *buffers: Buffer, facts: Iterable[Affine] = (W, H)) -> Routine:
    return Routine("small", ("w", "h"), tuple(facts), buffers, pen.body())


def is_safe(pen: Pen, *buffers: Buffer, facts: Iterable[Affine] = (W, H)) -> bool:
    try:
        verify(routine(pen, *buffers, facts=facts))
    except VerificationError:
        return False
    return True


def put(pen: Pen, index: Index, lanes: int = 1) -> None:
    pen.store("line", [index], pen.number(f"zero{lanes}", 0.0, "float32", lanes), lanes)


# -- the nests that are generated --------------------------------------------------------------------


def test_generated_nests_pass(seed: int) -> None:
    for code, target in random_codes(seed, CODES):
        nests = lower(code, target)
        verify(nests.routine)
        verify(nests.packing)


@pytest.mark.parametrize("method", [*METHODS, "separable", "winograd"])
def test_bugs_that_pass_stay_inside_and_most_do_not_pass(method: str, seed: int) -> None:
    """Bugs that only make results wrong are found by comparing results; here none may reach outside."""
    draw = random.Random(f"{seed} {method}")
    target = draw.choice(list(TARGETS.values()))
    case = winograd_case(draw, NEON, 2) if method == "winograd" else random_case(draw, target, method)
    interpret(case.nests.packing, case.packed, case.values(case.nests.packing))
    found = [bug for bug in bugs(case.nests.routine) if not bug[0].startswith("values")]
    passed = [
        (name, wrong) for name, wrong in draw.sample(found, min(len(found), BUGS_TRIED)) if passes(wrong)
    ]
    assert len(passed) < 0.5 * BUGS_TRIED
    for _, wrong in draw.sample(passed, min(len(passed), BUGS_RUN)):
        interpret(wrong, cut(case, wrong), case.values(case.nests.routine))


def passes(wrong: Routine) -> bool:
    try:
        verify(wrong)
    except VerificationError:
        return False
    return True


def cut(case: Case, wrong: Routine) -> dict[str, Any]:
    """Return the arrays, no larger than a routine declares."""
    values = case.values(case.nests.routine)
    shapes = {buffer.name: [extent.value(values) for extent in buffer.extents] for buffer in wrong.buffers}
    return {name: array[tuple(slice(size) for size in shapes[name])] for name, array in case.arrays.items()}


FIXED = {
    "contract": Code("contract", "float32", (1, 3, 3), (1, 1, 2), (1, 1, 1), (4, 2, 1), "x", "x"),
    "contract by channel": Code(
        "contract", "float32", (1, 3, 3), (1, 1, 2), (1, 1, 1), (4, 2, 1), "channel", "x"
    ),
    "stencil": Code("stencil", "float32", (1, 3, 3), (1, 1, 2), (1, 1, 1), (2, 3, 2), "x", "x"),
    "stencil direct": Code(
        "stencil", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (1, 3, 2), "x", "x", direct=True, streams=True
    ),
    "stencil whole": Code(
        "stencil", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (1, 3, 2), "x", "x", whole=True
    ),
    "depthwise": Code("depthwise", "float32", (1, 3, 3), (1, 1, 2), (1, 1, 1), (3, 2, 1), "x", "x"),
    "depthwise whole": Code(
        "depthwise", "float32", (1, 3, 3), (1, 1, 1), (1, 1, 1), (3, 2, 1), "channel", "x", whole=True
    ),
}

SEEDED = [
    "one row more",
    "one column more",
    "ends one late",
    "starts one early",
    "dropped stop",
    "dropped start",
    "dropped tail",
    "missing when",
    "condition off by one",
    "one more",
    "one less",
    "the other way round",
    "dropped",
    *(f"dimension {dimension} off by {step}" for dimension in range(7) for step in (-1, 1)),
    *(f"dimension {dimension} too short" for dimension in range(6)),
    "values one higher",
    "forgotten fact",
]
"""Kinds of bugs, by what their names begin with, that generated nests would suffer from."""

ALWAYS = [
    "one row more",
    "one column more",
    "dimension 5 too short of input",
    "dimension 2 too short of output",
    "dimension 5 too short of output",
    "dimension 0 too short of weights",
    "dimension 1 too short of bias",
    "dimension 0 too short of cells",
    "forgotten fact XS -",
    "forgotten fact BK -",
]
"""Bugs that are refused in whichever of the nests they occur."""


Seeded = list[tuple[str, str, Routine]]


@pytest.fixture(scope="module")
def seeded() -> Seeded:
    """Return every bug of every fixed nest: its name, the nest's, and the routine that has it."""
    return [(bug, nest, one) for nest, code in FIXED.items() for bug, one in bugs(lower(code, AVX2).routine)]


@pytest.mark.parametrize("kind", SEEDED)
def test_each_kind_of_bug_is_refused_somewhere(kind: str, seeded: Seeded) -> None:
    assert any(bug.startswith(kind) and not passes(one) for bug, _, one in seeded)


@pytest.mark.parametrize("kind", ALWAYS)
def test_bugs_that_always_reach_outside_are_always_refused(kind: str, seeded: Seeded) -> None:
    same = [(nest, one) for bug, nest, one in seeded if bug.startswith(kind)]
    assert same
    assert [nest for nest, one in same if passes(one)] == []


# -- sizes -------------------------------------------------------------------------------------------


def rounded_up(pen: Pen, step: int) -> None:
    """Write whole vectors until all of a line is written: what a line of 56 bears, and one of 57 not."""
    tiles = pen.quotient("tiles", W + step - 1, step)
    with pen.loop("t", 0, tiles) as t:
        put(pen, t * step, step)


def test_safe_at_56_but_not_at_57_is_refused() -> None:
    pen = Pen()
    rounded_up(pen, 8)
    nest = routine(pen, line(length=W))
    for size in (56, 57):
        arrays = {"line": np.zeros(size, np.float32)}
        if size == 56:
            interpret(nest, arrays, {"w": size, "h": 0})
        else:
            with pytest.raises(IndexError):
                interpret(nest, arrays, {"w": size, "h": 0})
    with pytest.raises(
        VerificationError, match=r"small: line\[8·t\] × 8: 8·t \+ 8 <= w in dimension 0 cannot be"
    ):
        verify(nest)
    assert is_safe(pen, line(length=W + 7))
    assert not is_safe(pen, line(length=W + 6))
    assert is_safe(pen, line(length=56), facts=(W, 56 - W))
    assert not is_safe(pen, line(length=56), facts=(W, 57 - W))


def test_whole_vectors_are_safe_where_the_domain_holds_whole_vectors_only() -> None:
    pen = Pen()
    with pen.loop("t", 0, W) as t:
        put(pen, t * 8, 8)
    assert is_safe(pen, line(length=W * 8))
    assert not is_safe(pen, line(length=W * 8 - 1))


# -- every kind of fact, and what breaks without it --------------------------------------------------


def test_loop_starts_and_stops() -> None:
    for start, stop, safe in ((0, W, True), (-1, W, False), (0, W + 1, False), (H, W, True), (0, H, False)):
        pen = Pen()
        with pen.loop("x", start, stop) as x:
            put(pen, x)
        assert is_safe(pen, line(length=W)) is safe


def test_several_starts_and_stops() -> None:
    pen = Pen()
    with pen.loop("x", [0, H - 5], [H, W]) as x:
        put(pen, x)
    assert is_safe(pen, line(length=W))
    assert is_safe(pen, line(length=H))
    assert not is_safe(pen, line(length=H - 1))


@pytest.mark.parametrize("overlap", [False, True])
def test_a_whole_step_fits(overlap: bool) -> None:
    pen = Pen()
    with pen.loop("x", 0, W, 8, overlap) as x:
        put(pen, x, 8)
    assert is_safe(pen, line(length=W))
    assert not is_safe(pen, line(length=W - 1))


def test_a_loop_that_runs_has_something_to_run_over() -> None:
    pen = Pen()
    with pen.loop("x", W, H):
        put(pen, 0)
    assert is_safe(pen, line(length=H))
    assert not is_safe(pen, line(length=W))


def test_blocks() -> None:
    def blocks(index: str, length: Index, lanes: int = 1) -> bool:
        pen = Pen()
        with pen.blocks("x", W, H) as (start, count):
            put(
                pen,
                {"start": start, "count": count, "last": start + count - 1, "zero": Affine()}[index],
                lanes,
            )
        return is_safe(pen, line(length=length), facts=(W, H - 1))

    assert blocks("start", W)
    assert blocks("last", W)
    assert blocks("zero", W)
    assert blocks("count", H + 1)
    assert blocks("count", W + 1)
    assert not blocks("start", W - 1)
    assert not blocks("last", W - 1)
    assert not blocks("count", H)
    assert not blocks("count", W)


def test_blocks_need_an_extent_that_is_not_negative_and_a_positive_step() -> None:
    pen = Pen()
    with pen.blocks("x", W - 1, H):
        pass
    assert is_safe(pen, facts=(W - 1, H - 1))
    assert not is_safe(pen, facts=(W, H - 1))
    assert not is_safe(pen, facts=(W - 1, H))


def test_shares_know_every_block() -> None:
    blocks = tuple(Block(f"{n}0", f"{n}c", size, Affine.of(4)) for n, size in (("y", H), ("x", W)))
    for y, x, safe in (("y0", "x0", True), ("x0", "y0", False)):
        pen = Pen()
        pen.store("plane", [Affine.symbol(y), Affine.symbol(x)], pen.number("zero", 0.0, "float32", 1))
        plane = Buffer("plane", "float32", (H, W), "output")
        nest = Routine("small", ("w", "h"), (W, H), (plane,), (Share(blocks, pen.body()),))
        assert passes(nest) is safe


def test_walks() -> None:
    pen = Pen()
    with pen.walk(3, H, W, W) as (_, pixels):
        for y, x in pixels:
            pen.store("plane", [y, x], pen.number("zero", 0.0, "float32", 1))
    for extents, safe in (((H, W), True), ((W, H), False), ((H - 1, W), False), ((H, W - 1), False)):
        assert is_safe(pen, Buffer("plane", "float32", extents, "output")) is safe
    pen = Pen()
    with pen.walk(1, H, W, Affine.of(9)):
        put(pen, 0)
    assert is_safe(pen, line(length=H))
    assert is_safe(pen, line(length=W))
    assert not is_safe(pen, line(length=W - 1))


def test_steps_of_a_walk_are_limited() -> None:
    pen = Pen()
    with pen.walk(2, 5, 5, W) as (step, _):
        put(pen, step)
    assert is_safe(pen, line(length=W))
    assert not is_safe(pen, line(length=W - 1))
    pen = Pen()
    with pen.walk(2, 5, 5, W):
        put(pen, 0)
    assert is_safe(pen, line(length=W))
    assert not is_safe(pen, line(length=W - 1))


def test_when_and_otherwise() -> None:
    pen = Pen()
    with pen.when(W - H - 3):
        put(pen, H + 2)
    with pen.otherwise():
        put(pen, W)
    assert is_safe(pen, line(length=W), line("other", H + 3)) is False  # the second body
    assert is_safe(pen, line(length=W + 1))
    pen = Pen()
    with pen.when(W - H - 3):
        put(pen, H + 3)
    assert not is_safe(pen, line(length=W))
    pen = Pen()
    with pen.when(W - 3):
        pass
    with pen.otherwise():
        put(pen, W)
    assert is_safe(pen, line(length=3))
    assert not is_safe(pen, line(length=2))


def test_what_holds_in_one_body_is_forgotten_behind_it() -> None:
    pen = Pen()
    with pen.when(W - 4):
        put(pen, 3)
    assert is_safe(pen, line(length=W))
    put(pen, 3)
    assert not is_safe(pen, line(length=W))


def test_quotients() -> None:
    def at(index: str, length: Index, divisor: int = 3) -> bool:
        pen = Pen()
        third = pen.quotient("third", W + 2, divisor)
        with pen.when(W - 1):
            put(
                pen,
                {"third": third, "before": third - 1, "times": third * 3, "over": W + 2 - third * 3}[index],
            )
        return is_safe(pen, line(length=length))

    assert at("before", W)
    assert at("before", W + 2, 1)
    assert at("over", 3)
    assert not at("over", 2)
    assert at("times", W + 3)
    assert not at("times", W + 2)
    assert at("third", W + 1)
    assert not at("third", W, 2)


def test_tables() -> None:
    table = Buffer("table", "int64", (H,), "table", values=(Affine.of(-1), W))

    def at(index: Index, length: Index, guarded: bool = True) -> bool:
        pen = Pen()
        with pen.loop("x", 0, H) as x:
            place = pen.lookup("place", "table", x + index)
            if guarded:
                with pen.when(place):
                    put(pen, place)
            else:
                put(pen, place)
        return is_safe(pen, table, line(length=length))

    assert at(0, W)
    assert not at(1, W)
    assert not at(0, W - 1)
    assert not at(0, W, guarded=False)


def test_a_table_without_missing_places_needs_no_guard() -> None:
    for first, safe in ((0, True), (-1, False)):
        pen = Pen()
        with pen.loop("x", 0, H) as x:
            put(pen, pen.lookup("place", "table", x))
        table = Buffer("table", "int64", (H,), "table", values=(Affine.of(first), W))
        assert is_safe(pen, table, line(length=W)) is safe


def test_hints_may_point_anywhere_but_must_be_known() -> None:
    pen = Pen()
    pen.prefetch("line", [W + 1000])
    assert is_safe(pen, line(length=W))
    pen.prefetch("line", [Affine.symbol("x")])
    refused(pen, r"line\[x\]: the symbol x is not bound here", line(length=W))


def test_smallest_and_largest() -> None:
    def at(kind: str, choices: list[Index], length: Index) -> bool:
        pen = Pen()
        place = (pen.smallest if kind == "min" else pen.largest)("place", *choices)
        put(pen, place)
        return is_safe(pen, line(length=length))

    assert at("min", [W, H], W + 1)
    assert at("min", [W, H], H + 1)
    assert not at("min", [W, H - 1], H)  # below 0 where there is nothing
    assert at("max", [W, H], W + H + 1)
    assert not at("max", [W, H], W + 1)
    assert at("max", [W - 5, 0], W + 1)
    assert not at("max", [W - 5, -1], W + 1)


def test_a_condition_on_the_smallest_holds_for_all() -> None:
    def at(kind: str) -> bool:
        pen = Pen()
        both = (pen.smallest if kind == "min" else pen.largest)("both", W - 4, H - 4)
        with pen.when(both):
            put(pen, 3)
        return is_safe(pen, line(length=W)) and is_safe(pen, line(length=H))

    assert at("min")
    assert not at("max")


def test_facts_of_the_routine() -> None:
    pen = Pen()
    put(pen, W)
    assert is_safe(pen, line(length=H), facts=(W, H - W - 1))
    assert not is_safe(pen, line(length=H), facts=(W, H - W))
    assert not is_safe(pen, line(length=H), facts=(H - W - 1,))


# -- what is refused whatever the sizes --------------------------------------------------------------


def refused(pen: Pen, words: str, *buffers: Buffer) -> None:
    with pytest.raises(VerificationError, match=words) as caught:
        verify(routine(pen, *buffers))
    assert isinstance(caught.value, ConvolveError)
    assert isinstance(caught.value, AssertionError)


def test_symbols_are_bound_once() -> None:
    pen = Pen()
    with pen.loop("x", 0, W), pen.loop("x", 0, W):
        pass
    refused(pen, "x: the symbol is bound twice")
    pen = Pen()
    with pen.loop("w", 0, H):
        pass
    refused(pen, "w: the symbol is bound twice")
    pen = Pen()
    for _ in range(2):
        with pen.loop("x", 0, W):
            pen.smallest("y", W, H)
    assert is_safe(pen)


def test_what_a_body_binds_is_forgotten_behind_it() -> None:
    x0 = Affine.symbol("x0")
    for opened in (
        lambda pen: pen.share([("x", W, 1)]),
        lambda pen: pen.blocks("x", W, 1),
        lambda pen: pen.loop("x0", 0, W),
    ):
        pen = Pen()
        for _ in range(2):
            with opened(pen):
                pen.smallest("let", x0, 3)
        assert is_safe(pen)
        put(pen, x0)
        refused(pen, "the symbol x0 is not bound here", line(length=W))
    pen = Pen()
    for _ in range(2):
        with pen.walk(1, W, W, W):
            pen.smallest("let", W, 3)
    assert is_safe(pen)
    put(pen, Affine.symbol("row0"))
    refused(pen, "the symbol row0 is not bound here", line(length=W))
    pen = Pen()
    with pen.when(W):
        pen.smallest("let", W, 3)
    with pen.otherwise():
        pen.smallest("let", W, 3)
    pen.smallest("let", W, 3)
    assert is_safe(pen)


def test_extents_and_facts_know_the_parameters_only() -> None:
    x = Affine.symbol("x")
    refused(Pen(), "small: the extents of line: the symbol x is not bound here", line(length=x))
    table = Buffer("table", "int64", (W,), "table", values=(Affine.of(0), x))
    refused(Pen(), "small: the extents of table: the symbol x is not bound here", table)
    with pytest.raises(VerificationError, match="small: its facts: the symbol x is not bound here"):
        verify(routine(Pen(), facts=(x,)))


@pytest.mark.parametrize("kind", ["index", "loop", "when", "quotient", "extremum", "blocks", "walk", "after"])
def test_symbols_are_known(kind: str) -> None:
    pen, x = Pen(), Affine.symbol("x")
    if kind == "index":
        put(pen, x)
    elif kind == "loop":
        with pen.loop("y", 0, x):
            pass
    elif kind == "when":
        with pen.when(x):
            pass
    elif kind == "quotient":
        pen.quotient("y", x, 2)
    elif kind == "extremum":
        pen.smallest("y", x, 2)
    elif kind == "blocks":
        with pen.blocks("y", x, 2):
            pass
    elif kind == "walk":
        with pen.walk(1, x, 2, W):
            pass
    else:
        with pen.loop("x", 0, W):
            pass
        put(pen, x)
    refused(pen, "the symbol x is not bound here", line(length=W))


def test_what_is_only_read_is_not_written() -> None:
    for role in ("input", "table"):
        pen = Pen()
        put(pen, 0)
        refused(
            pen,
            r"line\[0\]: only buffers of the roles output, scratch",
            line(length=8, role=role),
            line("out"),
        )
    pen = Pen()
    put(pen, 0)
    refused(pen, "only buffers of the roles output, scratch may", line(length=8, role="weights"), line("out"))
    assert is_safe(pen, line(length=8, role="weights"))  # packing them is all that this routine does


def test_tables_are_looked_up_and_nothing_else_is() -> None:
    pen = Pen()
    pen.load("number", "table", [0])
    refused(pen, r"table\[0\]: only buffers of the roles", Buffer("table", "int64", affines([4]), "table"))
    pen = Pen()
    pen.lookup("place", "line", Affine())
    refused(pen, "line is not a table with a range of values", line())
    refused(pen, "line is not a table with a range of values")


def test_vectors_need_neighbours() -> None:
    pen = Pen()
    put(pen, 0, 4)
    assert is_safe(pen, line(length=8))
    refused(pen, "neighbours of line are not neighbours in memory", line(length=8, contiguous=False))
    pen = Pen()
    put(pen, 0)
    assert is_safe(pen, line(length=8, contiguous=False))


def test_lanes_reach_along_the_last_dimension() -> None:
    for lanes, step, safe in ((4, 1, True), (5, 1, False), (2, 3, True), (2, 4, False), (3, 2, False)):
        pen = Pen()
        pen.load("some", "plane", [0, 0], lanes, step)
        plane = Buffer("plane", "float32", affines([1, 4]), "input")
        assert is_safe(pen, plane) is safe


def test_an_index_for_every_dimension() -> None:
    pen = Pen()
    pen.store("line", [0, 0], pen.number("zero", 0.0, "float32", 1))
    refused(pen, "line has 1 dimensions", line(length=8))


def test_steps_and_divisors_are_positive() -> None:
    refused_loop = Loop("x", affines([0]), affines([W]), 0, False, ())
    with pytest.raises(VerificationError, match="the step must be positive"):
        verify(Routine("small", ("w",), (W,), (), (refused_loop,)))
    pen = Pen()
    pen.quotient("y", W, 0)
    refused(pen, "the divisor must be positive")
    pen = Pen()
    pen.smallest("y")
    refused(pen, "nothing to choose from")


def test_registers_are_checked_too() -> None:
    pen = Pen()
    pen.store("line", [0], "never_set")
    refused(pen, "the register never_set is used before it is set", line(length=8))


def test_two_buffers_of_one_name() -> None:
    refused(Pen(), "two of them have the same name", line(), line())


def test_nothing_is_left_over_from_one_verification_to_the_next() -> None:
    pen = Pen()
    put(pen, W)
    assert is_safe(pen, line(length=W + 1))
    assert not is_safe(pen, line(length=W))
    assert passes(replace(routine(pen, line(length=W + 1)), facts=(W,)))
