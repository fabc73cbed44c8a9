"""Networks: layers in a row and in graphs, any size, feature maps, shared weights, summaries."""

import threading

import numpy as np
import pytest

import convolve
from convolve import nn
from convolve.compiler.plan import Phases
from convolve.errors import ArgumentError


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


def residual() -> nn.Network:
    """Return a block whose result is by hand: relu(conv(x) + x)."""
    x = nn.Input((3, None, None))
    y = nn.Conv2d(3, 3, 3, padding=1, name="conv")(x)
    return nn.network(x, nn.ReLU(name="relu")(y + x))


def test_layers_in_a_row_are_the_calls_one_after_another() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5), input_shape=(1, 8, 8)
    )
    x, w = image(3, 1, 8, 8), network.graph.constants
    maps = np.maximum(convolve.conv2d(x, w["conv2d1.weight"], w["conv2d1.bias"]), 0)
    flat = convolve.max_pool2d(maps, 2).reshape(3, -1)
    expected = flat @ w["linear1.weight"].T + w["linear1.bias"]
    np.testing.assert_allclose(network(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (4, 3, 5, 9), (0, 3, 8, 8)])
def test_a_graph_for_every_batch_and_size(shape: tuple[int, ...]) -> None:
    network, x = residual(), image(*shape)
    w = network.graph.constants
    expected = np.maximum(convolve.conv2d(x, w["conv.weight"], w["conv.bias"], padding=1) + x, 0)
    np.testing.assert_array_equal(network(x), expected)


def test_feature_maps_of_any_layer() -> None:
    network, x = residual(), image(2, 3, 6, 7)
    maps = network.feature_maps(x)
    assert list(maps) == ["conv", "add1", "relu"] == list(network.layers)
    np.testing.assert_array_equal(maps["add1"], maps["conv"] + x)
    np.testing.assert_array_equal(maps["relu"], network(x))
    assert list(network.feature_maps(x, layers=["conv"])) == ["conv"]
    with pytest.raises(ArgumentError, match="layers must be among conv, add1, relu; got head"):
        network.feature_maps(x, layers=["head"])


def test_several_inputs_and_outputs_by_order_and_by_name() -> None:
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    network = nn.network([a, b], [nn.Concat()(a, b), a * b, a - b])
    x, y = image(2, 4), image(2, 4) + 1
    joined, product, difference = network(x, b=y)
    np.testing.assert_array_equal(joined, np.concatenate([x, y], axis=1))
    np.testing.assert_array_equal(product, x * y)
    np.testing.assert_array_equal(difference, x - y)


def test_values_and_numbers() -> None:
    x = nn.Input((4,))
    network = nn.network(x, 2 * (x + 1) / 4 - 0.5 + (1 + x))
    np.testing.assert_allclose(network(image(2, 4)), 1.5 * image(2, 4) + 1, rtol=1e-5, atol=1e-6)
    assert network.summary().parameters == 0


def test_a_layer_that_is_called_twice_shares_its_weights() -> None:
    x = nn.Input((4,))
    layer = nn.Linear(4, 4)
    network = nn.network(x, layer(layer(x)))
    assert len(network.graph.constants) == 2
    assert network.summary().parameters == 20
    w = network.graph.constants
    one = image(2, 4) @ w["linear1.weight"].T + w["linear1.bias"]
    expected = one @ w["linear1.weight"].T + w["linear1.bias"]
    np.testing.assert_allclose(network(image(2, 4)), expected, rtol=1e-5)


def test_weights_follow_from_the_seed_and_the_name_alone() -> None:
    def made(*layers: nn.Layer, seed: int = 0) -> np.ndarray:
        return nn.Sequential(*layers, input_shape=(4, 4, 4), seed=seed).graph.constants["conv.weight"]

    first = made(nn.Conv2d(4, 4, 1, name="conv"))
    np.testing.assert_array_equal(first, made(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, name="conv")))
    assert not np.array_equal(first, made(nn.Conv2d(4, 4, 1, name="conv"), seed=1))


def test_the_first_weights_keep_the_variance() -> None:
    layers = [layer for _ in range(8) for layer in (nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.ReLU())]
    network = nn.Sequential(*layers, input_shape=(64, 12, 12))
    result = network(image(1, 64, 12, 12))
    assert 0.3 < np.mean(np.square(result)) / np.mean(np.square(np.maximum(image(1, 64, 12, 12), 0))) < 3


