"""Stand-ins for people, drawn by examples/faces.py: no identity data may be shipped."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from convolve import faces, files

EXAMPLE = Path(__file__).parents[2] / "examples" / "faces.py"


@cache
def example() -> Any:
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("faces_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def learned() -> faces.LearnedEmbedder:
    """Return an embedder that has learned for a few epochs from few stand-ins."""
    return faces.train_embedder(example().stand_ins(30, 8), epochs=8, far=None)


@cache
def detector() -> faces.FaceDetector:
    """Return a detector that has learned for one round only."""
    return faces.train_detector(faces.face_patches().split(0.3, 0)[0], lesson=faces.Lesson(1, 4))


def folder_of_people(folder: Path, people: int, pictures: int, seed: int = 5) -> Path:
    """Write stand-ins as a folder of folders of pictures."""
    found = example().stand_ins(people, pictures, seed)
    for number, (image, label) in enumerate(zip(found.images, found.targets, strict=True)):
        place = folder / found.classes[label]
        place.mkdir(exist_ok=True, parents=True)
        files.write(place / f"{number:03}.png", files.Picture(image[0], "YX"))
    return folder
