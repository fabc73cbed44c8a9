"""Filters as products of lines: exact for whole numbers, within a few roundings for others, refused else."""

import functools
import itertools
from typing import Any

import numpy as np
import pytest

from convolve.factors import ROUNDINGS, factors

SHAPES = [(1, 7, 9), (1, 15, 4), (3, 5, 4), (6, 6, 6), (1, 2, 30)]


def found(weight: Any) -> Any:
    return factors(weight[None, None, None])


def product(lines: Any) -> Any:
    return functools.reduce(np.multiply.outer, lines)


def summed(weight: Any) -> Any:
    """Multiply out what was found, in float64."""
    packed = found(weight).packed[0, 0, :, 0, 0].astype("d")
    ends = np.cumsum(weight.shape)[:-1]
    return sum(product(np.split(term, ends)) for term in packed)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whole_numbers_are_taken_apart_exactly(shape: Any, dtype: str, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for _ in range(50):
        weight = product([numbers.integers(-6, 7, taps) for taps in shape]).astype(dtype)
        assert found(weight).terms == 1
        assert np.array_equal(summed(weight), weight)
        assert shape[0] > 1 or found(weight).packed[0, 0, 0, 0, 0, 0] == 1
        assert np.array_equal(found(weight).packed, np.rint(found(weight).packed))


@pytest.mark.parametrize("shape", SHAPES[:4])
def test_whole_numbers_that_are_no_product_are_left_alone(shape: Any, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    weight = product([numbers.integers(1, 7, taps) for taps in shape]).astype("f")
    weight[0, 0, 0] += 1
    assert found(weight) is None


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_weight_of_a_product_is_kept_to_a_few_roundings(shape: Any, dtype: str, seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for _ in range(50):
        lines = [numbers.standard_normal(taps) * 10.0 ** numbers.integers(-6, 7, taps) for taps in shape]
        weight = product(lines).astype(dtype)
        if found(weight) is None:
            continue  # beyond the smallest normal number
        assert found(weight).terms == 1
        allowed = ROUNDINGS * np.finfo(dtype).eps * np.abs(weight) + np.finfo(dtype).tiny
        assert (np.abs(summed(weight) - weight) <= allowed).all()


def bell(taps: int, sigma: float) -> Any:
    line = np.exp(-0.5 * ((np.arange(taps) - (taps - 1) / 2) / sigma) ** 2)
    return line / line.sum()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_difference_of_gaussians_has_rank_two(dims: int) -> None:
    narrow, wide = (product([bell(15, sigma)] * dims) for sigma in (1.5, 3.0))
    weight = (narrow - wide).reshape(15 if dims == 3 else 1, 15, 15).astype("f")
    assert found(weight).terms == 2 ** (dims - 1)
    assert np.linalg.norm(summed(weight) - weight) <= 1e-6 * np.linalg.norm(weight)


def test_noise_has_no_factors(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    assert found(numbers.standard_normal((1, 15, 15)).astype("f")) is None
    blurred = product([bell(1, 1), bell(15, 2), bell(15, 2)])
    assert found((blurred + 1e-5 * numbers.standard_normal(blurred.shape)).astype("f")) is None


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_what_is_no_number_has_no_factors(special: float) -> None:
    weight = np.ones((1, 5, 5), "f")
    weight[0, 2, 3] = special
    assert found(weight) is None


def test_nothing_is_made_larger_before_the_last_pass(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    for scale in (1e-12, 1.0, 1e12):
        weight = (scale * product([numbers.standard_normal(taps) for taps in (4, 5, 6)])).astype("f")
        packed = found(weight).packed.ravel()
        assert all(np.abs(line).sum() <= 1 for line in (packed[:4], packed[4:9]))


def test_several_filters_share_the_number_of_terms() -> None:
    one, two = product([bell(15, 2)] * 2), product([bell(15, 2)] * 2) - product([bell(15, 4)] * 2)
    weights = np.stack([one, two]).astype("f").reshape(1, 2, 1, 1, 15, 15)
    both = factors(weights)
    assert both is not None
    assert both.terms == 2
    assert both.packed.shape == (1, 2, 2, 1, 1, 31)
    assert not both.packed[0, 0, 1].any()


def test_other_values_of_the_same_shape_are_looked_at_anew() -> None:
    weight = np.ones((1, 5, 5), "f")
    assert [found(weight + number).terms for number in range(3)] == [1, 1, 1]
    for place in itertools.product(range(2), range(2)):
        weight[(0, *place)] = 7
    assert found(weight) is None
