"""Grids of what a layer has learned and of what it answers: `filter_grid` and `activation_grid`."""

from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.graph import Graph
from convolve.nn.inference import folded
from convolve.nn.network import Network
from convolve.nn.operation import Node
from convolve.nn.seeing.colours import diverging, heat, largest_of, shares
from convolve.nn.seeing.grid import Grid, square
from convolve.options import choice, whole_number

CONVOLUTIONS = ("Conv", "ConvTranspose")
MOST = 64
"""Filters, or maps, that are shown unless more are asked for: 8 × 8 can be looked at."""


def filter_grid(
    network: Network,
    layer: str | None = None,
    *,
    channel: int | None = None,
    scale: str = "filter",
    most: int = MOST,
) -> Grid:
    """Return the filters of a convolution as a grid of small pictures.

    Filters of one channel are orange where a weight is negative, white at 0 and blue where it is positive.
    Those of three channels are RGB, grey at 0. Of others each filter is a row, with a tile for each channel.

    Parameters
    ----------
    network
        With convolutions over one or two dimensions.
    layer
        Name of the convolution; the first one if None.
    channel
        Show this input channel of every filter alone.
    scale
        Whether the strongest colour is the largest magnitude of each "filter", or of the whole "layer".
    most
        Filters, and input channels of each, that are shown at most.

    Raises
    ------
    ArgumentError
        If there is no such convolution.
    ShapeError
        If its filters have three dimensions.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 8, 3), input_shape=(1, 28, 28))
    >>> grid = nn.filter_grid(network)
    >>> grid.title, grid.values.shape, grid.image(zoom=8).shape
    ('conv2d1: 16 filters of 3 × 3, colours by filter', (16, 3, 3), (106, 106, 3))
    >>> nn.filter_grid(network, "conv2d2", channel=0).captions[:2]
    ('0', '1')
    """
    axes = {"filter": (1, 2, 3), "layer": (0, 1, 2, 3)}[choice(scale, "scale", ("filter", "layer"))]
    whole_number(most, "most", 1)
    node, weight = _filters(network, layer)
    count, channels, *size = weight.shape
    if channel is not None and not 0 <= channel < channels:
        raise ArgumentError(f"channel must be from 0 to {channels - 1}, the filters of {node.name} have "
                            f"{channels}; got {channel}")  # fmt: skip
    largest = largest_of(weight, axes)[:most]
    weight = weight[:most] if channel is None else weight[:most, channel : channel + 1]
    title = f"{node.name}: {_of(len(weight), count)} filters of {' × '.join(map(str, size))}"
    title += "" if channel is None else f", channel {channel} of {channels}"
    title += f", colours by {scale}"
    if weight.shape[1] == 3:  # as the colours of a picture
        values = np.moveaxis(weight, 1, -1)
        tiles = np.rint(127.5 + 127.5 * shares(values, np.moveaxis(largest, 1, -1))).astype(np.uint8)
        return Grid(values, tiles, _numbered(len(values)), square(len(values)), title)
    values = weight[:, :most]
    tiles = diverging(values, largest)
    if values.shape[1] == 1:
        return Grid(values[:, 0], tiles[:, 0], _numbered(len(values)), square(len(values)), title)
    captions = tuple(f"{k}, {c}" for k in range(len(values)) for c in range(values.shape[1]))
    title += f"; a row for each, its channels ({_of(values.shape[1], channels)}) side by side"
    flat, tiles = (arrays.reshape(-1, *arrays.shape[2:]) for arrays in (values, tiles))
    return Grid(flat, tiles, captions, values.shape[1], title)


def activation_grid(
    network: Network, image: Any, layer: str | None = None, *, scale: str = "map", most: int = MOST
) -> Grid:
    """Return what a layer makes of one image: its feature maps as a grid of small pictures.

    Maps that nowhere are negative go from black (0) to bright; others are orange, white at 0, and blue.

    Parameters
    ----------
    network
        With one input.
    image
        (channels, height, width), or a batch of one.
    layer
        Name of any layer with feature maps; the first convolution if None.
    scale
        Whether the strongest colour is that of the largest magnitude of each "map", or of the whole "layer".
    most
        Maps that are shown at most.

    Raises
    ------
    ArgumentError
        If there is no such layer.
    ShapeError
        If it gives no maps, or ``image`` is more than one.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), input_shape=(1, 28, 28))
    >>> nn.activation_grid(network, np.ones((1, 28, 28), np.float32), "relu1").values.shape
    (4, 26, 26)
    """
    axes = {"map": (1, 2), "layer": (0, 1, 2)}[choice(scale, "scale", ("map", "layer"))]
    whole_number(most, "most", 1)
    cells = _one_image(network, image)
    name = _convolutions(folded(network.graph))[0].name if layer is None else layer
    maps = network.feature_maps(cells, layers=[name])[name]
    if maps.ndim not in (3, 4) or len(maps) != 1:
        raise ShapeError(f"layer {name} must give maps (1, channels, height, width), it gives {maps.shape}")
    maps = maps[0].reshape(maps.shape[1], -1, maps.shape[-1]).astype(np.float64)
    colours = diverging if (maps < 0).any() else heat
    values, largest = maps[:most], largest_of(maps, axes)[:most]
    title = (
        f"{name}: {_of(len(values), len(maps))} maps of {maps.shape[1]} × {maps.shape[2]}, colours by {scale}"
    )
    return Grid(values, colours(values, largest), _numbered(len(values)), square(len(values)), title)


def _one_image(network: Network, image: Any) -> Array:
    (wanted, *others) = network.inputs
    if others:
        raise ArgumentError(f"the network must have one input, it has {len(others) + 1}; use feature_maps")
    cells = np.asarray(image)
    cells = cells[None] if cells.ndim == len(wanted.shape) - 1 else cells
    if cells.ndim != len(wanted.shape) or len(cells) != 1:
        raise ShapeError(f"image must be one image for {wanted}, got shape {np.shape(image)}")
    return cells


def _filters(network: Network, layer: str | None) -> tuple[Node, Array]:
    """Return a convolution and its weight as (filters, input channels of each, height, width)."""
    graph = folded(network.graph)
    found = {node.name: node for node in _convolutions(graph) if node.inputs[1] in graph.constants}
    if layer is not None and layer not in found:
        raise ArgumentError(f"layer must be a convolution, one of {', '.join(found)}; got {layer}")
    node = next(iter(found.values())) if layer is None else found[layer]
    weight = graph.constants[node.inputs[1]]
    if node.operation == "ConvTranspose":  # (in channels, out channels / groups, …)
        grouped = weight.reshape(node["group"], -1, *weight.shape[1:])
        weight = grouped.swapaxes(1, 2).reshape(-1, grouped.shape[1], *weight.shape[2:])
    if weight.ndim > 4:
        raise ShapeError(
            f"{node}: filters must have one or two dimensions to be seen, got {weight.shape[2:]}"
        )
    return node, weight.reshape(*weight.shape[:2], -1, weight.shape[-1]).astype(np.float64)


def _convolutions(graph: Graph) -> list[Node]:
    found = [node for node in graph.nodes if node.operation in CONVOLUTIONS]
    if not found:
        raise ArgumentError("the network must have a convolution, but it has none")
    return found


def _of(shown: int, count: int) -> str:
    return str(count) if shown == count else f"{shown} of {count}"


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))
