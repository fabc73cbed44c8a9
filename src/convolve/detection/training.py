"""Training: scenes become arrays of one size, what is wanted at each place, and a `Detector`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convolve.detection.boxes import CORNERS, areas, clip
from convolve.detection.decoding import decoded
from convolve.detection.detector import Detector
from convolve.detection.framing import framed
from convolve.detection.loss import DetectionLoss
from convolve.detection.network import STRIDES, raw_network
from convolve.detection.outputs import Reading
from convolve.detection.scenes import Scene, Scenes
from convolve.detection.targets import Grid
from convolve.dtypes import Array
from convolve.errors import ArgumentError, FileFormatError
from convolve.nn.preprocessing import Preprocessing
from convolve.nn.training.data import Data
from convolve.nn.training.loop import fit
from convolve.nn.training.optimisers import AdamW
from convolve.nn.training.results import Epoch, Trained
from convolve.nn.training.schedules import CosineDecay
from convolve.views import check_fits

LEAST_AREA = 4.0
"""Pixels of a box in the frame below which nothing is left to learn from."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What a training gives: the detector with its last weights, and what happened on the way."""

    detector: Detector
    trained: Trained


def train(
    scenes: Scenes,
    size: tuple[int, int] = (96, 96),
    *,
    epochs: int = 6,
    batch_size: int = 8,
    lr: float = 4e-3,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> Training:
    """Train a detector.

    Parameters
    ----------
    scenes
        What is learned from; all pictures are held in memory, in the size of the frame.
    size
        (height, width) of the frame, multiples of 32.
    epochs, batch_size, seed, checkpoint, resume, progress, after_epoch
        As `nn.fit` takes them.
    lr
        The largest learning rate; it rises during the first tenth, and falls like a cosine.

    Raises
    ------
    ConvolveError
        If a picture cannot be read or is not as large as the data says, or there is no box.

    Examples
    --------
    >>> from convolve.detection.digits import digit_scenes
    >>> found = train(digit_scenes(4, size=(64, 64)), (64, 64), epochs=1)
    >>> found.detector.classes[:3], len(found.trained.history)
    (('0', '1', '2'), 1)
    """
    if any(side < STRIDES[-1] or side % STRIDES[-1] for side in size):
        raise ArgumentError(f"size must be multiples of {STRIDES[-1]}, got {size[0]}x{size[1]}")
    if not scenes.boxes:
        raise ArgumentError(f"there must be a box to learn from, {len(scenes)} pictures have none")
    count = len(scenes.classes)
    trained = fit(
        raw_network(count, seed=seed),
        learned(scenes, size),
        epochs=epochs,
        batch_size=batch_size,
        loss=DetectionLoss(),
        optimiser=AdamW(lr),
        schedule=CosineDecay(warmup=epochs / 10),
        seed=seed,
        keep="last",
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
        after_epoch=after_epoch,
    )
    reading = Reading("cxcywh", "pixels", count)
    network = decoded(trained.network, count)
    return Training(Detector(network, scenes.classes, Preprocessing(size), reading), trained)


def learned(scenes: Scenes, size: tuple[int, int]) -> Data:
    """Return scenes as the training takes them: bytes (N, 3, height, width), and what is wanted."""
    grid = Grid.of(size)
    shapes = (len(scenes), 3, *size), (len(scenes), 1 + CORNERS, len(grid.strides))
    check_fits(shapes[0], np.dtype(np.uint8), "all pictures")
    check_fits(shapes[1], np.dtype(np.float32), "what is wanted of all pictures")
    images, targets = np.empty(shapes[0], np.uint8), np.empty(shapes[1], np.float32)
    for place, one in enumerate(scenes.scenes):
        images[place], targets[place] = _pair(one, size, grid)
    return Data(images, targets, scenes.classes)


def _pair(one: Scene, size: tuple[int, int], grid: Grid) -> tuple[Array, Array]:
    cells, where = framed(one.source, size)
    if where.source != one.size:
        raise FileFormatError(
            f"{one.name} must have {one.size[0]}x{one.size[1]} pixels (height, width), as the data says; it "
            f"has {where.source[0]}x{where.source[1]}"
        )
    boxes = where.into_frame(clip(one.boxes, one.size))
    kept = areas(boxes) >= LEAST_AREA
    return cells, grid.targets(boxes[kept], one.labels[kept], one.crowd[kept])
