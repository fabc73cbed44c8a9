"""Where a routine finds pointers, strides and sizes: the flat block of 64-bit words that a call hands over.

``args`` holds, in this order: one pointer per buffer (for scratch buffers the offset into the thread's
scratch), one stride in bytes per dimension of each buffer, and the parameters.
"""

import functools
import math
from dataclasses import dataclass

from convolve.compiler.loopnest import Buffer, Signature

ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8,
    "uint64": 8, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip
"""Bytes of one number of each dtype."""


@dataclass(frozen=True, slots=True)
class ArgumentLayout:
    """Positions, in words, of everything in the block of arguments."""

    pointers: dict[str, int]
    strides: dict[str, int]
    parameters: dict[str, int]
    words: int


@functools.lru_cache(maxsize=256)
def argument_layout(routine: Signature) -> ArgumentLayout:
    """Return the positions for one routine.

    >>> layout = argument_layout(Signature("empty", ("width",), (), ()))
    >>> layout.parameters, layout.words
    ({'width': 0}, 1)
    """
    pointers = {buffer.name: place for place, buffer in enumerate(routine.buffers)}
    place = len(pointers)
    strides = {}
    for buffer in routine.buffers:
        strides[buffer.name] = place
        place += len(buffer.extents)
    parameters = {name: place + i for i, name in enumerate(routine.parameters)}
    return ArgumentLayout(pointers, strides, parameters, place + len(parameters))


DENSE = ("weights", "scratch", "table")
"""Buffers that we lay out ourselves: without gaps, the last dimension innermost."""


def fixed_stride(buffer: Buffer, dimension: int) -> int | None:
    """Return a dimension's stride in bytes if it is the same in every call.

    >>> from convolve.compiler.loopnest import affines
    >>> from convolve.compiler.affine import Affine
    >>> panel = Buffer("panel", "float32", affines([Affine.symbol("K"), 3, 8]), "weights")
    >>> fixed_stride(panel, 0)
    96
    """
    later = buffer.extents[dimension + 1 :]
    if later and (buffer.role not in DENSE or any(extent.terms for extent in later)):
        return None
    if not later and not buffer.contiguous:
        return None
    return ITEM_BYTES[buffer.dtype] * math.prod(extent.constant for extent in later)
