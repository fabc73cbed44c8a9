"""Every layer beside PyTorch's of the same name and arguments, with the same weights."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from tests.peers import peer

CASES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "conv1d": ("Conv1d", (4, 6, 3), {"padding": 1, "dilation": 2}, (4, 17)),
    "conv2d": ("Conv2d", (4, 6, (3, 5)), {"stride": (2, 1), "padding": (1, 2), "groups": 2}, (4, 9, 11)),
    "conv2d without bias": ("Conv2d", (3, 5, 3), {"padding": "same", "bias": False}, (3, 8, 7)),
    "conv2d reflect": ("Conv2d", (3, 5, 3), {"padding": 2, "padding_mode": "reflect"}, (3, 8, 7)),
    "conv2d circular": ("Conv2d", (3, 5, 3), {"padding": "same", "padding_mode": "circular"}, (3, 8, 7)),
    "conv2d replicate": ("Conv2d", (3, 5, 3), {"padding": (1, 2), "padding_mode": "replicate"}, (3, 8, 7)),
    "conv3d": ("Conv3d", (2, 3, 3), {"stride": 2, "padding": 1}, (2, 6, 7, 8)),
    "conv_transpose1d": ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "output_padding": 1}, (4, 9)),
    "conv_transpose2d": ("ConvTranspose2d", (4, 6, 4), {"stride": 2, "padding": 1, "groups": 2}, (4, 5, 6)),
    "conv_transpose3d": ("ConvTranspose3d", (2, 3, 3), {"dilation": 2}, (2, 3, 4, 5)),
    "linear": ("Linear", (12, 5), {}, (12,)),
    "linear on rows": ("Linear", (12, 5), {}, (7, 12)),
    "linear without bias": ("Linear", (12, 5), {"bias": False}, (7, 12)),
    "max_pool1d": ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, (4, 10)),
    "max_pool2d": ("MaxPool2d", (3,), {"stride": 2, "dilation": 2, "ceil_mode": True}, (4, 10, 11)),
    "max_pool3d": ("MaxPool3d", (2,), {}, (2, 6, 7, 8)),
    "avg_pool1d": ("AvgPool1d", (3,), {"padding": 1}, (4, 10)),
    "avg_pool2d": ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (4, 9, 10)),
    "avg_pool3d": ("AvgPool3d", (2,), {"ceil_mode": True}, (2, 5, 6, 7)),
    "adaptive_avg1d": ("AdaptiveAvgPool1d", (3,), {}, (4, 10)),
    "adaptive_avg2d": ("AdaptiveAvgPool2d", ((3, 4),), {}, (4, 7, 9)),
    "adaptive_avg3d": ("AdaptiveAvgPool3d", (1,), {}, (4, 3, 4, 5)),
    "adaptive_max2d": ("AdaptiveMaxPool2d", ((3, 4),), {}, (4, 7, 8)),
    "adaptive_avg2d alike": ("AdaptiveAvgPool2d", ((2, 3),), {}, (4, 6, 9)),
    "adaptive_max2d alike": ("AdaptiveMaxPool2d", (2,), {}, (4, 6, 8)),
    "adaptive_max2d of one": ("AdaptiveMaxPool2d", (1,), {}, (4, 7, 8)),
    "batch_norm1d": ("BatchNorm1d", (4,), {}, (4, 9)),
    "batch_norm2d": ("BatchNorm2d", (4,), {"eps": 1e-3}, (4, 5, 6)),
    "batch_norm3d": ("BatchNorm3d", (4,), {}, (4, 3, 4, 5)),
    "group_norm": ("GroupNorm", (3, 6), {}, (6, 5, 4)),
    "group_norm plain": ("GroupNorm", (2, 6), {"affine": False}, (6, 5, 4)),
    "instance_norm1d": ("InstanceNorm1d", (4,), {}, (4, 9)),
    "instance_norm2d": ("InstanceNorm2d", (4,), {"affine": True}, (4, 5, 6)),
    "instance_norm3d": ("InstanceNorm3d", (4,), {}, (4, 3, 4, 5)),
    "layer_norm": ("LayerNorm", ((5, 6),), {}, (4, 5, 6)),
    "layer_norm of one": ("LayerNorm", (6,), {"elementwise_affine": False}, (4, 5, 6)),
    "lrn": ("LocalResponseNorm", (3,), {"alpha": 0.1, "beta": 0.5, "k": 2.0}, (7, 4, 5)),
    "lrn of an even size": ("LocalResponseNorm", (5,), {"alpha": 0.1}, (3, 4, 5)),
    "relu": ("ReLU", (), {}, (4, 5)),
    "leaky_relu": ("LeakyReLU", (0.2,), {}, (4, 5)),
    "elu": ("ELU", (1.5,), {}, (4, 5)),
    "gelu": ("GELU", (), {}, (4, 5)),
    "gelu tanh": ("GELU", (), {"approximate": "tanh"}, (4, 5)),
    "silu": ("SiLU", (), {}, (4, 5)),
    "mish": ("Mish", (), {}, (4, 5)),
    "hardswish": ("Hardswish", (), {}, (4, 5)),
    "sigmoid": ("Sigmoid", (), {}, (4, 5)),
    "tanh": ("Tanh", (), {}, (4, 5)),
    "softplus": ("Softplus", (), {}, (4, 5)),
    "softmax": ("Softmax", (), {"dim": 1}, (4, 5)),
    "prelu": ("PReLU", (), {}, (4, 5)),
    "prelu per channel": ("PReLU", (4,), {}, (4, 5, 6)),
    "identity": ("Identity", (), {}, (4, 5)),
    "dropout": ("Dropout", (0.5,), {}, (4, 5)),
    "flatten": ("Flatten", (), {}, (4, 5, 6)),
    "flatten later": ("Flatten", (2,), {}, (4, 5, 6)),
    "upsample nearest": ("Upsample", (), {"scale_factor": 3, "mode": "nearest"}, (4, 5, 6)),
    "upsample bilinear": ("Upsample", (), {"scale_factor": 2, "mode": "bilinear"}, (4, 5, 6)),
    "upsample aligned": (
        "Upsample", (), {"scale_factor": 2, "mode": "bilinear", "align_corners": True}, (4, 5, 6),
    ),
    "upsample bicubic": ("Upsample", (), {"scale_factor": 2, "mode": "bicubic"}, (4, 5, 6)),
    "upsample linear": ("Upsample", (), {"scale_factor": 2, "mode": "linear"}, (4, 5)),
    "upsample trilinear": ("Upsample", (), {"scale_factor": 2, "mode": "trilinear"}, (2, 3, 4, 5)),
    "pixel_shuffle": ("PixelShuffle", (2,), {}, (8, 3, 4)),
    "pixel_unshuffle": ("PixelUnshuffle", (2,), {}, (2, 6, 8)),
}  # fmt: skip
"""Name -> (layer, arguments, options, shape of the input without the batch)."""


def theirs_with_our_weights(kind: str, arguments: Any, options: Any, network: nn.Network) -> Any:
    """Return PyTorch's layer with the weights of ours."""
    torch = peer("torch")
    layer = getattr(torch.nn, kind)(*arguments, **options).eval()
    learned = {
        name.split(".", 1)[1]: array
        for name, array in network.graph.constants.items()
        if array.dtype == np.float32
    }
    state = layer.state_dict()
    with torch.no_grad():
        for name in [name for name in state if name != "num_batches_tracked"]:
            array = np.array(learned[name])
            turned = array.T if kind == "Linear" and array.shape != tuple(state[name].shape) else array
            state[name].copy_(torch.from_numpy(turned.reshape(state[name].shape)))
    return layer


