"""Integer results: exact, or refused, or what was asked for; and the last step from a sum to a result.

``overflow="raise"`` looks at values: a result is refused only if it truly does not fit. A cheap bound
(largest input times the sum of absolute weights) settles nearly every call; only where it does not are
the sums checked, and only where it exceeds int64 are they taken in Python's unbounded integers.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array, DType, kind_of, result_dtype, sum_dtype
from convolve.errors import ArgumentError, IntegerOverflowError
from convolve.spec import ConvSpec, Overflow

LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sums:
    """How the sums of one call are taken and turned into results.

    Attributes
    ----------
    dtype
        The dtype of the sums; ``object`` stands for Python's unbounded integers.
    checked
        Whether a result may lie outside the range of its dtype, so that each must be looked at.
    """

    dtype: DType
    out_dtype: DType
    overflow: Overflow
    checked: bool

    @property
    def may_refuse(self) -> bool:
        """Whether `finish` may raise, so that nothing must be written before all blocks are known."""
        to_integer = kind_of(self.out_dtype) == "integer"
        return to_integer and self.checked and (self.overflow == "raise" or self.dtype.kind not in "iO")

    def finish(self, sums: Array) -> Array:
        """Return sums as results of the final dtype, exact or as ``overflow`` says."""
        if kind_of(self.out_dtype) != "integer":
            with np.errstate(all="ignore"):
                return sums.astype(self.out_dtype)
        whole = sums if self.dtype.kind in "iO" else rounded(sums, self.overflow)
        low, high = integer_range(self.out_dtype)
        if self.overflow == "saturate":
            return saturated(whole, low, high, self.out_dtype)
        if self.overflow == "wrap":
            return wrapped(whole, self.out_dtype)
        if self.checked:
            check_range(whole, low, high, self.out_dtype)
        return whole.astype(self.out_dtype)


def plan_sums(spec: ConvSpec, first: Array, second: Array, bias: Array | None) -> Sums:
    """Return how the sums of this call must be taken, from a bound on their size."""
    result = products_dtype(spec)
    if kind_of(result) != "integer":
        return Sums(sum_dtype(result), spec.out_dtype, spec.overflow, True)
    bound = sum_bound(spec)
    if bound > largest_sum(spec):
        bound = value_bound(spec, first, second, bias)
    needs_more = bound > LARGEST_INT64 and not (
        spec.overflow == "wrap" and kind_of(spec.out_dtype) == "integer"
    )
    dtype = np.dtype(object) if needs_more else np.dtype(np.int64)
    return Sums(dtype, spec.out_dtype, spec.overflow, bound > largest_sum(spec))


def products_dtype(spec: ConvSpec) -> DType:
    """Return the dtype that results have if no other one is asked for."""
    dtypes = (spec.input_dtype, spec.weight_dtype, spec.bias_dtype)
    return result_dtype(*(dtype for dtype in dtypes if dtype is not None))


def largest_sum(spec: ConvSpec) -> int:
    """Return the bound on sums up to which no result needs to be looked at."""
    if kind_of(spec.out_dtype) != "integer":
        return LARGEST_INT64
    low, high = integer_range(spec.out_dtype)
    return high if low < 0 else 0


def sum_bound(spec: ConvSpec) -> int:
    """Return a number that no sum can exceed, whatever the values: from the dtypes alone.

    The bound of a convolution is max|x|·Σ|w| + |bias|, of that out channel for which it is largest.
    """
    added = 0 if spec.bias_dtype is None else _largest_of(spec.bias_dtype)
    largest = max(_largest_of(spec.input_dtype), abs(int(spec.fill.real)))
    if spec.operation == "weight_grad":
        terms = spec.batch * math.prod(spec.out_size)
    else:
        terms = _weight_terms(spec) * _folds(spec)
    return largest * _largest_of(spec.weight_dtype) * terms + added


def value_bound(spec: ConvSpec, first: Array, second: Array, bias: Array | None) -> int:
    """Return a number that no sum of these values can exceed."""
    added = 0 if bias is None else _largest(bias)
    largest = max(_largest(first), abs(int(spec.fill.real)))
    if spec.operation == "weight_grad":
        return largest * _largest(second) * spec.batch * math.prod(spec.out_size) + added
    return largest * _weight_sum(spec, second) * _folds(spec) + added


def _folds(spec: ConvSpec) -> int:
    """Return how many taps of a window may read the same cell: more than one where borders fold."""
    if spec.operation != "conv_transpose" or spec.boundary == "constant":
        return 1
    return math.prod(_fold(axis.source()) for axis in spec.axes)


def _weight_terms(spec: ConvSpec) -> int:
    outer = spec.in_channels if spec.operation == "conv" else spec.out_channels
    return outer // spec.groups * math.prod(spec.filter_size)


def _weight_sum(spec: ConvSpec, weight: Array) -> int:
    """Return the largest Σ|w| over the products that one result sums up."""
    if weight.size == 0:
        return 0
    fits = _largest(weight) * weight.size <= LARGEST_INT64
    sizes = np.abs(weight.astype(np.int64 if fits else object)).reshape(spec.groups, -1, *weight.shape[1:])
    if spec.operation == "conv":
        return int(sizes.reshape(weight.shape[0], -1).sum(axis=1).max())
    taps = tuple(range(3, sizes.ndim))
    return int(sizes.sum(axis=(1, *taps)).max())


def _fold(source: Array) -> int:
    """Return how often one cell is read by the same tap at most: more than once where borders fold."""
    most = 1
    for column in source.T:
        inside = column[column >= 0]
        if len(inside):
            most = max(most, int(np.unique(inside, return_counts=True)[1].max()))
    return most


def _largest(array: Array) -> int:
    """Return the largest absolute value of an integer array."""
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0


def _largest_of(dtype: DType) -> int:
    """Return the largest absolute value of an integer dtype."""
    low, high = integer_range(dtype)
    return max(-low, high)


def integer_range(dtype: DType) -> tuple[int, int]:
    """Return the smallest and largest value of an integer dtype; bool holds 0 and 1."""
    if dtype.name == "bool":
        return 0, 1
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def rounded(sums: Array, overflow: Overflow) -> Array:
    """Return float sums as whole numbers, halves to the even one; NaN has none."""
    if np.isnan(sums).any():
        raise ArgumentError(
            f"an integer out_dtype cannot hold NaN, but {int(np.isnan(sums).sum())} results are NaN; "
            "use a float out_dtype, or nan='ignore'"
        )
    if overflow == "wrap" and np.isinf(sums).any():
        raise ArgumentError(
            f"overflow='wrap' cannot wrap infinity, but {int(np.isinf(sums).sum())} results are infinite; "
            "use overflow='saturate' or a float out_dtype"
        )
    return np.rint(sums)


def saturated(whole: Array, low: int, high: int, dtype: DType) -> Array:
    """Return whole numbers with those outside the dtype's range replaced by its nearest end."""
    if whole.dtype.kind == "f":
        end = whole.dtype.type(high)
        inner = end if float(end) <= high else np.nextafter(end, whole.dtype.type(0))  # 2**63 - 1 is no float
        return np.where(whole >= end, np.array(high, dtype), np.clip(whole, low, inner).astype(dtype))
    if whole.dtype.kind == "i":
        low, high = max(low, -LARGEST_INT64 - 1), min(high, LARGEST_INT64)
    return np.clip(whole, low, high).astype(dtype)


