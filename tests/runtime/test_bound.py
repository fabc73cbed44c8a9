"""Bound weights: the same bits as without binding, for any size and layout, from any thread, as they were."""

import copy
import multiprocessing
import pickle
import random
import threading
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime import bound as bound_module
from tests import seeds
from tests.engine.cases import held

CASES = [
    # channels, filters, taps, options
    (1, 1, (3, 3), {}),
    (3, 8, (3, 3), {"padding": 1}),
    (16, 40, (1, 1), {}),
    (8, 17, (5, 5), {"padding": "same", "padding_mode": "reflect"}),
    (6, 6, (3, 3), {"groups": 6, "padding": 2, "padding_mode": 1.5}),
    (4, 6, (3, 2), {"groups": 2, "stride": 2, "dilation": (2, 1), "padding_mode": "circular", "padding": 3}),
]
KINDS = [
    (dtype, layout) for dtype in ("float32", "float64") for layout in ("channels_first", "channels_last")
]
SIZES = 6


def image_of(numbers: Any, channels: int, dtype: str, layout: str) -> Any:
    """Return an image of random batch and size; sometimes without a batch dimension."""
    batch, height, width = numbers.integers(1, 4), *numbers.integers(8, 40, 2)
    shape = (
        (batch, channels, height, width) if layout == "channels_first" else (batch, height, width, channels)
    )
    image = numbers.standard_normal(shape).astype(dtype)
    return image[0] if numbers.random() < 0.2 else image


def activated(result: Any, activation: str) -> Any:
    """Apply an activation as NumPy does."""
    if activation == "none":
        return result
    return np.clip(result, 0, 6 if activation == "relu6" else None)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
