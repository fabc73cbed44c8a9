"""How well one labelling agrees with another: Dice's coefficient, and Hausdorff's distance in mm."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.medical.spacing import checked
from convolve.medical.surfaces import surface_distances

MISSED = {
    (True, True): None,
    (False, True): "prediction",
    (True, False): "truth",
    (False, False): "both",
}
"""Whether a label is found, whether it is there in truth -> where it is missing."""


def _masks(found: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    first, second = np.asarray(found, bool), np.asarray(truth, bool)
    if first.shape != second.shape or not first.ndim:
        raise ShapeError(f"both masks must have one shape, got {first.shape} and {second.shape}")
    return first, second


def dice(found: ArrayLike, truth: ArrayLike) -> float:
    """Return Dice's coefficient of two masks, 2·|A ∩ B| / (|A| + |B|); 1 if both are empty.

    Dice, "Measures of the amount of ecologic association between species" (1945).

    >>> dice([1, 1, 0, 0], [0, 1, 1, 0])
    0.5
    """
    first, second = _masks(found, truth)
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def hausdorff(
    found: ArrayLike, truth: ArrayLike, spacing: Sequence[float], percentile: float = 100.0
) -> float:
    """Return Hausdorff's distance of the surfaces of two masks.

    Parameters
    ----------
    found, truth
        Masks of one shape.
    spacing
        Size of a cell per dimension; the distance has its unit.
    percentile
        Of the distances from each surface to the other, the larger of both is given: 100 is Hausdorff's own,
        95 forgives single cells.

    Returns
    -------
    float
        0 if both are empty, infinite if one is.

    Raises
    ------
    ShapeError, ArgumentError
        If shapes differ, or spacing or percentile make no sense.

    Notes
    -----
    A cell is on the surface if a neighbour along a dimension is not in the mask; beyond the volume none is.

    Examples
    --------
    >>> hausdorff([[1, 0, 0, 0]], [[0, 0, 0, 1]], (1.0, 0.5))
    1.5
    """
    first, second = _masks(found, truth)
    sizes = checked(spacing, first.ndim)
    if not 0 <= percentile <= 100:
        raise ArgumentError(f"percentile must be from 0 to 100, got {percentile}")
    return _largest(surface_distances(first, second, sizes), percentile)


def _largest(both: tuple[Array, Array] | None, percentile: float) -> float:
    """Return the larger percentile of the distances either way; None stands for one mask that is empty."""
    if both is None:
        return float("inf")
    return float(max((np.percentile(one, percentile) for one in both if len(one)), default=0.0))


def score(found: Array, truth: Array, spacing: Sequence[float], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return Dice, Hausdorff's distance and its 95th percentile for each label but the first.

    Where a label is missing there is no distance, and None stands for it: "missed" says whether it is missing
    in the "prediction", in the "truth" (it was made up) or in "both"; then Dice's coefficient is None, too.

    Raises
    ------
    ShapeError, ArgumentError
        If shapes differ, spacing makes no sense, or either holds a label that has no name.

    Examples
    --------
    >>> score(np.array([0, 1, 1]), np.array([0, 1, 1]), (2.0,), ("air", "body"))
    [{'label': 'body', 'dice': 1.0, 'hausdorff': 0.0, 'hausdorff95': 0.0, 'missed': None}]
    >>> score(np.array([0, 0, 0]), np.array([0, 1, 1]), (2.0,), ("air", "body"))
    [{'label': 'body', 'dice': 0.0, 'hausdorff': None, 'hausdorff95': None, 'missed': 'prediction'}]
    """
    sizes = checked(spacing, np.ndim(truth))
    for which, labels in (("prediction", found), ("truth", truth)):
        if not np.isin(labels, np.arange(len(names))).all():
            raise ArgumentError(
                f"labels must be whole numbers below {len(names)}, the number of names, but the {which} "
                f"goes from {np.min(labels)} to {np.max(labels)}"
            )
    rows = []
    for number, name in enumerate(names[1:], 1):
        masks = _masks(np.equal(found, number), np.equal(truth, number))
        missed = MISSED[bool(masks[0].any()), bool(masks[1].any())]
        distances: dict[str, float | None] = {"hausdorff": None, "hausdorff95": None}
        if missed is None:
            both = surface_distances(*masks, sizes)
            distances = {"hausdorff": _largest(both, 100), "hausdorff95": _largest(both, 95)}
        overlap = None if missed == "both" else dice(*masks)
        rows.append({"label": name, "dice": overlap, **distances, "missed": missed})
    return rows


def mean_score(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means of one label's scores over volumes, each over those that have such a score.

    Of Dice that is all but those where the label is missing in both; of distances, those where it is missing
    in neither. "missed" counts the volumes where it is missing.

    >>> one = {"label": "body", "dice": 1.0, "hausdorff": 0.0, "hausdorff95": 0.0, "missed": None}
    >>> none = {"label": "body", "dice": 0.0, "hausdorff": None, "hausdorff95": None, "missed": "prediction"}
    >>> mean = mean_score([one, none])
    >>> mean["dice"], mean["hausdorff"], mean["missed"]
    (0.5, 0.0, {'prediction': 1, 'truth': 0, 'both': 0})
    """
    means: dict[str, Any] = {"label": rows[0]["label"]}
    for kind in ("dice", "hausdorff", "hausdorff95"):
        known = [row[kind] for row in rows if row[kind] is not None]
        means[kind] = float(np.mean(known)) if known else None
    counts = {which: sum(row["missed"] == which for row in rows) for which in MISSED.values() if which}
    return {**means, "missed": counts}
