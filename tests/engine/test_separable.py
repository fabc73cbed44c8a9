"""Separable passes: their error (F3), which outputs a NaN or an infinity reaches, and when they are chosen.

CONVOLVE_F3 sets the number of cases of the error. No float32 sum stays below F3's bound where the terms of
all outputs nearly cancel; there it is the plain sum's error that bounds that of the passes.
"""

import os
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.compiler import planner
from convolve.runtime import engine
from tests import seeds

CASES = int(os.environ.get("CONVOLVE_F3", "200"))
PARTS = 4
LARGEST_ERROR = 1e-5
MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", 2.5)


def line(numbers: Any, taps: int) -> Any:
    """Return a bell, a derivative, or anything."""
    places = np.arange(taps) - (taps - 1) / 2
    bell = np.exp(-0.5 * (places / (taps / 6)) ** 2)
    return (bell / bell.sum(), -places * bell, numbers.standard_normal(taps))[numbers.integers(3)]


def separable(numbers: Any, taps: tuple[int, ...], terms: int) -> Any:
    """Return a sum of products of lines."""
    weight = np.zeros(taps)
    for _ in range(terms):
        term = np.ones(())
        for one in taps:
            term = np.multiply.outer(term, line(numbers, one))
        weight += term
    return weight.astype("f")


def methods(image: Any, weight: Any, **options: Any) -> str:
    """Return the method by which `apply` computes a picture with one channel."""
    shape = (1, 1, *image.shape)
    bound = convolve.plan(shape, (1, 1, *weight.shape), **options).bind(weight[None, None])
    return str(bound.plan.code.method)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("ratio", [1.0, 1e8])
