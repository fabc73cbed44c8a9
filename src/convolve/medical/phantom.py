"""A made-up body: ellipsoids of tissues whose places are known, seen through a blur and noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convolve import filters
from convolve.api.images import apply
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.medical.spacing import Spacing, as_spacing
from convolve.options import per_dimension, whole_number

LABELS = ("air", "body", "organ", "lesion")
"""What the numbers of a phantom's labels mean."""

BRIGHTNESS = (0.0, 100.0, 120.0, 150.0)
"""Of each label. Body and organ differ by less than twice the noise, so no threshold parts them."""

NOISE, SHADE, FWHM = 12.0, 15.0, 3.0
"""Standard deviation of the noise; largest change of brightness from one side to the other, as coils of MR
cause it; the scanner's blur in mm."""

LEAST_SPACING = 0.25
"""In mm: the blur is 12 cells wide there, and its filter grows with the third power."""

LESIONS = (2, 5)
"""Fewest and most lesions."""


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A volume and the truth about it.

    Attributes
    ----------
    image
        (Z, Y, X), float32.
    labels
        The same shape, uint8: places in `LABELS`.
    spacing
        Size of a cell along Z, Y and X in ``unit``.
    unit
        "mm", or "cells" for a file that does not say how large they are: then all sizes are 1.
    name
        Of the file, if it is of one.
    """

    image: Array
    labels: Array
    spacing: Spacing
    unit: str = "mm"
    name: str = ""


def phantom(
    shape: Sequence[int] = (24, 96, 96), spacing: Sequence[float] = (3.0, 1.0, 1.0), *, seed: int = 0
) -> Phantom:
    """Return a body with an organ and some lesions, all different for each seed.

    Parameters
    ----------
    shape
        Cells along Z, Y and X, 8 each at least.
    spacing
        Size of a cell along them in mm, at least 0.25.
    seed
        From which everything follows, 0 or more.

    Raises
    ------
    ShapeError, ArgumentError
        If the volume is too small to hold anything, or spacing or seed make no sense.

    Examples
    --------
    >>> made = phantom((8, 24, 24), seed=3)
    >>> made.image.shape, [LABELS[number] for number in np.unique(made.labels)]
    ((8, 24, 24), ['air', 'body', 'organ', 'lesion'])
    """
    shape = per_dimension(shape, 3, "shape", 1)
    if min(shape) < 8:
        raise ShapeError(f"a phantom must have 3 dimensions of 8 cells or more, got shape {shape}")
    sizes = as_spacing(spacing)
    if min(sizes) < LEAST_SPACING:
        raise ArgumentError(
            f"a phantom's cells must be {LEAST_SPACING} mm or more, got spacing {sizes}; give it in mm"
        )
    random = np.random.default_rng(whole_number(seed, "seed", 0))
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, size, dtype=np.float32) for size in shape), indexing="ij")
    places = np.stack([z, y, x])
    labels = np.zeros(shape, np.uint8)
    _fill(labels, places, 1, np.zeros(3), random.uniform(0.8, 0.95, 3), random)
    middle = random.uniform(-0.15, 0.15, 3)
    _fill(labels, places, 2, middle, random.uniform(0.4, 0.55, 3), random)
    for _ in range(random.integers(*LESIONS, endpoint=True)):
        aside = random.uniform(-0.45, 0.45, 3)
        _fill(labels, places, 3, aside, random.uniform(0.12, 0.24, 3), random)
    sharp = np.array(BRIGHTNESS, np.float32)[labels]
    sigma = tuple(FWHM / filters.FWHM_OF_SIGMA / size for size in sizes)
    seen = apply(sharp, filters.gaussian(sigma, ndim=3).astype(np.float32))
    shade = np.tensordot(random.uniform(-1, 1, 3).astype(np.float32), places, 1)
    seen = seen * (1 + shade * np.float32(SHADE / 200))
    seen = seen + random.normal(0, NOISE, shape).astype(np.float32)
    return Phantom(np.asarray(seen, np.float32), labels, sizes)


def _fill(
    labels: Array, places: Array, label: int, middle: Array, radii: Array, random: np.random.Generator
) -> None:
    """Write an ellipsoid, turned about Z, wherever there is body already."""
    angle = random.uniform(0, np.pi)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    away = np.tensordot(turn, places - middle.reshape(3, 1, 1, 1), 1)
    inside = ((away / radii.reshape(3, 1, 1, 1)) ** 2).sum(axis=0) < 1
    labels[inside & ((labels > 0) | (label == 1))] = label
