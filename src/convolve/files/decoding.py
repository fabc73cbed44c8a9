"""PNG, JPEG, WebP, BMP and GIF to pictures, by Pillow: nothing reduced in silence."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from convolve.errors import FileFormatError
from convolve.files.picture import LARGEST_PACKED, Picture, check_size
from convolve.files.tiff import upright

ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""

FRAME_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX")
"""What the frames of an animation may be: all of 8 bits."""

PALETTE_MODES = ("P", "PA")
PLAIN_MODES = {"L": "YX", "LA": "YXC", "RGB": "YXC", "RGBA": "YXC", "I;16": "YX", "F": "YX"}
CONVERTED_MODES = {
    "1": ("L", "1-bit pixels became 8-bit grey, 0 and 255"),
    "CMYK": ("RGB", "CMYK colours were converted to RGB, without a printer's profile"),
    "YCbCr": ("RGB", "YCbCr colours were converted to RGB"),
}
DEFLATE = 1032
"""No stream that zlib packs expands by more (zlib's technical details): a PNG that claims more lies."""

LARGEST_RATIOS = {"JPEG": 1024, "MPO": 1024, "GIF": 2800}
"""Pixels per byte of file beyond which a header lies. JPEG: each block of 64 pixels takes at least one bit
(ITU T.81, Huffman coding), so 512 per byte. GIF: a code of 12 bits stands for at most 4096 pixels, so 2731.
Without them 1 kilobyte that claims 13000×13000 pixels takes 10 s and 1.6 GB."""

PNG_HEADER = 26
"""Bytes of a PNG up to its colour type."""


def decode(data: bytes, format: str, name: str) -> Picture:
    """Return the picture in the bytes of a file of this format."""
    if format == "PNG" and len(data) >= PNG_HEADER:
        _check_png(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # check_size refuses what Pillow only warns of
            with Image.open(io.BytesIO(data), formats=[format]) as image:
                _check_ratio(image, len(data), name)
                return _decode_image(image, name)
    except FileFormatError:
        raise
    except Image.DecompressionBombError as error:
        raise FileFormatError(
            f"a picture may have at most {LARGEST_PACKED} pixels, but the header of {name} says more: {error}"
            "; cut it into smaller files"
        ) from error
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise FileFormatError(
            f"{name} is damaged or not a whole {format} file: {error}; get it again"
        ) from error


def _decode_image(image: Image.Image, name: str) -> Picture:
    frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
    check_size((frames, *image.size) if frames > 1 else image.size, name, LARGEST_PACKED)
    if frames > 1 and image.mode not in FRAME_MODES:
        raise FileFormatError(
            f"{name} is an animation of {image.mode} pixels, which would be reduced to 8 bits on reading; "
            "save its frames as a TIFF stack"
        )
    if frames > 1:
        return _decode_frames(image, frames, _metadata(image), name)
    notes = ["only the first of several pictures was read"] if image.format == "MPO" else []
    turned = _upright(image, notes)
    plain = _plain(turned, notes, name)
    array: NDArray[Any] = np.array(plain)
    if plain.mode == "I;16" and "transparency" in image.info:
        notes.append("the transparent grey became an alpha channel")
        opaque = np.where(array == image.info["transparency"], 0, 0xFFFF).astype(np.uint16)
        array = np.stack([array, opaque], axis=-1)
        return Picture(array, "YXC", True, notes=tuple(notes), metadata=_metadata(turned))
    alpha = plain.mode in ("LA", "RGBA")
    return Picture(array, PLAIN_MODES[plain.mode], alpha, notes=tuple(notes), metadata=_metadata(turned))


def _check_png(data: bytes, name: str) -> None:
    """Refuse what Pillow would reduce from 16 to 8 bits, and a header that claims more than there can be."""
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    depth, colour = data[24], data[25]
    if depth == 16 and colour != 0:
        raise FileFormatError(
            f"{name} has 16 bits per colour, which would be reduced to 8 on reading; save it as TIFF instead"
        )
    if width * height * max(depth, 1) // 8 > DEFLATE * len(data):
        raise FileFormatError(
            f"{name} is damaged or a decompression bomb: its header says {width}×{height} pixels, "
            f"which {len(data)} bytes cannot hold; get it again"
        )


def _check_ratio(image: Image.Image, size: int, name: str) -> None:
    """Refuse a header that claims more pixels than the bytes can hold."""
    width, height = image.size
    ratio = LARGEST_RATIOS.get(str(image.format))
    if ratio is not None and width * height > ratio * size:
        raise FileFormatError(
            f"{name} is damaged or a decompression bomb: its header says {width}×{height} pixels, "
            f"which {size} bytes cannot hold; get it again"
        )


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    """Return the picture as the camera's orientation says it is meant to be seen."""
    orientation = image.getexif().get(ORIENTATION, 1)
    if orientation not in range(2, 9):
        return image
    notes.append(f"the picture was turned upright, as its EXIF orientation {orientation} says")
    return ImageOps.exif_transpose(image)


def _plain(image: Image.Image, notes: list[str], name: str) -> Image.Image:
    """Return the picture in a mode whose numbers mean brightness."""
    if image.mode in PALETTE_MODES:
        notes.append("the palette's colours were written out")
        return _palette(image)
    if image.mode in CONVERTED_MODES:
        wanted, note = CONVERTED_MODES[image.mode]
        notes.append(note)
        return image.convert(wanted)
    if image.mode == "RGBX":
        return image.convert("RGB")
    if image.mode in ("I", "I;16B"):
        return Image.fromarray(np.array(image).astype(np.uint16))
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        notes.append("the transparent colour became an alpha channel")
        return image.convert("RGBA")
    if image.mode not in PLAIN_MODES:
        raise FileFormatError(
            f"{name} has pixels of the kind {image.mode}, which are not read; save it as RGB or grey"
        )
    return image


def _palette(image: Image.Image) -> Image.Image:
    """Return a picture of numbered colours as colours, or as grey if none of them has another hue."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    colours = image.convert("RGB")
    planes = np.array(colours)
    return colours.convert("L") if (planes == planes[..., :1]).all() else colours


def _metadata(image: Image.Image) -> dict[str, Any]:
    """Return what goes along into the next file."""
    found: dict[str, Any] = {}
    if image.info.get("icc_profile") and image.mode not in ("CMYK",):
        found["icc"] = image.info["icc_profile"]
    exif = image.getexif()
    if len(exif):
        exif.pop(ORIENTATION, None)  # it is applied on reading
        found["exif"] = exif.tobytes()
    return found


def _decode_frames(image: Image.Image, frames: int, metadata: dict[str, Any], name: str) -> Picture:
    """Return an animation as a film of whole frames."""
    film = np.empty((frames, image.height, image.width, 4), np.uint8)  # one block, not frame by frame
    durations = []
    for index in range(frames):
        image.seek(index)
        if image.size != (film.shape[2], film.shape[1]):  # a damaged GIF can make the canvas grow
            raise FileFormatError(
                f"{name} is damaged: frame {index} is {image.width}×{image.height}, the first one "
                f"{film.shape[2]}×{film.shape[1]}; get it again"
            )
        film[index] = np.asarray(image.convert("RGBA"))
        durations.append(float(image.info.get("duration", 0)))
    metadata |= {"durations": tuple(durations), "loop": int(image.info.get("loop", 1))}
    film = upright(film, image.getexif().get(ORIENTATION, 1), 1, 2)
    alpha = bool((film[..., 3] != 255).any())
    grey = not alpha and bool((film[..., :1] == film[..., 1:3]).all())
    if grey:
        return Picture(film[..., 0].copy(), "TYX", metadata=metadata)
    return Picture(film if alpha else film[..., :3].copy(), "TYXC", alpha, metadata=metadata)
