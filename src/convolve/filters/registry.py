"""The names: what each filter is called, which numbers it takes, what it is for and where it comes from."""

import difflib
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from convolve.errors import FilterError
from convolve.filters import directed, edges, smoothing
from convolve.filters.lengths import Length, in_cells
from convolve.filters.weights import Combine, Filter, Weights, frozen

Made = Weights | tuple[Weights, ...]

CONVOLUTION_BOOK = "Gonzalez and Woods, Digital Image Processing, 4th ed. (2018), chapter 3"
ROBERTS = "Roberts, Machine perception of three-dimensional solids (1963)"
MARR = "Marr and Hildreth, Theory of edge detection (1980)"
DAUGMAN = "Daugman, Uncertainty relation for two-dimensional filters (1985)"
NORMAL = "derivative of the normal density"
EDGE_BOOK = "Gonzalez and Woods, Digital Image Processing, 4th ed. (2018), chapter 10"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name: ``make(ndim, *numbers)`` gives the weights; its own parameters say which numbers it takes."""

    make: Callable[..., Made]
    purpose: str
    source: str
    combine: Combine | None = None
    flat: bool = False
    """Whether it exists in two dimensions only."""
    lengths: Literal["none", "all", "first", "each"] = "none"
    """Which of its numbers are sigmas, which may have a unit: "all", one for all dimensions or one for each;
    the "first" alone, for all dimensions; or "each" of several, for all dimensions."""
    shaped: bool = False
    """Whether derivatives along several dimensions are added up, so that it takes ``spacing``: with a unit,
    the shape of the cells counts."""

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The numbers that follow the name."""
        every = tuple(inspect.signature(self.make).parameters.values())[1:]
        return tuple(one for one in every if one.kind is not inspect.Parameter.KEYWORD_ONLY)


def _along(kind: str, axis: str) -> Callable[[int], Made]:
    return lambda ndim: edges.difference(kind, axis, ndim)


def _magnitude(kind: str) -> Callable[[int], Made]:
    return lambda ndim: tuple(edges.difference(kind, axis, ndim) for axis in edges.AXES[-ndim:])


def _identity(ndim: int) -> Made:
    return frozen([[[1]]]).reshape((1,) * ndim)


def _box(ndim: int, *size: float) -> Made:
    return smoothing.box(*(_whole(one, "box") for one in size), ndim=ndim)


def _gaussian(ndim: int, *sigma: float) -> Made:
    return smoothing.gaussian(list(sigma), ndim=ndim)


def _log(ndim: int, *sigma: float, spacing: float | Sequence[float] = 1.0) -> Made:
    return smoothing.laplacian_of_gaussian(list(sigma), ndim=ndim, spacing=spacing)


def _dog(ndim: int, small: float | Sequence[float], large: float | Sequence[float]) -> Made:
    return smoothing.difference_of_gaussians(small, large, ndim=ndim)


def _unsharp(ndim: int, sigma: float | Sequence[float] = 1.0, amount: float = 1.0) -> Made:
    return smoothing.unsharp(sigma, amount, ndim=ndim)


def _derivative(axes: str) -> Callable[..., Made]:
    def make(ndim: int, sigma: float | Sequence[float] = 1.0) -> Made:
        names = edges.AXES[-ndim:]
        if any(axis not in names for axis in axes):
            raise FilterError(
                f"gaussian-d{axes} needs the dimensions {', '.join(sorted(set(axes)))}, but with ndim={ndim} "
                f"there are {', '.join(names)}; ask for one of these, or for another ndim"
            )
        return smoothing.gaussian_derivative(sigma, [axes.count(name) for name in names], ndim=ndim)

    return make


def _derived(axes: str, purpose: str) -> Entry:
    return Entry(_derivative(axes), purpose, NORMAL, lengths="all")


def _motion(ndim: int, length: float, angle: float = 0.0) -> Made:
    return directed.motion_blur(_whole(length, "motion-blur"), angle)


def _gabor(ndim: int, wavelength: float, angle: float = 0.0) -> Made:
    return directed.gabor(wavelength, angle)


def _gabor_bank(ndim: int, wavelength: float, directions: float = 4) -> Made:
    return directed.gabor_bank(wavelength, _whole(directions, "gabor-bank"))


def _whole(number: float, name: str) -> int:
    if not (abs(number) < 1e9 and number == int(number)):
        raise FilterError(f"{name} takes a whole number below a billion, got {number}; round it")
    return int(number)


def _differences(kind: str, person: str, source: str) -> dict[str, Entry]:
    """Return the four entries of a first-difference filter."""
    found = {
        f"{kind}-{axis}": Entry(
            _along(kind, axis), f"{person} edges, positive where brightness grows {where}", source
        )
        for axis, where in (("x", "to the right"), ("y", "downwards"), ("z", "with depth"))
    }
    found[kind] = Entry(
        _magnitude(kind), f"{person} edges of every direction: their strength", source, "magnitude"
    )
    return found