@pytest.mark.parametrize("case", CASES)
def test_layer(case: str) -> None:
    torch = peer("torch")
    kind, arguments, options, shape = CASES[case]
    network = nn.Sequential(getattr(nn, kind)(*arguments, **options), input_shape=shape, seed=3)
    image = np.random.default_rng(7).normal(size=(2, *shape)).astype(np.float32)
    layer = theirs_with_our_weights(kind, arguments, options, network)
    with torch.no_grad():
        expected = layer(torch.from_numpy(image)).numpy()
    ours = network(image)
    assert ours.shape == expected.shape and ours.dtype == expected.dtype
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert network.summary().rows[-1].shape == (1, *expected.shape[1:])


def test_every_layer_is_compared() -> None:
    classes = {name: getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    ours = {name for name, kind in classes.items() if issubclass(kind, nn.Layer)}
    compared = {case[0] for case in CASES.values()} | {"Layer"}
    without_peer = {"Add", "Apply", "Clip", "Concat", "Mul", "Permute", "Reshape"}
    alike = {"AdaptiveMaxPool1d", "AdaptiveMaxPool3d"}
    assert ours - compared == without_peer | alike


@pytest.mark.parametrize(
    ("layer", "shape", "computed"),
    [
        (nn.Clip(0, 6), (4, 5), lambda x: np.clip(x, 0, 6)),
        (nn.Reshape((10, 2)), (4, 5), lambda x: x.reshape(-1, 10, 2)),
        (nn.Permute((0, 2, 1)), (4, 5), lambda x: x.transpose(0, 2, 1)),
        (nn.AdaptiveMaxPool1d(2), (4, 6), lambda x: x.reshape(-1, 4, 2, 3).max(-1)),
        (nn.AdaptiveMaxPool3d(1), (4, 2, 3, 5), lambda x: x.max((2, 3, 4), keepdims=True)),
    ],
)
def test_layers_without_a_peer(layer: nn.Layer, shape: tuple[int, ...], computed: Any) -> None:
    image = (np.random.default_rng(7).normal(size=(2, *shape)) * 5).astype(np.float32)
    np.testing.assert_array_equal(nn.Sequential(layer, input_shape=shape)(image), computed(image))


def test_every_layer_has_an_example() -> None:
    layers = [getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)]
    assert not [kind for kind in layers if issubclass(kind, nn.Layer) and ">>>" not in (kind.__doc__ or "")]
