"""Zarr, and OME-NGFF: images with the names, sizes and units of their dimensions in a Zarr group."""

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.arrays.stores.base import Description, Location, checked, default_axes
from convolve.arrays.work import Region
from convolve.dtypes import Array
from convolve.errors import FileAccessError, FileFormatError, FileMissingError, MissingExtraError

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
LARGEST_METADATA = 16 << 20
"""Bytes of a metadata file beyond which it is not read."""

UNITS = {
    "nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm", "meter": "m",
}  # fmt: skip
"""OME-NGFF's names (UDUNITS) -> the package's."""

NGFF_VERSION = "0.5"
"""https://ngff.openmicroscopy.org/0.5/ : attributes under "ome", Zarr version 3."""

PACKING = {"cname": "lz4", "clevel": 5, "shuffle": "shuffle"}
"""How chunks are packed: what Zarr 2 did unasked. Of 64 × 256 × 256 float32 it makes three quarters in 35 ms
and unpacks them in 11, of uint16 in 31 and 9; Zarr 3's own choice, Zstandard without shuffling, takes 86 and
27, and 133 and 21, for slightly more bytes (smoothed noise, AMD EPYC with AVX2, 2026-11-27)."""


@dataclass(frozen=True, slots=True)
class Zarr:
    """An array of a Zarr folder."""

    location: Location
    description: Description

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension; a chunk without a file is one number, told often."""
        with _opening(self.location) as zarr:
            array = _kept(zarr, self.location, "r")
            if array.fill_value is not None and self._is_one_chunk(place) and not self._file(array, place):
                sizes = [one.stop - one.start for one in place]
                return np.broadcast_to(np.asarray(array.fill_value, array.dtype), sizes)
            return np.asarray(array[place])

    def write(self, region: Region, values: Array) -> None:
        """Write a region through to the folder; chunks of zeros need not be there.

        Zarr would look for these number by number, which takes as long as packing: 42 ms for 17 MB, where
        asking for any bit takes 1 (AMD EPYC with AVX2, 2026-11-27).
        """
        with _opening(self.location) as zarr:
            array = _kept(zarr, self.location, "r+")
            parts = list(self._chunks(region))
            is_full = [bool(_bits(values[inside]).any()) for _, inside in parts]
            if all(is_full):
                array.with_config({"write_empty_chunks": True})[tuple(slice(*one) for one in region)] = values
                return
            for (place, inside), full in zip(parts, is_full, strict=True):
                if full or not self._is_one_chunk(place) or self._file(array, place):
                    array.with_config({"write_empty_chunks": full})[place] = values[inside]

    def _chunks(self, region: Region) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
        """Yield for each chunk of a region its place in the array, and in the region."""
        cuts = [
            [(max(start, at), min(stop, at + size)) for at in range(start // size * size, stop, size)]
            for (start, stop), size in zip(region, self.description.chunks, strict=True)
        ]
        for several in itertools.product(*cuts):
            inside = (slice(a - start, b - start) for (a, b), (start, _) in zip(several, region, strict=True))
            yield tuple(slice(*one) for one in several), tuple(inside)

    def _is_one_chunk(self, place: tuple[slice, ...]) -> bool:
        """Tell whether a place is that of one whole chunk."""
        told = self.description
        return all(
            one.start % size == 0 and one.stop == min(one.start + size, length)
            for one, size, length in zip(place, told.chunks, told.shape, strict=True)
        )

    def _file(self, array: Any, place: tuple[slice, ...]) -> bool:
        """Tell whether there is a file for a chunk; of those that share one, nothing is known."""
        numbers = tuple(one.start // size for one, size in zip(place, self.description.chunks, strict=True))
        folder = Path(self.location.path, self.location.inside.strip("/"))
        if array.shards is not None:
            return True
        try:
            (folder / array.metadata.encode_chunk_key(numbers)).stat()  # `exists` would hide what else fails
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _bits(values: Array) -> Array:
    """Return numbers as whole ones, of which only those without any bit are the zeros of a new file."""
    if values.dtype.itemsize > 8:
        values = np.ascontiguousarray(values)
    return values.view(f"u{min(8, values.dtype.itemsize)}")


@contextmanager
def _opening(location: Location) -> Iterator[Any]:
    """Give the library; what it finds wrong becomes an error of ours."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError.of("zarr", "zarr", "Zarr") from error
    try:
        yield zarr
    except (FileFormatError, FileMissingError):
        raise
    except PermissionError as error:
        raise FileAccessError(f"{location.path} cannot be opened: {error.strerror or error}") from error
    except Exception as error:  # damaged metadata or chunks can make the library raise nearly anything
        text = f"{type(error).__name__}: {error}"
        raise FileFormatError(f"{location} is damaged or no Zarr array: {text}; get it again") from error


