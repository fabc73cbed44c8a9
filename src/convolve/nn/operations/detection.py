"""Detection: of boxes that overlap, the best one is kept (non-maximum suppression)."""

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import flag
from convolve.nn.operation import WHOLE, Node, Operation, everything, table
from convolve.nn.tensor import Tensor, UnknownUntilRun, check_ndim


def corners(boxes: Array, from_center: bool) -> Array:
    """Return boxes (N, 4) as (first row, first column, last row, last column)."""
    if from_center:  # x, y, width, height
        half = boxes[:, 3:1:-1] / 2
        middle = boxes[:, 1::-1]
        return np.concatenate([middle - half, middle + half], axis=1)
    first, last = boxes[:, :2], boxes[:, 2:]
    return np.concatenate([np.minimum(first, last), np.maximum(first, last)], axis=1)


def overlaps(box: Array, others: Array) -> Array:
    """Return the intersection over the union of one box with each of the others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.maximum(0, high - low), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2]) - shared
    return np.asarray(np.divide(shared, areas, out=np.zeros_like(shared), where=areas > 0))


def suppressed(boxes: Array, scores: Array, most: int, overlap: float) -> list[int]:
    """Return the places of the boxes that are kept, the best first."""
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while waiting.size and len(kept) < most:
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps(boxes[best], boxes[waiting]) <= overlap]
    return kept


def non_maximum_suppression(
    boxes: Array, scores: Array, *, most: int, overlap: float = 0.5, least: float = -np.inf
) -> Array:
    """Return the boxes that are kept: of those of one class that overlap, the one with the best score.

    Parameters
    ----------
    boxes
        (batch, boxes, 4): first row, first column, last row, last column.
    scores
        (batch, classes, boxes).
    most
        Boxes kept of each class and image.
    overlap
        Intersection over union from which on the worse of two boxes is left out.
    least
        Boxes must have a better score.

    Returns
    -------
    numpy.ndarray
        int64 (kept, 3): image, class and box, the best of each class first. As ONNX's ``NonMaxSuppression``.

    Raises
    ------
    ShapeError
        If boxes and scores do not belong to each other.

    Examples
    --------
    >>> import numpy as np
    >>> boxes = np.array([[[0, 0, 9, 9], [0, 1, 9, 9], [20, 20, 30, 30]]], np.float32)
    >>> non_maximum_suppression(boxes, np.array([[[0.6, 0.9, 0.5]]], np.float32), most=10).tolist()
    [[0, 0, 1], [0, 0, 2]]
    """
    _check(Tensor.of(boxes), Tensor.of(scores))
    found = []
    for image, label in np.ndindex(scores.shape[:2]):
        worth = np.flatnonzero(scores[image, label] > least)
        laid = corners(boxes[image, worth], from_center=False)
        kept = suppressed(laid, scores[image, label, worth], most, overlap)
        found += [(image, label, int(worth[place])) for place in kept]
    return np.array(found, np.int64).reshape(-1, 3)


def _infer(_node: Node, boxes: Tensor, scores: Tensor, *_limits: Tensor | None) -> Tensor:
    _check(boxes, scores)
    raise UnknownUntilRun  # how many boxes are kept depends on their scores


def _check(boxes: Tensor, scores: Tensor) -> None:
    check_ndim(boxes, 3, 3, "boxes")
    check_ndim(scores, 3, 3, "scores")
    if boxes.shape[2] != 4 or (boxes.shape[0], boxes.shape[1]) != (scores.shape[0], scores.shape[2]):
        raise ShapeError(
            f"boxes must be (batch, boxes, 4) and scores (batch, classes, boxes); got {boxes.shape} and "
            f"{scores.shape}"
        )


def _number(array: Array | None, default: float) -> float:
    return default if array is None or not array.size else float(array.reshape(-1)[0])


def _forward(
    node: Node,
    boxes: Array,
    scores: Array,
    most: Array | None = None,
    overlap: Array | None = None,
    least: Array | None = None,
) -> Array:
    laid = corners(boxes.reshape(-1, 4), node["center_point_box"]).reshape(boxes.shape)
    limits = {"overlap": _number(overlap, 0), "least": _number(least, -np.inf)}
    return non_maximum_suppression(laid, scores, most=int(_number(most, 0)), **limits)


TABLE = table(
    Operation(
        "NonMaxSuppression",
        (2, 5),
        _infer,
        _forward,
        WHOLE,
        attributes={"center_point_box": flag()},
        window=everything,
    )
)
