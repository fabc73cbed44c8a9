"""ONNX Runtime. Its threads spin within a turn and sleep again in the idle time before the next one."""

from functools import partial
from typing import Any

import onnxruntime

from bench.peers.model import model
from bench.shapes import Array, Data, Shape
from bench.variant import Variant

_threads = 1


def setup(threads: int) -> None:
    """Use so many threads."""
    global _threads
    _threads = threads
    onnxruntime.set_default_logger_severity(3)


def version() -> str:
    """Return the version of ONNX Runtime."""
    return str(onnxruntime.__version__)


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return the network with its weights inside, which it packs, and with the weight as an input."""
    bound, unbound = (_session(model(shape, data, inside)) for inside in (True, False))
    inputs = {"input": data.first}
    fed = {**inputs, "weight": data.weight}
    return [
        Variant("bound", "weights inside", partial(bound.run, None, inputs), _first),
        Variant("unbound", "weights fed", partial(unbound.run, None, fed), _first),
    ]  # fmt: skip


def _session(network: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])


def _first(results: list[Array]) -> Array:
    return results[0]