@pytest.mark.parametrize(("dtype", "layout"), KINDS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_bound_and_unbound_give_the_same_bits(case: Any, dtype: str, layout: str, activation: Any) -> None:
    channels, filters, taps, options = case
    options = {**options, "layout": layout}
    numbers = seeds.generator(len(str(case)))
    weight = numbers.standard_normal((filters, channels // options.get("groups", 1), *taps)).astype(dtype)
    bias = numbers.standard_normal(filters).astype(dtype)
    first = image_of(numbers, channels, dtype, layout)
    planned = convolve.plan(
        first.shape, weight.shape, dtype=dtype, bias=True, activation=activation, **options
    )
    bound = planned.bind(weight, bias)
    for number in range(SIZES):
        image = image_of(numbers, channels, dtype, layout)
        expected = activated(convolve.conv2d(image, weight, bias, **options), activation)
        for _ in range(2):  # as something new, and as something known
            result = bound(image)
            assert result.dtype == expected.dtype
            assert result.tobytes() == expected.tobytes(), (image.shape, number)
            out = np.full_like(expected, np.nan)
            assert bound(image, out=out) is out
            assert out.tobytes() == expected.tobytes(), (image.shape, number)


def test_any_memory_layout_of_input_and_out() -> None:
    draw, numbers = random.Random(seeds.seed()), seeds.generator(3)
    weight = numbers.integers(-3, 4, (5, 4, 3, 3)).astype(np.float32)
    bound = convolve.plan((1, 4, 20, 20), weight.shape, padding=1).bind(weight)
    for _ in range(60):
        image = numbers.integers(-3, 4, (2, 4, draw.randint(3, 25), draw.randint(3, 25))).astype(np.float32)
        expected = convolve.conv2d(image, weight, padding=1, algorithm="reference")
        kept = held(draw, image)
        out = held(draw, np.full(expected.shape, np.nan, np.float32))
        if not out.flags.writeable:
            out = out.copy()
        assert np.array_equal(bound(kept), expected)
        assert bound(kept, out=out) is out
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("shift", [-30, -7, -1, 0, 1, 5, 64])
def test_an_out_that_overlaps_the_input(shift: int) -> None:
    memory = np.arange(600, dtype=np.float32) % 11
    image = memory[100:244].reshape(1, 1, 12, 12)
    weight = (np.arange(9, dtype=np.float32) - 4).reshape(1, 1, 3, 3)
    expected = convolve.conv2d(image.copy(), weight, padding=1, algorithm="reference")
    bound = convolve.plan(image.shape, weight.shape, padding=1).bind(weight)
    apart = np.empty_like(expected)
    assert np.array_equal(bound(image, out=apart), expected)  # the same strides, remembered
    out = memory[100 + shift : 244 + shift].reshape(1, 1, 12, 12)
    assert bound(image, out=out) is out
    assert np.array_equal(out, expected)


WEIGHTS = {
    "other-endian": lambda weight: weight.astype(weight.dtype.newbyteorder(">")),
    "fortran": np.asfortranarray,
    "reversed": lambda weight: np.ascontiguousarray(weight[..., ::-1])[..., ::-1],
    "repeated": lambda weight: np.broadcast_to(weight[:1], weight.shape),
    "list": lambda weight: weight.tolist(),
}


@pytest.mark.parametrize("form", WEIGHTS)
def test_weights_however_they_are_held(form: str) -> None:
    weight = seeds.generator(4).integers(-3, 4, (6, 3, 3, 3)).astype(np.float32)
    given: Any = WEIGHTS[form](weight)
    image = seeds.generator(5).integers(-3, 4, (2, 3, 14, 15)).astype(np.float32)
    expected = convolve.conv2d(image, np.asarray(given, np.float32), algorithm="reference")
    bound = convolve.plan(image.shape, weight.shape).bind(given)
    assert bound(image).dtype == np.float32
    assert np.array_equal(bound(image), expected)


def test_weights_and_bias_are_copied() -> None:
    image = np.ones((1, 2, 9, 9), np.float32)
    weight, bias = np.ones((3, 2, 3, 3), np.float32), np.ones(3, np.float32)
    read_only = weight.copy()
    read_only.flags.writeable = False
    planned = convolve.plan(image.shape, weight.shape, bias=True)
    bound, other = planned.bind(weight, bias), planned.bind(read_only, bias)
    weight[...] = bias[...] = 77
    for size in (9, 9, 30, 5):
        image = np.ones((1, 2, size, size), np.float32)
        assert (bound(image) == 19).all()
        weight[...] = -5
        assert (bound(image) == 19).all()
        assert (other(image) == 19).all()


def test_infinite_weights_under_a_border() -> None:
    weight = np.ones((2, 1, 3, 3), np.float32)
    weight[1, 0, 0, 0] = np.inf
    bound = convolve.plan((1, 1, 8, 8), weight.shape, padding=1).bind(weight)
    image = np.ones((1, 1, 8, 8), np.float32)
    for _ in range(2):
        expected = convolve.conv2d(image, weight, padding=1, algorithm="reference")
        assert np.array_equal(bound(image), expected)
        assert np.isfinite(expected).any()
        assert np.isinf(expected).any()


@pytest.mark.parametrize("options", [{"dtype": "complex64"}, {"nan": "ignore"}])
def test_bound_weights_of_several_routines_have_no_plan(options: dict[str, str]) -> None:
    planned = convolve.plan((1, 8, 9, 9), (4, 8, 3, 3), **options)
    bound = planned.bind(np.ones((4, 8, 3, 3), options.get("dtype", "float32")))
    with pytest.raises(
        convolve.errors.ArgumentError, match=r"\(1, 8, 9, 9\) \* \(4, 8, 3, 3\) is not"
    ) as caught:
        bound.plan  # noqa: B018
    assert planned.conversions[0] in str(caught.value)


def test_many_python_threads_at_once() -> None:
    numbers = seeds.generator(6)
    weight = numbers.standard_normal((16, 8, 3, 3)).astype(np.float32)
    bound = convolve.plan((1, 8, 20, 20), weight.shape, padding=1).bind(weight)
    images = [
        numbers.standard_normal((1, 8, 6 + 7 * number, 9 + number)).astype(np.float32) for number in range(5)
    ]
    expected = [convolve.conv2d(image, weight, padding=1).tobytes() for image in images]
    wrong: list[int] = []
    begin = threading.Barrier(8)

    def work(seed: int) -> None:
        draw = random.Random(seed)
        begin.wait()
        for _ in range(200):
            number = draw.randrange(len(images))
            if bound(images[number]).tobytes() != expected[number]:
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_the_number_of_threads_may_change_between_calls() -> None:
    numbers = seeds.generator(7)
    weight = numbers.standard_normal((32, 16, 3, 3)).astype(np.float32)
    image = numbers.standard_normal((2, 16, 40, 41)).astype(np.float32)
    bound = convolve.plan(image.shape, weight.shape, padding=1).bind(weight)
    before = convolve.get_num_threads()
    try:
        found = set()
        for count in (1, 2, 3, 1, 7, 2):
            convolve.set_num_threads(count)
            found.add(bound(image).tobytes())
            found.add(convolve.conv2d(image, weight, padding=1).tobytes())
    finally:
        convolve.set_num_threads(before)
    assert len(found) == 1


def test_shapes_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound_module, "MOST_SHAPES", 8)
    weight = np.ones((1, 1, 3, 3), np.float32)
    bound = convolve.plan((1, 1, 9, 9), weight.shape).bind(weight)
    for size in range(3, 60):
        assert (bound(np.ones((1, 1, 5, size), np.float32)) == 9).all()
        assert len(bound._entries) <= 8


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("used", [False, True])
def test_copies_and_pickles_work_by_themselves(copied: Any, used: bool) -> None:
    weight = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    image = np.arange(81, dtype=np.float32).reshape(1, 1, 9, 9)
    expected = convolve.conv2d(image, weight, algorithm="reference")
    bound = convolve.plan(image.shape, weight.shape).bind(weight)
    if used:
        bound(image)
    again = copied(bound)
    assert np.array_equal(again(image), expected)
    assert np.array_equal(bound(image), expected)
    assert again._entries is not bound._entries


def test_a_pickle_is_used_in_another_process() -> None:
    bound = convolve.plan((1, 1, 9, 9), (1, 1, 3, 3)).bind(np.ones((1, 1, 3, 3), np.float32))
    image = np.ones((1, 1, 9, 9), np.float32)
    bound(image)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert (pool.apply(bound, (image,)) == 9).all()


def test_zero_images() -> None:
    weight = np.ones((4, 3, 3, 3), np.float32)
    bound = convolve.plan((1, 3, 8, 8), weight.shape).bind(weight)
    for _ in range(2):
        assert bound(np.ones((0, 3, 8, 8), np.float32)).shape == (0, 4, 6, 6)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_activations_are_applied_where_the_reference_computes(activation: Any) -> None:
    image = np.linspace(-3, 3, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    weight = np.full((1, 1, 3, 3), 2, np.float32)
    bound = convolve.plan(image.shape, weight.shape, padding=1, activation=activation).bind(weight)
    expected = activated(convolve.conv2d(image, weight, padding=1), activation)
    place = image.copy()
    assert bound(place, out=place) is place
    np.testing.assert_array_equal(place, expected)
    np.testing.assert_array_equal(bound(image.astype(">f4")), expected)
    assert bound(image[:0]).shape == (0, 1, 8, 8)
    spoilt = weight.copy()
    spoilt[0, 0, 0, 0] = np.nan
    endless = convolve.plan(image.shape, weight.shape, padding=1, activation=activation).bind(spoilt)
    linear = convolve.conv2d(image, spoilt, padding=1)
    np.testing.assert_array_equal(endless(image), activated(linear, activation))


def test_one_filter_for_all_channels_is_recognised() -> None:
    """Then a photograph is one plane whose pixels are three times as far apart, as for `apply`."""
    image = np.arange(40 * 50 * 3, dtype=np.float32).reshape(1, 40, 50, 3) % 11
    filters = np.tile(np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3), (3, 1, 1, 1))
    options: dict[str, Any] = {
        "groups": 3,
        "layout": "channels_last",
        "padding": 1,
        "padding_mode": "reflect",
    }
    bound = convolve.plan(image.shape, filters.shape, **options).bind(filters)
    expected = convolve.conv2d(image, filters, **options, algorithm="reference")
    np.testing.assert_array_equal(bound(image), expected)
    assert {code.dilation for code in bound._packed} == {(1, 1, 3)}
    filters[2] += 1
    other = convolve.plan(image.shape, filters.shape, **options).bind(filters)
    expected = convolve.conv2d(image, filters, **options, algorithm="reference")
    np.testing.assert_array_equal(other(image), expected)
    assert {code.dilation for code in other._packed} == {(1, 1, 1)}
