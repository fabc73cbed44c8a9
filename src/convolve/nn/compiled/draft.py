"""A network's actions in the making: what rules look at, and write to."""

import itertools
from collections import Counter
from collections.abc import Container, Sequence

import numpy as np

from convolve.compiler.expressions import Formula, Given, Value, Writer
from convolve.dtypes import Array
from convolve.nn.compiled.actions import Action, Compute, Convolve, Operand, written
from convolve.nn.operation import Node
from convolve.nn.program import Program
from convolve.nn.tensor import Shape, Tensor

FLOAT = np.dtype(np.float32)
"""What routines of networks compute in; everything else is NumPy's."""


def new_name(taken: Container[str]) -> str:
    """Return a name that no tensor has.

    >>> new_name({"made 0"})
    'made 1'
    """
    return next(name for number in itertools.count() if (name := f"made {number}") not in taken)


class Draft:
    """Actions so far, and what is known of every tensor.

    Parameters
    ----------
    program
        Its steps are what rules are asked about.
    accuracy
        Of convolutions: "default" or "strict".
    whole
        Images of the batch that the program's are a part of; 0 if they are all of it.
    """

    def __init__(self, program: Program, accuracy: str, whole: int = 0) -> None:
        self.accuracy, self._whole = accuracy, whole
        self._images = program.tensors[program.inputs[0]].shape[0] if whole else 0
        self.tensors: dict[str, Tensor] = dict(program.tensors)
        self.outputs = program.outputs
        self.actions: list[Action] = []
        self._readers = Counter(name for step in program.steps for name in step.node.inputs)
        self._readers.update(program.outputs)
        self._writers: dict[str, int] = {}

    def shape(self, name: str) -> Shape:
        """Return a tensor's shape."""
        return self.tensors[name].shape

    def in_whole(self, count: int) -> int:
        """Return how many images, or rows of all images, there are in the whole batch."""
        if not self._images or count % self._images:
            return count
        return count // self._images * self._whole

    def value(self, name: str) -> Array | None:
        """Return a tensor's numbers, if they are known in advance."""
        return self.tensors[name].value

    def is_float(self, *names: str) -> bool:
        """Whether tensors are known, of float32, and hold something."""
        known = (self.tensors.get(name) for name in names)
        return all(one is not None and one.dtype == FLOAT and one.size > 0 for one in known)

    def is_read(self, name: str) -> bool:
        """Whether anybody reads a tensor."""
        return self._readers[name] > 0

    def add(self, action: Action) -> None:
        """Write an action."""
        for name in written(action):
            self._writers[name] = len(self.actions)
        self.actions.append(action)

    def temporary(self, shape: Shape) -> str:
        """Return the name of a new tensor."""
        name = new_name(self.tensors)
        self.tensors[name] = Tensor(FLOAT, shape)
        return name

    def constant(self, array: Array) -> str:
        """Return the name of a new tensor whose numbers are known."""
        name = new_name(self.tensors)
        self.tensors[name] = Tensor.of(np.ascontiguousarray(array, FLOAT))
        return name

    def convolution_before(self, name: str) -> Convolve | None:
        """Return the convolution whose plain sums a tensor holds that nothing else reads."""
        place = self._writers.get(name)
        found = None if place is None else self.actions[place]
        if not isinstance(found, Convolve) or self._readers[name] != 1 or found.out.shape is not None:
            return None
        return found

    def replace(self, old: Action, new: Action) -> None:
        """Put an action in the place of another one."""
        place = self.actions.index(old)
        self.actions[place] = new
        for name in written(new):
            self._writers[name] = place

    def compute(self, node: Node, formula: Formula, inputs: Sequence[str | float], out: str) -> bool:
        """Write a pass over numbers; single numbers that are known become part of the expression."""
        operands: list[str] = []
        values: list[Value] = []
        for one in inputs:
            number = one if isinstance(one, float) else self._number(one)
            if number is not None:
                values.append(number)
                continue
            assert isinstance(one, str)
            if one not in operands:
                operands.append(one)
            values.append(Given(operands.index(one)))
        if not operands or not self.is_float(*operands):
            return False
        writer = Writer()
        expression = writer.done(formula(writer, *values))
        self.add(Compute((node,), expression, tuple(map(Operand, operands)), Operand(out)))
        return True

    def _number(self, name: str) -> float | None:
        value = self.value(name)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None
