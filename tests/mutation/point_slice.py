"""Passes over numbers and epilogues that bugs in the compiler must fall to."""

import itertools
import math
from typing import Any

import numpy as np

from tests.mutation.compiled_slice import OLD, on_target

ERF = np.vectorize(math.erf)

EXACT: dict[str, Any] = {
    "exp": np.exp,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "erf": ERF,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x / 2 * (1 + ERF(x / math.sqrt(2))),
    "gelu_by_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "relu": lambda x: np.maximum(x, 0),
}


def check_points() -> None:
    """Compare formulas with float64, passes with the interpreter, and epilogues with the reference."""
    on_target("avx2")
    _check_formulas()
    _check_passes()
    _check_epilogues()
    _check_operations()
    if on_target(OLD):  # whose multiply-adds round twice
        _check_formulas()
    on_target("avx2")


def _passed(expression: Any, inputs: list[Any], out: Any) -> Any:
    # Imported here, in every process anew: a bug may have been planted.
    from convolve.runtime import threads
    from convolve.runtime.execution import address_of
    from convolve.runtime.pointwise import point_job
    from convolve.runtime.pool import Table

    job = point_job(expression, inputs, out)
    assert job is not None
    for place, array in enumerate(inputs):
        job.point(f"input{place}", address_of(array))
    job.point("output", address_of(out))
    threads.walk(Table([job], 1, 0.0))
    return out


def _check_formulas() -> None:
    from convolve.compiler import formulas
    from convolve.compiler.expressions import Expression

    x = np.concatenate([np.linspace(-20, 20, 4001), np.linspace(-87, 87, 99)]).astype(np.float32)
    for name, exact in EXACT.items():
        with np.errstate(over="ignore"):
            wanted = exact(x.astype(np.float64))
        found = _passed(Expression.of(getattr(formulas, name)), [x], np.empty_like(x))
        error = np.abs(found - wanted) / np.maximum(np.maximum(np.abs(x) * 0.5, np.abs(wanted)), 1e-30)
        assert np.nanmax(error) < 1e-6, name
        if name in ("exp", "sigmoid", "tanh", "erf"):
            assert np.nanmax(np.abs(found - wanted)[wanted != 0] / np.abs(wanted[wanted != 0])) < 1e-6, name
    ends = np.array([np.nan, 200, -200, np.inf, -np.inf, 88.5, -0.0], np.float32)
    found = _passed(Expression.of(formulas.exp), [ends], np.empty_like(ends))
    assert np.isnan(found[0]) and found[1] == found[3] == np.inf and found[2] == found[4] == 0
    np.testing.assert_allclose(found[5:], np.exp(ends[5:].astype(float)), 1e-6)
    for name, (low, high) in {"tanh": (-1, 1), "erf": (-1, 1)}.items():
        found = _passed(Expression.of(getattr(formulas, name)), [ends], np.empty_like(ends))
        np.testing.assert_allclose(found[1:5], [high, low, high, low], 1e-6)
        assert np.isnan(found[0]) and np.abs(found[1:]).max() <= 1
    for low, high in itertools.product((-math.inf, -2.0, 0.0), (0.25, 6.0, math.inf)):
        clip = Expression.of(lambda write, x, a=low, b=high: formulas.clip(write, x, a, b))
        assert np.array_equal(_passed(clip, [x], np.empty_like(x)), np.clip(x, low, high))
    leaky = Expression.of(lambda write, x: formulas.leaky_relu(write, x, 0.125))
    assert np.array_equal(_passed(leaky, [x], np.empty_like(x)), np.where(x < 0, x / 8, x))


