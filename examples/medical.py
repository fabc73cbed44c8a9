"""A phantom is smoothed at a width in mm, cut by thresholds and labelled by a U-Net; both are scored.

``python examples/medical.py [--picture FILE]`` trains on made-up bodies, and scores on others. No medical
device.
"""

import argparse
import itertools
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from convolve import filters, medical
from convolve.files import Picture
from convolve.medical.phantom import BRIGHTNESS
from convolve.pictures import filter_picture

FWHM = "6mm"
"""Width of the Gaussian before thresholds are laid on: the noise is a tenth of it afterwards."""


def smoothed(made: medical.Phantom) -> Any:
    """Return a phantom's image, blurred alike in every direction, whatever the shape of its cells."""
    picture = Picture(made.image, "ZYX", False, made.spacing, "mm")
    return filter_picture(picture, filters.Measured(f"gaussian:fwhm={FWHM}", 3)).picture.array


def by_thresholds(made: medical.Phantom) -> Any:
    """Return labels from brightness alone: limits half-way between the tissues'."""
    limits = [(low + high) / 2 for low, high in itertools.pairwise(BRIGHTNESS)]
    return np.digitize(smoothed(made), limits).astype(np.uint8)


def mean_scores(labelled: list[tuple[medical.Phantom, Any]]) -> dict[str, tuple[float, float]]:
    """Return the mean of Dice and of Hausdorff's 95th percentile, NaN if never found, for each label."""
    rows = [medical.score(found, made.labels, made.spacing, medical.LABELS) for made, found in labelled]
    means = [medical.mean_score(of_label) for of_label in zip(*rows, strict=True)]
    return {
        mean["label"]: (mean["dice"], math.nan if mean["hausdorff95"] is None else mean["hausdorff95"])
        for mean in means
    }


def report(*, quick: bool = False, picture: Path | None = None) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the scores of both ways on phantoms that none learned from, and print them."""
    shape = (10, 40, 40) if quick else (24, 96, 96)
    many, epochs, held_out = (8, 5, 2) if quick else (48, 6, 8)
    started = time.perf_counter()
    learned = [medical.phantom(shape, seed=seed) for seed in range(many)]
    network = medical.learn([(one.image, one.labels) for one in learned], epochs=epochs)
    print(f"{many} phantoms learned from in {time.perf_counter() - started:.0f} s")
    held = [medical.phantom(shape, seed=seed) for seed in range(1000, 1000 + held_out)]
    found = {
        "thresholds": [(one, by_thresholds(one)) for one in held],
        "U-Net": [(one, medical.segment(one.image, network)) for one in held],
    }
    scores = {way: mean_scores(labelled) for way, labelled in found.items()}
    for way, labels in scores.items():
        text = "   ".join(f"{name} {value:.3f}, {away:.1f} mm" for name, (value, away) in labels.items())
        print(f"{way:11} Dice and Hausdorff 95 %: {text}")
    if picture is not None:
        draw(held[0], {way: labelled[0][1] for way, labelled in found.items()}, picture)
    return scores


def draw(made: medical.Phantom, found: dict[str, Any], picture: Path) -> None:
    """Draw the middle slice, across and from the side: as seen, smoothed, and its labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    depth, height, _ = made.image.shape
    deep, high, wide = (size * each for size, each in zip(made.image.shape, made.spacing, strict=True))
    columns = {"as seen": made.image, f"smoothed, FWHM {FWHM}": smoothed(made), "truth": made.labels, **found}
    figure = Figure(figsize=(13, 4.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(columns), height_ratios=(high, deep))
    tissues = ListedColormap(["#111827", "#4b5563", "#3b82f6", "#f59e0b"])
    for column, (name, volume) in enumerate(columns.items()):
        labels = volume.dtype == np.uint8
        style = {"cmap": "gray", "vmin": 40, "vmax": 180}
        if labels:
            style = {"cmap": tissues, "vmin": -0.5, "vmax": 3.5}
        across, side = axes[0][column], axes[1][column]
        across.imshow(volume[depth // 2], extent=(0, wide, high, 0), interpolation="nearest", **style)
        side.imshow(volume[:, height // 2], extent=(0, wide, deep, 0), interpolation="nearest", **style)
        across.set_title(name)
        for one in (across, side):
            one.set_xticks([])
            one.set_yticks([])
    axes[0][0].set_ylabel("across")
    axes[1][0].set_ylabel("from the side")
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    report(picture=parser.parse_args().picture)
