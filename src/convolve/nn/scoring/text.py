"""A classifier's figures as text: a few lines, and tables that fit on a screen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from convolve.nn.scoring.scores import Scores

WIDEST = 100
"""Characters of a line, about: a wider confusion matrix has numbers for names, or is a list of mistakes."""

MISTAKES = 10
"""Lines of the list of the most frequent mistakes."""

LONGEST_NAME = 30
"""Characters of a class's name that are shown."""


def described(scores: "Scores") -> str:
    """Return all figures as text."""
    parts = (_summary(scores), _classes(scores), _matrix(scores), _reliability(scores))
    return "\n\n".join("\n".join(lines) for lines in parts)


def _summary(scores: "Scores") -> list[str]:
    found = scores.calibration
    rows = {
        "images": f"{scores.images}",
        "accuracy": percent(scores.accuracy),
        "95 % interval of accuracy": f"{100 * scores.interval[0]:.1f} to {percent(scores.interval[1])}",
        **({f"top-{scores.k} accuracy": percent(scores.top_k)} if scores.k < len(scores.classes) else {}),
        "log loss": f"{scores.log_loss:.4f}",
        "Brier score": f"{scores.brier:.4f}",
        "expected calibration error": percent(found.error),
        "maximum calibration error": percent(found.largest_error),
    }
    return [f"{name:28}{value:>15}" for name, value in rows.items()]


def _classes(scores: "Scores") -> list[str]:
    found = scores.per_class
    columns = (found.precision, found.recall, found.f1)
    rows = [
        [shown(name), str(int(images)), *map(percent, values)]
        for name, images, *values in zip(scores.classes, found.images, *columns, strict=True)
    ]
    means = [
        percent(float(np.mean(one[~np.isnan(one)]))) if not np.isnan(one).all() else "–" for one in columns
    ]
    return table(["class", "images", "precision", "recall", "F1"], [*rows, ["mean", "", *means]])


def _matrix(scores: "Scores") -> list[str]:
    """Return the confusion matrix; the most frequent mistakes, if it is too wide."""
    names = [shown(name) for name in scores.classes]
    digits = len(str(scores.matrix.max()))
    for heads in (names, [str(number) for number in range(len(names))]):
        numbered = heads == names
        rows = [
            [name if numbered else f"{place} {name}", *(str(one) if one else "·" for one in row)]
            for place, (name, row) in enumerate(zip(names, scores.matrix, strict=True))
        ]
        first = max(len(row[0]) for row in rows)
        if first + sum(2 + max(digits, len(head)) for head in heads) <= WIDEST:
            return [
                "confusion matrix: a row for what it is, a column for what was said",
                *table(["", *heads], rows),
            ]
    return _mistakes(scores, names)


def _mistakes(scores: "Scores", names: Sequence[str]) -> list[str]:
    wrong = scores.matrix * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
    pairs = [divmod(int(place), len(names)) for place in order]
    rows = [[names[r], names[c], str(wrong[r, c])] for r, c in pairs if wrong[r, c]]
    return ["the most frequent mistakes", *table(["it is", "taken for", "images"], rows)]


def _reliability(scores: "Scores") -> list[str]:
    found = scores.calibration
    rows = [
        [f"{100 * low:.1f} to {100 * high:.1f} %", str(int(images)), percent(sure), percent(right)]
        for low, high, images, sure, right in zip(
            found.edges[:-1], found.edges[1:], found.images, found.confidence, found.accuracy, strict=True
        )
        if images
    ]
    return [
        "reliability: of answers so sure, how many are right",
        *table(["confidence", "images", "mean", "right"], rows),
    ]


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines whose columns are aligned, the first to the left and the others to the right.

    >>> table(["class", "images"], [["cat", "12"]])
    ['class  images', 'cat        12']
    """
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(one.rjust(width) for one, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in (heading, *rows)
    ]


def percent(share: float) -> str:
    """Return a share as text; a dash where there is none.

    >>> percent(0.1234), percent(float("nan"))
    ('12.3 %', '–')
    """
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def shown(name: str) -> str:
    """Return a name as it may be printed: files and folders may have any."""
    clean = "".join(one if one.isprintable() else "?" for one in name)
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"
