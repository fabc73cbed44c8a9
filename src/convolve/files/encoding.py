"""Pictures to PNG, JPEG, WebP, BMP and GIF, by Pillow: what a format cannot hold is refused."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convolve.errors import FileFormatError
from convolve.files.formats import FORMATS
from convolve.files.picture import Picture

JPEG_QUALITY = 95
"""Pillow's documentation advises against more: the file grows and hardly anything is gained."""

ANIMATED = ("GIF", "PNG", "WEBP")
WITH_ALPHA = ("GIF", "PNG", "WEBP")
GIF_TICK = 10
"""Milliseconds that a GIF counts durations in."""

COLOURS = 256
"""What a GIF's palette holds."""


def encode(picture: Picture, format: str) -> bytes:
    """Return the bytes of a file of this format."""
    frames = [_image(picture, frame, format) for frame in _frames(picture, format)]
    options = _options(picture, format)
    if len(frames) > 1:
        options |= _animation(picture, frames, format)
    stream = io.BytesIO()
    try:
        frames[0].save(stream, format, **options)
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"a {format} file cannot hold this picture of {picture.array.shape}: {error}; save it as .tif"
        ) from error
    return stream.getvalue()


def _frames(picture: Picture, format: str) -> list[NDArray[Any]]:
    """Return the single pictures of a film, or the picture itself."""
    if picture.axes in ("YX", "YXC"):
        return [picture.array]
    if picture.axes in ("TYX", "TYXC") and format in ANIMATED and len(picture.array):
        return list(picture.array)
    what = "an animation" if picture.axes.startswith("T") else f"the dimensions {picture.axes}"
    raise _cannot(picture, format, what)


def _cannot(picture: Picture, format: str, what: str) -> FileFormatError:
    shape, dtype = picture.array.shape, picture.array.dtype
    return FileFormatError(
        f"a {format} file holds {FORMATS[format].holds}, not {what} (this picture is {dtype} {shape}, "
        f"{picture.axes}); choose another dtype (--dtype uint8), or save it as .tif or .npy"
    )


def _image(picture: Picture, frame: NDArray[Any], format: str) -> Image.Image:
    """Return one frame as Pillow's image, if the format holds it."""
    channels = frame.shape[2] if frame.ndim == 3 else 1
    flat = frame[..., 0] if frame.ndim == 3 and channels == 1 else frame
    if 0 in flat.shape:
        raise _cannot(picture, format, "a picture without pixels")
    if picture.alpha and format not in WITH_ALPHA:
        raise _cannot(picture, format, "transparency")
    if flat.dtype == np.bool_ and flat.ndim == 2 and format == "PNG":
        return Image.fromarray(flat)
    film = picture.axes.startswith("T")
    if flat.dtype == np.uint16 and flat.ndim == 2 and format == "PNG" and not film:
        return Image.fromarray(np.ascontiguousarray(flat, dtype="<u2"))
    if flat.dtype != np.uint8:
        raise _cannot(picture, format, f"numbers of {flat.dtype} in {channels} channels")
    expected = {(1, False), (2, True), (3, False), (4, True)}
    if (channels, picture.alpha) not in expected:
        raise _cannot(picture, format, f"{channels} channels {'with' if picture.alpha else 'without'} alpha")
    image = Image.fromarray(np.ascontiguousarray(flat), {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])
    return _palette(picture, image) if format == "GIF" else image


def _palette(picture: Picture, image: Image.Image) -> Image.Image:
    """Return an image for a GIF, if its palette can hold the colours."""
    if image.mode == "L":
        return image
    colours: Any = image.convert("RGBA").getcolors(COLOURS)
    if colours is None or any(0 < colour[3] < 255 for _, colour in colours):
        raise _cannot(picture, "GIF", "more colours, or half-transparent ones")
    return image.convert("RGBA") if picture.alpha else image


def _options(picture: Picture, format: str) -> dict[str, Any]:
    """Return how a format is written: without loss where that is possible."""
    options: dict[str, Any] = {}
    if format == "JPEG":
        options = {"quality": JPEG_QUALITY, "subsampling": 0}
    if format == "WEBP":
        options = {"lossless": True, "exact": True}
    if _profile_fits(picture) and format in ("PNG", "JPEG", "WEBP"):
        options["icc_profile"] = picture.metadata["icc"]
    if "exif" in picture.metadata and format in ("PNG", "JPEG", "WEBP"):
        options["exif"] = picture.metadata["exif"]
    return options


def _profile_fits(picture: Picture) -> bool:
    """Say whether there is a colour profile, and one for these channels: grey has others than RGB."""
    profile = picture.metadata.get("icc", b"")
    colours = picture.axes.endswith("C") and picture.array.shape[-1] > 2
    return bool(profile) and (profile[16:20] == b"GRAY") != colours


def _animation(picture: Picture, frames: list[Image.Image], format: str) -> dict[str, Any]:
    durations = picture.metadata.get("durations", (100.0,) * len(frames))
    step = GIF_TICK if format == "GIF" else 1
    options: dict[str, Any] = {
        "save_all": True,
        "append_images": frames[1:],
        "duration": [round(one / step) * step for one in durations][: len(frames)],
        "loop": picture.metadata.get("loop", 0),
    }
    if format == "GIF" and options["loop"] == 1:
        del options["loop"]  # a GIF plays once when it does not say how often
    return options
