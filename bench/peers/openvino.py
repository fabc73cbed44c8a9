"""OpenVINO, in float32, for the shortest time of a single call."""

from functools import partial
from typing import Any

import numpy as np
import openvino

from bench.peers.model import model
from bench.shapes import Array, Data, Shape
from bench.variant import Variant

_options: dict[str, Any] = {}


def setup(threads: int) -> None:
    """Use so many threads."""
    _options.update(
        INFERENCE_NUM_THREADS=threads,
        NUM_STREAMS=1,
        PERFORMANCE_HINT="LATENCY",
        INFERENCE_PRECISION_HINT="f32",
    )


def version() -> str:
    """Return the version of OpenVINO."""
    return str(openvino.__version__).split("-")[0]


def variants(shape: Shape, data: Data) -> list[Variant]:
    """Return the network with its weights inside and fed; its results copied, or put into a new array."""
    found = []
    result = shape.result_shape
    for mode, inside in (("bound", True), ("unbound", False)):
        network = model(shape, data, inside)
        inputs = [data.first] if inside else [data.first, data.weight]
        copied = partial(_copied, _request(network), inputs)
        placed = partial(_placed, _request(network), inputs, result)
        found += [Variant(mode, "copied", copied, _array), Variant(mode, "into a new array", placed, _array)]
    return found


def _request(network: bytes) -> Any:
    core = openvino.Core()
    return core.compile_model(core.read_model(network), "CPU", _options).create_infer_request()


def _copied(request: Any, inputs: list[Array]) -> Any:
    return request.infer(inputs, share_inputs=True)[0]


def _placed(request: Any, inputs: list[Array], shape: tuple[int, ...]) -> Any:
    result = np.empty(shape, "f")
    request.set_output_tensor(openvino.Tensor(result, shared_memory=True))
    request.infer(inputs, share_inputs=True, share_outputs=True)
    return result


def _array(result: Any) -> Array:
    return np.asarray(result)
