"""What a frame says about its colours, handed on untouched; and conversions that respect it."""

from dataclasses import dataclass, replace
from typing import Any

from convolve.video.library import ffmpeg
from convolve.video.pixels import Pixels

UNKNOWN = 2
"""FFmpeg's number for "not said", of spaces, primaries and transfers."""
LIMITED, FULL = 1, 2
"""FFmpeg's numbers for values from 16 to 235 (in 8 bits), and from 0 to 255."""
BT709 = 1
"""FFmpeg's number of ITU-R BT.709, which films without a word on colour are best written as."""
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True, slots=True)
class Colours:
    """FFmpeg's numbers (ISO/IEC 23091-2, ITU-T H.273) for the meaning of the values of a film."""

    space: int = UNKNOWN
    range: int = 0
    primaries: int = UNKNOWN
    transfer: int = UNKNOWN

    @classmethod
    def of(cls, frame: Any) -> "Colours":
        """Return what a frame says."""
        said = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
        space, span, primaries, transfer = (int(one) for one in said)
        if frame.format.name.startswith("yuvj") or (frame.format.name.startswith("gray") and not span):
            span = FULL  # an old name says so; and so FFmpeg reads grey of which nothing is said
        return cls(space, span, primaries, transfer)

    @property
    def matrix(self) -> int | None:
        """The way from RGB to brightness and colour differences; None where nothing is said."""
        return None if self.space in (0, UNKNOWN) else self.space

    def for_encoding(self, source: Pixels, format: str) -> "Colours":
        """Return what a film says whose pixels come from such ones: RGB becomes BT.709, as players expect."""
        if source.kind == "rgb":
            return replace(self, space=BT709, range=LIMITED, primaries=BT709, transfer=BT709)
        if source.kind == "grey" and not format.startswith("gray"):
            return replace(self, range=LIMITED)
        return self

    def mark(self, target: Any) -> None:
        """Say the same of a frame, or of an encoder."""
        target.colorspace, target.color_range = self.space, self.range
        target.color_primaries, target.color_trc = self.primaries, self.transfer


class Converter:
    """Brings frames from one way of storing pixels to another, by FFmpeg's swscale."""

    def __init__(self) -> None:
        reformatter = ffmpeg().video.reformatter
        names = reformatter.Interpolation
        self._reformatter = reformatter.VideoReformatter()
        # without these three, colours are rounded down and two neighbours share theirs even in 4:4:4
        self._how = names.BILINEAR | names.ACCURATE_RND | names.FULL_CHR_H_INT | names.FULL_CHR_H_INP

    def __call__(self, frame: Any, name: str, source: Colours, target: Colours) -> Any:
        """Return the frame in FFmpeg's format of that name, its colours with another meaning."""
        if frame.format.name == name and source.range == target.range:
            return frame
        to_rgb = name.startswith(("gbr", "rgb", "bgr"))
        from_rgb = frame.format.is_rgb
        return self._reformatter.reformat(
            frame,
            format=name,
            src_colorspace=None if from_rgb else source.matrix,
            dst_colorspace=None if to_rgb else target.matrix,
            src_color_range=FULL if from_rgb else source.range or LIMITED,
            dst_color_range=FULL if to_rgb else target.range or LIMITED,
            interpolation=self._how,
            threads=1,  # a thread of its own calls this already
        )
