"""The examples of the lesson and a convolution in literal loops, which knows nothing of the package."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

LESSON = np.array([[1, 2, 3, 0, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [2, 1, 0, 1, 2], [0, 1, 2, 3, 1]])
EDGE = np.array([[1, 0, -1]] * 3)
F = np.array([[10, 10, 10, 0, 0]] * 5)
G = np.array([[(3 * i + 5 * j) % 11 - i * j for j in range(7)] for i in range(6)])
G_FILTER = np.array([[2, -1, 0], [1, 3, -2]])

NUMPY_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
    "circular": "wrap",
}


def padded(image: Numbers, pads: tuple[tuple[int, int], ...], mode: str | int) -> Numbers:
    if isinstance(mode, int):
        return np.pad(image, pads, constant_values=mode)
    return np.pad(image, pads, mode=NUMPY_MODES[mode])  # type: ignore[call-overload, no-any-return]


def convolved(
    image: Numbers,
    weight: Numbers,
    bias: Numbers | None = None,
    stride: tuple[int, int] = (1, 1),
    pads: tuple[tuple[int, int], ...] = ((0, 0), (0, 0)),
    mode: str | int = "zeros",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    flip: bool = False,
) -> Numbers:
    """Convolve (C, H, W) with (K, C / groups, h, w), one multiplication at a time."""
    filters, each, high, wide = weight.shape
    planes = np.stack([padded(plane, pads, mode) for plane in image])
    rows = (planes.shape[1] - dilation[0] * (high - 1) - 1) // stride[0] + 1
    columns = (planes.shape[2] - dilation[1] * (wide - 1) - 1) // stride[1] + 1
    result = np.zeros((filters, rows, columns), np.int64)
    for k in range(filters):
        for i in range(rows):
            for j in range(columns):
                total = 0 if bias is None else int(bias[k])
                for c in range(each):
                    for u in range(high):
                        for v in range(wide):
                            tap = weight[k, c, high - 1 - u, wide - 1 - v] if flip else weight[k, c, u, v]
                            row, column = i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]
                            total += int(tap) * int(planes[k // (filters // groups) * each + c, row, column])
                result[k, i, j] = total
    return result


def sent_back(
    image: Numbers,
    weight: Numbers,
    bias: Numbers | None = None,
    stride: tuple[int, int] = (1, 1),
    pads: tuple[tuple[int, int], ...] = ((0, 0), (0, 0)),
    mode: str | int = "zeros",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    flip: bool = False,
) -> Numbers:
    """Transpose: add every value times the filter onto the result, whose border folds back by ``mode``."""
    channels, rows, columns = image.shape
    _, each, high, wide = weight.shape
    size = [
        (length - 1) * step + far * (taps - 1) + 1 - sum(pad)
        for length, step, far, taps, pad in zip(
            (rows, columns), stride, dilation, (high, wide), pads, strict=True
        )
    ]
    numbered = np.arange(size[0] * size[1]).reshape(size)
    homes = np.pad(numbered, pads, constant_values=-1) if isinstance(mode, int) or mode == "zeros" else (
        padded(numbered, pads, mode)
    )  # fmt: skip
    result = np.zeros((each * groups, size[0] * size[1]), np.int64)
    for k in range(channels):
        for c in range(each):
            for i in range(rows):
                for j in range(columns):
                    for u in range(high):
                        for v in range(wide):
                            tap = weight[k, c, high - 1 - u, wide - 1 - v] if flip else weight[k, c, u, v]
                            home = homes[i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]]
                            if home >= 0:
                                channel = k // (channels // groups) * each + c
                                result[channel, home] += int(tap) * int(image[k, i, j])
    result += 0 if bias is None else np.asarray(bias)[:, None]
    return result.reshape(-1, *size)
