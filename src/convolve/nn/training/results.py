"""What a training gives: one record per epoch, and the best network."""

from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.nn.network import Network


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to.

    Attributes
    ----------
    number
        From 1.
    loss, accuracy
        Means over the steps, while the network was learning.
    validation_loss, validation_accuracy
        After the epoch; None without validation.
    seconds
        Of all of it.
    """

    number: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float

    @property
    def score(self) -> tuple[float, float]:
        """By which epochs are compared: accuracy where there are classes, then a small loss."""
        validated = self.validation_loss is not None
        loss = self.validation_loss if validated else self.loss
        accuracy = self.validation_accuracy if validated else self.accuracy
        first = -1.0 if accuracy is None or np.isnan(accuracy) else accuracy
        return first, -np.inf if loss is None or np.isnan(loss) else -loss


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What `fit` gives.

    Attributes
    ----------
    network
        With the weights of the best epoch.
    history
        One `Epoch` after the other.
    interrupted
        Whether Ctrl-C ended it.
    classes
        Names, if the data has them.
    """

    network: Network
    history: tuple[Epoch, ...]
    interrupted: bool
    classes: tuple[str, ...]

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights the network has; None if not one was finished."""
        return max(self.history, key=lambda epoch: epoch.score) if self.history else None


def right(output: Array, targets: Array) -> float:
    """Return how many classes are right; NaN where targets are no classes."""
    if output.ndim < 2 or targets.dtype.kind not in "iu" or targets.shape != (len(output), *output.shape[2:]):
        return float("nan")
    return float(np.mean(output.argmax(axis=1) == targets)) * len(targets)