def test_results_are_the_callers_own() -> None:
    x = image(2, 4)
    network = nn.Sequential(nn.Identity(), input_shape=(4,))
    result = network(x)
    result[:] = 0
    assert x.any()
    constants = nn.Sequential(nn.Linear(4, 4), input_shape=(4,)).graph.constants
    assert not any(array.flags.writeable for array in constants.values())


def test_calls_from_many_threads() -> None:
    network, found = residual(), {}

    def call(size: int) -> None:
        found[size] = network(image(1, 3, size, size))

    threads = [threading.Thread(target=call, args=(size,)) for size in range(4, 28)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for size, result in found.items():
        np.testing.assert_array_equal(result, network(image(1, 3, size, size)))


def test_the_summary_counts_what_is_there() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, name="first"),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8, dilation=2, name="deep"),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
        input_shape=(3, 32, 32),
    )
    rows = {row.layer: row for row in network.summary().rows}
    assert rows["first"].parameters == 8 * 3 * 9 + 8
    assert rows["first"].multiply_adds == 16 * 16 * 8 * 27
    assert rows["first"].bytes == 16 * 16 * 8 * 4
    assert rows["batchnorm2d1"].parameters == 16
    assert rows["deep"].multiply_adds == 12 * 12 * 8 * 9
    assert rows["linear1"].multiply_adds == 80
    # first: 3 cells, 2 apart; deep: 4 more steps of 2 on each side of one; the mean of 2: one step more
    sizes = [rows[name].field.size for name in ("first", "deep", "avgpool2d1")]  # type: ignore[union-attr]
    assert sizes == [(3, 3), (11, 11), (13, 13)]
    assert rows["linear1"].field is None
    summary = network.summary()
    assert summary.parameters == 224 + 16 + 80 + 90
    assert summary.peak == 2 * 16 * 16 * 8 * 4, "a layer's input and its output"
    assert "410 parameters" in str(summary)
    assert network.summary((2, 3, 64, 64)).rows[0].shape == (2, 8, 32, 32)


def test_the_plan_of_a_network_is_that_of_its_convolutions() -> None:
    network = nn.Sequential(
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 8, 2, stride=2),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        input_shape=(16, 24, 24),
    )
    plan = network.plan((2, 16, 24, 24))
    how = {"bias": True, "padding": 1, "activation": "relu"}
    own = convolve.plan((2, 16, 24, 24), (16, 16, 3, 3), **how)
    first, relu, up, pool, means = plan.layers
    assert first.plan == own.plan and isinstance(up.plan, Phases)
    methods = (first.method, relu.method, pool.method, means.method)
    assert methods == (own.plan.code.method, f"in {first.layer}", "pooling", "pooling")
    assert (plan.jobs, plan.calls) == (4, {})
    assert len(str(plan).splitlines()) == 7 and own.plan.reason in str(plan)
    assert str(plan).endswith("left to NumPy: nothing")


def test_the_field_of_branches_is_the_box_around_theirs() -> None:
    x = nn.Input((4, 32, 32))
    wide, narrow = nn.Conv2d(4, 4, 7, padding=3)(x), nn.Conv2d(4, 4, 3, padding=1)(x)
    field = nn.network(x, wide + narrow).summary().rows[-1].field
    assert field is not None and field.size == (7, 7) and field.start == (-3, -3)


def test_the_field_of_one_convolution_is_that_of_the_public_function() -> None:
    layers = [
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": (5, 2), "stride": 2},
        {"kernel_size": 3, "dilation": 3, "stride": (1, 3), "padding": 2},
    ]
    network = nn.Sequential(*(nn.Conv2d(1, 1, **layer) for layer in layers), input_shape=(1, 64, 64))
    ours = [row.field for row in network.summary().rows]
    theirs = convolve.receptive_field(layers)
    assert [(f.size, f.jump, f.start) for f in ours if f] == [(f.size, f.jump, f.start) for f in theirs]


def test_deep_networks_need_no_deep_recursion() -> None:
    value = first = nn.Input((2,))
    for _ in range(3000):
        value = nn.ReLU()(value)
    assert nn.network(first, value)(np.array([[1.0, -1.0]], np.float32)).tolist() == [[1, 0]]
