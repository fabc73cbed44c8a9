"""Bytes beside ONNX Runtime's ConvInteger, float64 beside PyTorch: ``python -m bench.dtypes [threads]``.

Shapes are the rows of ``dtypes.csv``. Turns are interleaved as in `bench.pools`; weights are prepared where a
peer can. Results are compared first, those of bytes bit by bit.
"""

import csv
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import convolve
from bench.pools import best_times


@dataclass(frozen=True)
class Shape:
    """One row of the file: a square map under a square filter that keeps its size."""

    name: str
    dtype: str
    weight_dtype: str
    channels: int
    size: int
    filters: int
    taps: int
    groups: int


def load() -> list[Shape]:
    """Return the rows of the file."""
    with (Path(__file__).parent / "dtypes.csv").open(encoding="utf-8") as file:
        texts, numbers = ("name", "dtype", "weight_dtype"), ("channels", "size", "filters", "taps", "groups")
        return [
            Shape(*(row[name] for name in texts), *(int(row[name]) for name in numbers))
            for row in csv.DictReader(file)
        ]


def calls(one: Shape, threads: int) -> dict[str, Callable[[], Any]]:
    """Return what each library does with a shape."""
    numbers = np.random.default_rng(0)
    image = _numbers(numbers, (1, one.channels, one.size, one.size), one.dtype)
    shape = (one.filters, one.channels // one.groups, one.taps, one.taps)
    weight = _numbers(numbers, shape, one.weight_dtype)
    options = {"padding": one.taps // 2, "groups": one.groups}
    kinds = {"dtype": one.dtype, "weight_dtype": one.weight_dtype}
    bound = convolve.plan(image.shape, shape, **kinds, **options).bind(weight)
    theirs = _torch if one.dtype == "float64" else _onnxruntime
    functions = {"ours": partial(bound, image), "peer": theirs(image, weight, options, threads)}
    ours, peers = (np.asarray(function()) for function in functions.values())
    assert np.array_equal(ours, peers) if ours.dtype.kind == "i" else np.allclose(ours, peers)
    return functions


def _numbers(draw: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Any:
    if dtype == "float64":
        return draw.standard_normal(shape)
    ends = np.iinfo(dtype)
    return draw.integers(ends.min, ends.max, shape, dtype, endpoint=True)


def _torch(image: Any, weight: Any, options: dict[str, int], _threads: int) -> Callable[[], Any]:
    import torch

    tensors = torch.from_numpy(image), torch.from_numpy(weight)

    def run() -> Any:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(*tensors, **options)

    return run


def _onnxruntime(image: Any, weight: Any, options: dict[str, int], threads: int) -> Callable[[], Any]:
    import onnx
    import onnxruntime

    node = onnx.helper.make_node(
        "ConvInteger", ["x", "w"], ["y"], pads=[options["padding"]] * 4, group=options["groups"]
    )
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "bytes",
        [value("x", onnx.TensorProto.UINT8, image.shape)],
        [value("y", onnx.TensorProto.INT32, None)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings)
    return lambda: session.run(None, {"x": image})[0]


def main() -> None:
    """Print a line per shape, and the geometric mean."""
    import torch

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    convolve.set_num_threads(threads)
    torch.set_num_threads(threads)
    ratios = []
    for one in load():
        times = best_times(calls(one, threads))
        ratios.append(times["peer"] / times["ours"])
        shown = "  ".join(f"{name} {value:8.1f}" for name, value in times.items())
        print(f"{one.name:20} {shown}  {ratios[-1]:5.2f} ×", flush=True)
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f} ×, threads {threads}")


if __name__ == "__main__":
    main()
