"""Structures that are missing have no distance: null in JSON, counted as missed, plain in the table."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import files, medical
from convolve.cli import segment
from convolve.errors import ArgumentError, ShapeError
from convolve.files import Picture
from tests.cli.process import inside
from tests.peers import peer

NAMES = ("air", "body", "organ")


def rows(found: list[int], truth: list[int]) -> list[dict[str, Any]]:
    return medical.score(np.array(found), np.array(truth), (2.0,), NAMES)


def test_what_is_missing_has_no_distance() -> None:
    body, organ = rows([0, 0, 2], [0, 1, 0])
    assert (body["missed"], body["dice"], body["hausdorff"]) == ("prediction", 0.0, None)
    assert (organ["missed"], organ["dice"], organ["hausdorff95"]) == ("truth", 0.0, None)
    organ = rows([0, 1, 1], [0, 1, 1])[1]
    assert (organ["missed"], organ["dice"], organ["hausdorff"]) == ("both", None, None)
    body, _ = rows([0, 1, 0], [0, 1, 1])
    assert body["missed"] is None and body["hausdorff"] == 2.0
    assert len(json.dumps([body, organ], allow_nan=False)) > 0


def test_means_are_over_what_there_is() -> None:
    several = [rows([0, 1, 1], [0, 1, 1]), rows([0, 0, 0], [0, 1, 1]), rows([0, 1, 2], [0, 1, 1])]
    body, organ = (medical.mean_score(one) for one in zip(*several, strict=True))
    assert body["dice"] == pytest.approx((1 + 0 + 2 / 3) / 3) and body["hausdorff"] == 1.0
    assert body["missed"] == {"prediction": 1, "truth": 0, "both": 0}
    assert organ["missed"] == {"prediction": 0, "truth": 1, "both": 2} and organ["dice"] == 0.0
    shown = segment.table([body, organ], 3, "mm")
    assert "not found in 1" in shown and "made up in 1, nowhere in 2" in shown and "inf" not in shown


def test_scores_refuse_labels_without_names_and_bad_spacing() -> None:
    with pytest.raises(ArgumentError, match="below 3, the number of names, but the truth goes from 0 to 7"):
        rows([0, 1, 1], [0, 1, 7])
    with pytest.raises(ArgumentError, match="spacing must be a positive number"):
        medical.score(np.array([0, 1]), np.array([0, 1]), (float("nan"),), NAMES)
    with pytest.raises(ShapeError, match="must have one shape"):
        medical.score(np.array([0, 1]), np.array([0, 1, 1]), (1.0,), NAMES)


def test_json_holds_null_and_its_folder_is_checked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer("safetensors")
    monkeypatch.chdir(tmp_path)
    Path("pairs").mkdir()
    made = medical.phantom((8, 16, 16))
    files.write("pairs/a_image.npy", Picture(np.zeros_like(made.image), "ZYX"))
    files.write("pairs/a_label.npy", Picture(made.labels, "ZYX"))
    medical.Segmenter(medical.unet(width=4), medical.LABELS).save("unet.safetensors")
    done = inside("segment", "score", "unet.safetensors", "pairs", "-o", "scores.json", "--each")
    assert done.returncode == 0 and "not found in 1" in done.stdout and "inf" not in done.stdout
    assert re.search(r"^Dice +body +organ +lesion\n.*a_image.npy +\d\.\d{3} ", done.stdout)
    text = Path("scores.json").read_text()
    assert json.loads(text)["names"] == [str(Path("pairs", "a_image.npy"))]
    assert "Infinity" not in text and "NaN" not in text
    assert {mean["missed"]["prediction"] for mean in json.loads(text)["means"]} == {0, 1}
    for command in (("score", "missing.safetensors", "pairs"), ("run", "missing.safetensors", "a.npy")):
        done = inside("segment", *command, "-o", "no/where.npy")
        assert done.returncode == 1 and "no does not exist; create it first" in done.stderr
