"""Transposed convolutions of one size: their plain convolutions made ready, and where each reads and writes.

A transposed convolution is several plain ones, one per residue of the stride (`convolve.compiler.subpixel`).
What lands in a border that repeats the input is computed as strips of their own and folded onto the cells
which that border reads.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convolve.axis import source_cells
from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.interpreter import evaluate
from convolve.compiler.plan import Arithmetic, Code, Phases, Way
from convolve.compiler.subpixel import Phase, Positions, Slices, phases
from convolve.compiler.target import Target
from convolve.dtypes import Array, DType
from convolve.runtime import engine
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import Packed, Workspace, address_of
from convolve.runtime.host import host_target
from convolve.runtime.job import Job as ReadyJob
from convolve.spec import ConvSpec

EVERY = (slice(None), slice(None))


def exchanged(spec: ConvSpec, weight: Array, dtype: str) -> Array:
    """Return the weight as plain convolutions of the other direction read it: input channels second."""
    turned = np.flip(weight, axis=tuple(range(2, weight.ndim))) if spec.flip else weight
    grouped = turned.reshape(spec.groups, -1, *turned.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(-1, *grouped.shape[2:]).astype(dtype, copy=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """How sums are taken, and what is applied to each result."""

    arithmetic: Arithmetic | None
    activation: Expression


@dataclass(frozen=True, slots=True)
class Job:
    """One routine's share: a plain convolution, or those of all residues of a row together.

    ``place`` is where in the positions its results belong, ``source`` the part of the input that it reads.
    """

    phases: tuple[Phase, ...]
    source: Slices
    place: Slices
    view: engine.View
    asked: engine.Question


def jobs(
    spec: ConvSpec, positions: Sequence[Positions], image: Array, out: Array, rule: Rule
) -> Iterator[Job]:
    """Yield what gives a transposed convolution at some positions, for arrays of these strides.

    The residues of a row are computed together where that is estimated to be faster: their input is packed
    once, and their results are written side by side.
    """
    found = itertools.groupby(phases(spec, positions), lambda phase: phase.place[:-1])
    for _, row in found:
        each = tuple(row)
        alone = [_job((phase,), phase.spec, phase.source, phase.place, image, out, rule) for phase in each]
        together = _together(each, spec.axes[-1].stride, image, out, rule)
        yield from alone if together is None or _cycles(alone) < _cycles([together]) else [together]


def _cycles(some: Sequence[Job]) -> float:
    return sum(engine.plan_of(job.asked, host_target()).cycles for job in some)


def _job(
    found: tuple[Phase, ...], spec: ConvSpec, source: Slices, place: Slices, image: Array, out: Array,
    rule: Rule,
) -> Job:  # fmt: skip
    view = engine.view_of(spec, image[EVERY + source], out[EVERY + place])
    if len(found) > 1:
        view = replace(view, one_row=False)
    return Job(found, source, place, view, engine.question(spec, view, rule.activation, rule.arithmetic))


def _together(row: tuple[Phase, ...], stride: int, image: Array, out: Array, rule: Rule) -> Job | None:
    """Return the job of all residues of a row, if they have as many taps and results each."""
    each = sorted(row, key=lambda phase: phase.place[-1].start)
    lines = [phase.spec.axes[-1] for phase in each]
    starts = [phase.source[-1].start - line.before for phase, line in zip(each, lines, strict=True)]
    shift = starts[-1] - starts[-2] if len(starts) > 1 else 0
    fits = [
        len(each) == stride > 1,
        [phase.place[-1].start for phase in each] == list(range(stride)),
        len({(line.outputs, line.taps, line.dilation) for line in lines}) == 1,
        shift >= 0 and starts == [starts[0] + number * shift for number in range(len(each))],
    ]
    if not all(fits):
        return None
    first, line, cells = each[0], lines[0], image.shape[-1]
    reach = line.outputs + line.extent - 1 + (stride - 1) * shift
    start, stop = starts[0], starts[0] + reach
    low, high = (min(max(end, 0), cells) for end in (start, stop))
    wide = replace(line, size=high - low, before=low - start, after=stop - high)
    spec = replace(first.spec, axes=(*first.spec.axes[:-1], wide))
    source, place = (*first.source[:-1], slice(low, high)), (*first.place[:-1], slice(None))
    job = _job(tuple(each), spec, source, place, image, out, rule)
    geometry = replace(job.asked.geometry, transforms=False, spread=stride, shift=shift)
    table = replace(wide, taps=line.extent + (stride - 1) * shift, dilation=1)
    return replace(job, asked=replace(job.asked, geometry=geometry, axes=(*job.asked.axes[:-1], table)))


Call = tuple[ReadyJob, dict[str, int]]
"""A part of a transposed convolution that is ready: a job, and at which byte of each array it begins."""


class Part:
    """A job of one size: its execution, and where it finds its arrays within the caller's."""

    def __init__(self, job: Job, image: Array, out: Array) -> None:
        self._job, view = job, job.view
        source, place = image[EVERY + job.source], out[EVERY + job.place]
        self.ready = engine.ready(job.asked)
        self._strides = self.ready.strides(engine.seen(view, source), engine.seen(view, place))
        self._from = address_of(source) - address_of(image)
        self._to = address_of(place) - address_of(out)

    @property
    def key(self) -> tuple[str, Code]:
        """All that its packed weights depend on, besides the weights."""
        return str([phase.taps for phase in self._job.phases]), self.ready.plan.code

    def pack(self, packed: Packed, filters: Array, bias: Array | None) -> None:
        """Pack exchanged weights, one set for each residue."""
        job, dtype = self._job, self.ready.plan.code.dtype
        sets = [engine.weights_of(one.spec, filters[EVERY + one.taps], job.view, dtype) for one in job.phases]
        own = sets[0] if len(sets) == 1 else np.stack(sets, axis=1).reshape(-1, *sets[0].shape[1:])
        source = self.ready.source(own)
        packed.fill(address_of(source), source.strides, bias)

    def call(self, own: Packed) -> Call:
        """Return this part as a job, and where its arrays begin within the caller's, in bytes."""
        job = Workspace(self.ready, own).job(self._strides, None)
        return job, {"input": self._from, "output": self._to}

    def run(self, workspace: Workspace, image: int, out: int) -> bool:
        """Convolve what begins at these addresses; False if the direct method must do it."""
        return workspace.run(image + self._from, out + self._to, self._strides)