def wrapped(whole: Array, dtype: DType) -> Array:
    """Return whole numbers modulo the dtype's range, as two's complement does."""
    low, high = integer_range(dtype)
    if whole.dtype.kind == "i":
        return (whole & 1 if dtype.name == "bool" else whole).astype(dtype)
    numbers = whole.astype(object) if whole.dtype.kind == "O" else _as_integers(whole)
    return ((numbers - low) % (high - low + 1) + low).astype(dtype)


def _as_integers(whole: Array) -> Array:
    """Return whole floats as Python's integers, which hold each of them exactly."""
    return np.array([int(one) for one in whole.ravel().tolist()], dtype=object).reshape(whole.shape)


def check_range(whole: Array, low: int, high: int, dtype: DType) -> None:
    """Refuse results that do not fit, with the worst of them."""
    if whole.size == 0:
        return
    smallest, largest = _exact(whole.min()), _exact(whole.max())
    if smallest >= low and largest <= high:
        return
    worst = largest if largest > high else smallest
    shown = worst if abs(worst) < 10**40 else f"{float(worst):g}"
    raise IntegerOverflowError(
        f"an exact result must fit its dtype: {dtype} holds {low} to {high}, but one result is {shown}; "
        "pass overflow='saturate' or 'wrap', a wider out_dtype, or a float image"
    )


def _exact(value: Any) -> Any:
    """Return a number that compares exactly with Python's integers; infinity stays infinite."""
    number = float(value) if isinstance(value, np.floating) else int(value)
    return int(number) if math.isfinite(number) else number
