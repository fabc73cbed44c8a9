"""What one call leaves behind must not reach the next: workspaces are used again."""

import numpy as np

import convolve


def test_a_bias_does_not_stay() -> None:
    image, weight = np.ones((1, 1, 6, 6), np.float32), np.ones((1, 1, 3, 3), np.float32)
    assert (convolve.conv2d(image, weight, np.array([5], np.float32)) == 14).all()
    assert all((convolve.conv2d(image, weight) == 9).all() for _ in range(3))


def test_other_weights_of_the_same_shape() -> None:
    image = np.ones((1, 2, 5, 5), np.float32)
    for value in (1, 2, 3):
        assert (convolve.conv2d(image, np.full((3, 2, 3, 3), value, np.float32)) == 18 * value).all()


def test_infinite_weights_and_then_finite_ones() -> None:
    image, weight = np.ones((1, 1, 4, 4), np.float32), np.full((1, 1, 3, 3), np.inf, np.float32)
    for _ in range(2):
        assert np.isposinf(convolve.conv2d(image, weight, padding=1)).all()
    assert (convolve.conv2d(image, np.ones_like(weight), padding=1)[0, 0, 1:3, 1:3] == 9).all()
