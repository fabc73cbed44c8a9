"""`training_curves`: what a training came to, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.seeing.axes import new_axes
from convolve.nn.training.results import Epoch
from convolve.options import choice


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """One number per epoch of everything that a training tells.

    Attributes
    ----------
    epochs
        Numbers, from 1.
    loss, accuracy
        While the network was learning; accuracy is NaN where targets are no classes.
    validation_loss, validation_accuracy
        After every epoch; NaN without validation.
    """

    epochs: Array
    loss: Array
    accuracy: Array
    validation_loss: Array
    validation_accuracy: Array

    def plot(self, ax: Any = None, quantity: str = "loss") -> Any:
        """Draw the "loss" or the "accuracy" on matplotlib axes, and return them (extra "plot").

        Parameters
        ----------
        ax
            The axes; a new figure if None.
        quantity
            Which of the two.

        Raises
        ------
        ArgumentError
            If there are no numbers of it.
        """
        choice(quantity, "quantity", ("loss", "accuracy"))
        lines = {
            "learned from": getattr(self, quantity),
            "held back": getattr(self, f"validation_{quantity}"),
        }
        shown = {name: line for name, line in lines.items() if not np.isnan(line).all()}
        if not shown:
            raise ArgumentError(f"a history must have epochs with {quantity} to be drawn, this one has none")
        ax = new_axes(5, 3.2) if ax is None else ax
        for (name, line), style in zip(shown.items(), ("o-", "s--"), strict=False):
            ax.plot(self.epochs, line, style, markersize=3, label=name)
        ax.set(xlabel="epoch", ylabel=quantity)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        return ax


def training_curves(history: Sequence[Epoch]) -> Curves:
    """Return the curves of a training.

    Parameters
    ----------
    history
        `Trained.history`, or `ConvNetClassifier.history_`.

    Examples
    --------
    >>> from convolve import nn
    >>> history = [nn.Epoch(1, 0.9, 0.5, 1.0, 0.4, 1.0), nn.Epoch(2, 0.5, 0.7, 0.6, 0.6, 1.0)]
    >>> curves = nn.training_curves(history)
    >>> curves.loss.tolist(), curves.validation_accuracy.tolist()
    ([0.9, 0.5], [0.4, 0.6])
    """

    def all_of(name: str) -> Array:
        found = [getattr(epoch, name) for epoch in history]
        return np.array([np.nan if one is None else one for one in found], np.float64)

    names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    return Curves(np.array([epoch.number for epoch in history], np.int64), *map(all_of, names))
