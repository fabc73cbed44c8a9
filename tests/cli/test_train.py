"""`convolve train`, `predict` and `summary`, from pictures to CSV."""

import csv
import io
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from convolve import files, load, nn
from tests.cli.process import PROGRAM, convolve, environment, inside
from tests.peers import peer


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of dark and bright pictures."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name, low in (("bright", 150), ("dark", 0)):
        (folder / name).mkdir()
        for k in range(12):
            array = random.integers(low, low + 100, (10, 12), np.uint8)
            files.write(folder / name / f"{k}.png", files.Picture(array, "YX"))
    return folder


@pytest.fixture(scope="module")
def model(pictures: Path) -> Path:
    file = pictures / "model.safetensors"
    done = inside("train", str(pictures), "-o", str(file), "--epochs", "8", "--size", "8x8", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "20 pictures to learn from, 4 to validate; 2 classes" in done.stderr
    assert "epoch 8/8" in done.stderr and done.stdout == ""
    return file


def test_a_picture_is_answered_in_words_and_a_folder_as_csv(model: Path, pictures: Path) -> None:
    done = inside("predict", str(model), str(pictures / "dark" / "0.png"))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.endswith("dark") and second.endswith("bright")
    done = inside("predict", str(model), str(pictures / "dark"), "--top", "1")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["image", "class1", "probability1"]
    assert [row[1] for row in rows[1:]] == ["dark"] * 12


def test_csv_goes_into_a_file_whole_and_damaged_pictures_are_named(
    model: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "good.png").write_bytes((pictures / "bright" / "1.png").read_bytes())
    done = inside("predict", str(model), str(tmp_path), "-o", str(tmp_path / "found.csv"))
    assert done.returncode == 3 and "bad.png" in done.stderr and done.stdout == ""
    rows = list(csv.reader((tmp_path / "found.csv").open()))
    assert len(rows) == 2 and rows[1][1] == "bright"
    done = inside("predict", str(model), str(tmp_path), "-o", str(tmp_path / "found.csv"))
    assert done.returncode == 1 and "--force" in done.stderr


def test_what_speaks_for_a_class_is_a_picture(model: Path, pictures: Path, tmp_path: Path) -> None:
    picture = tmp_path / "night.png"
    picture.write_bytes((pictures / "dark" / "0.png").read_bytes())
    done = inside("cam", str(model), str(picture))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("dark")
    assert "night.cam.png: what speaks for dark at the layer conv2d3" in done.stderr
    shown = files.read(tmp_path / "night.cam.png").array
    assert shown.shape == (256, 256, 3) and len(np.unique(shown)) > 20
    assert inside("cam", str(model), str(picture)).returncode == 1, "it is not overwritten unasked"
    other = ["--class", "bright", "--layer", "conv2d2", "-o", str(tmp_path / "other.png")]
    done = inside("cam", str(model), str(picture), *other)
    assert done.returncode == 0 and "at the layer conv2d2" in done.stderr
    assert done.stdout.strip().endswith("bright")


@pytest.mark.parametrize("linked", [False, True])
def test_cam_never_overwrites_its_picture(model: Path, pictures: Path, tmp_path: Path, linked: bool) -> None:
    picture, goal = tmp_path / "night.png", tmp_path / ("link.png" if linked else "night.png")
    before = (pictures / "dark" / "0.png").read_bytes()
    picture.write_bytes(before)
    if linked:
        goal.symlink_to(picture)
    done = inside("cam", str(model), str(picture), "-o", str(goal), "--force")
    assert done.returncode == 2 and "never overwritten" in done.stderr
    assert picture.read_bytes() == before


@pytest.mark.parametrize("end", [[], [nn.Sigmoid()], [nn.Softmax()], [nn.Softmax(), nn.Flatten()]], ids=str)
def test_predict_and_grad_cam_give_the_same_probability(
    end: list[nn.Layer], pictures: Path, tmp_path: Path
) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3), *end, input_shape=(1, 8, 8))
    nn.save(network, tmp_path / "model.safetensors")
    classifier = nn.Classifier.load(tmp_path / "model.safetensors")
    file = pictures / "dark" / "0.png"
    ((name, share),) = classifier.ranked(file, 1)
    found = nn.grad_cam(network, classifier.preprocessing(file))
    assert name == str(found.classes[0]) and share == pytest.approx(float(found.probabilities[0]), rel=1e-5)


def test_pictures_are_normalised_if_asked_for(model: Path, pictures: Path, tmp_path: Path) -> None:
    dark, bright = (str(pictures / name / "0.png") for name in ("dark", "bright"))
    plain = inside("predict", str(model), bright).stdout
    refused = inside("predict", str(model), bright, "--mean", "0.6")
    assert refused.returncode == 1 and "says itself how pictures are prepared; mean must" in refused.stderr
    silent = tmp_path / "silent.safetensors"
    nn.save(load(model), silent, classes=["bright", "dark"])
    assert inside("predict", str(silent), bright, "--mean", "0", "--std", "1").stdout == plain
    moved = inside("predict", str(silent), bright, "--mean", "0.6").stdout  # as dark as the dark ones
    assert moved.splitlines()[0].endswith("dark")
    assert inside("predict", str(silent), dark).stdout.splitlines()[0].endswith("dark")


