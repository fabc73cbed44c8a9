"""What is written comes back, for all that a format can hold; the rest is refused in words."""

import io

import numpy as np
import pytest
from PIL import Image

from convolve import files
from convolve.errors import FileFormatError
from convolve.files import Picture
from tests.files.making import decoded, encoded, numbers

KEPT = [
    *[(format, numbers(9, 11), "YX", False) for format in ("png", "bmp", "gif", "tif", "npy")],
    *[(format, numbers(9, 11, 3), "YXC", False) for format in ("png", "webp", "bmp", "gif", "tif", "npy")],
    *[(format, numbers(9, 11, 4), "YXC", True) for format in ("png", "webp", "tif")],
    *[(format, numbers(9, 11, 2), "YXC", True) for format in ("png", "tif")],
    *[(format, numbers(3, 9, 11), "TYX", False) for format in ("png", "webp", "gif", "tif")],
    *[(format, numbers(3, 9, 11, 3), "TYXC", False) for format in ("png", "webp", "gif", "tif")],
    ("png", numbers(9, 11, dtype=np.uint16), "YX", False),
    *[
        ("tif", numbers(9, 11, dtype=dtype), "YX", False)
        for dtype in (
            "bool",
            "int8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "float16",
            "float32",
            "float64",
        )
    ],
    ("tif", numbers(9, 11, 3, dtype=np.uint16), "YXC", False),
    ("tif", numbers(9, 11, 5, dtype=np.float32), "YXC", False),
    ("tif", numbers(4, 9, 11, dtype=np.float32), "ZYX", False),
    ("tif", numbers(2, 4, 9, 11), "CZYX", False),
    ("tif", numbers(3, 9, 11, dtype=np.float32), "CYX", False),
    ("tif", numbers(2, 3, 4, 9, 11, dtype=np.uint16), "TCZYX", False),
    ("tif", numbers(2, 9, 11, dtype=np.int64), "IYX", False),
    ("npy", numbers(2, 9, 11, dtype=np.float64), "ZYX", False),
]


@pytest.mark.parametrize(
    "format,array,axes,alpha", KEPT, ids=lambda value: str(getattr(value, "shape", value))
)
def test_comes_back_as_it_was(format: str, array: np.ndarray, axes: str, alpha: bool) -> None:
    back = decoded(encoded(Picture(array, axes, alpha), format))
    assert back.array.dtype == array.dtype
    assert np.array_equal(back.array, array)
    assert back.axes == axes
    assert back.alpha == (alpha and format != "npy")


REFUSED = [
    ("png", numbers(9, 11, dtype=np.float32), "YX", False, "numbers of float32"),
    ("png", numbers(9, 11, 3, dtype=np.uint16), "YXC", False, "numbers of uint16 in 3 channels"),
    ("jpg", numbers(9, 11, 4), "YXC", True, "transparency"),
    ("jpg", numbers(3, 9, 11), "TYX", False, "an animation"),
    ("bmp", numbers(9, 11, 4), "YXC", True, "transparency"),
    ("gif", numbers(90, 110, 3), "YXC", False, "more colours"),
    ("png", numbers(3, 9, 11), "ZYX", False, "the dimensions ZYX"),
    ("png", numbers(9, 11, 5), "YXC", False, "5 channels"),
    ("png", numbers(0, 11), "YX", False, "a picture without pixels"),
    ("webp", numbers(9, 11, dtype=np.int32), "YX", False, "numbers of int32"),
    ("png", numbers(3, 9, 11, dtype=np.uint16), "TYX", False, "numbers of uint16"),
]


@pytest.mark.parametrize(
    "format,array,axes,alpha,words", REFUSED, ids=lambda value: str(getattr(value, "shape", value))
)
def test_what_a_format_cannot_hold_is_refused(
    format: str, array: np.ndarray, axes: str, alpha: bool, words: str
) -> None:
    with pytest.raises(FileFormatError, match="holds") as caught:
        encoded(Picture(array, axes, alpha), format)
    assert words in str(caught.value)
    assert ".tif or .npy" in str(caught.value)


def test_jpeg_is_close() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    back = decoded(encoded(Picture(smooth, "YX"), "jpg")).array.astype(int)
    assert np.abs(back - smooth).max() <= 2


def test_spacing_and_durations_are_kept() -> None:
    stack = Picture(numbers(4, 9, 11, dtype=np.float32), "ZYX", spacing=(2.0, 0.5, 0.25), unit="µm")
    back = decoded(encoded(stack, "tif"))
    assert (back.spacing, back.unit) == ((2.0, 0.5, 0.25), "µm")
    film = Picture(numbers(3, 9, 11), "TYX", metadata={"durations": (40.0, 50.0, 60.0), "loop": 0})
    for format in ("gif", "png", "webp"):
        again = decoded(encoded(film, format))
        assert again.metadata["durations"] == (40.0, 50.0, 60.0)
        assert again.metadata["loop"] == 0


