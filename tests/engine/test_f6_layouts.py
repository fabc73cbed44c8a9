"""F6: every layout of an array in memory reaches compiled code, and the result is the reference's."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.dtypes import SUPPORTED, parse_dtype
from convolve.runtime.execution import Workspace
from tests.test_layouts import LAYOUTS


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often compiled code ran."""
    found: Counter[str] = Counter()
    for name in ("run", "pack_and_run"):
        original = getattr(Workspace, name)

        def counting(self: Any, *given: Any, original: Any = original, name: str = name) -> Any:
            found[name] += 1
            return original(self, *given)

        monkeypatch.setattr(Workspace, name, counting)
    return found


EVERY = [
    (layout, dtype)
    for layout, dtype in itertools.product(LAYOUTS, SUPPORTED)
    if (layout, dtype) != ("DLPack", "bfloat16")  # which DLPack of NumPy does not know
]


@pytest.mark.parametrize(("layout", "dtype"), EVERY)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_layouts_reach_compiled_code(layout: str, dtype: str, dims: int, runs: Counter[str]) -> None:
    draw = np.random.default_rng(dims)
    kind = parse_dtype(dtype, "dtype")
    signed = kind.kind not in "bu"
    image = draw.integers(-9 if signed else 0, 10, (6,) * dims).astype(kind)
    weight = draw.integers(-3 if signed else 0, 4, (3,) * dims).astype(kind)
    parts = 4 if kind.kind == "c" else 1  # products of real and imaginary parts
    function = getattr(convolve, f"conv{dims}d")
    for options in ({"padding": 1, "padding_mode": "reflect"}, {"stride": 2}, {"flip": True}):
        for given in ((LAYOUTS[layout](image), weight), (image, LAYOUTS[layout](weight))):
            expected = function(*given, **options, algorithm="reference")
            runs.clear()
            result = function(*given, **options)
            assert np.array_equal(result, expected)
            assert runs.total() == parts
            assert np.array_equal(function(*given, **options), expected)  # by a recipe, where there is one
            assert runs.total() == 2 * parts


@pytest.mark.parametrize("order", ["channels_first", "channels_last"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_channels_last_is_no_copy(order: Any, dtype: str, monkeypatch: pytest.MonkeyPatch, runs: Any) -> None:
    """What the routine reads and writes is where the caller's arrays are."""
    shape = (2, 5, 9, 8) if order == "channels_first" else (2, 9, 8, 5)
    image, weight = np.ones(shape, dtype), np.ones((6, 5, 3, 3), dtype)
    out = np.zeros((2, 6, 7, 6) if order == "channels_first" else (2, 7, 6, 6), dtype)
    seen: list[tuple[int, int]] = []
    original = Workspace._prepare

    def noting(self: Any, source: int, result: int, strides: Any) -> None:
        seen.append((source, result))
        original(self, source, result, strides)

    monkeypatch.setattr(Workspace, "_prepare", noting)
    convolve.conv2d(image, weight, layout=order, out=out)
    assert seen == [(image.ctypes.data, out.ctypes.data)]
    assert (out == 45).all()
