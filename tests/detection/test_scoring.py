"""Scores are pycocotools': right for what is known to be right, and worse for what is worse."""

import contextlib
import io
import math

import numpy as np
import pytest

from convolve.detection import coco, digits
from convolve.detection.digits import digit_scenes
from convolve.detection.scenes import Found, Scenes
from convolve.detection.scoring import score
from tests.peers import peer
from tests.seeds import generator

peer("pycocotools"), peer("sklearn"), peer("skimage")
SCENES = digit_scenes(12, "held-out", seed=7)
CELL = math.ceil(digits.SIDES[-1] / 8)
"""Pixels of one of a digit's 8 × 8 cells, where it is largest: so far may faint ink reach past its box."""


def shifted(scenes: Scenes, by: float) -> list[Found]:
    """Return the true boxes, moved by a share of their size, with scores in their order."""
    found = []
    for one in scenes.scenes:
        sides = np.tile(one.boxes[:, 2:] - one.boxes[:, :2], 2)
        found.append(
            Found(one.boxes + by * sides, one.labels, np.linspace(0.9, 0.5, len(one.labels)), one.size)
        )
    return found


def test_what_is_true_is_perfect_and_what_is_moved_is_not() -> None:
    best = score(SCENES, shifted(SCENES, 0))
    assert (best.ap, best.ap50, best.ap75, best.recall) == (1, 1, 1, 1)
    assert best.things == SCENES.boxes and sum(one.things for one in best.classes) == best.things
    moved = score(SCENES, shifted(SCENES, 0.1))  # an overlap of .81 ÷ 1.19 = .68
    assert (
        moved.ap50 == 1 and moved.ap75 == 0 and moved.ap == pytest.approx(0.4)
    )  # .5, .55, .6 and .65 of ten
    nothing = score(SCENES, [Found(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), (96, 96))] * len(SCENES))
    assert nothing.ap == nothing.recall == 0
    assert "mAP@.5      1.000" in str(best) and best.as_json()["classes"][3]["name"] == "3"


def test_they_are_those_of_pycocotools() -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    random = generator(65)
    found = []
    for one in shifted(SCENES, 0.05):
        labels = np.where(random.random(len(one)) < 0.8, one.labels, random.integers(0, 10, len(one)))
        found.append(
            Found(one.boxes + random.normal(0, 2, one.boxes.shape), labels, random.random(len(one)), one.size)
        )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco.as_json(SCENES)
        truth.createIndex()
        whole = COCOeval(truth, truth.loadRes(coco.results(SCENES, found)), "bbox")
        whole.evaluate(), whole.accumulate(), whole.summarize()
    ours = score(SCENES, found)
    assert [ours.ap, ours.ap50, ours.ap75, ours.recall] == pytest.approx(whole.stats[[0, 1, 2, 8]].tolist())
    assert 0.05 < whole.stats[0] < 0.9


def test_scenes_follow_from_the_seed_and_share_nothing() -> None:
    from skimage import data

    again, other = digit_scenes(12, "held-out", seed=7), digit_scenes(12, "held-out", seed=8)
    for one, two in zip(SCENES.scenes, again.scenes, strict=True):
        assert (one.source.array == two.source.array).all() and (one.boxes == two.boxes).all()
    assert any(
        (a.source.array != b.source.array).any() for a, b in zip(SCENES.scenes, other.scenes, strict=True)
    )
    assert not set(digits.PHOTOGRAPHS["train"]) & set(digits.PHOTOGRAPHS["held-out"])
    assert all(callable(getattr(data, name)) for names in digits.PHOTOGRAPHS.values() for name in names)
    (learned, _), (held_out, _) = digits._digits("train"), digits._digits("held-out")
    assert (len(learned), len(held_out)) == (1348, 449)
    rows = {one.tobytes() for one in learned}
    assert sum(one.tobytes() in rows for one in held_out) == 0
    for one in SCENES.scenes:
        assert (one.boxes[:, :2] >= 0).all() and (one.boxes[:, 2:] <= 96).all() and 1 <= len(one.boxes) <= 7


def test_ink_is_in_the_boxes_and_can_be_seen() -> None:
    """Between scenes that differ in the digits alone, nothing else changes: all ink lies in boxes or near."""
    bare = digit_scenes(len(SCENES), "held-out", seed=7, digits=(0, 0))
    assert bare.boxes == 0
    for one, without in zip(SCENES.scenes, bare.scenes, strict=True):
        change = np.abs(one.source.array.astype(int) - without.source.array).max(axis=2)
        boxed, near = np.zeros(change.shape, bool), np.zeros(change.shape, bool)
        for x1, y1, x2, y2 in one.boxes.astype(int):
            boxed[y1:y2, x1:x2] = near[max(y1 - CELL, 0) : y2 + CELL, max(x1 - CELL, 0) : x2 + CELL] = True
            inside = change[y1:y2, x1:x2]
            assert (inside > 50).mean() > 0.25  # a stroke, in a colour unlike what it is written on
            assert min(side.max() for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1])) > 15
        assert change[~boxed].max() <= digits.INK * 255 and change[~near].max() == 0
