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
        ("box:3mm", "only sigmas of Gaussians, their derivatives and log have a unit"),
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
