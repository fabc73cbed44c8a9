"""The same cells in another shape: reshaped, turned, moved between channels and places."""

import math

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import choice, flag, needed, whole, wholes
from convolve.nn.operation import Back, Node, Operation, Window, everything, table
from convolve.nn.operations.derivatives import passed
from convolve.nn.tensor import Shape, Tensor, axes_of, axis_of, check_ndim, whole_numbers


def new_shape(old: Shape, wanted: list[int], allow_zero: bool) -> Shape:
    """Return the shape that `Reshape` makes: 0 keeps a size, and one −1 takes what is left."""
    sizes = list(wanted)
    for place, size in enumerate(sizes):
        if size == 0 and not allow_zero:
            if place >= len(old):
                raise ShapeError(f"shape {wanted} keeps dimension {place}, which the input {old} lacks")
            sizes[place] = old[place]
    if sizes.count(-1) > 1 or min(sizes, default=0) < -1:
        raise ShapeError(f"shape may have one -1 and no other negative number, got {wanted}")
    if -1 in sizes:
        rest = math.prod(size for size in sizes if size != -1)
        if rest == 0 or math.prod(old) % rest:
            raise ShapeError(f"the input's {math.prod(old)} cells {old} do not divide into shape {wanted}")
        sizes[sizes.index(-1)] = math.prod(old) // rest
    if math.prod(sizes) != math.prod(old):
        raise ShapeError(
            f"the input has {math.prod(old)} cells {old}, which shape {tuple(sizes)} does not hold; "
            "a file for one batch size only says so by a fixed number here"
        )
    return tuple(sizes)


def _reshape_infer(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    return x.like(new_shape(x.shape, whole_numbers(shape, "shape"), node["allowzero"]))


def _reshape(node: Node, x: Array, shape: Array) -> Array:
    return x.reshape(new_shape(x.shape, [int(size) for size in shape], node["allowzero"]))


def _flatten_infer(node: Node, x: Tensor) -> Tensor:
    axis = node["axis"] if node["axis"] == x.ndim else axis_of(node["axis"], x.ndim) if x.ndim else 0
    return x.like((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def _flatten(node: Node, x: Array) -> Array:
    return x.reshape(_flatten_infer(node, Tensor(x.dtype, x.shape)).shape)


def _order(node: Node, ndim: int) -> tuple[int, ...]:
    if node["perm"] is None:
        return tuple(reversed(range(ndim)))
    order = axes_of(node["perm"], ndim, "perm")
    if len(order) != ndim:
        raise ShapeError(f"perm must name all {ndim} dimensions, got {node['perm']}")
    return order


def _transpose_infer(node: Node, x: Tensor) -> Tensor:
    return x.like([x.shape[d] for d in _order(node, x.ndim)])


def _transpose_back(back: Back) -> tuple[Array]:
    return (back.dy.transpose(np.argsort(_order(back.node, back.dy.ndim))),)


def _squeezed(shape: Shape, axes: list[int] | None) -> Shape:
    if axes is None:
        return tuple(size for size in shape if size != 1)
    found = axes_of(axes, len(shape))
    for axis in found:
        if shape[axis] != 1:
            raise ShapeError(f"dimension {axis} must have size 1 to be dropped, got {shape[axis]} of {shape}")
    return tuple(size for d, size in enumerate(shape) if d not in found)


def _squeeze_infer(_node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.like(_squeezed(x.shape, None if axes is None else whole_numbers(axes, "axes")))


def _squeeze(_node: Node, x: Array, axes: Array | None = None) -> Array:
    return x.reshape(_squeezed(x.shape, None if axes is None else [int(a) for a in axes.reshape(-1)]))


def _unsqueezed(shape: Shape, axes: list[int]) -> Shape:
    found = axes_of(axes, len(shape) + len(axes))
    rest = iter(shape)
    return tuple(1 if d in found else next(rest) for d in range(len(shape) + len(axes)))


def _unsqueeze_infer(_node: Node, x: Tensor, axes: Tensor) -> Tensor:
    return x.like(_unsqueezed(x.shape, whole_numbers(axes, "axes", 64)))


def _unsqueeze(_node: Node, x: Array, axes: Array) -> Array:
    return x.reshape(_unsqueezed(x.shape, [int(axis) for axis in axes.reshape(-1)]))


def _blocks(node: Node, x: Tensor, deeper: bool) -> Tensor:
    check_ndim(x, 4, 4)
    n, c, h, w = x.shape
    b = node["blocksize"]
    if deeper and (h % b or w % b):
        raise ShapeError(f"height and width must be multiples of blocksize {b}, got {h} × {w}")
    if not deeper and c % (b * b):
        raise ShapeError(f"channels must be a multiple of blocksize² = {b * b}, got {c}")
    return x.like((n, c * b * b, h // b, w // b) if deeper else (n, c // (b * b), h * b, w * b))


def _depth_to_space(node: Node, x: Array) -> Array:
    n, c, h, w = x.shape
    b = node["blocksize"]
    if node["mode"] == "DCR":
        cells = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        cells = x.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return cells.reshape(n, c // (b * b), h * b, w * b)


def _space_to_depth(node: Node, x: Array) -> Array:
    n, c, h, w = x.shape
    b = node["blocksize"]
    if node["mode"] == "DCR":
        cells = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    else:
        cells = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
    return cells.reshape(n, c * b * b, h // b, w // b)


def _enlarged(node: Node, _inputs: tuple[Tensor, ...]) -> Window:
    return Window((1, 1), (1 / node["blocksize"],) * 2, (0, 0))


def _gathered(node: Node, _inputs: tuple[Tensor, ...]) -> Window:
    return Window((node["blocksize"],) * 2, (node["blocksize"],) * 2, (0, 0))


_BLOCKS = {"blocksize": needed(whole(None, least=1, most=2**15)), "mode": choice("DCR", "DCR", "CRD")}

TABLE = table(
    Operation(
        "Reshape",
        (2, 2),
        _reshape_infer,
        _reshape,
        passed,
        attributes={"allowzero": flag()},
        window=everything,
    ),
    Operation(
        "Flatten",
        (1, 1),
        _flatten_infer,
        _flatten,
        passed,
        attributes={"axis": whole(1)},
        window=everything,
    ),
    Operation(
        "Transpose",
        (1, 1),
        _transpose_infer,
        lambda node, x: x.transpose(_order(node, x.ndim)),
        _transpose_back,
        attributes={"perm": wholes()},
        window=everything,
    ),
    Operation("Squeeze", (1, 2), _squeeze_infer, _squeeze, passed, window=everything),
    Operation("Unsqueeze", (2, 2), _unsqueeze_infer, _unsqueeze, passed, window=everything),
    Operation(
        "DepthToSpace",
        (1, 1),
        lambda node, x: _blocks(node, x, deeper=False),
        _depth_to_space,
        lambda back: (_space_to_depth(back.node, back.dy),),
        attributes=_BLOCKS,
        window=_enlarged,
    ),
    Operation(
        "SpaceToDepth",
        (1, 1),
        lambda node, x: _blocks(node, x, deeper=True),
        _space_to_depth,
        lambda back: (_depth_to_space(back.node, back.dy),),
        attributes=_BLOCKS,
        window=_gathered,
    ),
)
