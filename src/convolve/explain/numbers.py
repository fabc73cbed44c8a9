"""Numbers as people read them and as JSON holds them."""

import math
from typing import Any

import numpy as np

from convolve.dtypes import Array

LARGEST_EXACT = 2**53
"""Whole numbers beyond this are not exact in a browser, whose numbers are all float64."""


def shown(value: Any) -> str:
    """Return a number as people read it: whole numbers in full, others with four digits.

    >>> [shown(one) for one in (3, -0.5, 2.0, 1 / 3, float("nan"), 1 + 2j)]
    ['3', '-0.5', '2', '0.3333', 'NaN', '1+2j']
    """
    plain = python_number(value)
    if isinstance(plain, int):
        return str(plain)
    if isinstance(plain, complex):
        return f"{plain.real:.4g}{plain.imag:+.4g}j"
    if not math.isfinite(plain):
        return _special(plain)
    text = f"{plain:.4g}"
    return "0" if text == "-0" else text


def as_json(value: Any) -> Any:
    """Return a number, or an array of numbers as nested lists, with only what JSON can hold exactly.

    >>> as_json(np.array([1.0, np.inf])), as_json(2**53 + 1), as_json(1j)
    ([1.0, 'Infinity'], '9007199254740993', '0+1j')
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return [as_json(part) for part in value]
    plain = python_number(value)
    if isinstance(plain, complex):
        return f"{plain.real:g}{plain.imag:+g}j"
    if isinstance(plain, float):
        return plain if math.isfinite(plain) else _special(plain)
    return plain if abs(plain) <= LARGEST_EXACT else str(plain)


def masked_json(values: Array, missing: Array) -> Any:
    """Return nested lists like `as_json`, with None where nothing is."""
    if not missing.ndim:
        return None if missing else as_json(values)
    return [masked_json(part, gone) for part, gone in zip(values, missing, strict=True)]


def python_number(value: Any) -> int | float | complex:
    """Return a NumPy or Python number as a plain int, float or complex; booleans as 0 and 1."""
    plain = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, int | float | complex):
        return plain
    return float(plain)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
