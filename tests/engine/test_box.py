"""Boxes: exact on whole numbers for all widths, their error, what a NaN reaches; threads change no bit."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.compiler import passes, planner
from convolve.runtime import engine
from tests import seeds

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", 2.5)
LARGEST_ERROR = 1e-6
WIDTHS = (2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 63, 64, 65, 70)
"""Powers of two, one less, one more."""


@pytest.fixture(autouse=True, scope="module")
def boxes_whenever_possible() -> Iterator[None]:
    """Let outputs share sums wherever the weights allow it, whatever the estimate."""
    usual = passes._codes

    def codes(*question: Any) -> Iterator[Any]:
        made = list(usual(*question))
        yield from [code for code in made if any(code.boxes)] or made

    caches = (passes.plan_passes, planner.plan, engine.execution)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "_codes", codes)
        patch.setattr(passes, "LEAST_BOX", 2)
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()


def plan(image: Any, weight: Any, **options: Any) -> Any:
    """Return the plan by which `apply` computes a picture with one channel."""
    shape = (1, 1, *image.shape)
    return (
        convolve.plan(shape, (1, 1, *weight.shape), dtype=image.dtype, **options)
        .bind(weight[None, None])
        .plan
    )


def whole(numbers: Any, shape: tuple[int, ...], dtype: str) -> Any:
    return numbers.integers(-9, 10, shape).astype(dtype)


@pytest.mark.parametrize("taps", WIDTHS)
def test_whole_numbers_are_exact(taps: int) -> None:
    draw = random.Random(f"{seeds.seed()} box {taps}")
    numbers = np.random.default_rng(draw.randrange(2**32))
    size, other = (draw.randint(75, 150), draw.randint(75, 200)), draw.choice(WIDTHS[3:])
    image = whole(numbers, size, draw.choice(["f", "f", "d"]))
    for shape in {(taps, max(other, 13)), (max(other, 13), taps)}:
        weight = np.full(shape, draw.choice([1, -3]), image.dtype)
        mode = draw.choice(MODES)
        expected = convolve.apply(image, weight, algorithm="reference", padding_mode=mode)
        result = convolve.apply(image, weight, padding_mode=mode)
        assert np.array_equal(result, expected), (size, shape, mode)
        assert plan(image, weight).code.boxes[1]


@pytest.mark.parametrize("mode", MODES)
def test_volumes_and_photographs_are_exact(mode: Any, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    volume, photograph = whole(numbers, (41, 23, 30), "f"), whole(numbers, (50, 61, 3), "f")
    for image, taps, options in ((volume, (35, 9, 19), {}), (photograph, (12, 33), {"channel_axis": -1})):
        weight = np.ones(taps, "f")
        ours, expected = (
            convolve.apply(image, weight, algorithm=how, padding_mode=mode, **options)
            for how in ("auto", "reference")
        )
        assert np.array_equal(ours, expected)
    assert plan(volume, np.ones((35, 9, 19), "f")).code.boxes == (True, True, True)


def test_lines_that_are_not_boxes_stand_beside_those_that_are(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image = whole(numbers, (90, 120), "f")
    other = whole(numbers, (15,), "f")
    for weight in (np.outer(np.ones(33), other), np.outer(other, np.ones(33))):
        weight = weight.astype("f")
        assert sum(plan(image, weight).code.boxes) == 1
        expected = convolve.apply(image, weight, algorithm="reference")
        assert np.array_equal(convolve.apply(image, weight), expected)


def test_the_error_stays_below_the_bound(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for taps, ratio in itertools.product(((63, 63), (9, 40), (33, 12)), (1.0, 1e8)):
        image = numbers.standard_normal((200, 230)).astype("f")
        image[numbers.random(image.shape) < 0.01] *= ratio
        weight = np.full(taps, 1 / (taps[0] * taps[1]), "f")
        exact = convolve.apply(image.astype("d"), weight.astype("d"), algorithm="reference")
        error = np.linalg.norm(convolve.apply(image, weight) - exact) / np.linalg.norm(exact)
        assert error <= LARGEST_ERROR, (taps, ratio, error)


def test_a_large_cell_leaves_nothing_behind_it(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    image, weight = numbers.standard_normal((150, 170)).astype("f"), np.full((40, 21), 0.01, "f")
    assert plan(image, weight).code.boxes == (False, True, True)
    plain = convolve.apply(image, weight, padding_mode="zeros")
    for special in (np.nan, np.inf, -np.inf, 1e30):
        spoilt = image.copy()
        spoilt[70, 80] = special
        result = convolve.apply(spoilt, weight, padding_mode="zeros")
        there = np.isnan(spoilt) if np.isnan(special) else spoilt == special
        reached = convolve.apply(there, np.ones((40, 21), int), padding_mode="zeros") > 0
        assert reached.sum() == 40 * 21
        np.testing.assert_array_equal(result[~reached], plain[~reached])
        touched = np.isnan(result) if np.isnan(special) else np.abs(result) > 1e27
        assert touched[reached].all()


def test_sums_do_not_overflow() -> None:
    image, weight = np.full((90, 100), 3e38, "f"), np.full((31, 31), 1 / 31**2, "f")
    np.testing.assert_allclose(convolve.apply(image, weight), image, rtol=1e-5)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_change_no_bit(threads: int, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    before = convolve.get_num_threads()
    try:
        for size, taps in (((700, 900), (63, 21)), ((300, 2000), (9, 9)), ((40, 60, 70), (10, 9, 11))):
            image, weight = numbers.standard_normal(size).astype("f"), np.full(taps, 0.37, "f")
            convolve.set_num_threads(1)
            expected = convolve.apply(image, weight)
            convolve.set_num_threads(threads)
            assert np.array_equal(convolve.apply(image, weight), expected)
    finally:
        convolve.set_num_threads(before)


def test_a_bound_convolution_says_that_sums_are_shared() -> None:
    weight = np.ones((63, 63), "f")
    assert (
        "those along y and x in sums that neighbours share" in plan(np.ones((480, 640), "f"), weight).reason
    )
