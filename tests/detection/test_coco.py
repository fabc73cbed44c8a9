"""COCO's files: there and back, every refusal in words, damaged ones, and pictures outside the folder."""

import json
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve.detection import coco
from convolve.detection.scenes import Found, Scene, Scenes
from convolve.errors import ConvolveError, FileAccessError, FileFormatError, FileMissingError
from convolve.files import Picture
from tests.files.test_hostile import mutated
from tests.seeds import seed

MUTANTS = 200
SECONDS = 5.0
GIGABYTE = 1 << 20  # in the kilobytes of ru_maxrss


def scenes() -> Scenes:
    """Return two pictures with three boxes of two classes, whose numbers in the file are 7 and 3."""
    first = Scene(
        "a.png", Path("a.png"), (40, 60), [[1, 2, 11, 22.5], [5, 5, 9, 9]], np.array([1, 0]), number=4
    )
    crowd = {"crowd": np.array([True]), "areas": np.array([50.0])}
    second = Scene("b/c.png", Path("b/c.png"), (10, 10), [[0, 0, 10, 10]], np.array([1]), **crowd, number=9)
    return Scenes((first, second), ("cat", "dog"), (7, 3))


def written(folder: Path, facts: Any) -> Path:
    path = folder / "data.json"
    path.write_bytes(coco.text(facts) if not isinstance(facts, bytes) else facts)
    return path


def test_there_and_back(tmp_path: Path) -> None:
    facts = coco.as_json(scenes())
    again = coco.read(written(tmp_path, facts))
    assert coco.as_json(again) == facts
    assert again.scenes[0].source == tmp_path / "a.png" and again.classes == ("cat", "dog")
    assert facts["annotations"][0]["bbox"] == [1, 2, 10, 20.5] and facts["annotations"][0]["category_id"] == 3
    assert facts["annotations"][2] | {"id": 0} == {
        "id": 0, "image_id": 9, "category_id": 3, "bbox": [0, 0, 10, 10], "area": 50.0, "iscrowd": 1
    }  # fmt: skip


def test_what_was_found_can_be_read_again(tmp_path: Path) -> None:
    found = Found(np.array([[1.0, 2, 3.256, 5]]), np.array([2]), np.array([0.75]), (20, 30))
    facts = coco.found_as_json(["x.png"], [found], ("cat",))
    again = coco.read(written(tmp_path, facts))
    assert again.classes == ("cat", "1", "2") and again.scenes[0].size == (20, 30)
    assert again.scenes[0].boxes.tolist() == [[1, 2, 3.26, 5]] and facts["annotations"][0]["score"] == 0.75


def change(path: str, value: Any) -> Callable[[Any], None]:
    """Return what puts a value at a place such as images/0/id into a file's content."""

    def changed(facts: Any) -> None:
        *before, last = path.split("/")
        for part in before:
            facts = facts[int(part) if part.isdecimal() else part]
        facts[int(last) if last.isdecimal() else last] = value

    return changed


REFUSED = [
    ("images", {}, r"object with the lists images, annotations, categories; it is a dict"),
    ("images", [], r"images must list at least one picture"),
    ("images/0", 5, r"images\[0\] must be an object with 'id'; it is 5"),
    ("images/0/id", "4", r"images\[0\]: id must be a whole number, got '4'"),
    ("images/1/id", 4, r"images\[1\]: id must be its own, 4 is another one's"),
    ("images/0/id", True, r"images\[0\]: id must be a whole number, got True"),
    ("images/0/file_name", 3, r"images\[0\]: file_name must be text, got 3"),
    ("images/0/file_name", "../a.png", r"images\[0\]: file_name must stay in the folder"),
    ("images/0/file_name", "/etc/passwd", r"images\[0\]: file_name must stay in the folder"),
    ("images/0/height", 0, r"images\[0\]: height must be a whole number from 1 to 1048576, got 0"),
    ("images/1/width", 2.5, r"images\[1\]: width must be a whole number from 1"),
    ("categories/0/name", "dog", r"categories must have names of their own"),
    ("categories/0/name", " ", r"categories\[0\]: name must be text, got ' '"),
    ("categories/0/id", 3, r"categories\[1\]: id must be its own"),
    ("categories", [], r"categories must have names of their own, at least one"),
    ("annotations/1/image_id", 5, r"annotations\[1\]: image_id must be of one of the images, got 5"),
    (
        "annotations/1/category_id",
        1,
        r"annotations\[1\]: category_id must be of one of the categories, got 1",
    ),
    ("annotations/0/bbox", [1, 2, 3], r"annotations\[0\]: bbox must be a list of x, y, width, height"),
    ("annotations/0/bbox", [1, 2, -3, 4], r"annotations\[0\]: a side of bbox must be a number from 0 to"),
    ("annotations/0/bbox", [1, 2, float("nan"), 4], r"a side of bbox must be a number .* got nan"),
    ("annotations/0/bbox", [1e300, 2, 3, 4], r"annotations\[0\]: bbox must be a number from -1.04858e\+06"),
    ("annotations/0/bbox", [10**400, 2, 3, 4], r"annotations\[0\]: bbox must be a number"),
    ("annotations/0/area", -1, r"annotations\[0\]: area must be a number from 0"),
    ("annotations/0/iscrowd", 2, r"annotations\[0\]: iscrowd must be 0 or 1, got 2"),
]


@pytest.mark.parametrize(
    ("where", "value", "words"), REFUSED, ids=[f"{one[0]}={one[1]}"[:40] for one in REFUSED]
)
def test_refusals(tmp_path: Path, where: str, value: Any, words: str) -> None:
    facts = coco.as_json(scenes())
    change(where, value)(facts)
    with pytest.raises(FileFormatError, match=words):
        coco.read(written(tmp_path, facts))


def test_files_that_are_no_json(tmp_path: Path) -> None:
    for data in (b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"12" * 5000):
        with pytest.raises(FileFormatError, match=r"damaged or no JSON|a COCO file must be"):
            coco.read(written(tmp_path, data))
    with pytest.raises(FileMissingError, match="there is no file"):
        coco.read(tmp_path / "none.json")
    with pytest.raises(FileMissingError, match="need a folder"):
        coco.read(written(tmp_path, coco.as_json(scenes())), tmp_path / "none")
    with pytest.raises(FileAccessError):
        coco.read(tmp_path)


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "pictures"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(b"")
    (inside / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(FileFormatError, match="must stay in the folder"):
        coco.read(written(tmp_path, coco.as_json(scenes())), inside)


def test_mutated_files(tmp_path: Path) -> None:
    draw, data = random.Random(seed()), coco.text(coco.as_json(scenes()))
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTANTS):
        path = written(tmp_path, mutated(data, draw))
        start = time.perf_counter()
        try:
            found = coco.read(path)
            json.dumps(coco.as_json(found), allow_nan=False)
        except ConvolveError as error:
            refused += 1
            assert len(str(error)) > 20
        assert time.perf_counter() - start < SECONDS, f"mutant {number}, seed {seed()}"
    assert refused > MUTANTS // 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE


def test_labels_that_no_class_has() -> None:
    picture = Picture(np.zeros((4, 4), np.uint8), "YX")
    with pytest.raises(ConvolveError, match="labels must be from 0 to 0"):
        Scenes((Scene("a", picture, (4, 4), [[0, 0, 1, 1]], np.array([1])),), ("cat",))
