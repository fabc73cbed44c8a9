"""convolve: the convolution of an image with a filter, from the 5×5 lesson to networks.

Every public name is listed in `_HOME` and imported when it is first used, so that ``import convolve``
costs next to nothing and ``convolve --help`` needs no NumPy.
"""

from importlib import import_module
from typing import Any

import_module("convolve.interpreter_lock")  # refuses a Python without that lock, before anything is shared

__version__ = "0.1.0"

_HOME = {
    "apply": "convolve.api.images",
    "arrays": "",
    "avg_pool1d": "convolve.api.pools",
    "avg_pool2d": "convolve.api.pools",
    "avg_pool3d": "convolve.api.pools",
    "conv1d": "convolve.api.forward",
    "conv1d_input_grad": "convolve.api.gradients",
    "conv1d_weight_grad": "convolve.api.gradients",
    "conv2d": "convolve.api.forward",
    "conv2d_input_grad": "convolve.api.gradients",
    "conv2d_weight_grad": "convolve.api.gradients",
    "conv3d": "convolve.api.forward",
    "conv3d_input_grad": "convolve.api.gradients",
    "conv3d_weight_grad": "convolve.api.gradients",
    "conv_transpose1d": "convolve.api.transposed",
    "conv_transpose2d": "convolve.api.transposed",
    "conv_transpose3d": "convolve.api.transposed",
    "detection": "",
    "errors": "",
    "explain": "convolve.explain.api",
    "faces": "",
    "features": "",
    "filters": "",
    "get_num_threads": "convolve.runtime.threads",
    "load": "convolve.nn.models",
    "max_pool1d": "convolve.api.pools",
    "max_pool2d": "convolve.api.pools",
    "max_pool3d": "convolve.api.pools",
    "medical": "",
    "nn": "",
    "output_shape": "convolve.api.sizes",
    "plan": "convolve.api.planned",
    "receptive_field": "convolve.api.sizes",
    "set_num_threads": "convolve.runtime.threads",
    "video": "",
}
"""Public name -> the module that defines it; "" marks a module of its own."""

__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME:
        from convolve.names import missing_name  # the explanation is needed on a mistake only

        raise missing_name(name, __all__)
    home = _HOME[name]
    value = getattr(import_module(home), name) if home else import_module(f"convolve.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
