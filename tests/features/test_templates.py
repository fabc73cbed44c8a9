"""`match_template` against sums written out in exact arithmetic, and against scikit-image and OpenCV."""

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from convolve.features import match_template
from tests.peers import peer


def truth(image: Any, template: Any, mask: Any = None) -> Any:
    """Return the coefficients of all windows, in Python's fractions; channels last if there is one more."""
    weights = np.ones(template.shape[: 2 + (mask is None and template.ndim == 3)]) if mask is None else mask
    cells = weights.shape
    result = np.zeros([n - k + 1 for n, k in zip(image.shape, cells, strict=False)])
    for place in np.ndindex(*result.shape):
        window = image[tuple(slice(start, start + k) for start, k in zip(place, cells, strict=True))]
        result[place] = coefficient(window, template, weights)
    return result


def coefficient(window: Any, template: Any, weights: Any) -> float:
    inside, alike = [], []
    for one in (window, template):
        numbers = np.array([Fraction(float(x)) for x in np.asarray(one, float).ravel()], object)
        inside.append(numbers.reshape(weights.size, -1))
    count = np.array([Fraction(float(x)) for x in weights.ravel()], object)[:, None]
    centred = [one - (one * count).sum(0) / count.sum() for one in inside]
    products = [(count * centred[a] * centred[b]).sum() for a, b in ((0, 1), (0, 0), (1, 1))]
    alike = [float(one) for one in products]
    return alike[0] / (alike[1] * alike[2]) ** 0.5 if products[1] else 0.0


def near(found: Any, expected: Any, within: float = 1e-9) -> None:
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=within)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "uint16", "int64", "float32", "float64"])
def test_every_dtype_gives_the_exact_coefficients(dtype: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(-100, 100, (9, 11))
    if dtype in ("bool", "uint8", "uint16"):
        image = image + 100
    image = (image > 100 if dtype == "bool" else image).astype(dtype)
    template = image[2:6, 3:8]
    near(match_template(image, template), truth(image, template))
    assert match_template(image, template)[2, 3] == pytest.approx(1, abs=1e-12)


def test_a_large_offset_costs_no_precision(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = (60000 + random.integers(0, 3, (12, 12))).astype(np.uint16)
    template = image[4:9, 5:10]
    near(match_template(image, template), truth(image, template), 1e-12)
    near(match_template(image.astype(np.float32), template), truth(image, template))
    image[:, :5] = 0  # far from the mean on either side
    near(match_template(image, template), truth(image, template), 1e-9)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e30, 1e200])
def test_no_square_overflows_or_vanishes(size: float, seed: int) -> None:
    image = np.random.default_rng(seed).random((8, 8))
    near(match_template(image * size, image[2:5, 2:6]), truth(image, image[2:5, 2:6]))


def test_even_windows_give_0_and_nothing_is_warned_of(seed: int) -> None:
    random = np.random.default_rng(seed)
    for dtype in (np.uint8, np.uint16, np.float32):
        image = np.full((12, 14), 200, dtype)
        image[:6, :7] = random.integers(0, 255, (6, 7))
        image[9:] = 3
        template = image[1:4, 1:5]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = match_template(image * dtype(0.1) if dtype is np.float32 else image, template)
        near(found, truth(image, template), 1e-6)
        assert (found[6:7, 7:] == 0).all() and (found[-1] == 0).all()


def test_windows_with_nan_or_infinity_give_nan_and_no_others(seed: int) -> None:
    image = np.random.default_rng(seed).random((12, 12)).astype(np.float32)
    template = image[8:11, 8:12].copy()
    expected = match_template(image, template)
    image[3, 4], image[0, 11] = np.nan, np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = match_template(image, template)
    touched = np.zeros(found.shape, bool)
    touched[1:4, 1:5] = touched[0, 8] = True
    np.testing.assert_array_equal(np.isnan(found), touched)
    near(found[~touched], expected[~touched])


def test_masks_leave_cells_out_or_weigh_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (9, 10)).astype(np.uint8)
    template = image[2:6, 3:8].copy()
    mask = random.random((4, 5)) > 0.4
    found = match_template(image, template, mask=mask)
    near(found, truth(image, template, mask))
    template[~mask] = 77  # what is left out does not matter
    np.testing.assert_array_equal(match_template(image, template, mask=mask), found)
    near(match_template(image, template, mask=mask * 255), found)
    shades = random.random((4, 5))
    near(match_template(image, template, mask=shades), truth(image, template, shades))


