"""Expressions and passes over numbers: accurate, the same on every target, for arrays of any strides."""

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convolve.compiler import formulas
from convolve.compiler.expressions import NOTHING, Expression, Given, Value, Writer
from convolve.compiler.interpreter import evaluate, interpret
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import OPERATIONS
from convolve.compiler.lower.pointwise import points
from convolve.compiler.plan import PointCode
from convolve.compiler.printer import show
from convolve.compiler.target import AVX2, TARGETS
from convolve.compiler.verify import verify
from convolve.runtime import threads
from convolve.runtime.execution import address_of
from convolve.runtime.pointwise import joined, point_job
from convolve.runtime.pool import Table
from tests.compiler.golden import check_golden
from tests.engine import guarded
from tests.peers import peer

special = peer("scipy.special")

EXACT: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "erf": special.erf,
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x / 2 * (1 + special.erf(x / math.sqrt(2))),
    "gelu_by_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "relu": lambda x: np.maximum(x, 0),
}
RELATIVE = {"exp": 1.2e-7, "sigmoid": 3e-7, "tanh": 4e-7, "erf": 4e-7}
ADDED = Expression.of(lambda write, x, y: write("add", x, y), 2)


def passed(expression: Expression, inputs: list[Any], out: Any, count: int = 1) -> Any:
    """Run a pass, with so many threads."""
    job = point_job(expression, inputs, out)
    assert job is not None
    for place, array in enumerate(inputs):
        job.point(f"input{place}", address_of(array))
    job.point("output", address_of(out))
    threads.walk(Table([job], count, 0.0))
    return out


@pytest.mark.parametrize("name", EXACT)
def test_formulas_are_as_accurate_as_they_say(name: str) -> None:
    x = np.concatenate([np.linspace(-30, 30, 300_001), np.linspace(-100, 100, 30_001), [0.0, -0.0]])
    x = x.astype(np.float32)
    found = passed(Expression.of(getattr(formulas, name)), [x], np.empty_like(x))
    exact = EXACT[name](x.astype(np.float64))
    normal = (np.abs(exact) > 1.2e-38) & (np.abs(exact) < 3.4e38)
    error = np.abs(found - exact)[normal]
    if name in RELATIVE:
        assert (error / np.abs(exact[normal])).max() < RELATIVE[name]
    else:
        assert (error / np.maximum(1, np.abs(x[normal]))).max() < 3e-7


def test_numbers_that_are_not_finite() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 89, -104, 88.72], np.float32)
    ends = {"exp": (np.inf, 0), "sigmoid": (1, 0), "tanh": (1, -1), "erf": (1, -1), "relu": (np.inf, 0)}
    for name, (high, low) in ends.items():
        found = passed(Expression.of(getattr(formulas, name)), [x], np.empty_like(x))
        assert np.isnan(found[0]), name
        np.testing.assert_allclose(found[1:3], [high, low], rtol=1e-6)
    powers = passed(Expression.of(formulas.exp), [x], np.empty_like(x))
    assert powers[3] == np.inf and powers[4] == 0 and 3.3e38 < powers[5] < np.inf


def test_clip_takes_either_limit() -> None:
    x = np.array([-3.0, -1.0, 0.5, 7.0, np.nan], np.float32)
    for low, high in itertools.product((-math.inf, -2.0, 0.0), (0.25, 6.0, math.inf)):
        expression = Expression.of(lambda write, x, a=low, b=high: formulas.clip(write, x, a, b))
        np.testing.assert_array_equal(passed(expression, [x], np.empty_like(x)), np.clip(x, low, high))


def random_expression(draw: random.Random, count: int) -> Expression:
    """Return steps of some numbers whose results stay where float32 is exact enough to compare bits."""
    names = ["add", "subtract", "multiply", "larger", "smaller", "relu", "copy"]
    writer = Writer()
    values: list[Value] = [*map(Given, range(count)), draw.choice([0.5, -1.0, 3.0])]
    for _ in range(draw.randint(1, 8)):
        name = draw.choice(names)
        values.append(writer(name, *draw.choices(values, k=OPERATIONS[name])))
    return writer.done(values[-1])


