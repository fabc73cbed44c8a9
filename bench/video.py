"""Films: a 7 × 7 filter over 720p, decode and encode included, beside OpenCV's loop and ffmpeg's filter.

    python -m bench.video [--rounds 5] [--frames 300] [--threads 2] [--presets]

Every contender reads the same H.264 film and writes one; they take turns, and medians are compared. Beside
the frames per second stand the size of what was written and its PSNR, of brightness, against the exactly
filtered film, so that nobody is quick by writing worse. The filter is a disc (an out-of-focus blur), which is
not separable.
"""

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

import convolve
from convolve.video import filter_film
from convolve.video.containers import CODECS
from convolve.video.pixels import PLANAR, plane_arrays

ROWS, COLUMNS = np.mgrid[-3:4, -3:4]
DISC = (ROWS**2 + COLUMNS**2 <= 3.3**2).astype(np.int64)
COMPARED = 40
"""Frames whose PSNR is taken."""

Contender = Callable[[Path, Path], None]


def make_film(path: Path, frames: int) -> None:
    """Write FFmpeg's flight into the Mandelbrot set, which has edges and texture everywhere."""
    with (
        av.open("mandelbrot=size=1280x720:rate=30", format="lavfi") as source,
        av.open(str(path), "w") as out,
    ):
        stream = out.add_stream("libx264", rate=30, options={"preset": "fast", "crf": "20"})
        stream.width, stream.height = 1280, 720
        for frame, _ in zip(source.decode(video=0), range(frames), strict=False):
            ready = frame.reformat(format="yuv420p")
            ready.pts, ready.time_base = frame.pts, frame.time_base
            out.mux(stream.encode(ready))
        out.mux(stream.encode())


def ours(codec: str) -> Contender:
    """Return `filter_film` with a codec."""
    return lambda source, goal: filter_film(source, goal, DISC / DISC.sum(), codec=codec, force=True) and None


def opencv_frames(source: Path) -> Iterator[np.ndarray]:
    """Yield frames as OpenCV's loop filters them."""
    capture = cv2.VideoCapture(str(source))
    weights, result = (DISC / DISC.sum()).astype(np.float32), None
    while True:
        there, frame = capture.read()
        if not there:
            break
        result = cv2.filter2D(frame, -1, weights, dst=result, borderType=cv2.BORDER_REFLECT_101)
        yield result
    capture.release()


def opencv_loop(source: Path, goal: Path) -> None:
    """Read, filter and write by OpenCV, whose packages have no H.264 encoder: MPEG-4."""
    writer = cv2.VideoWriter(str(goal), cv2.VideoWriter_fourcc(*"mp4v"), 30, (1280, 720))
    for frame in opencv_frames(source):
        writer.write(frame)
    writer.release()


