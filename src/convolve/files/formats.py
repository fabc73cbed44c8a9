"""The formats that are read and written: a short list, told apart by their first bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convolve.errors import FileFormatError
from convolve.files import dicom, nifti


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its suffixes, how its files begin, and what it can hold."""

    name: str
    suffixes: tuple[str, ...]
    begins: Callable[[bytes], bool]
    holds: str


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("PNG", (".png", ".apng"), lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
               "8-bit grey or RGB with or without alpha, 1-bit and 16-bit grey, animations"),
        Format("JPEG", (".jpg", ".jpeg"), lambda head: head.startswith(b"\xff\xd8\xff"), "8-bit grey or RGB"),
        Format("WEBP", (".webp",), lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
               "8-bit RGB with or without alpha, animations"),
        Format("BMP", (".bmp",), lambda head: head.startswith(b"BM"), "8-bit grey or RGB"),
        Format("GIF", (".gif",), lambda head: head.startswith((b"GIF87a", b"GIF89a")),
               "256 colours per frame, animations"),
        Format("TIFF", (".tif", ".tiff"),
               lambda head: head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
               "any dtype and any number of dimensions"),
        Format("NIFTI", (".nii", ".nii.gz"), nifti.begins, "volumes, and series of them, of most dtypes"),
        Format("DICOM", (".dcm",), dicom.begins, "nothing: it is read only"),
        Format("NPY", (".npy",), lambda head: head.startswith(b"\x93NUMPY"), "any array"),
    )
}  # fmt: skip
"""Name -> format. No other format is opened, whatever the libraries below could read."""

HEAD = 132
"""Bytes at the beginning of a file that tell its format: DICOM's name stands after 128."""

SUFFIXES = {suffix: one.name for one in FORMATS.values() for suffix in one.suffixes}


def detect(head: bytes, name: str) -> str:
    """Return the format of a file from its first bytes."""
    for one in FORMATS.values():
        if one.begins(head):
            return one.name
    what = "is empty" if not head else f"begins with {head[:8]!r}"
    raise FileFormatError(
        f"{name} {what}, which is none of the formats read here ({', '.join(FORMATS)}); convert it"
    )


def suffix_of(path: Path) -> str:
    """Return the suffix of a path, both parts of .nii.gz.

    >>> suffix_of(Path("brain.NII.gz")), suffix_of(Path("a.b.png"))
    ('.nii.gz', '.png')
    """
    name = path.name.lower()
    return next((one for one in SUFFIXES if one.count(".") == 2 and name.endswith(one)), path.suffix.lower())


def ending(name: str) -> str:
    """Return the suffix of a format that a caller named; several formats have more than one.

    >>> ending("jpeg"), ending("nii.gz"), ending("NIFTI")
    ('.jpeg', '.nii.gz', '.nii')
    """
    wanted = f".{name.lower().lstrip('.')}"
    return wanted if wanted in SUFFIXES else FORMATS[named(name)].suffixes[0]


def of_suffix(path: Path) -> str:
    """Return the format that a file to be written shall have, from its suffix."""
    suffix = suffix_of(path)
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    raise FileFormatError(
        f"the suffix of {path.name} must say its format, one of {', '.join(sorted(SUFFIXES))}; got "
        f"{suffix or 'none'}: rename it or name the format"
    )


def refuse_unwritable(name: str) -> None:
    """Refuse a format that is only read, before any work is done."""
    if name == "DICOM":
        raise FileFormatError(
            "DICOM files are read and never written; write .nii.gz, .tif or .npy, by the result's name or "
            "its format"
        )


def named(name: str) -> str:
    """Return a format that a caller named, "png" or ".png"."""
    wanted = name.upper().lstrip(".")
    found = wanted if wanted in FORMATS else SUFFIXES.get(f".{wanted.lower()}")
    if found is None:
        raise FileFormatError(f"format must be one of {', '.join(FORMATS)}; got {name!r}")
    return found
