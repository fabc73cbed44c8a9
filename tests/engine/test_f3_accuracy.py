"""F3 for compiled code: the direct method's error against float64 is at most twice PyTorch's.

Both sum in float32, in orders of their own; a wide range of values in one image makes the order matter.
CONVOLVE_F3 sets the number of cases (release: 20,000).
"""

import copy
import os
import random
from typing import Any

import numpy as np
import pytest

from tests import seeds
from tests.engine.cases import FLOATS, Case, draw_case, draw_geometry
from tests.peers import peer

CASES = int(os.environ.get("CONVOLVE_F3", "200"))
PARTS = 4
ROUNDING = 2.0**-24
"""Error of a single rounding: whoever is luckier than that proves nothing."""

MANY, FEW = 64, 3
"""Of fewer results the error is a matter of luck: three roundings of slack. A case of 5 × 12 taps had errors
of 4.6e-8 (PyTorch) and 1.8e-7 (2026-11-26)."""

torch = peer("torch")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("ratio", [1.0, 1e8])
def test_the_error_is_at_most_twice_pytorchs(part: int, ratio: float) -> None:
    draw = random.Random(f"{seeds.seed()} accuracy {part}")
    geometry = draw_geometry(draw, FLOATS[:1])
    for _ in range(CASES // PARTS // 2):
        case = draw_case(draw, geometry, whole=False)
        case.options |= {"padding_mode": "zeros", "flip": False}
        _widen(case, draw, ratio)
        exact = _exact(case)
        ours, theirs = (_error(result, exact) for result in (case.call(accuracy="strict"), _by_pytorch(case)))
        allowed = 2 * theirs + ROUNDING * (FEW if exact.size < MANY else 1)
        assert ours <= allowed, (geometry, case.options, case.image.shape, ours, theirs)


def _widen(case: Case, draw: random.Random, ratio: float) -> None:
    """Make a few numbers of the image larger than the others."""
    image = np.array(case.image, "float32")
    numbers = np.random.default_rng(draw.randrange(2**32))
    image[numbers.random(image.shape) < 0.02] *= ratio
    case.image = image


def _exact(case: Case) -> Any:
    """Return the result of the same numbers in float64."""
    wide = copy.copy(case)
    wide.image, wide.weight = (np.asarray(one, "float64") for one in (case.image, case.weight))
    wide.bias = None if case.bias is None else np.asarray(case.bias, "float64")
    return wide.call(algorithm="reference")


def _by_pytorch(case: Case) -> Any:
    """Return PyTorch's result, laid out as ours."""
    options, dims = case.options, case.geometry.dims
    last = options["layout"] == "channels_last"
    image = np.moveaxis(case.image, -1, 1) if last else case.image
    image = np.pad(image, [(0, 0), (0, 0), *options["padding"]])
    arrays = (image, case.weight, case.bias)
    tensors = [None if one is None else torch.from_numpy(np.array(one, "float32")) for one in arrays]
    function = getattr(torch.nn.functional, f"conv{dims}d")
    named = {name: options[name] for name in ("stride", "dilation", "groups")}
    with torch.inference_mode():
        result = function(*tensors, **named).numpy()
    return np.moveaxis(result, 1, -1) if last else result


def _error(result: Any, exact: Any) -> float:
    """Return the relative error in the sense of least squares."""
    length = float(np.linalg.norm(exact.ravel())) or 1.0  # windows that see nothing but padding give zeros
    return float(np.linalg.norm((result - exact).ravel())) / length
