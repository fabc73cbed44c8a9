"""`plan`: how a convolution will be computed, as something to read, to call and to bind weights to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from convolve.api import dispatch
from convolve.arguments import conv_spec, input_grad_spec, parse_shape, weight_grad_spec
from convolve.axis import Axis
from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.lower.gradient import gradient
from convolve.compiler.pipeline import compile_alone, compile_ir, lower
from convolve.compiler.plan import ACTIVATIONS, Phases, Plan
from convolve.compiler.target import Target
from convolve.dtypes import Array, parse_dtype
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from convolve.options import choice, flag, whole_number
from convolve.runtime import engine, jit, peaks, single, weight_gradient
from convolve.runtime.bound import BoundConv
from convolve.runtime.host import host_target
from convolve.runtime.threads import get_num_threads
from convolve.runtime.transposed import phase_plans
from convolve.spec import ConvSpec, Operation
from convolve.views import as_array

GRADIENT_DEFAULTS = {
    "stride": 1, "padding": 0, "dilation": 1, "groups": 1, "padding_mode": "zeros",
    "layout": "channels_first", "flip": False, "overflow": "raise", "nan": "propagate", "accuracy": "default",
    "algorithm": "auto",
}  # fmt: skip
"""The options of a gradient, in the order of `dispatch.OPTIONS`, as they are if nothing is said."""


def plan(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    operation: str = "conv",
    dtype: Any = "float32",
    weight_dtype: Any = None,
    bias: bool = False,
    activation: str = "none",
    **options: Any,
) -> "PlannedConv":
    """Decide how a convolution will be computed, without computing it.

    Parameters
    ----------
    input_shape, weight_shape
        As `conv2d` takes them, or `conv_transpose2d`; of a gradient those of the forward call. The weight's
        number of dimensions tells whether it is 1-, 2- or 3-dimensional.
    operation
        "conv", "conv_transpose", "input_grad" or "weight_grad".
    dtype, weight_dtype
        Of the input, and of the weight if it is another one.
    bias
        Whether there is a bias.
    activation
        What is applied to every result: "none", "relu" or "relu6".
    **options
        ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode``, ``layout``, ``flip`` and the
        others of the operation, such as `conv2d` or `conv_transpose2d`.

    Returns
    -------
    PlannedConv
        Its ``plan`` says what will be done and why, ``routine`` holds the code, ``limit`` the machine's.

    Raises
    ------
    ShapeError, ArgumentError, ArgumentTypeError
        As `conv2d` would.

    Examples
    --------
    >>> planned = plan((1, 64, 56, 56), (64, 64, 3, 3), padding=1)
    >>> planned.plan.code.method, f"{planned.plan.flops:,}"
    ('winograd', '231,211,008')
    """
    choice(operation, "operation", tuple(OPTIONS_OF))
    choice(activation, "activation", tuple(ACTIVATIONS))
    kind = parse_dtype(dtype, "dtype")
    weight_kind = kind if weight_dtype is None else parse_dtype(weight_dtype, "weight_dtype")
    shape, taps = parse_shape(input_shape, "input_shape"), parse_shape(weight_shape, "weight_shape")
    dims = len(taps) if len(taps) < 3 else len(taps) - 2
    if not 1 <= dims <= 3:
        raise ShapeError(
            f"weight_shape must have 1 to 3 spatial dimensions, got {taps}; see conv1d, conv2d, conv3d"
        )
    _check_names(operation, options)
    written = kind if dtype == "bfloat16" else np.dtype(dtype)  # with its byte order
    image = np.broadcast_to(np.zeros((), written), shape)
    weight = np.broadcast_to(np.zeros((), weight_kind), taps)
    if operation in ("input_grad", "weight_grad"):
        if flag(bias, "bias") or activation != "none":
            raise ArgumentError(f"{operation} has neither bias nor activation; leave them out")
        return planned_gradient(operation, dims, image, weight, options)
    filters = taps[0]
    if operation == "conv_transpose" and len(taps) > dims:
        filters = taps[1] * whole_number(options.get("groups", 1), "groups", 1)
    sums = np.zeros(filters, kind) if flag(bias, "bias") else None
    call = conv_spec(cast(Operation, operation), dims, image, weight, sums, **options)
    return PlannedConv(call.spec, image, weight, ACTIVATIONS[activation], options)


def planned_gradient(
    operation: str, dims: int, image: Array, weight: Array, options: dict[str, Any]
) -> "PlannedConv":
    """Return the plan of a gradient of the convolution of two arrays, whose numbers do not matter."""
    forward = conv_spec("conv", dims, image, weight, **options)
    gradient = np.broadcast_to(np.zeros((), image.dtype), forward.shape)
    if operation == "weight_grad":
        call = weight_grad_spec(dims, image, weight.shape, gradient, **options)
        return PlannedConv(call.spec, image, gradient, NOTHING, options, weight.shape)
    call = input_grad_spec(dims, image.shape, weight, gradient, **options)
    axes = call.spec.axes
    exact = {
        "padding": tuple((axis.before, axis.after) for axis in axes),
        "output_padding": tuple(axis.size - _least_size(axis) for axis in axes),
    }
    return PlannedConv(call.spec, gradient, weight, NOTHING, {**options, **exact})


def _least_size(axis: Axis) -> int:
    """Return the smallest input that gives so many outputs."""
    return (axis.outputs - 1) * axis.stride + axis.extent - axis.before - axis.after


OPTIONS_OF = {
    "conv": dispatch.OPTIONS,
    "conv_transpose": dispatch.TRANSPOSED_OPTIONS,
    "input_grad": dispatch.OPTIONS,
    "weight_grad": dispatch.OPTIONS,
}
"""Operation -> the options that its plan takes."""


def _check_names(operation: str, options: dict[str, Any]) -> None:
    """Refuse options that there are not: an option misspelt must not be an option ignored."""
    if "out" in options:
        raise ArgumentError("out belongs to the call, not to the plan; pass it to planned(…, out=…)")
    known = (*OPTIONS_OF[operation], "out_dtype")
    for name in options:
        if name not in known:
            raise ArgumentTypeError(f"plan has no option {name!r}; its options are {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Routine:
    """The code of a plan, in its stages.

    Attributes
    ----------
    nest
        The loop nest, as text.
    ir
        LLVM's intermediate representation.
    assembly
        Machine code, as text.
    """

    nest: str
    ir: str
    assembly: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What this machine can do at best, and which of its parts sets the bound.

    Attributes
    ----------
    seconds
        The larger of flops / peak and bytes / bandwidth.
    bound
        "multiply-adds" or "memory".
    flops_per_second, bytes_per_second
        Measured on this machine: the multiply-adds on one core, times the threads, and a large copy that the
        threads share.
    """

    seconds: float
    bound: str
    flops_per_second: float
    bytes_per_second: float


