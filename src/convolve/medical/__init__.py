"""Volumes of labels: a phantom, a small U-Net that learns to segment, and the scores of the field.

No medical device: what is learned here was tested on phantoms alone.
"""

from convolve.medical.phantom import LABELS, Phantom, phantom
from convolve.medical.preparation import Preparation
from convolve.medical.scores import dice, hausdorff, mean_score, score
from convolve.medical.segmenter import Segmenter
from convolve.medical.unet import learn, segment, unet

__all__ = [
    "LABELS",
    "Phantom",
    "Preparation",
    "Segmenter",
    "dice",
    "hausdorff",
    "learn",
    "mean_score",
    "phantom",
    "score",
    "segment",
    "unet",
]
