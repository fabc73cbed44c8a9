"""`scores`: all figures of a classifier on some images at once; printed, as JSON, or drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.scoring.calibration import BINS, Calibration, brier_score, calibration, log_loss
from convolve.nn.scoring.counting import PerClass, confusion_matrix, interval, per_class, top_k_accuracy
from convolve.nn.scoring.drawing import draw_matrix, draw_reliability, new_pair
from convolve.nn.scoring.text import described


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """How good a classifier is; ``print`` shows it.

    Attributes
    ----------
    classes
        Names.
    images
        How many were asked.
    accuracy
        The share whose most likely class is right.
    interval
        Between which shares the accuracy on all such images lies, with 95 % confidence (Wilson).
    k, top_k
        How many classes count, and the share whose class is among so many most likely ones.
    log_loss, brier
        Of the probabilities: see `nn.log_loss` and `nn.brier_score`.
    matrix
        (classes, classes): a row for each class as it is, a column for each that was said.
    per_class
        Precision, recall, F1 and number of images of each class.
    calibration
        Whether probabilities mean what they say.
    """

    classes: tuple[str, ...]
    images: int
    accuracy: float
    interval: tuple[float, float]
    k: int
    top_k: float
    log_loss: float
    brier: float
    matrix: Array
    per_class: PerClass
    calibration: Calibration

    def __str__(self) -> str:
        return described(self)

    def as_json(self) -> dict[str, Any]:
        """Return all figures as JSON takes them; None stands for what is not defined."""
        found, bins = self.per_class, self.calibration
        rows = zip(self.classes, found.images, found.precision, found.recall, found.f1, strict=True)
        return {
            "images": self.images,
            "accuracy": self.accuracy,
            "accuracy, 95 % interval": list(self.interval),
            "top k": {"k": self.k, "accuracy": self.top_k},
            "log loss": self.log_loss,
            "Brier score": self.brier,
            "expected calibration error": bins.error,
            "maximum calibration error": bins.largest_error,
            "classes": [
                {"name": name, "images": int(images), "precision": _number(p), "recall": _number(r),
                 "F1": _number(f1)}
                for name, images, p, r, f1 in rows
            ],
            "confusion matrix": self.matrix.tolist(),
            "reliability": [
                {"above": float(low), "to": float(high), "images": int(images), "confidence": _number(sure),
                 "accuracy": _number(right)}
                for low, high, images, sure, right in zip(
                    bins.edges[:-1], bins.edges[1:], bins.images, bins.confidence, bins.accuracy, strict=True
                )
            ],
        }  # fmt: skip

    def plot(self, axes: Any = None) -> Any:
        """Draw confusion matrix and reliability diagram on two of matplotlib's axes, and return them.

        Parameters
        ----------
        axes
            Two; those of a new figure if None (extra "plot").
        """
        matrix, reliability = new_pair() if axes is None else axes
        draw_matrix(self, matrix)
        draw_reliability(self, reliability)
        return matrix, reliability


def scores(
    probabilities: Any, targets: Any, classes: Sequence[str] = (), *, k: int = 3, bins: int = BINS
) -> Scores:
    """Return all figures of a classifier on some images.

    Parameters
    ----------
    probabilities
        (N, classes), as `Classifier.probabilities` gives them.
    targets
        (N,): numbers of the classes.
    classes
        Their names; numbers if there are none.
    k
        How many classes count for top-k.
    bins
        In how many parts confidences are counted.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        If these do not fit together.

    Examples
    --------
    >>> found = scores([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ("cat", "dog"), k=1)
    >>> round(found.accuracy, 3), found.matrix.tolist()
    (0.667, [[1, 0], [1, 1]])
    """
    rows = np.asarray(probabilities, np.float64)
    reliability, top = calibration(rows, targets, bins), top_k_accuracy(rows, targets, k)
    count = rows.shape[1]
    if classes and len(classes) != count:
        raise ShapeError(f"there must be a name for each of {count} classes, or none; got {len(classes)}")
    matrix = confusion_matrix(targets, rows.argmax(axis=1), count)
    right = int(np.trace(matrix))
    names = tuple(classes) or tuple(map(str, range(count)))
    return Scores(
        names, len(rows), right / len(rows), interval(right, len(rows)), k, top, log_loss(rows, targets),
        brier_score(rows, targets), matrix, per_class(matrix), reliability,
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
