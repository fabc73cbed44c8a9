"""Single options, as callers write them, made canonical: one small parser each, with its refusal.

Every message names the option, gives the caller's own value and says what would be accepted.
"""

import difflib
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.axis import BOUNDARIES, Boundary
from convolve.dtypes import DType, kind_of
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError, TooLargeError

Pair = tuple[int, int]

LARGEST_NUMBER = 2**40
"""Sizes, paddings, strides and dilations beyond this are refused: a line of 2**40 cells is already more
than any memory holds, and below it no product of two such numbers with a filter size overflows int64
where positions are computed."""

PADDING_NAMES = ("valid", "same", "same_lower", "full", "causal")
MODE_NAMES = ("zeros", *BOUNDARIES[1:])
OTHER_MODE_NAMES = {
    "constant": "the number itself, for example padding_mode=0",
    "edge": "'replicate'",
    "nearest": "'replicate'",
    "mirror": "'reflect'",
    "wrap": "'circular'",
    "periodic": "'circular'",
    "grid-wrap": "'circular'",
    "grid-mirror": "'symmetric'",
    "reflect_101": "'reflect'",
    "reflect101": "'reflect'",
    "symm": "'symmetric'",
    "zero": "'zeros'",
    "fill": "the number itself, for example padding_mode=0",
}
"""What SciPy, OpenCV, NumPy and MATLAB call these boundaries."""


def whole_number(value: Any, name: str, least: int) -> int:
    """Return ``value`` as an int of at least ``least``."""
    if isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name} must be a whole number, got {value!r}; write 1 or 0")
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(
            f"{name} must be a whole number, got {value!r}; write one, such as 1"
        ) from None
    if number < least:
        raise ArgumentError(f"{name} must be at least {least}, got {number}; use {least} or more")
    if number > LARGEST_NUMBER:
        raise TooLargeError(f"{name} must be at most {LARGEST_NUMBER}, got {number}; use a smaller number")
    return number


def real_number(value: Any, name: str) -> float:
    """Return ``value`` as a float."""
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        return float(value)
    raise ArgumentTypeError(f"{name} must be a number, got {value!r}; write one, such as 0.5")


