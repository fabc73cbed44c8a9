"""`Preparation`: how a volume becomes what a network labels; stored in the network's file.

What a training did to its volumes must be done to every later one, so `learn` and `segment` both call it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ConvolveError, DTypeError, FileFormatError, ShapeError
from convolve.nn.preprocessing import check_steps
from convolve.options import real_number

NEIGHBOURS = 1
"""Slices before and after the one that is labelled: thick slices tell little more."""

MULTIPLE = 4
"""Rows and columns are filled up to whole multiples: they are halved twice."""

LARGEST = float(np.finfo(np.float32).max)
"""Numbers beyond it would be infinite where networks compute."""

STEPS: Mapping[str, Any] = {
    "version": 1,
    "axes": "ZYX",
    "neighbouring slices": NEIGHBOURS,
    "before the first and after the last": "the same slice again",
    "rows and columns": f"filled up to multiples of {MULTIPLE} by the last",
}
"""What is the same for every volume; a file that says otherwise is refused, for it could not be followed."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How volumes become what a network takes: less a mean, divided by a deviation, with the slices beside.

    Parameters
    ----------
    mean, std
        For all volumes alike, as Hounsfield units allow it; without them those of each volume, for MR, whose
        numbers have no unit.

    Raises
    ------
    ArgumentError
        If only one of them is given, or a number makes no sense.

    Examples
    --------
    >>> Preparation(mean=40, std=80)(np.full((2, 4, 5), 120, np.int16))[0, 0, 0].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    mean: float | None = None
    std: float | None = None

    def __post_init__(self) -> None:
        if (self.mean is None) != (self.std is None):
            raise ArgumentError(f"mean and std must be given together, got {self.mean} and {self.std}")
        if self.mean is not None:
            mean, std = real_number(self.mean, "mean"), real_number(self.std, "std")
            if not (np.isfinite(mean) and 0 < std < np.inf):
                raise ArgumentError(f"mean must be finite and std above 0 and finite, got {mean} and {std}")
            object.__setattr__(self, "mean", mean)
            object.__setattr__(self, "std", std)

    def __call__(self, volume: Array) -> Array:
        """Return a volume (Z, Y, X) as slices between neighbours, float32 (Z, 3, Y, X), filled up."""
        numbers = check_numbers(volume)
        mean = numbers.mean() if self.mean is None else self.mean
        std = (numbers.std() or 1.0) if self.std is None else self.std
        numbers = np.asarray((numbers - mean) / std, np.float32)
        wide = np.pad(numbers, ((NEIGHBOURS, NEIGHBOURS), (0, 0), (0, 0)), mode="edge")
        return filled(np.stack([wide[k : k + len(numbers)] for k in range(2 * NEIGHBOURS + 1)], axis=1))

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON takes it."""
        return {"mean": self.mean, "std": self.std, **STEPS}

    @staticmethod
    def from_json(given: Any) -> "Preparation":
        """Return what `as_json` wrote, every part checked.

        Raises
        ------
        FileFormatError
            If it is damaged, or says something that this version does not do.
        """
        check_steps(given, STEPS, "the preparation", "volumes")
        try:
            return Preparation(given["mean"], given["std"])
        except (KeyError, ConvolveError) as error:
            raise FileFormatError(f"the preparation in the file is damaged: {error}") from None


def check_numbers(volume: Array, name: str = "a volume") -> Array:
    """Return a volume as float64, if every number in it is real and finite.

    Raises
    ------
    ShapeError
        If it has not three dimensions, or no cells.
    DTypeError
        If its numbers are complex, or no numbers.
    ArgumentError
        If some are NaN or infinite, also as float32, which networks compute in.
    """
    if volume.ndim != 3 or not volume.size:
        raise ShapeError(f"{name} must have the dimensions (Z, Y, X), got shape {volume.shape}")
    if volume.dtype.kind == "c":
        raise DTypeError(
            f"{name} must hold real numbers, got {volume.size} of {volume.dtype}; take the magnitude, "
            "numpy.abs, or one part first"
        )
    if volume.dtype.kind not in "buif" and volume.dtype.name != "bfloat16":
        raise DTypeError(f"{name} must hold numbers, got {volume.dtype}; convert it")
    numbers = np.asarray(volume, np.float64)
    fine = np.abs(numbers) <= LARGEST  # NaN is not
    if not fine.all():
        place = tuple(int(one) for one in np.unravel_index(int(fine.argmin()), fine.shape))
        raise ArgumentError(
            f"{name} must be finite and within float32, but {fine.size - int(fine.sum())} of its {fine.size} "
            f"numbers are not, the first, {numbers[place]}, at (z, y, x) = {place}; replace them first, such "
            "as by numpy.nan_to_num"
        )
    return numbers


def filled(slices: Array) -> Array:
    """Return slices (N, C, Y, X) filled up to whole multiples by their last rows and columns."""
    more = [-size % MULTIPLE for size in slices.shape[2:]]
    return np.pad(slices, ((0, 0), (0, 0), (0, more[0]), (0, more[1])), mode="edge")
