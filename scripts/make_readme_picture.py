"""Make docs/images/portrait-sobel.png, the picture at the top of the README: before and after.

Run it again when the picture is to change: ``python scripts/make_readme_picture.py``.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import convolve
from convolve.files import sample

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "portrait-sobel.png"
SIDE = 320
COLOURS = 128
"""At this size such a palette looks like the whole, for a third of the bytes."""


def main() -> None:
    """Write the picture."""
    portrait = sample("portrait").array
    response = convolve.apply(portrait, "sobel", channel_axis=-1)
    edges = np.clip(np.rint(response), 0, 255).astype(np.uint8)
    canvas = Image.new("RGB", (2 * SIDE, SIDE))
    for place, pixels in enumerate((portrait, edges)):
        picture = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        canvas.paste(picture, (place * SIDE, 0))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    canvas.quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
