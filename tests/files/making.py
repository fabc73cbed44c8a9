"""Small pictures of every kind, as arrays and as the bytes of files, for the tests of this room."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve import files
from convolve.files import Picture


def numbers(*shape: int, dtype: Any = np.uint8) -> NDArray[Any]:
    """Return random numbers over the whole range of a dtype, or between 0 and 1."""
    draw = np.random.default_rng(7)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return draw.random(shape) > 0.5
    if kind in "iu":
        info = np.iinfo(dtype)
        return draw.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
    return draw.random(shape).astype(dtype)


def encoded(picture: Picture, format: str) -> bytes:
    """Return the bytes of a file."""
    stream = io.BytesIO()
    files.write(stream, picture, format=format)
    return stream.getvalue()


def decoded(data: bytes) -> Picture:
    """Return the picture in the bytes of a file."""
    return files.read(io.BytesIO(data))


def specimens() -> dict[str, bytes]:
    """Return one or two files of every format, by name."""
    grey, rgb = Picture(numbers(24, 31), "YX"), Picture(numbers(24, 31, 3), "YXC")
    rgba = Picture(numbers(24, 31, 4), "YXC", alpha=True)
    film = Picture(numbers(3, 12, 13), "TYX", metadata={"durations": (40.0, 50.0, 60.0), "loop": 0})
    stack = Picture(numbers(3, 12, 13, dtype=np.float32), "ZYX", spacing=(2.0, 0.5, 0.5), unit="µm")
    wanted = {
        "grey.png": grey, "rgba.png": rgba, "film.png": film, "rgb.jpg": rgb, "rgba.webp": rgba,
        "rgb.bmp": rgb,
        "film.gif": film, "rgb.tif": rgb, "stack.tif": stack, "stack.npy": stack,
    }  # fmt: skip
    return {name: encoded(picture, name.rpartition(".")[2]) for name, picture in wanted.items()}
