"""A detector from training to file to ONNX Runtime, foreign ones, and the command line around them."""

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convolve import files, nn
from convolve.detection import coco
from convolve.detection.boxes import iou, nms
from convolve.detection.detector import FACTS, Detector
from convolve.detection.digits import digit_scenes
from convolve.detection.drawing import COLOURS, drawn
from convolve.detection.scenes import Found, Scenes
from convolve.detection.scoring import detected, score
from convolve.detection.training import train
from convolve.errors import ArgumentError, ConvolveError
from convolve.nn import models
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.network import Network
from tests.cli.process import inside
from tests.peers import peer

peer("onnx"), peer("sklearn"), peer("skimage"), peer("pycocotools")


@cache
def scenes() -> Scenes:
    return digit_scenes(16, seed=11)


@cache
def trained() -> Detector:
    """Return a detector that knows its 16 scenes by heart, which shows that it can learn."""
    return train(scenes(), epochs=40, batch_size=8).detector


def test_it_learns_its_scenes_by_heart() -> None:
    found = score(scenes(), detected(trained(), scenes()))
    assert found.ap50 is not None and found.ap50 > 0.6


def test_files_keep_it(tmp_path: Path) -> None:
    ort = peer("onnxruntime")
    source = scenes().scenes[0].source
    first = trained()(source, threshold=0.1)
    assert len(first) > 0
    for name in ("m.safetensors", "m.onnx"):
        trained().save(tmp_path / name)
        again = Detector.load(tmp_path / name)
        found = again(source, threshold=0.1)
        np.testing.assert_allclose(found.boxes, first.boxes, atol=1e-3)
        assert found.labels.tolist() == first.labels.tolist() and again.classes == trained().classes
    cells = np.moveaxis(source.array, 2, 0)[None] / np.float32(255)
    (table,) = ort.InferenceSession(str(tmp_path / "m.onnx")).run(None, {"input": cells})
    np.testing.assert_allclose(table, trained().network(cells), atol=2e-3)
    scores = table[0, 4:].max(axis=0)
    chosen = np.flatnonzero(scores >= 0.1)
    middle, half = table[0, :2].T[chosen], table[0, 2:4].T[chosen] / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    kept = nms(boxes, scores[chosen], 0.5, table[0, 4:].argmax(axis=0)[chosen])
    np.testing.assert_allclose(np.clip(boxes[kept], 0, 96), first.boxes, atol=2e-3)


def test_larger_pictures_by_another_frame(tmp_path: Path) -> None:
    """Four scenes side by side, at their own size, hold what each of them holds."""
    arrays = [one.source.array for one in scenes().scenes[:4]]
    whole = np.concatenate([np.concatenate(arrays[:2], 1), np.concatenate(arrays[2:], 1)])
    trained().save(tmp_path / "m.safetensors")
    found = Detector.load(tmp_path / "m.safetensors", size=(192, 192))(
        files.Picture(whole, "YXC"), threshold=0.3
    )
    offsets = [np.tile([x, y], 2) for y in (0, 96) for x in (0, 96)]
    boxes = np.concatenate([one.boxes + by for one, by in zip(scenes().scenes[:4], offsets, strict=True)])
    assert (iou(boxes, found.boxes).max(axis=1) > 0.5).mean() > 0.6


def foreign(boxes: Any, scores: Any) -> Network:
    """Return a network that gives the same boxes for every picture (N, 3, 64, 64)."""
    constants = {"boxes": np.asarray(boxes, np.float32)[None], "scores": np.asarray(scores, np.float32)[None]}
    names = list(constants)
    nodes = [
        make_node("ReduceMean", ["images"], ["mean"], "mean", {"keepdims": 0}),
        make_node("Mul", ["mean", "zero"], ["nothing"], "nothing"),
        *(make_node("Add", [name, "nothing"], [f"{name}_given"], name) for name in names),
    ]
    inputs = (Input("images", (1, 3, 64, 64), np.dtype(np.float32)),)
    given = {**constants, "zero": np.array(0, np.float32)}
    return Network(Graph(inputs, tuple(nodes), given, tuple(f"{name}_given" for name in names)))


