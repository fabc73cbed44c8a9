"""Where a public function becomes work: the compiled engine where it can, the reference where it cannot.

The arguments of a call are parsed once. What follows from them is kept as a recipe under everything that it
depends on, so that the next call of the same kind does nothing but hand over addresses.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve import reference
from convolve.api import parts
from convolve.api.compiled import run_transposed
from convolve.arguments import Call, conv_spec, input_grad_spec, weight_grad_spec
from convolve.dtypes import Array, kind_of
from convolve.exact import products_dtype
from convolve.factors import may_gain
from convolve.runtime import engine, single
from convolve.runtime.arithmetic import Decision, decide
from convolve.runtime.execution import address_of
from convolve.runtime.threads import get_num_threads
from convolve.runtime.transposed import Transposed, exchanged
from convolve.runtime.weight_gradient import WeightGradient
from convolve.spec import Operation
from convolve.views import check_fits

MOST_RECIPES = 256
"""Recipes kept, as many as executions: each holds one, with up to 256 KiB of packed weights. Beyond that all
are forgotten, which costs one slow call each."""

OPTIONS = (
    "stride", "padding", "dilation", "groups", "padding_mode", "layout", "flip", "overflow", "nan",
    "accuracy", "algorithm",
)  # fmt: skip
"""The options of a forward convolution, in the order in which `forward` and the gradients take them."""

TRANSPOSED_OPTIONS = (
    "stride", "padding", "output_padding", "groups", "dilation", "padding_mode", "layout", "flip", "overflow",
    "nan", "accuracy", "algorithm",
)  # fmt: skip
"""The options of a transposed convolution, in the order in which `transposed` takes them."""

Options = tuple[Any, ...]


class Recipe:
    """A forward call that was checked and whose arrays' addresses are all that can still change.

    ``can_stay``: whether it may be used again. Not if its tables are long, nor if what is computed depends on
    values of the image, or if results are finished in a pass of their own. Factors of separable weights are
    kept.
    """

    __slots__ = (
        "_address_of_weights", "_decision", "_dtype", "_factors", "_offset", "_ready", "_shape", "_spec",
        "_strides", "_view", "_weight_shape", "_weight_strides", "can_stay",
    )  # fmt: skip

    def __init__(self, call: Call, weight: Array, result: Array, decision: Decision) -> None:
        self._spec, self._decision = call.spec, decision
        arrays = call.first, call.canonical(result), call.second
        prepared = engine.prepare(call.spec, *arrays, arithmetic=decision.arithmetic)
        self._ready, self._view, source = prepared.execution, prepared.view, prepared.source
        self._shape, self._dtype = call.shape, call.spec.out_dtype
        image, out = engine.seen(self._view, call.first), engine.seen(self._view, call.canonical(result))
        self._strides = self._ready.strides(image, out)
        self._weight_shape = call.second.shape
        self.can_stay = self._ready.table_bytes <= engine.MOST_TABLE_BYTES
        self._factors = source if self._ready.plan.code.method == "separable" else None
        self._address_of_weights = np.may_share_memory(source, weight)
        self._weight_strides = source.strides
        self._offset = address_of(source) - address_of(weight)

    def _source(self, weight: Array) -> Array:
        """Return the weights as they are packed: a copy if they are converted, or not in order."""
        whole = weight.reshape(self._weight_shape)
        dtype = self._ready.plan.code.weight_dtype
        return self._ready.source(engine.weights_of(self._spec, whole, self._view, dtype))

    def __call__(self, image: Array, weight: Array, bias: Array | None, out: Array | None) -> Array | None:
        """Return the result, or None if the numbers forbid this way of computing it."""
        ready = self._ready
        if self._decision.asks != "nothing" and decide(self._spec, (image, weight, bias)) != self._decision:
            return None
        result = np.empty(self._shape, self._dtype) if out is None else out
        copy = self._factors
        if copy is None and not self._address_of_weights:
            copy = self._source(weight)
        workspace = ready.borrow()
        try:
            source = address_of(weight) + self._offset if copy is None else address_of(copy)
            if ready.is_small:
                at, strides = address_of(image), (source, self._weight_strides)
                done = workspace.pack_and_run(at, address_of(result), self._strides, strides, bias)
            else:
                workspace.packed.fill(source, self._weight_strides, bias)
                done = workspace.run(address_of(image), address_of(result), self._strides)
            if not done or (ready.needs_finite_weights and not workspace.packed.finite):
                return None
        finally:
            ready.give_back(workspace)
        return result


class TransposedRecipe:
    """A transposed call that was checked."""

    def __init__(self, call: Call, weight: Array, result: Array, decision: Decision) -> None:
        self._spec, self._form, self._shape = call.spec, call.form, call.shape
        self._dtype = decision.arithmetic.sums
        self._bare = weight.ndim == call.spec.dims
        self._ready = Transposed(call.spec, call.first, call.canonical(result), decision.arithmetic)
        self.can_stay = self._ready.table_bytes <= engine.MOST_TABLE_BYTES

    def __call__(self, image: Array, weight: Array, bias: Array | None, out: Array | None) -> Array | None:
        """Return the result, or None if the weights' values forbid the compiled way."""
        result = np.empty(self._shape, self._spec.out_dtype) if out is None else out
        whole = weight[None, None] if self._bare else weight
        filters = exchanged(self._spec, whole, self._dtype)
        source, place = self._form.canonical(image), self._form.canonical(result)
        done = run_transposed(self._ready, source, filters, bias, place)
        return result if done else None


