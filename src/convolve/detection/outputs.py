"""What detectors of all makers give, as boxes, scores and classes: which output is which, and in what form.

Four layouts are known, for a batch of one:

- boxes (boxes, 4) beside scores (boxes, classes) or (classes, boxes);
- one table (4 + classes, boxes) or (boxes, 5 + classes), whose fifth number is how likely there is anything
  (YOLO);
- boxes, classes and scores of what is left after suppression, in three outputs (torchvision, TensorFlow) or
  in one table (boxes, 6): corners, score, class (YOLO, version 10).

How four numbers stand for a box follows from the numbers where these prove it; else it must be said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from convolve.detection.boxes import CORNERS, from_centres, from_xywh
from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError

FORMS = ("xyxy", "cxcywh", "xywh", "yxyx")
"""x1, y1, x2, y2; middle and size; first corner and size; y1, x1, y2, x2."""

UNITS = ("pixels", "normalised")

NORMALISED = 2.0
"""Coordinates up to here are shares of the frame: in pixels, no box of a detector lies within two of the
corner of a frame of hundreds, and as shares, none reaches past a whole frame more."""

INVERTED = 0.01
"""Share of boxes whose second corner lies before the first from which on these are no corners; rounding alone
turns round fewer."""

MANY = 100
"""Boxes of a raw output without one that is turned round that prove that these are corners: of boxes all over
a frame, those whose middle is farther from the first corner than they are large would be turned round."""


@dataclass(frozen=True)
class Reading:
    """How the outputs of one detector are read.

    Attributes
    ----------
    form
        One of `FORMS`; None if the numbers must prove it.
    unit
        One of `UNITS`; None if the numbers must tell.
    classes
        How many classes there are; None if nobody said.
    """

    form: str | None = None
    unit: str | None = None
    classes: int | None = None

    @staticmethod
    def of(text: str | None, classes: int | None) -> "Reading":
        """Return the reading of text such as "cxcywh" or "xyxy,normalised".

        Raises
        ------
        ArgumentError
            If it is something else.

        Examples
        --------
        >>> Reading.of("xyxy,normalised", None)
        Reading(form='xyxy', unit='normalised', classes=None)
        """
        form, _, unit = (text or "").partition(",")
        if text is not None and (form not in FORMS or unit not in ("", *UNITS)):
            raise ArgumentError(
                f"boxes must be one of {', '.join(FORMS)}, perhaps with ,{' or ,'.join(UNITS)} behind it; "
                f"got {text!r}"
            )
        return Reading(form or None, unit or None, classes)

    def __call__(self, arrays: Mapping[str, Array], frame: tuple[int, int]) -> "Raw":
        """Return what the outputs of a network say, by their names, for a frame of (height, width).

        Raises
        ------
        ShapeError, ArgumentError
            If the outputs are no detector's, or the form of the boxes is not certain.
        """
        found = split(_of_one_image(arrays), self.classes)
        form = self.form or found.form or _form_of(found)
        boxes = found.boxes.astype(np.float64)
        unit = self.unit or (
            "normalised" if not boxes.size or np.abs(boxes).max() <= NORMALISED else "pixels"
        )
        if unit == "normalised":
            boxes = boxes * (np.array([frame[1], frame[0]] * 2) if form != "yxyx" else np.array(frame * 2))
        return replace(found, boxes=_corners(boxes, form), form="xyxy")


@dataclass(frozen=True, eq=False)
class Raw:
    """Boxes (N, 4) as a detector gives them, their scores (N) and labels (N).

    Attributes
    ----------
    boxes, scores, labels
        One for each box.
    final
        Whether boxes that overlap a better one have been left out already.
    form
        What the layout says of the boxes' form; None if it says nothing.
    """

    boxes: Array
    scores: Array
    labels: Array
    final: bool = False
    form: str | None = None


def _of_one_image(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs without the batch of one, if they have a batch: then boxes have three dimensions."""
    if not any(array.ndim == 3 for array in arrays.values()):
        return dict(arrays)
    return {name: array[0] if array.ndim > 1 and len(array) == 1 else array for name, array in arrays.items()}


def split(arrays: Mapping[str, Array], classes: int | None) -> Raw:
    """Return boxes, scores and labels of the outputs of one image."""
    of_boxes = [name for name, array in arrays.items() if array.ndim == 2 and array.shape[1] == CORNERS]
    of_boxes = [name for name in of_boxes if "box" in name.lower()] or of_boxes
    if len(arrays) > 1 and len(of_boxes) == 1:
        return _apart(arrays, of_boxes[0], classes)
    tables = [array for array in arrays.values() if array.ndim == 2 and min(array.shape) > CORNERS]
    if len(tables) == 1 or (len(arrays) == 1 and next(iter(arrays.values())).ndim == 2):
        return _table(tables[0] if tables else next(iter(arrays.values())), classes)
    raise ShapeError(
        "the model must give boxes (1, boxes, 4) and scores (1, boxes, classes), or one table of both, to be "
        f"a detector; it gives {_listed(arrays)}"
    )


def _listed(arrays: Mapping[str, Array]) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in arrays.items())


def _apart(arrays: Mapping[str, Array], name: str, classes: int | None) -> Raw:
    """Return what boxes in one output and scores in another say."""
    boxes = arrays[name]
    others = {key: array for key, array in arrays.items() if key != name}
    counts = {key for key, array in others.items() if array.size == 1 and _named(key, "num", "count")}
    lists = {
        key: array for key, array in others.items() if array.shape == (len(boxes),) and key not in counts
    }
    if len(lists) == 2:
        return _left_over(boxes, lists, {key: one for key, one in others.items() if key not in lists}, name)
    fitting = [array for array in others.values() if array.ndim == 2 and len(boxes) in array.shape]
    if len(fitting) != 1:
        raise ShapeError(
            f"beside the boxes {name} {boxes.shape} there must be one output of scores, (boxes, classes) or "
            f"(classes, boxes), or two of scores and labels; the model gives {_listed(others)}"
        )
    return _best(boxes, _without_background(_rows(fitting[0], len(boxes), classes), classes))


