"""`convolve faces`: detector, embedder, gallery and answers, as somebody new would use them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from convolve import faces, files
from convolve.files import Picture
from tests.cli.process import inside
from tests.faces.making import detector, folder_of_people, learned
from tests.peers import peer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a detector, an embedder, a portrait and stand-ins."""
    data = peer("skimage").data
    place = tmp_path_factory.mktemp("faces")
    detector().save(place / "detector.safetensors")
    learned().embedder.save(place / "embedder.safetensors")
    files.write(place / "portrait.png", Picture(data.astronaut(), "YXC"))
    folder_of_people(place / "people", 4, 6)
    return place


def faces_of(place: Path, number: int) -> list[str]:
    """Return the pictures of one stand-in."""
    return sorted(str(file) for file in (place / "people" / f"stand-in {number:02}").iterdir())


def test_train_and_detect(folder: Path, tmp_path: Path) -> None:
    model = str(tmp_path / "d.safetensors")
    done = inside("faces", "train", "-o", model, "--rounds", "1", "--epochs", "1", "--held-back", "0.3")
    assert done.returncode == 0, done.stderr
    assert "140 patches to learn from" in done.stderr and "% of 60 patches held back" in done.stdout
    assert "--force" in inside("faces", "train", "-o", model).stderr
    portrait, given = str(folder / "portrait.png"), ("--model", str(folder / "detector.safetensors"))
    done = inside("faces", "detect", portrait, *given, "--score", "0.5")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert done.returncode == 0 and rows[0] == ["image", "x1", "y1", "x2", "y2", "score"] and len(rows) > 1


def test_boxes_are_drawn_and_listed(folder: Path, tmp_path: Path) -> None:
    portrait, given = str(folder / "portrait.png"), ("--model", str(folder / "detector.safetensors"))
    done = inside("faces", "detect", portrait, *given, "-o", str(tmp_path / "drawn.png"), "--score", "0.5")
    assert done.returncode == 0, done.stderr
    assert files.read(tmp_path / "drawn.png").array.shape == (512, 512, 3)
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    both = (portrait, str(tmp_path / "bad.png"))
    done = inside("faces", "detect", *both, *given, "-o", str(tmp_path / "boxes.json"))
    assert done.returncode == 3 and "bad.png" in done.stderr
    assert len(json.loads((tmp_path / "boxes.json").read_text())) == 1
    done = inside("faces", "detect", *both, *given, "-o", str(tmp_path / "two.png"))
    assert done.returncode == 2 and "write .csv or .json" in done.stderr


def test_people_are_enrolled_identified_and_verified(folder: Path, tmp_path: Path) -> None:
    gallery, models = str(tmp_path / "team.safetensors"), ("--embedder", str(folder / "embedder.safetensors"))
    for number in range(3):
        name = ("--name", f"P{number}")
        done = inside("faces", "enroll", gallery, faces_of(folder, number)[0], *name, *models)
        assert done.returncode == 0, done.stderr
    assert "embeddings: 3, people: 3" in done.stderr
    known = faces_of(folder, 1)[0]
    done = inside("faces", "identify", gallery, known, *models, "--threshold", "-1")
    assert done.returncode == 0 and done.stdout.splitlines()[0] == "P1", done.stdout
    assert len(done.stdout.splitlines()) == 4 and "given by hand" in done.stderr
    done = inside("faces", "identify", gallery, faces_of(folder, 1)[1], *models, "--threshold", "1")
    assert done.stdout.splitlines()[0] == "unknown"
    done = inside("faces", "verify", known, known, *models)
    assert done.stdout.splitlines()[0] == "same" and "equal errors" in done.stderr
    done = inside("faces", "forget", gallery, "--name", "P1")
    assert done.returncode == 0 and "embeddings: 2, people: 2" in done.stderr
    found = ("--detector", str(folder / "detector.safetensors"))
    done = inside("faces", "identify", gallery, str(folder / "portrait.png"), *models, *found)
    assert done.returncode == 1 and "faces must be found as for the gallery" in done.stderr


def test_a_face_is_found_before_it_is_embedded(folder: Path) -> None:
    models = ("--embedder", str(folder / "embedder.safetensors"))
    found = ("--detector", str(folder / "detector.safetensors"))
    portrait = str(folder / "portrait.png")
    done = inside("faces", "verify", portrait, portrait, *models, *found)
    assert done.returncode == 0 and "1.0000  similarity" in done.stdout, done.stderr


