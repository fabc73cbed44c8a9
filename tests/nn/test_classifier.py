"""Classifiers in files: any output with a number for each class, any batch, names, and hostile metadata."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import files, nn
from convolve.errors import ArgumentError, ConvolveError, FileFormatError, ShapeError
from tests.peers import peer

PICTURE = files.Picture(np.random.default_rng(1).integers(0, 256, (20, 14), np.uint8), "YX")
ENDS: dict[str, list[nn.Layer]] = {
    "rows": [nn.Flatten()],
    "maps of one cell": [],
    "channels last": [nn.Permute((0, 2, 3, 1))],
    "softmax": [nn.Softmax(1)],
    "sigmoid, flattened": [nn.Sigmoid(), nn.Flatten()],
}


def network(*end: nn.Layer, classes: int = 4) -> nn.Network:
    return nn.Sequential(nn.Conv2d(1, classes, 3), nn.AdaptiveAvgPool2d(1), *end, input_shape=(1, 8, 8))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_every_kind_of_output_is_ranked(end: str, suffix: str, tmp_path: Path) -> None:
    nn.save(network(*ENDS[end]), tmp_path / f"model.{suffix}")
    found = nn.Classifier.load(tmp_path / f"model.{suffix}")
    ranked = found.ranked(PICTURE, 100)
    shares = [share for _, share in ranked]
    assert sorted(name for name, _ in ranked) == ["0", "1", "2", "3"] and shares == sorted(shares)[::-1]
    assert sum(shares) == pytest.approx(1) or "sigmoid" in end
    assert found.ranked(PICTURE, 2) == ranked[:2]
    cam = nn.grad_cam(found.network, found.preprocessing(PICTURE))
    assert str(cam.classes[0]) == ranked[0][0] and cam.probabilities[0] == pytest.approx(shares[0], rel=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_fixed_batch_is_kept(batch: int, tmp_path: Path) -> None:
    onnx = peer("onnx")
    nn.save(network(nn.Flatten()), tmp_path / "free.onnx")
    model = onnx.load(tmp_path / "free.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    onnx.save(model, tmp_path / "fixed.onnx")
    images = np.random.default_rng(0).integers(0, 256, (7, 1, 8, 8), np.uint8)
    free, fixed = (nn.Classifier.load(tmp_path / f"{name}.onnx") for name in ("free", "fixed"))
    seen = []
    fixed.network, inner = lambda x: seen.append(len(x)) or inner(x), fixed.network  # type: ignore
    fixed.network.inputs = inner.inputs  # type: ignore
    np.testing.assert_allclose(fixed.probabilities(images), free.probabilities(images), rtol=1e-5)
    assert set(seen) == {batch}


def test_onnx_runtime_gives_the_same_labels_and_finds_the_names(tmp_path: Path) -> None:
    runtime = peer("onnxruntime")
    own = nn.Classifier(network(nn.Flatten()), ("north", "east", "süd", "west"))
    own.save(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["convolve"])
    assert facts["classes"][2] == "süd" and facts["preprocessing"]["size"] == [8, 8]
    (scores,) = session.run(None, {session.get_inputs()[0].name: own.preprocessing(PICTURE)})
    assert facts["classes"][int(scores.argmax())] == own.ranked(PICTURE)[0][0]


def test_what_is_no_classifier_is_refused() -> None:
    maps = nn.Sequential(nn.Conv2d(1, 4, 3), input_shape=(1, 8, 8))
    with pytest.raises(ShapeError, match="one row of numbers per picture"):
        nn.Classifier(maps)
    with pytest.raises(ShapeError, match="two classes or more"):
        nn.Classifier(network(classes=1))
    with pytest.raises(ShapeError, match="4 classes apart, but 2 have names"):
        nn.Classifier(network(), ("a", "b"))
    with pytest.raises(ArgumentError, match="several are called so; give its number"):
        nn.Classifier(network(), ("crane", "b", "crane", "c")).number("crane")  # a bird, and a machine
    flat = nn.Sequential(nn.Linear(3, 4), input_shape=(3,))
    with pytest.raises(ShapeError, match="must be what the network takes"):
        nn.Classifier(flat, preprocessing=nn.Preprocessing((8, 8), 3))
    with pytest.raises(ShapeError, match="grey or coloured images, float32"):
        nn.Classifier(flat)
    for how in (nn.Preprocessing((8, 8), 3), nn.Preprocessing((8, 9), 1)):
        with pytest.raises(ShapeError, match="must be what the network takes"):
            nn.Classifier(network(), preprocessing=how)
    with pytest.raises(ArgumentError, match=r"c 0, .*, c 19, …; got 'x'"):
        nn.Classifier(network(classes=30), [f"c {k}" for k in range(30)]).number("x")
    with pytest.raises(ShapeError, match="at least one"):
        nn.Classifier(network()).probabilities(np.zeros((0, 1, 8, 8), np.uint8))


def test_how_pictures_are_prepared_is_said_once(tmp_path: Path) -> None:
    nn.Classifier(network()).save(tmp_path / "own.onnx")
    with pytest.raises(ArgumentError, match="says itself how pictures are prepared; mean must not"):
        nn.Classifier.load(tmp_path / "own.onnx", mean=(0.5,), std=None)
    nn.save(network(), tmp_path / "silent.onnx")
    names = ("a", "b", "c", "d")
    assert nn.Classifier.load(tmp_path / "silent.onnx", classes=names).classes == names
    nn.Classifier(network(), names).save(tmp_path / "named.onnx")
    with pytest.raises(ArgumentError, match="says itself what its classes are called"):
        nn.Classifier.load(tmp_path / "named.onnx", classes=names)
    assert nn.Classifier.load(tmp_path / "silent.onnx", mean=(0.5,)).preprocessing.mean == (0.5,)


def test_only_the_very_data_has_the_part_held_back(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), np.uint8)
    data = nn.Data(images, np.arange(20) % 4, names=[str(k) for k in range(20)])
    nn.Classifier(network(), held_back=nn.HeldBack(0.2, 3, data.digest())).save(tmp_path / "m.safetensors")
    found = nn.Classifier.load(tmp_path / "m.safetensors").held_back
    assert found is not None and found.of(data).names == data.split(0.2, 3)[1].names
    with pytest.raises(ArgumentError, match="very data of the training"):
        found.of(nn.Data(images[::-1], data.targets))


@pytest.mark.parametrize(
    "facts",
    [
        "[", "[]", "[" * 100_000, "3", '{"classes": 3}', '{"classes": [1, 2, 3, 4]}', '{"classes": {"a": 1}}',
        '{"classes": ["a"]}', '{"preprocessing": 1}', '{"preprocessing": {}}', '{"held back": 1}',
        '{"held back": []}', '{"held back": {"share": "x", "seed": 0, "data": ""}}',
        '{"held back": {"share": 0.5, "seed": -1, "data": ""}}', '{"held back": {"share": 0.5}}',
    ],
)  # fmt: skip
def test_damaged_metadata_is_refused(facts: str, tmp_path: Path) -> None:
    onnx = peer("onnx")
    nn.save(network(), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.helper.set_model_props(model, {"convolve": facts})
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(FileFormatError, match=r"model\.onnx"):
        nn.Classifier.load(tmp_path / "model.onnx")


def test_other_programs_metadata_is_left_alone(tmp_path: Path) -> None:
    onnx = peer("onnx")
    nn.save(network(), tmp_path / "model.onnx")
    model: Any = onnx.load(tmp_path / "model.onnx")
    onnx.helper.set_model_props(model, {"names": "{0: 'cat'}", "classes": "?"})
    onnx.save(model, tmp_path / "model.onnx")
    assert nn.Classifier.load(tmp_path / "model.onnx").classes == ()


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_mutated_files_are_our_errors_or_work(suffix: str, tmp_path: Path) -> None:
    if suffix == "onnx":
        peer("onnx")
    import random

    from tests import seeds
    from tests.files.test_hostile import mutated

    file, draw = tmp_path / f"model.{suffix}", random.Random(f"{seeds.seed()} {suffix}")
    held_back = nn.HeldBack(0.5, 0, "00")
    nn.Classifier(network(classes=2), ("cat", "dog"), held_back=held_back).save(file)
    whole = file.read_bytes()
    for number in range(200):
        file.write_bytes(mutated(whole, draw))
        try:
            assert len(nn.Classifier.load(file).ranked(PICTURE)) >= 2
        except ConvolveError:
            continue
        except Exception as error:
            pytest.fail(f"mutant {number} of seed {seeds.seed()}: {error!r}")
