"""What networks refuse: the words name the layer, the rule and the numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, ArgumentTypeError, ConvolveError, DTypeError, ShapeError


def build(*layers: nn.Layer, shape: tuple[int | None, ...] = (3, 16, 16)) -> Callable[[], Any]:
    return lambda: nn.Sequential(*layers, input_shape=shape)


def call(*arrays: Any, **named: Any) -> Callable[[], Any]:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, name="first"), input_shape=(3, 16, 16))
    return lambda: network(*arrays, **named)


def two_of_a_name() -> Any:
    x = nn.Input((3,))
    return nn.network(x, nn.ReLU(name="a")(nn.ReLU(name="a")(x)))


def missing_input() -> Any:
    x, y = nn.Input((3,), name="x"), nn.Input((3,), name="y")
    return nn.network(x, x + y)


REFUSALS: dict[str, tuple[Callable[[], Any], type[ConvolveError], str]] = {
    "channels": (
        build(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(4, 8, 3)), ShapeError,
        r"layer 2: Conv2d \(Conv\): input has 8 channels but the weight expects 4",
    ),
    "a name of one's own": (
        build(nn.Conv2d(4, 8, 3, name="stem")), ShapeError, r"layer 0: stem \(Conv\): input has 3 channels",
    ),
    "too small": (
        build(nn.Conv2d(3, 8, 17)), ShapeError, r"the filter spans 17 cells and the padded input has 16",
    ),
    "features": (
        build(nn.Flatten(), nn.Linear(700, 10)), ShapeError,
        r"Linear \(Gemm\): input has 768 features but the weight expects 700",
    ),
    "rank": (
        build(nn.Conv3d(3, 8, 3)), ShapeError, r"weight must have 4 dimensions .* got \(8, 3, 3",
    ),
    "groups": (
        build(nn.Conv2d(3, 8, 3, groups=2)), ArgumentError, "groups must divide the in channels, got 2 for 3",
    ),
    "batch norm's channels": (
        build(nn.BatchNorm2d(4)), ShapeError,
        r"BatchNorm2d \(BatchN.*\): scale must have one number for each of 3 channels, got shape \(4,\)",
    ),
    "batch norm's rank": (
        build(nn.BatchNorm1d(3)), ShapeError, r"BatchNorm1d: input must have 2 or 3 dimensions, got shape",
    ),
    "groups of channels": (
        build(nn.GroupNorm(2, 3)), ShapeError, "num_groups must divide the 3 channels, got 2",
    ),
    "layer norm's shape": (
        build(nn.LayerNorm((16, 17))), ShapeError, r"\(16, 17\) does not end \(1, 3, 16, 16\)",
    ),
    "stride 0": (build(nn.Conv2d(3, 8, 3, stride=0)), ArgumentError, "stride must be"),
    "window of padding": (
        build(nn.MaxPool2d(2, padding=2)), ShapeError, "every pooling window must hold a cell",
    ),
    "joined sizes": (
        lambda: nn.Concat()(nn.Input((3, 4, 4)), nn.Input((3, 4, 5))), ShapeError,
        r"Concat.*: inputs must agree in every dimension but 1, got \(1, 3, 4, 4\) and \(1, 3, 4, 5\)",
    ),
    "summed sizes": (
        lambda: nn.Input((3, 4, 4)) + nn.Input((3, 4, 5)), ShapeError,
        r"Add.*got \(1, 3, 4, 4\) and \(1, 3, 4, 5\)",
    ),
    "blocks": (build(nn.PixelShuffle(2)), ShapeError, "channels must be a multiple of blocksize² = 4, got 3"),
    "scale": (build(nn.Upsample(0)), ArgumentError, "scale_factor must be positive"),
    "no layer": (lambda: nn.Sequential(input_shape=(3,)), ArgumentError, "a network must have a layer"),
    "no layer but a number": (
        lambda: nn.Sequential(3, input_shape=(3,)), ArgumentTypeError,  # type: ignore[arg-type]
        "layer 0 must be a layer such as",
    ),
    "an array given to a layer": (
        lambda: nn.ReLU()(np.zeros(3)), ArgumentTypeError, "called on values",  # type: ignore[arg-type]
    ),
    "two values for one": (
        lambda: nn.ReLU(name="only")(nn.Input((3,)), nn.Input((3,))), ArgumentError,
        "only: must be called on one value, got 2",
    ),
    "an input's size": (lambda: nn.Input((3, 0)), ArgumentError, "sizes of at least 1"),
    "an input's dtype": (lambda: nn.Input((3,), dtype="text"), DTypeError, "dtype must be a dtype"),
    "two of a name": (two_of_a_name, ArgumentError, "two are called 'a'"),
    "an input that is not listed": (
        missing_input, ArgumentError, "the input 'y', which is not among the inputs",
    ),
    "dtype": (
        call(np.zeros((1, 3, 16, 16))), DTypeError,
        "input input must have dtype float32, got float64; convert it with .astype",
    ),
    "dimensions": (
        call(np.zeros((3, 16, 16), np.float32)), ShapeError,
        r"must have 4 dimensions .* got shape \(3, 16, 16\)",
    ),
    "channels when called": (
        call(np.zeros((1, 4, 16, 16), np.float32)), ShapeError, r"first \(Conv\): input has 4 channels",
    ),
    "no array": (call(), ArgumentError, r"the network takes input: float32 \(N, 3, 16, 16\); got nothing"),
    "two arrays": (call(1, 2), ArgumentError, "the network has 1 inputs, got 2 arrays"),
    "given twice": (call([0], input=[0]), ArgumentError, "input input must be given once"),
    "ragged lists": (call([[1], [1, 2]]), ArgumentTypeError, "input input must be an array"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case: str) -> None:
    run, kind, words = REFUSALS[case]
    with pytest.raises(kind, match=words):
        run()


IMAGE = nn.Input((3, 8, 8))
UNFIT: tuple[nn.Layer, ...] = (
    nn.Conv2d(3, 8, 0), nn.Conv2d(3, 0, 3), nn.Conv2d(4, 8, 3), nn.Conv2d(3, 8, 3, padding_mode="x"),
    nn.Conv2d(3, 8, 3, groups=2), nn.Conv1d(3, 8, 3), nn.Conv3d(3, 8, 3), nn.Conv2d(3, 8, 30),
    nn.ConvTranspose2d(3, 4, 0), nn.ConvTranspose2d(3, 4, 3, output_padding=7), nn.ConvTranspose1d(3, 4, 3),
    nn.MaxPool2d(0), nn.MaxPool2d(20), nn.MaxPool3d(2), nn.AvgPool2d(2, stride=-1), nn.AvgPool1d(2),
    nn.AdaptiveAvgPool2d((1, 2, 3)), nn.AdaptiveAvgPool2d(0), nn.AdaptiveAvgPool1d(1),
    nn.AdaptiveMaxPool3d(2),
    nn.Upsample(2, mode="x"), nn.Upsample(0), nn.Upsample("two"), nn.PixelShuffle(2), nn.PixelUnshuffle(3),
    nn.BatchNorm2d(4), nn.BatchNorm2d(0), nn.BatchNorm1d(3), nn.BatchNorm2d(3, momentum="much"),
    nn.BatchNorm2d(3, eps="small"), nn.GroupNorm(2, 3), nn.GroupNorm(1, 0), nn.InstanceNorm2d("three"),
    nn.LayerNorm(9), nn.LocalResponseNorm(0), nn.Linear(5, 3), nn.Linear(8, 0), nn.PReLU(2), nn.GELU("x"),
    nn.Clip("low", 1), nn.Softmax(7), nn.Dropout(1), nn.Dropout("half"), nn.Flatten(9), nn.Flatten(-1),
    nn.Reshape((5, 5)), nn.Reshape(("a",)), nn.Permute((0, 1)), nn.Concat(9), nn.ELU(None),
    nn.LeakyReLU("x"), nn.Apply("Sqrt", 1),
)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("layer", UNFIT, ids=lambda layer: layer.label)
def test_whatever_is_wrong_with_a_layer_its_name_comes_first(layer: nn.Layer) -> None:
    with pytest.raises(ConvolveError, match=rf"^{layer.label}\b.* (must|has|there|does not|expects) "):
        layer(IMAGE)
