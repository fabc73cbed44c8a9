"""The demo's words on speed: how a blur of the portrait is computed, and its time beside OpenCV's."""

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convolve
from convolve import filters
from convolve.runtime.bound import BoundConv

Grey = NDArray[np.float32]

BLUR = "gaussian:0.75"
"""7×7 weights."""
ROUNDS, SECONDS = 5, 0.02
"""Each library is called for so long, then it is the other one's turn; the medians of all calls are shown."""


def compare(grey: Grey) -> str:
    """Return the plan of a blur and both libraries' times, on one thread and on all."""
    kernel = filters.get(BLUR).weights[0].astype(np.float32)
    side = "×".join(map(str, kernel.shape))
    lines = [
        f"How a blur of the grey portrait ({BLUR}, {side}, float32) is computed: plan(...).bind(kernel).plan",
        str(bound(grey, kernel).plan),
        "",
    ]
    before = convolve.get_num_threads()
    try:
        lines += [times(grey, kernel, threads) for threads in sorted({1, before})]
    finally:
        convolve.set_num_threads(before)
    return "\n".join(lines)


def times(grey: Grey, kernel: Grey, threads: int) -> str:
    """Return one line: both libraries' median time with so many threads."""
    convolve.set_num_threads(threads)
    calls = {"convolve": ours(grey, kernel)}
    opencv = _opencv()
    if opencv is not None:
        calls["OpenCV"] = theirs(opencv, grey, kernel, threads)
        check_same(calls["convolve"](), calls["OpenCV"]())
    found = medians(list(calls.values()))
    shown = ", ".join(f"{name} {1e3 * one:.3f} ms" for name, one in zip(calls, found, strict=True))
    who = "one thread" if threads == 1 else f"{threads} threads"
    missing = "" if opencv else "; OpenCV is not installed: pip install opencv-python-headless"
    return f"{who}: {shown}{missing}"


def ours(grey: Grey, kernel: Grey) -> Callable[[], Any]:
    """Return our call, writing into an array that is there."""
    image, out = grey[None, None], np.empty_like(grey)[None, None]
    call = bound(grey, kernel)
    return lambda: call(image, out=out)[0, 0]


def bound(grey: Grey, kernel: Grey) -> BoundConv:
    """Return the convolution with this kernel's weights bound, whose values decide how it is computed."""
    shapes = (1, 1, *grey.shape), (1, 1, *kernel.shape)
    return convolve.plan(*shapes, padding="same", padding_mode="reflect").bind(kernel[None, None])


def theirs(opencv: Any, grey: Grey, kernel: Grey, threads: int) -> Callable[[], Any]:
    """Return OpenCV's call for the same, writing into an array that is there."""
    opencv.setNumThreads(threads)
    out = np.empty_like(grey)
    return lambda: opencv.filter2D(grey, -1, kernel, dst=out, borderType=opencv.BORDER_REFLECT_101)


def check_same(first: Grey, second: Grey) -> None:
    """Refuse to compare the times of different results."""
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-2)


def medians(calls: list[Callable[[], Any]]) -> list[float]:
    """Return the median time of each call, taking turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, found in zip(calls, taken, strict=True):
            call()
            until = time.perf_counter() + SECONDS
            while (start := time.perf_counter()) < until:
                call()
                found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in taken]


def _opencv() -> Any:
    """Return OpenCV if it is installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError:
        return None
