"""Small comparisons in one process: turns of the libraries are interleaved, so all meet the same neighbours.

Shown is the best time of each, in µs, and the best peer over ours. The standard set has a runner of its own,
with a process for each library (`bench.runner`); this is for rows that it has not: pooling, bytes, doubles.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import convolve

TURNS = 30
TURN_SECONDS = 0.004

Functions = dict[str, Callable[[], Any]]


class Named(Protocol):
    """A row of a file of shapes."""

    @property
    def name(self) -> str:
        """What the row is called."""


Row = TypeVar("Row", bound=Named)


def main(rows: Sequence[Row], calls: Callable[[Row, int], Functions]) -> None:
    """Print a line per row, and the geometric mean; the command line may give threads and names of rows.

    ``calls`` returns what each library does with a row on so many threads; ours is called "ours".
    """
    import torch

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    convolve.set_num_threads(threads)
    torch.set_num_threads(threads)
    ratios = []
    for row in rows:
        if sys.argv[2:] and row.name not in sys.argv[2:]:
            continue
        times = best_times(calls(row, threads))
        ratios.append(min(time for name, time in times.items() if name != "ours") / times["ours"])
        shown = "  ".join(f"{name} {value:8.1f}" for name, value in times.items())
        print(f"{row.name:20} {shown}  {ratios[-1]:5.2f} ×", flush=True)
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} ×, threads {threads}")


def best_times(functions: Functions) -> dict[str, float]:
    """Return the best time of each in µs, their turns interleaved."""
    best = dict.fromkeys(functions, math.inf)
    for _ in range(TURNS):
        for name, function in functions.items():
            function()  # its caches are warm, and nobody else's threads still spin
            end = time.perf_counter() + TURN_SECONDS
            while (begun := time.perf_counter()) < end:
                function()
                best[name] = min(best[name], (time.perf_counter() - begun) * 1e6)
    return best


def onnxruntime_call(
    node: Any, image: Any, result: int, constants: Sequence[Any], threads: int
) -> Callable[[], Any]:
    """Return a call of ONNX Runtime for one node that makes "y" of "x" and of named constants."""
    import onnx
    import onnxruntime

    value = onnx.helper.make_tensor_value_info
    kind = onnx.helper.np_dtype_to_tensor_dtype(image.dtype)
    values = value("x", kind, image.shape), value("y", result, None)
    graph = onnx.helper.make_graph([node], "one", [values[0]], [values[1]], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"x": image})[0]
