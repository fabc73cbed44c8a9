"""A long film at flat memory: `python -m bench.long_video [--minutes 10]`.

Twenty seconds of 720p are repeated, packet by packet, to so many minutes; a 7 × 7 box filters them. What is
printed is resident memory after the first 500 frames, and whether every time stamp is the same.
"""

import argparse
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.video import make_film, versions
from convolve.video import filter_film

PART = 600
"""Frames that are repeated: 20 s."""
WARM = 500
"""Frames after which memory should not grow: encoders look some 50 frames ahead, and fill their pools."""
PAGE = 4096
"""Bytes of a page, in which Linux counts resident memory."""


def repeated(source: Path, goal: Path, times: int) -> None:
    """Write a film that shows another so many times."""
    with av.open(str(goal), "w") as out:
        copy, shift = None, 0
        for _ in range(times):
            with av.open(str(source)) as part:
                stream = part.streams.video[0]
                copy = copy or out.add_stream_from_template(stream, opaque=True)
                for packet in part.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = copy
                        out.mux(packet)
                shift += round(Fraction(PART, 30) / stream.time_base)


def stamps(path: Path) -> list[Fraction]:
    """Return the time stamps of a film, in order."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        return sorted(packet.pts * packet.time_base for packet in packets if packet.dts is not None)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=10)
    given = parser.parse_args()
    held: list[float] = []

    def look(done: int, _about: int | None) -> None:
        if done >= WARM and done % 100 == 0:
            held.append(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6)

    with tempfile.TemporaryDirectory() as folder:
        part, source, goal = (Path(folder) / name for name in ("part.mp4", "film.mp4", "result.mp4"))
        make_film(part, PART)
        repeated(part, source, 3 * given.minutes)
        start = time.perf_counter()
        report = filter_film(source, goal, "box:7", progress=look)
        speed = report.frames / (time.perf_counter() - start)
        same = stamps(source) == stamps(goal)
    mean = np.mean(held)
    print(versions())
    print(f"{report.frames} frames at {speed:.0f} frames/s; time stamps {'the same' if same else 'DIFFER'}")
    print("MB in tenths of the film:", *(f"{np.mean(part):.0f}" for part in np.array_split(held, 10)))
    print(f"from {min(held):.0f} to {max(held):.0f} MB: within {100 * np.abs(held / mean - 1).max():.1f} %")


if __name__ == "__main__":
    main()