class WeightGradientRecipe:
    """A gradient with respect to the weight that was checked; its arrays are image and output gradient."""

    def __init__(self, call: Call, _gradient: Array, _result: Array, decision: Decision) -> None:
        self._dtype, self._form, self._shape = call.spec.out_dtype, call.form, call.shape
        self._ready = WeightGradient(call.spec, call.first, call.second, decision.arithmetic)
        self.can_stay = self._ready.table_bytes <= engine.MOST_TABLE_BYTES

    def __call__(self, image: Array, gradient: Array, _bias: None, out: Array | None) -> Array | None:
        """Return the result, or None if the arrays' values forbid the compiled way."""
        result = np.empty(self._shape, self._dtype) if out is None else out
        place = result[None, None] if self._form.bare else result
        arrays = self._form.canonical(image), self._form.canonical(gradient)
        return result if self._ready.run(*arrays, place) else None


RECIPES: dict[Operation, Any] = {
    "conv": Recipe, "conv_transpose": TransposedRecipe, "weight_grad": WeightGradientRecipe,
}  # fmt: skip
"""Operation -> what is kept of its calls."""

_recipes: dict[Any, Any] = {}


def forward(
    dims: int, image: Any, weight: Any, bias: Any, options: Options, out: Any, out_dtype: Any
) -> Array:
    """Compute a forward convolution as the public functions offer it."""

    def parse() -> Call:
        named = dict(zip(OPTIONS, options, strict=True))
        return conv_spec("conv", dims, image, weight, bias, **named, out=out, out_dtype=out_dtype)

    return quickly("conv", dims, (image, weight, bias), options, (out, out_dtype), parse)


def transposed(
    dims: int, image: Any, weight: Any, bias: Any, options: Options, out: Any, out_dtype: Any
) -> Array:
    """Compute a transposed convolution as the public functions offer it."""

    def parse() -> Call:
        named = dict(zip(TRANSPOSED_OPTIONS, options, strict=True))
        return conv_spec("conv_transpose", dims, image, weight, bias, **named, out=out, out_dtype=out_dtype)

    return quickly("conv_transpose", dims, (image, weight, bias), options, (out, out_dtype), parse)


def input_gradient(
    dims: int, shape: Any, weight: Any, gradient: Any, options: Options, out: Any, out_dtype: Any
) -> Array:
    """Compute a gradient with respect to the input as the public functions offer it."""

    def parse() -> Call:
        named = dict(zip(OPTIONS, options, strict=True))
        return input_grad_spec(dims, shape, weight, gradient, **named, out=out, out_dtype=out_dtype)

    kind = f"input_grad {shape}"
    return quickly(kind, dims, (gradient, weight, None), options, (out, out_dtype), parse)


def weight_gradient_of(
    dims: int, image: Any, shape: Any, gradient: Any, options: Options, out: Any, out_dtype: Any
) -> Array:
    """Compute a gradient with respect to the weight as the public functions offer it."""

    def parse() -> Call:
        named = dict(zip(OPTIONS, options, strict=True))
        return weight_grad_spec(dims, image, shape, gradient, **named, out=out, out_dtype=out_dtype)

    kind = f"weight_grad {shape}"
    return quickly(kind, dims, (image, gradient, None), options, (out, out_dtype), parse)


