"""Where a classifier's scores stand, before a softmax that ends it, and how they become probabilities."""

from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.graph import Graph
from convolve.nn.operations.activation import sigmoid

RESHAPING = ("Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Cast")
"""Operations behind a softmax that leave the order of its numbers as it is."""

ENDS = ("Softmax", "LogSoftmax", "Sigmoid")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a classifier.

    Attributes
    ----------
    scores
        Name of the tensor with one score for each class, before softmax or sigmoid.
    end
        Operation that makes probabilities of it in the network itself; "" without one.
    """

    scores: str
    end: str

    def probabilities(self, output: Array) -> Array:
        """Return the probabilities (N, classes) for what the network gave.

        Examples
        --------
        >>> Head("scores", "").probabilities(np.array([[0.0, 0.0]])).tolist()
        [[0.5, 0.5]]
        """
        rows = rows_of(output).astype(np.float64)
        if self.end in ("Softmax", "Sigmoid"):
            return rows
        powers = np.exp(rows - (0 if self.end else rows.max(axis=1, keepdims=True)))
        return np.asarray(powers if self.end else powers / powers.sum(axis=1, keepdims=True))

    def probabilities_of_scores(self, scores: Array) -> Array:
        """Return the probabilities (N, classes) for the scores themselves."""
        rows = rows_of(scores).astype(np.float64)
        return np.asarray(sigmoid(rows)) if self.end == "Sigmoid" else Head("", "").probabilities(rows)


def check_answer(probabilities: Array) -> None:
    """Refuse what no class can be chosen by."""
    if not np.isfinite(probabilities).all():
        raise ArgumentError("the network's answer must be finite, got NaN or infinity; train it anew")


def head_of(graph: Graph) -> Head:
    """Return the end of a classifier.

    Parameters
    ----------
    graph
        With one output.

    Raises
    ------
    ShapeError
        If it has several.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.Softmax(), input_shape=(2,))
    >>> head_of(network.graph).end
    'Softmax'
    """
    if len(graph.outputs) != 1:
        raise ShapeError(
            f"a classifier must have one output, got {len(graph.outputs)}: {', '.join(graph.outputs)}"
        )
    makers = {name: node for node in graph.nodes for name in node.outputs if name}
    name = graph.outputs[0]
    while name in makers and makers[name].operation in RESHAPING:
        name = makers[name].inputs[0]
    if name in makers and makers[name].operation in ENDS:
        return Head(makers[name].inputs[0], makers[name].operation)
    return Head(graph.outputs[0], "")


def rows_of(output: Array) -> Array:
    """Return one row of numbers for each image; dimensions of one cell do not matter.

    Raises
    ------
    ShapeError
        If it is no classifier's output.
    """
    if output.ndim < 2 or output.size != len(output) * max(output.shape[1:]):
        raise ShapeError(
            f"the model must give one row of numbers per picture, it gives shape {output.shape}; "
            "it is no classifier"
        )
    return output.reshape(len(output), -1)
