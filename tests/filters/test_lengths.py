"""Sizes of filters with a unit or as full widths at half maximum, in cells of any shape."""

import re
from pathlib import Path

import numpy as np
import pytest

from convolve import apply, files, filters
from convolve.errors import FilterError
from convolve.files import Picture
from convolve.pictures import filter_picture
from tests.cli.process import inside
from tests.peers import peer


def test_a_sigma_in_millimetres_is_one_in_cells() -> None:
    found = filters.get("gaussian:2mm", 3, spacing=(4.0, 1.0, 0.5), unit="mm").weights[0]
    assert np.array_equal(found, filters.gaussian((0.5, 2.0, 4.0), ndim=3))
    mixed = filters.get("gaussian:1500um,1mm,2px", 3, spacing=(0.5, 0.5, 9.0), unit="millimeter").weights[0]
    assert np.allclose(mixed, filters.gaussian((3.0, 2.0, 2.0), ndim=3), rtol=1e-12)
    derivative = filters.get("gaussian-dx:1mm", 2, spacing=(0.5, 0.25), unit="mm").weights[0]
    assert np.array_equal(derivative, filters.gaussian_derivative((2.0, 4.0), (0, 1)))


def test_a_width_at_half_maximum_is_scipys_gaussian() -> None:
    ndimage = peer("scipy.ndimage")
    volume = np.random.default_rng(3).random((12, 30, 31))
    spacing, fwhm = (3.0, 1.5, 1.0), 6.0
    sigma = [fwhm / 2.354820045 / size for size in spacing]
    picture = Picture(volume, "ZYX", False, spacing, "mm")
    ours = filter_picture(picture, filters.Measured("gaussian:fwhm=6mm", 3))
    theirs = ndimage.gaussian_filter(volume, sigma, mode="mirror")
    assert np.allclose(ours.picture.array, theirs, atol=1e-9)
    plain = filters.get("gaussian:fwhm=4").weights[0]  # in cells no spacing is needed
    middle, side = (
        plain[plain.shape[0] // 2, plain.shape[1] // 2],
        plain[plain.shape[0] // 2, plain.shape[1] // 2 + 2],
    )
    assert side / middle == pytest.approx(0.5)


def test_a_pictures_own_spacing_is_taken() -> None:
    image = np.random.default_rng(4).random((20, 30)).astype(np.float32)
    picture = Picture(image, "YX", False, (0.5, 0.25), "µm")
    found = filter_picture(picture, "gaussian:500nm").picture.array
    assert np.array_equal(found, apply(image, filters.get("gaussian:1,2")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gaussian:2mm", "does not say how large its cells are; give --spacing, such as 1.5,0.7,0.7mm"),
        ("gaussian:2furlong", "must be one of nm, um, mm, cm, m or px, got 'furlong'"),
        ("box:3mm", "only sigmas of Gaussians, their derivatives, log, dog and unsharp have a unit"),
        ("gaussian:0mm", "sigma must be a positive"),
        ("gaussian:1px,2px,3px", "sigma must be one number or one per dimension (2), got 3"),
        ("gaussian:fwhm=", "takes numbers, got 'fwhm='"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    spacing = {"spacing": (1.0, 1.0), "unit": "mm"} if text == "gaussian:0mm" else {}
    with pytest.raises(FilterError, match=re.escape(said)):
        filters.get(text, **spacing)


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("tifffile")
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(5).random((20, 30)).astype(np.float32)
    files.write("told.tif", Picture(image, "YX", False, (0.5, 0.5), "mm"))
    files.write("plain.npy", Picture(image, "YX"))
    words = ("-k", "gaussian:1mm", "-o")
    assert inside("apply", "told.tif", *words, "a.npy").returncode == 0
    assert inside("apply", "plain.npy", *words, "b.npy", "--spacing", "0.5mm").returncode == 0
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
    assert np.array_equal(np.load("a.npy"), apply(image, "gaussian:2"))
    refused = inside("apply", "plain.npy", *words, "c.npy")
    assert refused.returncode == 1 and "give --spacing" in refused.stderr
    wrong = inside("apply", "plain.npy", *words, "c.npy", "--spacing", "half")
    assert wrong.returncode == 1 and "such as 1.5,0.7,0.7mm; got 'half'" in wrong.stderr
    unknown = inside("apply", "none.png", "-k", "gausian:1mm", "-o", "c.npy")
    assert unknown.stderr.count("no filter named") == 1


BLOB, SIGMA = 4.0, 2.0
"""Standard deviations in mm of a bright blob and of the filter."""


def test_log_in_millimetres_is_the_laplacian_in_space() -> None:
    spacing = (1.8, 0.9, 0.6)
    z, y, x = np.meshgrid(*(size * np.arange(-16, 17) for size in spacing), indexing="ij")
    squares = z**2 + y**2 + x**2
    picture = Picture(np.exp(-squares / (2 * BLOB**2)), "ZYX", False, spacing, "mm")
    wide = BLOB**2 + SIGMA**2  # a Gaussian smoothed by a Gaussian is one, and its Laplacian is known
    smooth = (BLOB**2 / wide) ** 1.5 * np.exp(-squares / (2 * wide))
    wanted = min(spacing) ** 2 * (squares / wide**2 - 3 / wide) * smooth
    found = filter_picture(picture, filters.Measured("log:2mm", 3)).picture.array
    inside_border = (slice(10, -10), slice(12, -12), slice(14, -14))
    assert np.abs(found - wanted)[inside_border].max() < 2e-3 * np.abs(wanted).max()


def test_log_of_even_cells_is_that_in_cells() -> None:
    found = filters.get("log:2mm", 3, spacing=(0.5, 0.5, 0.5), unit="mm").weights[0]
    assert np.array_equal(found, filters.laplacian_of_gaussian(4.0, ndim=3))
    weighed = filters.laplacian_of_gaussian((1.0, 2.0), spacing=(4e-6, 2e-6))  # sizes in metres
    assert np.allclose(weighed, filters.get("log:4um", spacing=(4.0, 2.0), unit="um").weights[0], rtol=1e-12)
    with pytest.raises(FilterError, match="needs the size of a cell along every dimension"):
        filters.get("log:2px,1mm", spacing=(None, 0.5), unit="mm")
    for spacing in ((1.0,), (0.0, 1.0), (float("nan"), 1.0)):
        with pytest.raises(FilterError, match="spacing must be"):
            filters.laplacian_of_gaussian(2.0, spacing=spacing)


def test_unsharp_takes_a_length_and_an_amount() -> None:
    found = filters.get("unsharp:2mm,0.5", 2, spacing=(1.0, 0.5), unit="mm").weights[0]
    wanted = -0.5 * filters.gaussian((2.0, 4.0))
    wanted[wanted.shape[0] // 2, wanted.shape[1] // 2] += 1.5
    assert np.allclose(found, wanted, atol=1e-15)
    assert np.allclose(filters.get("unsharp:fwhm=2.354820045,0.5").weights[0], filters.unsharp(1.0, 0.5))
    with pytest.raises(FilterError, match="takes plain numbers after the first"):
        filters.get("unsharp:2mm,0.5mm", spacing=(1.0, 1.0), unit="mm")


def test_a_difference_of_gaussians_takes_two_lengths() -> None:
    spacing = (0.5, 0.5, 0.25)
    found = filters.get("dog:1um,2000nm", 3, spacing=spacing, unit="µm")
    cut = (slice(8, -8),) * 2 + (slice(16, -16),)  # both reach 4 sigma, the wide one twice as far
    expected = -filters.gaussian((4.0, 4.0, 8.0), ndim=3)
    expected[cut] += filters.gaussian((2.0, 2.0, 4.0), ndim=3)
    assert found.name == "dog:1um,2000nm" and np.allclose(found.weights[0], expected, rtol=1e-12, atol=0)
    mixed = filters.get("dog:1px,1mm", 2, spacing=(0.5, 0.5), unit="mm").weights[0]
    assert np.array_equal(mixed, filters.difference_of_gaussians(1.0, 2.0))
    assert np.array_equal(filters.get("dog:1,2").weights[0], mixed)
    for words in ("dog:2mm,1mm", "dog:1mm,1mm"):
        with pytest.raises(FilterError, match="the smaller sigma first"):
            filters.get(words, spacing=(1.0, 1.0), unit="mm")


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_a_cell_without_a_size_is_refused(size: float) -> None:
    for work in (
        lambda: filters.get("gaussian:2mm", spacing=(size, 1.0), unit="mm"),
        lambda: filters.Measured("gaussian:2mm", 2, (size, 1.0), "mm"),
    ):
        with pytest.raises(FilterError, match="the size of a cell must be a positive, finite number"):
            work()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-k", "box:2mm"), "only sigmas"),
        (("-k", "emboss:2mm"), "takes no numbers"),
        (("-k", "emboss:2mm", "--dims", "3"), "is two-dimensional"),
        (("-k", "dog:1mm,0mm"), "sigma must be a positive"),
        (("-k", "unsharp:2mm,1mm"), "plain numbers after the first"),
        (("-k", "gaussian:0mm"), "sigma must be a positive"),
        (("-k", "gaussian:1mm,2mm,3mm"), "one per dimension (2), got 3"),
        (("-k", "gaussian:1mm", "--spacing", "1,1,1mm"), "one per dimension of the filter (2)"),
        (("-k", "gaussian:1mm", "--spacing", "0mm"), "such as 1.5,0.7,0.7mm; got '0mm'"),
        (("-k", "gaussian:1mm", "--spacing", "1,-1mm"), "got '1,-1mm'"),
        (("-k", "gaussian:1mm", "--spacing", "nanmm"), "got 'nanmm'"),
        (("-k", "gaussian:1mm", "--spacing", "1e-320mm"), "there is no none.nii"),
    ],
)
def test_what_no_picture_can_mend_is_refused_before_it_is_sought(words: tuple[str, ...], said: str) -> None:
    refused = inside("apply", "none.nii", *words, "-o", "out.nii")
    assert refused.returncode == 1 and said in refused.stderr
    assert ("there is no none.nii" in refused.stderr) == (said == "there is no none.nii")


@pytest.mark.parametrize("kernel", ["gaussian:2", "gaussian:fwhm=4", "sobel", "1 0 -1; 1 0 -1"])
def test_spacing_for_nothing_is_a_mistake(kernel: str) -> None:
    refused = inside("apply", "none.nii", "-k", kernel, "--spacing", "1mm", "-o", "out.nii")
    assert refused.returncode == 2 and "leave --spacing out" in refused.stderr
