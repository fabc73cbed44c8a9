"""Blobs, templates and vessels beside scikit-image and OpenCV: medians, turns interleaved in one process.

``python -m bench.features`` prints the tables of docs/blobs.md and docs/vessels.md: CPU time of one thread,
which neighbours on a busy machine change least. Each does the whole of its work, from an array to finds:
scales, maxima and pruning of blobs, the map of a template, all scales of vesselness.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from skimage import color, data, feature, filters

import convolve
from convolve import features
from convolve.features.spots import disc_answer

TURNS = 7
Calls = dict[str, Callable[[], Any]]


def blob_rows() -> Iterator[tuple[str, Calls]]:
    """Yield what finds blobs: the same scales and thresholds for both."""
    sky = (color.rgb2gray(data.hubble_deep_field()) * 255).round().astype(np.uint8)
    random = np.random.default_rng(0)
    volume = (random.random((48, 128, 128)) ** 40 * 255).astype(np.uint8)
    for name, image, scales, contrast in (
        ("blobs: coins, 303×384, 6 scales to 20", data.coins(), (10, 20, 6), 20),
        ("blobs: deep field, 872×1000, 10 scales to 6", sky, (1, 6, 10), 60),
        ("blobs: volume, 48×128×128, 5 scales to 4", volume, (2, 4, 5), 5),
    ):
        share = contrast / 255 * disc_answer(image.ndim)
        yield (
            name,
            {
                "convolve": lambda i=image, s=scales, c=contrast: features.blobs(
                    i, s[0], s[1], num_sigma=s[2], threshold=c
                ),
                "scikit-image": lambda i=image, s=scales, t=share: feature.blob_log(
                    i, *s, threshold=t, log_scale=True
                ),
            },
        )


def template_rows() -> Iterator[tuple[str, Calls]]:
    """Yield the map of normalised cross-correlation, for templates of several sizes."""
    colours = data.hubble_deep_field()
    sky = colours[..., 1]
    for dtype in (np.uint8, np.float32):
        image = np.ascontiguousarray(sky.astype(dtype))
        for size in (16, 32, 64, 128, 200):
            part = np.ascontiguousarray(image[380 : 380 + size, 400 : 400 + size])
            yield (
                f"template: {size}×{size} in 872×1000, {image.dtype}",
                {
                    "convolve": lambda i=image, p=part: features.match_template(i, p),
                    "scikit-image": lambda i=image, p=part: feature.match_template(i, p),
                    "OpenCV": lambda i=image, p=part: cv2.matchTemplate(i, p, cv2.TM_CCOEFF_NORMED),
                },
            )
    part = np.ascontiguousarray(colours[380:412, 400:432])
    yield (
        "template: 32×32 in 872×1000, three colours",
        {
            "convolve": lambda: features.match_template(colours, part, channel_axis=-1),
            "OpenCV": lambda: cv2.matchTemplate(colours, part, cv2.TM_CCOEFF_NORMED),
        },
    )


def vessel_rows() -> Iterator[tuple[str, Calls]]:
    """Yield vesselness of the retina and of a volume."""
    retina = np.ascontiguousarray(data.retina()[..., 1]).astype(np.float32)
    volume = np.random.default_rng(0).random((48, 128, 128)).astype(np.float32)
    for name, image, scales in (
        ("vessels: retina, 1411×1411, 4 scales", retina, (1.0, 2.0, 3.0, 4.0)),
        ("vessels: volume, 48×128×128, 2 scales", volume, (1.0, 2.0)),
    ):
        yield (
            name,
            {
                "convolve": lambda i=image, s=scales: features.vesselness(i, s),
                "scikit-image": lambda i=image, s=scales: filters.frangi(i, sigmas=s, black_ridges=False),
            },
        )


def medians(calls: Calls) -> dict[str, float]:
    """Return the median CPU time of each in ms, turns interleaved; the first turn warms up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:
                times[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Print a line per row: ms of each, and each peer's time over ours."""
    convolve.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"CPU time of one thread in ms, medians of {TURNS} turns; in brackets the peer's over ours")
    for rows in (blob_rows, template_rows, vessel_rows):
        for name, calls in rows():
            found = medians(calls)
            ours = found.pop("convolve")
            peers = "  ".join(f"{peer} {value:7.1f} ({value / ours:.1f} ×)" for peer, value in found.items())
            print(f"{name:46} convolve {ours:7.1f}  {peers}", flush=True)


if __name__ == "__main__":
    main()
