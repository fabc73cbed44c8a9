"""Pairs of pictures, of one person or of two: error rates, and thresholds that say where they came from.

Rates are those of ISO/IEC 19795-1: the false accept rate (FAR) is the share of pairs of two people that are
accepted, the true accept rate (TAR) that of pairs of one person; 1 − TAR is the false reject rate.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, FileFormatError, MissingExtraError, ShapeError
from convolve.options import real_number

ERRORS = 30
"""Errors that must be expected before a rate is told: the rule of 30 (Doddington et al., 2000), by which the
true rate is then within 30 % of the measured one with 90 % confidence, if pairs are independent."""

FARS = (1e-1, 1e-2, 1e-3)
"""False accept rates of the report."""

MOST_PICTURES = 5000
"""Pictures of one report, at most: 12.5 million pairs, 100 MB."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which similarity on two pictures count as one person, and why.

    Attributes
    ----------
    value
        A cosine, from −1 to 1.
    origin
        In words: which pairs it came from, and what was accepted of them.
    """

    value: float
    origin: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"value": self.value, "origin": self.origin}

    @staticmethod
    def from_json(given: Any) -> "Threshold":
        """Return what `as_json` wrote, checked."""
        if not isinstance(given, Mapping) or not isinstance(given.get("origin"), str):
            raise FileFormatError(f"a threshold must be a value with its origin, got {str(given)[:40]}")
        return Threshold(checked_threshold(given.get("value")), given["origin"])


def checked_threshold(value: Any) -> float:
    """Return a threshold that a cosine can reach."""
    number = real_number(value, "threshold")
    if not -1 <= number <= 1.01:  # just above 1: nothing is accepted
        raise ArgumentError(f"threshold must be a cosine, from -1 to 1; got {number}")
    return number


@dataclass(frozen=True, slots=True)
class Roc:
    """The curve of rates over all thresholds, from the strictest on: one point for each similarity.

    Attributes
    ----------
    thresholds
        Falling; the first, infinite, accepts nothing.
    far, tar
        Of each threshold.
    """

    thresholds: Array
    far: Array
    tar: Array

    @property
    def area(self) -> float:
        """The area below the curve: the chance that a pair of one person is the more similar of two."""
        return float(np.trapezoid(self.tar, self.far)) if hasattr(np, "trapezoid") else _area(self)

    def equal_error(self) -> tuple[float, float]:
        """Return the rate at which false accepts and false rejects are equal, and its threshold.

        Between two points of the curve both are taken from the line that joins them.
        """
        gap = self.far - (1 - self.tar)  # rises from −1 to 1
        after = int(np.argmax(gap >= 0))
        before = after - 1
        part = -gap[before] / (gap[after] - gap[before])
        rate = self.far[before] + part * (self.far[after] - self.far[before])
        return float(rate), float(self.thresholds[after])


def _area(curve: Roc) -> float:
    steps = np.diff(curve.far)
    return float((steps * (curve.tar[1:] + curve.tar[:-1]) / 2).sum())


@dataclass(frozen=True, eq=False)
class Pairs:
    """Similarities of pairs of pictures: of one person, and of two.

    Parameters
    ----------
    same, different
        (N): cosines.
    people, pictures
        How many they came from; pairs that share a picture are not independent, so these count more.

    Examples
    --------
    >>> pairs = Pairs([0.9, 0.8, 0.4], [0.1, 0.2, 0.5, 0.3], people=2, pictures=5)
    >>> round(pairs.eer, 3), round(pairs.roc.area, 3)
    (0.25, 0.917)
    """

    same: Array
    different: Array
    people: int
    pictures: int

    def __post_init__(self) -> None:
        for name in ("same", "different"):
            array = np.asarray(getattr(self, name), np.float64).reshape(-1)
            if not array.size or not np.isfinite(array).all():
                raise ArgumentError(
                    f"there must be pairs of {'one person' if name == 'same' else 'two people'}, with finite "
                    f"similarities; got {array.size} pairs: two pictures of each of two people are the least"
                )
            object.__setattr__(self, name, np.sort(array))

    @staticmethod
    def of(embeddings: Any, people: Sequence[Any]) -> "Pairs":
        """Return all pairs of some pictures.

        Parameters
        ----------
        embeddings
            (N, D), each of length 1, as `Embedder` gives them.
        people
            (N): who is on each picture.
        """
        found, who = np.asarray(embeddings, np.float64), np.asarray(people)
        if found.ndim != 2 or who.shape != (len(found),):
            raise ShapeError(f"there must be a person for each embedding, got {found.shape} and {who.shape}")
        if len(found) > MOST_PICTURES:
            raise ArgumentError(f"at most {MOST_PICTURES} pictures are compared, got {len(found)}")
        first, second = np.triu_indices(len(found), 1)
        cosines = np.clip(found @ found.T, -1, 1)[first, second]
        same = who[first] == who[second]
        return Pairs(cosines[same], cosines[~same], len(np.unique(who)), len(found))

    @cached_property
    def roc(self) -> Roc:
        """The curve of rates."""
        thresholds = np.unique(np.concatenate([self.same, self.different]))[::-1]
        far, tar = (
            1 - np.searchsorted(one, thresholds, side="left") / len(one)
            for one in (self.different, self.same)
        )
        return Roc(
            *(np.concatenate([[start], one]) for start, one in ((np.inf, thresholds), (0, far), (0, tar)))
        )

    @property
    def eer(self) -> float:
        """The equal error rate."""
        return self.roc.equal_error()[0]

    def supports(self, far: float) -> bool:
        """Whether there are enough pairs of two people to tell what happens at a false accept rate."""
        return far * len(self.different) >= ERRORS

    def tar_at(self, far: float) -> float:
        """Return the share of pairs of one person accepted where at most ``far`` of the others are.

        Raises
        ------
        ArgumentError
            If there are too few pairs to tell.
        """
        return float((self.same >= self._cut(far)).mean())

    def threshold(self, far: float | None = None) -> Threshold:
        """Return the threshold for a false accept rate, or that of equal errors if None.

        Raises
        ------
        ArgumentError
            If there are too few pairs for that rate.
        """
        rest = f"{len(self.different)} pairs of two people and {len(self.same)} of one ({self._source()})"
        if far is None:
            rate, value = self.roc.equal_error()
            return Threshold(value, f"equal errors, {rate:.2%}, on {rest}")
        value = self._cut(far)
        accepted = float((self.same >= value).mean())
        return Threshold(value, f"false accepts at most {far:g}, true accepts {accepted:.1%}, on {rest}")

    def _cut(self, far: float) -> float:
        """Return the lowest threshold at which at most ``far`` of the pairs of two people are accepted."""
        if not 0 < far < 1:
            raise ArgumentError(f"a false accept rate must be between 0 and 1, got {far}")
        count = len(self.different)
        if not self.supports(far):
            raise ArgumentError(
                f"a false accept rate of {far:g} must rest on {math.ceil(ERRORS / far)} pairs of two people "
                f"({ERRORS} errors), and there are {count}; take more pictures, or a rate of "
                f"{ERRORS / count:.2g} or more"
            )
        allowed = math.floor(far * count * (1 + 1e-12))  # 0.1 · 300 is 30, whatever binary makes of it
        return float(np.nextafter(self.different[count - 1 - allowed], 2))

    def _source(self) -> str:
        return f"{self.pictures} pictures of {self.people} people"

    def as_json(self) -> dict[str, Any]:
        """Return all figures as JSON takes them; None where there are too few pairs."""
        rate, threshold = self.roc.equal_error()
        return {
            "people": self.people,
            "pictures": self.pictures,
            "pairs of one person": len(self.same),
            "pairs of two people": len(self.different),
            "area below the curve": self.roc.area,
            "equal error rate": rate,
            "threshold of equal errors": threshold,
            "true accepts at false accepts": {
                f"{far:g}": self.tar_at(far) if self.supports(far) else None for far in FARS
            },
        }

    def __str__(self) -> str:
        rate, value = self.roc.equal_error()
        lines = [
            self._source(),
            f"pairs of one person     {len(self.same)}",
            f"pairs of two people     {len(self.different)}",
            f"equal error rate        {rate:.2%}   (threshold {value:.4f})",
            f"area below the curve    {self.roc.area:.5f}",
        ]
        return "\n".join([*lines, *(self._line(far) for far in FARS)])

    def _line(self, far: float) -> str:
        name = f"true accepts at {far:<8g}"
        if not self.supports(far):
            return f"{name}not told: it takes {math.ceil(ERRORS / far)} pairs of two people"
        return f"{name}{self.tar_at(far):.2%}   (threshold {self._cut(far):.4f})"

    def plot(self, axes: Any = None) -> Any:
        """Draw the curve over a logarithmic axis of false accepts, as far as the pairs support it.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError:
            raise MissingExtraError.of("matplotlib", "plot", "drawing the curve") from None
        if axes is None:
            axes = Figure(figsize=(5, 4), layout="constrained").subplots()
        least = min(1.0, ERRORS / len(self.different))
        axes.step(self.roc.far, self.roc.tar, where="post", label=f"equal errors {self.eer:.2%}")
        axes.axvspan(least / 100, least, color="0.9", label="too few pairs to tell")
        axes.set(xscale="log", xlim=(least / 10, 1), ylim=(0, 1.01), xlabel="false accepts")
        axes.set(ylabel="true accepts", title=f"{self._source()}")
        axes.legend(loc="lower right")
        return axes
