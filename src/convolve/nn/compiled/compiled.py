"""A network for inputs of certain sizes, compiled: the one way in which networks run.

From top to bottom: `Program` has inferred all shapes; `lowering` writes actions and joins them; `layout`
gives every tensor a place; `runner` makes jobs of the actions, and native code walks them in rows.
"""

from collections.abc import Mapping
from functools import partial

from convolve.dtypes import Array
from convolve.nn.compiled.layout import Layout
from convolve.nn.compiled.lowering import Lowered, lower
from convolve.nn.compiled.runner import Runner
from convolve.nn.compiled.shared import Shared
from convolve.nn.program import Program
from convolve.runtime.threads import get_num_threads


class Compiled:
    """A program whose runs are walks through tables of routines.

    Parameters
    ----------
    program
        Its steps, shapes and constants.
    shared
        What all sizes of a network share.
    whole
        Images of the batch that these are a part of; 0 if they are all of it.
    """

    def __init__(self, program: Program, shared: Shared, whole: int = 0) -> None:
        self.program, self._shared, self._whole = program, shared, whole
        self._lowered: dict[str, Lowered] = {}
        self._layouts: dict[str, Layout] = {}

    def layout(self, accuracy: str = "default") -> Layout:
        """Return the actions with their places; ``accuracy`` is that of convolutions."""
        if accuracy not in self._layouts:
            self._layouts[accuracy] = Layout(self.lowered(accuracy), self.program.inputs)
        return self._layouts[accuracy]

    def lowered(self, accuracy: str = "default") -> Lowered:
        """Return what is done, action by action."""
        if accuracy not in self._lowered:
            self._lowered[accuracy] = lower(self.program, accuracy, self._whole)
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
        key = (self, accuracy, get_num_threads())
        runner = self._shared.take(key)
        if runner is None:
            runner = Runner(self.layout(accuracy), partial(self._shared.packed, accuracy))
        try:
            return runner.run(arrays)
        finally:
            self._shared.give(key, runner)
