"""Filters damaged films in a process of its own, and prints what became of each: a decoder may die."""

import faulthandler
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from convolve.errors import ConvolveError
from convolve.video import filter_film
from tests.files.test_hostile import mutated


def main(source: str, count: int, seed: int) -> None:
    """Damage a film so many times; a line of JSON for each."""
    faulthandler.enable()
    whole = Path(source).read_bytes()
    draw = random.Random(f"{seed} {Path(source).suffix}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        hurt, goal = Path(folder) / f"hurt{Path(source).suffix}", Path(folder) / "out.mkv"
        for number in range(count):
            hurt.write_bytes(mutated(whole, draw))
            print(json.dumps({"number": number}), flush=True)  # known even if the next line kills
            start, said = time.perf_counter(), None
            try:
                filter_film(hurt, goal, "box:3", force=True)
            except ConvolveError as error:
                said = str(error)
            left = sorted(one.name for one in Path(folder).iterdir() if one not in (hurt, goal))
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            seconds = time.perf_counter() - start
            row = {"number": number, "said": said, "seconds": seconds, "grown": grown, "left": left}
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
