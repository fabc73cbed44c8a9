"""A classifier's figures as a picture: its confusion matrix beside its reliability diagram (matplotlib)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from convolve.errors import MissingExtraError

if TYPE_CHECKING:
    from convolve.nn.scoring.scores import Scores

MOST_NUMBERS = 20
"""Classes up to which every cell of the matrix has its number, and every row its name."""


def new_pair() -> Any:
    """Return two axes of a new figure, which belongs to no window."""
    try:
        from matplotlib.figure import Figure  # slow to start, and needed for plots alone
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot", "drawing scores") from error
    return Figure(figsize=(11, 5), layout="constrained").subplots(1, 2)


def draw_matrix(scores: "Scores", ax: Any) -> None:
    """Draw the confusion matrix on axes: colours are shares of a row, numbers are images."""
    count = len(scores.classes)
    shares = scores.matrix / np.maximum(1, scores.matrix.sum(axis=1, keepdims=True))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xlabel="what was said", ylabel="what it is", title=f"accuracy {100 * scores.accuracy:.1f} %")
    if count > MOST_NUMBERS:  # names would lie over each other: what the axes count has to be said
        ax.set(xlabel="what was said: the class's number", ylabel="what it is: the class's number, from 0")
        return
    turned = 0 if max(map(len, scores.classes)) * count <= 2 * MOST_NUMBERS + 10 else 90
    names = [_plain(name) for name in scores.classes]
    ax.set_xticks(range(count), names, rotation=turned)
    ax.set_yticks(range(count), names)
    for row, column in np.argwhere(scores.matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        ax.text(
            column, row, int(scores.matrix[row, column]), ha="center", va="center", color=colour, fontsize=9
        )


def draw_reliability(scores: "Scores", ax: Any) -> None:
    """Draw on axes what share was right at every confidence, and how many answers there were."""
    found = scores.calibration
    some, width = found.images > 0, np.diff(found.edges)
    left = found.edges[:-1]
    ax.bar(left[some], found.accuracy[some], width[some], align="edge", color="#4292c6", edgecolor="white",
           label="right")  # fmt: skip
    gap = (found.confidence - found.accuracy)[some]
    ax.bar(left[some], gap, width[some], found.accuracy[some], align="edge", color="#fb6a4a", alpha=0.5,
           hatch="//", edgecolor="#cb181d", linewidth=0, label="distance to the confidence")  # fmt: skip
    ax.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="as sure as right")
    share = found.images / found.images.sum()
    ax.step(
        found.edges,
        [*share, share[-1]],
        where="post",
        color="black",
        linewidth=1,
        label="share of the images",
    )
    ax.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal", xlabel="confidence", ylabel="share",
           title=f"expected calibration error {100 * found.error:.1f} %")  # fmt: skip
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, fontsize=8, frameon=False)


def _plain(name: str) -> str:
    """Return a name without what matplotlib reads as a formula."""
    return name.replace("$", r"\$")[:20]
