"""Grad-CAM: which places of an image speak for a class.

R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
ICCV 2017 (https://arxiv.org/abs/1610.02391): every map of a convolution is weighed by the mean over the map
of the gradient of the class's score; of the sum what is positive is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.nn.backward import Differentiated
from convolve.nn.graph import Graph, make_node
from convolve.nn.inference import folded, infer, run_node
from convolve.nn.network import Network
from convolve.nn.operation import Node
from convolve.nn.seeing.axes import new_axes
from convolve.nn.seeing.colours import heat
from convolve.nn.seeing.grids import CONVOLUTIONS
from convolve.nn.seeing.heads import Head, check_answer, head_of, rows_of
from convolve.nn.tensor import Tensor, is_float
from convolve.options import whole_number

RESIZE = make_node("Resize", ["maps", "", "", "sizes"], ["resized"], "resize", {"mode": "linear"})


@dataclass(frozen=True, slots=True, eq=False)
class GradCAM:
    """Which places of some images speak for a class.

    Attributes
    ----------
    layer
        Name of the layer whose maps were weighed.
    classes
        Number of the class, for each image.
    probabilities
        Of that class, for each image.
    weights
        Of the layer's maps: (N, maps).
    coarse
        What speaks for the class, at the layer's own size: (N, height, width).
    maps
        The same at the images' size, from 0 to 1: the largest of every image is 1, or all is 0.
    """

    layer: str
    classes: tuple[int, ...]
    probabilities: Array
    weights: Array
    coarse: Array
    maps: Array

    def overlay(self, pictures: Any, share: float = 0.5) -> Array:
        """Return pictures under their maps, as (N, height, width, 3) bytes.

        Parameters
        ----------
        pictures
            (N, 1 or 3, height, width), as bytes or from 0 to 1; of any size.
        share
            Of the map's colours: from 0, the picture alone, to 1.

        Raises
        ------
        ShapeError, ArgumentError
            If there is not one picture for each map, or ``share`` is not from 0 to 1.
        """
        cells = np.asarray(pictures)
        if cells.ndim != 4 or len(cells) != len(self.maps) or cells.shape[1] not in (1, 3):
            raise ShapeError(
                f"pictures must be ({len(self.maps)}, 1 or 3, height, width), one for each map; "
                f"got {cells.shape}"
            )
        if not 0 <= share <= 1:
            raise ArgumentError(f"share must be from 0 to 1, got {share}")
        bright = cells if cells.dtype == np.uint8 else np.clip(cells, 0, 1) * 255
        colours = heat(_scaled(resized(self.coarse, cells.shape[2:])))
        mixed = (1 - share) * np.moveaxis(bright, 1, -1) + share * colours
        return np.asarray(np.rint(mixed), np.uint8)

    def plot(self, ax: Any = None, *, picture: Any = None, place: int = 0) -> Any:
        """Draw one map on matplotlib axes, over its picture, and return them (extra "plot").

        Parameters
        ----------
        ax
            The axes; a new figure if None.
        picture
            (1 or 3, height, width), as bytes or from 0 to 1; the map alone if None.
        place
            Which image of the batch.
        """
        if not 0 <= place < len(self.maps):
            raise ArgumentError(f"place must be from 0 to {len(self.maps) - 1}, got {place}")
        if self.maps.ndim != 3:
            raise ShapeError(f"maps must be (N, height, width) to be drawn, these are {self.maps.shape}")
        ax = new_axes(4, 4) if ax is None else ax
        one = GradCAM(self.layer, self.classes, self.probabilities, self.weights,
                      *(maps[place : place + 1] for maps in (self.coarse, self.maps)))  # fmt: skip
        ax.imshow(heat(one.maps[0]) if picture is None else one.overlay(np.asarray(picture)[None])[0])
        share = 100 * self.probabilities[place]
        ax.set_title(f"{self.layer}: class {self.classes[place]}, {share:.1f} %", fontsize=9)
        ax.set_axis_off()
        return ax


def grad_cam(
    network: Network, images: Any, classes: int | Sequence[int] | None = None, *, layer: str | None = None
) -> GradCAM:
    """Return which places of images speak for a class, by Grad-CAM (Selvaraju et al., 2017).

    Parameters
    ----------
    network
        A classifier with one input: built from layers, or read from a file.
    images
        A batch, as the network takes it.
    classes
        Number of the class, for all images or one for each; the most likely one of every image if None.
    layer
        Name of the layer whose maps are weighed. By default the last convolution with maps of more than one
        cell: its own output, before what follows. The result names it.

    Returns
    -------
    GradCAM

    Raises
    ------
    ArgumentError
        If there is no such layer or class, no convolution, or no gradient goes from the scores to the layer.
    ShapeError
        If the network is no classifier, or the layer gives no maps.

    Notes
    -----
    The score of a class is taken before a softmax or sigmoid that ends the network. Maps are brought to the
    images' size linearly in every dimension, as ``align_corners=False`` means it in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> network = nn.Sequential(
    ...     nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3),
    ...     input_shape=(1, 8, 8),
    ... )
    >>> cam = nn.grad_cam(network, np.ones((2, 1, 8, 8), np.float32), classes=1)
    >>> cam.layer, cam.classes, cam.maps.shape
    ('conv2d1', (1, 1), (2, 8, 8))
    """
    if len(network.inputs) != 1:
        raise ArgumentError(f"the network must have one input, it has {len(network.inputs)}")
    wanted = network.inputs[0]
    cells = np.asarray(images)
    if cells.ndim != len(wanted.shape) or not len(cells):
        raise ShapeError(f"images must be a batch for {wanted}, got shape {cells.shape}")
    if cells.dtype.newbyteorder("=") != wanted.dtype:
        raise DTypeError(
            f"images must have dtype {wanted.dtype}, got {cells.dtype}; convert them with .astype"
        )
    graph = folded(network.graph)
    head, given = head_of(graph), {wanted.name: cells.astype(wanted.dtype, copy=False)}
    node = _layer(graph, head, {wanted.name: Tensor.of(cells)}, layer)
    both = Differentiated(graph, {wanted.name: Tensor.of(cells)}, (head.scores,), node.outputs[:1])
    held = both.forward(given)
    scores = rows_of(held[head.scores])
    chosen, places = _chosen(scores, classes), np.arange(len(scores))
    ones = np.zeros_like(scores)
    ones[places, chosen] = 1
    gradient = both.backward(held, {head.scores: ones.reshape(held[head.scores].shape)})[node.outputs[0]]
    weights = gradient.mean(axis=tuple(range(2, gradient.ndim)))
    coarse = np.maximum(np.einsum("nc,nc...->n...", weights, held[node.outputs[0]]), 0)
    probabilities = head.probabilities_of_scores(scores)[places, chosen]
    check_answer(probabilities)
    maps = _scaled(resized(coarse, cells.shape[2:]))
    return GradCAM(node.name, tuple(map(int, chosen)), probabilities, weights, coarse, maps)


def resized(maps: Array, size: Sequence[int]) -> Array:
    """Return maps (N, *sizes) at another size, linearly in every dimension.

    >>> resized(np.array([[[0.0, 1.0]]]), (1, 4)).tolist()
    [[[0.0, 0.25, 0.75, 1.0]]]
    """
    sizes = np.array([len(maps), 1, *size], np.int64)
    return run_node(RESIZE, [maps[:, None], None, None, sizes])[0][:, 0]


def _scaled(maps: Array) -> Array:
    """Return maps whose largest number is 1; all 0 stays so."""
    largest = maps.max(axis=tuple(range(1, maps.ndim)), keepdims=True)
    return np.asarray(maps / np.where(largest > 0, largest, 1))


def _layer(graph: Graph, head: Head, given: dict[str, Tensor], layer: str | None) -> Node:
    """Return the node whose maps are weighed."""
    (image,) = given.values()
    before = graph.needed([head.scores])
    if layer is not None:
        found = [node for node in before if node.name == layer]
        if not found:
            raise ArgumentError(f"layer must be one before the scores, of {_names(before)}; got {layer}")
        wanted = found[-1:]
    else:
        wanted = [node for node in before if node.operation in CONVOLUTIONS]
        if not wanted:
            raise ArgumentError(
                f"the network must have a convolution, its layers are {_names(before)}; "
                "name another with layer="
            )
    tensors = infer(graph, given)
    for node in reversed(wanted):
        maps = tensors.get(node.outputs[0])
        if (
            maps is not None
            and maps.ndim == image.ndim > 2
            and (layer or maps.size > maps.shape[0] * maps.shape[1])
        ):
            if not is_float(maps.dtype):
                raise DTypeError(f"{node}: maps must be floats to have gradients, they are {maps.dtype}")
            return node
    shape = (
        tensors[wanted[-1].outputs[0]].shape if wanted[-1].outputs[0] in tensors else "not known in advance"
    )
    raise ShapeError(
        f"{wanted[-1]}: a layer must give maps of more than one cell, for images of {image.ndim - 2} "
        "dimensions; "
        f"its shape is {shape}"
    )


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(dict.fromkeys(node.name for node in nodes))


def _chosen(scores: Array, classes: int | Sequence[int] | None) -> Array:
    if classes is None:
        return np.asarray(scores.argmax(axis=1))
    several = np.ndim(classes) > 0
    given: Sequence[Any] = np.asarray(classes).tolist() if several else [classes] * len(scores)
    if len(given) != len(scores):
        raise ArgumentError(
            f"classes must be one number, or one for each of {len(scores)} images; got {len(given)}"
        )
    chosen = np.array([whole_number(one, "class", 0) for one in given])
    if chosen.size and chosen.max() >= scores.shape[1]:
        raise ArgumentError(f"classes must be from 0 to {scores.shape[1] - 1}; got {chosen.max()}")
    return chosen
