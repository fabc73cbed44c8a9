"""What is wanted of the network, said by it to the letter, is decoded to the boxes that it was made of."""

import numpy as np

from convolve.detection.boxes import iou
from convolve.detection.digits import digit_scenes
from convolve.detection.loss import IGNORED
from convolve.detection.targets import Grid
from tests.peers import peer

FRAME = (96, 160)


def test_every_digit_can_be_found() -> None:
    peer("sklearn"), peer("skimage")
    grid, scenes = Grid.of(FRAME), digit_scenes(40, size=FRAME, seed=3)
    places = 0
    for scene in scenes.scenes:
        wanted = grid.targets(scene.boxes, scene.labels, scene.crowd)
        shown = wanted[0] >= 0
        places += shown.sum()
        sides = wanted[1:, shown].T * grid.strides[shown, None]
        boxes = np.concatenate(
            [grid.centres[shown] - sides[:, :2], grid.centres[shown] + sides[:, 2:]], axis=1
        )
        match = iou(boxes, scene.boxes)
        found = match.max(axis=0)
        narrow = (scene.boxes[:, 2:] - scene.boxes[:, :2]).min(axis=1) <= grid.strides[0]
        assert (found[~narrow] > 0.999).all() and (found[narrow] > 0.6).all()
        assert (wanted[0, shown] == scene.labels[match.argmax(axis=1)]).all()
    assert places > 2 * scenes.boxes


def test_large_boxes_are_asked_for_on_coarse_grids() -> None:
    grid = Grid.of(FRAME)
    for side, stride in ((20, 8), (50, 16), (90, 32)):
        box = np.array([[3.0, 3, 3 + side, 3 + side]])
        wanted = grid.targets(box, np.array([1]), np.array([False]))
        assert set(grid.strides[wanted[0] == 1]) == {stride}


def test_a_crowd_is_ignored_but_what_stands_in_it_is_not() -> None:
    grid = Grid.of(FRAME)
    boxes = np.array([[20.0, 20, 44, 44], [0, 0, 96, 96]])
    wanted = grid.targets(boxes, np.array([2, 0]), np.array([False, True]))
    assert (wanted[0] == 2).any() and (wanted[0] == IGNORED).sum() > 100 and not (wanted[0] == 0).any()


def test_a_box_smaller_than_a_cell_has_a_place() -> None:
    wanted = Grid.of(FRAME).targets(np.array([[1.0, 1, 3, 3]]), np.array([1]), np.array([False]))
    assert 1 <= (wanted[0] == 1).sum() <= 4
