"""Numbers in an ONNX file, as arrays; lengths are checked against the shape before anything is allocated."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from convolve.dtypes import Array, DType
from convolve.errors import FileFormatError
from convolve.nn.onnx.external import read_beside
from convolve.nn.onnx.package import BITS, dtype_of

FIELDS = {
    "float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint64": "uint64_data",
    "uint32": "uint64_data",
}  # fmt: skip
"""dtype -> the field of a TensorProto that holds it, if not as bytes; all others are in int32_data."""

MOST_DIMENSIONS = 64
"""NumPy has no more."""

EXTERNAL = 1
"""The data_location that means a file beside the model."""


def array_of(proto: Any, folder: Path | None) -> Array:
    """Return the numbers of a TensorProto.

    Parameters
    ----------
    proto
        As the package onnx has parsed it.
    folder
        The model's, for numbers that are kept beside it; None if there is none.

    Raises
    ------
    FileFormatError
        If the numbers are not those that shape and dtype ask for.
    """
    name = proto.name or "without a name"
    dtype = dtype_of(proto.data_type, f"tensor {name!r}")
    shape = tuple(proto.dims)
    reach = math.prod(max(1, size) for size in shape[: MOST_DIMENSIONS + 1])
    if len(shape) > MOST_DIMENSIONS or min(shape, default=0) < 0 or reach >= 2**62:
        raise FileFormatError(
            f"tensor {name!r} must have sizes that an array can have, got {shape[:MOST_DIMENSIONS]}"
        )
    if proto.HasField("segment"):
        raise FileFormatError(f"tensor {name!r} must be whole, the file has a segment of it")
    count = math.prod(shape)
    size = -(-count * BITS[dtype.name] // 8) if dtype.name in BITS else count * dtype.itemsize
    if proto.data_location == EXTERNAL:
        if folder is None:
            raise FileFormatError(
                f"tensor {name!r} is kept beside the model, but this model is not in a file"
            )
        entries = {entry.key: entry.value for entry in proto.external_data}
        return _from_bytes(read_beside(folder, entries, size, name), dtype, shape)
    if proto.HasField("raw_data"):
        data = proto.raw_data  # each time it is asked for it is copied
        if len(data) != size:
            raise FileFormatError(
                f"tensor {name!r}, {dtype} {shape}, must have {size} bytes, got {len(data)}"
            )
        return _from_bytes(data, dtype, shape)
    return _from_field(proto, dtype, shape, name)


def _from_bytes(data: bytes, dtype: DType, shape: tuple[int, ...]) -> Array:
    if dtype.name in BITS:
        return _unpacked(np.frombuffer(data, np.uint8), dtype, shape)
    if dtype.kind in "iufcb" and dtype.itemsize > 1:
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)
    if dtype == np.bool_:
        return np.asarray(np.frombuffer(data, np.uint8) != 0).reshape(shape)
    return np.frombuffer(data, dtype).reshape(shape)


def _unpacked(data: Array, dtype: DType, shape: tuple[int, ...]) -> Array:
    """Return numbers of which several share a byte, the first in its lowest bits."""
    bits = BITS[dtype.name]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts: Array = ((data[:, None] >> shifts) & (2**bits - 1)).reshape(-1)[: math.prod(shape)]
    if dtype.name.startswith("int"):
        parts = (parts.astype(np.int8) ^ (1 << (bits - 1))) - (1 << (bits - 1))
    elif dtype.name.startswith("float"):
        return parts.astype(np.uint8).view(dtype).reshape(shape)
    return parts.astype(dtype).reshape(shape)


def _from_field(proto: Any, dtype: DType, shape: tuple[int, ...], name: str) -> Array:
    values = getattr(proto, FIELDS.get(dtype.name, "int32_data"))
    packed = dtype.name in BITS
    count = math.prod(shape)
    expected = -(-count * BITS[dtype.name] // 8) if packed else count
    if len(values) != expected:
        raise FileFormatError(
            f"tensor {name!r} of shape {shape} must have {expected} numbers, got {len(values)}"
        )
    numbers = np.array(values)
    if packed:
        return _unpacked(numbers.astype(np.uint8), dtype, shape)
    if dtype.name not in FIELDS and (dtype.kind == "f" or "float" in dtype.name):
        width = np.uint16 if dtype.itemsize == 2 else np.uint8
        return numbers.astype(width).view(dtype).reshape(shape)  # the bits of a small float
    with np.errstate(all="ignore"):
        return numbers.astype(dtype).reshape(shape)
