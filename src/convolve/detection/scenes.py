"""`Scenes`: pictures in which things are known, as boxes with classes: to learn from, and to score with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.detection.boxes import as_boxes
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.files import Picture


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One picture, and what is in it.

    Attributes
    ----------
    name
        Of the picture: its path as a COCO file writes it.
    source
        The picture, or the path of its file.
    size
        (height, width) in pixels.
    boxes
        (N, 4): x1, y1, x2, y2, in pixels.
    labels
        (N): numbers of classes.
    crowd
        (N): whether a box stands around many things at once; nothing is learned from it, and what is found
        in it is not counted.
    areas
        (N): of the things, in pixels; of the boxes if None.
    number
        Of the picture in a COCO file.
    """

    name: str
    source: Picture | Path
    size: tuple[int, int]
    boxes: Array
    labels: Array
    crowd: Any = None
    areas: Any = None
    number: int = 1

    def __post_init__(self) -> None:
        boxes = as_boxes(self.boxes)
        object.__setattr__(self, "boxes", boxes)
        sides = boxes[:, 2:] - boxes[:, :2]
        given = {"labels": self.labels, "crowd": self.crowd, "areas": self.areas}
        usual = {"labels": None, "crowd": np.zeros(len(boxes), bool), "areas": sides[:, 0] * sides[:, 1]}
        for name, numbers in given.items():
            found = np.asarray(usual[name] if numbers is None else numbers)
            if found.shape != (len(boxes),):
                raise ShapeError(f"{name} must be one for each of {len(boxes)} boxes, got {found.shape}")
            object.__setattr__(self, name, found)


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Pictures in which things are known.

    Attributes
    ----------
    scenes
        One after the other.
    classes
        Names of the classes.
    numbers
        Those of the classes in a COCO file, which need not follow one another.
    """

    scenes: tuple[Scene, ...]
    classes: tuple[str, ...]
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.numbers:
            object.__setattr__(self, "numbers", tuple(range(1, len(self.classes) + 1)))
        labels = np.concatenate([one.labels for one in self.scenes]) if self.scenes else np.zeros(0)
        if labels.size and not (labels.min() >= 0 and labels.max() < len(self.classes)):
            raise ArgumentError(
                f"labels must be from 0 to {len(self.classes) - 1}, one of {len(self.classes)} classes; got "
                f"{labels.min()} to {labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def boxes(self) -> int:
        """How many boxes there are in all scenes."""
        return sum(len(one.boxes) for one in self.scenes)


def class_numbers(classes: Sequence[str], wanted: Sequence[str]) -> dict[int, int]:
    """Return which number among ``classes`` each of the wanted ones has, by their names.

    Raises
    ------
    ArgumentError
        If one is missing.
    """
    missing = [name for name in wanted if name not in classes]
    if missing:
        raise ArgumentError(
            f"the detector must know each class of the data, but has no {missing[0]!r}; it has "
            f"{', '.join(classes[:20])}"
        )
    return {place: classes.index(name) for place, name in enumerate(wanted)}


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a detector finds in one picture, the best first.

    Attributes
    ----------
    boxes
        (N, 4): x1, y1, x2, y2, in pixels of the picture.
    labels
        (N): numbers of classes.
    scores
        (N): from 0 to 1.
    size
        (height, width) of the picture.
    """

    boxes: Array
    labels: Array
    scores: Array
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.scores)
