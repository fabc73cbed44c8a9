"""What is noted of a long computation: never more than was done, by one process at a time, of one source."""

import itertools
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import arrays, filters
from convolve.arrays import cutting, journal, stores
from convolve.arrays.journal import Journal
from convolve.arrays.work import Region
from convolve.errors import ArgumentError, FileAccessError, FileExistsRefusal, TooLargeError
from tests.arrays.test_files import read, stored


class Stopped(Exception):
    """Ends a computation midway, as a person would."""


def stop(_done: int, _total: int) -> None:
    raise Stopped


def begun(path: Path, digest: str = "same", *, resume: bool = False, force: bool = False) -> Journal:
    """Return a journal of a result that is an empty file."""
    made = Journal(str(path), digest, (9, 9), resume=resume, force=force)
    made.begin(cutting.Cut((3, 6), (3, 3)), lambda part: part.touch(), lambda part: None)
    return made


def region(row: int, column: int) -> Region:
    """Return one block of a result that is an empty file."""
    return ((3 * row, 3 * row + 3), (3 * column, 3 * column + 3))


def written(made: Journal) -> set[tuple[int, int]]:
    """Return which blocks are written."""
    return {place for place in itertools.product(range(3), repeat=2) if made.is_written(region(*place))}


def test_half_a_line_is_not_joined_to_the_next(tmp_path: Path) -> None:
    first = begun(tmp_path / "a.npy")
    first.add(region(1, 2))
    first.close()
    with first.lines.open("a") as file:
        file.write("0:3 6")  # of "0:3 6:9": the disk was full
    second = begun(tmp_path / "a.npy", resume=True)
    second.add(region(2, 1))
    second.close()
    assert written(begun(tmp_path / "a.npy", resume=True)) == {(1, 2), (2, 1)}


def test_what_ended_before_anything_was_made_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "a.part.npy.txt").touch()
    assert written(begun(tmp_path / "a.npy", resume=True)) == set()


def test_results_of_two_formats_do_not_share_a_list(tmp_path: Path) -> None:
    one = begun(tmp_path / "a.npy")
    one.add(region(0, 1))
    one.close()
    other = begun(tmp_path / "a.tif")
    other.add(region(0, 2))
    other.close()
    assert written(begun(tmp_path / "a.npy", resume=True)) == {(0, 1)}


