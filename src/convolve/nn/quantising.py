"""Real numbers as whole ones: rounded half to even, shifted by a zero point, and kept within their dtype."""

import numpy as np

from convolve.dtypes import Array, DType


def limits_of(dtype: DType) -> tuple[int, int]:
    """Return the smallest and the largest whole number of a dtype, those of 2 and 4 bits included."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return int(info.min), int(info.max)
    bits = int(dtype.name.lstrip("uint"))
    return (0, 2**bits - 1) if dtype.name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def quantised(x: Array, zero: Array | int, dtype: DType) -> Array:
    """Return numbers, already divided by their scale, as whole numbers of ``dtype``.

    Parameters
    ----------
    x
        Any shape, floats.
    zero
        The zero point, which repeats to the shape of ``x``.
    dtype
        Of the result.

    Examples
    --------
    >>> import numpy as np
    >>> quantised(np.array([-1.0, 0.5, 1.5, 300.0]), 128, np.dtype("uint8")).tolist()
    [127, 128, 130, 255]
    """
    least, most = limits_of(dtype)
    point = np.asarray(zero).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.clip(np.rint(x) + point, least, most).astype(dtype))