def test_a_foreign_detector_through_the_command(tmp_path: Path) -> None:
    onnx = peer("onnx")
    boxes = np.array([[16, 24, 32, 40], [17, 24, 33, 40], [40, 24, 60, 40]])
    scores = np.array([[0.9, 0], [0.8, 0], [0, 0.7]])
    model = tmp_path / "foreign.onnx"
    nn.save(foreign(boxes, scores), model)
    whole = onnx.load(model)
    onnx.helper.set_model_props(whole, {"names": "{0: 'cat', 1: 'dog'}"})
    onnx.save(whole, model)
    photo = tmp_path / "photo.png"
    Image.new("RGB", (256, 128), (90, 20, 20)).save(photo)  # twice as wide: bars of 16 rows
    refused = inside("detect", "run", str(model), str(photo))
    assert refused.returncode == 1 and "cannot be told from their numbers; say it" in refused.stderr
    done = inside("detect", "run", str(model), str(photo), "--boxes", "xyxy")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[1:] == [
        [str(photo), "cat", "0.9000", "64.0", "32.0", "128.0", "96.0"],
        [str(photo), "dog", "0.7000", "160.0", "32.0", "240.0", "96.0"],
    ]
    assert (
        len(inside("detect", "run", str(model), str(photo), "--boxes", "xyxy", "--iou", "1").stdout.split())
        == 4
    )


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    few = scenes()
    small = Scenes(few.scenes[:6], few.classes)
    Path("pictures").mkdir()
    for one in small.scenes:
        files.write(Path("pictures") / one.name, one.source)
    Path("data.json").write_bytes(coco.text(coco.as_json(small)))
    done = inside("detect", "train", "data.json", "--images", "pictures", "-o", "m.onnx", "-e", "1")
    assert done.returncode == 0 and "epoch 1/1" in done.stderr, done.stderr
    assert "exists" in inside("detect", "train", "digits", "-o", "m.onnx").stderr
    trained().save("t.safetensors")
    done = inside(
        "detect",
        "score",
        "t.safetensors",
        "data.json",
        "--images",
        "pictures",
        "-o",
        "s.json",
        "--results",
        "r.json",
    )
    assert done.returncode == 0 and "mAP@.5:.95" in done.stdout
    assert json.loads(Path("s.json").read_text())["pictures"] == 6
    assert {"image_id", "category_id", "bbox", "score"} == set(json.loads(Path("r.json").read_text())[0])
    done = inside("detect", "run", "t.safetensors", "pictures", "-o", "found.json", "--threshold", "0.2")
    again = coco.read("found.json")
    assert done.returncode == 0 and len(again) == 6 and again.boxes > 6 and again.classes == few.classes
    assert (Path("found.json").parent / again.scenes[0].name).is_file()
    assert inside("detect", "run", "t.safetensors", "pictures", "-o", "drawn/").returncode == 0
    assert len(list(Path("drawn").iterdir())) == 6
    assert "need a folder" in inside("detect", "run", "t.safetensors", "pictures", "-o", "x.png").stderr
    assert inside("detect", "run", "t.safetensors", "pictures", "-o", "x.xyz").returncode == 2
    before = [path.read_bytes() for path in sorted(Path("pictures").iterdir())]
    for target in ("pictures/", "pictures"):
        done = inside("detect", "run", "t.safetensors", "pictures", "-o", target, "--force")
        assert done.returncode == 2 and "is never overwritten" in done.stderr
    assert before == [path.read_bytes() for path in sorted(Path("pictures").iterdir())]
    same = ("-o", "q.json", "--results", "./q.json")
    assert "two files" in inside("detect", "score", "t.safetensors", "data.json", *same).stderr
    assert (
        "must be multiples of 32"
        in inside("detect", "train", "digits", "-o", "n.onnx", "--size", "100x96", "--scenes", "2").stderr
    )
    assert not Path("n.onnx").exists()


def test_a_picture_of_another_size_than_the_data_says(tmp_path: Path) -> None:
    facts = coco.as_json(Scenes(scenes().scenes[:1], scenes().classes))
    facts["images"][0]["width"] = 90
    Image.new("RGB", (96, 96)).save(tmp_path / facts["images"][0]["file_name"])
    (tmp_path / "data.json").write_bytes(coco.text(facts))
    data = coco.read(tmp_path / "data.json")
    for call in (lambda: detected(trained(), data), lambda: train(data, epochs=1)):
        with pytest.raises(ConvolveError, match=r"must have 96x90 pixels .* has 96x96"):
            call()


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    trained().save(tmp_path / "m.onnx")
    with pytest.raises(ArgumentError, match="says itself how it is used; mean must not be given"):
        Detector.load(tmp_path / "m.onnx", mean=(0.5,))
    with pytest.raises(ArgumentError, match="threshold must be from 0 to 1, got 2"):
        trained()(scenes().scenes[0].source, threshold=2)
    other = Detector(trained().network, [*"abcdefghij"], trained().preprocessing, trained().reading)
    with pytest.raises(ArgumentError, match="must know each class of the data, but has no"):
        detected(other, scenes())


@pytest.mark.parametrize(
    "facts",
    [
        {"detector": 5, "classes": ["a"]},
        {"detector": {**FACTS, "size": [96]}, "classes": ["a"]},
        {"detector": {**FACTS, "size": ["a", "b"]}, "classes": ["a"]},
        {"detector": {**FACTS, "size": [2**70, 96]}, "classes": ["a"]},
        {"detector": {**FACTS, "size": [96, 96]}, "classes": "abc"},
        {"detector": {**FACTS, "size": [96, 96], "version": 2}, "classes": ["a"]},
        {"metadata": 5},
    ],
)
def test_files_that_say_nonsense_of_themselves(tmp_path: Path, facts: dict[str, Any]) -> None:
    models.write(tmp_path / "m.safetensors", trained().network, facts)
    with pytest.raises(ConvolveError, match=r"m\.safetensors: "):
        Detector.load(tmp_path / "m.safetensors")


def test_boxes_are_drawn_where_they_are() -> None:
    picture = files.Picture(np.full((100, 200, 3), 128, np.uint8), "YXC")
    found = Found(
        np.array([[20.0, 40, 60, 80], [0, 0, 200, 100]]), np.array([1, 4]), np.array([0.5, 0.4]), (100, 200)
    )
    cells = drawn(picture, found, ["one", "four"]).array
    assert cells.shape == (500, 1000, 3)
    assert tuple(cells[300, 101]) == COLOURS[1] and tuple(cells[250, 998]) == COLOURS[4]
    assert tuple(cells[250, 600]) == (128, 128, 128)
    label = cells[160:200, 100:200].reshape(-1, 3)  # above the first box, in its colour, with dark letters
    assert (label == COLOURS[1]).all(axis=1).sum() > 200 and (label == 0).all(axis=1).sum() > 50
    assert len(set(COLOURS)) == 10
