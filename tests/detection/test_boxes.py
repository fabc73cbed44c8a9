"""Boxes: overlaps, suppression and letterboxes, against plain loops that share no code with the package."""

import itertools
from typing import Any

import numpy as np
import pytest

from convolve.detection import boxes as subject
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError
from tests.seeds import generator

Box = Any


def plain_iou(a: Box, b: Box) -> float:
    """Count by the definition, one number at a time."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / whole if whole > 0 else 0.0


def plain_nms(boxes: Any, scores: Any, threshold: float, classes: Any) -> list[int]:
    """Keep a box unless a better one of its class that is kept overlaps it by more (as torchvision)."""
    order = sorted(range(len(boxes)), key=lambda k: -scores[k])
    kept: list[int] = []
    for k in order:
        same = [j for j in kept if classes is None or classes[j] == classes[k]]
        if all(plain_iou(boxes[j], boxes[k]) <= threshold for j in same):
            kept.append(k)
    return kept


def some_boxes(random: np.random.Generator, count: int) -> Any:
    """Whole numbers, so that ties and touching edges happen."""
    first = random.integers(0, 30, (count, 2))
    return np.concatenate([first, first + random.integers(1, 20, (count, 2))], axis=1).astype(float)


def test_iou_is_the_definition() -> None:
    random = generator(61)
    a, b = some_boxes(random, 40), some_boxes(random, 50)
    expected = [[plain_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(subject.iou(a, b), expected, rtol=1e-12, atol=0)
    assert (subject.iou(a, b) > 0).mean() > 0.1  # not a comparison of zeros


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("labelled", [False, True])
def test_nms_is_torchvisions(threshold: float, labelled: bool) -> None:
    random = generator(61)
    for _ in range(20):
        boxes = some_boxes(random, 60)
        scores = random.integers(0, 40, 60) / 40  # with ties
        classes = random.integers(0, 3, 60) if labelled else None
        kept = subject.nms(boxes, scores, threshold, classes)
        assert kept.tolist() == plain_nms(boxes, scores, threshold, classes)


def test_nms_leaves_out_nan_and_takes_nothing() -> None:
    assert subject.nms([[0, 0, 1, 1], [5, 5, 6, 6]], [np.nan, 0.1]).tolist() == [1]
    assert subject.nms(np.zeros((0, 4)), []).tolist() == []
    assert subject.iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)


def test_boxes_without_area() -> None:
    assert subject.areas([[3, 3, 1, 9]]).tolist() == [0]
    assert subject.iou([[1, 1, 1, 1]], [[1, 1, 1, 1], [0, 0, 5, 5]]).tolist() == [[0, 0]]


def test_coco_and_back() -> None:
    boxes = some_boxes(generator(61), 20)
    np.testing.assert_array_equal(subject.from_xywh(subject.to_xywh(boxes)), boxes)
    middles = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    np.testing.assert_array_equal(subject.from_centres(middles), boxes)


@pytest.mark.parametrize(
    ("source", "frame"), list(itertools.product([(480, 640), (37, 5), (1, 900)], [(64, 64), (96, 33)]))
)
def test_letterbox_and_back(source: tuple[int, int], frame: tuple[int, int]) -> None:
    box = subject.Letterbox(source, frame)
    whole = [[0, 0, source[1], source[0]]]
    inside = box.into_frame(whole)
    np.testing.assert_allclose(subject.clip(inside, frame), inside, atol=1e-9)  # nothing is cut off
    wide, high = inside[0, 2] - inside[0, 0], inside[0, 3] - inside[0, 1]
    assert np.isclose(wide, frame[1]) or np.isclose(high, frame[0])  # and it fills the frame one way
    boxes = some_boxes(generator(61), 20)
    np.testing.assert_allclose(box.into_source(box.into_frame(boxes)), boxes, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: subject.iou([[0, 0, 1]], [[0, 0, 1, 1]]), ShapeError, r"a must have the shape \(N, 4\)"),
        (lambda: subject.iou([["a", 0, 1, 1]], []), ArgumentTypeError, "a must be an array of numbers"),
        (lambda: subject.nms([[0, 0, 1, 1]], [1, 2]), ShapeError, "scores must be one number for each of 1"),
        (lambda: subject.nms([[0, 0, 1, 1]], ["x"]), ArgumentTypeError, "scores must be numbers"),
        (
            lambda: subject.nms([[0, 0, 1, 1]], [1], 1.5),
            ArgumentError,
            "threshold must be from 0 to 1",
        ),
        (lambda: subject.Letterbox((0, 3), (4, 4)), ShapeError, "must have cells"),
    ],
)
def test_refusals(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
