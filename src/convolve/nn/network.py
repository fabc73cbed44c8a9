"""`Network`: a graph that can be called, looked into and summed up."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ArgumentTypeError, ConvolveError, DTypeError, ShapeError
from convolve.nn.compiled.compiled import Compiled
from convolve.nn.compiled.shared import Shared
from convolve.nn.graph import Graph, Input
from convolve.nn.inference import Tensors, folded, infer
from convolve.nn.plan import NetworkPlan, plan_of
from convolve.nn.program import Program
from convolve.nn.summary import Summary, summarise
from convolve.nn.tensor import Shape, Tensor

MOST_PROGRAMS = 16
"""Programs kept, one for each combination of sizes and wanted outputs; each is a list of steps and holds no
feature maps. Beyond that the one unused for longest is forgotten."""

LIKELY_SIZES = (224, 64, 32, 512, 16, 8, 7, 5, 4, 3, 2, 1)
"""Sizes at which a graph is checked where it leaves them open, until one fits: first ImageNet's."""


class Network:
    """A network: called with arrays, it returns arrays.

    Parameters
    ----------
    graph
        Its layers as data. Shapes and dtypes are checked here: sizes that are left open at a likely size, the
        batch at 1.

    Raises
    ------
    ConvolveError
        If layers do not fit together, with the layer's name and the sizes.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), input_shape=(1, 28, 28))
    >>> network(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 4, 26, 26)
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._ready = folded(graph)
        self._programs: OrderedDict[Any, Compiled] = OrderedDict()
        self._shared = Shared()
        self._lock = Lock()
        self._likely = _check_sizes(self._ready)

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how it is pickled: by its graph, as all else belongs to this process."""
        return Network, (self.graph,)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What the network takes."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns."""
        return self.graph.outputs

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that run, in order."""
        return tuple(dict.fromkeys(node.name for node in self._ready.nodes))

    def __call__(self, *arrays: Any, **named: Any) -> Any:
        """Return what the network makes of some arrays.

        Parameters
        ----------
        *arrays, **named
            One for each input, in order or by name. Any batch and image size that the layers allow.

        Returns
        -------
        numpy.ndarray, or a tuple of them
            A tuple if the network has several outputs.

        Raises
        ------
        ShapeError, DTypeError
            If an array is not what the network takes, with the name of the layer that refuses it.
        """
        found = self._run(arrays, named, self.outputs)
        results = tuple(found[name] for name in self.outputs)
        return results[0] if len(results) == 1 else results

    def part(self, images: Array, whole: int) -> Array:
        """Return what the network makes of some images of a larger batch, with the bits that they get there.

        Parameters
        ----------
        images
            The network's only input: some images of the batch.
        whole
            How many images the batch has.

        Raises
        ------
        ArgumentError
            If the network has several inputs or outputs.

        Notes
        -----
        Where the whole batch holds numbers that are not finite, or products of two arrays that are both
        computed, it may round in another way: these depend on all images.
        """
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            raise ArgumentError(
                f"only a network of one input and one output works on parts of a batch; this one has "
                f"{len(self.inputs)} and {len(self.outputs)}"
            )
        return self._run((images,), {}, self.outputs, whole)[self.outputs[0]]

    def feature_maps(
        self, *arrays: Any, layers: Sequence[str] | None = None, **named: Any
    ) -> dict[str, Array]:
        """Return the outputs of layers, by the layers' names.

        Parameters
        ----------
        *arrays, **named
            As the network is called.
        layers
            Names of the layers; all if None.

        Raises
        ------
        ArgumentError
            If a layer does not exist.
        """
        last = {node.name: node.outputs[0] for node in self._ready.nodes}
        wanted = tuple(last) if layers is None else tuple(layers)
        unknown = [name for name in wanted if name not in last]
        if unknown:
            raise ArgumentError(f"layers must be among {', '.join(last)}; got {', '.join(unknown)}")
        found = self._run(arrays, named, tuple(last[name] for name in wanted))
        return {name: found[last[name]] for name in wanted}

    def summary(self, *shapes: Sequence[int]) -> Summary:
        """Return one row per layer: shape, parameters, multiply-adds, memory and receptive field.

        Parameters
        ----------
        *shapes
            Sizes of the inputs; without them those that the network was checked with, a batch of 1.

        Returns
        -------
        Summary
            ``print`` shows it as a table.

        Raises
        ------
        ArgumentError
            If the graph leaves sizes open and none was likely.
        """
        return summarise(self._ready, self._program(self._sized(shapes), self.outputs).program)

    def plan(self, *shapes: Sequence[int]) -> NetworkPlan:
        """Return how every layer is computed, without computing it.

        Parameters
        ----------
        *shapes
            As `summary` takes them.

        Returns
        -------
        NetworkPlan
            ``print`` shows a line per layer; its ``layers`` hold the convolutions' own plans.
        """
        return plan_of(self._program(self._sized(shapes), self.outputs))

    def _sized(self, shapes: Sequence[Sequence[int]]) -> Tensors:
        """Return the inputs at the caller's sizes, or at those that the network was checked with."""
        if shapes:
            given = [tuple(shape) for shape in shapes]
        elif self._likely is not None:
            given = list(self._likely)
        else:
            raise ArgumentError("the network leaves the sizes of its inputs open; give a shape for each")
        if len(given) != len(self.inputs):
            raise ArgumentError(f"there must be a shape for each of {len(self.inputs)} inputs, got {given}")
        return _tensors(self.inputs, given)

    def tensors(self, given: Tensors) -> Tensors:
        """Return dtype and shape of every tensor by name, for inputs of these shapes."""
        return infer(self._ready, given)

    def known(self) -> Tensors:
        """Return dtype and shape of every tensor by name, at the sizes that the graph was checked with."""
        return {} if self._likely is None else infer(self.graph, _tensors(self.inputs, self._likely))

    def _run(
        self, arrays: Sequence[Any], named: Mapping[str, Any], outputs: tuple[str, ...], whole: int = 0
    ) -> dict[str, Array]:
        given = self._given(arrays, named)
        tensors = {name: Tensor(array.dtype, array.shape) for name, array in given.items()}
        return self._program(tensors, outputs, whole).run(given)

    def _given(self, arrays: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Array]:
        """Return the caller's arrays by name, each of its input's dtype and number of dimensions."""
        if len(arrays) > len(self.inputs):
            raise ArgumentError(f"the network has {len(self.inputs)} inputs, got {len(arrays)} arrays")
        given = {one.name: array for one, array in zip(self.inputs, arrays, strict=False)}
        twice = sorted(set(given) & set(named))
        if twice:
            raise ArgumentError(f"input {twice[0]} must be given once, got it in order and by name")
        given |= named
        names = {one.name for one in self.inputs}
        if set(given) != names:
            listed = ", ".join(str(one) for one in self.inputs)
            raise ArgumentError(f"the network takes {listed}; got {', '.join(given) or 'nothing'}")
        return {one.name: _as_input(given[one.name], one) for one in self.inputs}

    def _program(self, tensors: dict[str, Tensor], outputs: tuple[str, ...], whole: int = 0) -> Compiled:
        key = (tuple((name, tensor.shape) for name, tensor in tensors.items()), outputs, whole)
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
        program = Compiled(Program(self._ready, tensors, outputs), self._shared, whole)
        with self._lock:
            self._programs[key] = program
            if len(self._programs) > MOST_PROGRAMS:
                self._programs.popitem(last=False)
        return program

    def __repr__(self) -> str:
        inputs = ", ".join(str(one) for one in self.inputs)
        return f"Network({len(self._ready.nodes)} nodes; {inputs}; outputs {', '.join(self.outputs)})"


