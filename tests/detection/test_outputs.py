"""Foreign detectors: every layout gives the same boxes, and what is not certain is refused."""

from typing import Any

import numpy as np
import pytest

from convolve.detection.detector import names_of
from convolve.detection.outputs import Reading
from convolve.errors import ArgumentError, ShapeError
from tests.seeds import generator

FRAME = (64, 96)
CLASSES = 3
COUNT = 150


class Truth:
    """Boxes in the frame, as corners in pixels, and a score for each class."""

    def __init__(self, count: int = COUNT) -> None:
        random = generator(64)
        middle = random.uniform(8, (88, 56), (count, 2))
        half = random.uniform(2, 8, (count, 2))
        self.corners = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
        self.scores = random.uniform(0, 1, (count, CLASSES)).astype(np.float32)
        self.best, self.labels = self.scores.max(axis=1), self.scores.argmax(axis=1)

    def form(self, form: str, unit: str = "pixels") -> Any:
        """Return the boxes in another form."""
        low, high = self.corners[:, :2], self.corners[:, 2:]
        boxes = {
            "xyxy": self.corners,
            "cxcywh": np.concatenate([(low + high) / 2, high - low], axis=1),
            "xywh": np.concatenate([low, high - low], axis=1),
            "yxyx": self.corners[:, [1, 0, 3, 2]],
        }[form]
        sides = np.array([64, 96, 64, 96] if form == "yxyx" else [96, 64, 96, 64], np.float32)
        return boxes if unit == "pixels" else boxes / sides


def check(
    arrays: dict[str, Any], truth: Truth, reading: Reading | None = None, *, final: bool = False
) -> None:
    found = (reading or Reading())(arrays, FRAME)
    np.testing.assert_allclose(found.boxes, truth.corners, atol=1e-4)
    np.testing.assert_allclose(found.scores, truth.best, atol=1e-6)
    assert found.labels.tolist() == truth.labels.tolist() and found.final == final


@pytest.mark.parametrize("unit", ["pixels", "normalised"])
@pytest.mark.parametrize("form", ["xyxy", "cxcywh"])
@pytest.mark.parametrize("turned", [False, True])
def test_boxes_beside_scores(form: str, unit: str, turned: bool) -> None:
    truth = Truth()
    scores = truth.scores.T if turned else truth.scores
    check({"a": truth.form(form, unit)[None], "b": scores[None]}, truth)


@pytest.mark.parametrize("form", ["xywh", "yxyx"])
def test_forms_that_must_be_said(form: str) -> None:
    truth = Truth()
    check({"a": truth.form(form)[None], "b": truth.scores[None]}, truth, Reading.of(form, None))


@pytest.mark.parametrize("classes", [None, CLASSES])
def test_tables_of_yolo(classes: int | None) -> None:
    truth, reading = Truth(), Reading(classes=classes)
    boxes = truth.form("cxcywh")
    check({"out": np.concatenate([boxes, truth.scores], axis=1).T[None]}, truth, reading)
    anything = np.full((COUNT, 1), 0.5, np.float32)
    table = np.concatenate([boxes, anything, truth.scores * 2], axis=1)
    with pytest.raises(ArgumentError, match="scores must be from 0 to 1"):
        check({"out": table[None]}, truth, reading)
    table[:, 4:5], table[:, 5:] = 1, truth.scores
    check({"out": table[None]}, truth, reading)
    table[:, 4:5] = 0.5
    found = reading({"out": table[None]}, FRAME)
    np.testing.assert_allclose(found.scores, truth.best / 2, atol=1e-6)


def test_a_table_whose_classes_have_names() -> None:
    truth = Truth()
    table = np.concatenate([truth.form("cxcywh"), truth.scores], axis=1)
    check({"out": table[None]}, truth, Reading(classes=CLASSES))  # rows, and nothing before the classes
    with pytest.raises(ShapeError, match="for 5 classes a table must have 9 or 10 numbers"):
        Reading(classes=5)({"out": table[None]}, FRAME)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_what_is_left_after_suppression(count: int) -> None:
    truth = Truth(count)
    labels = truth.labels
    three = {"boxes": truth.corners, "labels": labels, "scores": truth.best}
    check(three, truth, final=True)
    check({"boxes": truth.corners, "scores": truth.best, "labels": labels}, truth, final=True)
    named = {
        "detection_boxes": truth.form("yxyx", "normalised")[None],
        "detection_classes": labels[None].astype(np.float32),
        "detection_scores": truth.best[None],
        "num_detections": np.array([count], np.float32),
    }
    check(named, truth, final=True)
    columns = truth.best[:, None], labels[:, None]
    table = np.concatenate([truth.corners, *columns], axis=1)
    if count:
        check({"out": table[None]}, truth, final=True)
        batch = np.concatenate([np.zeros((count, 1)), truth.corners, *columns[::-1]], axis=1)
        check({"out": batch}, truth, final=True)


def test_rows_that_do_not_count() -> None:
    truth = Truth(6)
    arrays = {"boxes": truth.corners, "labels": truth.labels, "scores": truth.best, "count": np.array([2])}
    assert len(Reading()(arrays, FRAME).boxes) == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_class_of_nothing_is_left_out(first: bool) -> None:
    truth = Truth()
    nothing = np.full((COUNT, 1), 0.95, np.float32)
    columns = [nothing, truth.scores] if first else [truth.scores, nothing]
    arrays = {"boxes": truth.corners[None], "scores": np.concatenate(columns, axis=1)[None]}
    check(arrays, truth, Reading(classes=CLASSES))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"a": np.zeros(10)}, "the model must give boxes"),
    ({"a": np.zeros((1, 3, 8, 8))}, "the model must give boxes"),
    ({"a": np.zeros((1, 9, 9))}, "boxes in rows or in columns"),
    ({"a": np.zeros((1, 5, 4)), "b": np.zeros((1, 7, 3))}, "there must be one output of scores"),
    ({"a": np.ones((1, 5, 4)), "b": np.full((1, 5, 3), 7.0)}, "export the model with its sigmoid"),
    ({"a": np.ones((1, 5, 4)), "b": np.zeros((1, 5, 3))}, "the form of 5 boxes cannot be told"),
    ({"a": np.ones((1, 6, 4)), "b": np.zeros((1, 6, 6))}, "boxes in rows or in columns"),
    ({"boxes": np.ones((5, 4)), "x": np.zeros(5), "y": np.zeros(5)}, "must be whole numbers, the classes"),
]


@pytest.mark.parametrize(("arrays", "words"), REFUSED)
def test_refusals(arrays: dict[str, Any], words: str) -> None:
    with pytest.raises((ShapeError, ArgumentError), match=words):
        Reading()(arrays, FRAME)


def test_forms_that_do_not_exist() -> None:
    with pytest.raises(ArgumentError, match="boxes must be one of xyxy, cxcywh"):
        Reading.of("xyzw", None)
    with pytest.raises(ArgumentError, match="perhaps with ,pixels or ,normalised"):
        Reading.of("xyxy,metres", None)


def test_names_that_are_no_names() -> None:
    for text in ("{0: 'a', 2: 'b'}", "[1, 2]", "__import__('os')", "(" * 100_000, "{'a': 'b'}x", b"['a']", 5):
        assert names_of(text) == ()
    assert names_of("{1: 'b', 0: 'a'}") == ("a", "b") and names_of("{'0': 'a'}") == ("a",)