def _check_passes() -> None:
    from convolve.compiler.expressions import Expression, Given, Writer
    from convolve.compiler.interpreter import evaluate
    from convolve.runtime import pointwise

    numbers = np.random.default_rng(8)
    pointwise.ITEM_NUMBERS = 48  # several items
    inner = Expression.of(lambda write, x, y: write("subtract", x, write("multiply", y, 0.5)), 2)
    writer = Writer()
    made = writer.insert(inner, [Given(2), Given(0)])
    root = writer("square_root", writer("larger", writer("smaller", made, 9.0), 0.0))
    three = writer.done(writer("fma", root, Given(1), 3.0))
    assert three.inputs == 3 and str(three).startswith("fma(square_root(larger(smaller(subtract(z, mul")
    assert Expression((), 2.0).inputs == 0 and str(Expression((), Given(7))) == "x7"
    apart = np.zeros((4, 4, 4, 4, 8), np.float32)
    assert (
        pointwise.point_job(inner, [apart[::2, ::2, ::2, ::2, ::2]] * 2, apart[::2, ::2, ::2, ::2, ::2])
        is None
    )
    for shape in ((3, 4, 5, 70), (2, 33), (7,), (1, 2, 1, 3), (1,), (2, 2, 2, 2, 9)):
        x = numbers.integers(-4, 5, shape).astype(np.float32)
        channel = numbers.integers(-4, 5, (*shape[:-1], 1)).astype(np.float32)
        turned = np.ascontiguousarray(numbers.integers(-4, 5, shape).T.astype(np.float32)).T
        rows = [[x, channel, x[..., ::-1]], [x, x, channel]]
        for inputs in rows if len(shape) > 4 else [*rows, [turned, x, x]]:
            wanted = evaluate(three, *np.broadcast_arrays(*inputs))
            for step in (1, 2):
                room = np.full((*shape[:-1], step * shape[-1] + 3), np.nan, np.float32)
                out = room[..., : step * shape[-1] : step]
                np.testing.assert_allclose(_passed(three, inputs, out), wanted, 1e-6)
                assert np.isnan(room[..., step * shape[-1] :]).all()
                assert step == 1 or np.isnan(room[..., 1::2]).all()


def _check_operations() -> None:
    """Compare operations in the dtypes that no pass has with the interpreter's."""
    from convolve.compiler.affine import Affine
    from convolve.compiler.builder import Pen
    from convolve.compiler.interpreter import COMPUTERS
    from convolve.compiler.loopnest import Buffer, Routine, affines
    from convolve.compiler.target import AVX2
    from tests.compiler import native

    size, numbers = affines([8]), np.random.default_rng(10)
    for name, dtype in itertools.product(("larger", "smaller", "scale", "subtract"), ("int32", "float64")):
        if (name, dtype) == ("scale", "int32"):
            continue
        lanes, pen = 8 if dtype == "int32" else 4, Pen()
        for first in range(0, 8, lanes):
            given = [pen.load(one, one, [Affine.of(first)], lanes) for one in ("a", "b")]
            pen.store("result", [Affine.of(first)], pen.compute("c", name, *given), lanes)
        roles: Any = (("a", "input"), ("b", "input"), ("result", "output"))
        buffers = tuple(Buffer(one, dtype, size, role) for one, role in roles)
        routine = Routine("operations", (), (), buffers, pen.body())
        arrays = {one: numbers.integers(-9, 9, 8).astype(dtype) for one, _ in roles}
        if name == "scale":
            arrays["b"] = np.array([-1074.0, -1022, -3, 0, 1, 1023, 1500, -1500])
        native.call(native.compiled([routine], AVX2), routine, arrays, {}, 1)
        with np.errstate(all="ignore"):
            wanted = COMPUTERS[name](arrays["a"], arrays["b"])
        assert np.array_equal(arrays["result"], wanted), (name, dtype)


def _check_epilogues() -> None:
    from convolve.arguments import conv_spec
    from convolve.compiler.expressions import Expression
    from convolve.reference import run
    from convolve.runtime import threads
    from convolve.runtime.conv_job import conv_job
    from convolve.runtime.execution import address_of
    from convolve.runtime.pool import Table

    numbers = np.random.default_rng(9)
    residual = Expression.of(lambda write, x, y: write("relu", write("add", x, y)), 2)
    for shape, taps, options in (
        ((1, 9, 5, 11), (13, 9, 1, 1), {}),
        ((1, 3, 9, 25), (5, 3, 3, 3), {"padding": 1}),
        ((1, 24, 5, 9), (24, 1, 3, 3), {"padding": 1, "groups": 24}),
        ((1, 16, 14, 14), (16, 16, 3, 3), {"padding": 1}),
    ):
        for last in (False, True):
            image, weight = (numbers.integers(-3, 4, one).astype(np.float32) for one in (shape, taps))
            if last:
                image = np.ascontiguousarray(image.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
            call = conv_spec("conv", 2, image, weight, None, **options)
            sums = run(call)
            added = numbers.integers(-50, 50, sums.shape).astype(np.float32)
            if last:
                added = np.ascontiguousarray(added.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
            out = np.zeros_like(added)
            job = conv_job(call.spec, (image, out), weight, None, residual, added)
            assert job is not None
            for name, array in {"input": image, "output": out, "added": added}.items():
                job.point(name, address_of(array))
            threads.walk(Table([job], 1, 0.0))
            np.testing.assert_allclose(out, np.maximum(sums + added, 0), 1e-4, 1e-3)
