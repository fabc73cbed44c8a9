"""Loop nests of gradients with respect to the weight: proved, and interpreted for every target."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convolve.arguments import weight_grad_spec
from convolve.compiler.expressions import NOTHING
from convolve.compiler.gradient_planner import gradient_plan
from convolve.compiler.interpreter import interpret
from convolve.compiler.lower.gradient import gradient
from convolve.compiler.plan import Code, Method
from convolve.compiler.target import TARGETS, Target
from convolve.compiler.verify import verify
from convolve.runtime import engine, weight_gradient
from tests.compiler.cases import Array, random_code, six_dimensional
from tests.engine.cases import Geometry
from tests.engine.gradient_cases import GradientCase, draw_gradient

METHODS: tuple[Method, ...] = ("gradient_contract", "gradient_stencil")


def random_gradient_code(draw: random.Random) -> Code:
    """Return a code with a tile as a planner might choose it, or another one."""
    tile = (draw.randint(1, 9), draw.randint(1, 4), 1)
    plain = replace(random_code(draw), direct=False, whole=False, tiled=False, activation=NOTHING)
    return replace(plain, method=draw.choice(METHODS), tile=tile)


def test_no_access_leaves_its_buffer(seed: int) -> None:
    draw = random.Random(f"{seed} gradients")
    for _ in range(25):
        verify(gradient(random_gradient_code(draw), draw.choice(list(TARGETS.values()))))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize("method", METHODS)
def test_nests_give_the_exact_gradient(target: Target, method: Method, seed: int) -> None:
    draw = random.Random(f"{seed} {target.name} {method}")
    for layout in ("channels_first", "channels_last"):
        dims = draw.randint(1, 3)
        small = (tuple(draw.randint(1, most) for _ in range(dims)) for most in (3, 3, 2))
        counts = draw.choice([1, 2]), draw.randint(1, 3), draw.choice([1, 3, 9])
        geometry = Geometry(dims, *small, *counts, draw.choice(["float32", "float64"]), layout)
        case = draw_gradient(draw, geometry, whole=True)
        assert np.array_equal(interpreted(case, draw, method, target), case.expected()), case


def interpreted(case: GradientCase, draw: random.Random, method: Method, target: Target) -> Array:
    """Return a gradient computed by the interpreter in small blocks, the second half of the items first."""
    dims, options = case.geometry.dims, case.options
    call = weight_grad_spec(dims, case.image, case.weight_shape, case.gradient, **options)
    spec = call.spec
    image, given = (np.asarray(one, case.geometry.dtype) for one in (call.first, call.second))
    asked = weight_gradient.question(spec, replace(engine.dense_view(spec), one_row=False))
    plan = gradient_plan(asked.sizes, asked.geometry, target)
    d, h, w = (min(b, o) for b, o in zip((2, 5, 7), asked.sizes.output, strict=True))
    tile = (draw.randint(1, 5), draw.randint(1, 2), 1)
    parts = draw.randint(1, plan.parts)
    plan = replace(plan, code=asked.geometry.code(method, tile), block=(d, h, w), parts=parts)
    nest = gradient(plan.code, target)
    no_code: Any = SimpleNamespace(routine=nest, run=0)
    ready = weight_gradient.GradientExecution(asked, plan, no_code, target)
    out = np.full((parts, *spec.weight_shape), np.nan, spec.out_dtype)
    arrays = {
        **ready.constants,
        "input": _six(image, spec.groups, plan.code.reads),
        "gradient": _six(given, spec.groups, plan.code.writes),
        "output": out.reshape(parts, spec.groups, spec.out_channels // spec.groups, -1),
    }
    cut = ready.items // 2
    for begin, end in ((cut, ready.items), (0, cut)):
        interpret(nest, arrays, ready.values, begin, end)
    total: Array = out.sum(axis=0)
    return np.flip(total, tuple(range(2, total.ndim))) if spec.flip else total


def _six(array: Array, groups: int, order: str) -> Array:
    """Return (batch, channels, *spatial) as a nest sees it: images are planes if there are none."""
    if array.ndim < 5:
        deep = np.moveaxis(array, 0, 1)[None]
        array = deep if array.ndim == 4 else deep[:, :, :, None]
    return six_dimensional(array, groups, order)
