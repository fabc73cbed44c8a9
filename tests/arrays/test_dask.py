"""Dask arrays: bit for bit the result for the whole array, whatever the chunks, the workers and their end."""

import os
import pickle
import random
import threading
import time
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import arrays, filters, nn
from convolve.compiler import planner
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from convolve.runtime import engine, threads
from tests import seeds
from tests.arrays.cases import KINDS, Case, case, chunks, same
from tests.peers import peer

CASES = 4
"""Random calls of each kind."""

da = peer("dask.array")


def in_parts(one: Case, draw: random.Random) -> Any:
    """Return a case's result from a Dask array of random chunks."""
    source = da.from_array(one.array, chunks=chunks(draw, one.array.shape))
    result = one.call(arrays, source)
    with np.errstate(all="ignore"):
        return result.compute(scheduler="threads")


def random_cases(kind: str, count: int = CASES) -> list[Case]:
    draw = random.Random(f"{seeds.seed()} {kind}")
    return [case(draw, kind) for _ in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_any_chunks_give_the_bits_of_the_whole(kind: str) -> None:
    draw = random.Random(f"{seeds.seed()} chunks {kind}")
    done = 0
    for one in random_cases(kind):
        whole = one.expected()
        if whole is not None:
            done += 1
            assert same(whole, in_parts(one, draw)), one.text
    assert done


def test_regions_that_are_planned_by_themselves_would_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded bug: a region takes the method that is best for its own size."""

    def by_itself(sizes: Any, geometry: Any, _whole: Any, target: Any, threads: int = 1) -> Any:
        return planner.plan(sizes, geometry, target, threads)

    monkeypatch.setattr(engine.planner, "plan_region", by_itself)
    engine.execution.cache_clear()
    weight = np.random.default_rng(1).standard_normal((32, 32, 3, 3)).astype(np.float32)
    image = np.random.default_rng(2).standard_normal((1, 32, 60, 60)).astype(np.float32)
    one = Case("", image, lambda m, a: m.conv2d(a, weight, padding=1))
    source = da.from_array(one.array, chunks=(1, 32, 3, 5))
    found = one.call(arrays, source).compute(scheduler="threads")
    engine.execution.cache_clear()
    assert not same(one.expected(), found)


def test_a_halo_may_be_wider_than_chunks() -> None:
    image = np.random.default_rng(seeds.seed()).standard_normal((40, 30)).astype(np.float32)
    for mode in ("reflect", "circular", "zeros"):
        source = da.from_array(image, chunks=(8, 7))
        found = arrays.apply(source, "gaussian:5", padding_mode=mode)
        assert found.chunks == source.chunks
        assert same(convolve.apply(image, "gaussian:5", padding_mode=mode), found.compute())


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "complex64"])
@pytest.mark.parametrize("kernel", ["gaussian:2", "box:9", "sobel"])
def test_chunks_without_nan_have_the_bits_of_the_whole_with_nan(kernel: str, dtype: str) -> None:
    image = np.random.default_rng(seeds.seed()).standard_normal((50, 60)).astype(dtype)
    image[3, 4], image[30, 50] = np.nan, np.inf
    strict = {"padding_mode": "zeros", "accuracy": "strict"}
    for options in ({}, {"padding_mode": "circular", "stride": 2}, strict):
        found = arrays.apply(da.from_array(image, chunks=(11, 13)), kernel, nan="ignore", **options)
        with np.errstate(all="ignore"):
            assert same(convolve.apply(image, kernel, nan="ignore", **options), found.compute()), options
    weight = np.random.default_rng(1).standard_normal((32, 32, 3, 3)).astype(dtype)
    images = np.random.default_rng(2).standard_normal((1, 32, 40, 40)).astype(dtype)
    images[0, 1, 3, 4] = np.nan
    found = arrays.conv2d(da.from_array(images, chunks=(1, 8, 13, 20)), weight, nan="ignore")
    assert same(convolve.conv2d(images, weight, nan="ignore"), found.compute())


def test_one_channel_that_lies_last() -> None:
    """What a region puts together has another step from channel to channel, which means nothing."""
    image = np.random.default_rng(seeds.seed()).standard_normal((29, 33)).astype(np.float16)
    weight = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    options = {"stride": (3, 2), "dilation": 2, "padding": 1, "padding_mode": "circular", "channel_axis": -1}
    whole = convolve.apply(image[..., None].copy(), weight, **options)
    assert same(whole, convolve.apply(image[..., None], weight, **options))
    found = arrays.apply(da.from_array(image[..., None], chunks=(19, 18, 1)), weight, **options)
    assert same(whole, found.compute())


def test_complex_numbers_through_many_channels() -> None:
    """Their real and imaginary parts go Winograd's way, whose tiles must not be cut."""
    draw = np.random.default_rng(seeds.seed())
    images, weight = (
        (draw.standard_normal(shape) + 1j * draw.standard_normal(shape)).astype(np.complex64)
        for shape in ((1, 32, 40, 40), (32, 32, 3, 3))
    )
    for given, filters_ in ((images, weight), (images.real, weight), (images, weight.real)):
        found = arrays.conv2d(da.from_array(given, chunks=(1, 8, 13, 20)), filters_)
        assert same(convolve.conv2d(given, filters_), found.compute())


def test_a_network_over_a_batch() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 64, 40), nn.ReLU(), nn.Linear(40, 10),
        input_shape=(3, 16, 16),
    )  # fmt: skip
    images = np.random.default_rng(seeds.seed()).standard_normal((37, 3, 16, 16)).astype(np.float32)
    whole = network(images)
    for size in (1, 5, 36):
        found = arrays.predict(network, da.from_array(images, chunks=(size, 2, 16, 9)))
        assert same(whole, found.compute(scheduler="threads"))
    assert same(whole, pickle.loads(pickle.dumps(network))(images))


