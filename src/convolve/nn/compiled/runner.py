"""One run at a time of a network: its arena, its jobs with their addresses, and the rows of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.api import dispatch
from convolve.arguments import conv_spec
from convolve.compiler.interpreter import evaluate
from convolve.dtypes import Array
from convolve.nn.compiled.actions import Action, Call, Compute, Convolve
from convolve.nn.compiled.jobs import Weights, jobs_of
from convolve.nn.compiled.layout import Layout, Placed
from convolve.nn.compiled.places import Place
from convolve.nn.inference import infer_node, inputs_of, run_node
from convolve.nn.tensor import Tensor
from convolve.runtime import threads
from convolve.runtime.execution import address_of
from convolve.runtime.job import Job
from convolve.runtime.pool import ROUND_NS, Table
from convolve.runtime.scratch import buffer


@dataclass(frozen=True, slots=True)
class Open:
    """An address that is known only when the network is called."""

    job: Job
    name: str
    root: str
    offset: int


class Runner:
    """All that one run writes to: nothing is shared with other runs but packed weights and tables.

    Parameters
    ----------
    layout
        Of a network for certain sizes.
    weights
        Where packed weights are kept.
    """

    def __init__(self, layout: Layout, weights: Weights) -> None:
        self._layout = layout
        self.nbytes = layout.arena_bytes
        self._kept, address = buffer(layout.arena_bytes)
        start = address - self._kept.ctypes.data
        self._memory = self._kept[start:]
        self._address = address
        self._open: list[Open] = []
        self._jobs: list[Job] = []
        self._work: list[Table | Job | Placed] = list(_grouped(self._steps(weights)))

    def _steps(self, weights: Weights) -> Iterable[Job | Placed]:
        """Yield what is to be done: jobs, and what is left to NumPy."""
        for one in self._layout.placed:
            made = None if isinstance(one.action, Call) else jobs_of(one, weights)
            if made is None:
                yield one
                continue
            for job, pointers in made:
                for name, place in pointers.items():
                    self._point(job, name, place)
                self._jobs.append(job)
                yield job

    def _point(self, job: Job, name: str, place: Place) -> None:
        """Write an address into a job's arguments, or remember to when it is known."""
        layout, root = self._layout, place.root
        if root in layout.offsets:
            job.point(name, self._address + layout.offsets[root] + place.offset)
        elif root in layout.constants:
            job.point(name, address_of(layout.constants[root]) + place.offset)
        else:
            self._open.append(Open(job, name, root, place.offset))

    def run(self, given: Mapping[str, Array]) -> dict[str, Array] | None:
        """Return the results by name; None if the direct method must compute them."""
        layout = self._layout
        tensors = layout.tensors
        results = {name: np.empty(tensors[name].shape, tensors[name].dtype) for name in layout.results}
        roots = {**{name: np.ascontiguousarray(array) for name, array in given.items()}, **results}
        for one in self._open:
            one.job.point(one.name, address_of(roots[one.root]) + one.offset)
        memory = _Memory(layout, self._memory, roots)
        for job in self._jobs:
            if job.alarm is not None:
                job.alarm.value = 0.0
        for work in self._work:
            self._do(work, memory)
        if any(job.alarm is not None and job.alarm.value for job in self._jobs):
            return None
        return {name: results[name] if name in results else memory.own(name) for name in layout.outputs}

    def _do(self, work: Table | Job | Placed, memory: "_Memory") -> None:
        if isinstance(work, Table):
            threads.walk(work)
        elif isinstance(work, Job):
            threads.run(work.routine, work.address, work.items, work.scratch_bytes, work.nanoseconds)
        elif isinstance(work.action, Call):
            memory.call(work)
        else:
            *inputs, out = map(memory.view, work.places)
            out[...] = _by_numpy(work.action, *inputs)


def _by_numpy(action: Action, *inputs: Array) -> Array:
    """Return what no routine can compute: passes over too many dimensions, weights that are not finite."""
    if isinstance(action, Compute):
        return evaluate(action.expression, *np.broadcast_arrays(*inputs))
    assert isinstance(action, Convolve), "every pooling has a routine"
    dims, (x, *added) = action.spec.dims, inputs
    call = conv_spec(action.spec.operation, dims, x, action.filters(), action.bias, **action.options)
    return evaluate(action.activation, dispatch.run(call, "auto"), *added)


class _Memory:
    """The tensors of one run, for NumPy."""

    def __init__(self, layout: Layout, arena: Array, roots: Mapping[str, Array]) -> None:
        self._layout, self._arena, self._roots = layout, arena, roots
        self._held: dict[str, Array] = {}

    def view(self, place: Place) -> Array:
        """Return a tensor where it lies."""
        offset = self._layout.offsets.get(place.root)
        if offset is not None:
            return place.view(self._arena[offset:])
        root = self._layout.constants.get(place.root)
        whole = self._roots[place.root] if root is None else root
        if place.offset == 0 and place.shape == whole.shape and place.strides == whole.strides:
            return whole
        return place.view(np.ascontiguousarray(whole).reshape(-1).view(np.uint8))

    def call(self, one: Placed) -> None:
        """Let NumPy compute a node."""
        action = one.action
        assert isinstance(action, Call)
        node = action.step.node
        held = {
            operand.name: self._held[operand.name] if place is None else self.view(place)
            for operand, place in zip(action.reads, one.reads, strict=True)
        }
        inputs: list[Any] = inputs_of(node, held) or []
        with np.errstate(all="ignore"):  # infinities and NaN are results like others
            if not action.step.checked:
                infer_node(node, [None if array is None else Tensor.of(array) for array in inputs])
            found = dict(zip(node.outputs, run_node(node, inputs), strict=False))
        for name, place in zip(action.outs, one.outs, strict=True):
            if place is None:
                self._held[name] = found[name]
            elif name in found:
                self.view(place)[...] = found[name]

    def own(self, name: str) -> Array:
        """Return a result as an array of its own, that a caller may write to."""
        place = self._layout.ends.get(name)
        return (self._held[name] if place is None else self.view(place)).copy()


def _grouped(steps: Iterable[Job | Placed]) -> Iterable[Table | Job | Placed]:
    """Yield tables of neighbouring jobs, and what cannot stand in one.

    A table takes no longer than a round, so that Ctrl-C is answered soon; a job that takes longer by itself
    is run in rounds.
    """
    count = threads.get_num_threads()
    most = ROUND_NS * count
    waiting: list[Job] = []
    time = 0.0
    for step in steps:
        takes = step.nanoseconds if isinstance(step, Job) else most
        if waiting and time + takes > most:
            yield Table(waiting, count, threads.SHARED_FROM_NS)
            waiting, time = [], 0.0
        if isinstance(step, Job) and takes < most:
            waiting.append(step)
            time += takes
        else:
            yield step
    if waiting:
        yield Table(waiting, count, threads.SHARED_FROM_NS)
