"""How a face detector is made: from scikit-image's 200 patches, or from a folder with faces/ and others/.

After each round it is run over photographs without people, and what it takes for a face there is learned as
no face in the next round: "hard negatives" (Sung and Poggio, 1998).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, FileFormatError
from convolve.faces import negatives
from convolve.faces.detector import SCORE, FaceDetector
from convolve.faces.network import face_network
from convolve.faces.patches import WINDOW, FaceAugment
from convolve.faces.pyramid import levels
from convolve.nn import AdamW, BCEWithLogitsLoss, CosineDecay, Data, fit, image_folder
from convolve.nn.network import Network
from convolve.nn.operations.activation import sigmoid
from convolve.options import whole_number

FACE, OTHER = "faces", "others"
CUTS, DRAWINGS, WRONG = 600, 800, 4
"""Patches cut from photographs, drawn, and made from each face, before the first round."""

HARDEST = 60
"""Windows of each photograph that are learned from after a round, those most like faces."""

LIKE_A_FACE = 0.25
"""Score from which on a window of a photograph is worth learning from."""

BATCH = 64
RATE = 3e-3
DECAY = 0.05
"""Larger than is usual, for there are a hundred faces to learn from."""


def face_patches() -> Data:
    """Return the 100 faces and 100 others of scikit-image's lfw_subset, as bytes (200, 1, 25, 25).

    Raises
    ------
    MissingExtraError
        If scikit-image is not installed.

    Notes
    -----
    From Labeled Faces in the Wild (Huang et al., 2007); nobody is named in it.
    """
    patches = negatives.skimage_data().lfw_subset()  # type: ignore[attr-defined]  # found at run time
    images = np.rint(patches * 255).astype(np.uint8)[:, None]
    targets = np.repeat([0, 1], len(images) // 2)
    return Data(images, targets, (FACE, OTHER))


def patch_folder(path: str | Path) -> Data:
    """Return the patches of a folder with the folders "faces" and "others"; each becomes 25 × 25 and grey."""
    found = image_folder(path, WINDOW, 1)
    if found.classes != (FACE, OTHER):
        raise FileFormatError(
            f"{path} must have two folders, {FACE} and {OTHER}; it has {', '.join(found.classes)}"
        )
    return found


@dataclass(frozen=True)
class Lesson:
    """How long a detector learns.

    Attributes
    ----------
    rounds
        Between them hard negatives are gathered.
    epochs
        Of each round.
    """

    rounds: int = 3
    epochs: int = 6

    def __post_init__(self) -> None:
        whole_number(self.rounds, "rounds", 1)
        whole_number(self.epochs, "epochs", 1)


def train_detector(
    patches: Data | None = None, *, seed: int = 0, lesson: Lesson | None = None, score: float = SCORE
) -> FaceDetector:
    """Return a detector that has learned from patches, and from photographs without people.

    Parameters
    ----------
    patches
        Of the classes "faces" and "others", (N, 1, 25, 25); `face_patches` if None.
    seed
        From which all that is drawn follows.
    lesson
        How long it learns.
    score
        From which on the detector will take a window for a face.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C; half a training is no detector.
    MissingExtraError
        If scikit-image, where patches and photographs come from, is not installed.
    ArgumentError
        If the patches are not of these classes.
    """
    given = face_patches() if patches is None else patches
    if given.classes != (FACE, OTHER) or given.images.shape[1:] != (1, WINDOW, WINDOW):
        raise ArgumentError(
            f"patches must be of the classes {FACE} and {OTHER}, 1 x {WINDOW} x {WINDOW}; got "
            f"{given.classes} of {given.images.shape[1:]}"
        )
    random = np.random.default_rng(seed)
    photos = negatives.photographs()
    faces, others = (given.take(np.flatnonzero(given.targets == label))[0] for label in (0, 1))
    if not len(faces):
        raise ArgumentError("there must be a face among the patches, got none")
    made = [negatives.wrong(faces, random) for _ in range(WRONG)]
    others = np.concatenate(
        [others, negatives.cut(photos, CUTS, random), negatives.drawn(DRAWINGS, random), *made]
    )
    how, network = lesson or Lesson(), face_network(seed)
    for number in range(how.rounds):
        if number:
            others = np.concatenate([others, hard(network, photos)])
        network = _round(network, faces, others, how.epochs, seed + number)
    return FaceDetector(network, score=score)


def _round(network: Network, faces: Array, others: Array, epochs: int, seed: int) -> Network:
    """Return the network after some epochs with a third of faces, each repeated."""
    times = -(-len(others) // (2 * len(faces)))
    images = np.concatenate([np.tile(faces, (times, 1, 1, 1)), others])
    targets = np.zeros((len(images), 1, 1, 1), np.float32)
    targets[: times * len(faces)] = 1
    trained = fit(
        network,
        Data(images, targets),
        epochs=epochs,
        batch_size=BATCH,
        loss=BCEWithLogitsLoss(),
        optimiser=AdamW(RATE, weight_decay=DECAY),
        schedule=CosineDecay(warmup=min(1.0, epochs / 2)),
        augment=FaceAugment(),
        seed=seed,
        keep="last",
    )
    if trained.interrupted:  # half a round is no detector
        raise KeyboardInterrupt
    return trained.network


def hard(network: Network, photos: list[Array]) -> Array:
    """Return the windows of photographs that the network finds most like faces, (N, 1, 25, 25)."""
    found = [np.zeros((0, 1, WINDOW, WINDOW), np.float32)]
    for photo in photos:
        windows, scores = [found[0]], [np.zeros(0)]
        for level in levels(photo, WINDOW):
            likeness = sigmoid(np.asarray(network(level.cells[None, None]), np.float64)[0, 0])
            rows, columns = np.nonzero(likeness >= LIKE_A_FACE)
            windows.append(level.windows(rows, columns))
            scores.append(likeness[rows, columns])
        best = np.argsort(-np.concatenate(scores), kind="stable")[:HARDEST]
        found.append(np.concatenate(windows)[best])
    return np.concatenate(found)


def patch_accuracy(detector: FaceDetector, patches: Data) -> float:
    """Return the share of patches (N, 1, 25, 25) that are told right, with even odds as the border."""
    images, targets = patches.take(np.arange(len(patches)))
    return float(((detector.logits(images)[:, 0, 0, 0] > 0) == (targets == 0)).mean())
