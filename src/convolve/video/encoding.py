"""In which of FFmpeg's pixel formats a film is written."""

from convolve.video.containers import Codec
from convolve.video.library import ffmpeg
from convolve.video.pixels import PLANAR, Pixels

RGB_AS_IT_IS = {8: "bgr0", 16: "gbrp16le"}
"""What ffv1 calls red, green and blue."""


def written_pixels(pixels: Pixels, size: tuple[int, int], codec: Codec) -> tuple[str, list[str]]:
    """Return FFmpeg's name of the pixels to write, and what is to be said about it.

    Brightness and colour differences stay as they are, where the codec can. RGB and grey become the usual
    4:2:0, because hardly a player shows anything else; ffv1, which is lossless, keeps them.
    """
    encoder = ffmpeg().codec.Codec(codec.encoder, "w")
    known = {one.name for one in encoder.video_formats or ()}
    if codec.encoder == "ffv1" and pixels.kind == "rgb" and pixels.bits in RGB_AS_IT_IS:
        return RGB_AS_IT_IS[pixels.bits], []
    keeps = pixels.kind == "yuv" or codec.encoder == "ffv1"
    wanted = pixels if keeps else PLANAR["yuv420p" if pixels.bits == 8 else "yuv420p10le"]
    notes = []
    if codec.even and any(length % cell for length, cell in zip(size, wanted.shared, strict=True)):
        notes.append(
            f"{size[1]}×{size[0]} is odd, so colours are written for every pixel (4:4:4), which some "
            "players do not show; even sizes or .webm avoid it"
        )
        wanted = PLANAR[wanted.name.replace("420", "444").replace("422", "444").replace("440", "444")]
    found = next(one for one in _choices(wanted) if one.name in known)
    if found.bits < pixels.bits:
        notes.append(f"written in {found.bits} bits instead of {pixels.bits}: {codec.encoder} has no more")
    if pixels.kind == "yuv" and found.shared != pixels.shared and not notes:
        notes.append(f"written as {found.name} instead of {pixels.name}, which {codec.encoder} does not know")
    return found.name, notes


def _choices(wanted: Pixels) -> list[Pixels]:
    """Return the formats there are, those first that lose least."""
    same = [one for one in PLANAR.values() if one.kind == wanted.kind and one.bits <= wanted.bits]
    by_loss = sorted(same, key=lambda one: (one.shared != wanted.shared, one.shared, -one.bits))
    finer = [one for one in by_loss if all(a <= b for a, b in zip(one.shared, wanted.shared, strict=True))]
    return [*finer, *by_loss, PLANAR["yuv420p"]]
