"""Embedders: trained here on stand-ins, or anybody's ONNX file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import faces, files, nn
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from tests.faces.making import detector, example, folder_of_people, learned
from tests.peers import peer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_stand_ins_whom_it_has_not_learned_from_are_told_apart_better_than_by_their_pixels() -> None:
    peer("skimage")
    found = learned()
    assert not set(found.learned) & set(found.held_back) and len(found.held_back) == 9
    strangers = example().stand_ins(30, 8, seed=77)
    pairs = faces.Pairs.of(found.embedder.of_cells(strangers.images), strangers.targets)
    cells = strangers.images.reshape(len(strangers), -1) - 127.0
    plain = faces.Pairs.of(cells / np.linalg.norm(cells, axis=1, keepdims=True), strangers.targets)
    assert pairs.eer < plain.eer - 0.05


def test_the_threshold_is_measured_on_the_people_held_back() -> None:
    peer("skimage")
    threshold = learned().embedder.threshold
    assert threshold is not None and "(72 pictures of 9 people)" in threshold.origin
    assert threshold.origin.startswith("equal errors")


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_files_keep_all_of_it(tmp_path: Path, suffix: str) -> None:
    peer("skimage"), peer("onnx")
    given, path = learned().embedder, tmp_path / f"embedder.{suffix}"
    given.save(path)
    again = faces.Embedder.load(path)
    assert again.threshold == given.threshold and again.margin == given.margin
    assert again.preprocessing == given.preprocessing
    cells = example().stand_ins(2, 2).images
    np.testing.assert_allclose(again.of_cells(cells), given.of_cells(cells), atol=1e-6)
    if suffix == "safetensors":
        assert again.digest == given.digest
    with pytest.raises(FileFormatError, match="says itself how pictures are prepared; leave out std"):
        faces.Embedder.load(path, std=(0.5,))


def foreign(tmp_path: Path, *layers: Any, shape: tuple[int, ...] = (3, 16, 16)) -> Path:
    """Write an ONNX file as if somebody else had."""
    path = tmp_path / "foreign.onnx"
    nn.save(nn.Sequential(*layers, input_shape=shape), path, force=True)
    return path


def test_an_onnx_embedder_gives_what_onnx_runtime_gives(tmp_path: Path) -> None:
    runtime = peer("onnxruntime")
    path = foreign(
        tmp_path, nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    )
    embedder = faces.Embedder.load(path, mean=(0.5,), std=(0.5,))
    face = files.Picture(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3), "YXC")
    given = (np.moveaxis(face.array, 2, 0)[None] / np.float32(127.5) - 1).astype(np.float32)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (known,) = session.run(None, {session.get_inputs()[0].name: given})
    np.testing.assert_allclose(embedder([face]), known / np.linalg.norm(known), atol=1e-5)
    assert embedder.threshold is None


def test_digests_tell_embedders_apart(tmp_path: Path) -> None:
    path = foreign(tmp_path, nn.Flatten(), nn.Linear(768, 4))
    digests = {
        faces.Embedder.load(path, **how).digest
        for how in ({}, {"mean": (0.5,)}, {"std": (0.5,)}, {"margin": 0.5})
    }
    assert len(digests) == 4
    assert faces.Embedder.load(path).digest in digests


def test_what_is_no_embedder(tmp_path: Path) -> None:
    maps = faces.Embedder.load(foreign(tmp_path, nn.Conv2d(3, 2, 3)))
    face = files.Picture(np.zeros((16, 16, 3), np.uint8), "YXC")
    with pytest.raises(ShapeError, match=r"must give \(N, D\) numbers"):
        maps([face])
    dead = foreign(tmp_path, nn.Flatten(), nn.Linear(768, 4, bias=False))
    with pytest.raises(ArgumentError, match="without a direction"):
        faces.Embedder.load(dead)([face])
    classes = tmp_path / "classes.safetensors"
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2), input_shape=(1, 8, 8))
    nn.Classifier(network, ("a", "b")).save(classes)
    with pytest.raises(FileFormatError, match="it is a classifier"):
        faces.Embedder.load(classes)
    with pytest.raises(ShapeError, match="must have a size"):
        faces.Embedder(network, nn.Preprocessing(None, 1))
    with pytest.raises(ConvolveError, match="none"):
        learned().embedder([])


def test_too_few_people() -> None:
    peer("skimage")
    with pytest.raises(ArgumentError, match="there must be 4 people"):
        faces.train_embedder(example().stand_ins(3, 4))
    with pytest.raises(ArgumentError, match="pairs of one person"):
        faces.train_embedder(example().stand_ins(6, 1), epochs=1)
    with pytest.raises(ArgumentError, match="held_back must be a share"):
        faces.train_embedder(example().stand_ins(6, 2), held_back=1.0)


def test_ctrl_c_leaves_no_half_trained_embedder() -> None:
    def interrupt(_epoch: nn.Epoch) -> None:
        raise KeyboardInterrupt

    peer("skimage")
    with pytest.raises(KeyboardInterrupt):
        faces.train_embedder(example().stand_ins(4, 2), after_epoch=interrupt)


def test_folders_of_people(tmp_path: Path) -> None:
    data = peer("skimage").data
    folder = folder_of_people(tmp_path / "people", 4, 3)
    how = nn.Preprocessing((32, 32), 1)
    people = faces.people_folder(folder, how)
    assert len(people) == 12 and people.classes[0] == "stand-in 00"
    (folder / "stand-in 00" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    said: list[str] = []
    assert len(faces.people_folder(folder, how, skipped=said.append)) == 12 and "bad.png" in said[0]
    with pytest.raises(FileFormatError, match="bad.png"):
        faces.people_folder(folder, how)
    astronaut = files.Picture(data.astronaut(), "YXC")
    cut = faces.face_of(astronaut, detector(), 0.2)
    assert cut.array.shape[0] == cut.array.shape[1] < 300
    with pytest.raises(FileFormatError, match="no face was found"):
        faces.face_of(files.Picture(np.full((64, 64), 90, np.uint8), "YX"), detector(), 0.2)
