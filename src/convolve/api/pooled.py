"""Where a public pooling becomes work: parsed once, then by the recipe that all calls of its kind follow."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from convolve.axis import Axis
from convolve.compiler.plan import Inner
from convolve.dtypes import Array, DType, kind_of
from convolve.options import flag
from convolve.pooling import Pool, max_dtype, mean_dtype, pool, whole_divisor
from convolve.runtime import pooled
from convolve.runtime.job import Job
from convolve.views import native

MOST_RECIPES = 256
"""Recipes kept; beyond that all are forgotten, which costs one slow call each."""

ABSENT = Axis(1, 1, 1)
"""A dimension that is not there."""

Options = dict[str, Any]


class Recipe:
    """A pooling whose image's address is all that can still change."""

    __slots__ = ("_dtype", "_pool", "_shape", "_with_places")

    def __init__(self, made: Pool, question: pooled.Question, dtype: DType) -> None:
        self._shape, self._dtype = made.form.shape(made.shape), dtype
        self._with_places = question.code.places
        results = (made.form.canonical(one) for one in self._results())
        self._pool = pooled.execution(question).bound(made.image, *results)

    def _results(self) -> tuple[Array, ...]:
        """Return new arrays for what is computed."""
        result = np.empty(self._shape, self._dtype)
        return (result, np.empty(self._shape, np.int64)) if self._with_places else (result,)

    def __call__(self, image: Array) -> Any:
        """Return the result, and places if they were asked for; the first number says where an image is."""
        results = self._results()
        self._pool(image, *results)
        return results if self._with_places else results[0]


_recipes: dict[Any, Recipe] = {}


def max_pool(dims: int, image: Any, kernel_size: Any, return_indices: Any, **options: Any) -> Any:
    """Return the largest cell of every window, as the public functions offer it."""
    key = _key("max", dims, image, kernel_size, return_indices, *options.values())
    recipe = _recipes.get(key)
    if recipe is not None:
        return recipe(image)
    made = pool(dims, image, kernel_size, **options)
    return _first(key, made, "max", max_dtype(made), places=flag(return_indices, "return_indices"))


def avg_pool(
    dims: int, image: Any, kernel_size: Any, count_include_pad: Any, divisor_override: Any, **options: Any
) -> Any:
    """Return the mean of every window, as the public functions offer it."""
    key = _key("mean", dims, image, kernel_size, count_include_pad, divisor_override, *options.values())
    recipe = _recipes.get(key)
    if recipe is not None:
        return recipe(image)
    made = pool(dims, image, kernel_size, **options)
    include = flag(count_include_pad, "count_include_pad")
    divisor = whole_divisor(divisor_override)
    return _first(key, made, "mean", mean_dtype(made), divisor=divisor, include_padding=include)


def _key(kind: str, dims: int, image: Any, *options: Any) -> Any:
    """Return all that a recipe depends on, or None if the arguments must be parsed."""
    if type(image) is not np.ndarray or not image.dtype.isnative:
        return None
    text = repr(options)  # True equals 1 but is no size, and lists have no hash
    return None if "<" in text else (kind, dims, image.shape, image.strides, image.dtype, text)


def compute(made: Pool, kind: str, dtype: DType, divisor: int | None, include_padding: bool) -> Any:
    """Return the result of a pooling that was parsed, and whose recipe is not to be kept."""
    return _first(None, made, kind, dtype, divisor=divisor, include_padding=include_padding)


def _first(
    key: Any,
    made: Pool,
    kind: str,
    dtype: DType,
    places: bool = False,
    divisor: int | None = None,
    include_padding: bool = False,
) -> Any:
    """Pool an image of a kind that was not seen before."""
    if kind_of(dtype) == "complex":
        result = np.empty(made.form.shape(made.shape), dtype)
        for part in ("real", "imag"):
            half = replace(made, image=getattr(made.image, part))
            setattr(
                result, part, _first(None, half, kind, native(half.image), False, divisor, include_padding)
            )
        return result
    if 0 in made.shape or not made.image.dtype.isnative:
        return _converted(made, kind, dtype, places, divisor, include_padding)
    result = np.empty(made.form.shape(made.shape), dtype)
    order = _order(made.image, made.form.canonical(result))
    recipe = Recipe(made, question(made, kind, order, places, divisor, include_padding), dtype)
    if key is not None:
        if len(_recipes) >= MOST_RECIPES:
            _recipes.clear()
        _recipes[key] = recipe
    return recipe(made.image)


def pool_job(
    made: Pool, result: Array, kind: str, include_padding: bool = False, divisor: int | None = None
) -> Job:
    """Return the pooling of floats as a job; of image and result only the strides matter."""
    order = _order(made.image, result)
    return (
        pooled.execution(question(made, kind, order, False, divisor, include_padding))
        .bound(made.image, result)
        .job()
    )


def _converted(made: Pool, kind: str, dtype: DType, places: bool, *rule: Any) -> Any:
    """Pool an image of the other byte order, a few planes at a time, or one that holds nothing."""
    shape = made.form.shape(made.shape)
    results = [np.empty(shape, dtype), *([np.empty(shape, np.int64)] if places else [])]
    for n, channels in made.planes():
        part = made.image[n : n + 1, channels].astype(native(made.image))
        outs = [made.form.canonical(one)[n : n + 1, channels] for one in results]
        piece = replace(made, image=part)
        pooled.execution(question(piece, kind, _order(part, outs[0]), places, *rule)).bound(part, *outs)(
            part, *outs
        )
    return tuple(results) if places else results[0]


def question(
    made: Pool, kind: str, order: Inner, places: bool, divisor: int | None, include_padding: bool
) -> pooled.Question:
    """Return the question that a pooling poses."""
    front, above, before = (ABSENT,) * (3 - len(made.axes)) + made.axes
    planes = order == "x" and not places and not made.is_region and _are_planes(made)
    code = pooled.code_of(kind, native(made.image), (front, above, before), order, places, planes)
    images, channels, *_ = made.shape
    return pooled.Question(code, (images, channels), (front, above, before), divisor, include_padding)


def _are_planes(made: Pool) -> bool:
    """Whether every window is a whole plane without gaps: there is one, and it leaves nothing out."""
    cells = math.prod(axis.size for axis in made.axes)
    floats = made.image.dtype.name in ("float32", "float64")
    whole = (
        floats
        and cells >= pooled.SIDE
        and all(axis.outputs == 1 and axis.taps == axis.size == axis.extent for axis in made.axes)
    )
    plane = made.image[:1, :1]
    return whole and not any(axis.before for axis in made.axes) and plane.flags.c_contiguous


def _order(*arrays: Array) -> Inner:
    """Return along which dimension neighbours are neighbours in memory, in all of the arrays."""
    if all(array.strides[-1] == array.itemsize for array in arrays):
        return "x"
    return "channel" if all(array.strides[1] == array.itemsize for array in arrays) else "none"
