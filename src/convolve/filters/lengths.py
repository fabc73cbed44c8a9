"""Sizes of filters with a unit, "gaussian:2mm" and "gaussian:fwhm=6mm", put into cells by a spacing."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from convolve.errors import FilterError

METRES = {
    "nm": 1e-9, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0,
    "nanometer": 1e-9, "micrometer": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2, "meter": 1.0,
}  # fmt: skip
"""Unit -> metres, as people and files write them; µ has two code points."""

CELLS = "px"
"""The unit of a length that is counted in cells already."""

FWHM_OF_SIGMA = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a Gaussian of sigma 1: 2.3548."""

LENGTH = re.compile(r"(?P<kind>fwhm=|sigma=)?(?P<number>[+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*(?P<unit>[^\d\s.]*)")


@dataclass(frozen=True, slots=True)
class Length:
    """A sigma as somebody wrote it.

    Attributes
    ----------
    number
        In the unit; of a full width at half maximum it is divided by 2.3548 already.
    unit
        "px" for cells.
    """

    number: float
    unit: str

    @property
    def needs_spacing(self) -> bool:
        """Whether the size of a cell must be known to turn it into cells."""
        return self.unit != CELLS

    def cells(self, spacing: float | None, unit: str | None) -> float:
        """Return it in cells of a size."""
        if not self.needs_spacing:
            return self.number
        if spacing is not None:
            check_size_of_cell(spacing)
        if spacing is None or unit not in METRES:
            known = "does not say how large its cells are" if spacing is None else f"has cells in {unit!r}"
            raise FilterError(
                f"a filter's size in {self.unit} needs the size of a cell, but the picture {known}; give "
                "--spacing, such as 1.5,0.7,0.7mm (spacing= and unit= in Python), or the size in cells"
            )
        return self.number / spacing * (METRES[self.unit] / METRES[unit])


def check_size_of_cell(size: float) -> None:
    """Refuse a cell that has no size."""
    if not 0 < size < math.inf:  # NaN is refused as well
        raise FilterError(
            f"the size of a cell must be a positive, finite number, got {size}; give --spacing, such as "
            "1.5,0.7,0.7mm (spacing= and unit= in Python)"
        )


def parse(cell: str) -> Length | None:
    """Return a length, None if a text is no number with a unit or kind.

    >>> parse("2mm"), parse("fwhm=4"), parse("1.5")
    (Length(number=2.0, unit='mm'), Length(number=1.69..., unit='px'), None)
    """
    found = LENGTH.fullmatch(cell.strip())
    if found is None or not (found["kind"] or found["unit"]):
        return None
    unit = found["unit"] or CELLS
    if unit not in METRES and unit != CELLS:
        raise FilterError(
            f"the unit of a filter's size must be one of nm, um, mm, cm, m or px, got {unit!r} in {cell!r}"
        )
    try:
        number = float(found["number"])
    except ValueError:
        return None
    return Length(number / FWHM_OF_SIGMA if found["kind"] == "fwhm=" else number, unit)


def in_cells(
    lengths: Sequence[float | Length], ndim: int, spacing: Sequence[float | None] | None, unit: str | None
) -> tuple[float, ...]:
    """Return one sigma per dimension in cells, from one for all or one for each.

    >>> in_cells([Length(3.0, "mm")], 3, (1.5, 1.0, 1.0), "mm")
    (2.0, 3.0, 3.0)
    """
    sizes: tuple[float | None, ...] = (None,) * ndim if spacing is None else tuple(spacing)
    if len(sizes) != ndim:
        raise FilterError(f"spacing must be one number per dimension ({ndim}), got {sizes}")
    every = tuple(lengths) * ndim if len(lengths) == 1 else tuple(lengths)
    if len(every) != ndim:
        raise FilterError(f"sigma must be one number or one per dimension ({ndim}), got {len(every)}")
    return tuple(
        one.cells(size, unit) if isinstance(one, Length) else float(one)
        for one, size in zip(every, sizes, strict=True)
    )


def spacing_of(text: str) -> tuple[tuple[float, ...], str]:
    """Return the sizes of a cell and their unit from text such as 1.5,0.7,0.7mm.

    >>> spacing_of("1.5,0.7,0.7mm"), spacing_of("40nm")
    (((1.5, 0.7, 0.7), 'mm'), ((40.0,), 'nm'))
    """
    found = re.fullmatch(r"([\d.,eE+-]+?)\s*([^\d\s.,+-]+)", text.strip())
    try:
        numbers = tuple(float(one) for one in found[1].split(",")) if found else ()
    except ValueError:
        numbers = ()
    if not numbers or found is None or found[2] not in METRES or not all(0 < one < 1e9 for one in numbers):
        raise FilterError(
            f"spacing must be the size of a cell, one number or one per dimension, and a unit, such as "
            f"1.5,0.7,0.7mm; got {text!r}"
        )
    return numbers, found[2]
