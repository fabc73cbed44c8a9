"""Whether probabilities mean what they say: reliability, Brier score, log loss, and temperature scaling.

C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017
(https://arxiv.org/abs/1706.04599): of answers given with 80 % confidence, 80 % should be right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.graph import Graph, make_node
from convolve.nn.network import Network
from convolve.nn.scoring.counting import rows_and_targets
from convolve.nn.seeing.heads import head_of
from convolve.options import real_number, whole_number

BINS = 15
"""As Guo et al. have it."""

HOTTEST = 100.0
"""Temperatures are looked for from 1/100 to 100: what lies beyond is no calibration but a coin or an oath."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Whether probabilities mean what they say.

    Attributes
    ----------
    edges
        (bins + 1): confidences between which answers are counted together, the upper one included.
    images
        (bins): how many answers fell between.
    confidence
        (bins): their mean confidence, the probability of the class that was said; NaN if there are none.
    accuracy
        (bins): the share of them that was right; NaN if there are none.
    """

    edges: Array
    images: Array
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of confidence and accuracy, by images."""
        return float(np.sum(self._gaps * self.images[self.images > 0]) / self.images.sum())

    @property
    def largest_error(self) -> float:
        """The maximum calibration error: the distance in the worst bin, however few images it has."""
        return float(self._gaps.max())

    @property
    def _gaps(self) -> Array:
        some = self.images > 0
        return np.asarray(np.abs(self.confidence - self.accuracy)[some])


def calibration(probabilities: Any, targets: Any, bins: int = BINS) -> Calibration:
    """Return how confidence and accuracy go together.

    Parameters
    ----------
    probabilities
        (N, classes), from 0 to 1.
    targets
        (N,): numbers of the classes.
    bins
        In how many parts of equal width confidences from 0 to 1 are counted.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        If the two do not fit together, or probabilities are none.

    Examples
    --------
    >>> found = calibration([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], [0, 1, 1, 1], bins=2)
    >>> found.images.tolist(), round(found.error, 3)
    ([0, 4], 0.05)
    """
    rows, numbers = _checked(probabilities, targets)
    edges = np.linspace(0, 1, whole_number(bins, "bins", 1) + 1)
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == numbers
    places = np.searchsorted(edges[1:-1], confidence)
    images = np.bincount(places, minlength=bins)
    sums = [np.bincount(places, weights, bins) for weights in (confidence, right)]
    with np.errstate(invalid="ignore"):  # 0/0 is NaN: there is nothing to say
        return Calibration(edges, images, sums[0] / images, sums[1] / images)


def brier_score(probabilities: Any, targets: Any) -> float:
    """Return the mean squared distance of probabilities and truth, summed over classes: from 0, right, to 2.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950. Of two classes it is
    twice what is often used for yes and no.

    Examples
    --------
    >>> round(brier_score([[0.8, 0.2]], [0]), 3)
    0.08
    """
    rows, numbers = _checked(probabilities, targets)
    truth = np.arange(rows.shape[1]) == numbers[:, None]
    return float(np.mean(np.sum((rows - truth) ** 2, axis=1)))


def log_loss(probabilities: Any, targets: Any) -> float:
    """Return the mean of −log p of the true class; p is taken as 2⁻⁵² at least, as scikit-learn does.

    Examples
    --------
    >>> round(log_loss([[0.5, 0.5]], [0]), 4)
    0.6931
    """
    rows, numbers = _checked(probabilities, targets)
    own = rows[np.arange(len(rows)), numbers]
    return float(-np.mean(np.log(np.maximum(own, np.finfo(np.float64).eps))))


def temperature(scores: Any, targets: Any) -> float:
    """Return by which number scores must be divided before their softmax, so that the log loss is least.

    Parameters
    ----------
    scores
        (N, classes), before a softmax, of images that were not learned from.
    targets
        (N,): numbers of the classes.

    Returns
    -------
    float
        Above 1 if the network is too sure of itself, below 1 if it is not sure enough. The most likely class
        stays the same.

    Raises
    ------
    ArgumentError
        If there is none: where every image is right, the surer the better.

    Examples
    --------
    >>> sure = [[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]]  # one of four is wrong: 75 % would be true
    >>> round(temperature(sure, [0, 0, 0, 1]), 3)
    3.641
    """
    rows, numbers = rows_and_targets(scores, targets)
    own = rows[np.arange(len(rows)), numbers]

    def slope(coldness: float) -> float:
        """Return the derivative of the log loss by 1/T, which grows with it."""
        powers = np.exp(coldness * (rows - rows.max(axis=1, keepdims=True)))
        return float(np.mean((powers * rows).sum(axis=1) / powers.sum(axis=1) - own))

    low, high = np.log(1 / HOTTEST), np.log(HOTTEST)
    if slope(np.exp(low)) >= 0 or slope(np.exp(high)) <= 0:
        raise ArgumentError(
            f"no temperature between {1 / HOTTEST:g} and {HOTTEST:g} makes the log loss least for these "
            f"{len(rows)} images, of which {int(np.sum(rows.argmax(axis=1) == numbers))} are right; "
            "calibrate with more images, some of them wrong"
        )
    for _ in range(60):  # halves 9.2 until the last bit of a float64
        middle = (low + high) / 2
        low, high = (middle, high) if slope(np.exp(middle)) < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def with_temperature(network: Network, value: float) -> Network:
    """Return a network whose scores are divided by a temperature; the most likely class stays the same.

    Parameters
    ----------
    network
        A classifier that gives scores: without a softmax at its end.
    value
        What `temperature` found.

    Raises
    ------
    ArgumentError
        If the network ends with a softmax or a sigmoid.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Linear(2, 2), input_shape=(2,))
    >>> point = np.ones((1, 2), np.float32)
    >>> np.array_equal(nn.with_temperature(network, 2)(point), network(point) / 2)
    True
    """
    graph, head = network.graph, head_of(network.graph)
    if head.end:
        raise ArgumentError(f"a network must give scores to get a temperature; this one ends with {head.end}")
    if not real_number(value, "temperature") > 0:
        raise ArgumentError(f"a temperature must be above 0, got {value}")
    dtype = graph.inputs[0].dtype
    name = "temperature"
    while name in graph.constants or any(name in (node.name, *node.outputs) for node in graph.nodes):
        name += "_"
    node = make_node("Mul", [head.scores, name], [f"{name}.scores"], name)
    constants = {**graph.constants, name: np.array(1 / value, dtype)}
    return Network(Graph(graph.inputs, (*graph.nodes, node), constants, (node.outputs[0],), graph.fixed))


def _checked(probabilities: Any, targets: Any) -> tuple[Array, Array]:
    rows, numbers = rows_and_targets(probabilities, targets)
    if rows.min() < 0 or rows.max() > 1 + 1e-6:  # what the sum of a softmax in float32 may be off by
        raise ArgumentError(
            f"probabilities must be from 0 to 1, got {rows.min():.4g} to {rows.max():.4g}; "
            "take the softmax of scores first"
        )
    return rows, numbers