class PlannedConv:
    """A convolution of given shapes that has been decided on; see `plan`.

    Attributes
    ----------
    spec
        What is computed.
    """

    def __init__(
        self,
        spec: ConvSpec,
        image: Array,
        weight: Array,
        activation: Expression,
        options: dict[str, Any],
        weight_shape: tuple[int, ...] = (),
    ) -> None:
        self.spec = spec
        self._image, self._weight, self._activation, self._options = image, weight, activation, options
        self._weight_shape = weight_shape

    @property
    def _asked(self) -> engine.Question:
        spec = single.first_part(self.spec)
        return engine.question(spec, engine.dense_view(spec), self._activation)

    @property
    def _threads(self) -> int:
        return get_num_threads()

    @property
    def why_not(self) -> str | None:
        """Why the reference computes every call of this convolution, or None if compiled code does.

        Compiled code may still leave a call to the reference because of its values: `conversions` tells when.
        """
        asked = self._options.get("algorithm") == "reference"
        return "algorithm='reference' was asked for" if asked else None

    @property
    def plan(self) -> Plan | Phases:
        """The decision: frozen and printable; one for each part of a transposed one, or of complex numbers.

        Raises
        ------
        ArgumentError
            If the convolution is not compiled but computed by the reference.
        """
        if self.why_not is not None:
            raise ArgumentError(f"there is no plan for what the reference computes: {self.why_not}")
        if single.sums_nothing(self.spec):
            raise ArgumentError(f"there is no plan where {self.conversions[0]}")
        plan, times = self._plan_of_reals(), single.real_convolutions(self.spec)
        if times == 1:
            return plan
        return Phases((plan.parts if isinstance(plan, Phases) else (plan,)) * times)

    def _plan_of_reals(self) -> Plan | Phases:
        """Return the plan, of complex numbers that of one product of their parts."""
        spec = single.first_part(self.spec)
        if spec.operation == "weight_grad":
            asked = weight_gradient.question(spec, engine.dense_view(spec))
            return weight_gradient.plan_of(asked, self.target)
        if spec.operation == "conv_transpose":
            return phase_plans(spec, self._activation, self.target)
        return engine.plan_of(self._asked, self.target)

    @property
    def conversions(self) -> tuple[str, ...]:
        """What is done beside running one routine on the arrays where they lie, in words; mostly nothing.

        Also for which values the reference is taken after all.

        Examples
        --------
        >>> print(plan((1, 1, 8, 8), (1, 1, 3, 3), dtype="int64").conversions[-1])
        left to the reference if sums exceed 64 bits, which these dtypes do not exclude
        """
        return single.conversions(self.spec, foreign=not self._image.dtype.isnative)

    @property
    def target(self) -> Target:
        """The description of the CPU that the code is made for."""
        return host_target()

    @cached_property
    def routine(self) -> Routine:
        """The code in its stages; of a transposed convolution that of the part with the most work."""
        from convolve.compiler.printer import show  # for people: no call needs it

        if self.plan == Phases(()):
            raise ArgumentError("there is no routine: no tap reaches the result, which is the bias alone")
        code = self.plan.code
        if code.is_gradient:
            nest = gradient(code, self.target)
            ir = compile_alone(nest, self.target)
        else:
            nests = lower(code, self.target)
            nest, ir = nests.routine, compile_ir(nests, self.target)
        return Routine(show(nest), ir, jit.make_assembly(ir, self.target))

    @property
    def limit(self) -> Limit:
        """The bound that this machine sets the direct sum, measured when first asked for.

        Winograd's method makes do with fewer multiplications, and may be quicker. Of several plain
        convolutions, as `Phases` holds them, it is that of all of them, one after the other.
        """
        code = self.plan.code
        peak = peaks.fma_peak(code.dtype, "dot" if code.method == "dot" else "fma") * self._threads
        bandwidth = peaks.copy_bandwidth(self._threads)
        times = {"multiply-adds": self.plan.flops / peak, "memory": self.plan.bytes_moved / bandwidth}
        bound = max(times, key=lambda name: times[name])
        return Limit(times[bound], bound, peak, bandwidth)

    @property
    def expected(self) -> float:
        """Seconds that the cost model expects, at the measured speed of the multiply-adds."""
        plan, limit = self.plan, self.limit
        per_cycle = 2 * self.target.units * self.target.lanes(4)  # as the model counts them
        cycles_per_second = peaks.fma_peak("float32") / per_cycle
        seconds = plan.cycles / cycles_per_second / self._threads
        transformed = plan.code.method == "winograd"
        return max(seconds, plan.bytes_moved / limit.bytes_per_second if transformed else limit.seconds)

    def __call__(
        self, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, out: Array | None = None
    ) -> Array:
        """Convolve arrays as planned; see `bind` for weights that stay the same.

        Of "input_grad", ``input`` is the gradient of the output; of "weight_grad", ``weight`` is.
        """
        if self.spec.operation == "weight_grad":
            return self._weight_gradient(input, weight, out)
        return self.bind(weight, bias)(input, out=out)

    def _weight_gradient(self, input: ArrayLike, gradient: ArrayLike, out: Array | None) -> Array:
        """Return the gradient with respect to the weight, of any batch and spatial size."""
        values = (self._options.get(name, default) for name, default in GRADIENT_DEFAULTS.items())
        wanted = self._options.get("out_dtype")
        return dispatch.weight_gradient_of(
            self.spec.dims, input, self._weight_shape, gradient, tuple(values), out, wanted
        )

    def bind(self, weight: ArrayLike, bias: ArrayLike | None = None) -> "BoundConv":
        """Return the convolution with these weights packed once for all.

        Parameters
        ----------
        weight, bias
            Of the shapes planned; they are copied.

        Returns
        -------
        BoundConv
            ``bound(input, out=None)`` convolves any batch and any spatial size.

        Raises
        ------
        ShapeError, DTypeError
            The weight or the bias is not as planned.
        """
        if self.spec.operation == "weight_grad":
            raise ArgumentError(
                "the gradient with respect to the weight has no weight to bind; call the plan itself, "
                "planned(input, grad_output)"
            )
        given = as_array(weight, "weight")
        if given.shape != self._weight.shape:
            raise ShapeError(
                f"weight must have the shape planned, {self._weight.shape}; got {given.shape}; make another "
                "plan"
            )
        operation = self.spec.operation
        call = conv_spec(operation, self.spec.dims, self._image, weight, bias, **self._options)
        for name, got, wanted in (
            ("weight", call.spec.weight_dtype, self.spec.weight_dtype),
            ("result with this bias", call.spec.out_dtype, self.spec.out_dtype),
        ):
            if got != wanted:
                raise DTypeError(
                    f"the {name} must have the dtype planned, {wanted}, got {got}; convert it with .astype "
                    "or make another plan"
                )
        weights = _own(call.second).reshape(given.shape)
        sums = None if call.bias is None else _own(call.bias)
        return BoundConv(
            operation,
            self.spec.dims,
            weights,
            sums,
            self.spec.input_dtype,
            self._activation,
            self._options,
            dispatch.run,
            call.spec,
        )

    def describe(self) -> str:
        """Return the plan in words, with this machine's limit and the time expected; measures both."""
        limit, threads = self.limit, self._threads
        of = " for the direct sum" if self.plan.code.method == "winograd" else ""
        many = f"{threads} thread{'s' if threads > 1 else ''}"
        rates = f"{limit.flops_per_second / 1e9:.0f} GFLOP/s and {limit.bytes_per_second / 1e9:.1f} GB/s"
        lines = [
            ("target", f"{self.target.name}, {many}"),
            ("limit", f"{limit.seconds * 1e3:.3f} ms{of}, set by {limit.bound}; measured: {rates}"),
            ("expected", f"{self.expected * 1e3:.3f} ms"),
        ]
        return "\n".join([str(self), *(f"{name:8} {text}" for name, text in lines)])

    def __str__(self) -> str:
        if self.why_not is not None:
            return f"reference: {self.why_not}"
        decided = [] if single.sums_nothing(self.spec) else [str(self.plan)]
        return "\n".join([*decided, *(f"{'also':8} {text}" for text in self.conversions)])

    def __repr__(self) -> str:
        named = "" if self.spec.operation == "conv" else f"{self.spec.operation}: "
        return f"PlannedConv({named}{self.spec.input_shape} * {self.spec.weight_shape})"


def _own(array: Array) -> Array:
    """Return a copy in this machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), order="C")
