"""Initial weights: drawn from a seed and the weight's own name, so that one layer more changes no other."""

import hashlib
import math
from collections.abc import Callable

import numpy as np

from convolve.dtypes import Array
from convolve.nn.tensor import Shape

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


def filled(value: float) -> Initial:
    """Return one number everywhere."""
    return lambda _random, shape: np.full(shape, value, np.float32)
