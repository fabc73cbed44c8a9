"""Results as JSON files in bench/results: what was run, on what, with which versions."""

import datetime
import json
import platform
import re
from pathlib import Path
from typing import Any

from bench.shapes import FOLDER

RESULTS = FOLDER / "results"
DIGITS = 5
Record = dict[str, Any]


def heading() -> Record:
    """Return the date and the machine."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": cpu(),
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }


def cpu() -> str:
    """Return the CPU's name for people."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1].strip() if found else platform.machine()


def write(result: Record) -> Path:
    """Write a result beside the others and return where."""
    held = " held" if result["avx2"] else ""
    words = re.sub(r"[^a-z0-9]+", "-", f"{result['cpu']} {result['target']}{held}".lower()).strip("-")
    path = RESULTS / f"{result['date']}-{words}.json"
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(rounded(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def newest(held: bool = False) -> Record | None:
    """Return the newest result, or of runs in which all were held to AVX2; None if there is none."""
    every = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json")))
    found = [result for result in every if result["avx2"] == held]
    return max(found, key=lambda result: str(result["date"]), default=None)


def rounded(value: Any) -> Any:
    """Return a result with its numbers cut to the digits that mean something."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, list | tuple) else value