def test_what_is_refused() -> None:
    image = da.ones((8, 8), chunks=4)
    with pytest.raises(ArgumentTypeError, match=r"takes Dask arrays, got ndarray.*convolve's function"):
        arrays.apply(np.ones((8, 8)), "sobel")
    with pytest.raises(ArgumentTypeError, match=r"apply of Dask arrays has no option 'strid'.*stride"):
        arrays.apply(image, "sobel", strid=2)
    with pytest.raises(ShapeError, match=r"the sizes of all chunks must be known.*compute_chunk_sizes"):
        arrays.apply(image[image.sum(axis=1) > 0], "sobel")
    with pytest.raises(ShapeError, match="output size must be at least 1"):
        arrays.conv2d(image, np.ones((9, 9)))
    with pytest.raises(ArgumentError, match=r"'zeros' or a number .* got 'circular'.*added from afar"):
        arrays.conv_transpose2d(image, np.ones((2, 2)), padding=1, padding_mode="circular")
    with pytest.raises(ArgumentError, match=r"nan='ignore' is not offered .*nan_to_num"):
        arrays.conv_transpose2d(image, np.ones((2, 2)), nan="ignore")
    with pytest.raises(DTypeError, match=r"must be of real numbers, got float64 by complex128"):
        arrays.conv_transpose2d(image, np.ones((2, 2), complex))
    with pytest.raises(ArgumentTypeError, match=r"conv_transpose2d of Dask arrays has no option 'algorithm'"):
        arrays.conv_transpose2d(image, np.ones((2, 2)), algorithm="reference")
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), input_shape=(1, 2, 2))
    with pytest.raises(DTypeError, match="must have dtype float32"):
        arrays.predict(network, da.ones((5, 1, 2, 2), chunks=2))


def test_what_is_larger_than_memory_is_planned_and_read_in_part() -> None:
    source = da.zeros((100_000, 100_000), chunks=(4_000, 1_000), dtype="float32")
    found = arrays.apply(source, "sobel-x", padding_mode="circular")
    assert found[:3, -3:].compute().shape == (3, 3)
    assert arrays.max_pool2d(source, 2)[-1:, :1].compute().tolist() == [[0.0]]


def test_a_thread_of_dask_computes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[bool] = []
    before = threads._run_alone
    monkeypatch.setattr(threads, "_run_alone", lambda *job: (shared.append(False), before(*job)))
    monkeypatch.setattr(threads.Pool, "run", lambda *job: shared.append(True) or False)
    image = np.ones((3000, 400), np.float32)
    old = threads.get_num_threads()
    threads.set_num_threads(2)
    try:
        arrays.apply(da.from_array(image, chunks=1500), "sobel-x").compute(scheduler="threads")
        assert shared and True not in shared
        arrays.apply(da.from_array(image, chunks=1500), "sobel-x").compute(scheduler="sync")
        assert True in shared
    finally:
        threads.set_num_threads(old)


def test_a_killed_worker_changes_nothing() -> None:
    distributed = peer("distributed")
    source = (
        da.random.default_rng(seeds.seed()).random((240, 200, 100), chunks=(30, 50, 100)).astype("float32")
    )
    kernel = filters.get("gaussian:1,2,2", ndim=3)
    result = arrays.apply(source, kernel, stride=3, padding_mode="circular")
    whole = convolve.apply(source.compute(), kernel, stride=3, padding_mode="circular")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        future = client.compute(result)
        first = next(iter(cluster.workers.values()))
        killer = threading.Thread(target=lambda: (time.sleep(0.3), os.kill(first.pid, 9)))
        killer.start()
        found = future.result(timeout=100)
        killer.join()
    assert same(whole, found)
