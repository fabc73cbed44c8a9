"""Patches of 25 × 25 cells, as the detector sees faces, and how they are changed while it learns."""

from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import FileFormatError
from convolve.faces.alignment import WARP
from convolve.files import Picture
from convolve.nn import Augment
from convolve.nn.inference import run_node
from convolve.nn.preprocessing import bytes_of

WINDOW = 25
"""Cells of a patch's side: that of scikit-image's lfw_subset."""

ZOOM = 0.12
"""Faces are enlarged by a factor from e^−0.12 to e^0.12: the pyramid's steps of 2^(1/3) leave ±12 %."""

TURN = 0.15
"""Radians by which faces are turned at most: 9 degrees, as people hold their heads."""

SHIFT = 2.0
"""Cells by which faces are moved at most: the detector looks at every fourth cell."""

CONTRAST = 0.5
"""Contrast is multiplied by e^−0.5 to e^0.5."""

BRIGHTNESS = 0.2
"""What is added to all cells at most, of 1."""


def grey(picture: Picture) -> Array:
    """Return a picture as grey cells (height, width) from 0 to 1, float32."""
    if picture.axes not in ("YX", "YXC"):
        raise FileFormatError(f"it must be one picture, not a film or a stack; its axes are {picture.axes}")
    return np.asarray(bytes_of(picture, None, 1)[0] / np.float32(255))


def warped(images: Array, zoom: Array, turn: Array, shift: Array, mirrored: Array) -> Array:
    """Return each of some square images zoomed, turned, moved and mirrored; edges are repeated.

    Parameters
    ----------
    images
        (N, 1, side, side).
    zoom
        (N): below 1 enlarges.
    turn
        (N): in radians.
    shift
        (N, 2): down and across, in halves of a side.
    mirrored
        (N): whether left and right change places.
    """
    side = images.shape[-1]
    line = (np.arange(side) + 0.5) / (side / 2) - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    cosine, sine = ((f(turn) * zoom)[:, None, None] for f in (np.cos, np.sin))
    across = (cosine * x - sine * y) * np.where(mirrored, -1, 1)[:, None, None] + shift[:, 1, None, None]
    down = sine * x + cosine * y + shift[:, 0, None, None]
    (found,) = run_node(WARP, [images, np.stack([across, down], axis=-1).astype(np.float32)])
    return np.asarray(found)


@dataclass(frozen=True)
class FaceAugment(Augment):
    """Patches zoomed, turned, moved, mirrored, and made brighter and darker at random."""

    def __call__(self, images: Array, random: np.random.Generator) -> Array:
        """Return a batch (N, 1, side, side), changed."""
        count = len(images)
        found = warped(
            images,
            np.exp(random.uniform(-ZOOM, ZOOM, count)),
            random.uniform(-TURN, TURN, count),
            random.uniform(-SHIFT, SHIFT, (count, 2)) / (images.shape[-1] / 2),
            random.random(count) < 0.5,
        )
        gain, added = (
            one.reshape(-1, 1, 1, 1)
            for one in (
                np.exp(random.uniform(-CONTRAST, CONTRAST, count)),
                random.uniform(-BRIGHTNESS, BRIGHTNESS, count),
            )
        )
        middle = found.mean(axis=(1, 2, 3), keepdims=True)
        return np.asarray(np.clip((found - middle) * gain + middle + added, 0, 1), np.float32)