def test_colours_are_compared_together_each_about_its_own_mean(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (8, 9, 3)).astype(np.uint8)
    template = image[1:5, 2:6]
    found = match_template(image, template, channel_axis=-1)
    near(found, truth(image, template, np.ones((4, 4))))
    first = np.moveaxis(image, -1, 0), np.moveaxis(template, -1, 0)
    np.testing.assert_array_equal(match_template(*first, channel_axis=0), found)
    tinted = image.astype(np.float32) + np.float32([0, 30, 100])
    near(match_template(tinted, template, channel_axis=2), found)


def test_volumes_and_padding(seed: int) -> None:
    volume = np.random.default_rng(seed).integers(0, 256, (6, 7, 8)).astype(np.uint8)
    template = volume[1:4, 2:5, 3:6]
    found = match_template(volume, template)
    near(found, truth(volume, template))
    whole = match_template(volume, template, padding="same", padding_mode="replicate")
    assert whole.shape == volume.shape
    near(whole[1:-1, 1:-1, 1:-1], found)
    padded = np.pad(volume, 1, mode="edge")
    near(whole, match_template(padded, template))


def test_the_same_as_scikit_image() -> None:
    skimage = peer("skimage.feature")
    image = peer("skimage.data").coins()
    template = image[170:190, 75:99]
    near(match_template(image, template), skimage.match_template(image, template), 1e-12)
    volume = np.random.default_rng(0).random((12, 13, 14))
    part = volume[2:5, 3:6, 4:8]
    near(match_template(volume, part), skimage.match_template(volume, part), 1e-12)


def test_the_same_as_opencv_where_its_float32_reaches() -> None:
    cv2, image = peer("cv2"), peer("skimage.data").astronaut()
    grey, part = image[..., 1], slice(100, 116)
    windows = np.lib.stride_tricks.sliding_window_view(grey, (16, 24))[::4, ::4]
    contrast = windows.std((2, 3)) > 8  # in even windows theirs is rounding
    theirs = cv2.matchTemplate(grey, grey[part, 200:224], cv2.TM_CCOEFF_NORMED)
    near(match_template(grey, grey[part, 200:224])[::4, ::4][contrast], theirs[::4, ::4][contrast], 1e-4)
    ours = match_template(image, image[part, 200:224], channel_axis=-1)
    theirs = cv2.matchTemplate(image, image[part, 200:224], cv2.TM_CCOEFF_NORMED)
    near(ours[::4, ::4][contrast], theirs[::4, ::4][contrast], 1e-4)


IMAGE = np.arange(30.0).reshape(5, 6)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"template": np.ones((2, 2))}, ArgumentError, "must show something"),
        ({"template": np.full((2, 2), 0.1)}, ArgumentError, "must show something"),
        ({"template": [[1, np.nan]]}, ArgumentError, "mask=numpy.isfinite"),
        ({"template": np.ones((6, 2))}, ShapeError, "the template is 6×2 and the image 5×6"),
        ({"template": np.ones((0, 2))}, ShapeError, "must fit into the image"),
        ({"template": [1, 2]}, ShapeError, r"2 or 3 dimensions; they have the shapes \(5, 6\) and \(2,\)"),
        ({"template": [[1j, 2]]}, DTypeError, "template must be real"),
        ({"template": [[1, 2]], "mask": [1, 2]}, ShapeError, r"mask must have the template's shape"),
        ({"template": [[1, 2]], "mask": [[0, 0]]}, ArgumentError, "at least one above 0"),
        ({"template": [[1, 2]], "mask": [[-1, 2]]}, ArgumentError, "at least 0"),
        ({"template": [[1, 2]], "mask": [[1, 0]]}, ArgumentError, "that the mask leaves"),
        ({"template": [[1, 2]], "channel_axis": 0}, ShapeError, "and channels"),
        ({"template": [[1, 2]], "channel_axis": "C"}, ArgumentTypeError, "channel_axis must be a whole"),
        ({"image": np.zeros((5, 6, 3)), "template": np.eye(3), "channel_axis": -1}, ShapeError, "channels"),
        ({"image": np.zeros((5, 6, 3)), "template": np.ones((2, 2, 4)), "channel_axis": -1}, ShapeError,
         "the image has 3, the template 4"),
        ({"image": np.zeros((5, 6, 3)), "template": np.eye(3)}, ShapeError, "pass channel_axis=-1?"),
    ],
)  # fmt: skip
def test_refusals(arguments: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        match_template(**{"image": IMAGE, **arguments})
