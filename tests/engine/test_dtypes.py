"""Every dtype, every conversion of results and every rule for overflow: compiled, as the reference says."""

import itertools
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.dtypes import SUPPORTED, kind_of, parse_dtype, result_dtype
from convolve.errors import ConvolveError, IntegerOverflowError
from tests import seeds
from tests.peers import peer

INTEGERS = [name for name in SUPPORTED if kind_of(parse_dtype(name, "dtype")) == "integer"]
FLOATS = [name for name in SUPPORTED if kind_of(parse_dtype(name, "dtype")) == "float"]
INTEGER_PAIRS = [("uint8", "int8"), ("int16", "int16"), ("int32", "int16"), ("int64", "bool")]
FLOAT_PAIRS = [("uint8", "float32"), ("float32", "float32"), ("float64", "float64"), ("float16", "float16")]
UNIT = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}


def values(draw: Any, shape: tuple[int, ...], name: str, most: int = 2**62) -> Any:
    """Return integers up to the ends of their range, floats of about one, complex numbers of both."""
    dtype = parse_dtype(name, "dtype")
    if kind_of(dtype) == "integer":
        low, high = (0, 1) if name == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        low, high = max(low, -most), min(high, most)
        numbers = draw.integers(low, high, shape, "i8", endpoint=True).astype(dtype)
        numbers.flat[:2] = low, high
        return numbers
    numbers = draw.standard_normal(shape)
    return (numbers + 1j * draw.standard_normal(shape) if dtype.kind == "c" else numbers).astype(dtype)


def outcome(function: Any, *arguments: Any, **options: Any) -> Any:
    """Return a result, or the kind of error that there is instead."""
    try:
        return function(*arguments, **options)
    except ConvolveError as error:
        return type(error)


def equal(one: Any, other: Any) -> bool:
    """Say whether two outcomes are the same."""
    if isinstance(one, type) or isinstance(other, type):
        return one is other
    return one.dtype == other.dtype and bool(np.array_equal(one, other))


