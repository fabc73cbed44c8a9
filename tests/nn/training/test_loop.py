"""The loop: what it learns, what Ctrl-C leaves, and that a checkpoint goes on with the same bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import nn
from convolve.errors import ArgumentError, FileExistsRefusal, FileFormatError
from convolve.nn.training.data import parts
from convolve.nn.training.results import Epoch


def lines(count: int = 60, seed: int = 0) -> nn.Data:
    """Return pictures of noise with a line, lying (0) or standing (1)."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 0.3, (count, 1, 8, 8)).astype(np.float32)
    labels = np.arange(count) % 2
    for image, label, place in zip(images, labels, random.integers(0, 8, count), strict=True):
        image[(0, place) if label == 0 else (0, slice(None), place)] += 1
    return nn.Data(images, labels, ("lying", "standing"))


def small(seed: int = 0) -> nn.Network:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.2), nn.Linear(96, 2), input_shape=(1, 8, 8), seed=seed,
    )  # fmt: skip


HOW: dict[str, Any] = {
    "epochs": 6,
    "batch_size": 16,
    "optimiser": nn.AdamW(0.01),
    "schedule": nn.CosineDecay(warmup=1),
    "augment": nn.Augment(flip=True, shift=1),
    "seed": 4,
}


def numbers(network: nn.Network) -> dict[str, Any]:
    return dict(network.graph.constants)


def test_a_network_learns() -> None:
    trained = nn.fit(small(), lines(400), validation=lines(40, seed=9), **HOW)
    assert [epoch.number for epoch in trained.history] == [1, 2, 3, 4, 5, 6]
    assert trained.history[-1].loss < trained.history[0].loss
    assert trained.best is not None and trained.best.validation_accuracy is not None
    assert trained.best.validation_accuracy > 0.8
    loss, accuracy = nn.evaluate(trained.network, lines(40, seed=9))
    assert accuracy == trained.best.validation_accuracy
    assert loss == pytest.approx(trained.best.validation_loss)
    assert trained.classes == ("lying", "standing") and not trained.interrupted


def test_the_same_seed_gives_the_same_bits_for_every_number_of_threads() -> None:
    before = convolve.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            convolve.set_num_threads(threads)
            found.append(numbers(nn.fit(small(), lines(), **{**HOW, "epochs": 1}).network))
    finally:
        convolve.set_num_threads(before)
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][name])


def test_ctrl_c_keeps_the_best_weights_and_a_checkpoint_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    file = tmp_path / "training.safetensors"

    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 3:
            raise KeyboardInterrupt

    whole = nn.fit(small(), lines(), validation=lines(40, 9), **HOW)
    part = nn.fit(small(), lines(), validation=lines(40, 9), checkpoint=file, after_epoch=interrupt, **HOW)
    assert part.interrupted and len(part.history) == 3
    kept = nn.evaluate(part.network, lines(40, 9))
    assert part.best is not None and kept[1] == part.best.validation_accuracy
    rest = nn.fit(small(), lines(), validation=lines(40, 9), checkpoint=file, resume=True, **HOW)
    assert [e.loss for e in rest.history] == [e.loss for e in whole.history]
    for name, array in numbers(whole.network).items():
        np.testing.assert_array_equal(array, rest.network.graph.constants[name])
    image = lines().images[:3]
    np.testing.assert_array_equal(convolve.load(file)(image), whole.network(image))


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    file = tmp_path / "training.safetensors"
    how = {**HOW, "epochs": 1}
    nn.fit(small(), lines(), checkpoint=file, **how)
    with pytest.raises(FileExistsRefusal):
        nn.fit(small(), lines(), checkpoint=file, **how)
    with pytest.raises(FileFormatError, match="another training: seed was 4 and is now 5"):
        nn.fit(small(), lines(), checkpoint=file, resume=True, **{**how, "seed": 5})
    with pytest.raises(FileFormatError, match="another training: data is not the same"):
        nn.fit(small(), lines(seed=1), checkpoint=file, resume=True, **how)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(FileFormatError, match="damaged"):
        nn.fit(small(), lines(), checkpoint=file, resume=True, **how)


def test_a_network_is_the_same_after_a_file(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    image = nn.Input((3, None, None))
    down = nn.GroupNorm(2, 4, affine=False)(nn.Conv2d(3, 4, 3, stride=2, padding=1)(image))
    out = nn.Clip(0, 6)(nn.Upsample(2, mode="bilinear")(nn.GELU()(down)) + nn.Conv2d(3, 4, 1)(image))
    network = nn.network(image, out)
    nn.save(network, tmp_path / "model.safetensors", classes=["a", "b"])
    again = convolve.load(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 6)).astype(np.float32)
    np.testing.assert_array_equal(again(x), network(x))
    assert again.summary((1, 3, 8, 8)).parameters == network.summary((1, 3, 8, 8)).parameters
    with pytest.raises(FileExistsRefusal):
        nn.save(network, tmp_path / "model.safetensors")


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    file = tmp_path / "foreign.safetensors"
    for text, words in (
        (None, "no network of convolve's"),
        ("{}", "damaged or no network"),
        ('{"format": "convolve network 9"}', "must be of format"),
        ('{"format": "convolve network 1", "graph": {"inputs": []}}', "damaged or no network"),
        (
            '{"format": "convolve network 1", "graph": {"inputs": [["x", [1], "float32"]], "outputs": ["y"],'
            '"fixed": [], "nodes": [["Evil", ["x"], ["y"], "n", {}]]}}',
            "operation 'Evil' is not known",
        ),
        (
            '{"format": "convolve network 1", "graph": {"inputs": [["x", [1], "float32"]], "outputs": ["y"],'
            '"fixed": [], "nodes": [["Elu", ["x"], ["y"], "n", {"alpha": "1e999"}]]}}',
            "alpha must be a finite number",
        ),
    ):
        metadata = None if text is None else {"convolve": text}
        file.write_bytes(safetensors.save({"t": np.zeros(1)}, metadata))
        with pytest.raises(FileFormatError, match=words):
            convolve.load(file)


