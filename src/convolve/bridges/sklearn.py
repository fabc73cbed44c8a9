"""`ConvNetClassifier`: a small convolutional network as a scikit-learn estimator."""

import math
from typing import Any

import numpy as np

from convolve import nn
from convolve.dtypes import Array
from convolve.errors import MissingExtraError, ShapeError
from convolve.nn.training.networks import small_network

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise MissingExtraError.of("scikit-learn", "sklearn", "ConvNetClassifier") from None


class ConvNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Three convolutions and a linear layer, for rows of pixels.

    Parameters
    ----------
    image_shape
        (height, width) or (channels, height, width) of the image in every row; None: square if possible, else
        one line.
    epochs
        How often the data is gone through.
    batch_size
        Images per step.
    learning_rate
        The largest; it rises for a tenth of the epochs and then falls to 0.
    shift
        Pixels by which images are moved at random while learning.
    label_smoothing
        Part of the target that is spread over all classes.
    random_state
        Seed or random numbers of NumPy.

    Attributes
    ----------
    network_
        The trained `convolve.nn.Network`; its input is (N, channels, height, width), standardised.
    classes_
        Labels, in the order of the network's outputs.
    mean_, scale_
        By which pixels are standardised, all by the same.
    history_
        One record per epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> pixels, digits = load_digits(return_X_y=True)
    >>> classifier = ConvNetClassifier(epochs=2, random_state=0).fit(pixels[:500], digits[:500])
    >>> bool(classifier.score(pixels[500:600], digits[500:600]) > 0.7)
    True
    """

    def __init__(
        self,
        image_shape: tuple[int, ...] | None = None,
        *,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
        shift: int = 0,
        label_smoothing: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.shift = shift
        self.label_smoothing = label_smoothing
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "ConvNetClassifier":
        """Learn from rows of pixels and their labels.

        Parameters
        ----------
        X
            (samples, pixels).
        y
            (samples).

        Returns
        -------
        ConvNetClassifier
            Itself.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"there must be two classes or more to learn, got one class: {self.classes_[0]!r}"
            )
        self.mean_, self.scale_ = float(X.mean()), float(X.std()) or 1.0
        self.shape_ = self._shape(X.shape[1])
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        trained = nn.fit(
            small_network(self.shape_, len(self.classes_), seed=seed),
            nn.Data(self._images(X), numbers),
            epochs=self.epochs,
            batch_size=self.batch_size,
            loss=nn.CrossEntropyLoss(self.label_smoothing),
            optimiser=nn.AdamW(self.learning_rate),
            schedule=nn.CosineDecay(warmup=self.epochs / 10),
            augment=nn.Augment(shift=self.shift) if self.shift else None,
            seed=seed,
            progress=False,
            keep="last",
        )
        if trained.interrupted:
            raise KeyboardInterrupt
        self.network_, self.history_ = trained.network, trained.history
        return self

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of every class, (samples, classes)."""
        check_is_fitted(self)
        images = self._images(validate_data(self, X, dtype=np.float64, reset=False))
        logits = np.concatenate([self.network_(images[k : k + 256]) for k in range(0, len(images), 256)])
        powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> Array:
        """Return the most likely label of every row."""
        found: Array = self.predict_proba(X)
        return np.asarray(self.classes_[found.argmax(axis=1)])

    def _images(self, X: Array) -> Array:
        return ((X - self.mean_) / self.scale_).astype(np.float32).reshape(-1, *self.shape_)

    def _shape(self, pixels: int) -> tuple[int, ...]:
        """Return (channels, height, width)."""
        if self.image_shape is None:
            side = math.isqrt(pixels)
            return (1, side, side) if side * side == pixels else (1, 1, pixels)
        shape = tuple(int(size) for size in self.image_shape)
        shape = (1, *shape) if len(shape) == 2 else shape
        if len(shape) != 3 or math.prod(shape) != pixels:
            raise ShapeError(
                "image_shape must be (height, width) or (channels, height, width) with as many pixels as the "
                f"rows, {pixels}; got {self.image_shape}"
            )
        return shape
