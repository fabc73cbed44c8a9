"""Films: filtered frame by frame and through time, in memory that does not grow (extra `video`: PyAV)."""

from convolve.video.film import FilmReport, filter_film
from convolve.video.frames import read_frames, write_frames

__all__ = ["FilmReport", "filter_film", "read_frames", "write_frames"]
