"""Bytes beside ONNX Runtime's ConvInteger, float64 beside PyTorch: ``python -m bench.dtypes [threads]``.

Shapes are the rows of ``dtypes.csv``. See `bench.turns` for how they are timed; weights are prepared where a
peer can. Results are compared first, those of bytes bit by bit.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import convolve
from bench.turns import main, onnxruntime_call


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
    functions = {"ours": partial(bound, image), theirs.__name__[1:]: theirs(image, weight, options, threads)}
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

    node = onnx.helper.make_node(
        "ConvInteger", ["x", "w"], ["y"], pads=[options["padding"]] * 4, group=options["groups"]
    )
    filters = onnx.numpy_helper.from_array(weight, "w")
    return onnxruntime_call(node, image, onnx.TensorProto.INT32, [filters], threads)


if __name__ == "__main__":
    main(load(), calls)
