"""Random gradients with respect to the weight, over a bounded pool of routines as in `cases`."""

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import convolve
from convolve.arguments import conv_spec, weight_grad_spec
from tests.engine.cases import FLOATS, Geometry, draw_case, draw_geometry, held


@dataclass
class GradientCase:
    """The arrays of a gradient as a caller might hold them, and options."""

    geometry: Geometry
    image: Any
    weight_shape: tuple[int, ...]
    gradient: Any
    options: dict[str, Any]

    def call(self, **more: Any) -> Any:
        """Call the public function."""
        function = getattr(convolve, f"conv{self.geometry.dims}d_weight_grad")
        return function(self.image, self.weight_shape, self.gradient, **{**self.options, **more})

    def expected(self) -> Any:
        """The gradient in float64 by one matrix product over gathered cells: the reference takes seconds."""
        return self._product(lambda numbers: numbers)

    def size(self) -> Any:
        """The sum of the absolute products of each weight."""
        return self._product(abs)

    def _product(self, change: Any) -> Any:
        dims = self.geometry.dims
        call = weight_grad_spec(dims, self.image, self.weight_shape, self.gradient, **self.options)
        spec, groups = call.spec, self.geometry.groups
        image = change(call.first.astype("d"))
        for axis in reversed(range(dims)):
            source = spec.axes[axis].source()
            image = np.moveaxis(np.take(image, np.maximum(source, 0), axis=2 + axis), 3 + axis, -1)
            places = np.moveaxis(image, (2 + axis, -1), (0, 1))
            places[source < 0] = change(np.float64(spec.fill.real))
        batch, channels = image.shape[:2]
        pixels = math.prod(spec.out_size)
        cells = image.reshape(batch, groups, channels // groups, pixels, -1)
        gradient = change(call.second.astype("d")).reshape(batch, groups, -1, pixels)
        result = np.einsum("ngkp,ngcpt->gkct", gradient, cells, optimize=True)
        taps = spec.filter_size
        result = result.reshape(-1, channels // groups, *reversed(taps))
        result = np.transpose(result, (0, 1, *reversed(range(2, 2 + dims))))
        return np.flip(result, tuple(range(2, 2 + dims))) if spec.flip else result


def draw_gradient(draw: random.Random, geometry: Geometry, whole: bool) -> GradientCase:
    """Return a case of a geometry; ``whole`` draws small whole numbers, whose sums are exact."""
    case = draw_case(draw, geometry, whole)
    call = conv_spec("conv", geometry.dims, case.image, case.weight, **case.options)
    numbers = np.random.default_rng(draw.randrange(2**32))
    values = numbers.integers(-8, 9, call.shape) if whole else numbers.standard_normal(call.shape)
    gradient = held(draw, values.astype(geometry.dtype))
    return GradientCase(geometry, case.image, case.weight.shape, gradient, case.options)


def draw_gradients(draw: random.Random, geometries: int, each: int, whole: bool) -> list[GradientCase]:
    """Return some cases of each of some geometries."""
    pool = [draw_geometry(draw, FLOATS) for _ in range(geometries)]
    return [draw_gradient(draw, geometry, whole) for geometry in pool for _ in range(each)]
