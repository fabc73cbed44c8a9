"""The convolution as literal loops over small arrays: an oracle that shares no code with the package.

Written from the meaning alone: borders by ``numpy.pad``, sums in Python's own numbers (exact for integers
and fractions), one loop per index. Arrays are (batch, channels, *spatial).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Pads = Sequence[tuple[int, int]]
NUMPY_MODES = {"reflect": "reflect", "symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}
INTEGER_RANK = {"bool": 0, "int8": 0, "uint8": 0, "int16": 0, "uint16": 0}


def named_pads(rule: str, size: int, extent: int, stride: int) -> tuple[int, int]:
    """Return what a padding name means, worked out from the size that it must give."""
    if rule in ("valid", "full", "causal"):
        return {"valid": (0, 0), "full": (extent - 1, extent - 1), "causal": (extent - 1, 0)}[rule]
    total = 0
    while outputs(size + total, extent, stride) < math.ceil(size / stride):
        total += 1
    return (total // 2, total - total // 2) if rule == "same" else (total - total // 2, total // 2)


def outputs(padded: int, extent: int, stride: int) -> int:
    """Count the places where the filter fits, by trying them."""
    count = 0
    while count * stride + extent <= padded:
        count += 1
    return count


def cell_map(size: Sequence[int], pads: Pads, mode: Any) -> np.ndarray:
    """Return, for every padded cell, the flat number of the input cell that it shows, or -1."""
    cells = np.arange(math.prod(size)).reshape(size)
    if mode in NUMPY_MODES:
        return np.pad(cells, pads, mode=NUMPY_MODES[mode])
    return np.pad(cells, pads, constant_values=-1)


def meetings(
    size: Sequence[int],
    out: Sequence[int],
    taps: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    pads: Pads,
    mode: Any,
    flip: bool,
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Yield (output, tap of the filter, flat input cell or -1) for everything that meets."""
    cells = cell_map(size, pads, mode)
    for place in itertools.product(*map(range, out)):
        for tap in itertools.product(*map(range, taps)):
            at = tuple(o * s + t * d for o, s, t, d in zip(place, stride, tap, dilation, strict=True))
            used = tuple(n - 1 - t for n, t in zip(taps, tap, strict=True)) if flip else tap
            yield place, used, int(cells[at])


def pair(
    operation: str, first: Any, second: Any, shape: Sequence[int], groups: int, fill: Any, **geometry: Any
) -> Any:
    """Compute one of the three arrays of ``output = input * weight`` from the other two.

    ``shape`` is that of the result; ``geometry`` goes to `meetings`.
    """
    result = np.zeros(shape, dtype=object)
    image_shape = shape if operation == "conv_transpose" else first.shape
    output = {"conv": result, "conv_transpose": first, "weight_grad": second}[operation]
    weight = result if operation == "weight_grad" else second
    batch, channels, filters = image_shape[0], image_shape[1], output.shape[1]
    met = list(meetings(**geometry))
    for n, k, c in itertools.product(range(batch), range(filters), range(channels // groups)):
        channel = k // (filters // groups) * (channels // groups) + c
        for place, tap, cell in met:
            at = np.unravel_index(cell, image_shape[2:]) if cell >= 0 else ()
            if operation == "conv":
                value = first[(n, channel, *at)] if cell >= 0 else fill
                result[(n, k, *place)] += value * weight[(k, c, *tap)] if cell >= 0 or fill != 0 else 0
            elif operation == "conv_transpose":
                if cell >= 0:
                    result[(n, channel, *at)] += output[(n, k, *place)] * weight[(k, c, *tap)]
            else:
                value = first[(n, channel, *at)] if cell >= 0 else fill
                result[(k, c, *tap)] += value * output[(n, k, *place)]
    return result


def pool(image: Any, taps: Any, stride: Any, pads: Pads, dilation: Any, ceil: bool) -> tuple[Any, Any]:
    """Return, per window, the flat cells it holds in order, and how many taps lie in the padded image."""
    size, out = image.shape[2:], []
    for n, k, s, (before, after), d in zip(size, taps, stride, pads, dilation, strict=True):
        extent = d * (k - 1) + 1
        count = outputs(n + before + after, extent, s)
        if ceil and (count - 1) * s + extent < n + before + after and count * s < n + before:
            count += 1
        out.append(count)
    held, counted = {}, {}
    for place in itertools.product(*map(range, out)):
        cells, inside = [], 0
        for tap in itertools.product(*map(range, taps)):
            at = [
                o * s + t * d - p[0] for o, s, t, d, p in zip(place, stride, tap, dilation, pads, strict=True)
            ]
            inside += all(-p[0] <= a < n + p[1] for a, n, p in zip(at, size, pads, strict=True))
            if all(0 <= a < n for a, n in zip(at, size, strict=True)):
                cells.append(int(np.ravel_multi_index(at, size)))
        held[place], counted[place] = cells, inside
    return (held, counted), tuple(out)


def result_dtype(*dtypes: np.dtype) -> np.dtype:
    """Return the dtype that the table in the documentation gives."""
    names = [dtype.name for dtype in dtypes]
    if all(dtype.kind in "biu" for dtype in dtypes):
        return np.dtype("int32" if all(name in INTEGER_RANK for name in names) else "int64")
    floats = []
    for dtype, name in zip(dtypes, names, strict=True):
        plain = "float32" if name in INTEGER_RANK else "float64"
        floats.append(np.dtype(plain) if dtype.kind in "biu" else dtype)
    result = floats[0]
    for other in floats[1:]:
        result = np.promote_types(result, other)
    return result


def delivered(exact: Any, dtype: np.dtype, overflow: str) -> np.ndarray | None:
    """Return exact integers in a dtype as ``overflow`` says, None standing for a refusal."""
    low, high = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    whole = np.array([int(one) for one in exact.ravel()], dtype=object).reshape(exact.shape)
    if overflow == "raise" and any(not low <= one <= high for one in whole.ravel()):
        return None
    if overflow == "saturate":
        whole = np.array([min(max(one, low), high) for one in whole.ravel()], dtype=object).reshape(
            exact.shape
        )
    if overflow == "wrap":
        whole = (whole - low) % (high - low + 1) + low
    return whole.astype(dtype)
