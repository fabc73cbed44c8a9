"""`accelerate`: a module's convolutions are computed by us from now on, in place; `restore` is the way back.

A convolution's class is exchanged for one that is derived from it and has a forward of its own. Its
parameters, hooks and the keys of its state stay what they are.
"""

from typing import Any, TypeVar

import torch
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from convolve.bridges.torch.layers import FORWARD, TRANSPOSED, Accelerated, Class, accelerated_class
from convolve.errors import ArgumentTypeError

Module = Any
"""A torch.nn.Module."""

AnyModule = TypeVar("AnyModule", bound=Any)

CONVOLUTIONS = (*FORWARD, *TRANSPOSED)

OURS = "convolve"
"""What `convolutions` says of those that are ours."""


def accelerate(module: AnyModule) -> AnyModule:
    """Let convolve compute the convolutions of a PyTorch module, in place.

    Every ``nn.Conv1d``, ``Conv2d``, ``Conv3d`` and ``nn.ConvTranspose1d`` to ``3d`` in it is exchanged, and
    classes derived from these that have no forward of their own. Parameters stay the same objects, so
    optimisers, hooks, ``state_dict`` and training go on. Called again, it exchanges what has been added.

    In evaluation mode (``module.eval()``) and without gradients, weights are packed at the second call that
    finds them unchanged. Changes are seen as PyTorch counts them; after those that it does not count
    (through ``.data`` or a NumPy view) call ``module.eval()`` again.

    Parameters
    ----------
    module
        A torch.nn.Module.

    Returns
    -------
    torch.nn.Module
        The module itself. `convolutions` tells which of its convolutions were exchanged.

    Raises
    ------
    ArgumentTypeError
        If it is no module.

    Notes
    -----
    What is not dense numbers on the CPU in float32, float64, float16 or bfloat16 is computed by PyTorch, as
    before; so is what ``torch.jit.trace`` and ``torch.export`` make. ``torch.compile`` keeps our
    convolutions, but packs their weights at every call.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU())
    >>> accelerate(network)
    Sequential(
      (0): AcceleratedConv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
      (1): ReLU()
    )
    >>> convolutions(network)
    {'0': 'convolve'}
    """
    for one in _checked(module).modules():
        if isinstance(one, CONVOLUTIONS) and not isinstance(one, Accelerated) and _why_not(one) is None:
            one.__class__ = accelerated_class(one.__class__)
    return module


def restore(module: AnyModule) -> AnyModule:
    """Give a module's convolutions back to PyTorch: undo `accelerate`, in place.

    Those that have been parametrized since then stay ours; `convolutions` tells.

    Parameters
    ----------
    module
        A torch.nn.Module.

    Returns
    -------
    torch.nn.Module
        The module itself.

    Examples
    --------
    >>> import torch
    >>> restore(accelerate(torch.nn.Conv2d(3, 8, 3)))
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))
    """
    for one in _checked(module).modules():
        if isinstance(one, Accelerated) and "replaces" in type(one).__dict__:
            one.forget()
            one.__class__ = type(one).__dict__["replaces"]
    return module


def convolutions(module: Module) -> dict[str, str]:
    """Tell who computes each convolution of a module.

    Parameters
    ----------
    module
        A torch.nn.Module.

    Returns
    -------
    dict
        Name of the convolution, as in ``named_modules``, to "convolve", or to "PyTorch" and why `accelerate`
        leaves it alone if it does.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.LazyConv2d(8, 3))
    >>> convolutions(accelerate(network))
    {'0': 'convolve', '1': 'PyTorch: it has no weights yet'}
    """
    found = {}
    for name, one in _checked(module).named_modules():
        if isinstance(one, Accelerated):
            found[name] = OURS
        elif isinstance(one, CONVOLUTIONS):
            reason = _why_not(one)
            found[name] = "PyTorch" if reason is None else f"PyTorch: {reason}"
    return found


def _why_not(module: Module) -> str | None:
    """Return why a convolution is left alone, or None."""
    cls: Class = type(module)
    kind: Class = next(one for one in CONVOLUTIONS if isinstance(module, one))
    if is_lazy(module.weight):
        return "it has no weights yet"
    if parametrize.is_parametrized(module):
        return "it is parametrized; accelerate it before"
    if cls.forward is not kind.forward or cls._conv_forward is not kind._conv_forward:
        return f"{cls.__name__} has a forward of its own"
    return "its forward was replaced" if "forward" in module.__dict__ else None


def _checked(module: Module) -> Module:
    if not isinstance(module, torch.nn.Module):
        raise ArgumentTypeError(
            f"module must be a torch.nn.Module, got {type(module).__name__}; networks of convolve.nn are "
            "computed by convolve anyway"
        )
    return module
