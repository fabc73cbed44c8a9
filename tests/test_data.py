"""The photographs that ship with the package: whole, small, and each with its licence beside it."""

from pathlib import Path

import pytest

from convolve import files

DATA = Path(__file__).resolve().parents[1] / "src" / "convolve" / "data"
PICTURES = {path.stem: path for path in DATA.iterdir() if path.suffix in {".jpg", ".png"}}
SHAPES = {"portrait": (512, 512, 3), "grey": (512, 512), "medical": (512, 512, 3)}


def test_these_three() -> None:
    assert sorted(PICTURES) == sorted(SHAPES) == sorted(files.samples())


@pytest.mark.parametrize("name", SHAPES)
def test_picture_can_be_read_and_is_no_blank(name: str) -> None:
    picture = files.sample(name)
    assert picture.array.shape == SHAPES[name]
    assert picture.array.dtype == "uint8"
    assert picture.array.std() > 30


@pytest.mark.parametrize("name", SHAPES)
def test_licence_stands_beside_it(name: str) -> None:
    text = (DATA / f"{name}.LICENSE.txt").read_text(encoding="utf-8")
    assert text.splitlines()[0] == PICTURES[name].name
    for field in ("Title", "Author", "Source", "Licence", "Changes"):
        assert f"\n{field} " in text
    assert "public domain" in text.lower()
    assert f"| {PICTURES[name].name} |" in (DATA / "README.md").read_text(encoding="utf-8")


def test_together_they_are_a_few_hundred_kilobytes() -> None:
    assert sum(path.stat().st_size for path in PICTURES.values()) < 300_000
