"""`plan`: how a convolution will be computed, as something to read, to call and to bind weights to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.api import dispatch
from convolve.arguments import conv_spec, parse_shape
from convolve.compiler.pipeline import compile_ir, lower
from convolve.compiler.plan import Activation, Plan
from convolve.compiler.target import Target
from convolve.dtypes import Array, parse_dtype
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from convolve.options import choice, flag
from convolve.runtime import engine, jit, peaks
from convolve.runtime.bound import BoundConv
from convolve.runtime.host import host_target
from convolve.spec import ConvSpec
from convolve.views import as_array

ACTIVATIONS = ("none", "relu", "relu6")


def plan(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    operation: str = "conv",
    dtype: Any = "float32",
    weight_dtype: Any = None,
    bias: bool = False,
    activation: Activation = "none",
    **options: Any,
) -> "PlannedConv":
    """Decide how a convolution will be computed, without computing it.

    Parameters
    ----------
    input_shape, weight_shape
        As `conv2d` takes them; the weight's number of dimensions tells whether it is 1-, 2- or 3-dimensional.
    operation
        "conv".
    dtype, weight_dtype
        Of the input, and of the weight if it is another one.
    bias
        Whether there is a bias.
    activation
        What is applied to every result: "none", "relu" or "relu6".
    **options
        ``stride``, ``padding``, ``dilation``, ``groups``, ``padding_mode``, ``layout``, ``flip`` and the
        others of `conv2d`.

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
    ('contract', '231,211,008')
    """
    choice(operation, "operation", ("conv",))
    choice(activation, "activation", ACTIVATIONS)
    kind = parse_dtype(dtype, "dtype")
    weight_kind = kind if weight_dtype is None else parse_dtype(weight_dtype, "weight_dtype")
    shape, taps = parse_shape(input_shape, "input_shape"), parse_shape(weight_shape, "weight_shape")
    dims = len(taps) if len(taps) < 3 else len(taps) - 2
    if not 1 <= dims <= 3:
        raise ShapeError(
            f"weight_shape must have 1 to 3 spatial dimensions, got {taps}; see conv1d, conv2d, conv3d"
        )
    _check_names(options)
    image = np.broadcast_to(np.zeros((), kind), shape)
    weight = np.broadcast_to(np.zeros((), weight_kind), taps)
    sums = np.zeros(taps[0], kind) if flag(bias, "bias") else None
    call = conv_spec("conv", dims, image, weight, sums, **options)
    return PlannedConv(call.spec, image, weight, activation, options)


def _check_names(options: dict[str, Any]) -> None:
    """Refuse options that there are not: an option misspelt must not be an option ignored."""
    if "out" in options:
        raise ArgumentError("out belongs to the call, not to the plan; pass it to planned(…, out=…)")
    known = (*dispatch.OPTIONS, "out_dtype")
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
        Measured on this machine: the multiply-adds on one core, times the threads, and a large copy.
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
        self, spec: ConvSpec, image: Array, weight: Array, activation: Activation, options: dict[str, Any]
    ) -> None:
        self.spec = spec
        self._image, self._weight, self._activation, self._options = image, weight, activation, options

    @property
    def _asked(self) -> engine.Question:
        return engine.question(self.spec, engine.dense_view(self.spec), self._activation)

    @property
    def why_not(self) -> str | None:
        """Why the reference computes this convolution, or None if compiled code does."""
        if self._options.get("algorithm") == "reference":
            return "algorithm='reference' was asked for"
        return engine.why_not(self.spec)

    @property
    def plan(self) -> Plan:
        """The decision: frozen and printable.

        Raises
        ------
        ArgumentError
            If the convolution is not compiled but computed by the reference.
        """
        if self.why_not is not None:
            raise ArgumentError(f"there is no plan for what the reference computes: {self.why_not}")
        return engine.plan_of(self._asked, self.target)

    @property
    def target(self) -> Target:
        """The description of the CPU that the code is made for."""
        return host_target()

    @cached_property
    def routine(self) -> Routine:
        """The code in its stages."""
        from convolve.compiler.printer import show  # for people: no call needs it

        nests = lower(self.plan.code, self.target)
        ir = compile_ir(nests, self.target)
        return Routine(show(nests.routine), ir, jit.make_assembly(ir, self.target))

    @property
    def limit(self) -> Limit:
        """The bound that this machine sets the direct method, measured when first asked for."""
        peak = peaks.fma_peak(self.plan.code.dtype) * self._asked.threads
        bandwidth = peaks.copy_bandwidth()
        times = {"multiply-adds": self.plan.flops / peak, "memory": self.plan.bytes_moved / bandwidth}
        bound = max(times, key=lambda name: times[name])
        return Limit(times[bound], bound, peak, bandwidth)

    @property
    def expected(self) -> float:
        """Seconds that the cost model expects, at the measured speed of the multiply-adds."""
        peak = peaks.fma_peak(self.plan.code.dtype)
        per_cycle = 4 * self.target.lanes(self.spec.out_dtype.itemsize)
        return max(self.plan.cycles * per_cycle / peak / self._asked.threads, self.limit.seconds)

    def __call__(
        self, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, out: Array | None = None
    ) -> Array:
        """Convolve arrays as planned; see `bind` for weights that stay the same."""
        return self.bind(weight, bias)(input, out=out)

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
        given = as_array(weight, "weight")
        if given.shape != self._weight.shape:
            raise ShapeError(
                f"weight must have the shape planned, {self._weight.shape}; got {given.shape}; make another "
                "plan"
            )
        call = conv_spec("conv", self.spec.dims, self._image, weight, bias, **self._options)
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
            self.spec.dims,
            weights,
            sums,
            self.spec.input_dtype,
            self._activation,
            self._options,
            dispatch.run,
        )

    def describe(self) -> str:
        """Return the plan in words, with this machine's limit and the time expected; measures both."""
        limit, threads = self.limit, self._asked.threads
        many = f"{threads} thread{'s' if threads > 1 else ''}"
        rates = f"{limit.flops_per_second / 1e9:.0f} GFLOP/s and {limit.bytes_per_second / 1e9:.1f} GB/s"
        lines = [
            ("target", f"{self.target.name}, {many}"),
            ("limit", f"{limit.seconds * 1e3:.3f} ms, set by {limit.bound}; measured: {rates}"),
            ("expected", f"{self.expected * 1e3:.3f} ms"),
        ]
        return "\n".join([str(self.plan), *(f"{name:8} {text}" for name, text in lines)])

    def __str__(self) -> str:
        return str(self.plan) if self.why_not is None else f"reference: {self.why_not}"

    def __repr__(self) -> str:
        return f"PlannedConv({self.spec.input_shape} * {self.spec.weight_shape})"


def _own(array: Array) -> Array:
    """Return a copy in this machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), order="C")
