"""Who computes the networks of `bench.networks`, each as its careful user would have it.

Each maker takes the file of a network, the number of threads and the images, and returns a call without
arguments. What a user does once is done in the maker: PyTorch gets its images in channels last there.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MODELS = Path(tempfile.gettempdir()) / "convolve-bench-networks"
Run = Callable[[], Any]


def model(name: str) -> Path:
    """Return the file of a network with drawn weights, written when it is first asked for."""
    import onnx

    from bench.light_networks import light_model

    path = MODELS / f"{name}.onnx"
    if not path.exists():
        MODELS.mkdir(exist_ok=True)
        onnx.save(light_model(name, 1), path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return path


def image(batch: int) -> Any:
    """Return images."""
    return np.random.default_rng(0).standard_normal((batch, 3, 224, 224), np.float32)


def ours(path: Path, threads: int, x: Any) -> Run:
    """Return our call."""
    import convolve

    convolve.set_num_threads(threads)
    network = convolve.load(path)
    return lambda: network(x)


def direct(path: Path, threads: int, x: Any) -> Run:
    """Return our call by the direct method alone."""
    import convolve
    from convolve.nn.tensor import Tensor

    convolve.set_num_threads(threads)
    network = convolve.load(path)
    (given,), (wanted,) = network.inputs, network.outputs

    def run() -> Any:
        compiled = network._program({given.name: Tensor(x.dtype, x.shape)}, (wanted,))
        return (compiled._run({given.name: x}, "strict") or {})[wanted]

    return run


def onnx_runtime(path: Path, threads: int, x: Any) -> Run:
    """Return ONNX Runtime's call: all its graph optimisations, its threads spin as they do by default."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x})[0]


def pytorch(path: Path, threads: int, x: Any) -> Run:
    """Return PyTorch's call: eager, channels last, inference mode."""
    import torch

    import convolve
    from bench.peers.torch_network import torch_network

    torch.set_num_threads(threads)
    run = torch_network(convolve.load(path))
    images = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
    return lambda: run(images)


MAKERS = {"ours": ours, "direct": direct, "ONNX Runtime": onnx_runtime, "PyTorch": pytorch}
PEERS = ("ONNX Runtime", "PyTorch")


def keep_to_one_cpu() -> None:
    """Let this process use one CPU only, where the system can do that: one thread is then one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
