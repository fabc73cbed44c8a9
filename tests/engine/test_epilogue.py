"""What is made of each sum before it is written, and of the number that is added, for every method."""

import random
from typing import Any

import numpy as np
import pytest

from convolve.arguments import conv_spec
from convolve.compiler import formulas
from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.interpreter import evaluate
from convolve.dtypes import Array
from convolve.reference import run
from convolve.runtime import threads
from convolve.runtime.conv_job import conv_job
from convolve.runtime.execution import address_of
from convolve.runtime.pool import Table
from tests.engine import guarded

SHAPES: dict[str, Any] = {
    "1x1": ((2, 9, 7, 11), (21, 9, 1, 1), {}),
    "1x1 stride 2": ((1, 16, 9, 12), (8, 16, 1, 1), {"stride": 2}),
    "3x3": ((1, 16, 12, 13), (19, 16, 3, 3), {"padding": 1, "accuracy": "strict"}),
    "winograd": ((2, 32, 20, 21), (32, 32, 3, 3), {"padding": 1}),
    "first layer": ((1, 3, 21, 23), (16, 3, 7, 7), {"stride": 2, "padding": 3}),
    "image": ((1, 1, 40, 57), (1, 1, 3, 3), {"padding": 1}),
    "depthwise": ((2, 24, 9, 14), (24, 1, 3, 3), {"padding": 1, "groups": 24}),
    "grouped": ((1, 12, 8, 8), (24, 4, 3, 3), {"groups": 3}),
    "line": ((2, 5, 90), (6, 5, 5), {"padding": 2}),
    "volume": ((1, 4, 5, 6, 7), (8, 4, 3, 3, 3), {"padding": 1}),
}
EXPRESSIONS = {
    "added": Expression.of(lambda write, x, y: write("add", x, y), 2),
    "added, then relu": Expression.of(lambda write, x, y: write("relu", write("add", x, y)), 2),
    "gate": Expression.of(lambda write, x, y: write("multiply", formulas.sigmoid(write, x), y), 2),
    "silu": Expression.of(formulas.silu),
    "gelu": Expression.of(formulas.gelu),
    "nothing": NOTHING,
}


def image_of(shape: tuple[int, ...], last: bool, numbers: np.random.Generator) -> Array:
    """Return (batch, channels, *spatial) between guard pages, channels first or last in memory."""
    array = numbers.standard_normal(shape, np.float32)
    if not last:
        return guarded.copied(array)
    order = (0, *range(2, array.ndim), 1)
    return np.moveaxis(guarded.copied(array.transpose(order)), -1, 1)


@pytest.mark.parametrize("name", SHAPES)
def test_every_method_makes_results_of_its_sums(name: str, seed: int) -> None:
    shape, taps, options = SHAPES[name]
    numbers = np.random.default_rng(seed)
    weight, bias = numbers.standard_normal(taps, np.float32), numbers.standard_normal(taps[0], np.float32)
    draw = random.Random(f"{seed} {name}")
    for last, wide in ((False, False), (True, False), (True, True)):
        image = image_of(shape, last, numbers)
        call = conv_spec("conv", len(shape) - 2, image, weight, bias, **options)
        sums = run(call)
        for text in draw.sample(sorted(EXPRESSIONS), 4):  # others in each run: each is a routine to make
            expression = EXPRESSIONS[text]
            # A part of a joined array: its images are further apart than its channels need.
            whole = image_of((call.shape[0], 2 * call.shape[1], *call.shape[2:]), last and not wide, numbers)
            out = whole[:, : call.shape[1]]
            added = image_of(call.shape, last and not wide, numbers) if expression.inputs == 2 else None
            job = conv_job(call.spec, (image, out), weight, bias, expression, added)
            assert job is not None
            rest = whole[:, call.shape[1] :].copy()
            pairs = {"input": image, "output": out} | ({} if added is None else {"added": added})
            for key, array in pairs.items():
                job.point(key, address_of(array))
            for count in (1, 3):
                threads.walk(Table([job], count, 0.0))
            expected = evaluate(expression, sums, *([] if added is None else [added]))
            np.testing.assert_allclose(out, expected, rtol=2e-4, atol=2e-4, err_msg=f"{name}, {text}")
            np.testing.assert_array_equal(whole[:, call.shape[1] :], rest)


def test_what_is_added_may_lie_otherwise_than_the_result() -> None:
    numbers = np.random.default_rng(3)
    image, weight = image_of((1, 8, 6, 6), False, numbers), numbers.standard_normal((8, 8, 1, 1), np.float32)
    call = conv_spec("conv", 2, image, weight, None)
    for added in (image_of((1, 8, 6, 6), True, numbers), image_of((1, 8, 6, 9), False, numbers)[..., :6]):
        out = guarded.copied(np.zeros((1, 8, 6, 6), np.float32))
        job = conv_job(call.spec, (image, out), weight, None, EXPRESSIONS["added"], added)
        assert job is not None
        for key, array in {"input": image, "output": out, "added": added}.items():
            job.point(key, address_of(array))
        threads.walk(Table([job], 1, 0.0))
        np.testing.assert_allclose(out, run(call) + added, rtol=1e-5, atol=1e-5)


def test_weights_that_are_not_finite_under_padding_are_left_to_others() -> None:
    weight = np.full((1, 1, 3, 3), np.inf, np.float32)
    image = np.zeros((1, 1, 8, 8), np.float32)
    call = conv_spec("conv", 2, image, weight, None, padding=1)
    assert conv_job(call.spec, (image, np.empty_like(image)), weight, None) is None
