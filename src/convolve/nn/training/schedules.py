"""Schedules: what the learning rate is multiplied by, as training goes on."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from convolve.errors import ArgumentError


class Schedule(ABC):
    """How the learning rate changes."""

    @abstractmethod
    def factor(self, epoch: float, epochs: int) -> float:
        """Return what the learning rate is multiplied by.

        Parameters
        ----------
        epoch
            Epochs that have passed, with the part of the present one.
        epochs
            How many there will be.
        """


@dataclass(frozen=True)
class ConstantRate(Schedule):
    """The same learning rate throughout.

    >>> ConstantRate().factor(3.5, 10)
    1.0
    """

    def factor(self, epoch: float, epochs: int) -> float:
        """Return 1."""
        return 1.0


@dataclass(frozen=True)
class StepDecay(Schedule):
    """After every so many epochs, a fraction of the learning rate; as ``torch.optim.lr_scheduler.StepLR``.

    Parameters
    ----------
    every
        Epochs.
    gamma
        What it is multiplied by.

    Examples
    --------
    >>> StepDecay(2, 0.5).factor(4.5, 10)
    0.25
    """

    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ArgumentError(f"every must be at least 1 epoch, got {self.every}")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return gamma to the power of how often that many epochs have passed."""
        return float(self.gamma ** (int(epoch) // self.every))


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Up in a line, then down half a cosine to the end.

    At whole epochs it is what ``CosineAnnealingLR`` gives after a ``LinearLR`` of ``warmup`` epochs; here it
    changes with every step.

    Parameters
    ----------
    warmup
        Epochs of the line.
    start, end
        Factors at its beginning, and at the end of the training.

    Examples
    --------
    >>> schedule = CosineDecay(warmup=2, start=0.5)
    >>> [round(schedule.factor(epoch, 10), 3) for epoch in (0, 1, 2, 6, 10)]
    [0.5, 0.75, 1.0, 0.5, 0.0]
    """

    warmup: float = 0.0
    start: float = 0.01
    end: float = 0.0

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise ArgumentError(f"warmup must not be negative, got {self.warmup}")

    def factor(self, epoch: float, epochs: int) -> float:
        """Return the factor."""
        if epoch < self.warmup:
            return self.start + (1 - self.start) * epoch / self.warmup
        passed = min(1.0, (epoch - self.warmup) / max(epochs - self.warmup, 1e-9))
        return self.end + (1 - self.end) * 0.5 * (1 + math.cos(math.pi * passed))
