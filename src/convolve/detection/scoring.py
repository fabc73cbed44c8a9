"""How good a detector is, by COCO's rules: average precision, computed by pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from convolve.detection import coco
from convolve.detection.detector import Detector
from convolve.detection.scenes import Found, Scenes, class_numbers
from convolve.dtypes import Array
from convolve.errors import FileFormatError, MissingExtraError

LEAST = 0.01
"""Score from which on boxes are counted: what lies below hardly changes the average precision."""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Average precision of one class; None where there is nothing of it.

    Attributes
    ----------
    name
        Of the class.
    things
        How many there are.
    ap, ap50
        At overlaps from .5 to .95, and at .5.
    """

    name: str
    things: int
    ap: float | None
    ap50: float | None


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """How good a detector is.

    Attributes
    ----------
    pictures, things
        What it was asked.
    ap, ap50, ap75
        Mean over the classes of the average precision: at overlaps from .5 to .95 in steps of .05, at .5 and
        at .75; None if there is nothing to find.
    recall
        Share of the things that are found, with 100 boxes for each picture, mean over classes and overlaps.
    classes
        One by one.
    """

    pictures: int
    things: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    recall: float | None
    classes: tuple[ClassScore, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all figures as JSON takes them."""
        return asdict(self)

    def __str__(self) -> str:
        width = max(5, *(len(one.name) for one in self.classes))
        lines = [
            f"{self.pictures} pictures, {self.things} things in {len(self.classes)} classes",
            f"mAP@.5:.95  {_text(self.ap)}",
            f"mAP@.5      {_text(self.ap50)}",
            f"mAP@.75     {_text(self.ap75)}",
            f"recall@100  {_text(self.recall)}",
            "",
            f"{'class':{width}}  things  AP@.5:.95  AP@.5",
        ]
        rows = [
            f"{one.name:{width}}  {one.things:6}  {_text(one.ap):>9}  {_text(one.ap50):>5}"
            for one in self.classes
        ]
        return "\n".join(lines + rows)


def _text(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def detected(detector: Detector, scenes: Scenes) -> list[Found]:
    """Return what a detector finds in each of the scenes, with the scenes' numbers of classes.

    Raises
    ------
    ArgumentError
        If the detector does not know a class of the data.
    FileFormatError
        If a picture is not as large as the data says.
    """
    numbers = numbers_of(detector, scenes)
    found = []
    for one in scenes.scenes:
        seen = detector(one.source, threshold=LEAST)
        if seen.size != one.size:
            raise FileFormatError(
                f"{one.name} must have {one.size[0]}x{one.size[1]} pixels (height, width), as the data says; "
                f"it has {seen.size[0]}x{seen.size[1]}"
            )
        known = np.isin(seen.labels, list(numbers))
        labels = np.array([numbers[int(label)] for label in seen.labels[known]], np.int64)
        found.append(Found(seen.boxes[known], labels, seen.scores[known], seen.size))
    return found


def numbers_of(detector: Detector, scenes: Scenes) -> dict[int, int]:
    """Return the data's number of each of the detector's classes that it has."""
    if not detector.classes:
        return {place: place for place in range(len(scenes.classes))}
    used = np.unique(np.concatenate([one.labels for one in scenes.scenes]))
    from_data = class_numbers(detector.classes, [scenes.classes[k] for k in used])
    return {number: int(used[place]) for place, number in from_data.items()}


def score(scenes: Scenes, found: Sequence[Found]) -> DetectionScores:
    """Return how good what was found in scenes is.

    Parameters
    ----------
    scenes
        With the boxes that are true.
    found
        What a detector found in each, with the scenes' numbers of classes.

    Raises
    ------
    MissingExtraError
        If the package pycocotools is not installed.
    """
    evaluation = _evaluation(scenes, coco.results(scenes, found))
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    every = precision[:, :, :, 0, -1]  # overlaps, recalls, classes; of all areas, with 100 boxes
    labels = np.concatenate([one.labels[~one.crowd] for one in scenes.scenes])
    classes = tuple(
        ClassScore(name, int((labels == k).sum()), _mean(every[:, :, k]), _mean(every[0, :, k]))
        for k, name in enumerate(scenes.classes)
    )
    return DetectionScores(
        len(scenes),
        len(labels),
        _mean(every),
        _mean(every[0]),
        _mean(every[5]),
        _mean(recall[:, :, 0, -1]),
        classes,
    )


def _mean(numbers: Array) -> float | None:
    """Return the mean of what is known; −1 stands for what is not."""
    known = numbers[numbers > -1]
    return float(known.mean()) if known.size else None


def _evaluation(scenes: Scenes, results: list[dict[str, Any]]) -> Any:
    """Let pycocotools compare, without what it prints."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        raise MissingExtraError.of("pycocotools", "detection", "scoring detectors") from None
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco.as_json(scenes)
        truth.createIndex()
        found = truth.loadRes(results) if results else COCO()
        if not results:
            found.dataset = {**truth.dataset, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.params.catIds = list(scenes.numbers)  # in the data's order, not by number
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation
