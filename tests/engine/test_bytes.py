"""Bytes summed up by fours where the CPU can: bit for bit the reference's numbers, whatever the signs."""

import itertools
import random
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.runtime.host import host_target
from tests import seeds
from tests.compiler.cases import some_bytes
from tests.peers import peer

BYTES = ("uint8", "int8", "bool")
PAIRS = list(itertools.product(BYTES, repeat=2))


needs_dots = pytest.mark.skipif(not host_target().dots, reason="this CPU multiplies no bytes by fours")


def method(image: Any, weight: Any, **options: Any) -> str:
    """Return by which method a convolution is planned."""
    kinds = {"dtype": image.dtype, "weight_dtype": weight.dtype}
    found: str = convolve.plan(image.shape, weight.shape, **kinds, **options).plan.code.method
    return found


def check(image: Any, weight: Any, bias: Any, compiled: Any, **options: Any) -> None:
    """Compare calls at once, by a recipe, with bound weights and by several threads with the reference."""
    function = getattr(convolve, f"conv{weight.ndim - 2}d")
    expected = function(image, weight, bias, **options, algorithm="reference")
    kinds = {"dtype": image.dtype, "weight_dtype": weight.dtype}
    planned = convolve.plan(image.shape, weight.shape, **kinds, bias=bias is not None, **options)
    bound = planned.bind(weight, bias)
    calls = (lambda: compiled(function, image, weight, bias, **options), lambda: bound(image))
    for call in (*calls, *calls):
        result = call()
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected, err_msg=str(planned))


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_pair_of_signs_in_every_layout(pair: tuple[str, str], compiled: Any) -> None:
    draw, numbers = random.Random(seeds.seed()), np.random.default_rng(seeds.seed())
    for layout, mode in itertools.product(
        ("channels_first", "channels_last"), ("zeros", 1, "reflect", "circular")
    ):
        groups, channels, filters = (
            draw.choice([1, 1, 2]),
            draw.choice([5, 8, 31, 64, 66]),
            draw.choice([16, 33, 40]),
        )
        size = (draw.randint(4, 12), draw.randint(4, 40))
        shape = (groups * channels, *size) if layout == "channels_first" else (*size, groups * channels)
        taps = draw.choice([(1, 1), (3, 3), (2, 5)])
        options = {
            "stride": draw.choice([1, 1, 2]), "dilation": draw.choice([1, 1, 2]),
            "padding": draw.choice([0, 1, 3]), "padding_mode": mode, "groups": groups, "layout": layout,
            "flip": draw.random() < 0.3,
        }  # fmt: skip
        if options["dilation"] == 2:
            options["padding"] = max(
                3, int(options["padding"])
            )  # five taps then span nine of at least ten cells
        image = some_bytes(numbers, (draw.randint(1, 2), *shape), pair[0])
        weight = some_bytes(numbers, (groups * filters, channels, *taps), pair[1])
        bias = numbers.integers(-(2**15), 2**15, groups * filters).astype("int16")
        check(image, weight, draw.choice([bias, None]), compiled, **options)


@needs_dots
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_largest_sums_are_exact(pair: tuple[str, str], compiled: Any) -> None:
    """1152 products of the largest numbers there are: far beyond what float32 holds."""
    ends = [(0, 1) if one == "bool" else (np.iinfo(one).min, np.iinfo(one).max) for one in pair]
    for x, w in itertools.product(*ends):
        image, weight = np.full((1, 128, 5, 6), x, pair[0]), np.full((17, 128, 3, 3), w, pair[1])
        assert method(image, weight, padding=1) == "dot"
        check(image, weight, None, compiled, padding=1)
        assert convolve.conv2d(image, weight)[0, 0, 0, 0] == 1152 * x * w


@needs_dots
def test_results_of_every_kind(compiled: Any) -> None:
    numbers = np.random.default_rng(seeds.seed())
    image, weight = some_bytes(numbers, (1, 64, 7, 20), "uint8"), some_bytes(numbers, (20, 64, 3, 3), "int8")
    for out_dtype, overflow in itertools.product(
        ("uint8", "int8", "int16", "int32", "int64", "float32", "float64"), ("wrap", "saturate")
    ):
        options = {"out_dtype": out_dtype, "overflow": overflow, "padding": 1}
        assert method(image, weight, **options) == "dot"
        check(image, weight, None, compiled, **options)


@needs_dots
def test_one_and_three_dimensions(compiled: Any) -> None:
    numbers = np.random.default_rng(seeds.seed())
    for shape, taps in (((2, 32, 90), (5,)), ((1, 16, 5, 6, 9), (2, 3, 3))):
        image, weight = some_bytes(numbers, shape, "int8"), some_bytes(numbers, (32, shape[1], *taps), "int8")
        assert method(image, weight, padding=1) == "dot"
        check(image, weight, None, compiled, padding=1)


@needs_dots
def test_arrays_whose_neighbours_lie_apart(compiled: Any) -> None:
    numbers = np.random.default_rng(seeds.seed())
    image = some_bytes(numbers, (2, 64, 18, 60), "int8")[:, ::-2, ::2, ::-3]
    weight = some_bytes(numbers, (3, 3, 40, 64), "uint8")[:, :, ::2, ::2].transpose(2, 3, 0, 1)
    check(image, weight, None, compiled, padding=1)
    out = np.zeros((2, 20, 9, 20, 2), "int32")[..., 1]
    convolve.conv2d(image, weight, padding=1, out=out)
    assert np.array_equal(out, convolve.conv2d(image, weight, padding=1, algorithm="reference"))


def test_activations_of_sums_of_integers(compiled: Any) -> None:
    """Those of many channels are taken in int32."""
    numbers = np.random.default_rng(seeds.seed())
    image, weight = some_bytes(numbers, (1, 256, 5, 6), "uint8"), some_bytes(numbers, (3, 256, 3, 3), "int8")
    for dtype, activation in itertools.product(("int8", "int16"), ("relu", "relu6")):
        planned = convolve.plan(
            image.shape,
            weight.shape,
            dtype="uint8",
            weight_dtype=dtype,
            out_dtype="float32",
            activation=activation,
        )
        expected = convolve.conv2d(image, weight.astype(dtype), out_dtype="float32", algorithm="reference")
        result = compiled(planned.bind(weight.astype(dtype)), image)
        assert np.array_equal(result, np.clip(expected, 0, 6 if activation == "relu6" else None))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_onnx_runtime_agrees(dtype: str, compiled: Any) -> None:
    onnx, onnxruntime = peer("onnx"), peer("onnxruntime")
    numbers = np.random.default_rng(seeds.seed())
    image, weight = some_bytes(numbers, (1, 33, 9, 20), "uint8"), some_bytes(numbers, (20, 33, 3, 3), dtype)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ConvInteger", ["x", "w"], ["y"], pads=[1] * 4)],
        "bytes",
        [value("x", onnx.TensorProto.UINT8, image.shape)],
        [value("y", onnx.TensorProto.INT32, None)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    theirs = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": image})[0]
    assert np.array_equal(compiled(convolve.conv2d, image, weight, padding=1), theirs)
