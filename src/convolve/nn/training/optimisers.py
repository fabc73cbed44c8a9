"""Optimisers, step for step as PyTorch defines them.

All parameters lie in one vector, so that a step is a handful of array operations for any number of layers.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError

Memory = dict[str, Array]
"""What an optimiser remembers, by name: vectors as long as all parameters, and the number of steps."""


def _check(name: str, value: float, low: float, below: float = float("inf")) -> None:
    if not low <= value < below:
        limit = f"from {low} to below {below}" if np.isfinite(below) else f"at least {low}"
        raise ArgumentError(f"{name} must be {limit}, got {value}")


class Optimiser(ABC):
    """How parameters move against their gradients."""

    lr: float

    @abstractmethod
    def start(self, parameters: Array) -> Memory:
        """Return what is remembered before the first step."""

    @abstractmethod
    def step(self, parameters: Array, gradients: Array, memory: Memory, lr: float) -> None:
        """Move the parameters one step, in place; ``lr`` is the learning rate of this step."""


@dataclass(frozen=True)
class SGD(Optimiser):
    """Steps down the gradient, with momentum; as ``torch.optim.SGD``.

    Parameters
    ----------
    lr
        Learning rate.
    momentum
        Part of the last step that goes on.
    weight_decay
        Times the parameters, added to the gradient.
    nesterov
        Whether the gradient is taken where momentum will lead.

    Examples
    --------
    >>> import numpy as np
    >>> parameters, optimiser = np.array([1.0]), SGD(0.1, momentum=0.9)
    >>> memory = optimiser.start(parameters)
    >>> for _ in range(2):
    ...     optimiser.step(parameters, np.array([1.0]), memory, optimiser.lr)
    >>> parameters.round(3).tolist()
    [0.71]
    """

    lr: float = 1e-2
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        _check("lr", self.lr, 0)
        _check("momentum", self.momentum, 0)
        _check("weight_decay", self.weight_decay, 0)
        if self.nesterov and not self.momentum:
            raise ArgumentError("nesterov needs momentum above 0, got 0; pass momentum=0.9")

    def start(self, parameters: Array) -> Memory:
        """Return a momentum of 0: the first step is the gradient's."""
        return {"momentum": np.zeros_like(parameters)} if self.momentum else {}

    def step(self, parameters: Array, gradients: Array, memory: Memory, lr: float) -> None:
        """Move the parameters one step, in place."""
        if self.weight_decay:
            gradients = gradients + self.weight_decay * parameters
        if self.momentum:
            moving = memory["momentum"]
            moving *= self.momentum
            moving += gradients
            gradients = gradients + self.momentum * moving if self.nesterov else moving
        parameters -= lr * gradients


@dataclass(frozen=True)
class AdamW(Optimiser):
    """Steps of about ``lr`` in every parameter, with decoupled weight decay; as ``torch.optim.AdamW``.

    Parameters
    ----------
    lr
        Learning rate.
    betas
        Parts of the mean gradient and the mean square that go on.
    eps
        Added to the root of the mean square.
    weight_decay
        Times ``lr``, the part of the parameters that every step takes away.

    Examples
    --------
    >>> import numpy as np
    >>> parameters, optimiser = np.array([1.0, -1.0]), AdamW(0.1)
    >>> optimiser.step(parameters, np.array([5.0, 0.01]), optimiser.start(parameters), optimiser.lr)
    >>> parameters.round(3).tolist()
    [0.899, -1.099]
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        _check("lr", self.lr, 0)
        _check("eps", self.eps, 0)
        _check("weight_decay", self.weight_decay, 0)
        for beta in self.betas:
            _check("betas", beta, 0, 1)

    def start(self, parameters: Array) -> Memory:
        """Return means of 0 after no step."""
        zeros = {name: np.zeros_like(parameters) for name in ("mean", "square")}
        return {**zeros, "steps": np.zeros((), np.int64)}

    def step(self, parameters: Array, gradients: Array, memory: Memory, lr: float) -> None:
        """Move the parameters one step, in place."""
        first, second = self.betas
        memory["steps"] += 1
        steps, mean, square = int(memory["steps"]), memory["mean"], memory["square"]
        parameters *= 1 - lr * self.weight_decay
        mean += (1 - first) * (gradients - mean)
        square *= second
        square += (1 - second) * np.square(gradients)
        root = np.sqrt(square)
        root /= (1 - second**steps) ** 0.5
        root += self.eps
        np.divide(mean, root, out=root)
        root *= lr / (1 - first**steps)
        parameters -= root
