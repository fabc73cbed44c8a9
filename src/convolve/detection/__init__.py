"""Detection: where in a picture things are, as boxes with scores.

>>> from convolve import detection
>>> detection.iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [20, 20, 30, 30]]).round(3).tolist()
[[0.333, 0.0]]
"""

from convolve.detection.boxes import Letterbox, clip, from_xywh, iou, nms, to_xywh
from convolve.detection.coco import read as read_coco
from convolve.detection.detector import Detector
from convolve.detection.digits import digit_scenes
from convolve.detection.drawing import drawn
from convolve.detection.scenes import Found, Scene, Scenes
from convolve.detection.scoring import DetectionScores, detected, score
from convolve.detection.training import train

__all__ = [
    "DetectionScores",
    "Detector",
    "Found",
    "Letterbox",
    "Scene",
    "Scenes",
    "clip",
    "detected",
    "digit_scenes",
    "drawn",
    "from_xywh",
    "iou",
    "nms",
    "read_coco",
    "score",
    "to_xywh",
    "train",
]
