"""Films are filtered as `convolve.apply` filters the whole stack of frames, bit for bit."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import filters
from convolve.errors import ArgumentError, FilterError, ShapeError, TooLargeError
from convolve.pictures import along_axis
from convolve.video import filter_film, read_frames, write_frames
from tests.video.making import decoded, film, planes

MEAN = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16  # exact in binary
THROUGH = np.array([1, 4, 6, 4, 1]) / 16
LONG = np.ones((9, 1, 1))


def stacks(content: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Return the planes as arrays of time, rows and columns."""
    return [np.stack(one) for one in zip(*content, strict=True)]


def both(tmp_path: Path, content: Any, pixels: str, kernel: Any, **options: Any) -> tuple[Any, Any, Any]:
    """Return the result's planes and times, and the report."""
    source, goal = film(tmp_path / "a.mkv", content, pixels), tmp_path / "b.mkv"
    report = filter_film(source, goal, kernel, codec="ffv1", force=True, **options)
    found, times, _ = decoded(goal)
    return stacks(found), times, report


@pytest.mark.parametrize("pixels", ["yuv444p", "yuv444p10le", "gray"])
@pytest.mark.parametrize("mode", ["reflect", "symmetric", "replicate"])
def test_a_mean_in_space(pixels: str, mode: str, tmp_path: Path, seed: int) -> None:
    content = planes(seed, pixels, 18, 22, 4)
    found, _, _ = both(tmp_path, content, pixels, MEAN, padding_mode=mode)
    for got, stack in zip(found, stacks(content), strict=True):
        wanted = convolve.apply(stack, MEAN[None], padding_mode=mode, out_dtype=stack.dtype)
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (THROUGH[:, None, None], {}),
        (THROUGH[:, None, None], {"padding_mode": "replicate"}),
        (THROUGH[:, None, None], {"padding_mode": "symmetric", "padding": "same_lower"}),
        (np.full((4, 1, 1), 0.25), {}),
        (np.full((4, 1, 1), 0.25), {"padding": "valid", "padding_mode": "circular"}),
        (np.full((2, 2, 2), 0.125), {"padding": "same_lower"}),
        (THROUGH[:, None, None] * MEAN, {"stride": (1, 2, 2)}),
        (THROUGH[:, None, None] * MEAN, {"padding": ((4, 0), 1, 1), "padding_mode": "reflect"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [1, 3, 11])
def test_means_in_time(kernel: Any, options: Any, count: int, tmp_path: Path, seed: int) -> None:
    if options.get("padding") == "valid" and count < len(kernel):
        with pytest.raises(ShapeError, match="time would give"):
            both(tmp_path, planes(seed, "yuv444p", 10, 12, count), "yuv444p", kernel, **options)
        return
    content = planes(seed, "yuv444p", 10, 12, count)
    found, times, _ = both(tmp_path, content, "yuv444p", kernel, **options)
    for got, stack in zip(found, stacks(content), strict=True):
        np.testing.assert_array_equal(got, convolve.apply(stack, kernel, out_dtype=np.uint8, **options))
    assert len(times) == len(found[0])


@pytest.mark.parametrize("range_", ["clip", "abs", "offset"])
def test_signs_are_filtered_as_red_green_and_blue(range_: Any, tmp_path: Path, seed: int) -> None:
    content = planes(seed, "gbrp", 9, 14, 5)
    for number in range(5):
        rgb = np.stack([content[number][at] for at in (2, 0, 1)], axis=-1)
        convolve.files.write(tmp_path / f"in{number}.png", convolve.files.Picture(rgb, "YXC"))
    kernel = np.array([[[0, 0, 0], [1, 0, -1], [0, 0, 0]], [[-1, 0, 0], [0, 3, 0], [0, 0, 1]]])
    report = filter_film(tmp_path / "in%d.png", tmp_path / "b.mkv", kernel, codec="ffv1", range=range_)
    found = np.stack([array for _, array in read_frames(tmp_path / "b.mkv")])
    stack = np.stack([np.stack([one[at] for at in (2, 0, 1)], axis=-1) for one in content])
    sums = convolve.apply(stack, kernel, channel_axis=-1)
    wanted = {"clip": sums, "abs": np.abs(sums), "offset": sums + 128}[range_]
    np.testing.assert_array_equal(found, np.clip(wanted, 0, 255).astype(np.uint8))
    assert report.clipped.above > 0


@pytest.mark.parametrize("every", [2, 3, 4])
def test_a_stride_in_time_keeps_every_nth_frame_with_its_time(every: int, tmp_path: Path, seed: int) -> None:
    content = planes(seed, "gray", 8, 8, 10)
    stamps = [0, 1, 3, 4, 9, 10, 11, 20, 21, 22]
    source = film(tmp_path / "a.mkv", content, "gray", stamps=stamps)
    filter_film(source, tmp_path / "b.mkv", THROUGH[:, None, None], stride=(every, 1, 1), codec="ffv1")
    found, times, _ = decoded(tmp_path / "b.mkv")
    whole = convolve.apply(stacks(content)[0], THROUGH[:, None, None], out_dtype=np.uint8)
    np.testing.assert_array_equal(stacks(found)[0], whole[::every])
    assert times == [Fraction(stamp, 25) for stamp in stamps[::every]]


def test_shared_colours_are_blurred_as_wide_as_brightness(tmp_path: Path) -> None:
    """4:2:0 filtered as it is stored is near what RGB filtering gives, and is exact cell by cell."""
    rows, columns = np.mgrid[:64, :96]
    smooth = 128 + 90 * np.sin(rows / 9) * np.cos(columns / 13)
    halved = smooth[::2, ::2].astype(np.uint8)
    content = [[smooth.astype(np.uint8), halved, 255 - halved]]
    kernel = filters.get("box:7")
    (_, found, _), _, _ = both(tmp_path, content, "yuv420p", kernel)
    spread = content[0][1].repeat(2, 0).repeat(2, 1)
    exact = convolve.apply(spread, "box:7").reshape(32, 2, 48, 2).mean((1, 3))
    assert np.abs(found[0].astype(float) - exact)[4:-4, 4:-4].max() <= 0.51
    assert np.abs(found[0].astype(float) - exact).max() < 12  # a border is repeated cell by cell
    too_wide = convolve.apply(content[0][1], "box:7")
    assert np.abs(too_wide - exact)[4:-4, 4:-4].max() > 4


@pytest.mark.parametrize(("stride", "taps"), [(1, 4), (2, 7), (3, 5), (2, 2)])
def test_any_stride_over_shared_colours(stride: int, taps: int, tmp_path: Path, seed: int) -> None:
    content = planes(seed, "yuv420p", 37, 41, 1)
    kernel = np.random.default_rng(seed).random((taps, taps))
    kernel /= kernel.sum()
    (brightness, colour, _), _, _ = both(tmp_path, content, "yuv420p", kernel, stride=stride)
    wanted = convolve.apply(content[0][0], kernel, stride=stride, out_dtype=np.uint8)
    assert np.abs(brightness[0].astype(int) - wanted).max() <= 1
    spread = content[0][1].repeat(2, 0).repeat(2, 1)[:38, :42]
    exact = convolve.apply(spread, kernel, stride=stride, padding="same" if stride == 1 else ((9, 9), (9, 9)))
    if stride == 1:
        cells = exact.reshape(19, 2, 21, 2).mean((1, 3))
        assert np.abs(colour[0].astype(float) - cells)[3:-3, 3:-3].max() <= 0.51
    assert colour[0].shape == (-(-wanted.shape[0] // 2), -(-wanted.shape[1] // 2))


def test_films_are_filtered_as_photographs_whatever_the_planes(tmp_path: Path) -> None:
    """A sharpening filter, which must clip, in 4:2:0 at full range: near the same on RGB arrays."""
    rows, columns = np.mgrid[:48, :64]
    picture = np.stack([rows * 5, columns * 3, 255 - rows * 2], axis=-1).astype(np.uint8)
    write_frames(tmp_path / "a.mkv", [picture] * 3, codec="ffv1")
    filter_film(tmp_path / "a.mkv", tmp_path / "b.mkv", "sharpen", codec="ffv1")
    wanted = convolve.apply(picture, "sharpen", channel_axis=-1, out_dtype=np.uint8)
    for _, got in read_frames(tmp_path / "b.mkv"):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda a, b: filter_film(a, b, "box:3", range="scale"), ArgumentError, "flickers"),
        (lambda a, b: filter_film(a, b, LONG, padding_mode="circular"), ArgumentError, "in a circle"),
        (lambda a, b: filter_film(a, b, LONG, padding="full"), ArgumentError, "beyond the film"),
        (lambda a, b: filter_film(a, b, LONG, padding="valid"), ShapeError, "time"),
        (lambda a, b: filter_film(a, b, np.ones((1, 1, 1, 1))), ShapeError, "2 dimensions"),
        (lambda a, b: filter_film(a, b, np.ones((99, 99)), padding="valid"), ShapeError, "at least 1"),
        (lambda a, b: filter_film(a, b, "sobl"), FilterError, "did you mean"),
        (lambda a, b: filter_film(a, b, "box:3", codec="h265"), ArgumentError, "codec must be one of"),
        (lambda a, b: along_axis(filters.get("box:3"), "t", 1, "same"), ShapeError, "one dimension"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    call: Callable[[Path, Path], Any], error: type, words: str, tmp_path: Path, seed: int
) -> None:
    source = film(tmp_path / "a.mkv", planes(seed, "gray", 16, 16, 5), "gray")
    with pytest.raises(error, match=words):
        call(source, tmp_path / "b.mkv")
    assert [one.name for one in tmp_path.iterdir()] == ["a.mkv"]


def test_a_window_larger_than_memory_is_refused(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convolve.video.filtering.LARGEST_WINDOW", 9 * 16 * 16 - 1)
    source = film(tmp_path / "a.mkv", planes(seed, "gray", 16, 16, 5), "gray")
    with pytest.raises(TooLargeError, match="shorter filter"):
        filter_film(source, tmp_path / "b.mkv", LONG)
