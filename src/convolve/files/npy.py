"""NumPy's own files: any array, after the header was compared with what follows it."""

import io
import math
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convolve.errors import FileFormatError
from convolve.files.picture import Picture, check_size

GUESSES = {1: "X", 2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}
"""What dimensions are taken for, since the file does not say; up to four along the last are colours."""


def decode(data: bytes, name: str) -> Picture:
    """Return the picture in the bytes of a .npy file."""
    stream = io.BytesIO(data)
    try:
        shape, _, dtype = header(stream)
        _check_header(shape, dtype, len(data) - stream.tell(), name)
        stream.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except FileFormatError:
        raise
    except Exception as error:  # a damaged header can make the parser raise nearly anything
        raise FileFormatError(
            f"{name} is not a whole .npy file ({error}); save it again with numpy.save"
        ) from error
    axes = _axes(array.shape, name)
    return Picture(
        array, axes, notes=() if array.ndim == 2 else (f"the dimensions of {name} are taken for {axes}",)
    )


def header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, whether columns come first, and dtype, and leave the stream where the numbers begin."""
    first = np.lib.format.read_magic(stream) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    return read(stream)


def _check_header(shape: tuple[int, ...], dtype: np.dtype[Any], follow: int, name: str) -> None:
    if dtype.hasobject or dtype.kind not in "biufcV" or dtype.names:
        raise FileFormatError(
            f"{name} must hold numbers, but its header says {dtype}; convert it with .astype first"
        )
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != follow:
        raise FileFormatError(
            f"{name} is damaged: its header says {shape} of {dtype}, {math.prod(shape) * dtype.itemsize} "
            f"bytes, but {follow} follow; save it again with numpy.save"
        )
    check_size(shape, name)


def _axes(shape: tuple[int, ...], name: str) -> str:
    if len(shape) not in GUESSES:
        raise FileFormatError(f"{name} must have 1 to 5 dimensions, its shape is {shape}; pick a part of it")
    if len(shape) in (3, 4) and 1 < shape[-1] <= 4:
        return "YXC" if len(shape) == 3 else "ZYXC"
    return GUESSES[len(shape)]


def encode(picture: Picture) -> bytes:
    """Return the bytes of a .npy file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, picture.array, allow_pickle=False)
    return stream.getvalue()