def _rows(scores: Array, boxes: int, classes: int | None) -> Array:
    """Return scores with a row for each box."""
    rows, columns = scores.shape
    if rows == columns == boxes:
        raise ShapeError(f"scores {scores.shape} could have boxes in rows or in columns; that is not certain")
    return scores if rows == boxes else scores.T


def _without_background(scores: Array, classes: int | None) -> Array:
    """Leave out the class of nothing: one more than has a name, first or last, whichever is the likelier."""
    if classes is None or scores.shape[1] != classes + 1:
        return _checked(scores, classes)
    first = scores[:, 0].mean() > scores[:, -1].mean()
    return scores[:, 1:] if first else scores[:, :-1]


def _checked(scores: Array, classes: int | None) -> Array:
    if classes is not None and scores.shape[1] != classes:
        raise ShapeError(f"the model gives scores of {scores.shape[1]} classes, but {classes} have names")
    return scores


def _left_over(boxes: Array, lists: Mapping[str, Array], rest: Mapping[str, Array], name: str) -> Raw:
    """Return what three outputs say: of scores and labels, the labels are whole numbers."""
    whole = [key for key, one in lists.items() if one.dtype.kind in "iu" or _named(key, "label", "class")]
    if len(whole) != 1:
        raise ShapeError(f"one of two outputs must be whole numbers, the classes; got {_listed(lists)}")
    labels = lists[whole[0]]
    scores = next(one for key, one in lists.items() if key != whole[0])
    counts = [int(one.reshape(-1)[0]) for one in rest.values() if one.size == 1]
    valid = slice(None) if not counts else slice(0, max(0, counts[0]))
    form = "yxyx" if name.startswith("detection_boxes") else "xyxy"  # TensorFlow's names and order
    return Raw(boxes[valid], _shares(scores[valid]), labels[valid].astype(np.int64), True, form)


def _named(name: str, *parts: str) -> bool:
    return any(part in name.lower() for part in parts)


def _table(table: Array, classes: int | None) -> Raw:
    """Return what one table of boxes and scores says."""
    if table.shape[1] == CORNERS + 2 and _are_final(table[:, 4], table[:, 5]):
        return Raw(table[:, :4], _shares(table[:, 4]), table[:, 5].astype(np.int64), True, "xyxy")
    if table.shape[1] == CORNERS + 3 and _are_final(table[:, 6], table[:, 5]) and not table[:, 0].any():
        return Raw(table[:, 1:5], _shares(table[:, 6]), table[:, 5].astype(np.int64), True, "xyxy")
    if table.shape[0] == table.shape[1]:
        raise ShapeError(f"a table {table.shape} could have boxes in rows or in columns; that is not certain")
    across = table.shape[0] < table.shape[1]
    rows = table.T if across else table
    before = CORNERS if across else CORNERS + 1
    if classes is not None:
        if rows.shape[1] not in (CORNERS + classes, CORNERS + 1 + classes):
            raise ShapeError(
                f"for {classes} classes a table must have {CORNERS + classes} or {CORNERS + 1 + classes} "
                f"numbers for each box; the model gives {table.shape}"
            )
        before = rows.shape[1] - classes
    if rows.shape[1] <= before:
        raise ShapeError(f"a table of boxes must have a score for at least one class; it is {table.shape}")
    scores = _shares(rows[:, before:])
    return _best(
        rows[:, :CORNERS], scores if before == CORNERS else scores * _shares(rows[:, CORNERS:before])
    )


def _are_final(scores: Array, labels: Array) -> bool:
    """Whether numbers are scores and whole numbers of classes."""
    return bool(((scores >= 0) & (scores <= 1) & (labels >= 0) & (labels == np.floor(labels))).all())


def _shares(scores: Array) -> Array:
    """Return scores, if they are from 0 to 1, as floats."""
    found = scores.astype(np.float64)
    if found.size and not (found.min() >= -1e-6 and found.max() <= 1 + 1e-6):
        raise ArgumentError(
            f"scores must be from 0 to 1, got {found.min():.4g} to {found.max():.4g}; export the model with "
            "its sigmoid or softmax"
        )
    return found


def _best(boxes: Array, scores: Array) -> Raw:
    """Return each box with its most likely class."""
    shares = _shares(scores)
    labels = shares.argmax(axis=1)
    return Raw(boxes, shares[np.arange(len(shares)), labels], labels)


def _form_of(found: Raw) -> str:
    """Return the form that the numbers prove."""
    boxes = found.boxes
    turned = (boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])
    if not len(boxes):
        return "xyxy"
    if turned.mean() > INVERTED:
        return "cxcywh"
    if len(boxes) >= MANY:
        return "xyxy"
    raise ArgumentError(
        f"the form of {len(boxes)} boxes cannot be told from their numbers; say it, such as --boxes xyxy or "
        "--boxes cxcywh (boxes=… in Python)"
    )


def _corners(boxes: Array, form: str) -> Array:
    if form == "cxcywh":
        return from_centres(boxes)
    if form == "xywh":
        return from_xywh(boxes)
    return boxes[:, [1, 0, 3, 2]] if form == "yxyx" else boxes
