"""What does a network learn that pixels do not say? Handwritten digits, told apart in three ways.

``python examples/digits.py`` learns from 70 % of scikit-learn's digits (8 × 8 pixels) and tests on the rest:

1. a linear model on raw pixels;
2. a linear model on what hand-made filters answer: edges in four directions, and spots;
3. a network of three convolutions, which learns its filters from the same pictures.

The linear models' kind and strength are chosen by cross-validation on the part that is learned from. With
``--picture FILE`` the learned filters of the first layer are drawn beside the hand-made ones.
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import convolve
from convolve import nn
from convolve.bridges.sklearn import ConvNetClassifier

HAND_MADE = {
    "upright edges": convolve.filters.get("sobel-x"),
    "level edges": convolve.filters.get("sobel-y"),
    "rising edges": np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]),
    "falling edges": np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]]),
    "spots": convolve.filters.get("laplacian-8"),
}
STRENGTHS = [0.003, 0.03, 0.3, 3.0]
Parts = tuple[Any, Any, Any, Any]
"""Pictures to learn from and to test with, then their labels."""


def parts() -> Parts:
    """Return the digits from 0 to 1, in two parts with as many of each class."""
    pixels, labels = load_digits(return_X_y=True)
    pictures = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    learned, tested, of_learned, of_tested = train_test_split(
        pictures, labels, test_size=0.3, random_state=0, stratify=labels
    )
    return learned, tested, of_learned, of_tested


def linear_models(quick: bool) -> Iterator[Any]:
    """Yield searches for the best strength of each kind of linear model."""
    warnings.simplefilter("ignore")  # the weakest need more steps than are worth their time
    kinds = {"C": [LogisticRegression(max_iter=500), LinearSVC(max_iter=5000)], "alpha": [RidgeClassifier()]}
    for strength, models in kinds.items():
        for model in models[:1] if quick else models:
            name = type(model).__name__.lower()
            strengths = {f"{name}__{strength}": STRENGTHS[1:2] if quick else STRENGTHS}
            yield GridSearchCV(make_pipeline(StandardScaler(), model), strengths, cv=3 if quick else 5)


def best_linear(features: tuple[Any, Any], labels: tuple[Any, Any], quick: bool) -> tuple[float, str]:
    """Return the share of the test that the best linear model gets right, and which model that is."""
    learned, tested = (one.reshape(len(one), -1) for one in features)
    searches = [search.fit(learned, labels[0]) for search in linear_models(quick)]
    best = max(searches, key=lambda search: search.best_score_)
    name = type(best.best_estimator_[-1]).__name__
    return float(best.score(tested, labels[1])), f"{name}, {best.best_score_:.1%} in cross-validation"


def answers(pictures: Any) -> Any:
    """Return what the hand-made filters answer, bright and dark apart, averaged over 2 × 2 cells."""
    weight = np.stack([np.asarray(one, np.float32) for one in HAND_MADE.values()])[:, None]
    maps = convolve.conv2d(pictures, weight, padding=1)
    both = np.concatenate([np.maximum(maps, 0), np.maximum(-maps, 0)], axis=1)
    return convolve.avg_pool2d(both, 2)


def learned_network(given: Parts, seed: int, epochs: int) -> tuple[float, ConvNetClassifier]:
    """Return the share of the test that a network gets right, and the network."""
    learned, tested, of_learned, of_tested = given
    rows, test_rows = (one.reshape(len(one), -1) for one in (learned, tested))
    classifier = ConvNetClassifier(random_state=seed, epochs=epochs).fit(rows, of_learned)
    return float(classifier.score(test_rows, of_tested)), classifier


def draw(network: nn.Network, path: Path) -> None:
    """Draw the learned filters of the first layer beside the hand-made ones."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    weight = np.stack([np.asarray(one, np.float32) for one in HAND_MADE.values()])[:, None]
    layer = nn.Sequential(nn.Conv2d(1, len(weight), 3, bias=False), input_shape=(1, 8, 8))
    hand_made = nn.initialised(layer, lambda _random, _shape: weight)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 5), width_ratios=(1, 2.2))
    nn.filter_grid(hand_made).plot(left)
    left.set_title("made by hand:\n" + ", ".join(HAND_MADE).replace(", spots", ",\nspots"), fontsize=8)
    nn.filter_grid(network).plot(right)
    right.set_title("learned from digits (blue: positive, orange: negative)", fontsize=8)
    figure.savefig(path, dpi=110, bbox_inches="tight")


def report(quick: bool = False, picture: Path | None = None) -> dict[str, float]:
    """Print the table, draw the picture, and return the shares that were right."""
    given = parts()
    learned, tested, *labels = given
    pair = (labels[0], labels[1])
    rows: dict[str, tuple[float, float, str]] = {}
    for name, of in (("raw pixels", lambda pictures: pictures), ("hand-made filters", answers)):
        start = time.perf_counter()
        score, which = best_linear((of(learned), of(tested)), pair, quick)
        rows[name] = score, time.perf_counter() - start, which
    start, scores = time.perf_counter(), []
    for seed in range(1 if quick else 5):
        score, classifier = learned_network(given, seed, 4 if quick else 20)
        scores.append(score)
    seconds = (time.perf_counter() - start) / len(scores)
    each = ", ".join(f"{score:.2%}" for score in scores)
    rows["learned filters"] = float(np.mean(scores)), seconds, f"mean of {len(scores)} seeds: {each}"
    for name, (score, seconds, text) in rows.items():
        print(f"{name:18} {score:7.2%} {seconds:6.1f} s   {text}")
    if picture is not None:
        draw(classifier.network_, picture)
    return {name: score for name, (score, *_) in rows.items()}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs, one strength")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the filters are drawn (PNG, SVG)")
    given = parser.parse_args()
    report(given.quick, given.picture)


if __name__ == "__main__":
    main()
