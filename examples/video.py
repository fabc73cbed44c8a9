"""Motion in a film: `python examples/video.py` makes a clip, blurs it, and finds what moves in it.

A disc and a square cross a photograph, under the noise of a camera. Four films are written: the clip; the
clip blurred in space; the change in time, which is the filter (1, 0, -1) laid along time; and the same change
after smoothing in time and space, one filter of three dimensions, which the noise hardly gets through. How
much better that is, is counted: the mean of what is left where things move, by the mean where nothing does.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve import files, filters
from convolve.pictures import along_axis
from convolve.video import filter_film, read_frames, write_frames

HEIGHT, WIDTH = 240, 320
RATE = 25
NOISE = 6.0
"""Standard deviation of the noise, in steps of 256: a camera in a dim room."""
STRENGTH = 4
"""What the smooth change is multiplied by, so that it can be seen; it changes no share."""

Frame = NDArray[np.uint8]


def moving(number: int, count: int) -> NDArray[np.bool_]:
    """Return where the disc and the square are in a frame."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    along = number / count
    disc = (rows - 70) ** 2 + (columns - (40 + 230 * along)) ** 2 < 24**2
    square = (abs(rows - (60 + 150 * along)) < 18) & (abs(columns - 250) < 18)
    return np.asarray(disc | square)


def clip(count: int) -> Iterator[Frame]:
    """Yield the frames: a still photograph, and what moves over it."""
    random = np.random.default_rng(7)
    still = files.sample("portrait").array[60 : 60 + HEIGHT, 90 : 90 + WIDTH].astype(float)
    for number in range(count):
        frame = np.where(moving(number, count)[..., None], [20, 60, 150], still)
        noisy = frame + random.normal(0, NOISE, still.shape)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def smooth_change() -> Any:
    """Return the derivative in time of the smoothed film, as one filter of 3 dimensions."""
    weights = filters.get("gaussian-dz:1.5", ndim=3).weights[0]
    return np.asarray(weights) * STRENGTH


def contrast(film: Path, count: int) -> float:
    """Return how much brighter a film is where something moves than where nothing does."""
    inside, outside = [], []
    for number, (_, frame) in enumerate(read_frames(film)):
        if not 4 <= number < count - 4:
            continue  # the ends are mirrored in time
        near = np.any([moving(number + step, count) for step in range(-3, 4)], axis=0)
        changed = moving(number - 1, count) ^ moving(number + 1, count)
        inside.append(frame[changed].mean())
        outside.append(frame[~near].mean())
    return float(np.mean(inside) / max(np.mean(outside), 1e-3))


def films(folder: Path, count: int) -> dict[str, Path]:
    """Write the four films and return where they are."""
    paths = {name: folder / f"{name}.mp4" for name in ("clip", "blurred", "change", "smooth")}
    write_frames(paths["clip"], clip(count), rate=RATE, force=True)
    change, _, _ = along_axis(filters.get("1 0 -1"), "t", 1, "same")
    for name, kernel, range in (
        ("blurred", "gaussian:3", "clip"),
        ("change", change, "abs"),
        ("smooth", smooth_change(), "abs"),
    ):
        done = filter_film(paths["clip"], paths[name], kernel, range=range, force=True)
        print(f"{name:8} {done.frames} frames, {done.frames / done.elapsed:.0f} frames/s")
    return paths


TITLES = {
    "clip": "the clip",
    "blurred": "in space: gaussian:3",
    "change": "in time: 1 0 −1, abs",
    "smooth": "in both: gaussian-dz:1.5, abs, × 4",
}


def draw(paths: dict[str, Path], number: int, goal: Path) -> None:
    """Draw the same frame of the four films."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, places = pyplot.subplots(2, 2, figsize=(9, 7))
    for place, (name, title) in zip(places.flat, TITLES.items(), strict=True):
        place.imshow([frame for _, frame in read_frames(paths[name])][number])
        place.set_title(title, fontsize=10)
        place.axis("off")
    figure.tight_layout()
    figure.savefig(goal, dpi=90, bbox_inches="tight")


def report(quick: bool = False, picture: Path | None = None, folder: Path | None = None) -> dict[str, float]:
    """Make the films, print how well motion stands out, and return that."""
    count = 20 if quick else 50
    with tempfile.TemporaryDirectory() as temporary:
        paths = films(folder or Path(temporary), count)
        found = {name: contrast(paths[name], count) for name in ("change", "smooth")}
        if picture is not None:
            draw(paths, count // 2, picture)
    for name, value in found.items():
        print(f"{name:8} is {value:.1f} times as bright where something moves")
    return found


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a clip of less than a second")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where a frame of each film is drawn")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the films are kept")
    given = parser.parse_args()
    report(given.quick, given.picture, given.folder)


if __name__ == "__main__":
    main()
