"""Writes what the documents say about speed from the newest result: README.md, docs/speed.md and the plot."""

import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import goals, network_tables, plot, results
from bench.figures import Figure, Record, among, figures, mean
from bench.report import limits

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- speed: written by scripts/bench --readme -->", "<!-- speed: end -->"
FAMILIES = (
    ("3×3 of networks", ("*.3x3", "vgg.*", "yolo.80", "unet.512", "deeplab.d2")),
    ("1×1", ("*.1x1*", "mobilenet2.pw")),
    ("first layers, 3 channels", ("resnet50.conv1", "mobilenet2.conv1", "yolo.stem")),
    ("depthwise and grouped", ("mobilenet2.dw*", "resnext.g32")),
    ("image filters", ("image.*", "!image.*.u8.*")),
    ("photographs of bytes", ("image.*.u8.*",)),
    ("1-D", ("audio.*",)),
    ("3-D", ("volume.*",)),
    ("transposed", ("unet.up2", "dcgan.*")),
    ("gradients", ("grad.*",)),
)
"""The rows of README's table, and the shapes that belong to each."""

LINE = 110
NAMES = {
    "torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "jax": "JAX",
    "opencv": "OpenCV", "scipy": "SciPy",
}  # fmt: skip


def documents(result: Record) -> dict[Path, Callable[[str], str]]:
    """Return each document's path and what makes its new text out of its old one."""
    return {
        ROOT / "README.md": lambda text: between_markers(text, section(result)),
        ROOT / "docs" / "speed.md": lambda _: page(result),
        ROOT / "docs" / "images" / "speed.svg": lambda _: plot.svg(result),
    }


def update() -> str:
    """Write the documents and return a line on each."""
    result = results.newest()
    if result is None:
        return "there is no result yet: run scripts/bench without arguments first\n"
    lines = []
    for path, make in documents(result).items():
        path.write_text(make(_text(path)), encoding="utf-8")
        lines.append(f"written: {path.relative_to(ROOT)}\n")
    return "".join(lines)


def stale(result: Record) -> list[str]:
    """Return the documents that say something else than the result."""
    return [path.name for path, make in documents(result).items() if make(_text(path)) != _text(path)]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def between_markers(text: str, part: str) -> str:
    """Return a text with the part between its markers replaced."""
    found = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not found.search(text):
        raise ValueError(
            f"README.md needs the lines {BEGIN} and {END}, between which its part on speed stands"
        )
    return found.sub(lambda _: f"{BEGIN}\n{part}\n{END}", text)


def section(result: Record) -> str:
    """Return README's part on speed."""
    judged = goals.read()["groups"]["judged"]
    found = [one for one in figures(result) if one.ratio is not None]
    threads = sorted({one.threads for one in found})
    rows = (
        row(name, [one for one in found if among(one.shape.name, patterns)], threads)
        for name, patterns in FAMILIES
    )
    lines = [
        sentence(result, [one for one in found if among(one.shape.name, judged)]),
        "",
        "![Each shape's ratio to the fastest other library](docs/images/speed.svg)",
        "",
        f"| | {' | '.join(map(_threads, threads))} | the worst shape |",
        f"|---|{'---|' * len(threads)}---|",
        *(line for line in rows if line is not None),
        "",
        "The numbers are the time of the fastest other library by ours, as a geometric mean: above 1",
        "convolve is faster. [Every shape, and every goal, met or missed](docs/speed.md).",
    ]
    return "\n".join(lines)


def sentence(result: Record, found: Sequence[Figure]) -> str:
    """Return who was measured, where, when, and on how many shapes somebody else is faster."""
    versions = [f"{NAMES[peer]} {version}" for peer, version in result["versions"].items() if peer in NAMES]
    counts = []
    for threads in sorted({one.threads for one in found}):
        ratios = [one.ratio or 0 for one in found if one.threads == threads]
        losing = sum(ratio < 1 for ratio in ratios)
        counts.append(
            f"{mean(ratios):.2f} × with {_threads(threads)}, slower on {losing} of {len(ratios)} shapes"
        )
    text = (
        f"Measured by `scripts/bench` on {result['date']} ({result['cpu']}, {result['target']}; float32, "
        f"weights bound) against the fastest of {', '.join(versions)} for each shape, in the geometric mean: "
        f"{'; '.join(counts)}."
    )
    return textwrap.fill(text, LINE, break_on_hyphens=False)


def row(name: str, found: Sequence[Figure], threads: Sequence[int]) -> str | None:
    """Return a row of README's table, or None if none of its shapes was measured."""
    if not found:
        return None
    means = []
    for count in threads:
        ratios = [one.ratio or 0 for one in found if one.threads == count]
        means.append(f"{mean(ratios):.2f}" if ratios else "–")
    worst = min(found, key=lambda one: one.ratio or 0)
    where = f"{worst.shape.name}, {_threads(worst.threads)}"
    return f"| {name} | {' | '.join(means)} | {where}: {worst.ratio:.2f} ({NAMES[worst.best_peer or '']}) |"


def page(result: Record) -> str:
    """Return docs/speed.md: every shape, every goal."""
    found = figures(result)
    versions = (f"{NAMES.get(peer, 'convolve')} {version}" for peer, version in result["versions"].items())
    lines = [
        "# Speed",
        "",
        "Written by `scripts/bench --readme` from the newest file in bench/results;",
        "[bench/README.md](../bench/README.md) says how it was measured. Times, rates and shares are those",
        "of a bound plan with `out=`. Ratios are the best peer's time by ours: **below 1 convolve is",
        "slower**.",
        "",
        f"{result['date']}; {limits(result)}. {', '.join(versions)}.",
        "",
        "![Each shape's ratio to the fastest other library](images/speed.svg)",
        "",
        "## Goals",
        "",
        *(f"- {verdict}" for verdict in verdicts(result, found)),
        "",
        "## Shapes",
        "",
        "| shape | threads | ms | GFLOP/s | % of limit | best peer | bound | unbound |",
        "|---|---|---|---|---|---|---|---|",
        *map(shape_row, found),
        *(f"\n{name}: not timed: {reason}." for name, reason in result["skipped"].items()),
        "",
        *network_tables.section(),
    ]
    return "\n".join(lines)


def verdicts(result: Record, found: Sequence[Figure]) -> list[goals.Verdict]:
    """Judge all goals; one for another target by the newest run in which all were held to AVX2."""
    wanted, held = goals.read(), results.newest(held=True)
    judged = goals.verdicts(result, found, wanted)
    if held is None:
        return judged
    others = goals.verdicts(held, figures(held), wanted)
    return [
        there if here.value is None and "target" in goal else here
        for goal, here, there in zip(wanted["goals"], judged, others, strict=True)
    ]


def shape_row(one: Figure) -> str:
    """Return a shape's row of docs/speed.md."""
    cells = (
        one.shape.name,
        one.threads,
        f"{1e3 * one.seconds:.3g}",
        f"{one.rate / 1e9:.3g}",
        f"{one.percent_of_limit:.0f}",
        NAMES.get(one.best_peer or "", "–"),
        _ratio(one.ratio),
        _ratio(one.unbound_ratio),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _ratio(value: float | None) -> str:
    if value is None:
        return "–"
    return f"**{value:.2f}**" if value < 1 else f"{value:.2f}"


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count != 1)}"
