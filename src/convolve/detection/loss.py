"""What the detector's network makes small, with its gradient: three losses of each place in one.

Whether a place shows anything: a focal loss, in which the many places that plainly show nothing hardly count
(Lin et al., 2017). Of the places that do: the cross entropy of their classes, and 1 − generalised
intersection over union of their boxes (Rezatofighi et al., 2019).
"""

from dataclasses import dataclass

import numpy as np

from convolve.detection.boxes import CORNERS
from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.operations.activation import sigmoid, softplus
from convolve.nn.training.losses import CrossEntropyLoss, Loss

NOTHING, IGNORED = -1, -2
"""Labels of places that show nothing, and of places from which nothing is learned."""

FARTHEST = 8.0
"""Logarithm of a distance in strides beyond which it does not count: e⁸ strides are no picture's size."""

BEFORE_CLASSES = CORNERS + 1
"""Numbers of a place before those of its classes: four distances, and whether there is anything."""


@dataclass(frozen=True)
class DetectionLoss(Loss):
    """The loss of `raw_network`: whether there is anything, its class and its box.

    Parameters
    ----------
    focus
        How much less a place counts that is nearly right: power of the difference.
    box_weight
        How much boxes count beside the others.

    Examples
    --------
    >>> import numpy as np
    >>> output = np.zeros((1, 7, 2), np.float32)  # two classes, two places
    >>> target = np.array([[[1, -1], [1, 0], [1, 0], [1, 0], [1, 0]]], np.float32)
    >>> value, gradient = DetectionLoss()(output, target)
    >>> round(value, 4), bool(gradient[0, :4].any()), gradient[0, 5:].tolist()
    (1.0397, False, [[0.5, 0.0], [-0.5, 0.0]])
    """

    focus: float = 2.0
    box_weight: float = 2.0

    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss for targets (N, 5, places): label, then distances in strides; and its gradient.

        Raises
        ------
        ShapeError
            If outputs (N, 5 + classes, places) and targets do not belong to each other.
        """
        count, channels, places = output.shape if output.ndim == 3 else (0, 0, 0)
        if channels <= BEFORE_CLASSES or target.shape != (count, 1 + CORNERS, places):
            raise ShapeError(
                f"outputs must be (N, 5 + classes, places), and targets (N, 5, places); got {output.shape} "
                f"and {target.shape}"
            )
        image, place = np.nonzero(target[:, 0] >= 0)
        share = 1 / max(1, len(image))
        gradient = np.zeros_like(output)
        value, slope = self._anything(output[:, CORNERS], target[:, 0])
        gradient[:, CORNERS] = slope * np.float32(share)
        value *= share
        if len(image):
            chosen, wanted = output[image, :, place], target[image, :, place]
            lost, into = box_loss(chosen[:, :CORNERS], wanted[:, 1:])
            gradient[image, :CORNERS, place] = into * np.float32(self.box_weight * share)
            wrong, slope = CrossEntropyLoss()(chosen[:, BEFORE_CLASSES:], wanted[:, 0].astype(np.int64))
            gradient[image, BEFORE_CLASSES:, place] = slope
            value += wrong + self.box_weight * share * float(lost.sum())
        return value, gradient

    def _anything(self, logits: Array, labels: Array) -> tuple[float, Array]:
        """Return the loss of whether there is anything, summed up, and its slope at each place."""
        p, wanted, counts = sigmoid(logits), (labels >= 0).astype(logits.dtype), labels != IGNORED
        cross, away = softplus(logits) - wanted * logits, p - wanted
        weight = np.abs(away) ** self.focus
        sharper = self.focus * np.abs(away) ** (self.focus - 1) * np.sign(away) * p * (1 - p)
        value = float((weight * cross * counts).sum(dtype=np.float64))
        return value, (weight * away + sharper * cross) * counts


def box_loss(output: Array, target: Array) -> tuple[Array, Array]:
    """Return 1 − GIoU (P) and its gradient (P, 4) for logarithms of the distances (P, 4).

    The distances of ``output`` and ``target`` are of the sides left, up, right and down from the same place,
    which lies in both boxes.
    """
    logs = output.astype(np.float64)
    sides = np.exp(np.minimum(logs, FARTHEST))
    inner, outer = np.minimum(sides, target), np.maximum(sides, target)
    shared, hull, area = (_product(one) for one in (inner, outer, sides))
    union = area + _product(target) - shared
    # of shared, hull and area with respect to each side: the length of the other dimension
    d_shared = np.where(sides < target, _across(inner), 0)
    d_hull = np.where(sides > target, _across(outer), 0)
    d_union = _across(sides) - d_shared
    shared, hull, union = (one[:, None] for one in (shared, hull, union))
    slope = (shared * d_union - d_shared * union) / union**2 + (union * d_hull - d_union * hull) / hull**2
    into = np.where(logs < FARTHEST, slope * sides, 0)
    lost = 2 - shared / union - union / hull
    return lost[:, 0], np.asarray(into, output.dtype)


def _product(sides: Array) -> Array:
    """Return the areas of boxes."""
    return np.asarray((sides[:, 0] + sides[:, 2]) * (sides[:, 1] + sides[:, 3]))


def _across(sides: Array) -> Array:
    """Return for each side of boxes how long it is: the sum of the two others."""
    width, height = sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]
    return np.stack([height, width, height, width], axis=1)