def test_score_measures_and_stores_the_threshold(folder: Path, tmp_path: Path) -> None:
    peer("matplotlib")
    gallery, models = str(tmp_path / "team.safetensors"), ("--embedder", str(folder / "embedder.safetensors"))
    inside("faces", "enroll", gallery, faces_of(folder, 0)[0], "--name", "P0", *models)
    report = str(tmp_path / "report.json")
    done = inside("faces", "score", str(folder / "people"), *models, "--gallery", gallery, "-o", report)
    assert done.returncode == 0, done.stderr
    assert "24 pictures of 4 people" in done.stdout and "not told: it takes 300 pairs" in done.stdout
    assert json.loads(Path(report).read_text())["pairs of two people"] == 216
    done = inside("faces", "identify", gallery, faces_of(folder, 0)[0], *models)
    assert "on 216 pairs of two people and 60 of one" in done.stderr
    done = inside("faces", "score", str(folder / "people"), *models, "--far", "0.001")
    assert done.returncode == 1 and "must rest on 30000 pairs" in done.stderr
    done = inside("faces", "score", str(folder / "people"), *models, "-o", str(tmp_path / "roc.png"))
    assert done.returncode == 0 and files.read(tmp_path / "roc.png").array.ndim == 3


def test_an_embedder_is_trained_on_a_folder(folder: Path, tmp_path: Path) -> None:
    model = str(tmp_path / "e.safetensors")
    done = inside(
        "faces", "embedder", "train", str(folder / "people"), "-o", model, "--epochs", "1", "--grey"
    )
    assert done.returncode == 0, done.stderr
    assert "12 pictures of 2 people" in done.stdout and "measured on stand-in" in done.stderr
    assert "threshold" in done.stderr and "equal errors" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("detect", "x.png"), "Missing option '--model'"),
        (("enroll", "g.npz", "x.png", "--name", "A", "--embedder", "e"), "must be a .safetensors file"),
        (("enroll", "g.safetensors", "--name", "A", "--embedder", "e"), "Missing argument"),
        (("forget", "g.safetensors", "--name", "A"), "there is no g.safetensors"),
        (
            ("enroll", "g.safetensors", "x.png", "--name", "A", "--embedder", "nothing.onnx"),
            "no file nothing.onnx",
        ),
        (
            ("identify", "nothing.safetensors", "x.png", "--embedder", "e.onnx"),
            "there is no nothing.safetensors",
        ),
        (("score", "nowhere", "--embedder", "e.onnx", "-o", "report.txt"), "a report must be"),
        (("embedder", "train", "nowhere", "-o", "e.safetensors"), "nowhere is no folder"),
        (("train", "-o", "model.bin"), "must be .safetensors or .onnx"),
    ],
)
def test_refusals(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = inside("faces", *arguments)
    assert done.returncode in (1, 2) and said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_of_two_faces_none_is_enrolled_and_one_is_named(folder: Path, tmp_path: Path) -> None:
    portrait = files.read(folder / "portrait.png").array
    two, gallery = tmp_path / "two.png", tmp_path / "team.safetensors"
    files.write(two, Picture(np.concatenate([portrait, portrait[:, ::-1]], axis=1), "YXC"))
    models = ("--embedder", str(folder / "embedder.safetensors"))
    models += ("--detector", str(folder / "detector.safetensors"))
    done = inside("faces", "enroll", str(gallery), str(two), "--name", "Ada", *models)
    assert done.returncode == 1 and "faces were found in" in done.stderr and "it must be one" in done.stderr
    assert not gallery.exists()
    done = inside("faces", "verify", str(two), str(two), *models, "--threshold", "0.5")
    assert done.returncode == 0 and "the one with the best score is taken" in done.stderr


def test_a_drawing_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    done = inside("faces", "detect", "no.png", "--model", "no.onnx", "-o", str(tmp_path / "found.svg"))
    assert done.returncode == 1 and "the suffix of found.svg must say its format" in done.stderr


def test_boxes_never_replace_their_picture(folder: Path) -> None:
    portrait = folder / "portrait.png"
    before, given = portrait.read_bytes(), ("--model", str(folder / "detector.safetensors"))
    done = inside("faces", "detect", str(portrait), *given, "-o", str(portrait), "--force")
    assert done.returncode == 2 and "is never overwritten" in done.stderr
    assert portrait.read_bytes() == before


def test_without_a_threshold_verify_says_where_one_comes_from(folder: Path, tmp_path: Path) -> None:
    known = faces.Embedder.load(folder / "embedder.safetensors")
    faces.Embedder(known.network).save(tmp_path / "plain.safetensors")
    pair = faces_of(folder, 0)[:2]
    done = inside("faces", "verify", *pair, "--embedder", str(tmp_path / "plain.safetensors"))
    assert done.returncode == 1 and '"convolve faces score FOLDER" tells it' in done.stderr
    assert "give it as --threshold" in done.stderr