def quickly(
    operation: str, dims: int, arrays: tuple[Any, Any, Any], options: Options, outs: tuple[Any, Any],
    parse: Callable[[], Call],
) -> Array:  # fmt: skip
    """Compute a call by its recipe if there is one; else parse it and keep its recipe.

    ``operation`` and ``options`` tell apart all that arrays do not; the last option is the algorithm.
    """
    (image, weight, bias), out = arrays, outs[0]
    key = _key(operation, dims, image, weight, bias, options, outs)
    try:
        recipe = _recipes.get(key)
    except TypeError:  # an option that cannot be hashed, such as a list
        key = recipe = None
    if recipe is not None:
        result: Array | None = recipe(image, weight, bias, out)
        if result is not None:
            return result
    call = parse()
    result = run(call, options[-1])
    if key is not None and recipe is None:
        _remember(key, call, options[-1], weight, result)
    return result


def _key(
    operation: str, dims: int, image: Any, weight: Any, bias: Any, options: Options, outs: tuple[Any, Any]
) -> Any:
    """Return all that a recipe depends on, or None if the arguments must be parsed.

    Types are part of it: True equals 1, but is no stride.
    """
    out, out_dtype = outs
    if type(image) is not np.ndarray or type(weight) is not np.ndarray:
        return None
    if bias is not None and type(bias) is not np.ndarray:
        return None
    if out is not None and not _is_apart(out, image, weight, bias):
        return None
    kinds = tuple(map(type, options))
    return (
        operation, dims, image.shape, image.strides, image.dtype, weight.shape, weight.strides, weight.dtype,
        None if bias is None else (bias.shape, bias.dtype),
        repr(options) if tuple in kinds or list in kinds else options, kinds, get_num_threads(),
        None if out is None else (out.shape, out.strides, out.dtype), type(out_dtype), out_dtype,
        None if operation.startswith("weight_grad") else _values(weight, dims),
    )  # fmt: skip


def _values(weight: Array, dims: int) -> bytes | None:
    """Return the numbers of weights that may be separable, on which the recipe depends then."""
    filters = weight.ndim - dims
    if filters == 0:
        return weight.tobytes() if may_gain(weight.shape) else None
    if filters != 2 or weight.shape[1] != 1 or not may_gain(weight.shape[2:]):
        return None
    return (weight[:1] if weight.strides[0] == 0 else weight).tobytes()


def _is_apart(out: Any, *arrays: Any) -> bool:
    """Whether a result can be written straight into an array."""
    return (
        type(out) is np.ndarray
        and out.flags.writeable
        and out.dtype.isnative
        and not any(np.may_share_memory(out, array) for array in arrays if array is not None)
    )


def _remember(key: Any, call: Call, algorithm: str, weight: Array, result: Array) -> None:
    """Keep the recipe of a call that needs no conversion of any array."""
    spec = call.spec
    arrays = [call.first, call.second, *([] if call.bias is None else [call.bias])]
    if algorithm == "reference" or not single.is_single(spec):
        return
    if not all(array.dtype.isnative for array in arrays):
        return
    decision = decide(spec)
    if decision is None or decision.finish is not None or decision.asks == "values":
        return
    if spec.operation == "weight_grad" and call.second.dtype != spec.out_dtype:
        return
    if len(_recipes) >= MOST_RECIPES:
        _recipes.clear()
    recipe = RECIPES[spec.operation](call, weight, result, decision)
    if recipe.can_stay:
        _recipes[key] = recipe


def _may_be_refused_late(call: Call) -> bool:
    """Whether a part may be refused after others were written, which must not show in the caller's array."""
    floats = kind_of(products_dtype(call.spec)) != "integer"  # which may be NaN
    may_refuse = kind_of(call.spec.out_dtype) == "integer" and (call.spec.overflow == "raise" or floats)
    native = call.first.dtype.isnative and (call.out is None or call.out.dtype.isnative)
    return may_refuse and not (native and single.is_single(call.spec))


def run(call: Call, algorithm: str) -> Array:
    """Compute a call that was parsed."""
    if algorithm == "reference":
        return reference.run(call)
    if call.out is None:
        check_fits(call.shape, call.spec.out_dtype)
    overlaps = call.out is not None and any(
        np.may_share_memory(call.out, one) for one in (call.first, call.second, call.bias) if one is not None
    )
    if call.out is None or overlaps or _may_be_refused_late(call):
        result = np.empty(call.shape, call.spec.out_dtype)
    else:
        result = call.out
    if not parts.run(call.spec, call.first, call.second, call.bias, call.canonical(result)):
        return reference.run(call)
    if call.out is not None and result is not call.out:
        call.out[...] = result
        return call.out
    return result
