"""`convolve score` from class folders to reports; `predict` and `score` of networks from elsewhere."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from convolve import files, nn
from tests.cli.process import inside
from tests.peers import peer


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return class folders of stripes that lie, stand and rise, in noise."""
    folder, random = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    rows, columns = np.indices((14, 12))
    for name, along in (("lying", rows), ("rising", rows + columns), ("standing", columns)):
        (folder / name).mkdir()
        for k in range(15):
            wave = 40 * np.sin(along + random.uniform(0, 6)) + random.normal(128, 35, (14, 12))
            array = np.clip(wave, 0, 255).astype(np.uint8)
            files.write(folder / name / f"{k:02}.png", files.Picture(array, "YX"))
    return folder


@pytest.fixture(scope="module")
def model(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "stripes.onnx"
    done = inside("train", str(pictures), "-o", str(file), "--epochs", "6", "--size", "10x10")
    assert done.returncode == 0, done.stderr
    return file


def test_reports_agree_with_each_other(model: Path, pictures: Path, tmp_path: Path) -> None:
    whole = inside("score", str(model), str(pictures), "-k", "2", "-o", str(tmp_path / "r.json"))
    assert whole.returncode == 0, whole.stderr
    assert "--held-back scores the others" in whole.stderr
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["images"] == 45 and np.sum(found["confusion matrix"]) == 45
    assert f"{100 * found['accuracy']:.1f} %" in whole.stdout and found["accuracy"] > 0.5
    assert "top-2 accuracy" in whole.stdout and "reliability" in whole.stdout
    done = inside("score", str(model), str(pictures), "-o", str(tmp_path / "r.csv"))
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert (
        done.returncode == 0 and np.mean([row["class"] == row["said"] for row in rows]) == found["accuracy"]
    )
    assert all(Path(row["image"]).parent.name == row["class"] for row in rows)
    said = inside("predict", str(model), str(pictures / "rising"), "-k", "1").stdout.splitlines()
    listed = [row for row in rows if row["class"] == "rising"]
    for line, row in zip(csv.reader(said[1:]), listed, strict=True):
        assert line[:2] == [row["image"], row["said"]]
        assert float(line[2]) == pytest.approx(float(row["probability"]), abs=2e-6)


def test_the_part_held_back_is_the_trainings(model: Path, pictures: Path, tmp_path: Path) -> None:
    peer("matplotlib")
    report = tmp_path / "r.png"
    done = inside("score", str(model), str(pictures), "--held-back", "-o", str(report))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == ["images", "9"] and files.read(report).array.shape[2] >= 3
    assert inside("score", str(model), str(pictures), "-o", str(report)).returncode == 1, "not overwritten"
    fewer = tmp_path / "fewer"
    for name in ("lying", "standing"):
        (fewer / name).mkdir(parents=True)
        (fewer / name / "1.png").write_bytes((pictures / name / "00.png").read_bytes())
    done = inside("score", str(model), str(fewer), "--held-back")
    assert done.returncode == 1 and "very data of the training" in done.stderr
    assert inside("score", str(model), str(fewer)).stdout.split()[:2] == ["images", "2"]
    (fewer / "lying").rename(fewer / "flying")
    done = inside("score", str(model), str(fewer))
    assert done.returncode == 1 and "has no 'flying'; it has lying, rising, standing" in done.stderr


def test_networks_from_elsewhere_are_scored(pictures: Path, tmp_path: Path) -> None:
    free = nn.Sequential(
        nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), input_shape=(3, None, None)
    )  # an output of four dimensions, no names, any size
    nn.save(free, tmp_path / "free.onnx")
    done = inside("score", str(tmp_path / "free.onnx"), str(pictures))
    assert done.returncode == 2 and "say which with --size" in done.stderr
    how = ["--size", "9x9", "--mean", "0.5", "--std", "0.2"]
    done = inside("score", str(tmp_path / "free.onnx"), str(pictures), *how)
    assert done.returncode == 0 and "in alphabetical order" in done.stderr and "standing" in done.stdout
    how += ["--crop", "0.5"]
    done = inside("score", str(tmp_path / "free.onnx"), str(pictures), *how, "-o", str(tmp_path / "r.csv"))
    row = next(csv.DictReader((tmp_path / "r.csv").open()))
    said = inside("predict", str(tmp_path / "free.onnx"), row["image"], row["image"], *how).stdout
    assert float(said.splitlines()[1].split(",")[2]) == pytest.approx(float(row["probability"]), abs=2e-6)
    one = inside("predict", str(tmp_path / "free.onnx"), str(pictures / "lying" / "00.png"), "--top", "9")
    assert len(one.stdout.splitlines()) == 3
    done = inside("score", str(tmp_path / "free.onnx"), str(pictures), *how, "--held-back")
    assert done.returncode == 1 and "does not say what was held back" in done.stderr