@pytest.mark.parametrize("image_dtype", INTEGERS)
def test_integers_are_exact(image_dtype: str, compiled: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    for weight_dtype in INTEGERS:
        wide = 2**27 if "64" in image_dtype + weight_dtype or "32" in image_dtype + weight_dtype else 2**62
        image, bias = values(draw, (2, 3, 7, 19), image_dtype, wide), values(draw, (5,), weight_dtype, wide)
        weight = values(draw, (5, 3, 2, 3), weight_dtype, wide)
        for overflow in ("raise", "wrap", "saturate"):
            expected = outcome(
                convolve.conv2d, image, weight, bias, padding=1, overflow=overflow, algorithm="reference"
            )
            result = outcome(compiled, convolve.conv2d, image, weight, bias, padding=1, overflow=overflow)
            assert equal(result, expected), (image_dtype, weight_dtype, overflow)


@pytest.mark.parametrize("out_dtype", SUPPORTED)
def test_results_are_converted_as_asked_for(out_dtype: str, compiled: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    pairs = [draw.choice(INTEGER_PAIRS), draw.choice(FLOAT_PAIRS)]
    for (one, other), overflow in itertools.product(pairs, ("raise", "wrap", "saturate")):
        image, weight = values(draw, (1, 1, 9, 40), one, 2**15), values(draw, (1, 1, 3, 3), other, 2**15)
        if (
            kind_of(result_dtype(image.dtype, weight.dtype)) == "float"
        ):  # whole numbers and halves: exact sums
            image, weight = (
                np.rint(image.astype("f8") * 9).astype(image.dtype),
                (np.rint(weight * 4) / 2).astype(weight.dtype),
            )
        options = {"out_dtype": out_dtype, "overflow": overflow, "padding": 1, "padding_mode": "reflect"}
        expected = outcome(convolve.conv2d, image, weight, **options, algorithm="reference")
        for _ in range(2):  # at once, and by a recipe
            assert equal(outcome(compiled, convolve.conv2d, image, weight, **options), expected), (
                one,
                other,
                overflow,
            )
        options |= {"stride": 2, "padding_mode": "zeros"}
        expected = outcome(convolve.conv_transpose2d, image, weight, **options, algorithm="reference")
        assert equal(outcome(compiled, convolve.conv_transpose2d, image, weight, **options), expected), (
            one,
            other,
            overflow,
        )


@pytest.mark.parametrize(
    "pair",
    list(itertools.product(("float16", "bfloat16", "complex64", "complex128"), repeat=2)),
    ids="-".join,
)
def test_halves_and_complex_numbers(pair: tuple[str, str], compiled: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    image, weight = values(draw, (2, 3, 6, 17), pair[0]), values(draw, (4, 3, 3, 2), pair[1])
    bias = values(draw, (4,), pair[1])
    wide = "complex128" if "complex" in "".join(pair) else "float64"
    for function, shape in ((convolve.conv2d, weight), (convolve.conv_transpose2d, weight.swapaxes(0, 1))):
        options = {"padding": (1, 0), "stride": (1, 2)}
        result = compiled(function, image, shape, bias, **options)
        exact = function(
            image.astype(wide), shape.astype(wide), bias.astype(wide), **options, algorithm="reference"
        )
        real = np.empty(0, result.dtype).real.dtype.name
        sizes = function(
            np.abs(image.astype(wide)),
            np.abs(shape.astype(wide)),
            np.abs(bias.astype(wide)),
            **options,
            algorithm="reference",
        )
        summed = UNIT["float64" if real == "float64" else "float32"] * 60
        assert (
            np.abs(result.astype(wide) - exact) <= summed * np.abs(sizes) + UNIT[real] * np.abs(exact)
        ).all()


@pytest.mark.parametrize("image_dtype", SUPPORTED)
def test_gradients_with_respect_to_the_weight(image_dtype: str, compiled: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    other = draw.choice(["int8", "uint16", "int64", image_dtype])
    image, gradient = values(draw, (2, 3, 8, 9), image_dtype, 2**24), values(draw, (2, 4, 8, 9), other, 2**24)
    if (
        kind_of(result_dtype(image.dtype, gradient.dtype)) != "integer"
    ):  # small whole numbers, whose sums are exact
        image, gradient = (
            np.rint(values(draw, one.shape, one.dtype.name, 7).astype(wide) * 3).astype(one.dtype)
            for one, wide in (
                (image, "c16" if image.dtype.kind == "c" else "f8"),
                (gradient, "c16" if gradient.dtype.kind == "c" else "f8"),
            )
        )
    options = {"padding": 1, "padding_mode": "reflect", "flip": True}
    shape = (4, 3, 3, 3)
    expected = outcome(convolve.conv2d_weight_grad, image, shape, gradient, **options, algorithm="reference")
    assert equal(outcome(compiled, convolve.conv2d_weight_grad, image, shape, gradient, **options), expected)


@pytest.mark.parametrize("special", [np.nan, np.inf, complex(0, np.inf), complex(np.nan, 1)])
@pytest.mark.parametrize("side", ["image", "weight"])
def test_complex_numbers_that_are_not_finite(special: complex, side: str) -> None:
    draw = np.random.default_rng(seeds.seed())
    image, weight = values(draw, (1, 2, 6, 7), "complex64"), values(draw, (3, 2, 3, 3), "complex64")
    for real in (None, "image", "weight"):
        arrays = {"image": image.copy(), "weight": weight.copy()}
        arrays[side][0, 1, 1, 2] = special
        if real:
            arrays[real] = arrays[real].real.copy()
        for options in ({}, {"padding": 1}):
            with np.errstate(all="ignore"):
                result = convolve.conv2d(*arrays.values(), **options)
                expected = convolve.conv2d(*arrays.values(), **options, algorithm="reference")
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_sums_beyond_64_bits_are_pythons_own() -> None:
    image = np.full((1, 1, 4, 4), 2**62, "int64")
    weight = np.full((1, 1, 2, 2), 2, "int64")
    with pytest.raises(IntegerOverflowError):
        convolve.conv2d(image, weight)
    assert (convolve.conv2d(image, weight, overflow="saturate") == 2**63 - 1).all()
    assert (convolve.conv2d(image, weight, overflow="wrap") == 0).all()
    weight[0, 0, 0] = -2
    assert (convolve.conv2d(image, weight) == 0).all()


def test_a_refused_result_writes_nothing(compiled: Any) -> None:
    image, weight = np.full((1, 1, 5, 5), 200, "uint8"), np.ones((1, 1, 3, 3), "int8")
    out = np.full((1, 1, 3, 3), 7, "uint8")
    with pytest.raises(IntegerOverflowError, match="1800"):
        compiled(convolve.conv2d, image, weight, out=out, out_dtype="uint8")
    assert (out == 7).all()
    floats = np.full((1, 1, 5, 5), np.nan, "float32")
    with pytest.raises(convolve.errors.ArgumentError, match="cannot hold NaN"):
        compiled(convolve.conv2d, floats, weight, out=out, out_dtype="uint8", overflow="saturate")
    assert (out == 7).all()


@pytest.mark.parametrize("weights", ["int8", "float32"])
@pytest.mark.parametrize("size", [3, 5, 15])
@pytest.mark.parametrize("channels", [None, 3])
def test_photographs(weights: str, size: int, channels: int | None, compiled: Any) -> None:
    """Bit for bit the reference's, and OpenCV's."""
    draw = np.random.default_rng(seeds.seed())
    shape = (61, 83) if channels is None else (61, 83, channels)
    image = draw.integers(0, 256, shape, "u1")
    kernel = draw.integers(-2, 3, (size, size)).astype(weights)
    options = {"out_dtype": "uint8", "channel_axis": None if channels is None else -1}
    expected = convolve.apply(image, kernel, **options, algorithm="reference")
    for _ in range(3):
        assert np.array_equal(compiled(convolve.apply, image, kernel, **options), expected)
    theirs = peer("cv2").filter2D(image, -1, kernel.astype("f"), borderType=4)
    assert np.array_equal(expected, theirs)


def test_bound_plans_of_photographs(compiled: Any) -> None:
    draw = np.random.default_rng(seeds.seed())
    image = draw.integers(0, 256, (1, 1, 40, 50), "u1")
    for weights in ("int8", "float32", "int64"):
        kernel = draw.integers(-2, 3, (1, 1, 3, 3)).astype(weights)
        for overflow, activation in itertools.product(("saturate", "wrap", "raise"), ("none", "relu")):
            options: dict[str, Any] = {"out_dtype": "int16", "overflow": overflow, "padding": 1}
            planned = convolve.plan(
                image.shape,
                kernel.shape,
                dtype="uint8",
                weight_dtype=weights,
                activation=activation,
                **options,
            )
            assert planned.why_not is None
            expected = outcome(convolve.conv2d, image, kernel, **options, algorithm="reference")
            bound = planned.bind(kernel)
            for _ in range(2):
                result = outcome(compiled, bound, image)
                assert equal(
                    result,
                    expected
                    if activation == "none" or isinstance(expected, type)
                    else np.maximum(expected, 0),
                )


def test_weights_that_are_not_finite_are_no_number_of_an_integer(compiled: Any) -> None:
    image, weight = np.full((1, 1, 5, 5), 255, "uint8"), np.full((1, 1, 3, 3), 3e38, "float32")
    options = {"out_dtype": "uint8", "overflow": "saturate"}
    assert (compiled(convolve.conv2d, image, weight, **options) == 255).all()
    assert (compiled(convolve.conv2d, image, np.ones_like(weight), **options) == 255).all()
    weight[0, 0, 1] = np.nan
    bound = convolve.plan(image.shape, weight.shape, dtype="uint8", weight_dtype="float32", **options).bind(
        weight
    )
    for call in (bound, lambda image: convolve.conv2d(image, weight, **options)) * 2:
        with pytest.raises(convolve.errors.ArgumentError, match="cannot hold NaN"):
            call(image)
