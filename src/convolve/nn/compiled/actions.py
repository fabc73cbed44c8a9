"""What a network does, action by action, before anything has an address: what rules write and passes join.

``nodes`` are those that an action computes, all of them or, where several actions are needed, a part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convolve.compiler.expressions import NOTHING, Expression
from convolve.dtypes import Array
from convolve.nn.compiled.places import Place
from convolve.nn.operation import Node
from convolve.nn.program import Step
from convolve.nn.tensor import Shape
from convolve.pooling import Pool as Pooling
from convolve.spec import ConvSpec


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor as an action sees it: perhaps in another shape, and then its dimensions turned."""

    name: str
    shape: Shape | None = None
    order: tuple[int, ...] | None = None

    def at(self, place: Place) -> Place:
        """Return where it lies so seen; shapes are asked for only of memory without gaps."""
        if self.shape is not None:
            seen = place.reshaped(self.shape)
            assert seen is not None, f"{self.name} is seen as {self.shape}, but lies with gaps"
            place = seen
        return place if self.order is None else place.turned(self.order)


@dataclass(frozen=True, slots=True, eq=False)
class Convolve:
    """A convolution, and what is made of each of its sums and the number of ``added`` in its place.

    ``factor`` has a number for each filter, ``key`` names the packed weights, ``options`` are our functions'.
    """

    nodes: tuple[Node, ...]
    x: Operand
    out: Operand
    spec: ConvSpec
    weight: Array
    bias: Array | None
    key: str
    options: Mapping[str, Any] = field(default_factory=dict)
    factor: Array | None = None
    activation: Expression = NOTHING
    added: Operand | None = None

    @property
    def reads(self) -> tuple[Operand, ...]:
        """What it reads."""
        return (self.x,) if self.added is None else (self.x, self.added)

    def filters(self) -> Array:
        """Return the weights, each filter times its factor: a copy that is needed only while it is packed."""
        if self.factor is None:
            return self.weight
        return self.weight * self.factor.reshape(-1, *[1] * (self.weight.ndim - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Transposed(Convolve):
    """A transposed convolution: several routines, which write side by side. Nothing is added in place."""

    def filters(self) -> Array:
        """Return the weights (input channels, output channels, *taps), each filter times its factor."""
        if self.factor is None:
            return self.weight
        return self.weight * self.factor.reshape(1, -1, *[1] * (self.weight.ndim - 2))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The largest number, the mean, or the sum of every window."""

    nodes: tuple[Node, ...]
    x: Operand
    out: Operand
    kind: str
    window: Callable[[Array], Pooling]
    include_padding: bool = False
    divisor: int | None = None

    @property
    def reads(self) -> tuple[Operand, ...]:
        """What it reads."""
        return (self.x,)


@dataclass(frozen=True, slots=True, eq=False)
class Compute:
    """An expression of the numbers in the same place of some tensors, which are broadcast to the result."""

    nodes: tuple[Node, ...]
    expression: Expression
    inputs: tuple[Operand, ...]
    out: Operand

    @property
    def reads(self) -> tuple[Operand, ...]:
        """What it reads."""
        return self.inputs


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A tensor that is another one seen in another way, or a part of it: nothing is done.

    ``how`` gives the place; None if the numbers must be laid together first.
    """

    nodes: tuple[Node, ...]
    x: Operand
    out: Operand
    how: Callable[[Place], Place | None]

    @property
    def reads(self) -> tuple[Operand, ...]:
        """What it reads."""
        return (self.x,)


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Tensors one after the other along a dimension; most are written where they belong at once."""

    nodes: tuple[Node, ...]
    inputs: tuple[Operand, ...]
    out: Operand
    axis: int

    @property
    def reads(self) -> tuple[Operand, ...]:
        """What it reads."""
        return self.inputs


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A node that NumPy computes: what has no rule."""

    step: Step
    reads: tuple[Operand, ...]
    outs: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The node."""
        return (self.step.node,)


Action = Convolve | Pool | Compute | View | Join | Call


def written(action: Action) -> tuple[str, ...]:
    """Return the names of what an action writes."""
    return action.outs if isinstance(action, Call) else (action.out.name,)
