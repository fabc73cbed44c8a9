"""Initial weights: drawn from a seed and the weight's own name, so that one layer more changes no other."""

import hashlib
import math
from collections.abc import Callable

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.tensor import Shape
from convolve.options import choice

Initial = Callable[[np.random.Generator, Shape], Array]
"""(random numbers, shape) -> the first values of a parameter, float32."""


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of one parameter."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, np.uint32).tolist()])


def he_uniform(fan_in: int, gain: float = math.sqrt(2.0)) -> Initial:
    """Return weights that keep the variance of feature maps through ReLU (He et al., 2015)."""
    bound = gain * math.sqrt(3.0 / max(1, fan_in))
    return lambda random, shape: random.uniform(-bound, bound, shape).astype(np.float32)


def bias_uniform(fan_in: int) -> Initial:
    """Return biases as PyTorch draws them: uniform within 1/√(numbers summed up)."""
    bound = 1 / math.sqrt(max(1, fan_in))
    return lambda random, shape: random.uniform(-bound, bound, shape).astype(np.float32)


GAINS = {
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}
"""What follows a layer -> by how much its weights are larger; ``torch.nn.init.calculate_gain``."""


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs a cell of the output has, and how many outputs a cell of the input.

    >>> fans((16, 8, 3, 3))
    (72, 144)
    """
    if len(shape) < 2:
        raise ShapeError(f"weights must have two dimensions or more to be drawn by their fans, got {shape}")
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def _kaiming(nonlinearity: str, mode: str, shape: Shape) -> float:
    """Return the standard deviation of He et al. (2015)."""
    inputs, outputs = fans(shape)
    return GAINS[nonlinearity] / math.sqrt(outputs if mode == "fan_out" else inputs)


def kaiming_uniform(nonlinearity: str = "relu", mode: str = "fan_in") -> Initial:
    """Return uniform weights that keep the variance; as ``torch.nn.init.kaiming_uniform_``.

    Parameters
    ----------
    nonlinearity
        What follows: a name in `GAINS`.
    mode
        "fan_in" keeps the variance of feature maps, "fan_out" that of gradients.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), input_shape=(3, 8, 8))
    >>> nn.initialised(network, nn.kaiming_uniform()).graph.constants["conv2d1.weight"].shape
    (8, 3, 3, 3)
    """
    _check_rule(nonlinearity, mode)
    return lambda random, shape: _uniform(random, shape, _kaiming(nonlinearity, mode, shape))


def kaiming_normal(nonlinearity: str = "relu", mode: str = "fan_in") -> Initial:
    """Return normal weights that keep the variance; as ``torch.nn.init.kaiming_normal_``.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), input_shape=(3, 8, 8))
    >>> nn.initialised(network, nn.kaiming_normal()).graph.constants["conv2d1.weight"].shape
    (8, 3, 3, 3)
    """
    _check_rule(nonlinearity, mode)
    return lambda random, shape: _normal(random, shape, _kaiming(nonlinearity, mode, shape))


def xavier_uniform(gain: float = 1.0) -> Initial:
    """Return uniform weights between both variances; as ``torch.nn.init.xavier_uniform_``.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), input_shape=(3, 8, 8))
    >>> nn.initialised(network, nn.xavier_uniform()).graph.constants["conv2d1.weight"].shape
    (8, 3, 3, 3)
    """
    return lambda random, shape: _uniform(random, shape, gain * math.sqrt(2 / sum(fans(shape))))


def xavier_normal(gain: float = 1.0) -> Initial:
    """Return normal weights between both variances; as ``torch.nn.init.xavier_normal_``.

    Examples
    --------
    >>> from convolve import nn
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), input_shape=(3, 8, 8))
    >>> nn.initialised(network, nn.xavier_normal()).graph.constants["conv2d1.weight"].shape
    (8, 3, 3, 3)
    """
    return lambda random, shape: _normal(random, shape, gain * math.sqrt(2 / sum(fans(shape))))


def _check_rule(nonlinearity: str, mode: str) -> None:
    choice(nonlinearity, "nonlinearity", tuple(GAINS))
    choice(mode, "mode", ("fan_in", "fan_out"))


def _uniform(random: np.random.Generator, shape: Shape, deviation: float) -> Array:
    bound = math.sqrt(3.0) * deviation
    return random.uniform(-bound, bound, shape).astype(np.float32)


def _normal(random: np.random.Generator, shape: Shape, deviation: float) -> Array:
    return random.normal(0, deviation, shape).astype(np.float32)


def filled(value: float) -> Initial:
    """Return one number everywhere."""
    return lambda _random, shape: np.full(shape, value, np.float32)