def test_one_process_writes_a_result(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    first = begun(tmp_path / "a.npy")
    for options in ({"resume": True}, {"force": True}):
        with pytest.raises(ArgumentError, match=r"only one process may write .*a\.part\.npy, and another"):
            begun(tmp_path / "a.npy", **options)
    assert first.part.exists() and first.lines.read_text() == "same\nbegun 3,6 in 3,3\n"
    first.close()
    begun(tmp_path / "a.npy", resume=True).close()


def test_a_list_is_removed_before_another_process_may_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl")
    first, others = Journal(str(tmp_path / "a.npy"), "same", (9, 9), resume=False, force=False), []
    unlink = Path.unlink

    def after_another_begins(path: Path, missing_ok: bool = False) -> None:
        monkeypatch.undo()
        with suppress(ArgumentError):  # as it must be
            others.append(begun(tmp_path / "a.npy"))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", after_another_begins)
    first.close()
    assert all(other.lines.exists() for other in others)
    begun(tmp_path / "a.npy").close()


def test_a_list_that_was_removed_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    first = begun(tmp_path / "a.npy")
    lock = fcntl.flock

    def after_the_first_is_done(file: Any, how: int) -> None:
        monkeypatch.undo()
        first.add(((0, 9), (0, 9)))
        first.finish(((0, 9), (0, 9)))
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", after_the_first_is_done)
    second = begun(tmp_path / "a.npy", force=True)
    assert second.lines.read_text() == "same\nbegun 3,6 in 3,3\n"
    with pytest.raises(ArgumentError, match="only one process may write"):
        begun(tmp_path / "a.npy", force=True)


@pytest.mark.parametrize("room", [0, 2, 8])
def test_a_full_disk_leaves_nothing(tmp_path: Path, room: int) -> None:
    resource = pytest.importorskip("resource")
    _, most = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        with pytest.raises(FileAccessError, match=r"a\.part\.npy\.txt cannot be written: File too large"):
            begun(tmp_path / "a.npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
    begun(tmp_path / "a.npy").close()


def test_what_is_half_removed_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BASE", 0)
    array = np.random.default_rng(1).random((40, 50)).astype(np.float32)
    source, target = stored(tmp_path / "a.zarr", array, "YX", (10, 10)), tmp_path / "b.zarr"

    def stop_late(done: int, _total: int) -> None:
        if done == 3:
            raise Stopped

    def interrupted(path: Path) -> None:
        for chunk in (path / "c").rglob("*"):
            if chunk.is_file():
                chunk.unlink()
        raise KeyboardInterrupt

    with pytest.raises(Stopped):
        arrays.filter_stored(source, target, "box:3", memory=40_000, progress=stop_late)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", interrupted)
        arrays.filter_stored(source, target, "box:3", memory=40_000, force=True)
    report = arrays.filter_stored(source, target, "box:3", memory=40_000, resume=True)
    assert report.values == array.size
    arrays.filter_stored(source, tmp_path / "c.zarr", "box:3")
    np.testing.assert_array_equal(read(target), read(tmp_path / "c.zarr"))


def test_a_list_without_its_file_is_nothing(tmp_path: Path) -> None:
    begun(tmp_path / "a.npy", "other").close()
    (tmp_path / "a.part.npy").unlink()
    assert written(begun(tmp_path / "a.npy", resume=True)) == set()


def test_what_cannot_be_gone_on_with_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.part.npy").write_bytes(b"hours of work")
    with pytest.raises(ArgumentError, match="its list of regions is gone"):
        begun(tmp_path / "a.npy", resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.part.npy"]


def test_a_folder_is_there_until_the_new_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(tmp_path / "a.zarr", np.ones((9, 9)), "YX")
    target = stored(tmp_path / "b.zarr", np.zeros((9, 9)), "YX")
    removed: list[Any] = []

    def remove(path: Path) -> None:
        if path.exists():
            removed.append(read(target).all())  # what has the name is whole, old or new
        original(path)

    original = journal.remove
    monkeypatch.setattr(journal, "remove", remove)
    arrays.filter_stored(source, target, "box:3", force=True)
    assert removed == [True] and read(target).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    reals = stored(tmp_path / "a.npy", np.ones((9, 9)), "YX")
    complexes = stored(tmp_path / "c.npy", np.ones((9, 9), np.complex64), "YX")
    cases: list[tuple[Path, dict[str, Any], str]] = [
        (reals, {"range": "offset"}, "needs an integer dtype"),
        (complexes, {"range": "scale"}, "needs real values"),
        (complexes, {"dtype": "uint8"}, "complex values must become real"),
    ]
    for source, options, words in cases:
        with pytest.raises(ArgumentError, match=words):
            arrays.filter_stored(source, tmp_path / "b.zarr", "box:3", **options)
    with pytest.raises(ArgumentError, match=r"a file of its own, but .*b\.h5:/raw names a place inside one"):
        arrays.filter_stored(reals, f"{tmp_path}/b.h5:/raw", "box:3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "c.npy"]


def test_a_source_whose_numbers_changed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BASE", 0)
    array = np.ones((40, 50), np.float32)
    source = stored(tmp_path / "a.zarr", array, "YX", (10, 10), spacing=(2.0, 1.0), unit="µm")
    kernel, options = filters.get("box:3"), {"memory": 40_000}
    with pytest.raises(Stopped):
        arrays.filter_stored(source, tmp_path / "b.zarr", kernel, **options, progress=stop)
    with pytest.raises(FileExistsRefusal, match="pass --resume to go on"):
        arrays.filter_stored(source, tmp_path / "b.zarr", kernel, **options)
    sink = stores.open_sink(source, stores.open_source(source).description)
    sink.write(((0, 10), (0, 10)), array[:10, :10] * 2)
    with pytest.raises(ArgumentError, match="is of another computation"):
        arrays.filter_stored(source, tmp_path / "b.zarr", kernel, **options, resume=True)
    arrays.filter_stored(source, tmp_path / "b.zarr", kernel, **options, force=True)
    assert read(tmp_path / "b.zarr").max() == pytest.approx(2)


@pytest.mark.parametrize(("before", "after"), [(50_000, 25_000), (25_000, 50_000)])
def test_going_on_with_other_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    monkeypatch.setattr(cutting, "BASE", 0)
    array = np.arange(2000.0, dtype=np.float32).reshape(40, 50)
    source = stored(tmp_path / "a.zarr", array, "YX", (10, 10))
    kernel, totals = filters.get("box:3"), []

    def stop_late(done: int, total: int) -> None:
        totals.append(total)
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        arrays.filter_stored(source, tmp_path / "b.zarr", kernel, memory=before, progress=stop_late)
    report = arrays.filter_stored(
        source, tmp_path / "b.zarr", kernel, memory=after, resume=True, progress=lambda _, n: totals.append(n)
    )
    assert (totals[0] != totals[-1]) == (after < before), "regions become smaller, but never larger"
    assert report.values < array.size
    arrays.filter_stored(source, tmp_path / "c.zarr", kernel)
    np.testing.assert_array_equal(read(tmp_path / "b.zarr"), read(tmp_path / "c.zarr"))


def test_blocks_that_were_begun_need_their_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BASE", 0)
    source = stored(tmp_path / "a.npy", np.ones((400, 500), np.float32), "YX")
    with pytest.raises(Stopped):
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=2_000_000, progress=stop)
    begin_anew = r"a block of the file that was begun, \(\d+, \d+\), needs .*or begin anew with --force"
    with pytest.raises(TooLargeError, match=begin_anew):
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=20_000, resume=True)
    arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=2_000_000, resume=True)
    assert np.load(tmp_path / "b.npy").min() == pytest.approx(1)


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_the_memory_that_is_named_does(tmp_path: Path, suffix: str) -> None:
    array = np.ones((2000, 2000), np.float32)
    source = stored(tmp_path / f"a{suffix}", array, "YX", (1000, 1000))
    with pytest.raises(Stopped):
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=1 << 30, progress=stop)
    named = 320
    with pytest.raises(TooLargeError, match="and 320 are allowed") as refused:
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=named << 20, resume=True)
    named = int(str(refused.value).split(" MiB")[0].split()[-1])
    with pytest.raises(TooLargeError, match=f"needs {named} MiB in all and {named - 1} are allowed"):
        arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=named - 1 << 20, resume=True)
    arrays.filter_stored(source, tmp_path / "b.npy", "box:3", memory=named << 20, resume=True)