ENTRIES: dict[str, Entry] = {
    "identity": Entry(_identity, "leaves the image as it is", "definition"),
    "box": Entry(_box, "blurs: the mean over a box", CONVOLUTION_BOOK),
    "gaussian": Entry(
        _gaussian,
        "blurs without a preferred direction; sigma in cells",
        "normal density, cut at 4 sigma as in SciPy",
        lengths="all",
    ),
    **_differences("sobel", "Sobel", "Sobel and Feldman, A 3x3 isotropic gradient operator (1968)"),
    **_differences(
        "scharr", "Scharr", "Scharr, Optimale Operatoren in der Digitalen Bildverarbeitung (2000)"
    ),
    **_differences("prewitt", "Prewitt", "Prewitt, Object enhancement and extraction (1970)"),
    "roberts": Entry(
        lambda ndim: (edges.roberts_down, edges.roberts_up),
        "Roberts edges of every direction, the smallest filter there is for them",
        ROBERTS,
        "magnitude",
        True,
    ),
    "roberts-down": Entry(
        lambda ndim: edges.roberts_down,
        "Roberts difference along the falling diagonal",
        ROBERTS,
        None,
        True,
    ),
    "roberts-up": Entry(
        lambda ndim: edges.roberts_up,
        "Roberts difference along the rising diagonal",
        ROBERTS,
        None,
        True,
    ),
    "laplacian": Entry(
        lambda ndim: edges.laplacian(4, ndim), "second difference: fine detail, zero on slopes", EDGE_BOOK
    ),
    "laplacian-4": Entry(
        lambda ndim: edges.laplacian(4, ndim), "second difference over the nearest neighbours", EDGE_BOOK
    ),
    "laplacian-8": Entry(
        lambda ndim: edges.laplacian(8, ndim), "second difference over all neighbours: spots", EDGE_BOOK
    ),
    "log": Entry(
        _log, "spots and ridges of a size: Laplacian of a Gaussian", MARR, lengths="all", shaped=True
    ),
    "dog": Entry(_dog, "spots of a size: a narrow Gaussian minus a wide one", MARR, lengths="each"),
    "sharpen": Entry(
        lambda ndim: edges.sharpening(ndim), "sharpens: the image minus its Laplacian", CONVOLUTION_BOOK
    ),
    "unsharp": Entry(
        _unsharp,
        "sharpens by an amount: the image plus what a blur takes away",
        CONVOLUTION_BOOK,
        lengths="first",
    ),
    "emboss": Entry(
        lambda ndim: edges.emboss,
        "relief: light from the upper left",
        "convention of GIMP and textbooks",
        None,
        True,
    ),
    "motion-blur": Entry(
        _motion, "blurs along a path of length cells, angle in degrees", "mean along a segment", None, True
    ),
    "gabor": Entry(
        _gabor,
        "stripes of one width and direction",
        DAUGMAN,
        None,
        True,
    ),
    "gabor-bank": Entry(
        _gabor_bank,
        "stripes of one width in any direction: the strongest of several Gabor filters",
        DAUGMAN,
        "maximum",
        True,
    ),
    "gaussian-dx": _derived("x", "slope to the right of the smoothed image"),
    "gaussian-dy": _derived("y", "slope downwards of the smoothed image"),
    "gaussian-dz": _derived("z", "slope with depth of the smoothed volume"),
    "gaussian-dxx": _derived("xx", "curvature along x of the smoothed image"),
    "gaussian-dyy": _derived("yy", "curvature along y of the smoothed image"),
    "gaussian-dxy": _derived("xy", "twist of the smoothed image"),
}


def named(
    name: str,
    numbers: Sequence[float | Length],
    ndim: int,
    spacing: Sequence[float | None] | None = None,
    unit: str | None = None,
) -> Filter:
    """Return the filter of a name, made with the numbers that followed it; see `convolve.filters.get`."""
    check(name, numbers, ndim)
    entry = find(name)
    written = ":".join([name, ",".join(map(_written, numbers))]) if numbers else name
    made: Any = entry.make(
        ndim, *_plain(entry, numbers, ndim, spacing, unit), **_shape(entry, name, numbers, spacing)
    )
    weights = made if isinstance(made, tuple) else (made,)
    combine = entry.combine if len(weights) > 1 else None
    return Filter(written, weights, combine, entry.purpose, entry.source)


def _written(number: float | Length) -> str:
    return f"{number.number:g}{number.unit}" if isinstance(number, Length) else f"{number:g}"