def test_passes_give_the_bits_of_the_interpreter(seed: int) -> None:
    draw = random.Random(f"{seed} passes")
    numbers = np.random.default_rng(seed)
    for _ in range(60):
        shape = tuple(draw.choice([1, 2, 3, 5, 17, 40]) for _ in range(draw.randint(1, 4)))
        count = draw.randint(1, 3)
        inputs = []
        for _ in range(count):
            own = tuple(1 if draw.random() < 0.3 else size for size in shape)[draw.randint(0, 1) :]
            inputs.append(numbers.integers(-4, 5, own).astype(np.float32))
        order = draw.sample(range(len(shape)), len(shape))
        if draw.random() < 0.3:
            turned = np.ascontiguousarray(numbers.integers(-4, 5, shape).transpose(order), np.float32)
            inputs[0] = turned.transpose(np.argsort(order))
        expression = random_expression(draw, count)
        out = np.full((*shape[:-1], shape[-1] + 2), np.nan, np.float32)[..., : shape[-1]]
        if point_job(expression, inputs, out) is None:
            continue
        expected = evaluate(expression, *np.broadcast_arrays(*inputs, out)[:-1])
        np.testing.assert_array_equal(passed(expression, inputs, out, draw.randint(1, 3)), expected)
        assert np.isnan(out.base[..., -2:]).all()


def test_passes_stay_between_guard_pages(seed: int) -> None:
    draw, numbers = random.Random(f"{seed} guards"), np.random.default_rng(seed)
    for _ in range(40):
        shape = tuple(draw.randint(1, 20) for _ in range(3))
        first, second = (numbers.standard_normal(one, np.float32) for one in (shape, (shape[0], 1, 1)))
        inputs = [guarded.copied(one, draw.random() < 0.5) for one in (first, second)]
        out = guarded.copied(first, draw.random() < 0.5)
        np.testing.assert_array_equal(passed(ADDED, inputs, out), first + second)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_target_is_verified_and_interpreted(target: Any) -> None:
    for kinds in itertools.product(("x", "one", "apart"), repeat=2):
        code = PointCode(Expression.of(lambda write, x, y: formulas.exp(write, write("add", x, y)), 2), kinds)
        nest = points(code, target)
        verify(nest)
        values = {"A": 1, "B": 2, "R": 3, "X": 2 * target.lanes(ITEM_BYTES["float32"]) + 3, "BR": 2, "BX": 9}
        shape = (1, 2, 3, values["X"])
        arrays = {
            f"input{place}": np.random.default_rng(place).standard_normal(
                (*shape[:3], 1 if kind == "one" else shape[3]), np.float32
            )
            for place, kind in enumerate(kinds)
        }
        arrays["output"] = np.zeros(shape, np.float32)
        items = 2 * 2 * -(-values["X"] // 9)
        interpret(nest, arrays, values, 0, items)
        sums = np.broadcast_to(arrays["input0"] + arrays["input1"], shape)
        np.testing.assert_allclose(arrays["output"], np.exp(sums), 1e-6)


def test_nest(update_goldens: bool) -> None:
    code = PointCode(Expression.of(lambda write, x, y: write("relu", write("add", x, y)), 2), ("x", "one"))
    check_golden("pass_add_relu", show(points(code, AVX2)), update_goldens)


def test_dimensions_are_joined_and_too_many_are_refused() -> None:
    assert joined([(2, (24,)), (1, (7,)), (3, (8,)), (2, (4,))]) == [(12, (4,))]
    apart = np.zeros((4, 4, 4, 4, 8), np.float32)[::2, ::2, ::2, ::2, ::2]
    assert point_job(NOTHING, [apart], np.empty(apart.shape, np.float32)) is None


def test_expressions_are_put_together_and_told() -> None:
    inner = Expression.of(lambda write, x, y: write("multiply", x, y), 2)
    writer = Writer()
    made = writer.insert(inner, [Given(1), 2.0])
    both = writer.done(writer.insert(ADDED, [made, Given(0)]))
    assert str(both) == "add(x, multiply(2, y))"
    assert both.inputs == 2 and str(NOTHING) == "x"
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(evaluate(both, x, y), y * 2 + x)