def test_an_epoch_that_went_wrong_is_never_the_best() -> None:
    bad, good = Epoch(1, float("nan"), 0.5, None, None, 1.0), Epoch(2, 2.0, 0.5, None, None, 1.0)
    assert good.score > bad.score
    assert Epoch(3, 3.0, 0.6, None, None, 1.0).score > good.score
    assert Epoch(3, 9.0, 0.1, 0.5, 0.7, 1.0).score > Epoch(3, 9.0, 0.1, 0.6, 0.7, 1.0).score


def test_parts_leave_no_batch_of_one() -> None:
    assert [(p.start, p.stop) for p in parts(9, 4)] == [(0, 4), (4, 9)]
    assert [(p.start, p.stop) for p in parts(10, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert [(p.start, p.stop) for p in parts(1, 4)] == [(0, 1)]
    assert len(parts(3, 1)) == 3


def test_augmentation_moves_and_mirrors() -> None:
    image = np.arange(12, dtype=np.float32).reshape(1, 1, 3, 4) + 1
    images = np.repeat(image, 200, axis=0)
    mirrored = nn.Augment(flip=True)(images, np.random.default_rng(0))
    turned = (mirrored[:, 0, 0, 0] == 4).sum()
    assert 70 < turned < 130
    np.testing.assert_array_equal(mirrored[mirrored[:, 0, 0, 0] == 4][0], image[0, ..., ::-1])
    moved = nn.Augment(shift=1)(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    wide = np.pad(image[0, 0], 1)
    places = {wide[r : r + 3, c : c + 4].tobytes() for r in range(3) for c in range(3)}
    assert {one.tobytes() for one in moved[:, 0]} == places


def test_a_split_has_its_share_of_every_class() -> None:
    data = nn.Data(np.zeros((100, 1, 2, 2)), np.array([0] * 80 + [1] * 20))
    first, second = data.split(0.25, seed=1)
    assert (len(first), len(second)) == (75, 25)
    assert (second.targets == 1).sum() == 5


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(ArgumentError, match="must have parameters"):
        nn.fit(nn.Sequential(nn.ReLU(), input_shape=(2,)), nn.Data(np.zeros((2, 2)), [0, 1]))
    with pytest.raises(ArgumentError, match="classes must be from 0 to 1.*got 0 to 7"):
        nn.fit(small(), nn.Data(lines().images[:8], np.arange(8)))
    with pytest.raises(ArgumentError, match="a target for each image, got images"):
        nn.Data(np.zeros((3, 1, 2, 2)), [0, 1])
    with pytest.raises(ArgumentError, match="seed must be"):
        nn.fit(small(), lines(), seed=-1)
    with pytest.raises(ArgumentError, match="epochs must be at least 1"):
        nn.fit(small(), lines(), epochs=0)


def test_a_network_from_an_onnx_file_learns_on(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    nn.save(nn.fit(small(), lines(), **{**HOW, "epochs": 1}).network, tmp_path / "network.onnx")
    network = convolve.load(tmp_path / "network.onnx")
    trained = nn.fit(network, lines(), **{**HOW, "augment": None})
    assert trained.history[-1].loss < trained.history[0].loss


def test_other_losses_have_no_accuracy() -> None:
    data = nn.Data(lines().images, lines().images.mean((2, 3)))
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), input_shape=(1, 8, 8))
    trained = nn.fit(network, data, loss=nn.MSELoss(), optimiser=nn.SGD(0.01, momentum=0.9), epochs=30)
    assert trained.history[-1].loss < 0.2 * trained.history[0].loss
    assert np.isnan(trained.history[0].accuracy)
    assert trained.best == trained.history[-1]


def test_progress_is_shown_when_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    nn.fit(small(), lines(), validation=lines(40, 9), **{**HOW, "epochs": 2}, progress=True)
    shown = capsys.readouterr().err
    assert "epoch 1/2  loss" in shown and "validation loss" in shown and "accuracy" in shown
    nn.fit(small(), lines(), **{**HOW, "epochs": 1}, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("error")
def test_weights_that_the_last_step_made_nan_are_no_result() -> None:
    images = 1e4 * np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    network = nn.Sequential(nn.Linear(4, 2), input_shape=(4,))
    data = nn.Data(images, np.arange(8) % 2)
    with pytest.raises(ArgumentError, match="is NaN in epoch 1, at a learning rate of 3e"):
        nn.fit(network, data, epochs=1, batch_size=8, optimiser=nn.SGD(3e37))
