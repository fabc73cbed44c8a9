"""Who is who? Faces found in a portrait, and people told apart whom nobody has ever met.

``python examples/faces.py`` trains a face detector on scikit-image's 200 patches and runs it over the
portrait of an astronaut. Then it trains an embedder and measures it: on stand-ins, drawn heads whose features
are the "person", each picture of which differs in light, place, tilt, noise and expression. No identity data
can be shipped, so nothing here says how well real people are told apart; that is for you to measure, on
people who agreed to it. With ``--picture FILE`` the portrait with its boxes and the curve of error rates are
drawn.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from skimage import data

from convolve import faces, files, nn

SIDE = 32
"""Cells of a stand-in's side."""

PEOPLE, PICTURES = 80, 12
"""Stand-ins, and pictures of each: of 24 held back come 39,744 pairs of two, enough for a rate of 0.001."""


def traits(random: np.random.Generator) -> dict[str, float]:
    """Return what one stand-in looks like, in halves of a side."""
    low = {"skin": 0.45, "hair": 0.05, "head": 0.52, "height": 0.7, "apart": 0.2, "eyes": -0.25, "eye": 0.06}
    high = {"skin": 0.85, "hair": 0.5, "head": 0.7, "height": 0.9, "apart": 0.34, "eyes": -0.05, "eye": 0.12}
    low |= {"brow": 0.1, "nose": 0.12, "mouth": 0.14, "mouth at": 0.4, "fringe": -0.65, "beard": -0.1}
    high |= {"brow": 0.22, "nose": 0.3, "mouth": 0.36, "mouth at": 0.56, "fringe": -0.35, "beard": 0.12}
    return {name: float(random.uniform(low[name], high[name])) for name in low}


def stand_in(of: dict[str, float], random: np.random.Generator) -> Any:
    """Return one picture of a stand-in, (32, 32) bytes: no two are alike."""
    line = (np.arange(SIDE) + 0.5) / (SIDE / 2) - 1
    turn, zoom = random.uniform(-0.12, 0.12), np.exp(random.uniform(-0.08, 0.08))
    down, across = np.meshgrid(
        line - random.uniform(-0.08, 0.08), line - random.uniform(-0.08, 0.08), indexing="ij"
    )
    x = (np.cos(turn) * across + np.sin(turn) * down) * zoom
    y = (np.cos(turn) * down - np.sin(turn) * across) * zoom
    smile = random.uniform(-0.1, 0.15)
    cells = np.full((SIDE, SIDE), random.uniform(0.1, 0.9))
    for shade, inside in features(of, x, y, smile):
        cells = np.where(inside, shade, cells)
    light = 1 + random.uniform(-0.25, 0.25) * across + random.uniform(-0.15, 0.15) * down
    noisy = cells * light * random.uniform(0.75, 1.2) + random.normal(0, 0.03, cells.shape)
    return np.clip(np.rint(noisy * 255), 0, 255).astype(np.uint8)


def features(of: dict[str, float], x: Any, y: Any, smile: float) -> list[tuple[float, Any]]:
    """Return (shade, cells) of hair, head, eyes, brows, nose, mouth and beard."""
    side, brow = np.abs(x), np.abs(y - of["eyes"] + 0.17) < 0.04
    head = np.hypot(x / of["head"], y / of["height"]) < 1
    mouth = np.abs(y - of["mouth at"] + smile * (side / of["mouth"]) ** 2) < 0.05
    return [
        (of["hair"], np.hypot(x / (of["head"] + 0.12), (y + 0.1) / (of["height"] + 0.08)) < 1),
        (of["skin"], head & (y > of["fringe"])),
        (of["skin"] - max(0.0, of["beard"]) * 3, head & (y > of["mouth at"] - 0.12)),
        (0.08, np.hypot(side - of["apart"], y - of["eyes"]) < of["eye"]),
        (
            of["hair"],
            (np.abs(side - of["apart"]) < of["brow"] / 1.5) & brow,
        ),
        (of["skin"] * 0.75, (side < 0.05) & (y > of["eyes"] + 0.1) & (y < of["eyes"] + 0.1 + of["nose"])),
        (0.25, mouth & (side < of["mouth"])),
    ]


def stand_ins(people: int, pictures: int, seed: int = 0) -> nn.Data:
    """Return pictures of stand-ins as data, (N, 1, 32, 32), a class for each."""
    random = np.random.default_rng(seed)
    everybody = [traits(random) for _ in range(people)]
    images = np.stack([stand_in(one, random) for one in everybody for _ in range(pictures)])
    names = tuple(f"stand-in {number:02}" for number in range(people))
    return nn.Data(images[:, None], np.repeat(np.arange(people), pictures), names)


def portrait(quick: bool) -> tuple[files.Picture, faces.Faces]:
    """Return the portrait, and the faces that a detector finds there that has never seen it."""
    picture = files.Picture(data.astronaut(), "YXC")
    detector = faces.train_detector(lesson=faces.Lesson(1, 2) if quick else None)
    return picture, detector(picture)


def draw(
    picture: files.Picture, found: faces.Faces, pairs: faces.Pairs, everybody: nn.Data, path: Path
) -> None:
    """Draw the portrait with its boxes, some stand-ins, and the curve."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Rectangle

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    left.imshow(picture.array)
    for (x1, y1, x2, y2), score in zip(found.boxes, found.scores, strict=True):
        left.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, color="tab:orange", linewidth=2.5))
        left.text(x1, y1 - 8, f"{score:.3f}", color="white", backgroundcolor="tab:orange", fontsize=8)
    left.set_title("faces found (learned from 25 × 25 patches)", fontsize=9)
    rows = [np.concatenate(list(everybody.images[everybody.targets == k][:5, 0]), axis=1) for k in range(5)]
    middle.imshow(np.concatenate(rows), cmap="gray", vmin=0, vmax=255)
    middle.set_title("five stand-ins, a row each", fontsize=9)
    pairs.plot(right)
    right.set_title(f"stand-ins not learned from: {pairs.pictures} pictures of {pairs.people}", fontsize=9)
    left.axis("off"), middle.axis("off")
    figure.savefig(path, dpi=100)


def report(quick: bool = False, picture: Path | None = None) -> dict[str, Any]:
    """Print what was found and measured, draw it, and return it."""
    start = time.perf_counter()
    photo, found = portrait(quick)
    print(f"portrait: {len(found)} faces, {time.perf_counter() - start:.1f} s with the training")
    for box, score in zip(found.boxes.round().astype(int), found.scores, strict=True):
        print(f"  {score:.4f}  {box.tolist()}")
    start = time.perf_counter()
    everybody = stand_ins(8 if quick else PEOPLE, 6 if quick else PICTURES)
    learned = faces.train_embedder(everybody, epochs=3 if quick else 20)
    print(f"stand-ins not learned from, {time.perf_counter() - start:.1f} s with the training")
    print(learned.pairs)
    threshold = learned.embedder.threshold
    assert threshold is not None
    print(f"threshold {threshold.value:.4f}: {threshold.origin}")
    if picture is not None:
        draw(photo, found, learned.pairs, everybody, picture)
    return {"faces": found, "pairs": learned.pairs, "embedder": learned.embedder}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few epochs, few stand-ins")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where it is drawn (PNG, SVG)")
    given = parser.parse_args()
    report(given.quick, given.picture)


if __name__ == "__main__":
    main()
