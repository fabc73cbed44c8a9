"""COCO's JSON: files of pictures with boxes, read with every part checked, and written.

The format is COCO's object detection (https://cocodataset.org/#format-data): ``images``, ``annotations`` with
``bbox`` = x, y, width, height, and ``categories``. What a detector finds is written in the same form, with a
``score`` beside each box, or as COCO's list of results.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convolve.detection.boxes import from_xywh, to_xywh
from convolve.detection.scenes import Found, Scene, Scenes
from convolve.errors import FileAccessError, FileFormatError, FileMissingError
from convolve.files.picture import check_path

LARGEST_FILE = 1 << 29
"""Bytes of a file, at most: COCO's own largest, of 118,287 pictures, has 448 MiB. Read, a file takes some
eight times as much memory."""

LARGEST_SIDE = 1 << 20
"""Pixels of a picture's side, at most, so that no number overflows; a million is beyond any camera."""

PARTS = ("images", "annotations", "categories")


def read(path: str | Path, folder: str | Path | None = None) -> Scenes:
    """Read pictures and their boxes from a COCO file; pictures are opened when they are needed.

    Parameters
    ----------
    path
        Of the JSON file.
    folder
        Where the pictures lie; that of the file if None. No picture outside it is ever opened.

    Raises
    ------
    FileMissingError, FileAccessError
        If there is no such file or folder, or it cannot be read.
    FileFormatError
        If it is damaged or no COCO file, with the entry that is wrong.
    """
    facts = _parsed(path)
    pictures = Path(path).parent if folder is None else Path(folder)
    check_path(pictures)
    if not pictures.is_dir():
        raise FileMissingError(f"the pictures of {path} need a folder, but there is no {pictures}; check it")
    try:
        return _Checked(facts, pictures).scenes()
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None


