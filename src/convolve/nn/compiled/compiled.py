"""A network for inputs of certain sizes, compiled: the one way in which networks run.

From top to bottom: `Program` has inferred all shapes; `lowering` writes actions and joins them; `layout`
gives every tensor a place; `runner` makes jobs of the actions, and native code walks them in rows.
"""

from collections.abc import Mapping, MutableMapping
from weakref import WeakValueDictionary

from convolve.compiler.plan import Code
from convolve.dtypes import Array
from convolve.nn.compiled.layout import Layout
from convolve.nn.compiled.lowering import Lowered, lower
from convolve.nn.compiled.runner import Runner
from convolve.nn.program import Program
from convolve.runtime.execution import Packed
from convolve.runtime.threads import get_num_threads

MOST_FREE = 2
"""Runners kept for the next calls with one number of threads: more callers at once are rare."""


class Shared:
    """Packed weights that all sizes of a network share: kept as long as some runner uses them."""

    def __init__(self) -> None:
        self._packed: dict[str, MutableMapping[Code, Packed]] = {}

    def __call__(self, name: str) -> MutableMapping[Code, Packed]:
        """Return what is kept of one convolution."""
        return self._packed.setdefault(name, WeakValueDictionary())


class Compiled:
    """A program whose runs are walks through tables of routines.

    Parameters
    ----------
    program
        Its steps, shapes and constants.
    weights
        Where packed weights are kept.
    """

    def __init__(self, program: Program, weights: Shared) -> None:
        self.program, self._weights = program, weights
        self._lowered: dict[str, Lowered] = {}
        self._layouts: dict[str, Layout] = {}
        self._free: dict[tuple[str, int], list[Runner]] = {}

    def layout(self, accuracy: str = "default") -> Layout:
        """Return the actions with their places; ``accuracy`` is that of convolutions."""
        if accuracy not in self._layouts:
            self._layouts[accuracy] = Layout(self.lowered(accuracy), self.program.inputs)
        return self._layouts[accuracy]

    def lowered(self, accuracy: str = "default") -> Lowered:
        """Return what is done, action by action."""
        if accuracy not in self._lowered:
            self._lowered[accuracy] = lower(self.program, accuracy)
        return self._lowered[accuracy]

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the tensors that were asked for, by name.

        Parameters
        ----------
        arrays
            The inputs, of the shapes and dtypes that the program was made for.
        """
        found = self._run(arrays, "default")
        return self._run(arrays, "strict") or {} if found is None else found

    def _run(self, arrays: Mapping[str, Array], accuracy: str) -> dict[str, Array] | None:
        """Run once; None if transformed numbers were not finite, which direct sums may be."""
        free = self._free.setdefault((accuracy, get_num_threads()), [])
        try:
            runner = free.pop()
        except IndexError:
            runner = Runner(self.layout(accuracy), lambda name: self._weights(f"{accuracy} {name}"))
        try:
            return runner.run(arrays)
        finally:
            if len(free) < MOST_FREE:
                free.append(runner)
