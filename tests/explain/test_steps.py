"""Every step equals the engine and literal loops, for every option; windows hold what they say."""

import itertools
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.errors import ShapeError, StepError
from tests.explain.examples import EDGE, LESSON, F, convolved, sent_back
from tests.seeds import generator

MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", 3)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("mode", "groups", "flip"), list(itertools.product(MODES, (1, 2), (False, True))))
def test_totals_equal_the_engine_and_literal_loops(
    mode: str | int, groups: int, flip: bool, transposed: bool
) -> None:
    random = generator(7, MODES.index(mode), groups, flip, transposed)
    image = random.integers(-9, 10, (4, 5, 6))
    # The weight's second dimension is per group; transposed, the first belongs to the input.
    weight = random.integers(
        -4, 5, (4 if transposed else 2, 2 if groups == 2 else (3 if transposed else 4), 3, 2)
    )
    results = weight.shape[1] * groups if transposed else weight.shape[0]
    bias = random.integers(-9, 10, results)
    stride, dilation = (2, 1), (1, 2)
    pads = ((2, 1), (0, 3))
    oracle = sent_back if transposed else convolved
    expected = oracle(image, weight, bias, stride, pads, mode, dilation, groups, flip)
    options: dict[str, Any] = {
        "stride": stride, "dilation": dilation, "padding": pads, "padding_mode": mode, "groups": groups,
        "flip": flip,
    }  # fmt: skip
    explanation = convolve.explain(image, weight, bias=bias, transposed=transposed, **options)
    engine = (convolve.conv_transpose2d if transposed else convolve.conv2d)(image, weight, bias, **options)
    assert explanation.output.tolist() == engine.tolist() == expected.tolist()
    for step in explanation.steps:
        assert step.total == expected[step.index]
        assert sum(step.sums) + step.bias == step.total
        assert [int(one.sum()) for one in step.products] == list(step.sums)
        assert np.array_equal(step.products, np.where(step.holes, 0, step.window * step.weights))
        assert_reads(step, image)


def assert_reads(step: Any, image: Any) -> None:
    """Check cell by cell that the window shows the input cells that it names."""
    planes = image[slice(*step.channels)]
    for r, row in enumerate(step.reads[0]):
        for c, column in enumerate(step.reads[1]):
            if row is not None and column is not None:
                assert step.window[:, r, c].tolist() == planes[:, row, column].tolist()


@pytest.mark.parametrize("padding", ["valid", "same", "same_lower", "full"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_named_paddings(padding: str, transposed: bool, stride: int) -> None:
    if transposed and padding == "full":
        stride = 3  # with less, everything is cut away
    explanation = convolve.explain(LESSON, EDGE, padding=padding, stride=stride, transposed=transposed)
    engine = convolve.conv_transpose2d if transposed else convolve.conv2d
    expected = engine(LESSON, EDGE, padding=padding, stride=stride)
    assert np.array([step.total for step in explanation.steps]).reshape(expected.shape).tolist() == (
        expected.tolist()
    )


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int64", "uint64", "float16", "float32", "float64", "complex64"]
)
def test_dimensions_and_dtypes(dims: int, dtype: str) -> None:
    random = generator(8, dims)
    image = random.integers(0, 3, (4,) * dims).astype(dtype)
    kernel = random.integers(0, 3, (2,) * dims).astype(dtype)
    explanation = convolve.explain(image, kernel, padding=1)
    engine = (convolve.conv1d, convolve.conv2d, convolve.conv3d)[dims - 1](image, kernel, padding=1)
    assert [step.total for step in explanation.steps] == engine.ravel().tolist()


def test_whole_numbers_beyond_every_dtype_are_exact() -> None:
    step = convolve.explain(np.full((1, 2), 2**62), np.array([[3, -3]])).steps[0]
    assert step.products.tolist() == [[[3 * 2**62, -3 * 2**62]]]
    assert step.total == 0


def test_zero_padding_contributes_nothing_even_under_an_infinite_weight() -> None:
    explanation = convolve.explain([[1.0, 2.0]], [[np.inf, 1.0]], padding=((0, 0), (1, 0)))
    assert explanation.steps[0].products.tolist() == [[[0.0, 1.0]]]
    assert explanation.steps[0].total == 1.0 == explanation.output[0, 0]


def test_nan_shows_in_its_own_steps_alone() -> None:
    image = np.zeros((4, 4))
    image[0, 0] = np.nan
    explanation = convolve.explain(image, np.ones((2, 2)))
    assert [step.index for step in explanation.steps if np.isnan(step.total)] == [(0, 0, 0)]


def test_a_transposed_window_lies_on_the_stretched_input() -> None:
    explanation = convolve.explain(
        [[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], stride=2, transposed=True
    )
    step = explanation.step_at((2, 2))
    assert step.reads == ((0, None, 1), (0, None, 1))
    assert step.weights.tolist() == [[[9, 8, 7], [6, 5, 4], [3, 2, 1]]]
    assert step.holes.tolist() == [[False, True, False], [True, True, True], [False, True, False]]
    assert step.total == 9 * 1 + 7 * 2 + 3 * 3 + 1 * 4


def test_a_flipped_filter_is_laid_turned() -> None:
    step = convolve.explain(np.ones((2, 2), int), [[1, 2], [3, 4]], flip=True).steps[0]
    assert step.weights.tolist() == [[[4, 3], [2, 1]]]


def test_one_pixel_of_a_photograph_needs_no_other() -> None:
    photograph = convolve.explain(np.zeros((4000, 6000), np.uint8), "sobel-x", padding=1)
    step = photograph.step_at((2000, 3000))
    assert step.slices == (slice(0, 1), slice(1999, 2002), slice(2999, 3002))
    assert "output" not in vars(photograph)
    assert "output[2000,3000]" in photograph.to_text((2000, 3000))
    assert "output" not in vars(photograph)


def test_steps_are_a_sequence() -> None:
    steps = convolve.explain(F, EDGE).steps
    assert len(steps) == 9
    assert steps[-1].index == (0, 2, 2)
    assert [step.number for step in steps[2:5]] == [2, 3, 4]
    assert next(step.index for step in reversed(steps)) == (0, 2, 2)
    with pytest.raises(StepError, match="9 steps, 0 to 8; step 9"):
        steps[9]


def test_step_at_takes_an_index_with_and_without_its_channel() -> None:
    explanation = convolve.explain(F, EDGE)
    assert explanation.step_at((1, 2)).number == explanation.step_at((0, 1, 2)).number == 5
    with pytest.raises(ShapeError, match=r"within \(1, 3, 3\).*got \(3, 0\)"):
        explanation.step_at((3, 0))


def test_frozen() -> None:
    explanation = convolve.explain(F, EDGE)
    with pytest.raises(AttributeError):
        explanation.call = None  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        explanation.output[0, 0] = 1
