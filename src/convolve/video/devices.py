"""Films from a webcam, by the system's own interface: "device:0"."""

import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from convolve.errors import FileFormatError, FileMissingError
from convolve.video.library import ffmpeg
from convolve.video.reading import header_of, opened, picture_stream

PREFIX = "device:"
INTERFACES = {"linux": ("video4linux2,v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}"),
              "win32": ("dshow", "video={}")}  # fmt: skip
"""System -> FFmpeg's name of its interface to cameras, and what a camera is called there."""


class DeviceSource:
    """A webcam; see `Source` for what it gives. Frames come until ``seconds`` are over, or Ctrl-C."""

    live = True
    copied: tuple[Any, ...] = ()

    def __init__(self, device: str, seconds: float | None = None) -> None:
        self.notes: list[str] = []
        self.metadata: dict[str, str] = {}
        self.chapters: list[Any] = []
        interface, place = INTERFACES.get(sys.platform, INTERFACES["linux"])
        which = device.removeprefix(PREFIX) or "0"
        if interface not in ffmpeg().formats_available:
            raise FileMissingError(f"{device} needs FFmpeg's {interface}, which this PyAV is built without")
        try:
            self._container = opened(place.format(which), device, format=interface)
        except FileFormatError as error:
            raise FileMissingError(
                f"there is no camera {device} that can be opened ({place.format(which)}: {error.__cause__}); "
                "device:0 is the first one"
            ) from error
        self._stream = picture_stream(self._container, device)
        self._seconds, self._stopped = seconds, False
        self._frames = self._container.decode(self._stream)
        self._first = next(self._frames)
        self.header = header_of(self._stream, self._first, self.notes)

    def items(self) -> Iterator[Any]:
        """Yield frames as they come, their times counted from the first."""
        start = self._first.pts
        for frame in self._with_first():
            if self._stopped:
                return
            frame.pts -= start
            if self._seconds is not None and frame.pts * self.header.time_base >= Fraction(self._seconds):
                return
            yield frame

    def _with_first(self) -> Iterator[Any]:
        yield self._first
        yield from self._frames

    def stop(self) -> None:
        """Yield no more frames after the present one."""
        self._stopped = True

    def close(self) -> None:
        """Let the camera go."""
        self._container.close()
