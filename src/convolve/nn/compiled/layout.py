"""Where every tensor of a network lies: views of others, parts of what is joined, or a place in the arena."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from convolve.compiler.expressions import NOTHING
from convolve.dtypes import Array
from convolve.nn.compiled.actions import Action, Call, Compute, Convolve, Join, Operand, Pool, View, written
from convolve.nn.compiled.arena import Life, arranged
from convolve.nn.compiled.draft import new_name
from convolve.nn.compiled.lowering import Lowered
from convolve.nn.compiled.places import Place
from convolve.nn.tensor import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An action that is left to do, where what it reads lies, and where its results belong.

    A tensor of a `Call` whose size is known only when it runs has no place.
    """

    action: Convolve | Pool | Compute | Call
    reads: tuple[Place | None, ...]
    outs: tuple[Place | None, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """Where everything lies that has a place, results last."""
        return tuple(place for place in (*self.reads, *self.outs) if place is not None)


class Layout:
    """The actions of a network with places.

    Attributes
    ----------
    placed
        What is done, in order.
    offsets, arena_bytes
        Root -> where it begins in the arena, and the arena's size.
    constants
        Root -> its numbers.
    results
        Roots that are results of the network themselves, and are written where the caller will find them.
    """

    def __init__(self, lowered: Lowered, inputs: tuple[str, ...]) -> None:
        self.tensors: dict[str, Tensor] = dict(lowered.tensors)
        self.inputs, self.outputs = inputs, lowered.outputs
        self.constants: dict[str, Array] = {}
        self.placed: list[Placed] = []
        self._places: dict[str, Place] = {}
        self._parts = _parts(lowered, inputs)
        for action in lowered.actions:
            self._place(action)
        self.ends = {name: self.place(name) for name in lowered.outputs if name in self.tensors}
        self.results = self._results()
        self.offsets, self.arena_bytes = arranged(self._lives())

    def place(self, name: str) -> Place:
        """Return where a tensor lies."""
        if name in self._places:
            return self._places[name]
        tensor = self.tensors[name]
        if name in self._parts:
            whole, axis, start = self._parts[name]
            found = self.place(whole).cut(axis, start, tensor.shape[axis])
        else:
            found = Place.dense(name, tensor.shape, tensor.dtype)
            if tensor.value is not None:
                self.constants[name] = tensor.value
        self._places[name] = found
        return found

    def _seen(self, operand: Operand) -> Place:
        """Return where an operand lies as it is seen; numbers that lie with gaps may have to be copied."""
        place = self.place(operand.name)
        if operand.shape is not None and place.reshaped(operand.shape) is None:
            place = self._copied(place)
        return operand.at(place)

    def _copied(self, place: Place) -> Place:
        """Write the action that copies a tensor to a place without gaps, and return that."""
        name = new_name(self.tensors)
        self.tensors[name] = Tensor(place.dtype, place.shape)
        self._copy(place, self.place(name))
        return self.place(name)

    def _copy(self, place: Place, to: Place) -> None:
        copy = Compute((), NOTHING, (Operand(place.root),), Operand(to.root))
        self.placed.append(Placed(copy, (place,), (to,)))

    def _place(self, action: Action) -> None:
        """Place what an action writes, and keep it if there is anything to do."""
        if isinstance(action, View):
            seen = self.place(action.x.name)
            found = action.how(seen) or action.how(self._copied(seen))
            assert found is not None, "what has no gaps can be seen in any shape"
            self._places[action.out.name] = found
        elif isinstance(action, Join):
            self._join(action)
        elif isinstance(action, Call):
            reads = tuple(self._known(one.name) for one in action.reads)
            self.placed.append(Placed(action, reads, tuple(map(self._known, action.outs))))
        else:
            reads = tuple(map(self._seen, action.reads))
            self.placed.append(Placed(action, reads, (action.out.at(self.place(action.out.name)),)))

    def _known(self, name: str) -> Place | None:
        return self.place(name) if name in self.tensors else None

    def _join(self, action: Join) -> None:
        """Copy what could not be written where it belongs."""
        whole, start = self.place(action.out.name), 0
        for one in action.inputs:
            place = self.place(one.name)
            part = whole.cut(action.axis, start, place.shape[action.axis])
            start += place.shape[action.axis]
            if place != part:
                self._copy(place, part)

    def _results(self) -> frozenset[str]:
        """Return the roots that the caller may be given as they are."""
        roots = Counter(place.root for place in self.ends.values())
        made = {place.root for one in self.placed for place in one.outs if place is not None}
        return frozenset(
            place.root
            for name, place in self.ends.items()
            if place.root == name and name in made and roots[name] == 1
        )

    def _lives(self) -> dict[str, Life]:
        """Return from when to when each root is needed that lies in the arena."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for number, one in enumerate(self.placed):
            for place in (*one.outs, *one.reads):
                if place is not None:
                    first.setdefault(place.root, number)
                    last[place.root] = number
        last |= {place.root: len(self.placed) for place in self.ends.values()}
        elsewhere = {*self.inputs, *self.constants, *self.results}
        return {
            name: Life(self.place(name).nbytes, first[name], last[name])
            for name in first
            if name not in elsewhere
        }


Part = tuple[str, int, int]
"""The whole, the dimension along which it was joined, and where a part begins."""


def _parts(lowered: Lowered, inputs: tuple[str, ...]) -> Mapping[str, Part]:
    """Return the tensors that are written as parts of what they are joined to."""
    reshaped = _reshaped(lowered.actions)
    written_by = {name: action for action in lowered.actions for name in written(action)}
    parts: dict[str, Part] = {}
    for action in reversed(lowered.actions):
        if not isinstance(action, Join):
            continue
        names, start = Counter(one.name for one in action.inputs), 0
        for one in action.inputs:
            shape = lowered.tensors[one.name].shape
            whole = math.prod(shape[: action.axis]) == 1  # its parts have no gaps
            free = one.name not in parts and one.name not in lowered.outputs and one.name not in inputs
            made = written_by.get(one.name)
            may = free and made is not None and not isinstance(made, View) and names[one.name] == 1
            if may and (whole or one.name not in reshaped):
                parts[one.name] = (action.out.name, action.axis, start)
            start += shape[action.axis]
    return parts


def _reshaped(actions: tuple[Action, ...]) -> set[str]:
    """Return the tensors that some action sees in another shape."""
    found = {action.x.name for action in actions if isinstance(action, View)}
    for action in actions:
        made = (action.out,) if isinstance(action, Convolve | Pool | Compute) else ()
        operands = (*action.reads, *made)
        found |= {one.name for one in operands if one.shape is not None}
    return found
