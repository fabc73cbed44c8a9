"""How many coins, nuclei and galaxies are there, and where are the vessels? Vision by filters alone.

``python examples/blobs.py`` looks at pictures that come with scikit-image:

1. blobs by the Laplacian of a Gaussian: coins, stained nuclei of a tissue, galaxies of Hubble's deep field;
2. template matching: one coin is cut out, and what looks like it is found by normalised cross-correlation;
3. vesselness: the vessels of a retina, from the curvatures of the smoothed picture.

With ``--pictures FOLDER`` what was found is drawn: blobs.png, template.png and vessels.png.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage import color, data

from convolve import features, files

HEIGHT = 440
"""Pixels of each drawing."""

LARGEST = 4
"""Times that a small picture is enlarged at most."""

INK, PAPER, GAP = (40, 44, 52), (255, 255, 255), 14
Found = dict[str, tuple[int, Any]]
"""Name -> how many were found, and the drawing."""


def find_blobs(quick: bool) -> Found:
    """Find coins, nuclei and galaxies; return how many of each, drawn."""
    tissue, sky = data.immunohistochemistry()[180:, 130:], data.hubble_deep_field()[280:680, 20:460]
    if quick:
        tissue, sky = tissue[:200, 70:270], sky[:200, :200]
    stain = color.rgb2hed(tissue)[..., 0]  # haematoxylin, which colours the nuclei blue
    brightness = (color.rgb2gray(sky) * 255).round().astype(np.uint8)
    scenes = {
        "coins": (data.coins(), data.coins(), {"min_sigma": 10.3, "max_sigma": 21.4, "threshold": 20}),
        "nuclei": (stain, tissue, {"min_sigma": 3.5, "max_sigma": 4.5 if quick else 8, "threshold": 0.015}),
        "galaxies and stars": (
            brightness,
            sky,
            {"min_sigma": 1.5, "max_sigma": 3 if quick else 10, "threshold": 40},
        ),
    }
    found = {}
    for name, (image, shown, how) in scenes.items():
        start = time.perf_counter()
        blobs = features.blobs(image, **how)
        seconds = time.perf_counter() - start
        middle = np.median(blobs.radii)
        print(f"{name:20} {len(blobs):5} found, median radius {middle:4.1f} pixels, {1000 * seconds:6.0f} ms")
        found[name] = len(blobs), blobs.overlay(shown)
    return found


def find_coins_like_one() -> Found:
    """Cut out one coin, and find what looks like it."""
    coins = data.coins()
    one = coins[168:222, 77:127]
    matches = features.find_template(coins, one, threshold=0.6)
    best = ", ".join(f"{score:.2f}" for score in matches.scores[:4])
    print(f"{'one coin':20} {len(matches):5} places look like it; scores {best}, …")
    return {"what is looked for": (1, one), "what is found": (len(matches), matches.overlay(coins))}


def find_vessels(quick: bool) -> Found:
    """Return a part of the retina and its vesselness."""
    retina = data.retina()[350:1050, 50:750]
    if quick:
        retina = retina[:200, :200]
    start = time.perf_counter()
    likeness = features.vesselness(retina[..., 1], (1.5, 2.5, 4.0), polarity="dark")
    share = float((likeness > 0.1).mean())
    print(f"{'vessels':20} {share:5.1%} of the cells, {1000 * (time.perf_counter() - start):6.0f} ms")
    shades = (255 * np.clip(1 - likeness / 0.5, 0, 1)).round().astype(np.uint8)
    return {"retina": (1, retina), "vesselness": (1, np.repeat(shades[..., None], 3, -1))}


def side_by_side(panels: Found, height: int, count: bool) -> Any:
    """Return drawings in a row, each with its name above it, and how many were found."""
    font = ImageFont.load_default(24)
    pictures = []
    for name, (number, array) in panels.items():
        picture = Image.fromarray(array).convert("RGB")
        scale = min(height / picture.height, LARGEST)
        size = round(picture.width * scale), round(picture.height * scale)
        panel = Image.new("RGB", (size[0], height + 40), PAPER)
        panel.paste(picture.resize(size, Image.Resampling.LANCZOS), (0, 40))
        text = f"{number} {name}" if count else name
        ImageDraw.Draw(panel).text((2, 4), text, INK, font)
        pictures.append(panel)
    width = sum(one.width for one in pictures) + GAP * (len(pictures) - 1)
    row = Image.new("RGB", (width, height + 40), PAPER)
    left = 0
    for one in pictures:
        row.paste(one, (left, 0))
        left += one.width + GAP
    return np.asarray(row)


def report(quick: bool = False, pictures: Path | None = None) -> dict[str, int]:
    """Print what is found, draw it, and return how many there are of each."""
    blobs, coins, vessels = find_blobs(quick), find_coins_like_one(), find_vessels(quick)
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for name, panels in (("blobs", blobs), ("template", coins), ("vessels", vessels)):
            drawn = side_by_side(panels, HEIGHT, name == "blobs")
            files.write(pictures / f"{name}.png", files.Picture(drawn, "YXC"), force=True)
    return {name: number for panels in (blobs, coins) for name, (number, _) in panels.items()}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="parts of the pictures")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="where blobs.png and others are drawn"
    )
    given = parser.parse_args()
    report(given.quick, given.pictures)


if __name__ == "__main__":
    main()
