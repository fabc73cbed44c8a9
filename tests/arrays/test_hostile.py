"""Damaged files of arrays: our error or success, quickly, in little memory."""

import random
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from convolve.arrays import stores
from convolve.errors import ConvolveError
from tests import seeds
from tests.arrays.test_files import stored
from tests.files.test_hostile import GIGABYTE, MUTANTS, SECONDS, mutated


def damaged(path: Path, draw: random.Random) -> None:
    """Damage a file, or one file of a folder."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    one = draw.choice(files)
    one.write_bytes(mutated(one.read_bytes(), draw))


@pytest.mark.parametrize("suffix", [".npy", ".zarr", ".h5", ".tif"])
def test_damaged_files(suffix: str, tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 999, (6, 40, 50)).astype(np.uint16)
    told = {} if suffix == ".npy" else {"spacing": (2.0, 0.5, 0.5), "unit": "µm"}
    whole = stored(tmp_path / f"whole{suffix}", array, "ZYX", (3, 20, 25), **told)
    draw = random.Random(f"{seeds.seed()} {suffix}")
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTANTS):
        path = tmp_path / f"{number}{suffix}"
        (shutil.copytree if whole.is_dir() else shutil.copy)(whole, path)
        damaged(path, draw)
        start = time.perf_counter()
        try:
            source = stores.open_source(path)
            source.read(tuple(slice(0, min(60, size)) for size in source.description.shape))
        except ConvolveError:
            refused += 1
        assert time.perf_counter() - start < SECONDS
        (shutil.rmtree if path.is_dir() else Path.unlink)(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE
    assert refused > MUTANTS // 20