def _as_input(value: Any, wanted: Input) -> Array:
    """Return one input as an array; lists have no dtype of their own and take the input's."""
    try:
        array = np.asarray(value) if hasattr(value, "dtype") else np.asarray(value, wanted.dtype)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"input {wanted.name} must be an array, got {error}") from None
    if array.dtype.newbyteorder("=") != wanted.dtype:
        raise DTypeError(
            f"input {wanted.name} must have dtype {wanted.dtype}, got {array.dtype}; convert it with .astype"
        )
    if array.ndim != len(wanted.shape):
        raise ShapeError(
            f"input {wanted.name} must have {len(wanted.shape)} dimensions {wanted}, got shape {array.shape}"
        )
    return array.astype(wanted.dtype, copy=False)


def _tensors(inputs: Sequence[Input], shapes: Sequence[Shape]) -> dict[str, Tensor]:
    found = {}
    for one, shape in zip(inputs, shapes, strict=True):
        if len(shape) != len(one.shape):
            raise ShapeError(f"input {one} must have {len(one.shape)} sizes, got {shape}")
        found[one.name] = Tensor(one.dtype, shape)
    return found


def _candidates(inputs: Sequence[Input]) -> Iterator[list[Shape]]:
    """Yield shapes for the inputs: what is left open has a likely size, the batch is 1."""
    free = [size for one in inputs for size in one.shape[1:] if not isinstance(size, int)]
    for likely in LIKELY_SIZES if free else (1,):
        yield [
            tuple(
                size if isinstance(size, int) else 1 if place == 0 and len(one.shape) > 1 else likely
                for place, size in enumerate(one.shape)
            )
            for one in inputs
        ]


def _check_sizes(graph: Graph) -> list[Shape] | None:
    """Return sizes that the graph was checked with; None if only its caller knows any that fit."""
    first: ConvolveError | None = None
    candidates = list(_candidates(graph.inputs))
    for shapes in candidates:
        try:
            infer(graph, _tensors(graph.inputs, shapes))
        except ConvolveError as error:
            first = first or error
        else:
            return shapes
    if first is not None and len(candidates) == 1:
        raise first
    return None
