"""Colours: a diverging palette that colour-blind people can read, and ink that contrasts with it.

Negative is orange, zero white, positive blue: the ends stay apart under every common kind of colour
blindness, and the minus sign says the same without colour. Every pair of text and background used in the
drawings has a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3), which a test measures.
"""

import math
from typing import Any

import numpy as np

from convolve.explain.numbers import python_number

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (27, 31, 36)
QUIET: Colour = (89, 96, 105)
"""Captions, border cells and what is not connected."""
RULE: Colour = (178, 184, 192)
"""Lines between cells."""
BORDER: Colour = (240, 242, 245)
"""Ground of cells beyond the input."""
HATCH: Colour = (205, 210, 217)
WINDOW: Colour = (27, 31, 36)
"""Outline of the window: as dark as ink, so that it does not depend on hue."""

NEGATIVE: Colour = (224, 130, 20)
POSITIVE: Colour = (67, 147, 230)
STRONGEST = 0.85
"""Share of the full colour that the largest value gets, so that ink stays readable on it."""


def tint(value: Any, scale: float) -> Colour:
    """Return the ground of a cell: white at 0, orange below, blue above, full at ``scale``."""
    number = python_number(value)
    if isinstance(number, complex) or not math.isfinite(number):
        return BORDER
    share = min(1.0, abs(number) / scale) if scale > 0 else 0.0
    return mix(PAPER, NEGATIVE if number < 0 else POSITIVE, STRONGEST * share**0.7)


def scale_of(values: Any) -> float:
    """Return the largest finite magnitude among values."""
    sizes = [abs(python_number(value)) for value in np.asarray(values).ravel()]
    return max((float(size) for size in sizes if math.isfinite(size)), default=0.0)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a colour between two."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def ink_on(ground: Colour) -> Colour:
    """Return the ink for text on a ground."""
    return INK if contrast(INK, ground) >= contrast(PAPER, ground) else PAPER


def css(colour: Colour) -> str:
    """Return a colour as CSS and SVG write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(first: Colour, second: Colour) -> float:
    """Return the contrast ratio of two colours as WCAG 2.2 defines it, from 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
