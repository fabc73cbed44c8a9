"""The standard set is read as it is written, and its work is counted right."""

import numpy as np
import pytest

from bench import shapes
from tests.peers import peer

SET = {one.name: one for one in shapes.load()}


def test_every_line_is_read() -> None:
    lines = (shapes.FOLDER / "standard_set.csv").read_text(encoding="utf-8").splitlines()
    assert len(SET) == sum(not line.startswith("#") for line in lines)


def test_work_of_a_layer() -> None:
    layer = SET["resnet50.res2.3x3"]
    assert layer.output_size == (56, 56)
    assert layer.flops == 231_211_008
    assert layer.bytes_moved == 4 * (2 * 64 * 56 * 56 + 64 * 64 * 9)


def test_groups_stride_and_dilation_count() -> None:
    assert SET["mobilenet2.dw56s2"].flops == 2 * 144 * 28 * 28 * 9
    assert SET["deeplab.d2"].output_size == (28, 28)
    assert SET["audio.wav2vec0"].output_size == (3199,)


def test_bytes_follow_the_dtypes() -> None:
    assert SET["image.1080.u8.k3.fw"].bytes_moved == 2 * 1080 * 1920 + 9 * 4


@pytest.mark.parametrize("name", ["resnet50.res5.1x1", "image.1080.rgb.f32.k9", "image.1080.u8.k3"])
def test_numbers_are_the_same_each_time_and_never_zeros(name: str) -> None:
    first, again = (shapes.data(SET[name]) for _ in range(2))
    assert np.array_equal(first.input, again.input)
    assert np.array_equal(first.weight, again.weight)
    assert first.input.dtype == SET[name].dtype
    assert np.std(first.input) > 0.5
    assert first.weight.shape == SET[name].weight_shape


def test_an_image_filter_is_the_same_for_all_channels() -> None:
    colour = shapes.data(SET["image.1080.rgb.f32.k9"])
    assert colour.input.shape == (1, 1080, 1920, 3)
    assert colour.first.shape == (1, 3, 1080, 1920)
    assert (colour.weight == colour.weight[0]).all()


def test_the_gaussian_is_opencvs() -> None:
    cv2 = peer("cv2")
    assert shapes.gaussian(31) == pytest.approx(cv2.getGaussianKernel(31, 31 / 6)[:, 0], rel=1e-5)


def test_selection_by_pattern() -> None:
    assert [one.name for one in shapes.select(list(SET.values()), ["volume.*"])] == [
        "volume.1to32",
        "volume.32to32",
    ]


def test_transposed_convolutions_and_gradients() -> None:
    up = SET["unet.up2"]
    assert (up.operation, up.weight_shape, up.result_shape) == (
        "conv_transpose", (256, 128, 2, 2), (1, 128, 56, 56),
    )  # fmt: skip
    assert up.flops == 2 * 256 * 28 * 28 * 128 * 4
    assert SET["dcgan.up4"].output_size == (128, 128)
    back, by_weight = SET["grad.input"], SET["grad.weight.1x1"]
    assert (back.first_shape, back.result_shape) == ((16, 128, 28, 28), (16, 128, 28, 28))
    assert (by_weight.second_shape, by_weight.result_shape) == ((1, 1024, 14, 14), (1024, 256, 1, 1))
    assert by_weight.flops == 2 * 1024 * 14 * 14 * 256
