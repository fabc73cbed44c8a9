"""Pooling beside PyTorch and ONNX Runtime: ``python -m bench.pools [threads] [names...]``.

Shapes are the rows of ``pools.csv``. The turns of the libraries are interleaved in one process: all meet
the same neighbours on the machine; shown is the best time of each, in µs, and the better peer over ours.
"""

import csv
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import convolve

TURNS = 30
TURN_SECONDS = 0.004


@dataclass(frozen=True)
class Shape:
    """One row of the file."""

    name: str
    kind: str
    shape: tuple[int, ...]
    window: tuple[int, ...]
    stride: int
    padding: int


def load() -> list[Shape]:
    """Return the rows of the file."""
    with (Path(__file__).parent / "pools.csv").open(encoding="utf-8") as file:
        return [
            Shape(
                row["name"], row["kind"], _numbers(row["shape"]), _numbers(row["window"]), int(row["stride"]),
                int(row["padding"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("x"))


def calls(one: Shape, threads: int) -> dict[str, Callable[[], Any]]:
    """Return what each library does with a shape."""
    image = np.random.default_rng(0).standard_normal(one.shape).astype(np.float32)
    name = f"{'max' if one.kind == 'max' else 'avg'}_pool{len(one.window)}d"
    ours = getattr(convolve, name)
    return {
        "ours": lambda: ours(image, one.window, one.stride, one.padding),
        "torch": _torch(one, image, name),
        "onnxruntime": _onnxruntime(one, image, threads),
    }


def _torch(one: Shape, image: Any, name: str) -> Callable[[], Any]:
    import torch

    pool, tensor = getattr(torch.nn.functional, name), torch.from_numpy(image)

    def run() -> Any:
        with torch.inference_mode():
            return pool(tensor, one.window, one.stride, one.padding)

    return run


def _onnxruntime(one: Shape, image: Any, threads: int) -> Callable[[], Any]:
    import onnx
    import onnxruntime

    dims = len(one.window)
    node = onnx.helper.make_node(
        "MaxPool" if one.kind == "max" else "AveragePool", ["x"], ["y"], kernel_shape=one.window,
        strides=[one.stride] * dims, pads=[one.padding] * (2 * dims),
        **({} if one.kind == "max" else {"count_include_pad": 1}),
    )  # fmt: skip
    kind = onnx.TensorProto.FLOAT
    values = [
        onnx.helper.make_tensor_value_info(name, kind, shape)
        for name, shape in (("x", one.shape), ("y", None))
    ]
    graph = onnx.helper.make_graph([node], "pool", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"x": image})


def best_times(functions: dict[str, Callable[[], Any]]) -> dict[str, float]:
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


def main() -> None:
    """Print a line per shape, and the geometric mean."""
    import torch

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    convolve.set_num_threads(threads)
    torch.set_num_threads(threads)
    ratios = []
    for one in load():
        if sys.argv[2:] and one.name not in sys.argv[2:]:
            continue
        times = best_times(calls(one, threads))
        ratios.append(min(times["torch"], times["onnxruntime"]) / times["ours"])
        shown = "  ".join(f"{name} {value:8.1f}" for name, value in times.items())
        print(f"{one.name:20} {shown}  {ratios[-1]:5.2f} ×", flush=True)
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} ×, threads {threads}")


if __name__ == "__main__":
    main()
