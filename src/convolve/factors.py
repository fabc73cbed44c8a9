"""Whether filters are separable: sums of a few products of one-dimensional filters, which take less work.

Whole numbers are taken apart exactly or not at all. Others may differ from the product of their factors by a
few roundings: each by itself (rank 1), or altogether (higher rank, by the singular value decomposition).
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array

LEAST_TAPS = 25
"""Taps of a filter from which on it can gain: 5 × 5 or 3 × 3 × 3."""

LARGEST_WHOLE = 2**53
"""Up to here the products of factors are compared exactly, in float64."""

ROUNDINGS = 8
"""Half units in the last place by which a product of factors may differ from a weight: the weight itself, the
factors and their product are each rounded once or twice."""

Lines = tuple[Array, ...]
"""One-dimensional filters, one for each dimension."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Filters as sums of products of lines.

    Attributes
    ----------
    terms
        Products in each sum; where a filter needs fewer, the others are 0.
    packed
        Shape (groups, filters, terms, 1, 1, depth + height + width): the lines one after another. That of a
        dimension with one tap is 1, except for the last.
    boxes
        Per dimension: whether all numbers of each line are equal.
    """

    terms: int
    packed: Array
    boxes: tuple[bool, bool, bool]


def may_gain(taps: Sequence[int]) -> bool:
    """Whether filters of such a shape can be cheaper as products of lines.

    >>> may_gain((5, 5)), may_gain((1, 100)), may_gain((3, 3))
    (True, False, False)
    """
    return math.prod(taps) >= LEAST_TAPS and sum(length > 1 for length in taps) > 1


def factors(weights: Array) -> Factors | None:
    """Return filters of shape (groups, filters, 1, depth, height, width) as products, or None.

    Examples
    --------
    >>> found = factors(np.outer([1, 2, 1], [3, 0, -3]).astype("f").reshape(1, 1, 1, 1, 3, 3))
    >>> found.terms, found.packed.ravel()
    (1, array([ 1.,  1.,  2.,  1.,  3.,  0., -3.], dtype=float32))
    """
    return _factors(weights.tobytes(), weights.shape, weights.dtype.name)


@functools.lru_cache(maxsize=256)
def _factors(content: bytes, shape: tuple[int, ...], dtype: str) -> Factors | None:
    weights = np.frombuffer(content, dtype).reshape(shape)
    if not np.isfinite(weights).all():
        return None
    groups, filters, _, *taps = shape
    found = []
    for one in weights.reshape(-1, *taps):
        terms = _terms(one)
        if terms is None:
            return None
        found.append(terms)
    most = max(map(len, found))
    packed = np.zeros((groups * filters, most, sum(taps)), dtype)
    for place, terms in zip(packed, found, strict=True):
        place[: len(terms)] = [np.concatenate(lines) for lines in terms]
    depth, height, width = (_equal(lines) for lines in np.split(packed, np.cumsum(taps)[:-1], axis=2))
    return Factors(most, packed.reshape(groups, filters, most, 1, 1, -1), (depth, height, width))


def _equal(lines: Array) -> bool:
    """Whether all numbers of each line are equal."""
    return bool((lines == lines[..., :1]).all())


def _terms(weight: Array) -> list[Lines] | None:
    """Return the products whose sum is a filter, or None if there are too many to be cheaper."""
    whole = _is_whole(weight)
    one = _exact(weight) if whole else _single(weight)
    if one is not None:
        return [one]
    if whole:
        return None
    limit = math.prod(weight.shape) // (2 * sum(weight.shape))
    terms = list(itertools.islice(_singular(weight), limit + 1))
    return terms if len(terms) <= limit else None


def _is_whole(weight: Array) -> bool:
    """Whether somebody counts with these: whole numbers below those that have no fraction anyway."""
    if weight.dtype.kind == "i":
        return True
    return bool((weight == np.rint(weight)).all() and np.abs(weight).max() < 2 / np.finfo(weight.dtype).eps)


def _exact(weight: Array) -> Lines | None:
    """Return the lines of whole numbers whose product is a filter of whole numbers, or None.

    All lines of a product along one dimension are multiples of one line, and whole multiples of it if its
    numbers have no common divisor. So the lines through the largest weight, so reduced, are the factors.
    """
    if max(abs(int(weight.max())), abs(int(weight.min()))) >= LARGEST_WHOLE:
        return None
    through = [[int(number) for number in line] for line in _through_largest(weight)]
    common = [math.gcd(*line) or 1 for line in through]
    lines = [[number // each for number in line] for line, each in zip(through, common, strict=True)]
    lines[:-1] = [line if len(line) > 1 else [1] for line in lines[:-1]]
    pivot = [line[place] for line, place in zip(lines, _largest(weight), strict=True)]
    if 0 in pivot:  # all are
        return _as_lines(lines, weight)
    whole = int(weight[_largest(weight)]) // math.prod(pivot)
    lines[-1] = [whole * number for number in lines[-1]]
    found = _as_lines(lines, weight)
    return found if np.array_equal(_product(found), weight) else None


def _as_lines(lines: Sequence[Sequence[int]], weight: Array) -> Lines:
    return tuple(np.array(line, weight.dtype) for line in lines)


def _single(weight: Array) -> Lines | None:
    """Return the lines whose product is a filter but for a few roundings of each weight, or None."""
    wide = weight.astype(np.float64)
    *others, last = _through_largest(wide)
    scaled = [line / wide[_largest(weight)] for line in others]
    lines = _balanced([*scaled, last], weight)
    allowed = ROUNDINGS * np.finfo(weight.dtype).eps / 2 * np.abs(wide) + np.finfo(weight.dtype).tiny
    return lines if (np.abs(_product(lines) - wide) <= allowed).all() else None


def _singular(weight: Array) -> Iterator[Lines]:
    """Yield products, the largest first, until what is left is a few roundings of the whole filter."""
    allowed = ROUNDINGS / 2 * np.finfo(weight.dtype).eps / 2 * np.linalg.norm(weight)
    depth, height, width = weight.shape
    for line, rest in _split(weight.astype(np.float64).reshape(depth, -1), allowed):
        for column, row in _split(rest.reshape(height, width), allowed):
            yield _balanced([line, column, row], weight)


def _split(matrix: Array, allowed: float) -> Iterator[tuple[Array, Array]]:
    """Yield columns and rows whose products sum up to a matrix but for so much, in least squares."""
    columns, sizes, rows = np.linalg.svd(matrix, full_matrices=False)
    left = np.sqrt(np.cumsum(sizes[::-1] ** 2))[::-1]
    for column, size, row in zip(columns.T, sizes[left > allowed], rows, strict=False):
        yield column, size * row


def _balanced(lines: Sequence[Array], weight: Array) -> Lines:
    """Return lines scaled by powers of two: only the last pass can make numbers larger than its cells."""
    *others, last = lines
    scaled = []
    for line in others:
        if len(line) == 1:  # no pass goes along a dimension of one tap
            last = last * line[0]
            scaled.append(np.ones(1, weight.dtype))
            continue
        power = 2.0 ** math.frexp(float(np.abs(line).sum()))[1]
        scaled.append((line / power).astype(weight.dtype))
        last = last * power
    return (*scaled, last.astype(weight.dtype))


def _largest(weight: Array) -> tuple[int, ...]:
    """Return the place of the largest weight."""
    return tuple(int(place) for place in np.unravel_index(np.abs(weight).argmax(), weight.shape))


def _through_largest(weight: Array) -> list[Array]:
    """Return the line of weights through the largest one, in each dimension."""
    z, y, x = _largest(weight)
    return [weight[:, y, x], weight[z, :, x], weight[z, y, :]]


def _product(lines: Sequence[Array]) -> Array:
    """Return the product of lines in float64: exact for two lines of float32."""
    return functools.reduce(np.multiply.outer, [line.astype(np.float64) for line in lines])
