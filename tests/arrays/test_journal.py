"""What is noted of a long computation: never more than was done, by one process at a time, of one source."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import arrays, filters
from convolve.arrays import cutting, journal, stores
from convolve.arrays.journal import Journal
from convolve.errors import ArgumentError, FileExistsRefusal
from tests.arrays.test_files import read, stored


class Stopped(Exception):
    """Ends a computation midway, as a person would."""


def stop(_done: int, _total: int) -> None:
    raise Stopped


def begun(path: Path, digest: str = "same", *, resume: bool = False, force: bool = False) -> Journal:
    """Return a journal of a result that is an empty file."""
    made = Journal(str(path), digest, resume=resume, force=force)
    made.begin(lambda part: part.touch(), lambda part: None)
    return made


def test_half_a_line_is_not_joined_to_the_next(tmp_path: Path) -> None:
    first = begun(tmp_path / "a.npy")
    first.add(12)
    first.close()
    with first.lines.open("a") as file:
        file.write("1")  # of "13": the disk was full
    second = begun(tmp_path / "a.npy", resume=True)
    second.add(7)
    second.close()
    assert begun(tmp_path / "a.npy", resume=True).done == {12, 7}


def test_what_ended_before_anything_was_made_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "a.part.npy.txt").touch()
    assert begun(tmp_path / "a.npy", resume=True).done == set()


def test_results_of_two_formats_do_not_share_a_list(tmp_path: Path) -> None:
    one = begun(tmp_path / "a.npy")
    one.add(1)
    one.close()
    other = begun(tmp_path / "a.tif")
    other.add(2)
    other.close()
    assert begun(tmp_path / "a.npy", resume=True).done == {1}


def test_one_process_writes_a_result(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    first = begun(tmp_path / "a.npy")
    for options in ({"resume": True}, {"force": True}):
        with pytest.raises(ArgumentError, match=r"only one process may write .*a\.part\.npy, and another"):
            begun(tmp_path / "a.npy", **options)
    assert first.part.exists() and first.lines.read_text() == "same\nbegun\n"
    first.close()
    begun(tmp_path / "a.npy", resume=True).close()


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
