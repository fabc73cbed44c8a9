"""Detection: where in a picture things are, as boxes with scores.

>>> from convolve import detection
>>> detection.iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [20, 20, 30, 30]]).round(3).tolist()
[[0.333, 0.0]]
"""

from convolve.detection.boxes import Letterbox, clip, from_xywh, iou, nms, to_xywh

__all__ = ["Letterbox", "clip", "from_xywh", "iou", "nms", "to_xywh"]
