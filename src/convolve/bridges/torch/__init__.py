"""Our convolutions in PyTorch's words: functions on tensors with gradients, and modules that use them.

>>> import torch
>>> from convolve.bridges.torch import conv2d
>>> conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), padding=1).shape
torch.Size([1, 4, 8, 8])
"""

from convolve.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401  # so that its absence is told with the extra's name
except ImportError:
    raise MissingExtraError.of("torch", "torch", "convolve.bridges.torch") from None

from convolve.bridges.torch.functional import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from convolve.bridges.torch.modules import accelerate, convolutions, restore

__all__ = [
    "accelerate",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolutions",
    "restore",
]