def test_colour_profile_is_kept() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for format in ("png", "jpg", "webp", "tif"):
        back = decoded(encoded(Picture(numbers(9, 11, 3), "YXC", metadata={"icc": profile}), format))
        assert back.metadata["icc"] == profile
    grey = decoded(encoded(Picture(numbers(9, 11), "YX", metadata={"icc": profile}), "png"))
    assert "icc" not in grey.metadata  # a profile of RGB says nothing of grey


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_pictures_are_read_upright(orientation: int, format: str) -> None:
    stored = np.arange(12, dtype=np.uint8).reshape(3, 4)
    image = Image.fromarray(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    told = {"tiffinfo": {274: orientation}} if format == "TIFF" else {"exif": exif, "lossless": True}
    image.save(stream, format, **told)
    read = decoded(stream.getvalue())
    assert read.array.shape[:2] == ((3, 4) if orientation < 5 else (4, 3))
    first, second = {
        1: (0, 1), 2: (3, 2), 3: (11, 10), 4: (8, 9), 5: (0, 4), 6: (8, 4), 7: (11, 7), 8: (3, 7),
    }[orientation]  # fmt: skip
    plane = read.array if read.array.ndim == 2 else read.array[..., 0]
    assert plane[0, :2].tolist() == [first, second]
    assert ("upright" in " ".join(read.notes)) == (orientation > 1)
    again = decoded(encoded(read, format))
    assert np.array_equal(again.array, read.array)


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def test_conversions_are_said() -> None:
    rgb = Image.fromarray(numbers(9, 11, 3))
    cmyk = decoded(saved(rgb.convert("CMYK"), "JPEG"))
    assert cmyk.array.shape == (9, 11, 3)
    assert "CMYK" in cmyk.notes[0]
    palette = decoded(saved(rgb.quantize(16), "PNG"))
    assert np.array_equal(palette.array, np.array(rgb.quantize(16).convert("RGB")))
    assert "palette" in palette.notes[0]
    assert "1-bit" in decoded(saved(rgb.convert("1"), "PNG")).notes[0]
    keyed = decoded(saved(rgb, "PNG", transparency=(1, 2, 3)))
    assert keyed.alpha
    assert "alpha" in keyed.notes[0]


def test_sixteen_bit_colours_are_never_reduced_in_silence() -> None:
    whole = bytearray(encoded(Picture(numbers(9, 11, 3), "YXC"), "png"))
    whole[24] = 16
    with pytest.raises(FileFormatError, match="16 bits per colour"):
        decoded(bytes(whole))


def test_white_is_zero_tiff_is_turned_round() -> None:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.array([[0, 255], [10, 20]], np.uint8), photometric="miniswhite")
    read = decoded(stream.getvalue())
    assert read.array.tolist() == [[255, 0], [245, 235]]
    assert "turned round" in read.notes[0]


def test_samples_are_shipped_with_their_licences() -> None:
    from importlib import resources

    for name in files.samples():
        picture = files.sample(name)
        assert picture.array.dtype == np.uint8
        assert min(picture.array.shape[:2]) >= 256
        assert resources.files("convolve").joinpath("data", f"{name}.LICENSE.txt").read_text()
    assert files.sample("portrait").axes == "YXC"
    assert files.sample("grey").axes == "YX"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_read_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.add.outer(np.arange(24), 4 * np.arange(32)).astype(np.uint8))
    data = saved(stored, "JPEG", exif=exif, quality=95)
    corner = {1: 0, 2: 124, 3: 147, 4: 23, 5: 0, 6: 23, 7: 147, 8: 124}[orientation]
    assert abs(int(decoded(data).array[0, 0]) - corner) <= 3


def test_transparent_grey_of_16_bits_becomes_alpha() -> None:
    grey = numbers(9, 11, dtype=np.uint16)
    grey[2, 3] = 5
    read = decoded(saved(Image.fromarray(grey), "PNG", transparency=5))
    assert read.alpha
    assert np.array_equal(read.array[..., 0], grey)
    assert np.array_equal(read.array[..., 1] == 0, grey == 5)


def test_spacing_that_a_tiff_cannot_keep_is_refused() -> None:
    stack = Picture(numbers(4, 9, 11, dtype=np.int64), "ZYX", spacing=(2.0, 0.5, 0.25), unit="µm")
    with pytest.raises(FileFormatError, match="keeps spacing for axes of TCZYX"):
        encoded(stack, "tif")


def test_imagej_spacing_is_read() -> None:
    tifffile = pytest.importorskip("tifffile")
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, numbers(4, 9, 11), imagej=True, resolution=(4.0, 2.0),
        metadata={"axes": "ZYX", "spacing": 3.0, "unit": "um"},
    )  # fmt: skip
    read = decoded(stream.getvalue())
    assert (read.axes, read.spacing, read.unit) == ("ZYX", (3.0, 0.5, 0.25), "um")


def test_compressed_tiff_names_the_package_it_needs() -> None:
    pytest.importorskip("tifffile")
    try:
        read = decoded(saved(Image.fromarray(numbers(9, 11, 3)), "TIFF", compression="tiff_lzw"))
    except FileFormatError as error:
        assert "pip install imagecodecs" in str(error)
    else:  # it is installed
        assert np.array_equal(read.array, numbers(9, 11, 3))


def test_a_film_that_plays_once_stays_so() -> None:
    film = Picture(numbers(3, 9, 11), "TYX", metadata={"durations": (40.0, 47.0, 60.0), "loop": 1})
    data = encoded(film, "gif")
    assert b"NETSCAPE" not in data
    assert decoded(data).metadata["durations"] == (40.0, 50.0, 60.0)
