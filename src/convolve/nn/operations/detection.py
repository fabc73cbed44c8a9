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


def _infer(_node: Node, boxes: Tensor, scores: Tensor, *_limits: Tensor | None) -> Tensor:
    check_ndim(boxes, 3, 3, "boxes")
    check_ndim(scores, 3, 3, "scores")
    if boxes.shape[2] != 4 or (boxes.shape[0], boxes.shape[1]) != (scores.shape[0], scores.shape[2]):
        raise ShapeError(
            f"boxes must be (batch, boxes, 4) and scores (batch, classes, boxes); got {boxes.shape} and "
            f"{scores.shape}"
        )
    raise UnknownUntilRun  # how many boxes are kept depends on their scores


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
    count, limit, threshold = int(_number(most, 0)), _number(overlap, 0), _number(least, -np.inf)
    found = []
    for image in range(scores.shape[0]):
        laid = corners(boxes[image], node["center_point_box"])
        for label in range(scores.shape[1]):
            worth = np.flatnonzero(scores[image, label] > threshold)
            kept = suppressed(laid[worth], scores[image, label, worth], count, limit)
            found += [(image, label, int(worth[place])) for place in kept]
    return np.array(found, np.int64).reshape(-1, 3)


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
