"""The command line of the benchmark; scripts/bench runs it."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from bench import figures, readme, report, results, runner, shapes, starting
from bench.peers import NAMES
from bench.shapes import Shape
from bench.worker import TOLERANCE

TURNS, QUICK_TURNS = 5, 2
FIRST_CALLS = (
    "resnet50.res2.3x3",
    "resnet50.res4.1x1",
    "resnet50.conv1",
    "mobilenet2.dw112",
    "audio.wav2vec0",
)
"""Shapes whose first call is measured: one of each kind, none with much work of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and keep the result if it is one of the whole set."""
    asked = parser().parse_args(arguments)
    if asked.readme:
        sys.stdout.write(readme.update())
        return 0
    whole = [*shapes.load(), *shapes.load("overhead.csv")]
    chosen = shapes.select(whole, asked.names or ["*"])
    if not chosen:
        sys.stderr.write(f"no shape is called {' or '.join(asked.names)}; see bench/standard_set.csv\n")
        return 2
    result = run(chosen, asked, starts=not asked.names and not asked.quick)
    found = figures.figures(result)
    print("\n" + report.closing(result, found))
    if not asked.names and not asked.quick and not asked.peers:
        print(f"\nwritten: {results.write(result)}; now scripts/bench --readme")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    made = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Time convolve and its peers on the standard set, or on some shapes.",
    )
    made.add_argument(
        "names", nargs="*", metavar="NAME", help="shapes, such as vgg.conv5 or 'image.*'; all without"
    )
    made.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (1 2)")
    made.add_argument(
        "--peers", nargs="+", choices=NAMES[1:], help="only these; all that are installed without"
    )
    made.add_argument("--quick", action="store_true", help="few turns; the result is not kept")
    made.add_argument("--avx2", action="store_true", help="hold everybody to AVX2 who can be held")
    made.add_argument(
        "--readme", action="store_true", help="write README.md's part on speed from the newest result"
    )
    return made


def run(chosen: Sequence[Shape], asked: argparse.Namespace, starts: bool) -> dict[str, Any]:
    """Return the result of timing the shapes, printing as it goes."""
    peers = [name for name in asked.peers or NAMES[1:] if not asked.avx2 or name in runner.CAN_BE_HELD]
    there = [runner.OURS, *(name for name in peers if runner.is_installed(name))]
    print(f"peers: {', '.join(there[1:])}; not installed: {', '.join(set(peers) - set(there)) or 'none'}")
    print(report.HEAD)
    result = {
        **results.heading(),
        "avx2": asked.avx2,
        "tolerance": TOLERANCE,
        "limits": {},
        "shapes": {},
        "skipped": {},
    }
    for threads in asked.threads:
        with runner.processes(there, threads, asked.avx2) as started:
            result["versions"] = {one.peer: one.ask("version") for one in started}
            limits = started[0].ask("machine")
            result["target"] = limits.pop("target")
            result["limits"][str(threads)] = limits
            for shape in chosen:
                one_shape(shape, threads, started, result, QUICK_TURNS if asked.quick else TURNS)
    if starts:
        result["first_calls"] = starting.first_calls([figures.SHAPES[name] for name in FIRST_CALLS])
        result["import_ratio"] = starting.import_ratio()
    return result


def one_shape(
    shape: Shape, threads: int, started: Sequence[runner.Process], result: dict[str, Any], turns: int
) -> None:
    """Measure a shape, put it into the result and print its line."""
    if shape.name in result["skipped"]:
        return
    records = runner.measure(shape, started, turns)
    ours = records[runner.OURS]
    if "skipped" in ours:
        result["skipped"][shape.name] = ours["skipped"]
        print(f"{shape.name:24}skipped: {ours['skipped']}", flush=True)
        return
    result["shapes"].setdefault(shape.name, {})[str(threads)] = records
    if "modes" in ours:
        print(
            report.line(figures.figure(shape, threads, records, result["limits"][str(threads)])), flush=True
        )
    else:
        print(f"{shape.name:24}{threads:8}  FAILED: {ours['failed']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