def _parsed(path: str | Path) -> Any:
    check_path(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise FileMissingError(f"there is no file {path}; check its name and folder") from None
    except OSError as error:
        raise FileAccessError(f"{path} cannot be read: {error.strerror}; check the path") from None
    if len(data) > LARGEST_FILE:
        raise FileFormatError(f"{path} must have at most {LARGEST_FILE} bytes; split it")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged or no JSON: {error}") from None


class _Checked:
    """A file's content while it is checked, entry by entry."""

    def __init__(self, facts: Any, folder: Path) -> None:
        if not isinstance(facts, dict) or not all(isinstance(facts.get(name), list) for name in PARTS):
            raise FileFormatError(
                f"a COCO file must be an object with the lists {', '.join(PARTS)}; it is {_shown(facts)}"
            )
        self.facts, self.folder, self.root = facts, folder, folder.resolve()

    def scenes(self) -> Scenes:
        """Return all of it."""
        numbers = self._by_number("categories")
        classes = [_text(one, "name", f"categories[{k}]") for k, one in enumerate(numbers.values())]
        if not classes or len(set(classes)) < len(classes):
            raise FileFormatError(
                f"categories must have names of their own, at least one; got {classes[:20]}"
            )
        images = self._by_number("images")
        if not images:
            raise FileFormatError("images must list at least one picture, there is none")
        boxes = self._boxes(images, {number: place for place, number in enumerate(numbers)})
        scenes = [
            self._scene(k, number, one, boxes[number]) for k, (number, one) in enumerate(images.items())
        ]
        return Scenes(tuple(scenes), tuple(classes), tuple(numbers))

    def _by_number(self, part: str) -> dict[int, Any]:
        """Return the entries of a list by their ids."""
        found = {}
        for place, one in enumerate(self.facts[part]):
            name = f"{part}[{place}]"
            number = _whole(one, "id", name)
            if number in found:
                raise FileFormatError(f"{name}: id must be its own, {number} is another one's, too")
            found[number] = one
        return found

    def _boxes(self, images: Mapping[int, Any], labels: Mapping[int, int]) -> dict[int, list[Any]]:
        """Return (box, label, crowd, area) of all annotations, by the numbers of their pictures."""
        found: dict[int, list[Any]] = {number: [] for number in images}
        for place, one in enumerate(self.facts["annotations"]):
            name = f"annotations[{place}]"
            picture, kind = _whole(one, "image_id", name), _whole(one, "category_id", name)
            if picture not in images:
                raise FileFormatError(f"{name}: image_id must be of one of the images, got {picture}")
            if kind not in labels:
                raise FileFormatError(f"{name}: category_id must be of one of the categories, got {kind}")
            box = _box(one.get("bbox"), name)
            area = _number(one.get("area", box[2] * box[3]), f"{name}: area", 0, float(LARGEST_SIDE) ** 2)
            crowd = one.get("iscrowd", 0)
            if crowd not in (0, 1):
                raise FileFormatError(f"{name}: iscrowd must be 0 or 1, got {_shown(crowd)}")
            found[picture].append((box, labels[kind], bool(crowd), area))
        return found

    def _scene(self, place: int, number: int, one: Any, entries: Sequence[Any]) -> Scene:
        where = f"images[{place}]"
        name = _text(one, "file_name", where)
        size = (_whole(one, "height", where, 1, LARGEST_SIDE), _whole(one, "width", where, 1, LARGEST_SIDE))
        boxes = from_xywh([box for box, *_ in entries]) if entries else np.zeros((0, 4))
        return Scene(
            name,
            self._inside(name, where),
            size,
            boxes,
            np.array([label for _, label, *_ in entries], np.int64),
            np.array([crowd for *_, crowd, _ in entries], bool),
            np.array([area for *_, area in entries], np.float64),
            number,
        )

    def _inside(self, name: str, where: str) -> Path:
        """Return the path of a picture; none that leads out of the folder."""
        path = self.folder / name
        check_path(path)
        if not path.resolve().is_relative_to(self.root):
            raise FileFormatError(f"{where}: file_name must stay in the folder {self.folder}, got {name!r}")
        return path


def _shown(value: Any) -> str:
    """Return the beginning of a value, for a message."""
    return (
        repr(value)[:60]
        if isinstance(value, str | int | float | bool | None)
        else f"a {type(value).__name__}"
    )


def _field(one: Any, key: str, name: str) -> Any:
    if not isinstance(one, dict) or key not in one:
        raise FileFormatError(f"{name} must be an object with {key!r}; it is {_shown(one)}")
    return one[key]


def _text(one: Any, key: str, name: str) -> str:
    value = _field(one, key, name)
    if not isinstance(value, str) or not value.strip():
        raise FileFormatError(f"{name}: {key} must be text, got {_shown(value)}")
    return value


def _whole(one: Any, key: str, name: str, least: int = -(2**62), most: int = 2**62) -> int:
    value = _field(one, key, name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        within = f" from {least} to {most}" if least > 0 else ""
        raise FileFormatError(f"{name}: {key} must be a whole number{within}, got {_shown(value)}")
    return value


def _number(value: Any, name: str, least: float, most: float) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not least <= value <= most:  # NaN is refused, too; a whole number may have any length
        raise FileFormatError(f"{name} must be a number from {least:g} to {most:g}, got {_shown(value)}")
    return float(value)


def _box(value: Any, name: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != 4:
        raise FileFormatError(f"{name}: bbox must be a list of x, y, width, height; got {_shown(value)}")
    where = [_number(one, f"{name}: bbox", -LARGEST_SIDE, LARGEST_SIDE) for one in value[:2]]
    return *where, *(_number(one, f"{name}: a side of bbox", 0, LARGEST_SIDE) for one in value[2:])


def as_json(scenes: Scenes) -> dict[str, Any]:
    """Return pictures and their boxes as a COCO file has them.

    >>> from convolve.detection.digits import digit_scenes
    >>> sorted(as_json(digit_scenes(1)))
    ['annotations', 'categories', 'images']
    """
    entries = [
        {"image_id": one.number, "category_id": scenes.numbers[label], "bbox": box, "area": float(area),
         "iscrowd": int(crowd)}
        for one in scenes.scenes
        for box, label, area, crowd in zip(
            to_xywh(one.boxes).tolist(), one.labels, one.areas, one.crowd, strict=True
        )
    ]  # fmt: skip
    return {
        "images": [_image(one.number, one.name, one.size) for one in scenes.scenes],
        "annotations": [{"id": k + 1, **one} for k, one in enumerate(entries)],
        "categories": _categories(scenes.numbers, scenes.classes),
    }


def results(scenes: Scenes, found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return what was found in each of the scenes as COCO's list of results."""
    return [
        {"image_id": one.number, "category_id": scenes.numbers[label], "bbox": box, "score": float(score)}
        for one, seen in zip(scenes.scenes, found, strict=True)
        for box, label, score in zip(to_xywh(seen.boxes).tolist(), seen.labels, seen.scores, strict=True)
    ]


def found_as_json(names: Sequence[str], found: Sequence[Found], classes: Sequence[str]) -> dict[str, Any]:
    """Return what was found in pictures of some names as a COCO file with a score for each box.

    Parameters
    ----------
    names
        Of the pictures.
    found
        In each of them.
    classes
        Names of the classes, those that have any.
    """
    most = max((int(one.labels.max()) + 1 for one in found if len(one)), default=0)
    known = [*classes, *(str(k) for k in range(len(classes), most))]
    entries = [
        {"image_id": place + 1, "category_id": int(label) + 1, "bbox": _rounded(box),
         "area": round(math.prod(box[2:]), 2), "iscrowd": 0, "score": round(float(score), 5)}
        for place, one in enumerate(found)
        for box, label, score in zip(to_xywh(one.boxes).tolist(), one.labels, one.scores, strict=True)
    ]  # fmt: skip
    return {
        "images": [
            _image(k + 1, name, one.size) for k, (name, one) in enumerate(zip(names, found, strict=True))
        ],
        "annotations": [{"id": k + 1, **one} for k, one in enumerate(entries)],
        "categories": _categories(range(1, len(known) + 1), known),
    }


def _image(number: int, name: str, size: tuple[int, int]) -> dict[str, Any]:
    return {"id": number, "file_name": name, "height": size[0], "width": size[1]}


def _categories(numbers: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": number, "name": name} for number, name in zip(numbers, names, strict=True)]


def _rounded(box: Sequence[float]) -> list[float]:
    """Return a box to hundredths of a pixel, as COCO writes them."""
    return [round(side, 2) for side in box]


def text(facts: Any) -> bytes:
    """Return facts as the bytes of a JSON file."""
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()