DAMAGED = (
    b"0:3 x:6\n", b"\xff\xfe\n", b"\n", b"0:3\n", b"\0\0\n", b"0:3 0:3 0:3\n",
    b"9:12 0:3\n", b"1:3 0:3\n", b"0:2 0:3\n", b"3:3 0:3\n", b"-3:3 0:3\n",
)  # fmt: skip
"""Lines after which a list is damaged: regions of a result of 9 x 9 in blocks of 3 x 3 they are not."""

NO_CUTS = (
    b"begun 3,6 in 0,3\n", b"begun 3,6 in 3\n", b"begun 3 in 3\n", b"begun 3,6 in 6,3\n",
    b"begun 3,12 in 3,3\n", b"begun \n", b"begun 3,6 3,3\n",
)  # fmt: skip


@pytest.mark.parametrize("lines", [b"begun 3,6 in 3,3\n" + one for one in DAMAGED] + [*NO_CUTS])
def test_a_damaged_list_of_regions_is_refused(tmp_path: Path, lines: bytes) -> None:
    begun(tmp_path / "a.npy").close()
    (tmp_path / "a.part.npy.txt").write_bytes(b"same\n" + lines)
    for _ in range(2):  # nothing keeps it locked
        with pytest.raises(ArgumentError, match=r"its list of regions is damaged .*pass --force"):
            begun(tmp_path / "a.npy", resume=True)
    begun(tmp_path / "a.npy", force=True).close()
