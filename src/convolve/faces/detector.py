"""`FaceDetector`: a small network that is run over every size of a picture, as one convolution per size.

It has learned from patches of 25 × 25 cells, of which it makes one number. All its layers are convolutions,
so of a larger picture it makes a map of such numbers, one for every fourth window.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.detection import clip, iou, nms
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from convolve.faces.patches import WINDOW, grey
from convolve.faces.pyramid import levels
from convolve.files import Picture
from convolve.nn import models, storing
from convolve.nn.network import Network
from convolve.nn.operations.activation import sigmoid
from convolve.options import real_number

SCORE = 0.95
"""Score from which on a window is a face, if nobody says: see docs/faces.md for what lies above it."""

OVERLAP = 0.3
"""Intersection over union from which on two windows are one face: people's heads rarely overlap so much."""

NEIGHBOURS = 0.5
"""Intersection over union from which on a window says where the face is, beside the best one."""

WITHIN = 0.7
"""Share of a box inside a better one from which on it is left out: a mouth is a part of the face."""

SMALLEST_SHARE = 16
"""Without a wish, faces are looked for whose side is a 16th of the picture's shorter side, or more."""

FACT = "face detector"


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """What was found in a picture.

    Attributes
    ----------
    boxes
        (N, 4): x1, y1, x2, y2 in pixels; the best first.
    scores
        (N): from 0 to 1, what the network makes of the best window; no probability for a picture like this.
    """

    boxes: Array
    scores: Array

    def __len__(self) -> int:
        return len(self.boxes)


class FaceDetector:
    """A network that tells faces from other patches, to be run over pictures.

    Parameters
    ----------
    network
        Of grey pictures (N, 1, height, width) of any size; it gives one number, a logit, for a patch of
        25 × 25, and for more cells one for every fourth window.
    score
        From which on a window is a face, from 0 to 1.

    Raises
    ------
    ShapeError, ArgumentError
        If it is no such network.
    """

    def __init__(self, network: Network, *, score: float = SCORE) -> None:
        self.network, self.score = network, checked_score(score)
        shape = network.inputs[0].shape if len(network.inputs) == 1 else ()
        if len(shape) != 4 or shape[1] != 1 or any(isinstance(size, int) for size in shape[2:]):
            raise ShapeError("a face detector must take grey pictures (N, 1, any height, any width)")
        for side, cells in ((WINDOW, 1), (WINDOW + 4, 2)):
            found = np.shape(network(np.zeros((1, 1, side, side), np.float32)))
            if found != (1, 1, cells, cells):
                raise ShapeError(
                    f"a face detector must make {cells} x {cells} numbers of {side} x {side} cells, "
                    f"it made {found}"
                )
        self.digest = self._digest()

    def _digest(self) -> str:
        """Return what tells this detector from others."""
        graph = self.network.graph
        found = hashlib.sha256(json.dumps(storing.as_json(graph), sort_keys=True, default=str).encode())
        for name in sorted(graph.constants):
            found.update(name.encode() + np.ascontiguousarray(graph.constants[name]).tobytes())
        return found.hexdigest()

    def __call__(
        self, picture: Picture, *, score: float | None = None, smallest: float | None = None
    ) -> Faces:
        """Return the faces of a picture.

        Parameters
        ----------
        picture
            Grey or coloured.
        score
            From which on a window is a face; the detector's own if None.
        smallest
            Side in pixels of the smallest face looked for; a 16th of the picture's shorter side, and at
            least 25, if None.

        Returns
        -------
        Faces
            The best first. A face whose window is not wholly in the picture is not found.
        """
        cells = grey(picture)
        least = max(WINDOW, min(cells.shape) / SMALLEST_SHARE) if smallest is None else smallest
        boxes, logits = self.windows(cells, self.score if score is None else checked_score(score), least)
        kept = grouped(boxes, logits)
        middles = np.array([_middle(boxes, logits, place) for place in kept]).reshape(-1, 4)
        return Faces(clip(middles, (cells.shape[0], cells.shape[1])), sigmoid(logits[kept]))

    def windows(self, cells: Array, score: float, smallest: float) -> tuple[Array, Array]:
        """Return all windows above a score, before they are grouped: boxes (N, 4) and logits (N)."""
        boxes, logits = [np.zeros((0, 4))], [np.zeros(0)]
        for level in levels(cells, smallest):
            found = self.logits(level.cells[None, None])[0, 0]
            rows, columns = np.nonzero(sigmoid(found) >= score)
            boxes.append(level.boxes(rows, columns))
            logits.append(found[rows, columns])
        return np.concatenate(boxes), np.concatenate(logits)

    def logits(self, cells: Array) -> Array:
        """Return what the network makes of (N, 1, height, width), float64: a map of logits for each."""
        return np.asarray(self.network(cells), np.float64)

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write it, as `convolve.nn.save` writes networks: ".safetensors" or ONNX."""
        models.write(path, self.network, {FACT: {"version": 1, "score": self.score}}, force=force)

    @staticmethod
    def load(path: str | Path) -> "FaceDetector":
        """Read a detector from a file that `save` wrote.

        Raises
        ------
        ConvolveError
            As `convolve.load`; or if it is no face detector.
        """
        network, facts = models.read(path)
        about = facts.get(FACT)
        if not isinstance(about, dict) or about.get("version") != 1:
            raise FileFormatError(
                f'{path} must be a face detector of this version; "convolve faces train" writes one'
            )
        try:
            return FaceDetector(network, score=about.get("score"))  # type: ignore[arg-type]  # checked there
        except ConvolveError as error:
            raise FileFormatError(f"{path}: {error}") from None


def checked_score(value: Any) -> float:
    """Return a score that is one."""
    number = real_number(value, "score")
    if not 0 < number < 1:
        raise ArgumentError(f"score must be between 0 and 1, got {value}")
    return number


def grouped(boxes: Array, logits: Array) -> Array:
    """Return which windows stand for a face each: the best of those that overlap or lie in each other."""
    kept: list[int] = []
    for place in nms(boxes, logits, OVERLAP):
        if not any(_inside(boxes[place], boxes[other]) for other in kept):
            kept.append(int(place))
    return np.array(kept, np.int64)


def _inside(box: Array, other: Array) -> bool:
    """Whether most of the smaller of two boxes lies in the larger one."""
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    smaller = min(float(np.prod(one[2:] - one[:2])) for one in (box, other))
    return bool((sides > 0).all() and float(np.prod(sides)) > WITHIN * smaller)


def _middle(boxes: Array, logits: Array, place: int) -> Array:
    """Return the mean of a window and its neighbours, each counting by its odds."""
    near = iou(boxes[place : place + 1], boxes)[0] >= NEIGHBOURS
    weights = np.exp(logits[near] - logits[near].max())
    return np.asarray((boxes[near] * weights[:, None]).sum(axis=0) / weights.sum())
