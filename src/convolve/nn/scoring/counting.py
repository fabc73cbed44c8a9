"""What counting right and wrong answers gives: accuracy, top-k, confusion matrix, precision and recall."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.options import whole_number

TWO_SIDED = 1.959963984540054
"""Standard deviations within which 95 % of a normal distribution lie."""


def confusion_matrix(targets: Any, predicted: Any, classes: int | None = None) -> Array:
    """Return how often each class was taken for which.

    Parameters
    ----------
    targets, predicted
        (N,): numbers of the classes, as they are and as they were said to be.
    classes
        How many there are; by default the largest number and 1.

    Returns
    -------
    numpy.ndarray
        (classes, classes), int64: a row for each class as it is, a column for each that was said.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        If the two do not fit together, or are no numbers of classes.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], 3).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    first, second = _numbers(targets, "targets"), _numbers(predicted, "predicted")
    if first.shape != second.shape:
        raise ShapeError(f"targets and predicted must be of one length, got {first.shape} and {second.shape}")
    highest = 1 + max(int(first.max()), int(second.max()))
    count = highest if classes is None else whole_number(classes, "classes", 1)
    if highest > count:
        raise ArgumentError(f"numbers of {count} classes must be from 0 to {count - 1}, got {highest - 1}")
    return np.bincount(first * count + second, minlength=count * count).reshape(count, count)


def top_k_accuracy(probabilities: Any, targets: Any, k: int = 5) -> float:
    """Return the share of images whose class is among the ``k`` most likely.

    Parameters
    ----------
    probabilities
        (N, classes), or scores; of equal ones the first counts as more likely, as in ``argmax``.
    targets
        (N,): numbers of the classes.
    k
        How many count; all, if there are fewer classes.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        If the two do not fit together.

    Examples
    --------
    >>> top_k_accuracy([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]], [1, 2], k=2)
    0.5
    """
    rows, numbers = rows_and_targets(probabilities, targets)
    whole_number(k, "k", 1)
    own = rows[np.arange(len(rows)), numbers][:, None]
    before = np.arange(rows.shape[1]) < numbers[:, None]
    return float(np.mean(((rows > own) | ((rows == own) & before)).sum(axis=1) < k))


def interval(right: int, images: int) -> tuple[float, float]:
    """Return between which shares the true one lies, with 95 % confidence, if that many were right.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927. It holds for
    images that were drawn independently of each other.

    Examples
    --------
    >>> tuple(round(share, 3) for share in interval(93, 100))
    (0.863, 0.966)
    """
    share, square = right / images, TWO_SIDED**2 / images
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


@dataclass(frozen=True, slots=True, eq=False)
class PerClass:
    """Precision, recall and F1 of every class.

    Attributes
    ----------
    precision
        Of the images that were said to be of the class, the share that are; NaN if none was.
    recall
        Of the images of the class, the share that were said to be; NaN if there is none.
    f1
        The harmonic mean of the two, 2·right / (images of the class + said to be); NaN if there are neither.
    images
        How many there are of the class.
    """

    precision: Array
    recall: Array
    f1: Array
    images: Array


def per_class(matrix: Any) -> PerClass:
    """Return precision, recall and F1 of a confusion matrix.

    Examples
    --------
    >>> found = per_class([[3, 1], [0, 4]])
    >>> found.precision.tolist(), found.recall.tolist()
    ([1.0, 0.8], [0.75, 1.0])
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"a confusion matrix must be (classes, classes), got {matrix.shape}")
    right, images, said = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore"):  # 0/0 is NaN, which is what there is to say
        return PerClass(right / said, right / images, 2 * right / (images + said), images)


def rows_and_targets(probabilities: Any, targets: Any) -> tuple[Array, Array]:
    """Return both as arrays, checked: (N, classes) in float64, and N numbers of classes."""
    rows, numbers = np.asarray(probabilities, np.float64), _numbers(targets, "targets")
    if rows.ndim != 2 or len(rows) != len(numbers):
        raise ShapeError(
            f"probabilities must be (N, classes), a row for each of {len(numbers)} targets; got {rows.shape}"
        )
    if not np.isfinite(rows).all():
        raise ArgumentError(
            "probabilities must be finite, got NaN or infinity; look at the network's weights"
        )
    if numbers.max() >= rows.shape[1]:
        raise ArgumentError(f"targets must be below {rows.shape[1]}, the classes; got {numbers.max()}")
    return rows, numbers


def _numbers(given: Any, name: str) -> Array:
    numbers = np.asarray(given)
    if numbers.ndim != 1 or not numbers.size:
        raise ShapeError(f"{name} must be one number for each image, at least one; got {numbers.shape}")
    if numbers.dtype.kind not in "iu":
        raise DTypeError(f"{name} must be whole numbers of classes, got {numbers.dtype}")
    if numbers.min() < 0:
        raise ArgumentError(f"{name} must be numbers of classes from 0 on, got {numbers.min()}")
    return numbers.astype(np.int64)
