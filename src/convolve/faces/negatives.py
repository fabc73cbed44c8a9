"""What is no face: cut from photographs without people, made from faces that lie wrong, and drawn.

The photographs come with scikit-image. One of them, the rocket, is never learned from, nor is the astronaut's
portrait: there the detector is tried out.
"""

import numpy as np
from PIL import Image

import convolve
from convolve.dtypes import Array
from convolve.errors import MissingExtraError
from convolve.faces.patches import WINDOW, grey, warped
from convolve.files import Picture

PHOTOGRAPHS = (
    "brick", "grass", "gravel", "coins", "clock", "page", "text", "moon", "hubble_deep_field",
    "immunohistochemistry", "cat", "coffee", "stereo_motorcycle", "camera",
)  # fmt: skip
"""Of scikit-image's, those that come with the package and show no face."""

LAWN = 330
"""Columns of "camera" from which on there is nobody: lawn, sky and houses."""

SOFTNESS = "gaussian:0.7"
"""By which drawn edges become as soft as those of photographs."""


def photographs() -> list[Array]:
    """Return photographs without faces, each as grey cells (height, width) from 0 to 1.

    Raises
    ------
    MissingExtraError
        If scikit-image is not installed.
    """
    data = skimage_data()
    found = []
    for name in PHOTOGRAPHS:
        array = getattr(data, name)()
        array = array[0] if isinstance(array, tuple) else array
        array = array[:, LAWN:] if name == "camera" else array
        found.append(grey(Picture(array, "YX" if array.ndim == 2 else "YXC")))
    return found


def skimage_data() -> "object":
    """Return scikit-image's pictures, or say what brings them."""
    try:
        from skimage import data
    except ImportError:
        raise MissingExtraError.of("scikit-image", "skimage", "learning what a face is") from None
    return data


def cut(photos: list[Array], count: int, random: np.random.Generator) -> Array:
    """Return squares of any size out of photographs, scaled to patches (N, 1, 25, 25)."""
    found = np.empty((count, 1, WINDOW, WINDOW), np.float32)
    for place in range(count):
        photo = photos[random.integers(len(photos))]
        side = int(np.exp(random.uniform(np.log(WINDOW), np.log(min(photo.shape)))))
        top, left = (random.integers(size - side + 1) for size in photo.shape)
        square = Image.fromarray(photo[top : top + side, left : left + side])
        found[place, 0] = np.asarray(square.resize((WINDOW, WINDOW), Image.Resampling.BILINEAR))
    return found


def wrong(faces: Array, random: np.random.Generator) -> Array:
    """Return faces that must not be found: too near, beside the middle, turned far, halves exchanged.

    They teach the detector to answer at one place and size for each face.
    """
    count = len(faces)
    kind = random.integers(4, size=count)
    zoom = np.where(kind == 0, np.exp(random.uniform(-0.9, -0.5, count)), 1.0)
    far, towards = random.uniform(0.55, 1.1, count), random.uniform(0, 2 * np.pi, count)
    beside = np.stack([np.sin(towards), np.cos(towards)], axis=1) * far[:, None]
    within = random.uniform(-0.4, 0.4, (count, 2))
    shift = np.where(kind[:, None] == 1, beside, np.where(kind[:, None] == 0, within, 0.0))
    turn = np.where(kind == 2, random.uniform(0.4 * np.pi, 1.6 * np.pi, count), 0.0)
    moved = warped(faces, zoom, turn, shift, np.zeros(count, bool))
    half = WINDOW // 2
    exchanged = np.concatenate([faces[:, :, half:], faces[:, :, :half]], axis=2)
    return np.where((kind == 3)[:, None, None, None], exchanged, moved).astype(np.float32)


def drawn(count: int, random: np.random.Generator) -> Array:
    """Return drawings of discs, rectangles and rings, such as emblems and signs are made of."""
    y, x = np.mgrid[:WINDOW, :WINDOW]
    found = np.empty((count, 1, WINDOW, WINDOW), np.float32)
    for place in range(count):
        slope = random.uniform(-0.3, 0.3, 2)
        cells = random.random() + slope[0] * (x / WINDOW - 0.5) + slope[1] * (y / WINDOW - 0.5)
        for _ in range(random.integers(2, 9)):
            cells = np.where(_shape(y, x, random), random.random(), cells)
        found[place, 0] = cells
    soft = convolve.apply(found[:, 0], SOFTNESS, channel_axis=0)
    return np.clip(soft, 0, 1)[:, None].astype(np.float32)


def _shape(y: Array, x: Array, random: np.random.Generator) -> Array:
    """Return which cells belong to one shape."""
    (row, column), (height, width) = random.uniform(0, WINDOW, 2), random.uniform(1, WINDOW / 2, 2)
    turn = random.uniform(0, np.pi)
    across = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
    down = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
    if random.random() < 0.5:
        distance = np.maximum(np.abs(across / width), np.abs(down / height))
    else:
        distance = np.hypot(across / width, down / height)
    hollow = random.random() < 0.3
    return np.asarray((distance < 1) & (distance > 0.7) if hollow else distance < 1)
