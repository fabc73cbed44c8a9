"""Products of bytes by fours that bugs in the compiler must fall to: interpreted, and run where possible."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

INTERPRETED = 10
"""Convolutions that the interpreter runs: half a second."""

Given = tuple[str, str, tuple[int, ...], tuple[int, ...], dict[str, Any]]


def convolutions() -> Iterator[Given]:
    """Yield dtypes and shapes of image and weight, and options: signs, layouts and remainders."""
    around = {"padding": ((1, 2), (2, 0))}
    yield "uint8", "int8", (2, 37, 7, 21), (19, 37, 3, 3), around
    yield "int8", "int8", (1, 64, 5, 40), (16, 64, 3, 3), {**around, "padding_mode": 3}
    yield "uint8", "uint8", (1, 30, 9, 17), (33, 30, 2, 3), {"stride": 2, "padding": 1, "padding_mode": 200}
    yield "int8", "uint8", (1, 70, 6, 19), (70, 35, 1, 1), {"groups": 2}
    yield "int8", "int8", (1, 78, 2, 9), (18, 78, 1, 1), {}
    last = {"layout": "channels_last"}
    yield "int8", "int8", (2, 6, 9, 70), (20, 70, 3, 3), {**last, "padding": 1, "padding_mode": "reflect"}
    yield "uint8", "int8", (1, 8, 9, 130), (34, 65, 1, 3), {**last, "stride": 2, "groups": 2, "padding": 1}
    yield "uint8", "int8", (1, 32, 6, 9), (16, 32, 7, 7), {"padding": 3, "dilation": 1}
    yield "bool", "uint8", (1, 33, 3, 4, 9), (18, 33, 2, 2, 3), {"padding": 1}


def check_bytes() -> None:
    """Compare nests that the interpreter runs, then whole calls, with the reference."""
    # Imported here, in every process anew: a bug may have been planted.
    import convolve
    from convolve.compiler.interpreter import interpret
    from convolve.compiler.target import AVX512_VNNI
    from tests.compiler.cases import dot_case, some_bytes

    draw = random.Random(7)
    for _ in range(INTERPRETED):
        case = dot_case(draw, AVX512_VNNI)
        interpret(case.nests.packing, case.packed, case.values(case.nests.packing))
        interpret(case.nests.routine, case.arrays, case.values(case.nests.routine))
        assert np.array_equal(case.out, case.expected()), case.plan.code
    numbers = np.random.default_rng(7)
    for dtype, weight_dtype, shape, taps, options in convolutions():
        function = getattr(convolve, f"conv{len(taps) - 2}d")
        for _ in range(2):
            image, weight = some_bytes(numbers, shape, dtype), some_bytes(numbers, taps, weight_dtype)
            bias = numbers.integers(-(2**15), 2**15, len(weight)).astype("int16")
            expected = function(image, weight, bias, **options, algorithm="reference")
            assert np.array_equal(function(image, weight, bias, **options), expected), (dtype, options)
            kinds = {"dtype": dtype, "weight_dtype": weight_dtype, "bias": True}
            bound = convolve.plan(shape, taps, **kinds, **options).bind(weight, bias)
            assert np.array_equal(bound(image), expected), (dtype, options)
