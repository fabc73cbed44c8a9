"""The release suite: the figures of reliability whose cases are drawn, at their numbers for a release.

Each figure is some test files and the variable that sets how many cases they draw. A scale runs a part.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Figure:
    """One figure: how many cases a release wants, the least that says anything, and where it is tested."""

    name: str
    what: str
    variable: str
    release: int
    least: int
    tests: tuple[str, ...]
    on_arm: bool = False

    def cases(self, scale: float) -> int:
        """Return how many cases a part of the release has."""
        return max(self.least, round(self.release * scale))

    def command(self) -> list[str]:
        """Return the command that runs it."""
        python = [str(ROOT / "scripts" / "arm")] if self.on_arm else [sys.executable]
        quiet = ["-q", "-x", "--tb=short", "-p", "no:cacheprovider", "-o", "timeout=0"]
        return [*python, "-m", "pytest", *quiet, *self.tests]


FIGURES = (
    Figure(
        "F1", "whole numbers, exact", "CONVOLVE_F1", 1_000_000, 2000,
        ("tests/test_f1_integers.py", "tests/engine/test_f1_f2.py"),
    ),
    Figure(
        "F2", "real numbers, bounded", "CONVOLVE_F2", 200_000, 1000,
        ("tests/test_f2_floats.py", "tests/engine/test_f1_f2.py"),
    ),
    Figure(
        "F3", "errors against PyTorch's", "CONVOLVE_F3", 20_000, 200, ("tests/engine/test_f3_accuracy.py",),
    ),
    Figure("F4", "guard pages", "CONVOLVE_F4", 500_000, 2000, ("tests/engine/test_f4_guard_pages.py",)),
    Figure("F5", "threads and repeats", "CONVOLVE_F5", 2000, 50, ("tests/engine/test_f5_threads.py",)),
    Figure("F9", "damaged cache entries", "CONVOLVE_F9", 100_000, 500, ("tests/runtime/test_cache.py",)),
    Figure("F10", "processes on a cold cache", "CONVOLVE_F10", 200, 1, ("tests/runtime/test_cache.py",)),
    Figure("F11", "mutated ONNX files", "CONVOLVE_F11", 20_000, 1000, ("tests/nn/test_hostile.py",)),
    Figure("F15", "specs in flat memory", "CONVOLVE_SOAK", 10_000, 500, ("tests/engine/test_f15_soak.py",)),
    Figure("F16", "hostile specs", "CONVOLVE_F16", 5000, 150, ("tests/engine/test_f16_adversarial.py",)),
    Figure(
        "F17", "networks beside ONNX Runtime", "CONVOLVE_F17", 9, 6,
        ("tests/nn/test_light_networks.py", "tests/nn/test_zoo.py"),
    ),
    Figure(
        "graphs", "random graphs, ONNX Runtime", "CONVOLVE_GRAPHS", 1000, 30,
        ("tests/nn/test_random_graphs.py",),
    ),
    Figure("F21", "seeded bugs", "CONVOLVE_MUTANTS", 200, 20, ("tests/mutation",)),
    Figure(
        "cross", "every option with every other", "CONVOLVE_CROSS", 20_000, 500,
        ("tests/engine/test_cross.py",),
    ),
    Figure(
        "nests", "machine code and interpreter", "CONVOLVE_NESTS", 500, 25,
        ("tests/compiler/test_machine_code.py",),
    ),
    Figure(
        "arm", "every option, on 64-bit ARM", "CONVOLVE_CROSS", 1000, 30,
        ("tests/engine/test_cross.py",), on_arm=True,
    ),
)  # fmt: skip


def main() -> int:
    """Run the figures asked for; return how many failed."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="part of a release's cases, such as 0.01")
    parser.add_argument(
        "--only", nargs="+", choices=[figure.name for figure in FIGURES], help="these figures"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="repeat a run")
    options = parser.parse_args()
    print(f"seed {options.seed}: repeat with scripts/soak --seed {options.seed} --scale {options.scale:g}")
    chosen = [figure for figure in FIGURES if figure.name in (options.only or [one.name for one in FIGURES])]
    return sum(not run(figure, figure.cases(options.scale), options.seed) for figure in chosen)


def run(figure: Figure, cases: int, seed: int) -> bool:
    """Run one figure, print its line, and what failed; return whether it holds."""
    environment = {**os.environ, figure.variable: str(cases), "CONVOLVE_SEED": str(seed)}
    begin = time.monotonic()
    done = subprocess.run(
        figure.command(), cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    holds = done.returncode == 0
    seconds = time.monotonic() - begin
    print(
        f"{figure.name:6} {figure.what:32} {cases:>9,} of {figure.release:>9,}  "
        f"{'holds' if holds else 'FAILS'}  {seconds:,.0f} s",
        flush=True,
    )
    if not holds:
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n", flush=True)
    return holds


if __name__ == "__main__":
    sys.exit(main())
