"""What `convolve predict` and `convolve cam` share: a network, the names of its classes, and its pictures."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convolve.errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from convolve.nn import Network

Ranking = list[tuple[str, float]]
Numbers = tuple[float, ...] | None


def per_channel(_context: click.Context, option: click.Parameter, text: str | None) -> Numbers:
    """Return one number, or one for each channel, from text such as 0.485,0.456,0.406."""
    if text is None:
        return None
    try:
        found = tuple(float(one) for one in text.split(","))
    except ValueError:
        found = ()
    usable = all(math.isfinite(one) and (option.name != "std" or one > 0) for one in found)
    if len(found) not in (1, 3) or not usable:
        above = " above 0" if option.name == "std" else ""
        raise click.BadParameter(
            f"{text!r} must be one or three finite numbers{above}, such as 0.485,0.456,0.406"
        )
    return found


def normalised(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --mean and --std to a command."""
    for name, what in (("--std", "what is left is divided by"), ("--mean", "is taken away from the picture")):
        command = click.option(
            name,
            metavar="R,G,B",
            callback=per_channel,
            help=f"For networks trained so: {what}, one number or one per channel.",
        )(command)
    return command


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network that tells pictures apart.

    Attributes
    ----------
    network
        It takes one batch of images, and gives a row of numbers for each.
    classes
        Their names; fewer, or none, if the file does not tell.
    mean, std
        What is taken away from a picture, which is from 0 to 1, and what it is divided by then.
    """

    network: "Network"
    classes: Sequence[str]
    mean: Numbers = None
    std: Numbers = None

    @staticmethod
    def load(model: str, mean: Numbers, std: Numbers) -> "Classifier":
        """Return the classifier of a file."""
        from convolve.nn.models import load_classifier  # loads NumPy, which --help must not wait for

        return Classifier(*load_classifier(model), mean, std)

    def name(self, number: int) -> str:
        """Return what a class is called: its number, if it has no name."""
        return self.classes[number] if number < len(self.classes) else str(number)

    def number(self, name: str) -> int:
        """Return which class somebody means, by its name or its number."""
        if name in self.classes:
            return self.classes.index(name)
        if name.isascii() and name.isdecimal():
            return int(name)
        known = ", ".join(self.classes) or "numbers from 0 on"
        raise ArgumentError(f"the class must be one of the network's, {known}; got {name!r}")

    def ranked(self, path: Path, top: int) -> Ranking:
        """Return the most likely classes of one picture, with their probabilities."""
        import numpy as np  # here and below: --help must not wait for NumPy

        from convolve.nn.seeing.heads import head_of

        result = np.asarray(self.network(self.prepared(path)))
        (scores,) = head_of(self.network.graph).probabilities(result)
        best = np.argsort(-scores, kind="stable")[:top]
        return [(self.name(int(k)), float(scores[k])) for k in best]

    def prepared(self, path: Path) -> Any:
        """Return a picture as the network takes it."""
        import numpy as np  # which --help must not wait for

        cells = self.picture(path) / np.float32(255)
        for numbers, change in ((self.mean, np.subtract), (self.std, np.divide)):
            if numbers is None:
                continue
            if len(numbers) not in (1, cells.shape[1]):
                raise ArgumentError(
                    f"--mean and --std must have one number or one for each of {cells.shape[1]} channels; "
                    f"got {len(numbers)}"
                )
            cells = change(cells, np.array(numbers, np.float32).reshape(1, -1, 1, 1))
        return cells

    def picture(self, path: Path) -> Any:
        """Return a picture as bytes (1, channels, height, width), of the network's channels and size."""
        from convolve.nn.training.folders import cells_of, fitted  # loads NumPy

        shape = self.network.inputs[0].shape
        if len(self.network.inputs) != 1 or len(shape) != 4 or shape[1] not in (1, 3):
            given = ", ".join(map(str, self.network.inputs))
            raise ShapeError(
                f"the model must take grey or coloured images (N, 1 or 3, height, width), not {given}"
            )
        cells = cells_of(path)
        height, width = (
            wanted if isinstance(wanted, int) else given
            for wanted, given in zip(shape[2:], cells.shape[1:], strict=True)
        )
        return fitted(cells, (height, width), int(shape[1]))[None]
