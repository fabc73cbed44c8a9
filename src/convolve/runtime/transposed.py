"""Transposed convolutions of one size: their plain convolutions made ready, and where each reads and writes.

A transposed convolution is several plain ones, one per residue of the stride (`convolve.compiler.subpixel`).
What lands in a border that repeats the input is computed as strips of their own and folded onto the cells
which that border reads.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.axis import source_cells
from convolve.compiler.plan import Activation, Arithmetic, Code, Phases
from convolve.compiler.subpixel import Phase, Positions, phases
from convolve.compiler.target import Target
from convolve.dtypes import Array
from convolve.runtime import engine
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import Packed, Workspace, address_of
from convolve.spec import ConvSpec

EVERY = (slice(None), slice(None))


def exchanged(spec: ConvSpec, weight: Array, dtype: str) -> Array:
    """Return the weight as plain convolutions of the other direction read it: input channels second."""
    turned = np.flip(weight, axis=tuple(range(2, weight.ndim))) if spec.flip else weight
    grouped = turned.reshape(spec.groups, -1, *turned.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(-1, *grouped.shape[2:]).astype(dtype, copy=False)


class Part:
    """One plain convolution: its execution, and where it finds its arrays within the caller's."""

    def __init__(
        self, phase: Phase, image: Array, out: Array, arithmetic: Arithmetic, activation: Activation
    ) -> None:
        source, place = image[EVERY + phase.source], out[EVERY + phase.place]
        self._spec, self._taps = phase.spec, phase.taps
        self._view = engine.view_of(phase.spec, source, place)
        self.ready = engine.ready(engine.question(phase.spec, self._view, activation, arithmetic))
        self._strides = self.ready.strides(engine.seen(self._view, source), engine.seen(self._view, place))
        self._from = address_of(source) - address_of(image)
        self._to = address_of(place) - address_of(out)

    @property
    def key(self) -> tuple[str, Code]:
        """All that its packed weights depend on, besides the weights."""
        return str(self._taps), self.ready.plan.code

    def pack(self, packed: Packed, filters: Array, bias: Array | None) -> None:
        """Pack exchanged weights."""
        dtype = self.ready.plan.code.dtype
        own = engine.weights_of(self._spec, filters[EVERY + self._taps], self._view, dtype)
        source = self.ready.source(own)
        packed.fill(address_of(source), source.strides, bias)

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
        activation: Activation,
    ) -> None:
        found = list(phases(spec, positions))
        self.parts = [Part(phase, image, out, arithmetic, activation) for phase in found]
        self._has_gaps = sum(math.prod(p.spec.out_size) for p in found) < math.prod(map(len, positions))

    def start(self, out: Array, bias: Array | None, activation: Activation) -> None:
        """Write what positions hold that no tap reaches."""
        if self._has_gaps:
            out[...] = 0 if bias is None else bias.reshape(-1, *[1] * (out.ndim - 2))
            if activation != "none":
                np.clip(out, 0, 6 if activation == "relu6" else None, out=out)


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
        self.region = Region(spec, positions, image, strip, arithmetic, "none")
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
        activation: Activation = "none",
    ) -> None:
        inside = tuple(range(axis.size) for axis in spec.axes)
        borders = list(_border(spec, inside))
        self._spec, self._activation = spec, activation
        late = "none" if borders else activation  # it comes after everything was added up
        self._inside = Region(spec, inside, image, out, arithmetic, late)
        self._folds = [Fold(spec, positions, image, out, arithmetic) for positions in borders]
        self.parts = [part for one in (self._inside, *(f.region for f in self._folds)) for part in one.parts]
        self.table_bytes = max((part.ready.table_bytes for part in self.parts), default=0)

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
        self._inside.start(out, bias, "none" if self._folds else self._activation)
        done = [part.run(next(rest), at, to) for part in self._inside.parts]
        for fold in self._folds:
            strip = np.empty(fold.shape, out.dtype)
            fold.region.start(strip, None, "none")
            done += [part.run(next(rest), at, address_of(strip)) for part in fold.region.parts]
            fold.add(strip, out)
        if self._folds and self._activation != "none":
            np.clip(out, 0, 6 if self._activation == "relu6" else None, out=out)
        return all(done)


def phase_plans(spec: ConvSpec, activation: Activation, target: Target) -> Phases:
    """Return the plans of all parts of a transposed convolution of fresh arrays."""
    inside = tuple(range(axis.size) for axis in spec.axes)
    regions = [inside, *_border(spec, inside)]
    plain = [phase.spec for positions in regions for phase in phases(spec, positions)]
    usual = decide(spec)
    arithmetic = None if usual is None else usual.arithmetic
    asked = [engine.question(one, _part_view(spec, one), activation, arithmetic) for one in plain]
    return Phases(tuple(engine.plan_of(one, target) for one in asked))


def _part_view(spec: ConvSpec, part: ConvSpec) -> engine.View:
    """Return how a part sees fresh arrays: it writes every so many columns."""
    dense = engine.dense_view(part)
    apart = spec.axes[-1].stride > 1 and dense.writes == "x"
    return replace(dense, writes="none", one_row=False) if apart else dense


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
