"""Arrays in files: what is told of them, filtered by regions as the whole is, resumed, in bounded memory."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import apply, arrays, filters
from convolve.arrays import cutting, running, stores
from convolve.arrays.stores import Description
from convolve.errors import (
    ArgumentError,
    ConvolveError,
    FileExistsRefusal,
    FileFormatError,
    FileMissingError,
    TooLargeError,
)
from convolve.files import Picture
from convolve.pictures import along_axis, filter_picture
from convolve.runtime.threads import get_num_threads, set_num_threads
from tests import seeds
from tests.arrays.cases import numbers, same
from tests.cli.process import PROGRAM, convolve, environment
from tests.peers import peer

zarr, h5py, tifffile = peer("zarr"), peer("h5py"), peer("tifffile")

SUFFIXES = (".zarr", ".h5", ".npy", ".tif")
AXES = ("YX", "ZYX", "TZYX", "TCZYX", "YXC")
CASES = 24


def stored(path: Path, array: Any, axes: str, chunks: tuple[int, ...] | None = None, **told: Any) -> Path:
    """Write an array into a file as a whole."""
    description = Description(array.shape, array.dtype, chunks or array.shape, axes, **told)
    stores.create(path, description).write(tuple((0, size) for size in array.shape), array)
    return path


def read(path: Path | str) -> Any:
    """Read an array from a file as a whole."""
    source = stores.open_source(path)
    return source.read(tuple(slice(0, size) for size in source.description.shape))


def test_regions_give_the_bits_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BASE", 0)
    draw = random.Random(seeds.seed())
    done = 0
    for number in range(CASES):
        axes = draw.choice(AXES)
        sizes = {"T": 2, "C": draw.choice((3, 4)), "Z": draw.randint(3, 9)}
        shape = tuple(sizes.get(axis, draw.randint(15, 70)) for axis in axes)
        array = numbers(draw, shape, draw.choice(("uint8", "uint16", "float32", "float64")))
        chunks = tuple(min(size, draw.randint(4, 30)) for size in shape)
        source = stored(tmp_path / f"{number}{draw.choice(SUFFIXES)}", array, axes, chunks)
        target = tmp_path / f"{number}out{draw.choice(SUFFIXES)}"
        axes = stores.open_source(source).description.axes
        dims = draw.choice((2, 3)) if "Z" in axes else 2
        kernel = filters.get(draw.choice(("sobel", "gaussian:1.5", "box:3")), ndim=dims)
        options: dict[str, Any] = {
            "padding": draw.choice(("same", "valid", 2)),
            "padding_mode": draw.choice(("reflect", "circular", "zeros")),
            "stride": draw.choice((1, 2, 3)),
            "range": draw.choice(("clip", "abs", "scale")),
        }
        memory = draw.choice((300_000, 1_000_000, 5_000_000))
        try:
            whole = filter_picture(Picture(array, axes), kernel, **options)
            report = arrays.filter_stored(source, target, kernel, memory=memory, **options)
        except (TooLargeError, ConvolveError):
            continue
        done += 1
        text = f"{source.name} {array.dtype} {array.shape} {kernel.name} {options} {memory}"
        found = read(target).reshape(whole.picture.array.shape)  # TIFF leaves dimensions of 1 out
        assert same(whole.picture.array, found), text
        assert report == whole.report, text
    assert done > CASES // 3


def test_a_filter_along_time_slides_along_time(tmp_path: Path) -> None:
    array = np.random.default_rng(seeds.seed()).random((6, 5, 8, 9)).astype(np.float32)
    stored(tmp_path / "a.zarr", array, "TZYX", (2, 2, 4, 4), spacing=(3.0, 2.0, 0.5, 0.5), unit="µm")
    stored(tmp_path / "a.tif", array, "TZYX", spacing=(3.0, 2.0, 0.5, 0.5), unit="µm")
    change, stride, _ = along_axis(filters.get("1 0 -1"), "t", 2, "same")
    whole = np.stack([apply(array[:, z], change, stride=stride) for z in range(5)], axis=1)
    in_regions = ["a.tif", "-o", "c.npy", "--memory", "1GB"]
    for words in (["a.zarr", "-o", "b.zarr"], ["a.tif", "-o", "b.tif"], in_regions):
        done = convolve("apply", *words, "-k", "1 0 -1", "--along", "t", "-s", "2", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert same(whole, read(tmp_path / words[2])), words
    assert stores.open_source(tmp_path / "b.zarr").description.spacing == (6.0, 2.0, 0.5, 0.5)
    assert stores.open_source(tmp_path / "b.tif").description.spacing == (6.0, 2.0, 0.5, 0.5)


def test_rows_lie_along_x_however_the_array_is_laid_out(tmp_path: Path) -> None:
    array = np.random.default_rng(seeds.seed()).random((12, 31, 14)).astype(np.float32)
    source = stored(tmp_path / "a.h5", array, "XYZ", (5, 8, 5))
    for kernel, dims in (("sobel-x", 2), ("gaussian:1,2,3", 3), ("sobel", 3)):
        found = filters.get(kernel, ndim=dims)
        options: dict[str, Any] = {"stride": (3, 2, 1)[-dims:], "padding_mode": "circular"}
        whole = filter_picture(Picture(array, "XYZ"), found, **options).picture.array
        arrays.filter_stored(source, tmp_path / f"{kernel}{dims}.zarr", found, memory=301 << 20, **options)
        assert same(whole, read(tmp_path / f"{kernel}{dims}.zarr"))


def test_what_files_tell_is_kept(tmp_path: Path) -> None:
    array = np.arange(5 * 8 * 9, dtype=np.uint16).reshape(5, 8, 9)
    for suffix in (".zarr", ".h5", ".tif"):
        source = stored(tmp_path / f"a{suffix}", array, "ZYX", spacing=(2.0, 0.5, 0.25), unit="µm")
        target = tmp_path / f"b{suffix}"
        arrays.filter_stored(source, target, "box:3", stride=(2, 3))
        told = stores.open_source(target).description
        assert (told.axes, told.spacing, told.unit) == ("ZYX", (2.0, 1.0, 0.75), "µm")


def test_other_programs_read_what_is_written(tmp_path: Path) -> None:
    array = np.random.default_rng(seeds.seed()).integers(0, 999, (3, 300, 310)).astype(np.uint16)
    told = {"spacing": (2.0, 0.5, 0.5), "unit": "µm"}
    assert same(array, tifffile.imread(stored(tmp_path / "a.tif", array, "ZYX", **told)))
    with h5py.File(stored(tmp_path / "a.h5", array, "ZYX", **told)) as file:
        assert same(array, file["data"][:])
    group = zarr.open_group(stored(tmp_path / "a.zarr", array, "ZYX", (1, 100, 100), **told), mode="r")
    image = group.attrs["ome"]["multiscales"][0]
    assert same(array, group[image["datasets"][0]["path"]][:])
    assert [axis["unit"] for axis in image["axes"]] == ["micrometer"] * 3
    assert same(array, np.load(stored(tmp_path / "a.npy", array, "ZYX")))


def test_ome_ngff_of_the_version_before(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "old.zarr", mode="w", zarr_format=2)
    group.create_array("s0", shape=(2, 6, 7), dtype="float32", chunks=(1, 4, 4))
    axes = [
        {"name": "c", "type": "channel"},
        *({"name": n, "type": "space", "unit": "nanometer"} for n in "yx"),
    ]
    scale = [{"type": "scale", "scale": [1, 40, 50]}]
    dataset = {"path": "s0", "coordinateTransformations": scale}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    told = stores.open_source(tmp_path / "old.zarr").description
    assert (told.axes, told.spacing, told.unit) == ("CYX", (1.0, 40.0, 50.0), "nm")


def test_places_inside_files(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["raw/one"], file["raw/two"] = np.zeros((4, 4)), np.ones((5, 6))
    with pytest.raises(FileFormatError, match=r"one must be named.*/raw/one, /raw/two.*two.h5:/NAME"):
        stores.open_source(tmp_path / "two.h5")
    assert stores.open_source(f"{tmp_path}/two.h5:/raw/two").description.shape == (5, 6)
    with pytest.raises(FileMissingError, match="has no dataset /raw/six"):
        stores.open_source(f"{tmp_path}/two.h5:/raw/six")
    with pytest.raises(FileMissingError, match="there is no"):
        stores.open_source(tmp_path / "none.zarr")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    source = stored(tmp_path / "a.zarr", np.ones((9, 9)), "YX")
    arrays.filter_stored(source, tmp_path / "b.zarr", "box:3")
    with pytest.raises(FileExistsRefusal, match=r"b.zarr exists and is not overwritten unasked"):
        arrays.filter_stored(source, tmp_path / "b.zarr", "box:3")
    arrays.filter_stored(source, tmp_path / "b.zarr", "sobel-x", force=True)
    assert not read(tmp_path / "b.zarr").any()
    with pytest.raises(FileFormatError, match="suffix of .*c.png must say its format"):
        arrays.filter_stored(source, tmp_path / "c.png", "box:3")
    pairs = stored(tmp_path / "a.npy", np.ones((9, 9, 2)), "YXC")
    with pytest.raises(FileFormatError, match=r"holds planes, or one of 3 or 4 colours; not YXC"):
        arrays.filter_stored(pairs, tmp_path / "c.tif", "box:3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "a.zarr", "b.zarr"]


def test_memory_that_does_not_do(tmp_path: Path) -> None:
    source = stored(tmp_path / "a.npy", np.ones((9, 9)), "YX")
    with pytest.raises(TooLargeError, match=r"smallest, \(1, 1\), needs 301 MiB in all and 200 are"):
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=200 << 20)


@pytest.mark.parametrize("suffix", [".zarr", ".npy", ".h5", ".tif"])
def test_what_was_killed_goes_on(tmp_path: Path, suffix: str) -> None:
    array = np.random.default_rng(seeds.seed()).random((60, 400, 300)).astype(np.float32)
    source, target = stored(tmp_path / "a.zarr", array, "ZYX", (10, 100, 100)), tmp_path / f"b{suffix}"
    words = ["apply", str(source), "-k", "gaussian:1", "--dims", "3", "-o", str(target), "--memory", "320MiB"]
    running = subprocess.Popen([*PROGRAM, *words], env=environment(), stderr=subprocess.PIPE)
    lines = tmp_path / f"b.part{suffix}.txt"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not lines.exists() or len(lines.read_text().split("\n")) < 6):
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.01)
    time.sleep(random.random() * 0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not target.exists()
    if suffix == ".zarr":
        refused = convolve(*words)
        assert refused.returncode == 1 and b"pass --resume to go on" in refused.stderr
        other = convolve(*words[:3], "sobel", *words[4:], "--resume")
        assert other.returncode == 1 and b"is of another computation" in other.stderr
    done = convolve(*words[:-1], "312MiB", "--resume")  # in smaller regions
    assert done.returncode == 0, done.stderr
    values = int(done.stderr.decode().split(": ")[-1].split(" values")[0].replace(",", ""))
    assert values < array.size  # it went on, and did not begin anew
    assert same(
        read(target), filter_picture(Picture(array, "ZYX"), filters.get("gaussian:1", ndim=3)).picture.array
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", target.name]


def test_memory_is_bounded(tmp_path: Path) -> None:
    made = zarr.create_array(
        tmp_path / "a.zarr", shape=(64, 2048, 2048), chunks=(32, 256, 256), dtype="float32"
    )
    made[:8, :512] = 1.0  # 1 GiB, most of it zeros that take no room
    script = (
        "import sys; from convolve.cli import main\n"
        "try: main()\n"
        "finally: print(*[x.split()[1] for x in open('/proc/self/status') if 'VmHWM' in x], file=sys.stderr)"
    )
    words = [
        "apply",
        str(tmp_path / "a.zarr"),
        "-k",
        "box:5",
        "--dims",
        "3",
        "-s",
        "4",
        "-o",
        str(tmp_path / "b.zarr"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "--memory", "600MiB"],
        env=environment(),
        capture_output=True,
        check=True,
    )
    assert int(done.stderr.split()[-1]) < 600 << 10
    assert read(tmp_path / "b.zarr").shape == (16, 512, 512)


def test_workers_of_a_scheduler(tmp_path: Path) -> None:
    distributed = peer("distributed")
    array = np.random.default_rng(seeds.seed()).random((24, 90, 80)).astype(np.float32)
    source = stored(tmp_path / "a.zarr", array, "ZYX", (8, 32, 32))
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster:
        words = ["apply", source.name, "-k", "gaussian:2", "--dims", "3", "-s", "2", "-m", "circular", "-o"]
        words += ["b.zarr", "--memory", "305MiB", "--scheduler", cluster.scheduler_address]
        first = next(iter(cluster.workers.values()))  # a worker stands in another folder than the caller
        running = subprocess.Popen(
            [*PROGRAM, *words], env=environment(), stderr=subprocess.PIPE, cwd=tmp_path
        )
        deadline = time.monotonic() + 60
        while not (tmp_path / "b.part.zarr.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(first.pid, 9)
        _, said = running.communicate(timeout=100)
        assert running.returncode == 0, said
        refused = convolve(*words, "--force", "-o", "c.h5", cwd=tmp_path)
        assert refused.returncode == 1 and b"several workers cannot write one HDF5 file" in refused.stderr
    kernel = filters.get("gaussian:2", ndim=3)
    whole = filter_picture(Picture(array, "ZYX"), kernel, stride=2, padding_mode="circular")
    assert same(whole.picture.array, read(tmp_path / "b.zarr"))


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("distributed")
    monkeypatch.setattr("convolve.arrays.workers.SECONDS", 1)
    source = stored(tmp_path / "a.zarr", np.ones((9, 9)), "YX")
    with pytest.raises(ArgumentError, match=r"such as tcp://127.0.0.1:8786, but .* does not answer"):
        arrays.filter_stored(source, tmp_path / "b.zarr", "box:3", scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.zarr", "b.zarr", "-o", "c.zarr"], "from one file into one"),
        (["a.zarr", "-o", "-"], "from one file into one"),
        (["a.npy", "-o", "c.npy", "--memory", "3xB"], "must be an amount of memory, such as 500MB or 2GB"),
        (["a.npy", "-o", "c.npy", "--memory", "1GB"], "a.npy; check the path"),
    ],
)
def test_refusals_have_no_traceback(words: list[str], said: str, tmp_path: Path) -> None:
    done = convolve("apply", *words, "-k", "sobel", cwd=tmp_path)
    assert done.returncode in (1, 2) and said in done.stderr.decode() and b"Traceback" not in done.stderr


def test_metadata_of_zarr_that_leads_outside(tmp_path: Path) -> None:
    source = stored(tmp_path / "a.zarr", np.ones((9, 9)), "YX", spacing=(1.0, 2.0))
    path = source / "zarr.json"
    whole = json.loads(path.read_text())
    whole["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = "../other"
    path.write_text(json.dumps(whole))
    with pytest.raises(FileFormatError, match="outside of its group"):
        stores.open_source(source)


def test_regions_side_by_side() -> None:
    regions = [((number, number + 1),) for number in range(20)]
    before = get_num_threads()
    set_num_threads(3)
    try:
        found = dict(running.side_by_side(lambda region: region[0][0] ** 2, regions))
        assert found == {number: number**2 for number in range(20)}
        seen: list[int] = []

        def fails(region: Any) -> None:
            seen.append(region[0][0])
            if region[0][0] == 4:
                raise FileFormatError("as a damaged chunk does")

        with pytest.raises(FileFormatError, match="as a damaged chunk does"):
            list(running.side_by_side(fails, regions))
        assert len(seen) < 20, "the rest is not begun"
    finally:
        set_num_threads(before)


def test_a_chunk_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(tmp_path / "a.zarr", np.ones((32, 32), np.float32), "YX", (8, 8))
    unpacked: list[Any] = []
    read_one = stores.zarr_store.Zarr.read

    def counted(self: Any, place: Any) -> Any:
        unpacked.append(place)
        time.sleep(0.01)  # long enough for the other threads to ask for it
        return read_one(self, place)

    monkeypatch.setattr(stores.zarr_store.Zarr, "read", counted)
    arrays.filter_stored(source, tmp_path / "b.npy", "gaussian:2", padding_mode="circular")
    assert len(unpacked) == len({str(place) for place in unpacked}) == 16
