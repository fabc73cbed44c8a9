"""From a placed action to a job: planned, compiled, weights packed, and where its addresses come from."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convolve.api.pooled import pool_job
from convolve.compiler.plan import Code
from convolve.nn.compiled.actions import Compute, Convolve, Pool, Transposed
from convolve.nn.compiled.layout import Placed
from convolve.nn.compiled.places import Place
from convolve.runtime.conv_job import conv_job, transposed_jobs
from convolve.runtime.execution import Packed
from convolve.runtime.job import Job
from convolve.runtime.pointwise import point_job

Weights = Callable[[str, int], MutableMapping[Code, Packed]]
"""(name of a convolution's result, part) -> where its packed weights are kept."""

Pointers = dict[str, Place]
"""Name of a routine's array -> where it lies."""


def jobs_of(one: Placed, weights: Weights) -> list[tuple[Job, Pointers]] | None:
    """Return the jobs of an action, and where their arrays lie; None if no routine can do it."""
    if isinstance(one.action, Transposed):
        return _transposed(one.action, one, weights)
    makers: dict[type, Callable[[Any, Placed, Weights], tuple[Job | None, tuple[str, ...]]]] = {
        Convolve: _convolution,
        Pool: _pooling,
        Compute: _pass,
    }
    job, names = makers[type(one.action)](one.action, one, weights)
    return None if job is None else [(job, dict(zip(names, one.places, strict=True)))]


def _stand_ins(one: Placed) -> list[Any]:
    return [place.stand_in() for place in one.places]


def _convolution(action: Convolve, one: Placed, weights: Weights) -> tuple[Job | None, tuple[str, ...]]:
    x, *added, out = _stand_ins(one)
    bias = None if action.bias is None else np.ascontiguousarray(action.bias)
    job = conv_job(
        action.spec,
        (x, out),
        action.filters(),
        bias,
        action.activation,
        added[0] if added else None,
        weights(action.key, 0),
    )
    return job, ("input", "added", "output") if added else ("input", "output")


def _transposed(action: Transposed, one: Placed, weights: Weights) -> list[tuple[Job, Pointers]] | None:
    x, out = _stand_ins(one)
    bias = None if action.bias is None else np.ascontiguousarray(action.bias)
    own = partial(weights, action.key)
    parts = transposed_jobs(action.spec, (x, out), action.filters(), bias, action.activation, own)
    if parts is None:
        return None
    places = dict(zip(("input", "output"), one.places, strict=True))
    return [
        (job, {name: replace(places[name], offset=places[name].offset + by) for name, by in moved.items()})
        for job, moved in parts
    ]


def _pooling(action: Pool, one: Placed, _weights: Weights) -> tuple[Job | None, tuple[str, ...]]:
    x, out = _stand_ins(one)
    made = action.window(x)
    return pool_job(made, out, action.kind, action.include_padding, action.divisor), ("input", "output")


def _pass(action: Compute, one: Placed, _weights: Weights) -> tuple[Job | None, tuple[str, ...]]:
    *inputs, out = _stand_ins(one)
    names = tuple(f"input{number}" for number in range(len(inputs)))
    return point_job(action.expression, inputs, out), (*names, "output")