def test_names_come_from_a_file(pictures: Path, tmp_path: Path) -> None:
    nameless = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), input_shape=(1, 6, 6))
    nn.save(nameless, tmp_path / "m.onnx")
    (tmp_path / "names.txt").write_text("lying\nrising\n standing\n\n", encoding="utf-8")
    picture = str(pictures / "lying" / "00.png")
    done = inside("predict", str(tmp_path / "m.onnx"), picture, "--names", str(tmp_path / "names.txt"))
    assert {line.split()[2] for line in done.stdout.splitlines()} == {"lying", "rising", "standing"}
    done = inside("score", str(tmp_path / "m.onnx"), str(pictures), "--names", str(tmp_path / "names.txt"))
    assert done.returncode == 0 and done.stderr == "" and "standing" in done.stdout
    for text, words in (("a\nb", "3 classes apart, but 2 have names"), ("a\n\nb", "a name on every line")):
        (tmp_path / "names.txt").write_text(text, encoding="utf-8")
        done = inside("predict", str(tmp_path / "m.onnx"), picture, "--names", str(tmp_path / "names.txt"))
        assert done.returncode in (1, 2) and words in done.stderr
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    done = inside("predict", str(tmp_path / "m.onnx"), picture, "--names", str(tmp_path / "names.txt"))
    assert done.returncode == 2 and "cannot be read as text" in done.stderr


def test_an_export_says_the_same_and_a_temperature_changes_no_label(pictures: Path, tmp_path: Path) -> None:
    plain, warm, exported = (str(tmp_path / name) for name in ("p.safetensors", "w.safetensors", "w.onnx"))
    how = ["--epochs", "3", "--size", "10x10"]
    assert inside("train", str(pictures), "-o", plain, *how).returncode == 0
    done = inside("train", str(pictures), "-o", warm, *how, "--calibrate")
    assert done.returncode == 0 and "scores are divided by the temperature" in done.stderr, done.stderr
    assert inside("export", warm, "-o", exported).returncode == 0
    tables = [inside("score", file, str(pictures), "--held-back").stdout for file in (plain, warm, exported)]
    assert tables[1] == tables[2] and tables[0] != tables[1]
    before, after = (table.split("\n\n")[2] for table in tables[:2])
    assert before == after and before.startswith("confusion matrix")
    losses = [float(table.split("log loss")[1].split()[0]) for table in tables]
    assert losses[1] <= losses[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "m.onnx", "nowhere", "-o", "report.txt"], "must be .json, .csv, .png, .svg, .pdf"),
        (["score", "m.onnx", "nowhere", "--size", "3"], "height and width"),
        (["score", "m.onnx", "nowhere"], "there is no file m.onnx"),
        (["score", "m.onnx", "nowhere", "--bins", "0"], "--bins"),
        (["train", "digits", "-o", "m.txt"], "must be .safetensors or .onnx, got 'm.txt'"),
        (["train", "digits", "-o", "no/m.onnx"], "no does not exist; create it first"),
        (["export", "m.onnx", "-o", "m"], "must be .safetensors or .onnx, got 'm'"),
    ],
)
def test_refusals(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = inside(*arguments)
    assert done.returncode in (1, 2) and words in done.stderr
    assert "Traceback" not in done.stderr and list(tmp_path.iterdir()) == []
