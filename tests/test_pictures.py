"""Filtering a picture: planes and volumes, alpha, the ranges of a dtype, spacing."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import convolve
from convolve import filters
from convolve.errors import ArgumentError, ShapeError
from convolve.files import Picture
from convolve.pictures import RANGES, THROUGH, along_axis, filter_picture, sliding_axes, to_range

BOX = np.full((3, 3), 1 / 9)


def random(shape: tuple[int, ...], seed: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("axes", ["YX", "YXC", "CYX", "TYX", "TYXC", "ZCYX", "TZYXC", "IYX", "XY"])
@pytest.mark.parametrize("name", ["sobel-x", "sobel", "gaussian:1", "gabor-bank:4"])
def test_every_plane_is_filtered_by_itself(axes: str, name: str, seed: int) -> None:
    sizes = {"Y": 7, "X": 8, "C": 3, "T": 2, "Z": 2, "I": 2}
    picture = Picture(random(tuple(sizes[one] for one in axes), seed), axes)
    done = filter_picture(picture, name, dtype="float32").picture
    assert done.axes == axes
    planes = np.moveaxis(picture.array, (axes.index("Y"), axes.index("X")), (-2, -1))
    found = np.moveaxis(done.array, (axes.index("Y"), axes.index("X")), (-2, -1))
    assert found.shape == planes.shape
    for index in np.ndindex(planes.shape[:-2]):
        np.testing.assert_array_equal(found[index], convolve.apply(planes[index], name).astype(np.float32))


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "ZYXC", "TZYX"])
def test_a_filter_of_three_dimensions_goes_through_the_stack(axes: str, seed: int) -> None:
    sizes = {"Y": 5, "X": 6, "C": 2, "T": 3, "Z": 4}
    picture = Picture(random(tuple(sizes[one] for one in axes), seed), axes)
    kernel = np.arange(27).reshape(3, 3, 3) - 9
    found = filter_picture(picture, kernel, dtype="int32").picture.array
    if axes == "ZYXC":
        expected = convolve.apply(picture.array, kernel, channel_axis=-1)
    elif axes == "TZYX":
        expected = np.stack([convolve.apply(volume, kernel) for volume in picture.array])
    else:
        expected = convolve.apply(picture.array, kernel)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("axes", "dims"), [("YX", 3), ("YXC", 3), ("X", 2), ("TYX", 4)])
def test_a_filter_without_its_axes_is_refused(axes: str, dims: int) -> None:
    with pytest.raises(ShapeError, match=rf"the filter has {dims}, the picture the axes .*a 2-D filter fits"):
        sliding_axes(axes, dims)


def test_a_single_row_of_numbers_is_a_row(seed: int) -> None:
    picture = Picture(random((5, 6), seed), "YX")
    found = filter_picture(picture, "1 0 -1", stride=2, dtype="int32").picture.array
    np.testing.assert_array_equal(found, convolve.apply(picture.array, np.array([[1, 0, -1]]), stride=2))
    line = filter_picture(Picture(picture.array[0], "X"), "1 0 -1", dtype="int32").picture.array
    np.testing.assert_array_equal(line, convolve.apply(picture.array[0], np.array([1, 0, -1])))


def test_z_goes_before_t() -> None:
    assert sliding_axes("TZYX", 3) == "ZYX"
    assert sliding_axes("TYX", 3) == "TYX"


def test_time_goes_before_z_where_it_is_asked_for(seed: int) -> None:
    film = Picture(random((5, 4, 6, 7), seed), "TZYX", spacing=(3.0, 2.0, 0.5, 0.5), unit="µm")
    for axis, place in (("t", 0), ("z", 1)):
        change, stride, _ = along_axis(filters.get("1 0 -1"), axis, 2, "same")
        done = filter_picture(film, change, stride=stride, dtype="int32", through=THROUGH[axis]).picture
        other = 1 - place  # of the two, along which volumes stand beside each other
        volumes = np.moveaxis(film.array, other, 0)
        whole = np.stack([convolve.apply(volume, change, stride=stride) for volume in volumes], axis=other)
        np.testing.assert_array_equal(done.array, whole)
        assert done.spacing == ((6.0, 2.0, 0.5, 0.5) if axis == "t" else (3.0, 4.0, 0.5, 0.5))
    with pytest.raises(ShapeError, match="the picture the axes T, Y, X"):
        filter_picture(Picture(film.array[:, 0], "TYX"), change, through=THROUGH["z"])


def test_the_hidden_colour_of_transparent_pixels_is_not_seen() -> None:
    array = np.zeros((5, 6, 4), np.uint8)
    array[:, :3] = (255, 0, 0, 0)  # red that nobody sees
    array[:, 3:] = (0, 0, 200, 255)
    done = filter_picture(Picture(array, "YXC", alpha=True), BOX).picture
    np.testing.assert_array_equal(done.array[..., 0], 0)
    np.testing.assert_array_equal(done.array[..., 3], array[..., 3])
    np.testing.assert_array_equal(done.array[:, 2:, 2], 200)  # a mean of visible pixels only


def test_half_transparent_colours_count_half() -> None:
    array = np.zeros((1, 3, 2), np.uint8)
    array[0, :, 0] = (40, 100, 220)
    array[0, :, 1] = (255, 51, 0)  # shares 1, 0.2 and 0
    done = filter_picture(Picture(array, "YXC", alpha=True), "1/3 1/3 1/3", padding="valid").picture
    assert done.array[0, 0].tolist() == [round((40 + 0.2 * 100) / 1.2), 51]


@pytest.mark.parametrize("name", ["sobel", "gaussian:1", "sharpen"])
def test_opaque_alpha_changes_nothing(name: str, seed: int) -> None:
    colours = random((6, 7, 3), seed)
    opaque = np.concatenate([colours, np.full((6, 7, 1), 255, np.uint8)], axis=-1)
    plain = filter_picture(Picture(colours, "YXC"), name)
    done = filter_picture(Picture(opaque, "YXC", alpha=True), name)
    np.testing.assert_array_equal(done.picture.array[..., :3], plain.picture.array)
    np.testing.assert_array_equal(done.picture.array[..., 3], 255)
    assert done.report == plain.report


@pytest.mark.parametrize("padding", ["same", "same_lower"])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_alpha_is_kept_where_the_result_lies(padding: str, size: int, seed: int) -> None:
    picture = Picture(random((6, 8, 4), seed), "YXC", alpha=True)
    done = filter_picture(picture, f"box:{size}", padding=padding, flip=True).picture  # type: ignore[arg-type]
    np.testing.assert_array_equal(done.array[..., 3], picture.array[..., 3])
    strided = filter_picture(picture, "box:1", stride=2).picture
    np.testing.assert_array_equal(strided.array[..., 3], picture.array[::2, ::2, 3])


def test_alpha_goes_along_into_another_dtype(seed: int) -> None:
    picture = Picture(random((4, 4, 4), seed), "YXC", alpha=True)
    alpha = picture.array[..., 3]
    wide = filter_picture(picture, "identity", dtype="uint16").picture.array[..., 3]
    np.testing.assert_array_equal(wide, alpha.astype(np.uint16) * 257)
    floats = filter_picture(picture, "identity", dtype="float64").picture.array[..., 3]
    np.testing.assert_allclose(floats, alpha / 255, rtol=1e-15)


def test_a_visible_border_of_zeros_darkens_as_without_alpha() -> None:
    array = np.full((3, 3, 2), 90, np.uint8)
    array[..., 1] = 255
    array[0, 0, 1] = 254  # not quite opaque, so that alpha is looked at
    done = filter_picture(Picture(array, "YXC", alpha=True), BOX, padding_mode="zeros").picture
    assert done.array[1, 1, 0] == 90
    assert done.array[2, 2, 0] == 40


RESPONSES = np.array([-300, -20, 0, 100, 255, 600])


@pytest.mark.parametrize(
    ("range_", "expected", "below", "above"),
    [
        ("clip", [0, 0, 0, 100, 255, 255], 2, 1),
        ("abs", [255, 20, 0, 100, 255, 255], 0, 2),
        ("offset", [0, 108, 128, 228, 255, 255], 1, 2),
        ("scale", [0, 79, 85, 113, 157, 255], 0, 0),
    ],
)
def test_ranges(range_: str, expected: list[int], below: int, above: int) -> None:
    values, report = to_range(RESPONSES, np.dtype("uint8"), range_)  # type: ignore[arg-type]
    assert values.tolist() == expected
    assert values.dtype == np.uint8
    assert (report.values, report.below, report.above, report.low, report.high) == (6, below, above, 0, 255)


def test_halves_round_to_the_even_number_before_anything_is_clipped() -> None:
    values, report = to_range(np.array([-0.5, 0.5, 1.5, 255.4, 255.6]), np.dtype("uint8"), "clip")
    assert values.tolist() == [0, 0, 2, 255, 255]
    assert (report.below, report.above) == (0, 1)


def test_floats_are_never_clipped() -> None:
    values, report = to_range(RESPONSES, np.dtype("float32"), "clip")
    assert values.tolist() == RESPONSES.tolist()
    assert report == type(report)(6)
    assert to_range(RESPONSES, np.dtype("float32"), "abs")[0].min() == 0
    scaled = to_range(RESPONSES, np.dtype("float64"), "scale")[0]
    assert (scaled.min(), scaled.max()) == (0, 1)


@pytest.mark.parametrize(
    ("values", "dtype", "range_", "words"),
    [
        ([np.nan, 1.0], "uint8", "clip", "cannot hold NaN, but 1 values are NaN; choose a float dtype"),
        ([1.0], "float32", "offset", "needs an integer dtype.*float32.*use range='clip'"),
        ([1], "uint64", "offset", "at most 32 bits, got uint64; use 'scale'"),
        ([1j], "uint8", "clip", "complex values must become real before they are uint8; use range='abs'"),
        ([1j], "float32", "clip", "complex values must become real before they are float32"),
        ([1j], "complex64", "scale", "needs real values"),
    ],
)
def test_what_a_range_cannot_do_is_refused(
    values: list[complex], dtype: str, range_: str, words: str
) -> None:
    with pytest.raises(ArgumentError, match=words):
        to_range(np.array(values), np.dtype(dtype), range_)  # type: ignore[arg-type]


def test_unknown_ranges_suggest_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'clip'"):
        filter_picture(Picture(np.zeros((3, 3)), "YX"), BOX, range="clib")  # type: ignore[arg-type]


@given(
    arrays.arrays(np.int64, st.integers(1, 9), elements=st.integers(-(2**62), 2**62)),
    st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "bool"]),
    st.sampled_from(RANGES),
)
def test_integers_end_inside_their_dtype_and_are_counted(
    responses: np.ndarray, dtype: str, range_: str
) -> None:
    target = np.dtype(dtype)
    if range_ == "offset" and target.itemsize > 4:
        return
    values, report = to_range(responses, target, range_)  # type: ignore[arg-type]
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(target).min, np.iinfo(target).max)
    plain = [int(one) for one in responses]
    moved = {
        "clip": plain,
        "abs": [abs(one) for one in plain],
        "offset": [one + (low + high + 1) // 2 for one in plain],
    }
    assert values.dtype == target
    if range_ == "scale":
        assert int(values.min()) == low
        return
    assert [int(one) for one in values] == [min(max(one, low), high) for one in moved[range_]]
    assert report.below == sum(one < low for one in moved[range_])
    assert report.above == sum(one > high for one in moved[range_])


def test_spacing_grows_with_the_stride() -> None:
    picture = Picture(np.zeros((4, 6, 8), np.uint8), "ZYX", spacing=(2.0, 0.5, None), unit="µm")
    flat = filter_picture(picture, BOX, stride=(2, 3)).picture
    assert (flat.spacing, flat.unit, flat.array.shape) == ((2.0, 1.0, None), "µm", (4, 3, 3))
    deep = filter_picture(picture, np.ones((3, 3, 3)), stride=(2, 1, 1)).picture
    assert (deep.spacing, deep.array.shape) == ((4.0, 0.5, None), (2, 6, 8))


def test_durations_go_along_while_there_are_as_many_frames() -> None:
    film = Picture(np.zeros((4, 5, 5), np.uint8), "TYX", metadata={"durations": (40, 40, 40, 80), "loop": 0})
    assert filter_picture(film, BOX).picture.metadata == film.metadata
    thinned = filter_picture(film, np.ones((3, 3, 3)), stride=(2, 1, 1)).picture
    assert thinned.metadata == {"loop": 0}


def test_the_dtype_stays_unless_another_is_asked_for(seed: int) -> None:
    for dtype in ("uint8", "uint16", "int16", "float32"):
        picture = Picture(random((5, 5), seed, dtype), "YX")
        assert filter_picture(picture, "sobel").picture.array.dtype == dtype
    assert filter_picture(picture, "sobel", dtype="int32").picture.array.dtype == np.int32


def test_options_reach_apply(seed: int) -> None:
    picture = Picture(random((6, 7), seed), "YX")
    kernel = np.array([[1, 2, 0], [0, -1, 3]])
    options = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "padding_mode": "circular", "flip": True}
    found = filter_picture(picture, kernel, dtype="int32", **options).picture.array  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, convolve.apply(picture.array, kernel, **options))  # type: ignore[arg-type]


def test_the_widest_integers_are_reached_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, _ = to_range(np.array([-5.0, 7.0]), np.dtype("int64"), "scale")
    assert values.tolist() == [-(2**63), 2**63 - 1]
