"""A convolution with its weights packed: the thin hot call of networks and of video."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.arguments import Call, conv_spec
from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.interpreter import evaluate
from convolve.compiler.plan import Code, Plan
from convolve.dtypes import Array, DType, kind_of
from convolve.errors import ArgumentError, DTypeError
from convolve.exact import products_dtype
from convolve.runtime import engine, single
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import MOST_FREE, Execution, Packed, Workspace, address_of
from convolve.runtime.threads import get_num_threads
from convolve.runtime.transposed import Transposed, exchanged
from convolve.spec import ConvSpec, Operation
from convolve.views import check_fits

MOST_SHAPES = 256
"""Input shapes whose execution a bound convolution remembers; a folder of photographs has a few dozen."""

Reference = Callable[[Call, str], Array]


class _Entry:
    """One shape of input: its execution, with the bound weights, and its free workspaces."""

    __slots__ = ("_free", "_packed", "dtype", "execution", "shape", "strides", "table_bytes")

    def __init__(self, execution: Execution, packed: Packed, call: Call, strides: Any) -> None:
        self.execution, self._packed = execution, packed
        self.shape, self.dtype, self.strides = call.shape, call.spec.out_dtype, strides
        self.table_bytes = execution.table_bytes
        self._free: list[Workspace] = []

    def run(self, image: Array, out: Array) -> bool:
        """Convolve what begins where these arrays do; False if the direct method must do it."""
        workspace = self._free.pop() if self._free else Workspace(self.execution, self._packed)
        try:
            return workspace.run(address_of(image), address_of(out), self.strides)
        finally:
            if len(self._free) < MOST_FREE:
                self._free.append(workspace)

    run_canonical = run


class _TransposedEntry:
    """One shape of input of a transposed convolution, with weights packed for each of its parts."""

    __slots__ = ("_bias", "_form", "_free", "_packed", "_ready", "dtype", "shape", "table_bytes")

    def __init__(self, ready: Transposed, packed: Sequence[Packed], call: Call) -> None:
        self._ready, self._packed, self._form, self._bias = ready, packed, call.form, call.bias
        self.shape, self.dtype, self.table_bytes = call.shape, call.spec.out_dtype, ready.table_bytes
        self._free: list[list[Workspace]] = []

    def run(self, image: Array, out: Array) -> bool:
        """Convolve arrays as the caller sees them; False if the direct method must do it."""
        return self.run_canonical(self._form.canonical(image), self._form.canonical(out))

    def run_canonical(self, image: Array, out: Array) -> bool:
        """Convolve canonical arrays."""
        pairs = zip(self._ready.parts, self._packed, strict=True)
        spaces = self._free.pop() if self._free else [Workspace(part.ready, own) for part, own in pairs]
        try:
            return self._ready.run(spaces, image, out, self._bias)
        finally:
            if len(self._free) < MOST_FREE:
                self._free.append(spaces)


class BoundConv:
    """A convolution whose weights are packed; made by ``plan(…).bind(weight, bias)``.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import plan
    >>> bound = plan((1, 1, 5, 5), (1, 1, 3, 3)).bind(np.ones((1, 1, 3, 3), np.float32))
    >>> bound(np.ones((2, 1, 4, 6), np.float32)).shape
    (2, 1, 2, 4)
    """

    def __init__(
        self,
        operation: Operation,
        dims: int,
        weight: Array,
        bias: Array | None,
        dtype: DType,
        activation: Expression,
        options: dict[str, Any],
        otherwise: Reference,
        spec: ConvSpec,
    ) -> None:
        self._operation: Operation = operation
        self._dims, self._weight, self._bias, self._dtype = dims, _shared(weight), bias, dtype
        self._activation, self._options, self._otherwise = activation, options, otherwise
        self._spec = spec
        self._packed: dict[Code, Packed] = {}
        self._phases: dict[tuple[Any, ...], list[Packed]] = {}
        self._entries: dict[Any, _Entry | _TransposedEntry] = {}
        self._direct: BoundConv | None = None

    def __call__(self, input: ArrayLike, *, out: Array | None = None) -> Array:
        """Convolve one input.

        Parameters
        ----------
        input
            Any batch and spatial size; channels and dtype as planned.
        out
            Array of the result's shape and dtype to write into.

        Returns
        -------
        numpy.ndarray
            As `conv2d` returns it.
        """
        if type(input) is np.ndarray:
            if out is None:
                entry = self._entries.get((input.shape, input.strides, input.dtype, get_num_threads()))
                if entry is not None:
                    result = np.empty(entry.shape, entry.dtype)
                    return result if entry.run(input, result) else self._directly(input, None)
            elif type(out) is np.ndarray and out.flags.writeable:
                entry = self._entries.get(
                    (
                        input.shape,
                        input.strides,
                        input.dtype,
                        get_num_threads(),
                        out.shape,
                        out.strides,
                        out.dtype,
                    )
                )
                if entry is not None and not np.may_share_memory(input, out):
                    return out if entry.run(input, out) else self._directly(input, out)
        return self._first(input, out)

    @property
    def plan(self) -> Plan:
        """How these weights are convolved at the size that was planned: as `PlannedConv.plan`, or cheaper.

        Raises
        ------
        ArgumentError
            If the convolution is transposed or computed in several parts, which have no plan in common.
        """
        if self._operation != "conv":
            raise ArgumentError(
                "a transposed convolution is planned part by part: ask the plan that was bound"
            )
        if not single.is_single(self._spec):
            reasons = "; ".join(single.conversions(self._spec))
            raise ArgumentError(
                "bound weights have a plan of their own only where one routine computes everything, but "
                f"{self._spec.input_shape} * {self._spec.weight_shape} is not computed so: {reasons}; "
                "ask the plan that was bound"
            )
        image, out = engine.dense_arrays(self._spec)
        weight = self._weight[None, None] if self._weight.ndim == self._dims else self._weight
        return engine.prepare(self._spec, image, out, weight, self._activation).execution.plan

    def __getstate__(self) -> dict[str, Any]:
        """Leave packed weights and addresses behind, which belong to this process: another makes its own."""
        return {**self.__dict__, "_packed": {}, "_phases": {}, "_entries": {}}

    def _first(self, input: ArrayLike, out: Array | None) -> Array:
        """Convolve an input of a kind that was not seen before."""
        call = conv_spec(
            self._operation, self._dims, input, self._weight, self._bias, **self._options, out=out
        )
        spec = call.spec
        if spec.input_dtype != self._dtype:
            raise DTypeError(
                f"input must have the dtype planned, {self._dtype}, got {spec.input_dtype}; convert it with "
                ".astype or make another plan"
            )
        overlaps = out is not None and any(np.may_share_memory(out, one) for one in (call.first, call.second))
        reference = self._options.get("algorithm") == "reference" or not self._is_thin(call)
        foreign = not call.first.dtype.isnative or (out is not None and not out.dtype.isnative)
        if reference or overlaps or foreign or not single.is_single(spec):
            return self._slowly(call)
        if out is None:
            check_fits(call.shape, spec.out_dtype)
        result = np.empty(call.shape, spec.out_dtype) if out is None else out
        entry = self._entry(call, result)
        if entry is None:
            return self._slowly(call)
        if not entry.run_canonical(call.first, call.canonical(result)):
            return self._directly(input, out)
        short = entry.table_bytes <= engine.MOST_TABLE_BYTES
        if short and isinstance(input, np.ndarray):
            key: tuple[Any, ...] = (input.shape, input.strides, input.dtype, get_num_threads())
            if out is not None:
                key = (*key, out.shape, out.strides, out.dtype)
            if len(self._entries) >= MOST_SHAPES:
                self._entries.clear()
            self._entries[key] = entry
        return result

    def _directly(self, input: ArrayLike, out: Array | None) -> Array:
        """Convolve by the direct method what overflows, or is not finite, once it is transformed.

        Where an activation hides what is not finite, everything is.
        """
        if self._operation == "conv" and self._activation == NOTHING:
            call = conv_spec("conv", self._dims, input, self._weight, self._bias, **self._options, out=out)
            return self._slowly(call)
        if self._direct is None:
            self._direct = BoundConv(
                self._operation,
                self._dims,
                self._weight,
                self._bias,
                self._dtype,
                self._activation,
                {**self._options, "accuracy": "strict"},
                self._otherwise,
                replace(self._spec, accuracy="strict"),
            )
        return self._direct(input, out=out)

    def _is_thin(self, call: Call) -> bool:
        """Whether one routine does it all, whatever the values of the image."""
        spec = call.spec
        if kind_of(products_dtype(spec)) == "complex":
            return False
        decision = decide(spec)
        if decision is not None and decision.asks == "weights":
            decision = decide(spec, (call.first, call.second, call.bias))
        if decision is None or decision.finish is not None or decision.asks == "values":
            return False
        return self._activation == NOTHING or kind_of(spec.out_dtype) == "float"

    def _entry(self, call: Call, result: Array) -> "_Entry | _TransposedEntry | None":
        """Return what runs a call, or None if the weights' values forbid the compiled way."""
        if self._operation == "conv_transpose":
            return self._transposed_entry(call, result)
        spec, out = call.spec, call.canonical(result)
        prepared = engine.prepare(spec, call.first, out, call.second, self._activation)
        ready, view = prepared.execution, prepared.view
        code = ready.plan.code
        if code not in self._packed:
            packed, weight = Packed(ready), prepared.source
            bias = None if call.bias is None else call.bias.astype(code.dtype, copy=False)
            packed.fill(address_of(weight), weight.strides, bias)
            self._packed[code] = packed
        if ready.needs_finite_weights and not self._packed[code].finite:
            return None
        strides = ready.strides(engine.seen(view, call.first), engine.seen(view, out))
        return _Entry(ready, self._packed[code], call, strides)

    def _transposed_entry(self, call: Call, result: Array) -> _TransposedEntry | None:
        """Return what runs a transposed call; sizes whose parts have the same code share packed weights."""
        usual = decide(call.spec)
        assert usual is not None, "only what is thin is entered"
        arithmetic = usual.arithmetic
        ready = Transposed(call.spec, call.first, call.canonical(result), arithmetic, self._activation)
        if ready.key not in self._phases:
            packed = [Packed(part.ready) for part in ready.parts]
            bias = None if call.bias is None else call.bias.astype(arithmetic.sums, copy=False)
            ready.pack(packed, exchanged(call.spec, call.second, arithmetic.sums), bias)
            self._phases[ready.key] = packed
        packed = self._phases[ready.key]
        return _TransposedEntry(ready, packed, call) if ready.allows(packed) else None

    def _slowly(self, call: Call) -> Array:
        """Compute a call that is not compiled as it stands; the activation is applied afterwards."""
        result = self._otherwise(call, self._options.get("algorithm", "auto"))
        if self._activation != NOTHING:
            result[...] = evaluate(self._activation, result)
        return result


def _shared(weight: Array) -> Array:
    """Return weights that are one filter for all channels as a view of that one, as `apply` gives them."""
    if len(weight) > 1 and (weight[1:] == weight[:1]).all():
        return np.broadcast_to(weight[:1], weight.shape)
    return weight