def _array(zarr: Any, location: Location, mode: str) -> Any:
    return zarr.open_array(location.path, path=location.inside.strip("/") or None, mode=mode)


def _kept(zarr: Any, location: Location, mode: str) -> Any:
    """Return an array as it was opened before, while its metadata are the same: opening takes 3 to 5 ms."""
    folder = Path(location.path, location.inside.strip("/"))
    for name in ("zarr.json", ".zarray"):
        with contextlib.suppress(OSError):
            status = (folder / name).stat()
            return _opened_once(zarr, location, mode, (status.st_ino, status.st_mtime_ns, status.st_size))
    return _array(zarr, location, mode)  # which says what is wrong


@functools.lru_cache(maxsize=16)
def _opened_once(zarr: Any, location: Location, mode: str, _stamp: tuple[int, ...]) -> Any:
    return _array(zarr, location, mode)


def open_source(location: Location) -> Zarr:
    """Return an array: that of the path, or the full-size image of an OME-NGFF group."""
    _check_metadata(Path(location.path))
    with _opening(location) as zarr:
        found = zarr.open(location.path, path=location.inside.strip("/") or None, mode="r")
        if hasattr(found, "shape"):
            return _described(location, found, {})
        image = _multiscales(found.attrs.asdict())
        if image is None:
            names = ", ".join(f"{str(location).rstrip('/')}/{name}" for name in _held(found)) or "none"
            raise FileFormatError(
                f"{location} is a group that is no OME-NGFF image; name one of its arrays or images: {names}"
            )
        place = _inside(location, image)
        return _described(place, _array(zarr, place, "r"), image)


def _held(group: Any) -> list[str]:
    """Return the names of a group's arrays and images; what bioformats2raw writes has an image "0"."""
    images = [name for name, one in group.groups() if _multiscales(one.attrs.asdict()) is not None]
    return sorted([*group.array_keys(), *images])


def _check_metadata(path: Path) -> None:
    """Refuse metadata of absurd length before it is parsed."""
    for name in METADATA:
        file = path / name
        if file.is_file() and file.stat().st_size > LARGEST_METADATA:
            raise FileFormatError(
                f"metadata must have at most {LARGEST_METADATA} bytes, {file} has {file.stat().st_size}"
            )


