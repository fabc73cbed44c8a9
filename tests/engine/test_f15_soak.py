"""F15: hundreds of distinct specs leave resident memory flat, and one size is not one compile.

CONVOLVE_SOAK sets the number of specs (before a release 10,000 and more).
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime import engine, machine_code
from tests import seeds
from tests.engine.soak import KEPT

SPECS = int(os.environ.get("CONVOLVE_SOAK", "500"))

FLAT = 6 << 20
"""Bytes by which resident memory may differ from one half to the next: 1.8 MB seen, 16 MB with machine code
never dropped and 85 MB with recipes never dropped."""

PHOTOGRAPHS = 200
MOST_ROUTINES = 3


def test_resident_memory_is_flat(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CONVOLVE_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "tests.engine.soak", str(SPECS), str(seeds.seed())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    first, second = found["memory"]
    assert found["routines"] >= min(50, SPECS // 10)  # else nothing had to be dropped
    assert second - first <= FLAT, found
    assert found["kept"] <= KEPT
    assert found["libraries"] <= 3 * KEPT  # machine code that was dropped is gone, but for what recipes use


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Any]]:
    """The routines that calls ask for, each of which is compiled once where there is no cache."""
    made: set[Any] = set()
    original = machine_code.machine_code

    def noting(code: Any, target: Any) -> Any:
        made.add(code)
        return original(code, target)

    monkeypatch.setattr(engine, "machine_code", noting)
    engine.execution.cache_clear()
    yield made
    engine.execution.cache_clear()


@pytest.mark.parametrize("channels", [None, 3])
def test_photographs_of_any_size_share_their_routines(channels: int | None, asked: set[Any]) -> None:
    draw = random.Random(seeds.seed())
    kernel = np.random.default_rng(seeds.seed()).standard_normal((5, 5)).astype(np.float32)
    sizes: set[tuple[int, int]] = set()
    while len(sizes) < PHOTOGRAPHS:
        sizes.add((draw.randint(20, 700), draw.randint(20, 700)))
    for size in sizes:
        image = np.ones(size if channels is None else (*size, channels), np.float32)
        result = convolve.apply(image, kernel, channel_axis=None if channels is None else -1)
        assert result.shape == image.shape
        assert abs(float(result.flat[size[1] // 2]) - float(kernel.sum())) < 1e-4
    assert 1 <= len(asked) <= MOST_ROUTINES, asked


@pytest.mark.parametrize(("channels", "filters", "most"), [(3, 16, 10), (16, 16, 10), (64, 64, 7)])
def test_a_bound_plan_shares_its_routines(channels: int, filters: int, most: int, asked: set[Any]) -> None:
    """Maps of 3 to 120 pixels: the smallest ones have tiles of their own, which are worth a compile."""
    draw = random.Random(seeds.seed())
    weight = np.ones((filters, channels, 3, 3), np.float32)
    bound = convolve.plan((1, channels, 50, 60), weight.shape, padding=1).bind(weight)
    for number in range(50):
        image = np.ones((1 + number % 3, channels, draw.randint(3, 120), draw.randint(3, 120)), np.float32)
        inside = bound(image)[:, :, 1:-1, 1:-1]
        assert np.allclose(inside, 9 * channels, rtol=1e-5)  # Winograd's sums of whole numbers are not exact
    assert 1 <= len(asked) <= most, asked
    assert len(bound._packed) <= most
