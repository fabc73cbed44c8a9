"""The two overview tables of docs/coming-from.md, measured: what each library does when told nothing."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import convolve
from tests.docs.test_coming_from import names, sections
from tests.peers import peer

Filtering = Callable[[Any, Any], Any]
KERNEL = np.array([[1, 2, 0], [0, -1, 3], [2, 0, -4]])
MODES = {'"reflect"': "reflect", '"symmetric"': "symmetric", "zeros": "zeros"}


def torch_conv2d(image: Any, kernel: Any) -> Any:
    torch = peer("torch")
    whole = torch.from_numpy(np.ascontiguousarray(image))[None, None]
    return torch.nn.functional.conv2d(whole, torch.from_numpy(np.asarray(kernel, image.dtype))[None, None])[
        0, 0
    ]


def pillow_kernel(image: Any, kernel: Any) -> Any:
    from PIL import Image, ImageFilter

    picture = Image.fromarray(np.asarray(image, np.uint8))
    return np.asarray(picture.filter(ImageFilter.Kernel((3, 3), np.ravel(kernel)[:9].tolist(), 1)))


def opencv_filter2d(image: Any, kernel: Any) -> Any:
    wide = np.float64 if image.dtype == np.int64 else image.dtype
    return peer("cv2").filter2D(image.astype(wide), -1, kernel.astype(np.float64))


def rows_alike(function: Filtering) -> Filtering:
    """Return a one-dimensional function as one of images: it is shown their middle row and a middle line."""
    return lambda image, kernel: function(image[len(image) // 2], kernel[1])


def functions(row: str) -> list[Filtering]:
    """Return what a row's first cell names, as functions of an image and a kernel."""
    if row.startswith("SciPy"):
        module = peer("scipy.signal" if "signal" in row else "scipy.ndimage")
        return [module.convolve, module.correlate]
    if row.startswith("MATLAB"):
        known = names("MATLAB")
        turned = lambda image, kernel: known["conv2_same"](image, kernel[::-1, ::-1])  # noqa: E731
        return [peer("scipy.signal").convolve2d, turned, known["imfilter"]]
    return {
        "`convolve.conv2d`": [convolve.conv2d],
        "`convolve.apply`": [convolve.apply],
        "NumPy `convolve` / `correlate`": [rows_alike(np.convolve), rows_alike(np.correlate)],
        "OpenCV `filter2D`": [opencv_filter2d],
        "Pillow `ImageFilter.Kernel`": [pillow_kernel],
        "PyTorch `conv2d`": [torch_conv2d],
    }[row]


def overview() -> list[list[str]]:
    """Return the cells of the first table."""
    lines = [line for line in sections()["In one look"].splitlines() if line.startswith("| ")]
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in table if len(row) == 5 and row[0]]


def each(cell: str, count: int) -> list[str]:
    """Return a cell's words for each of a row's functions; one word stands for all."""
    words = cell.split(" / ")
    return words * count if len(words) == 1 else words


OVERVIEW = overview()


def test_the_table_is_whole() -> None:
    assert len(OVERVIEW) == 9


@pytest.mark.parametrize("row", OVERVIEW, ids=lambda row: row[0])
def test_flip_and_size(row: list[str]) -> None:
    """The answer to a single bright cell is the filter itself where it is flipped, turned where it is not."""
    impulse = np.zeros((9, 9), np.uint8 if "Pillow" in row[0] else np.int64)
    impulse[4, 4] = 1
    found = functions(row[0])
    kernel = np.abs(KERNEL)
    for function, flips, size in zip(found, each(row[1], len(found)), each(row[3], len(found)), strict=True):
        answer = np.asarray(function(impulse, kernel))
        assert answer.shape[-1] == {"valid": 7, "same": 9, "full": 11}[size]
        middle = answer.shape[-1] // 2
        near = slice(middle - 1, middle + 2)
        seen = answer[(near,) * answer.ndim]
        expected = {"yes": kernel, "no": kernel[::-1, ::-1], "no, but rows run upwards": kernel[:, ::-1]}[
            flips
        ]
        np.testing.assert_array_equal(seen, expected if answer.ndim == 2 else expected[1])


