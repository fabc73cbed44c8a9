"""An explanation as JSON, version 1 (``explanation.schema.json``), and how much of it is still a picture."""

import json
from typing import TYPE_CHECKING, Any

from convolve.errors import ArgumentError
from convolve.explain.board import board
from convolve.explain.numbers import as_json, masked_json
from convolve.explain.steps import Step

if TYPE_CHECKING:
    from convolve.explain.explanation import Explanation

LARGEST_GRID = 32 * 32 * 8
"""Cells of the board, over all channels, beyond which nobody reads a grid of numbers."""

LARGEST_WINDOWS = 1 << 19
"""Numbers in all windows together: about 10 MB of JSON, which a browser still opens at once."""


def to_json(explanation: "Explanation") -> str:
    """Return the JSON text; small enough is checked first."""
    check_size(explanation, "JSON")
    return json.dumps(as_data(explanation), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def check_size(explanation: "Explanation", what: str) -> None:
    """Refuse what is too large to be looked at, in words that say what to do."""
    grid = explanation.call.first.shape[1]
    for line in board(explanation.call.spec):
        grid *= len(line.cells)
    windows = len(explanation.steps) * explanation.steps[0].window.size
    if grid <= LARGEST_GRID and windows <= LARGEST_WINDOWS:
        return
    size = " × ".join(map(str, explanation.call.first.shape[1:]))
    raise ArgumentError(
        f"{what} of every step must have at most {LARGEST_GRID} input cells, border included, and "
        f"{LARGEST_WINDOWS} window cells in all; this {size} input has {grid} and {windows}; "
        "choose one pixel, for example to_text(step=(i, j)) or to_svg(step=(i, j)), or crop the image around "
        "it, for example image[..., i:i+9, j:j+9]"
    )


def as_data(explanation: "Explanation") -> dict[str, Any]:
    """Return what the JSON says, as dictionaries and lists."""
    call = explanation.call
    output = call.canonical(explanation.output)[0]
    return {
        "version": 1,
        "title": explanation.title,
        "operation": call.spec.operation,
        "options": options(explanation),
        "dtypes": {
            "input": call.spec.input_dtype.name,
            "weight": call.spec.weight_dtype.name,
            "output": call.spec.out_dtype.name,
        },
        "input": _array(call.first[0]),
        "weight": _array(call.second),
        "bias": None if call.bias is None else as_json(call.bias),
        "output": _array(output),
        "size_formula": list(explanation.size_formula),
        "coverage": as_json(explanation.coverage),
        "steps": [step_data(step) for step in explanation.steps],
        "total_steps": len(explanation.steps),
        "sampled": False,
    }


def options(explanation: "Explanation") -> dict[str, Any]:
    """Return the options as they took effect, one number per dimension."""
    spec = explanation.call.spec
    filled = spec.boundary == "constant" and spec.fill != 0
    forward_sizes = [(axis.outputs - 1) * axis.stride + axis.extent for axis in spec.axes]
    extra = [
        axis.size + axis.before + axis.after - size if spec.operation == "conv_transpose" else 0
        for axis, size in zip(spec.axes, forward_sizes, strict=True)
    ]
    return {
        "stride": [axis.stride for axis in spec.axes],
        "padding": [[axis.before, axis.after] for axis in spec.axes],
        "padding_mode": "zeros" if spec.boundary == "constant" and not filled else spec.boundary,
        "fill": as_json(spec.fill),
        "dilation": [axis.dilation for axis in spec.axes],
        "groups": spec.groups,
        "flip": spec.flip,
        "output_padding": extra,
    }


def step_data(step: Step) -> dict[str, Any]:
    """Return one step as the JSON holds it."""
    return {
        "index": list(step.index),
        "channels": list(step.channels),
        "reads": [list(cells) for cells in step.reads],
        "window": [masked_json(one, step.holes) for one in step.window],
        "weights": as_json(step.weights),
        "products": [masked_json(one, step.holes) for one in step.products],
        "sums": [as_json(one) for one in step.sums],
        "bias": None if step.bias is None else as_json(step.bias),
        "total": as_json(step.total),
    }


def _array(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "values": as_json(array)}
