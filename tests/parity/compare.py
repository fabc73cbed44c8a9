"""Data and comparisons shared by the parity tests.

Integer-valued data must agree exactly, in floats too: any difference is then a difference of meaning and
not of rounding. A result that is mostly zeros proves little, so it is mistrusted and fails.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def whole(seed: int, shape: tuple[int, ...], dtype: Any = np.float64, most: int = 9) -> Array:
    """Return small whole numbers, negative ones too where the dtype has them."""
    least = 0 if np.dtype(dtype).kind in "ub" else -most
    return np.random.default_rng(seed).integers(least, most + 1, shape).astype(dtype)


def real(seed: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Return normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def same(ours: Any, theirs: Any, note: Any = "", most_zeros: float = 0.7) -> None:
    """Assert that two results have the same shape and exactly the same numbers.

    ``most_zeros`` is the share of zeros that is still trusted; a strided gradient has many by its nature.
    """
    assert isinstance(ours, np.ndarray), f"our results are arrays, this is a {type(ours).__name__}"
    _trustworthy(ours, theirs, note, most_zeros)
    np.testing.assert_array_equal(ours, np.asarray(theirs), err_msg=str(note))


def close(ours: Any, theirs: Any, relative: float = 1e-12, note: Any = "") -> None:
    """Assert that two results agree within ``relative`` times the largest number in them."""
    assert isinstance(ours, np.ndarray), f"our results are arrays, this is a {type(ours).__name__}"
    _trustworthy(ours, theirs, note)
    wide = np.result_type(np.asarray(theirs).dtype, np.float64)
    bound = relative * float(np.max(np.abs(np.asarray(theirs).astype(wide)), initial=0))
    np.testing.assert_allclose(ours.astype(wide), theirs, rtol=0, atol=bound, err_msg=str(note))


def _trustworthy(ours: Array, theirs: Any, note: Any, most_zeros: float = 0.7) -> None:
    expected = np.asarray(theirs)
    assert ours.shape == expected.shape, f"{note}: our shape {ours.shape}, theirs {expected.shape}"
    if expected.size >= 20:
        zeros = np.count_nonzero(expected == 0) / expected.size
        assert zeros < most_zeros, f"{note}: {zeros:.0%} of the numbers are zero, which proves little"