def flag(value: Any, name: str) -> bool:
    """Return ``value`` if it is a truth value."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ArgumentTypeError(f"{name} must be True or False, got {value!r}; write bool(…) around it")


def choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``choices``; suggest the nearest otherwise."""
    if isinstance(value, str) and value in choices:
        return value
    listed = ", ".join(repr(one) for one in choices)
    near = difflib.get_close_matches(value, choices, 1) if isinstance(value, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    kind = ArgumentError if isinstance(value, str) else ArgumentTypeError
    raise kind(f"{name} must be one of {listed}; got {value!r}{hint}")


def per_dimension(value: Any, dims: int, name: str, least: int) -> tuple[int, ...]:
    """Return one whole number per spatial dimension; a single number stands for all of them.

    >>> per_dimension(2, 3, "stride", 1)
    (2, 2, 2)
    """
    if not _is_sequence(value):
        return (whole_number(value, name, least),) * dims
    if len(value) == 1:
        return (whole_number(value[0], name, least),) * dims
    if len(value) != dims:
        raise ShapeError(
            f"{name} must be one number or one per spatial dimension: there are {dims} dimensions, "
            f"but {name}={value!r} has {len(value)} numbers; give 1 or {dims}"
        )
    return tuple(whole_number(one, name, least) for one in value)


def paddings(value: Any, dims: int) -> tuple[Pair, ...] | str:
    """Return a (before, after) pair per dimension, or the name of a padding rule.

    >>> paddings(((1, 0), 2), 2)
    ((1, 0), (2, 2))
    """
    if isinstance(value, str):
        name = choice(value, "padding", PADDING_NAMES)
        if name == "causal" and dims != 1:
            raise ArgumentError(
                f"padding='causal' needs one dimension (time), but there are {dims} spatial dimensions; "
                "give (before, after) pairs instead"
            )
        return name
    if not _is_sequence(value):
        number = whole_number(value, "padding", 0)
        return ((number, number),) * dims
    if len(value) == 1 and dims > 1 and not _is_sequence(value[0]):
        return paddings(value[0], dims)
    if len(value) != dims:
        one_pair = dims == 1 and len(value) == 2
        hint = f"for one pair write (({value[0]!r}, {value[1]!r}),)" if one_pair else f"give {dims} entries"
        raise ShapeError(
            "padding must be a number, one number or (before, after) pair per spatial dimension, or a name: "
            f"there are {dims} dimensions, but padding={value!r} has {len(value)} entries; {hint}"
        )
    return tuple(_pair(one) for one in value)


def _pair(value: Any) -> Pair:
    if not _is_sequence(value):
        number = whole_number(value, "padding", 0)
        return number, number
    if len(value) != 2:
        raise ShapeError(
            f"a padding pair must be (before, after), got {value!r} with {len(value)} numbers; give two"
        )
    return whole_number(value[0], "padding", 0), whole_number(value[1], "padding", 0)


def resolve_padding(rule: str, size: int, extent: int, stride: int) -> Pair:
    """Return the (before, after) that a named padding rule means for one dimension.

    "same" gives ceil(size / stride) outputs with the extra cell after, as in PyTorch and TensorFlow;
    "same_lower" puts it before.

    >>> resolve_padding("same", 5, 3, 1), resolve_padding("same", 6, 3, 2), resolve_padding("full", 5, 3, 1)
    ((1, 1), (0, 1), (2, 2))
    """
    if rule == "valid":
        return 0, 0
    if rule == "full":
        return extent - 1, extent - 1
    if rule == "causal":
        return extent - 1, 0
    total = max(0, (math.ceil(size / stride) - 1) * stride + extent - size)
    small, large = total // 2, total - total // 2
    return (small, large) if rule == "same" else (large, small)


def boundary_and_fill(mode: Any, dtype: DType) -> tuple[Boundary, int | float | complex]:
    """Return the boundary of a ``padding_mode`` and the number it is filled with."""
    if isinstance(mode, str):
        for boundary in BOUNDARIES[1:]:
            if mode == boundary:
                return boundary, 0
        if mode in OTHER_MODE_NAMES:
            raise ArgumentError(
                f"padding_mode must be named as here, got {mode!r}; use {OTHER_MODE_NAMES[mode]}"
            )
        choice(mode, "padding_mode", MODE_NAMES)
        return "constant", 0
    if isinstance(mode, bool | np.bool_) or not isinstance(mode, int | float | complex | np.number):
        raise ArgumentTypeError(
            f"padding_mode must be a number or one of {', '.join(map(repr, MODE_NAMES))}; got {mode!r}"
        )
    return "constant", _fill(mode, dtype)


def _fill(number: Any, dtype: DType) -> int | float | complex:
    """Return the number of the border, if the input's own dtype can hold it."""
    kind = kind_of(dtype)
    value = number.item() if isinstance(number, np.generic) else number
    if isinstance(value, complex) and kind != "complex":
        raise ArgumentError(
            f"padding_mode={value!r} is complex, but the input is {dtype}; give a real number"
        )
    if kind != "integer":
        return complex(value) if kind == "complex" and value != 0 else value
    low, high = (0, 1) if dtype.name == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if value != value or (value not in (low, high) and not (low <= value <= high and value == int(value))):
        raise ArgumentError(
            f"padding_mode={value!r} must be a value that the input can hold: {dtype} goes from {low} to "
            f"{high} in whole numbers; choose another number or convert the input"
        )
    return int(value)


def _is_sequence(value: Any) -> bool:
    """Tell whether a value has entries of its own; text and zero-dimensional arrays have none."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