def test_a_summary_shows_every_layer(model: Path) -> None:
    done = inside("summary", str(model))
    assert done.returncode == 0
    assert "conv2d3" in done.stdout and "parameters" in done.stdout
    assert "pictures  8x8, grey\nclasses   bright, dark\n" in done.stdout


def test_digits_are_data(tmp_path: Path) -> None:
    peer("sklearn")
    file = tmp_path / "digits.safetensors"
    done = inside("train", "digits", "-o", str(file), "--epochs", "1")
    assert done.returncode == 0, done.stderr
    found = nn.Classifier.load(file)
    assert found.classes == tuple("0123456789") and found.network.inputs[0].shape == ("N", 1, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nowhere", "-o", "m.safetensors"], "no folder"),
        (["train", "nowhere", "-o", "m.safetensors", "--resume"], "--resume needs the checkpoint"),
        (["train", "nowhere"], "--output"),
        (["train", "nowhere", "-o", "m.onnx", "--checkpoint", "./m.onnx"], "must be two files"),
        (["train", "nowhere", "-o", "m.onnx", "--size", "0x8"], "must be at least 1, got 0x8"),
        (["predict", "m.onnx", "a.png", "-o", "b.png"], "are written as CSV"),
        (["predict", "m.onnx", "a.png", "-o", ".."], ".. is a folder; give the name of a file"),
        (["predict", "missing.safetensors", "a.png"], "there is no missing.safetensors"),
        (["summary", "missing.onnx"], "there is no file missing.onnx"),
        (["cam", "missing.safetensors", "a.png"], "there is no missing.safetensors"),
        (["predict", "m.onnx", "a.png", "--std", "0"], "must be one or three finite numbers above 0"),
        (["predict", "m.onnx", "a.png", "--mean", "1,2"], "must be one or three finite numbers"),
        (["predict", "m.onnx", "a.png", "--mean", "nan"], "must be one or three finite numbers"),
        (["cam", "m.onnx", "a.png", "--std", "inf"], "must be one or three finite numbers above 0"),
    ],
)
def test_refusals_have_no_traceback(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = inside(*arguments)
    assert done.returncode in (1, 2)
    assert words in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_in_the_way_is_refused_before_the_data_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.safetensors").write_bytes(b"an hour of training")
    where = ["-o", str(tmp_path / "m.onnx"), "--checkpoint", str(tmp_path / "run.safetensors")]
    for command in (["train"], ["detect", "train"]):
        done = inside(*command, "nowhere", *where)
        assert done.returncode == 2 and "add --resume to go on from it" in done.stderr
    assert (tmp_path / "run.safetensors").read_bytes() == b"an hour of training"


@pytest.mark.filterwarnings("error")
def test_a_training_that_diverges_is_an_error_and_writes_nothing(pictures: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    done = inside("train", str(pictures), "-o", str(file), "--epochs", "9", "--size", "8x8", "--lr", "1e9")
    assert done.returncode == 1, done.stderr
    assert "the loss must be a number, but is NaN in epoch" in done.stderr
    assert "give a smaller learning rate" in done.stderr and not file.exists()


def test_answers_that_are_no_numbers_are_refused(model: Path, pictures: Path, tmp_path: Path) -> None:
    known = nn.Classifier.load(model)
    trainer = nn.Trainer(known.network, nn.CrossEntropyLoss(), nn.SGD(0.1))
    lost = {name: np.full_like(array, np.nan) for name, array in trainer.numbers().items()}
    spoilt = nn.Classifier(trainer.network(lost), known.classes, known.preprocessing)
    spoilt.save(tmp_path / "spoilt.safetensors")
    for command in ("predict", "cam"):
        done = inside(command, str(tmp_path / "spoilt.safetensors"), str(pictures / "dark" / "0.png"))
        assert done.returncode == 1 and "must be finite" in done.stderr and done.stdout == ""


def test_a_folder_is_no_picture(model: Path, pictures: Path, tmp_path: Path) -> None:
    done = inside("cam", str(model), str(pictures / "dark"), "-o", str(tmp_path / "cam.png"))
    assert done.returncode == 1 and "dark holds no slices, but 12 other files" in done.stderr


def test_ctrl_c_writes_the_best_weights(pictures: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    arguments = ["train", str(pictures), "-o", str(file), "--epochs", "100000", "--size", "8x8"]
    with subprocess.Popen([*PROGRAM, *arguments], stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"epoch 3/" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read().decode()
    assert process.returncode == 130
    assert "the weights of epoch" in rest and "Traceback" not in rest
    assert convolve("summary", str(file)).returncode == 0
