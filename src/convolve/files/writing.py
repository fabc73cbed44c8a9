"""Writing: a `Picture` to a path, in one step, or to anything that takes bytes."""

from pathlib import Path
from typing import BinaryIO

from convolve.errors import ArgumentTypeError, FileFormatError
from convolve.files import encoding, nifti, npy, tiff
from convolve.files.atomic import refuse_existing, write_bytes
from convolve.files.formats import ending, named, of_suffix, refuse_unwritable, suffix_of
from convolve.files.picture import Picture, check_path


def write(
    destination: str | Path | BinaryIO, picture: Picture, *, format: str | None = None, force: bool = False
) -> None:
    r"""Write a picture, so that the file is afterwards the old one or the new one and never half of it.

    Parameters
    ----------
    destination
        A path, whose suffix says the format, or anything with a ``write`` that takes bytes.
    picture
        What to write.
    format
        The format, where there is no suffix to say it.
    force
        Whether an existing file may be replaced.

    Raises
    ------
    FileExistsRefusal
        If the file exists and ``force`` is not given.
    FileFormatError
        If the format cannot hold the picture as it is.
    FileAccessError
        If the disk is full or may not be written.

    Notes
    -----
    An animation (GIF, PNG, WebP) stores neighbouring frames that are equal as one that lasts as long as all
    of them: it plays the same, and has fewer frames. A TIFF stack keeps every frame.

    Examples
    --------
    >>> import io, numpy as np
    >>> stream = io.BytesIO()
    >>> write(stream, Picture(np.zeros((2, 3), np.uint8), "YX"), format="png")
    >>> stream.getvalue()[:4]
    b'\x89PNG'
    """
    if not isinstance(destination, str | Path):
        if not hasattr(destination, "write"):
            raise ArgumentTypeError(
                f"destination must be a path or an open binary file, got {type(destination).__name__}"
            )
        if format is None:
            raise FileFormatError("format must be named for a stream, which has no suffix; pass format='png'")
        data = encode(picture, named(format))
        destination.write(nifti.packed(data) if ending(format) == nifti.PACKED else data)
        return
    check_path(destination)
    path = Path(destination)
    chosen = of_suffix(path) if format is None else named(format)
    refuse_existing(path, force=force)  # before the work of encoding
    data = encode(picture, chosen)
    endings = (suffix_of(path), None if format is None else ending(format))
    packed = chosen == "NIFTI" and nifti.PACKED in endings
    write_bytes(path, nifti.packed(data) if packed else data, force=force)


def encode(picture: Picture, format: str) -> bytes:
    """Return the bytes of a file of one of the `FORMATS`."""
    refuse_unwritable(format)
    if format == "NIFTI":
        return nifti.encode(picture)
    if format == "TIFF":
        return tiff.encode(picture)
    return npy.encode(picture) if format == "NPY" else encoding.encode(picture, format)