class Region:
    """Neighbouring positions of the result, or of the border around it, with the parts that give them."""

    def __init__(
        self,
        spec: ConvSpec,
        positions: tuple[Positions, ...],
        image: Array,
        out: Array,
        arithmetic: Arithmetic,
        activation: Expression,
    ) -> None:
        found = list(jobs(spec, positions, image, out, Rule(arithmetic, activation)))
        self.parts = [Part(job, image, out) for job in found]
        reached = sum(math.prod(phase.spec.out_size) for job in found for phase in job.phases)
        self.has_gaps = reached < math.prod(map(len, positions))

    def start(self, out: Array, bias: Array | None, activation: Expression) -> None:
        """Write what positions hold that no tap reaches."""
        if self.has_gaps:
            out[...] = 0 if bias is None else bias.reshape(-1, *[1] * (out.ndim - 2))
            if activation != NOTHING:
                out[...] = evaluate(activation, out)


class Fold:
    """A part of the border: its strip, and the cells onto which it is added."""

    def __init__(
        self,
        spec: ConvSpec,
        positions: tuple[Positions, ...],
        image: Array,
        out: Array,
        arithmetic: Arithmetic,
    ) -> None:
        self.shape = (*out.shape[:2], *map(len, positions))
        strip = np.empty(self.shape, out.dtype)
        self.region = Region(spec, positions, image, strip, arithmetic, NOTHING)
        self._steps = [
            _fold_of(source_cells(np.array(line), axis.size, axis.boundary))
            for line, axis in zip(positions, spec.axes, strict=True)
        ]
        slices = [one[0] if isinstance(one[0], slice) else None for one in self._steps]
        self._places: Any = (*EVERY, *slices)
        if None in slices:
            cells = [np.arange(size)[one[0]] for one, size in zip(self._steps, spec.in_size, strict=True)]
            self._places = (*EVERY, *np.ix_(*cells))

    def add(self, strip: Array, out: Array) -> None:
        """Add a strip onto the cells that it belongs to, first the positions that share a cell."""
        with np.errstate(all="ignore"):  # infinite and NaN values are added as they are
            for axis, (_, order, firsts) in enumerate(self._steps, 2):
                if firsts is not None:
                    strip = np.add.reduceat(np.take(strip, order, axis), firsts, axis)
            out[self._places] += strip


def _fold_of(cells: Array) -> tuple[Any, Array, Array | None]:
    """Return the distinct cells of a line, and how its positions are ordered and grouped to fit them.

    >>> _fold_of(np.array([2, 1, 0]))[0]
    slice(2, None, -1)
    >>> places, order, firsts = _fold_of(np.array([0, 1, 0]))
    >>> places, order.tolist(), firsts.tolist()
    (slice(0, 2, 1), [0, 2, 1], [0, 2])
    """
    order = np.argsort(cells, kind="stable")
    found, firsts = np.unique(cells[order], return_index=True)
    if len(found) < len(cells):
        return _as_slice(found), order, firsts
    return _as_slice(cells), order, None


def _as_slice(cells: Array) -> Any:
    """Return evenly spaced cells as a slice, and others as they are."""
    step = int(cells[1] - cells[0]) if len(cells) > 1 else 1
    if (np.diff(cells) != step).any():
        return cells
    stop = int(cells[-1]) + step
    return slice(int(cells[0]), None if stop < 0 else stop, step)


