"""Numbers from one dtype into another, as ONNX says: whole numbers wrap, fractions are cut off."""

from typing import Any

import numpy as np

from convolve.dtypes import Array, DType


def cast(x: Array, dtype: DType, saturate: bool = True) -> Array:
    """Return an array in another dtype.

    Parameters
    ----------
    x
        Any shape.
    dtype
        What it becomes.
    saturate
        Whether floats of 8 bits take their largest number where a number is too large for them.

    Returns
    -------
    numpy.ndarray
        ``x`` itself if it has that dtype.

    Examples
    --------
    >>> import numpy as np
    >>> cast(np.array([-1.7, 2.7]), np.dtype("int8")).tolist()
    [-1, 2]
    """
    if x.dtype == dtype:
        return x
    with np.errstate(all="ignore"):
        if saturate and dtype.name.startswith("float8"):
            return _into_range(x, dtype)
        return x.astype(dtype)


def _into_range(x: Array, dtype: DType) -> Array:
    import ml_dtypes  # these dtypes come from it, so it is there

    limits: Any = ml_dtypes.finfo
    most = float(limits(dtype).max)
    wide: Any = x.astype(np.float32)
    return np.asarray(np.clip(wide, -most, most).astype(dtype))


def wider(x: Array) -> Array:
    """Return floats of 16 bits and fewer as float32, in which sums are taken; others as they are."""
    return x.astype(np.float32) if x.dtype.itemsize < 4 else x
