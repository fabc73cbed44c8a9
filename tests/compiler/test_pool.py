"""Pooling's loop nests: the reference's bits by the interpreter for every target, and in machine code."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from convolve import pooling
from convolve.api import pooled as api
from convolve.axis import Axis
from convolve.compiler.interpreter import interpret
from convolve.compiler.loopnest import Routine
from convolve.compiler.lower.pool import pool
from convolve.compiler.lower.pool_planes import pool_planes
from convolve.compiler.pipeline import compile_alone
from convolve.compiler.plan import Inner, PoolCode
from convolve.compiler.printer import show
from convolve.compiler.problem import pieces
from convolve.compiler.target import AVX2, TARGETS, Target
from convolve.compiler.verify import verify
from convolve.errors import ShapeError, VerificationError
from convolve.runtime import jit, pooled
from tests.compiler.assembly import CALL, ON_STACK, innermost
from tests.compiler.cases import Array
from tests.compiler.golden import check_golden
from tests.compiler.mutations import bugs
from tests.compiler.native import RUNNABLE, call, compiled

CASES = 12
DTYPES = ("float32", "float32", "float64", "float16", "bool", "int8", "uint8", "int16", "uint32", "int64")
BUGS_TRIED = 80


def drawn(draw: random.Random) -> tuple[pooling.Pool, str]:
    """Return a pooling that makes sense."""
    while True:
        dims = draw.randint(1, 3)
        layout = draw.choice(["channels_first", "channels_last"])
        size = [draw.randint(1, 7 if dims > 1 else 60) for _ in range(dims)]
        shape = (2, 3, *size) if layout == "channels_first" else (2, *size, 11)
        numbers = np.random.default_rng(draw.randrange(1 << 30)).integers(-2, 3, shape)
        options = {
            "stride": [draw.randint(1, 3) for _ in size],
            "padding": tuple((draw.randint(0, 2), draw.randint(0, 1)) for _ in size),
            "dilation": [draw.randint(1, 2) for _ in size],
            "ceil_mode": draw.random() < 0.5,
            "layout": layout,
        }
        image = np.abs(numbers).astype(draw.choice(DTYPES))
        if image.dtype.kind in "if":
            image[numbers < 0] *= -1
        if image.dtype.kind == "f":
            image[numbers == 0] *= draw.choice([1, -1])  # zeros have a sign
        try:
            return pooling.pool(dims, image, [draw.randint(1, 3) for _ in size], **options), layout
        except ShapeError:
            continue


@dataclass
class Case:
    """A pooling's nest, its arrays and parameters, and the reference's results."""

    routine: Routine
    arrays: dict[str, Array]
    values: dict[str, int]
    results: dict[str, Array]
    expected: dict[str, Array]
    kind: str

    @property
    def items(self) -> int:
        values = self.values
        blocks = pieces(values["C"], values["BC"]) * pieces(values["OY"], values["BY"])
        return values["N"] * values["OZ"] * blocks

    def check(self) -> None:
        for name, wanted in self.expected.items():
            np.testing.assert_allclose(self.results[name], wanted, rtol=1e-3 if self.kind == "mean" else 0)
            if self.expected["output"].dtype.kind == "f" and self.kind == "max":
                assert np.array_equal(np.signbit(self.results[name]), np.signbit(wanted))


def random_case(draw: random.Random, target: Target) -> Case:
    made, layout = drawn(draw)
    kind, places = draw.choice([("max", False), ("max", True), ("mean", False)])
    order = draw.choice(["channel" if layout == "channels_last" else "x", "none"])
    question = api.question(made, kind, order, places, draw.choice([None, 3]), draw.random() < 0.5)
    routine = pool(question.code, target)
    if kind == "max":
        expected = dict(zip(("output", "places"), pooling.max_pool(made, True), strict=True))
    else:
        expected = {"output": pooling.avg_pool(made, question.include_padding, question.divisor)}
    names = ["output", "places"] if places else ["output"]
    expected = {name: expected[name] for name in names}
    results = {name: np.full_like(one, 77) for name, one in expected.items()}
    arrays = {name: five(made.form.canonical(one), order) for name, one in results.items()}
    arrays |= {"input": five(made.image, order), **pooled.tables(question)}
    values = pooled.parameters(question) | {"BY": draw.randint(1, 4)}
    if order != "channel":
        values["BC"] = draw.randint(1, 3)
    return Case(routine, arrays, values, results, expected, kind)


def planes_case(target: Target, channels: int, kind: str) -> Case:
    """Return a pooling of whole planes."""
    image = np.random.default_rng(channels).standard_normal((2, channels, 3, 7)).astype(np.float32)
    made = pooling.pool(2, image, (3, 7))
    question = api.question(made, kind, "x", False, None, False)
    assert question.code.planes
    expected = pooling.max_pool(made, False) if kind == "max" else pooling.avg_pool(made, True, None)
    assert isinstance(expected, np.ndarray)
    results = {"output": np.full_like(expected, -77)}
    arrays = {"input": image.reshape(2, channels, 21), "output": results["output"].reshape(2, channels)}
    values = pooled.parameters(question) | {"BC": 16}
    routine = pool_planes(question.code, target)
    return Case(routine, arrays | pooled.tables(question), values, results, {"output": expected}, kind)


def five(array: Array, order: str) -> Array:
    """Return a view of (batch, channels, *spatial) as a nest sees it."""
    missing = 5 - array.ndim
    wide = array[(slice(None), slice(None), *(None,) * missing)]
    return np.moveaxis(wide, 1, -1) if order == "channel" else wide


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_nests_give_the_bits_of_the_reference(target: Target, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} pool")
    for _ in range(CASES):
        case = random_case(draw, target)
        interpret(case.routine, case.arrays, case.values)
        case.check()


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("kind", ["max", "mean"])
def test_whole_planes(kind: str, target: Target) -> None:
    for channels in (1, 5, 16, 37):
        case = planes_case(target, channels, kind)
        verify(case.routine)
        interpret(case.routine, case.arrays, case.values)
        case.check()
        refused = [passes(wrong) for name, wrong in bugs(case.routine) if not name.startswith("values")]
        assert sum(refused) < len(refused) / 2


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_machine_code_does_too(target: Target, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} pool, compiled")
    for _ in range(CASES // 2):
        case = random_case(draw, target)
        verify(case.routine)
        call(compiled([case.routine], target), case.routine, case.arrays, case.values, case.items)
        case.check()


def test_the_verifier_refuses_most_bugs_and_the_others_stay_inside(seed: int) -> None:
    draw = random.Random(f"{seed} pool, wrong")
    case = random_case(draw, draw.choice(list(TARGETS.values())))
    verify(case.routine)
    found = [wrong for name, wrong in bugs(case.routine) if not name.startswith("values")]
    passed = [wrong for wrong in draw.sample(found, min(len(found), BUGS_TRIED)) if passes(wrong)]
    assert len(passed) < BUGS_TRIED / 2
    for wrong in passed[:10]:
        shapes = {one.name: [extent.value(case.values) for extent in one.extents] for one in wrong.buffers}
        arrays = {
            name: array[tuple(slice(size) for size in shapes[name])] for name, array in case.arrays.items()
        }
        interpret(wrong, arrays, case.values)


def passes(wrong: Routine) -> bool:
    try:
        verify(wrong)
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("order", ["x", "channel"])
def test_nothing_is_called_and_no_vector_spilled(order: Inner, target: Target) -> None:
    for kind in ("max", "mean"):
        axes = (Axis(1, 1, 1), *[Axis(112, 56, 3, 2, before=1, after=1)] * 2)
        code = pooled.code_of(kind, np.dtype("float32"), axes, order)
        text = jit.make_assembly(compile_alone(pool(code, target), target), target)
        lines = text[text.index("\npool:") : text.index("\n.Lfunc_end")].splitlines()
        assert [line for line in lines if CALL.match(line)] == []
        loops = ["\n".join(lines[first : last + 1]) for first, last in innermost(lines)]
        assert loops
        assert not any(ON_STACK.search(loop) for loop in loops)


def test_golden(update_goldens: bool) -> None:
    code = PoolCode(
        "max",
        "float32",
        "float32",
        "float32",
        (1, 3, 3),
        (1, 2, 2),
        (1, 1, 1),
        (False, True, True),
        places=False,
    )
    check_golden("pool_max_3x3_stride_2", show(pool(code, AVX2)), update_goldens)