class Transposed:
    """A transposed convolution of arrays of given sizes and strides; ``out`` has the dtype of the sums."""

    def __init__(
        self,
        spec: ConvSpec,
        image: Array,
        out: Array,
        arithmetic: Arithmetic,
        activation: Expression = NOTHING,
    ) -> None:
        inside = tuple(range(axis.size) for axis in spec.axes)
        borders = list(_border(spec, inside))
        self._spec, self._activation = spec, activation
        late = NOTHING if borders else activation  # it comes after everything was added up
        self._inside = Region(spec, inside, image, out, arithmetic, late)
        self._folds = [Fold(spec, positions, image, out, arithmetic) for positions in borders]
        self.parts = [part for one in (self._inside, *(f.region for f in self._folds)) for part in one.parts]
        self.table_bytes = max((part.ready.table_bytes for part in self.parts), default=0)

    @property
    def is_plain(self) -> bool:
        """Whether the parts write every number of the result, and none of them twice."""
        return not self._folds and not self._inside.has_gaps

    def borrow(self) -> list[Workspace]:
        """Return a workspace for each part."""
        return [part.ready.borrow() for part in self.parts]

    def give_back(self, workspaces: Sequence[Workspace]) -> None:
        """Keep workspaces for the next call."""
        for part, workspace in zip(self.parts, workspaces, strict=True):
            part.ready.give_back(workspace)

    @property
    def key(self) -> tuple[object, ...]:
        """All that the packed weights of its parts depend on, besides weights and bias."""
        return (len(self._inside.parts), *(part.key for part in self.parts))

    def pack(self, packed: Sequence[Packed], filters: Array, bias: Array | None) -> None:
        """Pack exchanged weights for all parts; the bias is added once, not by the strips of a border."""
        inside = len(self._inside.parts)
        for number, (part, own) in enumerate(zip(self.parts, packed, strict=True)):
            part.pack(own, filters, bias if number < inside else None)

    def allows(self, packed: Sequence[Packed]) -> bool:
        """Whether the values of packed weights allow this way: none infinite where a border holds zeros."""
        pairs = zip(self.parts, packed, strict=True)
        return all(own.finite or not part.ready.needs_finite_weights for part, own in pairs)

    def run(self, workspaces: Sequence[Workspace], image: Array, out: Array, bias: Array | None) -> bool:
        """Convolve canonical arrays of the strides made ready for; False if the direct method must do it."""
        rest = iter(workspaces)
        at, to = address_of(image), address_of(out)
        self._inside.start(out, bias, NOTHING if self._folds else self._activation)
        done = [part.run(next(rest), at, to) for part in self._inside.parts]
        for fold in self._folds:
            strip = np.empty(fold.shape, out.dtype)
            fold.region.start(strip, None, NOTHING)
            done += [part.run(next(rest), at, address_of(strip)) for part in fold.region.parts]
            fold.add(strip, out)
        if self._folds and self._activation != NOTHING:
            out[...] = evaluate(self._activation, out)
        return all(done)


def phase_plans(spec: ConvSpec, activation: Expression, target: Target) -> Phases:
    """Return the plans of all parts of a transposed convolution of fresh arrays."""
    inside = tuple(range(axis.size) for axis in spec.axes)
    last = spec.layout == "channels_last"
    usual = decide(spec)
    rule = Rule(None if usual is None else usual.arithmetic, activation)
    image = _dense(spec.output_shape, spec.input_dtype, last).real  # complex numbers go by their parts
    found = []
    for positions in (inside, *_border(spec, inside)):
        shape = (*spec.input_shape[:2], *map(len, positions))
        out = _dense(shape, spec.out_dtype, last and positions == inside)
        found += list(jobs(spec, positions, image, out, rule))
    return Phases(tuple(engine.plan_of(job.asked, target) for job in found))


def ways_of_phases(spec: ConvSpec) -> Iterator[tuple[Phase, Way | None]]:
    """Yield the convolutions of a transposed one of fresh, real arrays.

    Beside each stands by which method and tile it is done together with others, None if it is done alone.
    """
    usual, last = decide(spec), spec.layout == "channels_last"
    image = _dense(spec.output_shape, spec.input_dtype, last)
    out = _dense(spec.input_shape, spec.out_dtype, last)
    rule = Rule(None if usual is None else usual.arithmetic, NOTHING)
    inside = tuple(range(axis.size) for axis in spec.axes)
    for job in jobs(spec, inside, image, out, rule):
        code = engine.plan_of(job.asked, host_target()).code
        for phase in job.phases:
            yield phase, (code.method, code.tile) if len(job.phases) > 1 else None


def _dense(shape: tuple[int, ...], dtype: DType, channels_last: bool) -> Array:
    """Return an array with the strides of a fresh one; its numbers must not be looked at."""
    return engine._as_if_dense(np.broadcast_to(np.zeros((), dtype), shape), channels_last)


def _border(spec: ConvSpec, inside: tuple[Positions, ...]) -> Iterator[tuple[Positions, ...]]:
    """Yield the parts of the border that repeats the input: what lands there belongs to other cells."""
    if spec.boundary == "constant":
        return
    lines = [
        (range(-axis.before, 0), range(axis.size), range(axis.size, axis.size + axis.after))
        for axis in spec.axes
    ]
    for region in itertools.product(*lines):
        if region != inside and all(region):
            yield region
