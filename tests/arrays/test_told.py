"""What files tell of their cells: where the first one is, how large, in which unit; and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import arrays, files, filters
from convolve.arrays import stores
from convolve.errors import FileFormatError, FileMissingError, TooLargeError
from tests.arrays.test_files import read, stored
from tests.cli.process import convolve
from tests.peers import peer

zarr, h5py, tifffile = peer("zarr"), peer("h5py"), peer("tifffile")


def image(path: Path, array: Any, names: str, places: list[dict[str, Any]], version: int = 3) -> Path:
    """Write an OME-NGFF image as other programs do."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("0", shape=array.shape, dtype=array.dtype, chunks=array.shape)[...] = array
    kinds, units = {"t": "time", "c": "channel"}, {"t": "second", "c": None}
    axes = [
        {"name": one, "type": kinds.get(one, "space")}
        | ({"unit": units.get(one, "micrometer")} if units.get(one, "micrometer") else {})
        for one in names
    ]
    told = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": places}]}
    group.attrs.update(
        {"ome": {"version": "0.5", "multiscales": [told]}} if version == 3 else {"multiscales": [told]}
    )
    return path


def centre(path: Path) -> list[float]:
    """Return where the mass of an image is, in its unit, by its own metadata."""
    group = zarr.open_group(path, mode="r")
    told = group.attrs["ome"]["multiscales"][0]["datasets"][0]
    array = group[told["path"]][:].astype(np.float64)
    scale, *shift = told["coordinateTransformations"]
    first = shift[0]["translation"] if shift else [0.0] * array.ndim
    return [
        float((np.moveaxis(array, d, -1).sum(axis=tuple(range(array.ndim - 1))) * place).sum() / array.sum())
        for d, size in enumerate(array.shape)
        for place in [np.arange(size) * scale["scale"][d] + first[d]]
    ]


@pytest.mark.parametrize("padding", ["same", "same_lower", "valid"])
def test_what_is_seen_stays_where_it_is(padding: str, tmp_path: Path) -> None:
    array = np.zeros((2, 50, 40), np.float32)
    array[:, 24, 19] = 1
    places = [
        {"type": "scale", "scale": [4.0, 0.5, 2.0]},
        {"type": "translation", "translation": [7.0, 100.0, -30.0]},
    ]
    source = image(tmp_path / "a.zarr", array, "tyx", places)
    kernel = filters.get("gaussian:4")
    arrays.filter_stored(source, tmp_path / "b.zarr", kernel, stride=3, padding=padding, padding_mode="zeros")
    assert centre(tmp_path / "b.zarr") == pytest.approx(centre(source), abs=0.1)  # half a cell is 0.25
    told = stores.open_source(tmp_path / "b.zarr").description
    assert told.spacing == (4.0, 1.5, 6.0) and told.time_unit == "second" and told.origin is not None
    group = zarr.open_group(tmp_path / "b.zarr", mode="r")
    assert group["0"].metadata.dimension_names == ("t", "y", "x")
    axes = group.attrs["ome"]["multiscales"][0]["axes"]
    assert [one["unit"] for one in axes] == ["second", "micrometer", "micrometer"]


def test_hdf5_keeps_spacing_of_any_unit_and_axes_as_text(tmp_path: Path) -> None:
    array = np.ones((5, 6, 7), np.float32)
    source = stored(tmp_path / "a.zarr", array, "ZYX", spacing=(2.0, 0.5, 0.25), unit="mm")
    arrays.filter_stored(source, tmp_path / "b.h5", "box:3")
    told = stores.open_source(tmp_path / "b.h5").description
    assert told.spacing == pytest.approx((2000, 500, 250)) and told.unit == "µm"
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["film"] = array
        file["film"].attrs["axes"] = "tyx"
    assert stores.open_source(tmp_path / "c.h5").description.axes == "TYX"


