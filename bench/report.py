"""A run as text: a line for each shape and number of threads, the sums, the goals."""

from collections.abc import Sequence

from bench import goals
from bench.figures import Figure, Record, among, mean

HEAD = (
    f"{'shape':24}{'threads':>8}{'ms':>10}{'p10':>10}{'GFLOP/s':>10}{'% of limit':>12}  {'best peer':14}"
    + (f"{'bound':>8}{'by p10':>8}{'unbound':>9}")
)


def line(figure: Figure) -> str:
    """Return the line of a shape; ratios are the best peer's time by ours, below 1 we lose."""
    numbers = (
        f"{figure.shape.name:24}{figure.threads:8}{1e3 * figure.seconds:10.3f}{1e3 * figure.p10:10.3f}"
        f"{figure.rate / 1e9:10.1f}{figure.percent_of_limit:12.0f}  {figure.best_peer or 'none':14}"
    )
    ratios = f"{_times(figure.ratio)}{_times(figure.quick_ratio)}{_times(figure.unbound_ratio, 9)}"
    return numbers + ratios + verdict(figure)


def verdict(figure: Figure) -> str:
    """Return a word for a shape on which a peer is faster."""
    return "  LOSES" if figure.ratio is not None and figure.ratio < 1 else ""


def _times(ratio: float | None, width: int = 8) -> str:
    return f"{'-' if ratio is None else f'{ratio:.2f}':>{width}}"


def left_out(result: Record) -> list[str]:
    """Return a line for each shape that we do not compile, and for each peer that failed or was wrong."""
    lines = []
    for name, by_threads in result["shapes"].items():
        for threads, records in by_threads.items():
            for peer, record in records.items():
                if "failed" in record:
                    lines.append(f"{name}, {threads}: {peer} failed: {record['failed']}")
                wrong = [
                    one for one in record.get("tried", []) if (one["error"] or 0.0) > result["tolerance"]
                ]
                lines += [
                    f"{name}, {threads}: {peer}, {one['name']}: WRONG, error {one['error']:.1e}"
                    for one in wrong
                ]
    return [*(f"{name}: skipped: {reason}" for name, reason in result["skipped"].items()), *lines]


def sums(figures: Sequence[Figure], patterns: Sequence[str]) -> list[str]:
    """Return for each number of threads the geometric mean and the worst ratio over the judged shapes."""
    lines = []
    for threads in sorted({one.threads for one in figures}):
        these = [
            one for one in figures
            if one.threads == threads and one.ratio is not None and among(one.shape.name, patterns)
        ]  # fmt: skip
        if not these:
            continue
        worst = min(these, key=lambda one: one.ratio or 0.0)
        losing = [one.shape.name for one in these if (one.ratio or 0.0) < 1]
        middle = mean(one.ratio or 0.0 for one in these)
        lines.append(
            f"{threads} thread{'s' * (threads > 1)}: geometric mean {middle:.2f} × "
            f"the best peer over {len(these)} shapes, worst {worst.ratio:.2f} × ({worst.shape.name}); "
            f"loses on {len(losing)}{': ' * bool(losing)}{', '.join(losing)}"
        )
    return lines


def closing(result: Record, figures: Sequence[Figure]) -> str:
    """Return what stands below the lines of the shapes."""
    wanted = goals.read()
    parts = [
        limits(result), *left_out(result), "", *sums(figures, wanted["groups"]["judged"]), "",
        *map(str, goals.verdicts(result, figures, wanted)),
    ]  # fmt: skip
    return "\n".join(parts)


def limits(result: Record) -> str:
    """Return the machine's limits as one line."""
    each = [
        f"{threads} thread{'s' * (threads != '1')}: "
        f"{int(threads) * limit['flops_per_second'] / 1e9:.0f} GFLOP/s, "
        f"{limit['bytes_per_second'] / 1e9:.1f} GB/s"
        for threads, limit in result["limits"].items()
    ]
    return f"{result['cpu']}, {result['target']}; measured limits, " + "; ".join(each)
