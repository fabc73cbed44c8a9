"""Losses, as PyTorch defines them: (what the network gives, what was wanted) -> one number and its gradient.

All are means. They are no operations of the graph: a network that is used has no loss, and value and gradient
together are more exact, and cheaper, than a graph of logarithms.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError
from convolve.nn.operations.activation import sigmoid, softplus


class Loss(ABC):
    """What is made small: called with outputs and targets it gives (value, gradient of the outputs)."""

    @abstractmethod
    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to ``output``."""


def _same_shape(output: Array, target: Array) -> None:
    if output.shape != np.shape(target):
        raise ShapeError(f"targets must have the outputs' shape {output.shape}, got {np.shape(target)}")


@dataclass(frozen=True)
class CrossEntropyLoss(Loss):
    """How unlikely the right classes were: −log softmax; as ``torch.nn.CrossEntropyLoss``.

    Parameters
    ----------
    label_smoothing
        Part of the target, from 0 to below 1, that is spread over all classes.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = CrossEntropyLoss()(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(value, 4), gradient.tolist()
    (0.6931, [[0.5, -0.5]])
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ArgumentError(f"label_smoothing must be from 0 to below 1, got {self.label_smoothing}")

    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss of logits (N, classes, …) for class numbers (N, …), and its gradient.

        Raises
        ------
        ShapeError, ArgumentError
            If the shapes differ, or a class does not exist.
        """
        classes = output.shape[1]
        _check_classes(output, target)
        low = output - output.max(axis=1, keepdims=True)
        log = low - np.log(np.exp(low).sum(axis=1, keepdims=True))
        wanted = np.full(output.shape, self.label_smoothing / classes, output.dtype)
        places = np.expand_dims(target, 1)
        share = np.take_along_axis(wanted, places, axis=1) + output.dtype.type(1 - self.label_smoothing)
        np.put_along_axis(wanted, places, share, axis=1)
        value = -float((wanted * log).sum(dtype=np.float64)) / target.size
        return value, np.asarray((np.exp(log) - wanted) / target.size, output.dtype)


def _check_classes(output: Array, target: Array) -> None:
    if target.dtype.kind not in "iu":
        raise ArgumentTypeError(f"targets must be class numbers, whole ones; got dtype {target.dtype}")
    if output.ndim < 2 or target.shape != (output.shape[0], *output.shape[2:]):
        raise ShapeError(
            f"targets must be one class number for each of the outputs (N, classes, …), here {output.shape}; "
            f"got shape {target.shape}"
        )
    if target.size and not (target.min() >= 0 and target.max() < output.shape[1]):
        raise ArgumentError(
            f"classes must be from 0 to {output.shape[1] - 1}, for so many outputs the network has; got "
            f"{target.min()} to {target.max()}"
        )


@dataclass(frozen=True)
class MSELoss(Loss):
    """The mean squared difference; as ``torch.nn.MSELoss``.

    Examples
    --------
    >>> import numpy as np
    >>> MSELoss()(np.array([1.0, 3.0]), np.array([0.0, 0.0]))
    (5.0, array([1., 3.]))
    """

    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss for targets of the outputs' shape, and its gradient."""
        _same_shape(output, target)
        difference = output - target
        value = float(np.square(difference).sum(dtype=np.float64)) / output.size
        return value, np.asarray(2 / output.size * difference, output.dtype)


@dataclass(frozen=True)
class BCEWithLogitsLoss(Loss):
    """The cross entropy of yes and no for every output by itself; as ``torch.nn.BCEWithLogitsLoss``.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = BCEWithLogitsLoss()(np.array([0.0]), np.array([1.0]))
    >>> round(value, 4), gradient.tolist()
    (0.6931, [-0.5])
    """

    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss of logits for targets of their shape, from 0 (no) to 1 (yes), and its gradient."""
        _same_shape(output, target)
        value = float((softplus(output) - target * output).sum(dtype=np.float64)) / output.size
        return value, np.asarray((sigmoid(output) - target) / output.size, output.dtype)


@dataclass(frozen=True)
class FocalLoss(Loss):
    """A cross entropy of yes and no in which what is easy counts less (Lin et al., 2017).

    As ``torchvision.ops.sigmoid_focal_loss`` with ``reduction="mean"``.

    Parameters
    ----------
    alpha
        Weight of yes, from 0 to 1; that of no is 1 − alpha. Below 0: both count 1.
    gamma
        How much less what is easy counts; 0 is the plain cross entropy.

    Examples
    --------
    >>> import numpy as np
    >>> value, gradient = FocalLoss()(np.array([0.0]), np.array([1.0]))
    >>> round(value, 4)
    0.0433
    """

    alpha: float = 0.25
    gamma: float = 2.0

    def __call__(self, output: Array, target: Array) -> tuple[float, Array]:
        """Return the loss of logits for targets of their shape, 0 (no) or 1 (yes), and its gradient."""
        _same_shape(output, target)
        p = sigmoid(output)
        right = p * target + (1 - p) * (1 - target)
        wrong = 1 - right
        cross = softplus(output) - target * output
        weight = self.alpha * target + (1 - self.alpha) * (1 - target) if self.alpha >= 0 else 1.0
        value = float((weight * wrong**self.gamma * cross).sum(dtype=np.float64)) / output.size
        sign = 1 - 2 * target  # d(wrong)/d(output) = sign · p · (1 − p)
        easier = self.gamma * wrong ** (self.gamma - 1) * sign * p * (1 - p) * cross if self.gamma else 0.0
        gradient = weight * (easier + wrong**self.gamma * (p - target))
        return value, np.asarray(gradient / output.size, output.dtype)
