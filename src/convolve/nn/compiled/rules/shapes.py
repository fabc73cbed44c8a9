"""Operations that only say how tensors are seen, cut or joined: most of them cost nothing."""

from collections.abc import Callable

from convolve.nn.compiled.actions import Join, Operand, View
from convolve.nn.compiled.draft import Draft
from convolve.nn.compiled.places import Place
from convolve.nn.operation import Node
from convolve.nn.tensor import axis_of

How = Callable[[Place], Place | None]


def reshaped(draft: Draft, node: Node) -> bool:
    """Reshape and its like, Identity, Dropout: the same numbers in the shape that was inferred."""
    shape = draft.shape(node.outputs[0])
    _view(draft, node, node.outputs[0], lambda place: place.reshaped(shape))
    return True


def transposed(draft: Draft, node: Node) -> bool:
    """Transpose: the dimensions in another order."""
    ndim = len(draft.shape(node.inputs[0]))
    order = tuple(axis % ndim for axis in node["perm"] or reversed(range(ndim)))
    _view(draft, node, node.outputs[0], lambda place: place.turned(order))
    return True


def split(draft: Draft, node: Node) -> bool:
    """Split: parts along a dimension."""
    axis, start = axis_of(node["axis"], len(draft.shape(node.inputs[0]))), 0
    for name in node.outputs:
        count = draft.shape(name)[axis]
        _view(draft, node, name, _cut(axis, start, count))
        start += count
    return True


def sliced(draft: Draft, node: Node) -> bool:
    """Slice forwards, one by one, between limits that are known."""
    x, *names = node.inputs
    given = [draft.value(name) if name else None for name in (*names, "", "", "", "")[:4]]
    if any(name and one is None for name, one in zip(names, given, strict=False)):
        return False
    starts, _, axes, steps = (None if one is None else [int(n) for n in one.reshape(-1)] for one in given)
    if starts is None or any(step != 1 for step in steps or []):
        return False
    shape, result = draft.shape(x), draft.shape(node.outputs[0])
    where = range(len(starts)) if axes is None else [axis % len(shape) for axis in axes]
    cuts = [
        (axis, min(max(start + shape[axis] if start < 0 else start, 0), shape[axis]), result[axis])
        for axis, start in zip(where, starts, strict=True)
    ]

    def how(place: Place) -> Place:
        for cut in cuts:
            place = place.cut(*cut)
        return place

    _view(draft, node, node.outputs[0], how)
    return True


def concat(draft: Draft, node: Node) -> bool:
    """Concat."""
    axis = axis_of(node["axis"], len(draft.shape(node.outputs[0])))
    draft.add(Join((node,), tuple(map(Operand, node.inputs)), Operand(node.outputs[0]), axis))
    return True


def _cut(axis: int, start: int, count: int) -> How:
    return lambda place: place.cut(axis, start, count)


def _view(draft: Draft, node: Node, out: str, how: How) -> None:
    draft.add(View((node,), Operand(node.inputs[0]), Operand(out), how))


RULES = {
    "Reshape": reshaped,
    "Flatten": reshaped,
    "Squeeze": reshaped,
    "Unsqueeze": reshaped,
    "Identity": reshaped,
    "Dropout": reshaped,
    "Transpose": transposed,
    "Split": split,
    "Slice": sliced,
    "Concat": concat,
}
