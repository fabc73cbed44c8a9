"""A convolution as one job of many: planned, compiled, its weights packed, for arrays of given strides."""

from collections.abc import Callable, MutableMapping

from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.plan import Code, Plan
from convolve.dtypes import Array
from convolve.runtime import engine
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import Packed, Workspace, address_of, six_strides
from convolve.runtime.host import host_target
from convolve.runtime.job import Job
from convolve.runtime.transposed import Call, Transposed, exchanged
from convolve.spec import ConvSpec


def conv_plan(
    spec: ConvSpec, arrays: tuple[Array, Array], activation: Expression = NOTHING, added: Array | None = None
) -> Plan:
    """Return how `conv_job` computes a convolution whose weights are nothing special; nothing is compiled."""
    view = engine.view_of(spec, *arrays, added=added)
    asked = engine.question(spec, view, activation, adds=added is not None)
    return engine.plan_of(asked, host_target())


def transposed_jobs(
    spec: ConvSpec,
    arrays: tuple[Array, Array],
    weight: Array,
    bias: Array | None,
    activation: Expression,
    packed: Callable[[int], MutableMapping[Code, Packed]],
) -> list[Call] | None:
    """Return the jobs of a transposed convolution, one after the other; None if it takes more than routines.

    ``packed`` tells where the weights of each part are kept; the rest is as `conv_job` takes it.
    """
    image, out = arrays
    usual = decide(spec)
    assert usual is not None, "float32 is always summed up in one way"
    ready = Transposed(spec, image, out, usual.arithmetic, activation)
    if not ready.is_plain:
        return None
    kept = [packed(number) for number in range(len(ready.parts))]
    codes = [part.ready.plan.code for part in ready.parts]
    own = [one[code] for one, code in zip(kept, codes, strict=True) if code in one]
    if len(own) < len(codes):
        own = [Packed(part.ready) for part in ready.parts]
        ready.pack(own, exchanged(spec, weight, usual.arithmetic.sums), bias)
        for one, code, made in zip(kept, codes, own, strict=True):
            one[code] = made
    return [part.call(one) for part, one in zip(ready.parts, own, strict=True)] if ready.allows(own) else None


def conv_job(
    spec: ConvSpec,
    arrays: tuple[Array, Array],
    weight: Array,
    bias: Array | None,
    activation: Expression = NOTHING,
    added: Array | None = None,
    packed: MutableMapping[Code, Packed] | None = None,
) -> Job | None:
    """Return a job, or None if the values of the weights forbid the compiled way.

    Parameters
    ----------
    spec
        A forward convolution of float32 numbers that one routine computes.
    arrays
        Input and output as (batch, channels, *spatial); only their strides matter.
    weight, bias
        Their numbers are packed here.
    activation
        What is made of each sum, and of the number of ``added`` in its place.
    added
        An array of the output's shape that does not overlap it; only its strides matter.
    packed
        Weights that were packed before, and where to keep those that are packed now.
    """
    image, out = arrays
    prepared = engine.prepare(spec, image, out, weight, activation, added=added)
    ready, kept = prepared.execution, {} if packed is None else packed
    code = ready.plan.code
    own = kept.get(code)
    if own is None:
        own = Packed(ready)
        own.fill(address_of(prepared.source), prepared.source.strides, bias)
        kept[code] = own
    if ready.needs_finite_weights and not own.finite:
        return None
    strides = ready.strides(engine.seen(prepared.view, image), engine.seen(prepared.view, out))
    also = None
    if added is not None:
        seen = engine.seen(prepared.view, added)
        also = six_strides(seen.strides, ready.sizes.filters, code.writes)
    return Workspace(ready, own).job(strides, also)
