"""Nodes of older opsets as the present one writes them, so that each operation has one meaning here.

`UPGRADES` says, for an operation, below which opset which rule applies.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.nn.onnx.draft import Context, Draft

Rule = Callable[[Draft, Context], list[Draft]]


def _to_input(attribute: str, place: int, dtype: Any = np.int64) -> Rule:
    """Return the rule for an attribute that became an input."""

    def rule(draft: Draft, context: Context) -> list[Draft]:
        value = draft.attributes.pop(attribute, None)
        if value is not None and not draft.input(place):
            draft.set_input(place, context.constant(draft, attribute, value, dtype))
        return [draft]

    return rule


def _without(*attributes: str) -> Rule:
    """Return the rule for attributes that meant nothing for results."""

    def rule(draft: Draft, _context: Context) -> list[Draft]:
        for name in attributes:
            draft.attributes.pop(name, None)
        return [draft]

    return rule


def _count_is_one_number(draft: Draft, context: Context) -> list[Draft]:
    count = draft.attributes.pop("k", None)
    if count is not None:
        draft.set_input(1, context.constant(draft, "k", [count]))
    return [draft]


def _slice(draft: Draft, context: Context) -> list[Draft]:
    for place, name in enumerate(("starts", "ends", "axes"), 1):
        value = draft.attributes.pop(name, None)
        if value is not None:
            draft.set_input(place, context.constant(draft, name, value))
    return [draft]


def _pad(draft: Draft, context: Context) -> list[Draft]:
    pads = draft.attributes.pop("pads", None) or draft.attributes.pop("paddings", None)
    value = draft.attributes.pop("value", 0.0)
    if pads is None:
        raise draft.refuse("pads must be given")
    draft.set_input(1, context.constant(draft, "pads", pads))
    if value:
        return [_like_first(draft, context, 2, "value", value), draft]
    return [draft]


def _like_first(draft: Draft, context: Context, place: int, part: str, value: float) -> Draft:
    """Return a node that gives a number the dtype of the draft's first input, and let the draft read it."""
    number = context.constant(draft, part, value, np.float32)
    cast = f"{number}.cast"
    draft.set_input(place, cast)
    return Draft("CastLike", [number, draft.inputs[0]], [cast], cast)


def _clip(draft: Draft, context: Context) -> list[Draft]:
    casts = []
    for place, name in enumerate(("min", "max"), 1):
        value = draft.attributes.pop(name, None)
        if value is not None and abs(value) < float(np.finfo(np.float32).max):
            casts.append(_like_first(draft, context, place, name, value))
    return [*casts, draft]


def _softmax(draft: Draft, context: Context) -> list[Draft]:
    """Before opset 13 all dimensions from ``axis`` on were one: flatten, normalise, shape back."""
    axis = draft.attributes.pop("axis", 1)
    source, result = draft.inputs[0], draft.outputs[0]
    shape, flat, normal = (f"{draft.name}.{part}" for part in ("shape", "flat", "normal"))
    draft.inputs, draft.outputs, draft.attributes = [flat], [normal], {"axis": 1}
    return [
        Draft("Shape", [source], [shape], shape),
        Draft("Flatten", [source], [flat], flat, {"axis": axis}),
        draft,
        Draft("Reshape", [normal, shape], [result], f"{draft.name}.back"),
    ]


def _dropout(draft: Draft, context: Context) -> list[Draft]:
    draft.attributes.pop("is_test", None)
    return _to_input("ratio", 1, np.float32)(draft, context)


def _batch_norm(draft: Draft, _context: Context) -> list[Draft]:
    if draft.attributes.pop("spatial", 1) != 1:
        raise draft.refuse("spatial must be 1, statistics of every cell of its own are not read")
    if draft.attributes.pop("is_test", 1) == 0 or any(draft.outputs[1:]):
        raise draft.refuse("it must be exported for inference; this one takes its batch's own statistics")
    return [draft]


def _resize_10(draft: Draft, context: Context) -> list[Draft]:
    draft.inputs = [draft.inputs[0], "", draft.input(1)]
    return _asymmetric(draft, context)


def _upsample(draft: Draft, context: Context) -> list[Draft]:
    scales = draft.attributes.pop("scales", None)
    name = draft.input(1) if scales is None else context.constant(draft, "scales", scales, np.float32)
    draft.operation = "Resize"
    draft.inputs = [draft.inputs[0], "", name]
    return _asymmetric(draft, context)


