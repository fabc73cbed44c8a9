"""Workers of a Dask cluster that go, and come, while regions are handed out; a scheduler that drops them."""

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import arrays, filters
from convolve.arrays import cutting
from convolve.cli.regions import filter_regions
from convolve.errors import ArgumentError, FileAccessError
from convolve.files import Picture
from convolve.pictures import Report, filter_picture
from tests import seeds
from tests.arrays.test_files import read, stored
from tests.peers import peer

distributed = peer("distributed")

LONGEST = 60
"""Seconds after which a computation counts as one that waits for ever; it takes two."""

Progress = Callable[[int, int], None]


class Cluster:
    """One worker in this process, an array to be filtered, and the result."""

    def __init__(self, folder: Path, workers: Any, client: Any) -> None:
        self.workers, self.client = workers, client
        self.array = np.random.default_rng(seeds.seed()).random((90, 80)).astype(np.float32)
        self.source = stored(folder / "a.zarr", self.array, "YX", (10, 10))
        self.target = folder / "b.zarr"

    def filter(self, progress: Progress) -> None:
        """Filter the array region by region, but no longer than a computation may take."""
        ended: Future[None] = Future()

        def run() -> None:
            options = {"memory": 40_000, "scheduler": self.client, "progress": progress}
            try:
                arrays.filter_stored(self.source, self.target, "box:3", **options)
                ended.set_result(None)
            except Exception as error:
                ended.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        ended.result(timeout=LONGEST)

    def is_whole(self) -> bool:
        """Tell whether the result is that of the whole array."""
        whole = filter_picture(Picture(self.array, "YX"), "box:3").picture.array
        return np.array_equal(read(self.target), whole)

    def lose(self) -> None:
        """Let the worker go."""
        self.workers.scale(0)
        while self.client.nthreads():
            time.sleep(0.02)

    def lose_for_a_second(self) -> None:
        """Let the worker go; another one comes."""
        self.lose()
        threading.Timer(1, self.workers.scale, (1,)).start()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr("convolve.arrays.workers.PATIENCE", 0.2)
    monkeypatch.setattr(cutting, "BASE", 0)
    settings = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as workers, distributed.Client(workers) as client:
        yield Cluster(tmp_path, workers, client)


def test_workers_that_are_all_gone_are_told_each_time(cluster: Cluster) -> None:
    def gone(done: int, _total: int) -> None:
        if done in (1, 5):
            cluster.lose_for_a_second()

    with pytest.warns(RuntimeWarning, match="no workers any more; the rest waits for others") as told:
        cluster.filter(gone)
    assert len([one for one in told if "no workers" in str(one.message)]) == 2
    assert cluster.is_whole()


def test_the_command_says_it_each_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn_twice(*_: Any, **_options: Any) -> Report:
        for _ in range(2):
            warnings.warn("nobody is left", RuntimeWarning, stacklevel=1)
        return Report(0)

    monkeypatch.setattr(arrays, "filter_stored", warn_twice)
    filter_regions(["a.npy"], "b.npy", filters.get("box:3"), {"range": "clip"}, False, None, None, False)
    assert capsys.readouterr().err.count("nobody is left\n") == 2


def test_workers_may_go_when_all_is_done(cluster: Cluster) -> None:
    def gone(done: int, total: int) -> None:
        if done == total:
            cluster.lose()

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        cluster.filter(gone)
    assert cluster.is_whole()


def test_a_worker_that_is_replaced_at_once(cluster: Cluster) -> None:
    def replaced(done: int, _total: int) -> None:
        if done == 2:
            cluster.lose()
            cluster.workers.scale(1)
            while not cluster.client.nthreads():
                time.sleep(0.02)

    cluster.filter(replaced)
    assert cluster.is_whole()


def test_results_that_go_with_their_worker(cluster: Cluster) -> None:
    def gone(done: int, _total: int) -> None:
        if done == 1:
            time.sleep(1)  # several regions are finished at the same time
        if done == 2:
            cluster.lose_for_a_second()

    with pytest.warns(RuntimeWarning, match="no workers any more"):
        cluster.filter(gone)
    assert cluster.is_whole()


def test_a_scheduler_that_drops_the_work(cluster: Cluster) -> None:
    def restart(done: int, _total: int) -> None:
        if done == 2:
            cluster.client.restart(wait_for_workers=False)

    with pytest.raises(ArgumentError, match=r"gone or dropped the work; go on with resume \(--resume\)"):
        cluster.filter(restart)
    assert not cluster.target.exists()


@pytest.mark.parametrize("error", [FileAccessError("the disk is full"), TimeoutError("the disk is slow")])
def test_what_fails_on_a_worker_is_told(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr("convolve.arrays.filtering.to_range", fails)
    expected = type(error) if isinstance(error, FileAccessError) else ArgumentError
    with pytest.raises(expected, match=str(error)):
        cluster.filter(lambda _done, _total: None)