@pytest.mark.parametrize("row", OVERVIEW, ids=lambda row: row[0])
def test_beyond_the_edge(row: list[str]) -> None:
    """What lies beyond the edge is what our own operator, told so by name, gives too."""
    image = np.arange(63).reshape(7, 9) % 11 + 20
    if row[0].startswith("Pillow"):
        np.testing.assert_array_equal(pillow_kernel(image, KERNEL)[0], image[0])
        assert row[2] == "pixels left as they were"
        return
    found = functions(row[0])
    mode = MODES[row[2].split("our ")[-1].strip("`")]
    for function, flips, size in zip(found, each(row[1], len(found)), each(row[3], len(found)), strict=True):
        theirs = np.asarray(function(image, KERNEL))
        line = theirs.ndim == 1
        ours = (convolve.conv1d if line else convolve.conv2d)(
            image[3] if line else image,
            KERNEL[1] if line else KERNEL,
            padding=size,
            padding_mode=mode,
            flip=flips == "yes",
        )
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("row", OVERVIEW, ids=lambda row: row[0])
def test_eight_bit_integers(row: list[str]) -> None:
    """Nine cells of 200 give 1800 (three give 600), which 8 bits hold wrapped or saturated, if at all."""
    bright, ones = np.full((7, 7), 200, np.uint8), np.ones((3, 3), np.uint8)
    if row[0].startswith("MATLAB"):
        assert row[4] == "`imfilter` rounds and saturates"  # documented there; MATLAB does not run here
        return
    for function in functions(row[0]):
        answer = np.asarray(function(bright, ones))
        exact = 1800 if answer.ndim == 2 else 600
        middle = answer[(answer.shape[-1] // 2,) * answer.ndim]
        expected = {"exact": exact, "wrap": exact % 256, "round": 255}[
            row[4].split()[0].strip(",").removesuffix("ed")
        ]
        assert middle == expected
        assert answer.dtype == (np.int32 if row[4].startswith("exact") else np.uint8)
    if row[0] == "`convolve.apply`":
        assert (convolve.apply(bright, ones, out_dtype="uint8") == 255).all()


def border_rows() -> list[list[str]]:
    """Return the cells of the second table: the letters seen, our name, and everybody else's."""
    lines = [line for line in sections()["In one look"].splitlines() if "[a b c d]" in line]
    return [re.split(r"\s*\|\s*", line.replace("`", ""))[1:-1] for line in lines]


def pad_with(library: str, name: str, number: int) -> Any:
    """Return the letters a b c d, two cells wider on each side, as ``library`` pads under ``name``."""
    letters = np.frombuffer(b"abcd", np.uint8).astype(np.float64)
    if library == "here":
        mode: Any = name.strip('"') if '"' in name else int(name)
        return convolve.conv1d(letters, np.ones(1), padding=2, padding_mode=mode)
    if library == "NumPy":
        return np.pad(letters, 2, mode=name, **({"constant_values": number} if name == "constant" else {}))
    shifts = [np.eye(5)[tap] for tap in (0, 4)]
    if library == "ndimage":
        ends = [peer("scipy.ndimage").correlate1d(letters, tap, mode=name, cval=number) for tap in shifts]
        return np.concatenate([ends[0][:2], letters, ends[1][-2:]])
    if library == "convolve2d":
        one = np.zeros((1, 5))
        one[0, 2] = 1
        return peer("scipy.signal").convolve2d(letters[None], one, "full", name, number)[0]
    if library == "OpenCV":
        cv2 = peer("cv2")
        border = getattr(cv2, f"BORDER_{name}")
        return cv2.copyMakeBorder(letters[None], 0, 0, 2, 2, border, value=number)[0]
    torch = peer("torch")
    value = {"value": number} if name == "constant" else {}
    return torch.nn.functional.pad(torch.from_numpy(letters)[None], (2, 2), name, **value)[0]


LIBRARIES = ("here", "NumPy", "ndimage", "convolve2d", "OpenCV", "PyTorch")
BORDER_CALLS = [
    (row[0], library, name)
    for row in border_rows()
    for library, cell in zip(LIBRARIES, row[1:7], strict=True)
    for name in cell.split(", ")
    if name
]


@pytest.mark.parametrize(("shown", "library", "name"), BORDER_CALLS)
def test_the_names_of_the_borders(shown: str, library: str, name: str) -> None:
    wanted = [int(sign) if sign.isdigit() else ord(sign) for sign in shown if sign not in " []"]
    padded = pad_with(library, name, number=int(shown[0]) if shown[0].isdigit() else 0)
    np.testing.assert_array_equal(np.asarray(padded), wanted)


def test_every_border_of_the_table_was_tried() -> None:
    assert len(border_rows()) == 6
    assert len(BORDER_CALLS) == 37
