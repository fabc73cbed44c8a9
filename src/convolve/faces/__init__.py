"""Faces: found, cut out or aligned, made into embeddings, and compared.

What a comparison is worth was measured on the pictures that a threshold came from, and on nothing else: see
docs/faces.md, also on consent and bias.

>>> from convolve import faces
>>> pairs = faces.Pairs([0.9, 0.8, 0.7], [0.1, 0.2, 0.3], people=3, pictures=6)
>>> pairs.eer
0.0
"""

from convolve.faces.alignment import POINTS, align, crop, similarity
from convolve.faces.detector import FaceDetector, Faces
from convolve.faces.detector_training import (
    Lesson,
    face_patches,
    patch_accuracy,
    patch_folder,
    train_detector,
)
from convolve.faces.embedder import Embedder
from convolve.faces.embedder_training import LearnedEmbedder, train_embedder
from convolve.faces.gallery import Gallery
from convolve.faces.pairs import Pairs, Roc, Threshold
from convolve.faces.people import face_of, people_folder

__all__ = [
    "POINTS",
    "Embedder",
    "FaceDetector",
    "Faces",
    "Gallery",
    "LearnedEmbedder",
    "Lesson",
    "Pairs",
    "Roc",
    "Threshold",
    "align",
    "crop",
    "face_of",
    "face_patches",
    "patch_accuracy",
    "patch_folder",
    "people_folder",
    "similarity",
    "train_detector",
    "train_embedder",
]
