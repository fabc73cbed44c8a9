"""What the network should say at each place of its grids, for boxes that are known.

A box is asked for on the grid whose places lie as far apart as its size suggests, at the places near its
middle; where boxes compete for a place, the smaller one has it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convolve.detection.boxes import CORNERS, areas
from convolve.detection.loss import IGNORED, NOTHING
from convolve.detection.network import STRIDES
from convolve.dtypes import Array

LARGEST = 4.0
"""Strides that a box's longer side may have on its grid; longer ones are asked for on the next one."""

NEAR = 1.0
"""Strides from a box's middle, along each dimension, within which places are asked for it."""


LEAST_DISTANCE = 0.05
"""Strides from a place to a side, at least, as only the logarithm is learned: where a box is so narrow that
it holds no place, the nearest one finds it, a little too large."""


@dataclass(frozen=True)
class Grid:
    """All places of the three grids.

    Attributes
    ----------
    centres
        (places, 2): x, y, in pixels; the finest grid first, row by row.
    strides
        (places): pixels between a place and its neighbours.
    """

    centres: Array
    strides: Array

    @staticmethod
    def of(size: Sequence[int]) -> "Grid":
        """Return the places for pictures of some (height, width)."""
        centres, strides = [], []
        for stride in STRIDES:
            rows, columns = (math.ceil(side / stride) for side in size)
            y, x = np.divmod(np.arange(rows * columns), columns)
            centres.append((np.stack([x, y], axis=1) + 0.5) * stride)
            strides.append(np.full(rows * columns, stride))
        return Grid(np.concatenate(centres), np.concatenate(strides))

    def targets(self, boxes: Array, labels: Array, crowd: Array) -> Array:
        """Return what is wanted at each place: float32 (5, places), as `DetectionLoss` takes it."""
        wanted = np.zeros((1 + CORNERS, len(self.strides)), np.float32)
        wanted[0] = NOTHING
        order = np.argsort(-areas(boxes) - crowd * 1e18, kind="stable")  # the last one has the last word
        for box, label, many in zip(boxes[order], labels[order], crowd[order], strict=True):
            if many:
                wanted[0, self._inside(box)] = IGNORED
            else:
                places = self._places(box)
                wanted[0, places] = label
                wanted[1:, places] = np.maximum(self._distances(box)[places].T, LEAST_DISTANCE)
        return wanted

    def _distances(self, box: Array) -> Array:
        """Return how far the sides of a box are from each place (places, 4), in its strides."""
        apart = np.concatenate([self.centres - box[:2], box[2:] - self.centres], axis=1)
        return np.asarray(apart / self.strides[:, None])

    def _inside(self, box: Array) -> Array:
        return np.asarray(self._distances(box).min(axis=1) > 0)

    def _places(self, box: Array) -> Array:
        """Return at which places a box is asked for: the one next to its middle if no other is in it."""
        longer = (box[2:] - box[:2]).max()
        fitting = [stride for stride in STRIDES if longer <= LARGEST * stride]
        of_grid = self.strides == (fitting[0] if fitting else STRIDES[-1])
        away = np.abs(self.centres - (box[:2] + box[2:]) / 2).max(axis=1) / self.strides
        near = of_grid & (away < NEAR) & self._inside(box)
        return np.asarray(near if near.any() else of_grid & (away == away[of_grid].min()))
