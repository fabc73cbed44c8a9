"""Pooling beside PyTorch and ONNX Runtime: ``python -m bench.pools [threads] [names...]``.

Shapes are the rows of ``pools.csv``. See `bench.turns` for how they are timed.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import convolve
from bench.turns import main, onnxruntime_call


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

    dims = len(one.window)
    node = onnx.helper.make_node(
        "MaxPool" if one.kind == "max" else "AveragePool", ["x"], ["y"], kernel_shape=one.window,
        strides=[one.stride] * dims, pads=[one.padding] * (2 * dims),
        **({} if one.kind == "max" else {"count_include_pad": 1}),
    )  # fmt: skip
    return onnxruntime_call(node, image, onnx.TensorProto.FLOAT, [], threads)


if __name__ == "__main__":
    main(load(), calls)
