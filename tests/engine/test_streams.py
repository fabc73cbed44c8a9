"""Results that the last cache does not hold are written past it, from any address, by any threads."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import convolve
from convolve.runtime import engine, host
from tests import seeds

WIDTHS = (320, 483, 800)
"""With rows whose lines begin where the first one's do, and others."""


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every result be too large for the last cache."""
    small = replace(host.host_target(), l3_bytes=0)
    monkeypatch.setattr(engine, "host_target", lambda: small)
    engine.execution.cache_clear()
    yield
    engine.execution.cache_clear()


def placed(shape: tuple[int, ...], byte: int) -> np.ndarray:
    """Return an array that begins so many bytes behind a line."""
    size = int(np.prod(shape)) * 4
    raw = np.zeros(size + 128, np.uint8)
    start = -raw.ctypes.data % 64 + byte
    return raw[start : start + size].view(np.float32).reshape(shape)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("taps", [(3, 3), (15, 15)])
@pytest.mark.parametrize("byte", [0, 4, 16, 60])
@pytest.mark.parametrize("threads", [1, 2])
def test_any_address_any_width(taps: tuple[int, int], byte: int, threads: int) -> None:
    numbers = np.random.default_rng(seeds.seed())
    weight = numbers.integers(-3, 4, (1, 1, *taps)).astype(np.float32)
    before = convolve.get_num_threads()
    convolve.set_num_threads(threads)
    try:
        for width in WIDTHS:
            image = numbers.integers(-9, 10, (2, 1, 23, width)).astype(np.float32)
            planned = convolve.plan(image.shape, weight.shape, padding="same", padding_mode="reflect")
            out = placed(image.shape, byte)
            bound = planned.bind(weight)
            bound(image, out=out)
            assert all(entry.execution.plan.code.streams for entry in bound._entries.values())
            options = {"padding": "same", "padding_mode": "reflect", "algorithm": "reference"}
            np.testing.assert_array_equal(out, convolve.conv2d(image, weight, **options))
    finally:
        convolve.set_num_threads(before)


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("byte", [0, 16])
def test_products_of_lines(byte: int) -> None:
    numbers = np.random.default_rng(seeds.seed())
    line = numbers.integers(1, 4, 21).astype(np.float32)
    kernel = np.outer(line, line)
    image = numbers.integers(-2, 3, (60, 3000)).astype(np.float32)
    out = placed(image.shape, byte)
    convolve.apply(image, kernel, out=out)
    np.testing.assert_array_equal(out, convolve.apply(image, kernel, algorithm="reference"))