def _multiscales(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first image that OME-NGFF's attributes describe, of any version since 0.3."""
    held = attributes.get("ome", attributes)
    images = held.get("multiscales") if isinstance(held, Mapping) else None
    first = images[0] if isinstance(images, list) and images else None
    return first if isinstance(first, dict) and isinstance(first.get("datasets"), list) else None


def _inside(location: Location, image: dict[str, Any]) -> Location:
    """Return where an image's full size is: inside its group."""
    path = str(image["datasets"][0]["path"]) if image["datasets"] else ""
    if not path or ".." in Path(path).parts or Path(path).is_absolute():
        raise FileFormatError(f"{location} is damaged: its image has the path {path!r}, outside of its group")
    return Location(location.path, f"{location.inside.rstrip('/')}/{path}")


def _described(location: Location, array: Any, image: Mapping[str, Any]) -> Zarr:
    shape, dtype = tuple(int(size) for size in array.shape), np.dtype(array.dtype)
    chunks = tuple(int(size) for size in array.chunks)
    if min(chunks, default=1) < 1 or min(shape, default=0) < 0:
        raise FileFormatError(f"{location} is damaged: its shape is {shape}, in chunks of {chunks}")
    told = _axes(image)
    axes = "".join(name for name, _ in told) if len(told) == len(shape) else default_axes(shape)
    units = {unit for name, unit in told if name in "XYZ" and unit}
    unit = units.pop() if len(units) == 1 else None
    spacing, origin = _place(image, len(shape)) if told else (None, None)
    if unit is None and origin is None and spacing is not None and set(spacing) == {1.0}:
        spacing = None  # OME-NGFF must name some size, known or not
    found = Description(shape, dtype, chunks, axes, spacing, unit, origin, dict(told).get("T"))
    return Zarr(location, checked(found, str(location)))


def _axes(image: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return letter and unit of each dimension, none if they are not told."""
    axes = image.get("axes", [])
    named = [one if isinstance(one, dict) else {"name": one} for one in axes]
    letters = [str(one.get("name", "")).upper() for one in named]
    if any(letter not in ("T", "C", "Z", "Y", "X") for letter in letters) or len(set(letters)) < len(letters):
        return []
    units = [str(one.get("unit", "")) for one in named]
    return list(zip(letters, [UNITS.get(unit, unit) or None for unit in units], strict=True))


def _place(
    image: Mapping[str, Any], ndim: int
) -> tuple[tuple[float | None, ...] | None, tuple[float, ...] | None]:
    """Return the size of a cell and the place of the first one: all that OME-NGFF says, in its order."""
    sizes, origin, is_told = np.ones(ndim), np.zeros(ndim), False
    both = (image["datasets"][0].get("coordinateTransformations"), image.get("coordinateTransformations"))
    for one in (one for several in both for one in several or () if isinstance(one, dict)):
        numbers = one.get(str(one.get("type")))
        if isinstance(numbers, list) and len(numbers) == ndim and one["type"] in ("scale", "translation"):
            given = np.array(numbers, float)
            if one["type"] == "scale":
                sizes, origin, is_told = sizes * given, origin * given, True
            else:
                origin = origin + given
    if not is_told or not (np.isfinite(sizes) & np.isfinite(origin) & (sizes > 0)).all():
        return None, None
    return tuple(map(float, sizes)), tuple(map(float, origin)) if origin.any() else None


def create(location: Location, description: Description) -> Zarr:
    """Make a folder: an OME-NGFF image if there is anything to tell of its dimensions, else a plain array."""
    place = _new_place(location, description)
    with _opening(location) as zarr:
        if place.inside:
            zarr.open_group(location.path, mode="w", attributes={"ome": _ngff(description)})
        zarr.create_array(
            location.path,
            name=place.inside.strip("/") or None,
            shape=description.shape,
            dtype=description.dtype,
            chunks=description.chunks,
            compressors=zarr.codecs.BloscCodec(**PACKING),
            overwrite=not place.inside,
            dimension_names=list(description.axes.lower()) if place.inside else None,  # as OME-NGFF wants
        )
    return Zarr(place, description)


def _new_place(location: Location, description: Description) -> Location:
    """Return where the array of a new folder is."""
    told = description.spacing is not None or description.axes != default_axes(description.shape)
    return Location(location.path, "/0" if told and set(description.axes) <= set("TCZYX") else "")


def _ngff(description: Description) -> dict[str, Any]:
    """Return OME-NGFF's attributes of an image."""
    names = {short: long for long, short in UNITS.items()}
    kinds = {"T": "time", "C": "channel"}
    axes: list[dict[str, str]] = []
    for axis in description.axes:
        one = {"name": axis.lower(), "type": kinds.get(axis, "space")}
        if one["type"] == "space" and description.unit in names:
            one["unit"] = names[description.unit]
        if axis == "T" and description.time_unit:
            one["unit"] = description.time_unit
        axes.append(one)
    scale = [1.0 if size is None else size for size in description.spacing or (None,) * len(axes)]
    places: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if description.origin is not None:
        places.append({"type": "translation", "translation": list(description.origin)})
    dataset = {"path": "0", "coordinateTransformations": places}
    return {"version": NGFF_VERSION, "multiscales": [{"axes": axes, "datasets": [dataset]}]}


def open_sink(location: Location, description: Description) -> Zarr:
    """Return a folder that `create` made."""
    return Zarr(_new_place(location, description), description)