def test_a_region_of_hdf5_changes_its_own_chunks_alone(tmp_path: Path) -> None:
    """Else a process that is killed while it writes a region loses others, which were noted as done."""
    told = stores.Description((40, 50), np.dtype(np.float32), (10, 10), "YX")
    path = tmp_path / "a.h5"
    sink = stores.create(path, told)
    sink.write(((0, 10), (0, 10)), np.ones((10, 10), np.float32))
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info_by_coord((20, 30))
    before = np.frombuffer(path.read_bytes(), np.uint8)
    sink.write(((20, 30), (30, 40)), np.full((10, 10), 2, np.float32))
    after = np.frombuffer(path.read_bytes(), np.uint8)
    changed = np.flatnonzero(before != after)
    assert changed.min() >= chunk.byte_offset and changed.max() < chunk.byte_offset + chunk.size
    whole = read(path)
    assert whole[:10, :10].all() and (whole[20:30, 30:40] == 2).all() and whole.sum() == 300


def test_a_region_of_hdf5_is_on_its_way_to_the_disk_while_others_write(tmp_path: Path) -> None:
    told = stores.Description((40, 50), np.dtype(np.float32), (10, 10), "YX")
    sink = stores.create(tmp_path / "a.h5", told)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        data = file["data"]  # as another thread holds it
        sink.write(((0, 10), (0, 10)), np.full((10, 10), 7, np.float32))
        assert np.full(100, 7, np.float32).tobytes() in (tmp_path / "a.h5").read_bytes()
        assert data.shape == (40, 50)


def test_alpha_of_a_tiff_is_refused(tmp_path: Path) -> None:
    colours = np.zeros((20, 20, 4), np.uint8)
    for kind in ("unassalpha", "assocalpha"):
        tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", extrasamples=[kind], tile=(16, 16))
        with pytest.raises(FileFormatError, match=r"upright grey or RGB pixels, but .*a\.tif has alpha"):
            arrays.filter_stored(tmp_path / "a.tif", tmp_path / "b.tif", "box:3")
    source = stored(tmp_path / "c.npy", colours, "YXC")
    arrays.filter_stored(source, tmp_path / "c.tif", "box:3")
    assert not files.read(tmp_path / "c.tif").alpha  # four colours are no alpha


def test_chunks_that_do_not_fit_into_memory_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "a.zarr"
    zarr.create_array(source, shape=(4, 8000, 8000), chunks=(1, 8000, 8000), dtype="uint16")
    with pytest.raises(TooLargeError, match=r"\(1, 8000, 8000\) cells have 122 MiB, which needs 544 MiB"):
        arrays.filter_stored(source, tmp_path / "b.zarr", "box:3", memory=400 << 20)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_images_inside_a_folder_are_named(tmp_path: Path) -> None:
    array = np.ones((8, 9), np.float32)
    outer = tmp_path / "plate.zarr"
    zarr.open_group(outer, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    image(outer / "0", array, "yx", [{"type": "scale", "scale": [0.5, 0.5]}], version=2)
    with pytest.raises(FileFormatError, match=r"name one of its arrays or images: .*plate\.zarr/0$"):
        stores.open_source(outer)
    for name in (f"{outer}/0", f"{outer}:/0", f"{outer}/0/0"):
        assert stores.open_source(name).description.shape == (8, 9)
    assert stores.open_source(f"{outer}/0").description.spacing == (0.5, 0.5)
    done = convolve("apply", "plate.zarr/0", "-k", "box:3", "-o", "b.zarr", cwd=tmp_path)
    assert done.returncode == 0 and read(tmp_path / "b.zarr").shape == (8, 9), done.stderr


def test_a_destination_alone_says_that_regions_are_meant(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 9), np.float32))
    done = convolve("apply", "a.tif", "-k", "box:3", "-o", "b.h5", cwd=tmp_path)
    assert done.returncode == 0 and read(tmp_path / "b.h5").shape == (8, 9), done.stderr
    with pytest.raises(FileMissingError, match=r"needs its folder, but .*none does not exist"):
        arrays.filter_stored(tmp_path / "a.tif", tmp_path / "none" / "b.h5", "box:3")
    for words, said in (
        (["--format", "png"], b"--format is for pictures"),
        (["--seconds", "3"], b"--seconds and --codec for films"),
        (["--memory", "0GB"], b"must be more than nothing"),
    ):
        refused = convolve("apply", "a.tif", "-k", "box:3", "-o", "c.zarr", *words, cwd=tmp_path)
        assert refused.returncode == 2 and said in refused.stderr
