"""`Trainer`: a network while it learns, one batch at a time."""

from collections.abc import Mapping

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.nn.backward import Differentiated
from convolve.nn.network import Network
from convolve.nn.tensor import Shape, Tensor
from convolve.nn.trainable import STATE, trainable
from convolve.nn.training.losses import Loss
from convolve.nn.training.optimisers import Memory, Optimiser

REUSED = 31 << 20
"""Bytes of a block that is asked for and given back once, untouched: from then on the C library of Linux
(glibc) keeps as much and more at the end of its heap, instead of giving it back to the system after every
step and getting it anew, page by page: its limits follow the largest block it has seen freed, up to 32 MiB.
An epoch of digits in batches of 64 had 47,579 page faults and 0.33 s of CPU time; then none and 0.21 s
(2026-11-26)."""


class Trainer:
    """A network while it learns.

    Parameters
    ----------
    network
        With one input and one output; it stays as it is.
    loss
        What is made small.
    optimiser
        How parameters move.
    seed
        From which `Dropout` draws.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Linear(2, 2), input_shape=(2,))
    >>> trainer = nn.Trainer(network, nn.CrossEntropyLoss(), nn.SGD(0.5))
    >>> points, classes = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 1])
    >>> losses = [trainer.step(points, classes)[0] for _ in range(20)]
    >>> losses[-1] < 0.2 < losses[0]
    True
    """

    def __init__(self, network: Network, loss: Loss, optimiser: Optimiser, *, seed: int = 0) -> None:
        if len(network.inputs) != 1 or len(network.outputs) != 1:
            raise ArgumentError(
                f"a network must have one input and one output to be trained, this one has "
                f"{len(network.inputs)} and {len(network.outputs)}"
            )
        np.empty(REUSED, np.uint8)  # its end is what counts
        self.loss, self.optimiser, self.seed = loss, optimiser, seed
        self.steps = 0
        self._form = trainable(network)
        self._vector, self.parameters = _in_one_vector(self._form.parameters)
        self.statistics = {name: array.copy() for name, array in self._form.statistics.items()}
        self.memory: Memory = optimiser.start(self._vector)
        self._known: dict[tuple[Shape, str], Differentiated] = {}

    def step(self, images: Array, targets: Array, lr: float | None = None) -> tuple[float, Array]:
        """Learn from one batch.

        Parameters
        ----------
        images, targets
            As network and loss take them.
        lr
            Learning rate of this step; the optimiser's own if None.

        Returns
        -------
        tuple
            The loss before the step, and what the network gave.
        """
        output = self._form.original.outputs[0]
        state = np.array((self.seed, self.steps), np.int64)
        given = {
            self._form.original.inputs[0].name: images, STATE: state, **self.parameters, **self.statistics,
        }  # fmt: skip
        both = self._differentiated(images, given)
        kept = both.forward(given)
        result = kept[output]
        value, into = self.loss(result, targets)
        found = both.backward(kept, {output: into})
        gradients = np.concatenate([found[name].reshape(-1) for name in self.parameters])
        rate = self.optimiser.lr if lr is None else lr
        self.optimiser.step(self._vector, gradients, self.memory, rate)
        self.statistics = {name: kept[after] for name, after in self._form.updates.items()}
        self.steps += 1
        return value, result

    def numbers(self) -> dict[str, Array]:
        """Return copies of parameters and statistics, by name."""
        return {name: array.copy() for name, array in {**self.parameters, **self.statistics}.items()}

    def put(self, numbers: Mapping[str, Array]) -> None:
        """Go on from other parameters and statistics, such as those of a checkpoint."""
        for name, array in self.parameters.items():
            array[...] = numbers[name]
        self.statistics = {name: numbers[name].copy() for name in self.statistics}

    def network(self, numbers: Mapping[str, Array] | None = None) -> Network:
        """Return the network as it is now, or with other numbers that it had before."""
        return self._form.network(self.numbers() if numbers is None else numbers)

    def _differentiated(self, images: Array, given: Mapping[str, Array]) -> Differentiated:
        key = images.shape, images.dtype.str
        if key not in self._known:
            tensors = {name: Tensor.of(array) for name, array in given.items()}
            outputs = self._form.graph.outputs
            self._known[key] = Differentiated(self._form.graph, tensors, outputs, tuple(self.parameters))
        return self._known[key]


def _in_one_vector(parameters: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Return all parameters as one vector, and by name as views into it."""
    dtypes = {array.dtype for array in parameters.values()}
    if len(dtypes) > 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float64)}:
        names = ", ".join(sorted(map(str, dtypes)))
        raise ArgumentError(f"parameters must all be float32, or all float64, to be trained; got {names}")
    vector = np.concatenate([array.reshape(-1) for array in parameters.values()])
    ends = np.cumsum([array.size for array in parameters.values()])
    parts = np.split(vector, ends[:-1])
    views = zip(parameters.items(), parts, strict=True)
    return vector, {name: part.reshape(array.shape) for (name, array), part in views}