def check(name: str, numbers: Sequence[float | Length], ndim: int) -> None:
    """Refuse what no picture's spacing can mend, so that it is refused before a picture is read."""
    entry = find(name)
    if entry.flat and ndim != 2:
        raise FilterError(
            f"the filter {name!r} is two-dimensional, but ndim={ndim} was asked for; use ndim=2"
        )
    _check_numbers(name, entry, numbers)
    if not any(isinstance(one, Length) for one in numbers):
        return
    sigmas = _sigmas(entry, numbers)
    if any(isinstance(one, Length) for one in numbers[len(sigmas) :]):
        after = " after the first" if sigmas else ""
        raise FilterError(
            "only sigmas of Gaussians, their derivatives, log, dog and unsharp have a unit or a width at "
            f"half maximum; the filter {usage(name)!r} takes plain numbers{after}"
        )
    for one in chain(*_in_cells(entry, numbers, ndim, (1.0,) * ndim, "m")):
        if not 0 < one < math.inf:
            raise FilterError(
                f"sigma must be a positive, finite number, got {', '.join(map(_written, numbers))}; try 1mm"
            )


def _sigmas(entry: Entry, numbers: Sequence[float | Length]) -> Sequence[float | Length]:
    """Return those of the numbers that may have a unit."""
    return numbers[: {"none": 0, "first": 1}.get(entry.lengths, len(numbers))]


def _in_cells(
    entry: Entry,
    numbers: Sequence[float | Length],
    ndim: int,
    spacing: Sequence[float | None] | None,
    unit: str | None,
) -> list[tuple[float, ...]]:
    """Return, for each Gaussian that the filter is made of, its sigmas in cells, one per dimension."""
    sigmas = _sigmas(entry, numbers)
    gaussians = [[one] for one in sigmas] if entry.lengths == "each" else [sigmas]
    return [in_cells(one, ndim, spacing, unit) for one in gaussians]


def _plain(
    entry: Entry,
    numbers: Sequence[float | Length],
    ndim: int,
    spacing: Sequence[float | None] | None,
    unit: str | None,
) -> Sequence[Any]:
    """Return the numbers as the filter is made of them: sigmas with a unit in cells."""
    if not any(isinstance(one, Length) for one in numbers):
        return numbers
    cells = _in_cells(entry, numbers, ndim, spacing, unit)
    many = entry.parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    return cells[0] if many else [*cells, *numbers[len(cells) :]]


def _shape(
    entry: Entry, name: str, numbers: Sequence[float | Length], spacing: Sequence[float | None] | None
) -> dict[str, Any]:
    """Return the size of a cell for a filter that must know it, if it is written in units of length."""
    if not entry.shaped or not any(isinstance(one, Length) and one.needs_spacing for one in numbers):
        return {}
    known = [size for size in spacing or () if size is not None]
    if spacing is None or len(known) < len(spacing):
        raise FilterError(
            f"{name} with a unit needs the size of a cell along every dimension, got {spacing}; give "
            "--spacing, such as 1.5,0.7,0.7mm (spacing= and unit= in Python), or every size in cells"
        )
    return {"spacing": known}


def find(name: str) -> Entry:
    """Return the entry of a name; suggest the nearest if there is none."""
    if name in ENTRIES:
        return ENTRIES[name]
    near = difflib.get_close_matches(name.lower().replace("_", "-").replace(" ", "-"), ENTRIES, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else "'convolve filters' lists the names"
    raise FilterError(
        f"there is no filter named {name!r}; {hint} (rows of numbers are filters too: '1 0 -1; 1 0 -1')"
    )


def _check_numbers(name: str, entry: Entry, numbers: Sequence[float | Length]) -> None:
    """Check that a name got as many numbers as it takes."""
    parameters = entry.parameters
    many = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    least = sum(one.default is inspect.Parameter.empty for one in parameters)
    most = 3 if many else len(parameters)
    if least <= len(numbers) <= most:
        return
    takes = usage(name)
    raise FilterError(
        f"the filter {takes!r} takes {_counts(least, most)}, got {len(numbers)}: {list(numbers)}"
    )


def _counts(least: int, most: int) -> str:
    if most == 0:
        return "no numbers"
    return f"{least} to {most} numbers" if least != most else f"{least} number{'s' if least > 1 else ''}"


def usage(name: str) -> str:
    """Return how a name is written with its numbers.

    >>> usage("motion-blur"), usage("gaussian-dx"), usage("sobel")
    ('motion-blur:LENGTH[,ANGLE]', 'gaussian-dx[:SIGMA]', 'sobel')
    """
    text = ""
    for one in find(name).parameters:
        word = f"{',' if text else ':'}{one.name.upper()}"
        text += word if one.default is inspect.Parameter.empty else f"[{word}]"
    return name + text
