"""The part of docs/speed.md on networks: from ``networks.csv`` and ``networks_start.csv``."""

from bench import networks

Rows = list[networks.Row]


def section() -> list[str]:
    """Return the lines of docs/speed.md: a row for each network, losing ratios bold, and the means."""
    times, starts = networks.read(networks.RESULTS), networks.read(networks.STARTS)
    lines: list[str] = []
    if times:
        lines += [
            "## Networks",
            "",
            "From bench/networks.csv, by `python -m bench.networks`: those of the onnx wheel",
            "with drawn weights, images of 224 × 224, milliseconds of a call. PyTorch: eager, channels last,",
            "inference mode, batch norms folded, ReLU and sums in place; *direct* is ours without Winograd's",
            "method. Ratios are the better peer's time by ours: **below 1 convolve is slower**.",
            "",
            *table(times),
            "",
            *(f"- {line}" for line in networks.means(times)),
            "",
        ]
    if starts:
        lines += [
            "## From the file to the first result",
            "",
            "From bench/networks_start.csv (`python -m bench.networks --start`): batch 1, two threads,",
            "imports left out; *cold* with an empty disk cache, *cached* from then on. Peaks are of the",
            "whole process.",
            "",
            *table(starts),
            "",
        ]
    return lines


def table(rows: Rows) -> list[str]:
    """Return rows as a table; the last column, when and where, becomes a line below it."""
    names = [name for name in rows[0] if name != "measured"]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(name, row[name]) for name in names)} |" for row in rows]
    return [*lines, "", f"Measured: {'; '.join(dict.fromkeys(row['measured'] for row in rows))}."]


def _cell(name: str, text: str) -> str:
    return f"**{text}**" if name.endswith("ratio") and float(text) < 1 else text
