"""What people write is understood, or refused in words that help."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convolve import filters
from convolve.errors import FilterError


@pytest.mark.parametrize("name", filters.names())
def test_every_name_says_what_it_is_for_and_where_it_comes_from(name: str) -> None:
    purpose, source = filters.purpose(name)
    assert len(purpose) > 10
    assert len(source) > 8
    assert filters.usage(name).startswith(name)


@pytest.mark.parametrize("name", filters.names())
def test_every_name_makes_a_filter(name: str) -> None:
    least = filters.usage(name).partition(":")[2].partition("[")[0].count(",") + 1
    numbers = {"box": "3", "dog": "1,2"}.get(name, ",".join(["3"] * least))
    takes = ":" in filters.usage(name).partition("[")[0]
    ndim = 3 if name.endswith("z") else 2
    found = filters.get(f"{name}:{numbers}" if takes else name, ndim=ndim)
    assert all(weights.ndim == ndim for weights in found.weights)
    assert found.purpose and found.source


@pytest.mark.parametrize(
    "text", ["1 0 -1; 1 0 -1; 1 0 -1", "1,0,-1;1,0,-1;1,0,-1", "1 0 -1\n1 0 -1\n1 0 -1\n"]
)
def test_rows_of_numbers(text: str) -> None:
    weights = filters.get(text).weights[0]
    assert weights.tolist() == [[1, 0, -1]] * 3
    assert weights.dtype == np.int8


def test_fractions_and_one_row() -> None:
    assert filters.get("1/9 1/9 1/9;").weights[0].tolist() == [[1 / 9] * 3]
    assert filters.get("1 2 1").weights[0].tolist() == [1, 2, 1]


def test_whole_numbers_are_not_rounded() -> None:
    large = filters.get("1152921504606846977 1").weights[0]
    assert large.dtype == np.int64
    assert large.tolist() == [2**60 + 1, 1]
    assert filters.get("9223372036854775808 1").weights[0].dtype == np.float64
    assert filters.get("2.0 1e1").weights[0].tolist() == [2, 10]


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", np.array([[1.5, 2], [3, 4]]))
    (tmp_path / "k.csv").write_text("1,0,-1\n2,0,-2\n")
    (tmp_path / "s.csv").write_text("\ufeff1;0\n2;0\n", encoding="utf-8")
    assert filters.get(str(tmp_path / "k.npy")).weights[0].tolist() == [[1.5, 2], [3, 4]]
    assert filters.get(str(tmp_path / "k.csv")).weights[0].tolist() == [[1, 0, -1], [2, 0, -2]]
    assert filters.get(str(tmp_path / "s.csv")).weights[0].tolist() == [[1, 0], [2, 0]]


REFUSED = [
    ("sobl", "did you mean 'sobel'"),
    ("Gaussian", "did you mean 'gaussian'"),
    ("qqq", "'convolve filters' lists the names"),
    ("gaussian", "takes 1 to 3 numbers, got 0"),
    ("gaussian:0", "sigma must be a positive, finite number, got 0"),
    ("gaussian:-1", "got -1"),
    ("gaussian:nan", "got nan"),
    ("gaussian:inf", "got inf"),
    ("gaussian:1e9", "must have at most 16777216 taps"),
    ("gaussian:wide", "takes numbers, got 'wide'"),
    ("gaussian:1,2,3", "one number or one per dimension (2)"),
    ("box:0", "must be at least 1 cell wide, got 0×0"),
    ("box:2.5", "whole number"),
    ("box:99999", "must have at most 16777216 taps"),
    ("box:1e300", "whole number"),
    ("dog:2,1", "smaller sigma first, got 2.0 and 1.0 cells; swap them"),
    ("unsharp:1,inf", "amount must be a finite number"),
    ("motion-blur:5,nan", "angle must be a finite number"),
    ("gabor:6,0,0,0,0", "takes 1 to 2 numbers"),
    ("gabor-bank:6,0", "1 to 64 directions, got 0"),
    ("sobel-z", "needs an image that has the dimension z"),
    ("gaussian-dz:1", "needs the dimensions z"),
    ("sobel:3", "takes no numbers, got 1"),
    ("1 0; 1", "all rows of a filter must be equally long, but they have [2, 1]"),
    ("1 1/0", "one cell is '1/0'"),
    ("1 nan", "must be finite"),
    ("", "must be a name, rows of numbers or a file"),
    ("missing.npy", "cannot be read"),
    ("missing.csv", "No such file"),
]


@pytest.mark.parametrize("text,words", REFUSED)
def test_refusals(text: str, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        filters.get(text)
    assert words in str(caught.value)


def test_refused_dimensions() -> None:
    with pytest.raises(FilterError, match="ndim must be 1, 2 or 3, got 4"):
        filters.get("sobel-x", ndim=4)
    with pytest.raises(FilterError, match="two-dimensional, but ndim=3"):
        filters.get("emboss", ndim=3)


def test_several_weights_are_no_array() -> None:
    with pytest.raises(FilterError, match="the magnitude of 2"):
        np.asarray(filters.get("sobel"))


def test_damaged_files(tmp_path: Path) -> None:
    good = tmp_path / "good.npy"
    np.save(good, np.ones((3, 3)))
    whole = good.read_bytes()
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([[1, None]], dtype=object), allow_pickle=True)
    cases = {
        "cut.npy": whole[:-8],
        "empty.npy": b"",
        "foreign.npy": b"PK\x03\x04" + whole,
        "head.npy": whole[:20],
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "latin.csv").write_bytes(b"1,2\xff")
    (tmp_path / "words.csv").write_text("a,b\n1,2\n")
    np.save(tmp_path / "nan.npy", np.array([np.nan]))
    np.save(tmp_path / "flat.npy", np.array(3.0))
    for name in (*cases, "objects.npy", "latin.csv", "words.csv", "nan.npy", "flat.npy"):
        with pytest.raises(FilterError):
            filters.get(str(tmp_path / name))


@pytest.mark.parametrize(
    "make,words",
    [
        (lambda: filters.gaussian("wide"), "positive, finite number, got 'wide'"),
        (lambda: filters.gaussian(1, ndim=0), "ndim must be 1, 2 or 3, got 0"),
        (lambda: filters.gaussian([1, 2, 3]), "one per dimension (2)"),
        (lambda: filters.box(2.5), "whole numbers as its size, got (2.5, 2.5)"),
        (lambda: filters.box(), "one size or one per dimension"),
        (lambda: filters.motion_blur("long"), "whole numbers as its size"),
        (lambda: filters.gabor(None), "wavelength must be a positive"),
        (lambda: filters.gaussian_derivative(1, 3), "order must be 0, 1 or 2"),
        (lambda: filters.difference_of_gaussians("a", 2), "sigma must be a positive"),
        (lambda: filters.difference("sobel", "z"), "needs an image that has the dimension z"),
        (lambda: filters.difference("sobl", "x"), "one of sobel, scharr, prewitt"),
        (lambda: filters.difference("sobel", "x", 0), "in 1 to 3 dimensions, got 'sobel' in 0"),
        (lambda: filters.laplacian(5), "4 or 8 neighbours in 1 to 3 dimensions, got 5"),
        (lambda: filters.laplacian(4, 0), "got 4 in 0"),
        (lambda: filters.motion_blur(5, "x"), "angle must be a finite number, got 'x'"),
        (lambda: filters.gabor(6.0, None), "angle must be a finite number, got None"),
        (lambda: filters.unsharp(1, "x"), "amount must be a finite number, got 'x'"),
        (lambda: filters.gabor_bank(6.0, 2.5), "1 to 64 directions, got 2.5"),
        (lambda: filters.gaussian(10**400), "sigma must be a positive, finite number"),
        (lambda: filters.get("gabor:1e-200"), "at least 0.001"),
        (lambda: filters.get("log:1e-200"), "at least 0.001"),
        (lambda: filters.get("gaussian-dxx:1e-200"), "at least 0.001"),
        (lambda: filters.get("a\0b.csv"), "cannot be read"),
    ],
)
def test_generators_refuse_in_words_too(make: Callable[[], object], words: str) -> None:
    with pytest.raises(FilterError) as caught:
        make()
    assert words in str(caught.value)
