"""Boxes drawn on pictures, each with its class and score, in a colour of its class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.detection.scenes import Found
from convolve.files import Picture
from convolve.files.picture import LIGHT
from convolve.nn.preprocessing import as_bytes, planes_of

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (245, 245, 245), (170, 68, 255), (160, 100, 40),
)  # fmt: skip
"""Okabe and Ito's seven, which colour-blind people tell apart, and three more; beyond ten they come again,
and the label says which class it is."""

SHORTEST = 480
"""Pixels of the shorter side below which a picture is enlarged before labels are written on it."""

LINE = 1 / 240
"""Width of a line, of the shorter side; two pixels at least."""

TEXT = 1 / 32
"""Height of letters, of the shorter side; twelve pixels at least."""


def drawn(picture: Picture, found: Found, names: Sequence[str], *, shortest: int = SHORTEST) -> Picture:
    """Return a picture with boxes on it; a small one is enlarged by a whole factor first.

    Parameters
    ----------
    picture
        Any single picture.
    found
        What is drawn; the best boxes lie on top.
    names
        One for each box, such as its class.
    shortest
        Pixels of the shorter side below which the picture is enlarged.

    Examples
    --------
    >>> photo = Picture(np.zeros((30, 40, 3), np.uint8), "YXC")
    >>> found = Found(np.array([[5, 5, 20, 25.0]]), np.array([0]), np.array([0.9]), (30, 40))
    >>> drawn(photo, found, ["cat"]).array.shape
    (480, 640, 3)
    """
    from PIL import Image, ImageDraw, ImageFont  # takes time to load

    planes = planes_of(picture)
    cells = np.moveaxis(np.broadcast_to(as_bytes(planes), (3, *planes.shape[1:])), 0, 2)
    factor = max(1, -(-shortest // min(cells.shape[:2])))
    whole = Image.fromarray(np.ascontiguousarray(cells))
    canvas = whole.resize((whole.width * factor, whole.height * factor), Image.Resampling.BICUBIC)
    shorter = min(canvas.size)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(max(12, round(shorter * TEXT)))
    line = max(2, round(shorter * LINE))
    boxes = [tuple(side * factor for side in box) for box in found.boxes.tolist()]
    for place in reversed(range(len(found))):
        colour = COLOURS[int(found.labels[place]) % len(COLOURS)]
        _draw_box(pen, boxes[place], colour, line)
        _write_label(
            pen, boxes[place], f"{names[place]} {found.scores[place]:.2f}", (colour, font, canvas.size)
        )
    return Picture(np.asarray(canvas), "YXC")


def _draw_box(pen: Any, box: Sequence[float], colour: Colour, line: int) -> None:
    """Draw a box between two dark edges, so that it is seen on any ground."""
    x1, y1, x2, y2 = box
    corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
    edge = (corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1)
    pen.rectangle(edge, outline=(0, 0, 0), width=line + 2)
    pen.rectangle(corners, outline=colour, width=line)


def _write_label(
    pen: Any, box: Sequence[float], text: str, look: tuple[Colour, Any, tuple[int, int]]
) -> None:
    """Write a label above a box, or inside it where there is no room above."""
    colour, font, (width, height) = look
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    wide, high = right - left + 6, bottom - top + 6
    x = min(max(0, box[0]), max(0, width - wide))
    y = box[1] - high if box[1] >= high else min(box[1], height - high)
    pen.rectangle((x, y, x + wide, y + high), fill=colour)
    light = float(np.dot(LIGHT, colour))
    pen.text((x + 3 - left, y + 3 - top), text, fill=(0, 0, 0) if light > 100 else (255, 255, 255), font=font)
