"""How a small embedder is made: a network learns to tell people apart, and its last layer is left out.

Some people are held back whole. The threshold is measured on pairs of them, for faces of people whom the
network has learned from are more alike than those of strangers will be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convolve.errors import ArgumentError
from convolve.faces.embedder import MARGIN, Embedder
from convolve.faces.pairs import Pairs
from convolve.nn import (
    AdamW,
    Apply,
    Augment,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    CosineDecay,
    Data,
    Dropout,
    Epoch,
    Flatten,
    Input,
    Layer,
    Linear,
    MaxPool2d,
    Preprocessing,
    ReLU,
    fit,
    network,
)
from convolve.nn.graph import Graph
from convolve.nn.network import Network
from convolve.options import whole_number

CHANNELS = (16, 32, 64)
NUMBERS = 64
"""Numbers of an embedding."""

SCALE = 16.0
"""By which cosines are multiplied: a softmax of numbers up to 1 could not give a certain answer."""

LEAST_PEOPLE = 4
"""Two to learn from and two to measure on."""

SIZE = (32, 32)
BATCH = 32
RATE = 3e-3


@dataclass(frozen=True, slots=True)
class LearnedEmbedder:
    """What a training gives.

    Attributes
    ----------
    embedder
        With the threshold that was measured.
    pairs
        Of the people held back, which it was measured on.
    learned, held_back
        Names.
    """

    embedder: Embedder
    pairs: Pairs
    learned: tuple[str, ...]
    held_back: tuple[str, ...]


def embedding_network(channels: int, size: tuple[int, int], people: int, *, seed: int = 0) -> Network:
    """Return a network from faces to a layer called "embedding", and on to one number for each person."""
    first = value = Input((channels, *size))
    given = channels
    for maps in CHANNELS:
        layers: list[Layer] = [
            Conv2d(given, maps, 3, padding=1, bias=False),
            BatchNorm2d(maps),
            ReLU(),
            MaxPool2d(2),
        ]
        for layer in layers:
            value = layer(value)
        given = maps
    cells = given * (size[0] >> len(CHANNELS)) * (size[1] >> len(CHANNELS))
    value = Linear(cells, NUMBERS, bias=False)(Dropout(0.2)(Flatten()(value)))
    value = BatchNorm1d(NUMBERS, name="embedding")(value)  # around 0, or all directions would be much alike
    direction = Apply("LpNormalization", axis=1)(value) * SCALE
    return network(first, Linear(NUMBERS, people, bias=False)(direction), seed=seed)


def headless(whole: Network) -> Network:
    """Return the network up to its layer "embedding"."""
    graph = whole.graph
    (output,) = (node.outputs[0] for node in graph.nodes if node.name == "embedding")
    nodes = graph.needed([output])
    read = {name for node in nodes for name in node.inputs}
    constants = {name: array for name, array in graph.constants.items() if name in read}
    return Network(Graph(graph.inputs, nodes, constants, (output,), graph.fixed & set(constants)))


def train_embedder(
    people: Data,
    *,
    epochs: int = 20,
    held_back: float = 0.3,
    far: float | None = 0.01,
    flip: bool = True,
    shift: int = 2,
    margin: float = MARGIN,
    seed: int = 0,
    after_epoch: Callable[[Epoch], None] | None = None,
) -> LearnedEmbedder:
    """Return an embedder that has learned from people, and how it does on others.

    Parameters
    ----------
    people
        Faces as bytes (N, 1 or 3, height, width), a class for each person, at least four, with two pictures
        or more of each.
    epochs
        How often all of it is gone through.
    held_back
        Share of people that are not learned from, at least two; the threshold is measured on them.
    far
        False accept rate for which the threshold is set; where there are too few pairs to tell, or with
        None, it is that of equal errors. Its `origin` says which.
    flip, shift
        As `Augment` takes them.
    margin
        Of the squares in which these faces are, for `Embedder`.
    seed
        From which all that is drawn follows.
    after_epoch
        As `fit` takes it.

    Raises
    ------
    ArgumentError
        If there are too few people or pictures.
    KeyboardInterrupt
        After Ctrl-C.
    """
    whole_number(seed, "seed", 0)
    channels, *size = people.images.shape[1:]
    if people.images.dtype != np.uint8 or len(size) != 2 or min(size) < 1 << len(CHANNELS):
        raise ArgumentError(f"faces must be bytes of at least 8 x 8 cells, got {people.images.shape}")
    learned, others = _split(people, held_back, seed)
    trained = fit(
        embedding_network(channels, (size[0], size[1]), len(learned.classes), seed=seed),
        learned,
        epochs=epochs,
        batch_size=BATCH,
        optimiser=AdamW(RATE),
        schedule=CosineDecay(warmup=epochs / 10),
        augment=Augment(flip, shift),
        seed=seed,
        keep="last",
        after_epoch=after_epoch,
    )
    if trained.interrupted:  # its threshold would be measured on half a training
        raise KeyboardInterrupt
    embedder = Embedder(headless(trained.network), Preprocessing((size[0], size[1]), channels), margin=margin)
    pairs = Pairs.of(embedder.of_cells(others.images), others.targets)
    threshold = pairs.threshold(far if far is not None and pairs.supports(far) else None)
    return LearnedEmbedder(embedder.with_threshold(threshold), pairs, learned.classes, others.classes)


def _split(people: Data, share: float, seed: int) -> tuple[Data, Data]:
    """Return the pictures of those learned from, and of those held back."""
    if not 0 < share < 1:
        raise ArgumentError(f"held_back must be a share of the people, between 0 and 1; got {share}")
    known = np.unique(people.targets)
    if len(known) < LEAST_PEOPLE:
        raise ArgumentError(
            f"there must be {LEAST_PEOPLE} people, two to learn from and two to measure on; got {len(known)}"
        )
    count = min(max(2, round(share * len(known))), len(known) - 2)
    chosen = np.random.default_rng(seed).permutation(known)[:count]
    others = np.isin(people.targets, chosen)
    return _part(people, ~others), _part(people, others)


def _part(people: Data, wanted: np.ndarray) -> Data:
    """Return some pictures, with people numbered anew."""
    labels, targets = np.unique(people.targets[wanted], return_inverse=True)
    names = tuple(people.classes[label] if people.classes else str(label) for label in labels)
    return Data(people.images[wanted], targets, names)
