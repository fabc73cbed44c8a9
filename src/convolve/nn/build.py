"""From layers to a network: names for everything, and first weights drawn from a seed."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ArgumentTypeError, ConvolveError
from convolve.nn.graph import Graph, in_layer, make_node
from convolve.nn.initial import generator
from convolve.nn.layers.base import Input, Layer, Parameter, Step, Value
from convolve.nn.network import Network
from convolve.nn.operation import Node

Values = Value | Sequence[Value]


def network(inputs: Values, outputs: Values, *, seed: int = 0) -> Network:
    """Return the network that leads from some values to others.

    Parameters
    ----------
    inputs
        What `Input` gave, or several of them.
    outputs
        What the last layer gave, or several.
    seed
        From which the first weights are drawn.

    Returns
    -------
    Network

    Raises
    ------
    ArgumentError
        If an output depends on an input that is not listed, or names are not unique.

    Examples
    --------
    >>> from convolve import nn
    >>> image = nn.Input((3, 32, 32))
    >>> features = nn.Conv2d(3, 8, 3, padding=1)(image)
    >>> residual = nn.ReLU()(nn.Conv2d(8, 8, 3, padding=1)(features) + features)
    >>> print(nn.network(image, residual).summary().rows[-1].shape)
    (1, 8, 32, 32)
    """
    ins, outs = _listed(inputs, "inputs"), _listed(outputs, "outputs")
    naming = _Naming(ins, seed)
    for one in outs:
        naming.visit(one)
    declared = tuple(value.declared for value in ins if value.declared is not None)
    names = tuple(naming.names[id(one)] for one in outs)
    return Network(Graph(declared, tuple(naming.nodes), naming.constants, names, frozenset(naming.fixed)))


def Sequential(*layers: Layer, input_shape: Sequence[int | None], seed: int = 0) -> Network:
    """Return the network of layers that follow one another.

    Parameters
    ----------
    *layers
        In order.
    input_shape
        Sizes of the input without the batch, such as (3, 224, 224); None where any size is possible.
    seed
        From which the first weights are drawn.

    Returns
    -------
    Network

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(
    ...     nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10), input_shape=(1, 8, 8)
    ... )
    >>> network.summary().parameters
    2970
    """
    if not layers:
        raise ArgumentError("a network must have a layer, got none")
    first = value = Input(input_shape)
    for place, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise ArgumentTypeError(f"layer {place} must be a layer such as nn.ReLU(), got {layer!r}")
        try:
            value = layer(value)
        except ConvolveError as error:
            raise in_layer(error, f"layer {place}") from None
    return network(first, value, seed=seed)


def _listed(values: Values, name: str) -> list[Value]:
    found = [values] if isinstance(values, Value) else list(values)
    if not found or not all(isinstance(one, Value) for one in found):
        raise ArgumentTypeError(f"{name} must be values, from nn.Input and layers; got {values!r}")
    if name == "inputs" and any(one.declared is None for one in found):
        raise ArgumentTypeError("inputs must come from nn.Input, got what a layer gave")
    return found


class _Naming:
    """Walks from the outputs to the inputs and names what it meets."""

    def __init__(self, inputs: Sequence[Value], seed: int) -> None:
        self.seed = seed
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.fixed: set[str] = set()
        self.names = {id(one): one.declared.name for one in inputs if one.declared is not None}
        self._layers: dict[int, str] = {}
        self._counts: dict[str, int] = {}
        self._used = set(self.names.values())
        self._kept: list[Any] = []  # what is known by its identity must not be freed meanwhile

    def visit(self, last: Value) -> None:
        """Name everything that a value depends on, first things first; no recursion, networks are deep."""
        waiting = [last]
        while waiting:
            value = waiting[-1]
            if id(value) in self.names:
                waiting.pop()
                continue
            if value.step is None:
                name = value.declared.name if value.declared else "?"
                raise ArgumentError(f"outputs depend on the input {name!r}, which is not among the inputs")
            before = [one for one in value.step.inputs if isinstance(one, Value)]
            missing = [one for one in before if id(one) not in self.names]
            if missing:
                waiting.extend(reversed(missing))
            else:
                self._add(value, value.step)
                waiting.pop()

    def _add(self, value: Value, step: Step) -> None:
        layer = self._layer_name(step.layer)
        inputs = [self._input_name(one, step, place) for place, one in enumerate(step.inputs)]
        name = self._fresh(f"{layer}.{step.part}" if step.part else layer)
        self.names[id(value)] = name
        self._kept.append(value)
        self.nodes.append(make_node(step.operation, inputs, [name], name, step.attributes))

    def _input_name(self, one: Any, step: Step, place: int) -> str:
        if one is None:
            return ""
        if isinstance(one, Value):
            return self.names[id(one)]
        layer = self._layer_name(step.layer)
        part = one.part if isinstance(one, Parameter) else f"{step.part or step.operation.lower()}.{place}"
        name = f"{layer}.{part}"
        if name not in self.constants:
            self.constants[name] = self._first_numbers(name, one)
            if not isinstance(one, Parameter):
                self.fixed.add(name)
        return name

    def _first_numbers(self, name: str, one: Any) -> Array:
        if isinstance(one, Parameter):
            return np.asarray(one.initial(generator(self.seed, name), one.shape))
        return np.asarray(one)

    def _layer_name(self, layer: Layer) -> str:
        """Return a layer's name: its own, or its kind and a number."""
        if id(layer) not in self._layers:
            self._kept.append(layer)
            if layer.name is not None and layer.name in self._layers.values():
                raise ArgumentError(f"layers must have different names, two are called {layer.name!r}")
            self._layers[id(layer)] = layer.name or self._numbered(layer.label.lower())
        return self._layers[id(layer)]

    def _numbered(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}{self._counts[kind]}"

    def _fresh(self, name: str) -> str:
        """Return a name that nothing has: a layer that is called again has a number behind it."""
        found, count = name, 1
        while found in self._used:
            count += 1
            found = f"{name}.{count}"
        self._used.add(found)
        return found
