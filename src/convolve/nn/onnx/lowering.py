"""Operations that the opset we write does not have, as several that it has.

A file is written in an opset that runtimes of 2024 and later know. What is newer, or ours alone, is taken
apart here; what cannot be taken apart is refused in words.
"""

from collections.abc import Callable, Mapping

import numpy as np

from convolve.errors import ArgumentError
from convolve.nn.onnx.draft import Context, Draft
from convolve.nn.tensor import Tensor

Known = Mapping[str, Tensor]
Rule = Callable[[Draft, Context, Known], list[Draft]]


def _swish(draft: Draft, context: Context, _known: Known) -> list[Draft]:
    """Return x · sigmoid(alpha · x)."""
    (source,), alpha = draft.inputs, draft.attributes["alpha"]
    scaled, weight = f"{draft.name}.scaled", f"{draft.name}.sigmoid"
    before = []
    if alpha != 1:
        factor = context.constant(draft, "alpha", alpha, _known[source].dtype)
        before = [Draft("Mul", [source, factor], [scaled], scaled)]
    return [
        *before,
        Draft("Sigmoid", [scaled if before else source], [weight], weight),
        Draft("Mul", [source, weight], draft.outputs, draft.name),
    ]


def _adaptive(operation: str) -> Rule:
    """Return the rule for pooling into a number of windows: plain pooling, where they are all alike."""

    def rule(draft: Draft, context: Context, known: Known) -> list[Draft]:
        size, wanted = known[draft.inputs[0]].shape[2:], draft.attributes["output_size"]
        if context.any_size:
            raise ArgumentError(
                f"{draft.name} ({draft.operation}): ONNX has no pooling into {wanted} windows for images of "
                "any size; give nn.Input the image's size"
            )
        if any(cells % count for cells, count in zip(size, wanted, strict=True)):
            raise ArgumentError(
                f"{draft.name} ({draft.operation}): ONNX has no pooling into {wanted} windows of different "
                f"sizes, and {size} does not divide into equal ones; use another size"
            )
        taps = [cells // count for cells, count in zip(size, wanted, strict=True)]
        attributes = {"kernel_shape": taps, "strides": taps}
        return [Draft(operation, draft.inputs, draft.outputs, draft.name, attributes)]

    return rule


def _space_to_depth(draft: Draft, context: Context, known: Known) -> list[Draft]:
    """Return blocks in ONNX's older order, and their channels put into PyTorch's."""
    mode = draft.attributes.pop("mode")
    if mode == "DCR":
        return [draft]
    channels, cells = known[draft.inputs[0]].shape[1], draft.attributes["blocksize"] ** 2
    order = np.arange(channels * cells).reshape(cells, channels).T.reshape(-1)
    places, blocks = context.constant(draft, "order", order), f"{draft.name}.blocks"
    after = Draft("Gather", [blocks, places], draft.outputs, draft.name, {"axis": 1})
    return [Draft("SpaceToDepth", draft.inputs, [blocks], blocks, draft.attributes), after]


LOWERINGS: dict[str, Rule] = {
    "AdaptiveAveragePool": _adaptive("AveragePool"),
    "AdaptiveMaxPool": _adaptive("MaxPool"),
    "SpaceToDepth": _space_to_depth,
    "Swish": _swish,
}
"""Operation -> how it is taken apart."""