def test_the_error_stays_below_the_bound(part: int, ratio: float) -> None:
    draw = random.Random(f"{seeds.seed()} separable {part}")
    worst = elementwise = 0.0
    for _ in range(CASES // PARTS // 2):
        numbers = np.random.default_rng(draw.randrange(2**32))
        dims = draw.choice((2, 2, 3))
        taps = tuple(draw.randint(5, 40 if dims == 2 else 9) for _ in range(dims))
        weight = separable(numbers, taps, draw.choice((1, 1, 2)) if dims == 2 else 1)
        image = numbers.standard_normal([draw.randint(8, 60 if dims == 2 else 20) for _ in taps]).astype("f")
        image[numbers.random(image.shape) < 0.02] *= ratio
        options: Any = {"padding_mode": draw.choice(MODES)}
        exact = convolve.apply(image.astype("d"), weight.astype("d"), algorithm="reference", **options)
        difference = np.abs(convolve.apply(image, weight, **options) - exact)
        error = np.linalg.norm(difference) / np.linalg.norm(exact)
        worst, elementwise = max(worst, error), max(elementwise, difference.max() / np.abs(exact).max())
        if error > LARGEST_ERROR:  # sums that cancel, as a derivative's over a circle shorter than the filter
            plain = convolve.apply(image, weight, algorithm="reference", **options) - exact
            assert error <= np.linalg.norm(plain) / np.linalg.norm(exact), (image.shape, taps, options)
    print(f"error {worst:.1e}, of an element by the largest one {elementwise:.1e}")


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [((40, 70), (9, 15)), ((30, 40), (31, 31)), ((12, 13, 14), (5, 3, 7))])
def test_one_special_value_reaches_the_windows_that_hold_it(special: float, shape: Any, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image = numbers.uniform(1, 2, shape[0]).astype("f")
    for zero in (False, True):
        weight = np.ones((), "f")
        for taps in shape[1]:
            factor = numbers.uniform(1, 2, taps).astype("f")
            factor[taps // 2] *= not zero
            weight = np.multiply.outer(weight, factor)
        plain = convolve.apply(image, weight)
        assert methods(image, weight, padding=2, padding_mode="reflect") == "separable"
        for corner in (0, -1, 7):
            spoilt = image.copy()
            spoilt[(corner,) * image.ndim] = special
            result = convolve.apply(spoilt, weight)
            expected = convolve.apply(spoilt, weight, algorithm="reference")
            np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
            np.testing.assert_array_equal(result[np.isinf(expected)], expected[np.isinf(expected)])
            kept = np.isfinite(expected)
            np.testing.assert_array_equal(result[kept], plain[kept])
            assert kept.any()
            assert not kept.all()


def test_a_special_value_reaches_the_same_outputs_for_higher_ranks(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image = numbers.standard_normal((40, 41)).astype("f")
    weight = separable(numbers, (15, 13), 1) + separable(numbers, (15, 13), 1)
    plain = convolve.apply(image, weight)
    image[9, 20] = np.inf
    touched = ~np.isfinite(convolve.apply(image, weight))
    assert touched[2:17, 14:27].all()
    assert touched.sum() == 15 * 13
    np.testing.assert_array_equal(convolve.apply(image, weight)[~touched], plain[~touched])


def test_weights_decide_anew_in_every_call(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image, out = numbers.standard_normal((2, 50, 60)).astype("f")
    kinds = [separable(numbers, (9, 9), 1), numbers.standard_normal((9, 9)).astype("f")]
    weight = np.empty((9, 9), "f")
    expected = [convolve.apply(image, kind, algorithm="reference") for kind in kinds]
    for turn in (0, 1, 0, 0, 1, 1, 0):
        weight[...] = kinds[turn]
        np.testing.assert_allclose(convolve.apply(image, weight, out=out), expected[turn], atol=1e-4)
        assert methods(image, weight) == ("separable", "stencil")[turn]


def test_the_strict_method_is_the_direct_sum(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image, weight = numbers.standard_normal((30, 40)).astype("f"), separable(numbers, (9, 9), 1)
    assert methods(image, weight, accuracy="strict") == "stencil"
    assert methods(image, weight) == "separable"
    strict, usual = (convolve.apply(image, weight, accuracy=one) for one in ("strict", "default"))
    assert not np.array_equal(strict, usual)


def test_what_passes_do_not_do_goes_the_direct_way(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image, weight = numbers.standard_normal((40, 41)).astype("f"), separable(numbers, (9, 9), 1)
    assert methods(image, weight, stride=2) == "stencil"
    weight[3, 3] = np.inf
    assert methods(image, weight) == "stencil"


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_no_bit(threads: int, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image, weight = numbers.standard_normal((700, 900)).astype("f"), separable(numbers, (31, 21), 2)
    before = convolve.get_num_threads()
    try:
        convolve.set_num_threads(1)
        expected = convolve.apply(image, weight)
        convolve.set_num_threads(threads)
        assert np.array_equal(convolve.apply(image, weight), expected)
    finally:
        convolve.set_num_threads(before)


def test_large_gaussians_are_separable_by_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "WORTH_FACTORS", 0.9)
    planner.plan.cache_clear()
    engine.execution.cache_clear()
    numbers = np.random.default_rng(1)
    image, weight = numbers.standard_normal((480, 640)).astype("f"), separable(numbers, (31, 31), 1)
    assert methods(image, weight) == "separable"
    planner.plan.cache_clear()
    engine.execution.cache_clear()


def test_a_bound_convolution_says_how_its_weights_are_convolved() -> None:
    weight = np.ones((1, 1, 9, 9), "f")
    bound = convolve.plan((1, 1, 480, 640), weight.shape).bind(weight)
    assert "rank 1: 18 products for each output instead of 81" in bound.plan.reason
    assert bound.plan.flops == 2 * 18 * 472 * 632
    assert str(bound.plan).startswith("method   separable\n")


INTEGERS = (
    ("uint8", "int8", {}),
    ("uint8", "uint8", {"out_dtype": "uint8", "overflow": "saturate"}),
    ("uint8", "int64", {"out_dtype": "int16", "overflow": "wrap"}),
    ("int8", "int8", {"out_dtype": "float32"}),
    ("bool", "int8", {}),
    ("int16", "int16", {}),
    ("uint32", "int8", {}),
    ("int64", "int64", {}),
)


@pytest.mark.parametrize(("dtype", "weight_dtype", "options"), INTEGERS)
def test_integers_go_by_exact_passes(
    dtype: str, weight_dtype: str, options: dict[str, Any], seed: int
) -> None:
    numbers = np.random.default_rng(seed)
    most = np.iinfo(weight_dtype).max if weight_dtype.endswith("8") else 10**4
    low, high = 0, 1
    if dtype != "bool":  # all bytes, and of wider integers what 64 bits hold the sums of
        bits = 0 if dtype.endswith("8") else 16
        low, high = (int(end) >> bits for end in (np.iinfo(dtype).min, np.iinfo(dtype).max))
    for taps in ((7, 9), (31, 5), (16, 16)):
        lines = [numbers.integers(-1, 2, one) * int(most**0.5) for one in taps]
        lines[0][taps[0] // 2] += 1
        weight = (abs if weight_dtype.startswith("u") else np.asarray)(np.outer(*lines)).astype(weight_dtype)
        image = numbers.integers(low, high, (60, 75), endpoint=True).astype(dtype)
        mode = MODES[numbers.integers(5)]
        ours, expected = (
            convolve.apply(image, weight, padding_mode=mode, algorithm=how, **options)
            for how in ("auto", "reference")
        )
        assert ours.dtype == expected.dtype
        assert np.array_equal(ours, expected)
        kinds = {"dtype": dtype, "weight_dtype": weight_dtype, "padding": "same"}
        assert methods(image, weight, **kinds) == "separable"


def test_one_weight_more_makes_a_product_of_integers_none() -> None:
    weight = np.outer(np.arange(1, 12), np.arange(2, 13))
    image = np.arange(400).reshape(20, 20).astype(np.uint8)
    for added, method in ((0, "separable"), (1, "stencil")):
        weight[3, 4] += added
        assert methods(image, weight, dtype="uint8", weight_dtype="int64") == method
        expected = convolve.apply(image, weight, algorithm="reference")
        assert np.array_equal(convolve.apply(image, weight), expected)
