"""Filters by name: constants, small generators, and one parser for what people write.

Weights are laid on the image as they stand, not flipped; `get` turns text into a `Filter`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convolve.errors import FilterError
from convolve.filters.directed import gabor, gabor_bank, motion_blur
from convolve.filters.edges import (
    difference,
    emboss,
    laplacian,
    laplacian_4,
    laplacian_8,
    prewitt_x,
    prewitt_y,
    roberts_down,
    roberts_up,
    scharr_x,
    scharr_y,
    sharpen,
    sobel_x,
    sobel_y,
)
from convolve.filters.lengths import FWHM_OF_SIGMA, Length, check_size_of_cell, parse, spacing_of
from convolve.filters.registry import ENTRIES, check, find, named, usage
from convolve.filters.smoothing import (
    box,
    check_ndim,
    difference_of_gaussians,
    gaussian,
    gaussian_derivative,
    laplacian_of_gaussian,
    unsharp,
)
from convolve.filters.text import from_file, from_table, is_table
from convolve.filters.weights import Filter

__all__ = [
    "FWHM_OF_SIGMA",
    "Filter",
    "Measured",
    "box",
    "difference",
    "difference_of_gaussians",
    "emboss",
    "gabor",
    "gabor_bank",
    "gaussian",
    "gaussian_derivative",
    "get",
    "laplacian",
    "laplacian_4",
    "laplacian_8",
    "laplacian_of_gaussian",
    "motion_blur",
    "names",
    "needs_spacing",
    "prewitt_x",
    "prewitt_y",
    "purpose",
    "roberts_down",
    "roberts_up",
    "scharr_x",
    "scharr_y",
    "sharpen",
    "sobel_x",
    "sobel_y",
    "spacing_of",
    "unsharp",
    "usage",
]


def names() -> tuple[str, ...]:
    """Return the names of all filters, sorted.

    >>> "sobel-x" in names()
    True
    """
    return tuple(sorted(ENTRIES))


def purpose(name: str) -> tuple[str, str]:
    """Return what a named filter is for, and its source.

    >>> purpose("identity")
    ('leaves the image as it is', 'definition')
    """
    entry = find(name)
    return entry.purpose, entry.source


def get(
    text: str, ndim: int = 2, *, spacing: Sequence[float | None] | None = None, unit: str | None = None
) -> Filter:
    """Return the filter that a text asks for.

    Parameters
    ----------
    text
        A name, with its numbers after a colon ("gaussian:1.5", "motion-blur:9,45"); rows of numbers
        ("1 0 -1; 1 0 -1; 1 0 -1"); or the path of a .npy or .csv file. The sigma of a Gaussian, its
        derivatives, "log" and "unsharp" may have a unit ("gaussian:2mm", "gaussian:2mm,1mm,1mm") or be
        given by its full width at half maximum ("gaussian:fwhm=6mm"). With a unit, "log" is the Laplacian in
        space, times the square of the smallest size of a cell.
    ndim
        Dimensions of a named filter, 1 to 3. What is written out has its own.
    spacing, unit
        Size of a cell per dimension, and its unit: nm, um, mm, cm or m. Needed for a sigma with a unit.

    Returns
    -------
    Filter
        With its weights, its purpose and its source.

    Raises
    ------
    FilterError
        If there is no such filter, its numbers make no sense, or the file cannot be read.

    Examples
    --------
    >>> get("box:2").weights[0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    >>> get("gausian:1")
    Traceback (most recent call last):
        ...
    convolve.errors.FilterError: there is no filter named 'gausian'; did you mean 'gaussian'? (rows ...
    """
    check_ndim(ndim)
    if not isinstance(text, str) or not text.strip():
        raise FilterError(f"a filter must be a name, rows of numbers or a file, got {text!r}; try 'sobel'")
    wanted = text.strip()
    if Path(wanted).suffix.lower() in (".npy", ".csv"):
        return from_file(Path(wanted))
    if is_table(wanted):
        return from_table(wanted)
    name, numbers = _taken_apart(wanted)
    return named(name, numbers, ndim, spacing, unit)


@dataclass(frozen=True, slots=True)
class Measured:
    """A named filter whose size has a unit, before a picture says how large its cells are.

    What no picture can mend, such as a unit for a filter that has no length, is refused when it is made.

    Attributes
    ----------
    text, ndim
        As `get` takes them.
    spacing, unit
        The size of a cell, if it is known better than by the picture.

    Examples
    --------
    >>> Measured("gaussian:2mm", 2).at((0.5, 1.0), "mm").weights[0].shape
    (33, 17)
    """

    text: str
    ndim: int
    spacing: tuple[float, ...] | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        check_ndim(self.ndim)
        if _is_name(self.text):
            check(*_taken_apart(self.text.strip()), self.ndim)
        for size in self.spacing or ():
            check_size_of_cell(size)
        if self.spacing is not None and len(self.spacing) not in (1, self.ndim):
            raise FilterError(
                f"spacing must be one number or one per dimension of the filter ({self.ndim}), got "
                f"{self.spacing}"
            )

    def at(self, spacing: Sequence[float | None] | None, unit: str | None) -> Filter:
        """Return the filter for cells of a size, one number per dimension."""
        if self.spacing is None:
            return get(self.text, self.ndim, spacing=spacing, unit=unit)
        own = self.spacing * self.ndim if len(self.spacing) == 1 else self.spacing
        return get(self.text, self.ndim, spacing=own, unit=self.unit)


def needs_spacing(text: str) -> bool:
    """Tell whether a filter has a size with a unit, so that only a picture's spacing says how large it is.

    >>> needs_spacing("gaussian:2mm"), needs_spacing("gaussian:fwhm=4")
    (True, False)
    """
    return _is_name(text) and any(
        isinstance(one, Length) and one.needs_spacing for one in _taken_apart(text.strip())[1]
    )


def _is_name(text: str) -> bool:
    """Tell whether a text is neither empty, nor a file, nor rows of numbers."""
    wanted = text.strip()
    return bool(wanted) and Path(wanted).suffix.lower() not in (".npy", ".csv") and not is_table(wanted)


def _taken_apart(text: str) -> tuple[str, list[float | Length]]:
    """Return the name of a filter and the numbers that follow it."""
    name, colon, rest = text.partition(":")
    find(name)
    return name, [_parameter(one, name) for one in rest.split(",")] if colon else []


def _parameter(cell: str, name: str) -> float | Length:
    length = parse(cell)
    if length is not None:
        return length
    try:
        return float(cell)
    except ValueError:
        raise FilterError(
            f"the filter {usage(name)!r} takes numbers, got {cell!r}; write them like 1.5"
        ) from None
