"""Which dtypes there are, which one a result has, and in which one sums are taken.

The dtype of a result depends on the dtypes that go in and on nothing else, never on shapes or values.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convolve.errors import ArgumentError, DTypeError, MissingExtraError

Array = NDArray[Any]
DType = np.dtype[Any]
Kind = Literal["integer", "float", "complex"]

SMALL_INTEGERS = ("bool", "int8", "uint8", "int16", "uint16")
LARGE_INTEGERS = ("int32", "uint32", "int64", "uint64")
HALVES = ("float16", "bfloat16")
FLOATS = (*HALVES, "float32", "float64")
COMPLEXES = ("complex64", "complex128")
SUPPORTED = (*SMALL_INTEGERS, *LARGE_INTEGERS, *FLOATS, *COMPLEXES)


def kind_of(dtype: DType) -> Kind:
    """Return "integer" (bool counts as one), "float" or "complex"."""
    if dtype.name in COMPLEXES:
        return "complex"
    return "float" if dtype.name in FLOATS else "integer"


def parse_dtype(dtype: Any, argument: str) -> DType:
    """Return the dtype that a caller named, refusing what convolution is not defined for."""
    if isinstance(dtype, str) and dtype == "bfloat16":
        return bfloat16()
    try:
        if isinstance(dtype, bytes):
            raise TypeError("text is expected, not bytes")
        parsed = np.dtype(dtype).newbyteorder("=")
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{argument} must be a dtype, got {dtype!r}; choose one of {_choices()}") from error
    return check_dtype(parsed, argument)


def check_dtype(dtype: DType, argument: str) -> DType:
    """Return ``dtype`` if convolution is defined for it."""
    if dtype.name in SUPPORTED:
        return dtype
    hints = {
        "O": "Python objects, often because rows have different lengths: make all rows equally long",
        "U": "text: convert it to numbers first, or pass a filter's text to convolve.filters.get",
        "M": "dates: convert them to numbers first",
        "V": "a structured array: pick one field, for example array['red']",
    }
    hint = hints.get(dtype.kind, f"supported are {_choices()}; convert with .astype")
    raise DTypeError(f"{argument} has dtype {dtype}, which convolution is not defined for ({hint})")


def _choices() -> str:
    return ", ".join(SUPPORTED)


def bfloat16() -> DType:
    """Return the dtype bfloat16, which NumPy has by way of the package ml_dtypes."""
    try:
        import ml_dtypes  # an optional package, needed by those alone who ask for this dtype
    except ImportError as error:
        raise MissingExtraError.of("ml_dtypes", "bfloat16", "bfloat16") from error
    half: DType = np.dtype(ml_dtypes.bfloat16)
    return half


def result_dtype(*dtypes: DType) -> DType:
    """Return the dtype of a sum of products of arrays of these dtypes.

    bool, 8- and 16-bit integers give int32; an integer of 32 or 64 bits gives int64. Floats and complex
    numbers promote among each other as in NumPy; an integer that meets one of them counts as float32 up
    to 16 bits and as float64 beyond.

    >>> print(result_dtype(np.dtype("uint8"), np.dtype("int8")))
    int32
    >>> print(result_dtype(np.dtype("int16"), np.dtype("float16")))
    float32
    """
    if all(kind_of(dtype) == "integer" for dtype in dtypes):
        return np.dtype("int64" if any(dtype.name in LARGE_INTEGERS for dtype in dtypes) else "int32")
    result = float_dtype(dtypes[0])
    for dtype in dtypes[1:]:
        other = float_dtype(dtype)
        both_halves = {result.name, other.name} == set(HALVES)
        result = np.dtype("float32") if both_halves else np.promote_types(result, other)
    return result


def float_dtype(dtype: DType) -> DType:
    """Return the float dtype that an integer counts as; floats and complex numbers stay as they are."""
    if kind_of(dtype) != "integer":
        return dtype
    return np.dtype("float64" if dtype.name in LARGE_INTEGERS else "float32")


def sum_dtype(result: DType) -> DType:
    """Return the dtype in which sums of floats are taken: float32 for 16-bit ones, else their own."""
    return np.dtype("float32") if result.name in HALVES else result


def check_conversion(result: DType, out: DType) -> None:
    """Refuse to turn complex results into real ones, which would drop half of them in silence."""
    if kind_of(result) == "complex" and kind_of(out) != "complex":
        raise ArgumentError(
            f"out_dtype={out} cannot hold complex results ({result}); "
            "leave it out and take .real, .imag or abs() of the result"
        )
