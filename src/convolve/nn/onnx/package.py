"""The package onnx, which knows the file format; imported when a file is read or written, and not before."""

from typing import Any

import numpy as np

from convolve.dtypes import DType
from convolve.errors import FileFormatError, MissingExtraError

OLDEST, NEWEST = 6, 28
"""Opsets that are read: from that of the onnx package's converted PyTorch layers to onnx 1.23's newest."""

FACTS = "convolve"
"""Key of a file's metadata_props under which we keep, as JSON, what is no part of the graph."""

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
"""ONNX's numbers of dtypes -> NumPy's names; the rest come from ml_dtypes, which onnx brings along."""

SMALL = {
    16: "bfloat16", 17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz",
    21: "uint4", 22: "int4", 23: "float4_e2m1fn", 25: "uint2", 26: "int2",
}  # fmt: skip

BITS = {"uint4": 4, "int4": 4, "float4_e2m1fn": 4, "uint2": 2, "int2": 2}
"""Bits of numbers of which several share a byte."""


def onnx_package() -> Any:
    """Return the package onnx, or say how to install it."""
    try:
        import onnx  # an optional package
    except ImportError as error:
        raise MissingExtraError.of("onnx", "onnx", "reading and writing ONNX files") from error
    return onnx


def dtype_of(number: int, where: str) -> DType:
    """Return the NumPy dtype of one of ONNX's numbers."""
    if number in DTYPES:
        return np.dtype(DTYPES[number])
    if number in SMALL:
        import ml_dtypes  # onnx depends on it

        small: DType = np.dtype(getattr(ml_dtypes, SMALL[number]))
        return small
    names = ", ".join([*DTYPES.values(), *SMALL.values()])
    raise FileFormatError(f"{where} must be of one of the dtypes {names}; got ONNX's number {number}")


def number_of(dtype: DType) -> int:
    """Return ONNX's number of a dtype."""
    return next(number for number, name in (DTYPES | SMALL).items() if name == dtype.name)