def opencv_x264(source: Path, goal: Path) -> None:
    """Read and filter by OpenCV, and write by the encoder that we use, with the same options."""
    with av.open(str(goal), "w") as out:
        stream = out.add_stream("libx264", rate=30, options=dict(CODECS["h264"].options))
        stream.width, stream.height = 1280, 720
        for number, array in enumerate(opencv_frames(source)):
            frame = av.VideoFrame.from_ndarray(array, format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def ffmpeg_filter(source: Path, goal: Path) -> None:
    """Filter by ffmpeg's own filter and encoder, with the same options."""
    matrix = " ".join(str(one) for one in DISC.ravel())
    planes = ":".join(f"{plane}m={matrix}:{plane}rdiv={1 / DISC.sum()}" for plane in range(3))
    options = [text for name, value in CODECS["h264"].options for text in (f"-{name}", value)]
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-vf", f"convolution={planes}"]
    subprocess.run([*command, "-c:v", "libx264", *options, str(goal)], check=True)


def brightness(path: Path) -> list[np.ndarray]:
    """Return the brightness of a film's first frames."""
    with av.open(str(path)) as container:
        frames = zip(container.decode(video=0), range(COMPARED), strict=False)
        return [plane_arrays(frame, PLANAR["yuv420p"])[0].copy() for frame, _ in frames]


def quality(source: Path, goal: Path) -> float:
    """Return the PSNR of what was written, in dB."""
    squares = [
        np.mean((convolve.apply(plane, DISC / DISC.sum()).astype(float) - got) ** 2)
        for plane, got in zip(brightness(source), brightness(goal), strict=True)
    ]
    return float(10 * np.log10(255**2 / np.mean(squares)))


def contenders() -> dict[str, Contender]:
    """Return who takes part here."""
    found: dict[str, Contender] = {
        "convolve, H.264": ours("h264"),
        "OpenCV + our H.264 encoder": opencv_x264,
        "convolve, MPEG-4": ours("mpeg4"),
        "OpenCV's loop, MPEG-4": opencv_loop,
    }
    if shutil.which("ffmpeg"):
        found["ffmpeg -vf convolution, H.264"] = ffmpeg_filter
    return found


def run(rounds: int, frames: int) -> dict[str, list[float]]:
    """Print the table; return the frames per second of every turn."""
    with tempfile.TemporaryDirectory() as folder:
        source, goal = Path(folder) / "film.mp4", Path(folder) / "result.mp4"
        make_film(source, frames)
        speeds: dict[str, list[float]] = {name: [] for name in contenders()}
        facts: dict[str, tuple[float, float]] = {}
        for turn in range(rounds + 1):  # the first is to warm up
            for name, filter_it in contenders().items():
                speed = _speed(filter_it, source, goal, frames)
                speeds[name] += [speed] if turn else []
                if not turn:
                    facts[name] = goal.stat().st_size / frames * 30 * 8 / 1e6, quality(source, goal)
    print(f"{'':32} frames/s   Mbit/s   PSNR")
    for name, turns in speeds.items():
        rate, decibels = facts[name]
        print(f"{name:32} {statistics.median(turns):8.1f} {rate:8.1f} {decibels:6.1f}")
    for one, other in (
        ("convolve, H.264", "OpenCV + our H.264 encoder"),
        ("convolve, MPEG-4", "OpenCV's loop, MPEG-4"),
        ("convolve, H.264", "OpenCV's loop, MPEG-4"),
        ("convolve, H.264", "ffmpeg -vf convolution, H.264"),
    ):
        if other in speeds:
            ratios = [a / b for a, b in zip(speeds[one], speeds[other], strict=True)]
            print(
                f"{one} by {other}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
    return speeds


def presets(frames: int) -> None:
    """Print what x264's presets cost at our quality: why "veryfast" was chosen."""
    plain = CODECS["h264"]
    with tempfile.TemporaryDirectory() as folder:
        source, goal = Path(folder) / "film.mp4", Path(folder) / "result.mp4"
        make_film(source, frames)
        print(f"{'x264, crf 18':12} frames/s   Mbit/s   PSNR")
        for name in ("superfast", "veryfast", "faster", "medium"):
            CODECS["h264"] = replace(plain, options=(("preset", name), ("crf", "18")))
            speed = statistics.median(_speed(ours("h264"), source, goal, frames) for _ in range(3))
            rate = goal.stat().st_size / frames * 30 * 8 / 1e6
            print(f"{name:12} {speed:8.1f} {rate:8.2f} {quality(source, goal):6.1f}")
    CODECS["h264"] = plain


def _speed(filter_it: Contender, source: Path, goal: Path, frames: int) -> float:
    start = time.perf_counter()
    filter_it(source, goal)
    return frames / (time.perf_counter() - start)


def versions() -> str:
    """Return what was compared."""
    told = [f"convolve {convolve.__version__}", f"OpenCV {cv2.__version__}", f"PyAV {av.__version__}"]
    if shutil.which("ffmpeg"):
        first = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
        told.append(" ".join(first.split()[:3]))
    return f"{', '.join(told)}; {convolve.get_num_threads()} threads"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--presets", action="store_true", help="what x264's presets cost instead")
    given = parser.parse_args()
    if given.threads:
        convolve.set_num_threads(given.threads)
        cv2.setNumThreads(given.threads)
    print(versions())
    presets(given.frames) if given.presets else run(given.rounds, given.frames)


if __name__ == "__main__":
    main()
