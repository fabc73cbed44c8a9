"""The one door to FFmpeg's libraries, which PyAV brings: the extra `video`."""

from typing import Any

from convolve.errors import MissingExtraError


def ffmpeg() -> Any:
    """Return the package `av`, imported when it is first needed."""
    try:
        import av
    except ImportError:
        raise MissingExtraError.of("av", "video", "reading and writing films") from None
    return av


def is_frame(item: Any) -> bool:
    """Tell a decoded frame from a packet of another stream."""
    return isinstance(item, ffmpeg().VideoFrame)


def trouble() -> tuple[type[Exception], ...]:
    """Return what PyAV raises where a file is damaged or cannot hold something."""
    return ffmpeg().FFmpegError, ValueError, OverflowError, ArithmeticError
