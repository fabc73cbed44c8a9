"""What one call leaves behind must not reach the next: workspaces are used again."""

from typing import Any

import numpy as np
import pytest

import convolve
from convolve.api import dispatch
from convolve.runtime import engine


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


def test_out_is_written_by_the_recipe_too_and_refused_as_before() -> None:
    draw = np.random.default_rng(4)
    weight = draw.standard_normal((3, 2, 3, 3)).astype("f")
    out = np.empty((1, 3, 6, 7), "f")
    for _ in range(4):
        image = draw.standard_normal((1, 2, 8, 9)).astype("f")
        expected = convolve.conv2d(image, weight)
        out[...] = np.nan
        assert convolve.conv2d(image, weight, out=out) is out
        np.testing.assert_array_equal(out, expected)
    out.flags.writeable = False
    with pytest.raises(convolve.errors.ArgumentError, match="writable"):
        convolve.conv2d(image, weight, out=out)
    memory = np.zeros(200, "f")
    image, place = memory[:144].reshape(1, 2, 8, 9), memory[20:146].reshape(1, 3, 6, 7)
    for _ in range(3):
        image[...] = draw.standard_normal(image.shape)
        expected = convolve.conv2d(image.copy(), weight)
        np.testing.assert_array_equal(convolve.conv2d(image, weight, out=place), expected)


def test_long_tables_are_not_kept_for_every_size() -> None:
    weight = np.ones((1, 1, 5), "f")
    bound = convolve.plan((1, 1, 1000), weight.shape).bind(weight)
    for length in range(400_000, 400_005):
        image = np.ones((1, 1, length), "f")
        before = engine.execution.cache_info().currsize, len(dispatch._recipes), len(bound._entries)
        assert (convolve.conv1d(image, weight) == 5).all()
        assert (bound(image) == 5).all()
        assert before == (engine.execution.cache_info().currsize, len(dispatch._recipes), len(bound._entries))
    assert engine._execution_of_long_lines.cache_info().currsize <= engine.FEW
    assert (convolve.conv2d(np.ones((1, 2, 800, 900), "f"), np.ones((3, 2, 1, 1), "f")) == 2).all()
    kept = [recipe._ready.table_bytes for recipe in dispatch._recipes.values()]
    assert max(kept) <= engine.MOST_TABLE_BYTES


def test_a_plan_follows_the_number_of_threads() -> None:
    before = convolve.get_num_threads()
    planned = convolve.plan((1, 64, 56, 56), (64, 64, 3, 3), padding=1)
    try:
        for threads in (1, 3):
            convolve.set_num_threads(threads)
            assert f"{threads} thread" in planned.describe()
    finally:
        convolve.set_num_threads(before)


@pytest.mark.parametrize(
    "call",
    [
        lambda image, weight: convolve.conv2d(image, weight, padding=[1, 1]),
        lambda image, weight: convolve.apply(image, weight),
        lambda image, weight: convolve.apply(image, "gaussian:1"),
        lambda image, weight: convolve.apply(image[..., None], weight, channel_axis=-1),
        lambda image, weight: convolve.apply(image[None], weight, channel_axis=0),
    ],
)
def test_arguments_are_parsed_once(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    image, weight = np.ones((19, 23), "float32"), np.ones((3, 3), "float32")
    first = call(image, weight)

    def parsed(*_: Any, **__: Any) -> Any:
        raise AssertionError("the arguments were parsed again")

    monkeypatch.setattr(dispatch, "conv_spec", parsed)
    assert np.array_equal(call(image.copy(), weight.copy()), first)
