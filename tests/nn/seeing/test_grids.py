"""Grids of filters and of feature maps: what colour stands where, and what is refused."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, ShapeError
from tests.nn.seeing.networks import drawn, images
from tests.peers import peer

ORANGE, WHITE, BLUE = (127, 59, 8), (255, 255, 255), (5, 48, 97)
Network = nn.Network


def with_weight(layer: Any, shape: tuple[int, ...], weight: Any) -> Network:
    network = nn.Sequential(layer, input_shape=shape)
    name = next(one for one in network.graph.constants if one.endswith("weight"))
    constants = {**network.graph.constants, name: np.asarray(weight, np.float32)}
    return Network(nn.Graph(network.graph.inputs, network.graph.nodes, constants, network.graph.outputs))


def test_signs_can_be_read_from_the_colours() -> None:
    weight = [[[[-2.0, 0.0, 2.0]]], [[[-1.0, 0.0, 1.0]]]]
    network = with_weight(nn.Conv2d(1, 2, (1, 3)), (1, 5, 5), weight)
    each, whole = nn.filter_grid(network), nn.filter_grid(network, scale="layer")
    assert each.tiles[:, 0].tolist() == [[list(ORANGE), list(WHITE), list(BLUE)]] * 2
    assert whole.tiles[0, 0].tolist() == each.tiles[0, 0].tolist()
    assert whole.tiles[1, 0].tolist() == [[224, 130, 20], [255, 255, 255], [67, 147, 230]]
    np.testing.assert_array_equal(each.values, np.array(weight)[:, 0])


def test_filters_of_three_channels_are_rgb() -> None:
    weight = np.zeros((1, 3, 1, 2))
    weight[0, :, 0, 0] = 1, 0, -1
    grid = nn.filter_grid(with_weight(nn.Conv2d(3, 1, (1, 2)), (3, 5, 5), weight))
    assert grid.tiles[0, 0].tolist() == [[255, 128, 0], [128, 128, 128]]
    assert grid.values.shape == (1, 1, 2, 3)


def test_other_filters_are_rows_of_channels() -> None:
    grid = nn.filter_grid(drawn("plain"), "conv2d2")
    assert grid.columns == 8 and len(grid.tiles) == 48 and grid.captions[9] == "1, 1"
    weight = drawn("plain").graph.constants["conv2d2.weight"]
    np.testing.assert_array_equal(grid.values[9], weight[1, 1])
    one = nn.filter_grid(drawn("plain"), "conv2d2", channel=5)
    np.testing.assert_array_equal(one.values, weight[:, 5])
    few = nn.filter_grid(drawn("plain"), "conv2d2", most=2)
    assert len(few.tiles) == 4 and "2 of 6 filters" in few.title and "(2 of 8)" in few.title


def test_transposed_convolutions_have_filters_for_their_outputs() -> None:
    weight = np.arange(4 * 3 * 2, dtype=np.float32).reshape(4, 3, 1, 2)  # 4 channels into 2 groups of 3
    network = with_weight(nn.ConvTranspose2d(4, 6, (1, 2), groups=2), (4, 5, 5), weight)
    grid = nn.filter_grid(network, channel=1)
    np.testing.assert_array_equal(grid.values, np.concatenate([weight[1], weight[3]]))


def test_lines_have_filters_too() -> None:
    network = nn.Sequential(nn.Conv1d(1, 4, 5), input_shape=(1, 20))
    assert nn.filter_grid(network).values.shape == (4, 1, 5)


def test_maps_are_those_of_the_layer() -> None:
    network, image = drawn("plain"), images(1)
    signed, rectified = (nn.activation_grid(network, image[0], name) for name in ("conv2d1", "relu1"))
    maps = network.feature_maps(image, layers=["conv2d1", "relu1"])
    np.testing.assert_array_equal(signed.values, maps["conv2d1"][0])
    # The normalisation before it is folded into the convolution where nobody asks for the sums themselves.
    np.testing.assert_allclose(rectified.values, maps["relu1"][0], 1e-4, 1e-5)
    darkest = np.unravel_index(signed.values[0].argmin(), (14, 12))
    assert signed.values[0][darkest] < 0 and signed.tiles[0][darkest][0] > signed.tiles[0][darkest][2]
    assert rectified.tiles[rectified.values == 0].tolist()[0] == [0, 0, 4]
    assert nn.activation_grid(network, image).title.startswith("conv2d1: 8 maps of 14 × 12")


def test_numbers_that_are_none_are_grey() -> None:
    image = images(1)
    image[0, 0, 3, 3] = np.nan
    grid = nn.activation_grid(drawn("plain"), image, "conv2d1")
    assert grid.tiles[0, 3, 3].tolist() == [200, 203, 208] and grid.tiles[0, 9, 9].tolist() != [200, 203, 208]


def test_an_image_has_every_tile_at_its_place() -> None:
    grid = nn.filter_grid(drawn("concatenated"), "conv2d2", channel=0)
    sheet = grid.image(4, gap=3)
    assert sheet.shape == (2 * 15 + 3, 3 * 15 + 3, 3) and sheet[0, 0].tolist() == [226, 229, 233]
    np.testing.assert_array_equal(sheet[18:30:4, 3:15:4], grid.tiles[3])
    with pytest.raises(ArgumentError, match="zoom must be at least 1"):
        grid.image(0)


def test_a_plot_has_captions_and_says_what_it_shows() -> None:
    peer("matplotlib").use("agg")
    grid = nn.filter_grid(drawn("plain"))
    ax = grid.plot()
    assert ax.get_title() == "conv2d1: 8 filters of 3 × 3, colours by filter"
    assert [text.get_text() for text in ax.texts] == list(grid.captions)
    assert grid.plot(ax) is ax


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"layer": "relu1"}, "layer must be a convolution, one of conv2d1, conv2d2; got relu1"),
        ({"channel": 3}, "channel must be from 0 to 2, the filters of conv2d1 have 3; got 3"),
        ({"scale": "map"}, "scale must be one of 'filter', 'layer'"),
        ({"most": 0}, "most must be at least 1, got 0"),
    ],
)
def test_refusals(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        nn.filter_grid(drawn("plain"), **arguments)


def test_what_has_no_picture_is_refused() -> None:
    line = nn.Sequential(nn.Linear(3, 2), input_shape=(3,))
    with pytest.raises(ArgumentError, match="must have a convolution"):
        nn.filter_grid(line)
    solid = nn.Sequential(nn.Conv3d(1, 2, 3), input_shape=(1, 5, 5, 5))
    with pytest.raises(ShapeError, match="must have one or two dimensions"):
        nn.filter_grid(solid)
    with pytest.raises(ShapeError, match="must give maps"):
        nn.activation_grid(drawn("plain"), images(1), "flatten1")
    with pytest.raises(ShapeError, match="must be one image"):
        nn.activation_grid(drawn("plain"), images(2))