def _asymmetric(draft: Draft, context: Context) -> list[Draft]:
    """Before opset 11 corners stay in place, and the nearest cell is the one before (after, if shrunk)."""
    scales = context.constants.get(draft.inputs[2])
    mode = draft.attributes.get("mode", "nearest")
    draft.attributes["mode"] = mode = {"bilinear": "linear"}.get(mode, mode)
    draft.attributes["coordinate_transformation_mode"] = "asymmetric"
    draft.attributes["nearest_mode"] = "floor"
    if mode == "nearest" and scales is not None and np.any(scales < 1):
        if np.any(scales > 1):
            raise draft.refuse(
                "enlarging along one dimension and shrinking along another is not read before opset 11"
            )
        draft.attributes["nearest_mode"] = "ceil"
    return [draft]


def _broadcast_6(draft: Draft, context: Context) -> list[Draft]:
    """Before opset 7 ``axis`` said where the second input's first dimension lies."""
    draft.attributes.pop("broadcast", None)
    axis = draft.attributes.pop("axis", None)
    if axis is None:
        return [draft]
    return _aligned(draft, context, axis)


def _prelu_6(draft: Draft, context: Context) -> list[Draft]:
    """Before opset 7 one list of slopes was one per channel."""
    return [draft] if context.ndim(draft.inputs[1]) != 1 else _aligned(draft, context, 1)


def _aligned(draft: Draft, context: Context, axis: int) -> list[Draft]:
    """Give the second input dimensions of one cell at its end, so that its first lies on ``axis``."""
    whole, part = context.ndim(draft.inputs[0]), context.ndim(draft.inputs[1])
    if part == 1 and draft.inputs[1] in context.constants and context.constants[draft.inputs[1]].size == 1:
        return [draft]
    if whole is None or part is None:
        raise draft.refuse(
            "broadcasting along an axis needs the shapes of both inputs, which the file does not say"
        )
    more = whole - part - (axis if axis >= 0 else axis + whole)
    if more <= 0:
        return [draft]
    axes = context.constant(draft, "axes", range(part, part + more))
    name = f"{draft.name}.aligned"
    before = Draft("Unsqueeze", [draft.inputs[1], axes], [name], name)
    draft.inputs[1] = name
    return [before, draft]


def _constant(draft: Draft, _context: Context) -> list[Draft]:
    kinds = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    for name, dtype in kinds.items():
        if name in draft.attributes:
            draft.attributes["value"] = np.asarray(draft.attributes.pop(name), dtype)
    return [draft]


def _grid_sample(draft: Draft, _context: Context) -> list[Draft]:
    names = {"bilinear": "linear", "bicubic": "cubic"}
    mode = draft.attributes.get("mode", "bilinear")
    draft.attributes["mode"] = names.get(mode, mode)
    return [draft]


def _scatter(draft: Draft, _context: Context) -> list[Draft]:
    draft.operation = "ScatterElements"
    return [draft]


ALWAYS = 2**31
"""For rules that apply to every opset."""

ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Less", "Greater")
REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

UPGRADES: dict[str, tuple[tuple[int, Rule], ...]] = {
    **dict.fromkeys(ARITHMETIC, ((7, _broadcast_6),)),
    **{f"Reduce{name}": ((18, _to_input("axes", 1)),) for name in REDUCTIONS},
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), ((13, _softmax),)),
    "ReduceSum": ((13, _to_input("axes", 1)),),
    "BatchNormalization": ((14, _batch_norm),),
    "Clip": ((11, _clip),),
    "Constant": ((ALWAYS, _constant),),
    "Dropout": ((12, _dropout),),
    "GridSample": ((20, _grid_sample),),
    "Gemm": ((7, _without("broadcast")),),
    "PRelu": ((7, _prelu_6),),
    "Pad": ((11, _pad),),
    "Resize": ((11, _resize_10),),
    "Scatter": ((11, _scatter),),
    "Slice": ((10, _slice),),
    "Split": ((13, _to_input("split", 1)),),
    "Squeeze": ((13, _to_input("axes", 1)),),
    "TopK": ((10, _count_is_one_number),),
    "Unsqueeze": ((13, _to_input("axes", 1)),),
    "Upsample": ((10, _upsample),),
}
"""Operation -> (opset below which it applies, rule)."""


def upgraded(draft: Draft, context: Context) -> list[Draft]:
    """Return the nodes that mean in the present opset what a node means in the file's."""
    for below, rule in UPGRADES.get(draft.operation, ()):
        if context.opset < below:
            try:
                return rule(draft, context)
            except (IndexError, TypeError, OverflowError) as error:
                raise draft.refuse(f"inputs and attributes must be those of opset {context.opset}") from error
    return [draft]
