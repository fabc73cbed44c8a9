"""Compiled networks do what their steps do one by one, whatever is joined, placed and shared."""

import itertools
import random
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.nn.compiled import shared
from convolve.nn.compiled.actions import Call, Convolve
from convolve.nn.compiled.arena import Life, arranged
from convolve.nn.compiled.compiled import Compiled
from convolve.nn.compiled.layout import Layout
from convolve.nn.compiled.lowering import lower
from convolve.nn.compiled.places import Place
from convolve.nn.compiled.shared import MOST_IDLE, Shared
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.inference import inputs_of, run_node
from convolve.nn.network import Network
from convolve.nn.program import Program
from convolve.nn.tensor import Tensor
from convolve.runtime import threads

FLOAT = np.dtype(np.float32)


def step_by_step(program: Program, arrays: dict[str, Any]) -> dict[str, Any]:
    """Return what a program computes, each node by itself."""
    held = {**program.constants, **arrays}
    with np.errstate(all="ignore"):
        for step in program.steps:
            found = run_node(step.node, inputs_of(step.node, held) or [])
            held.update(zip(step.node.outputs, found, strict=False))
    return {name: held[name] for name in program.outputs}


class Drawn:
    """A random graph of the operations that have rules, and some that have none."""

    def __init__(self, seed: str) -> None:
        self.draw = random.Random(seed)
        self.numbers = np.random.default_rng(self.draw.randrange(1 << 30))
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        size = self.draw.choice([1, 5, 8, 13])
        self.shape = (
            self.draw.choice([1, 3]),
            self.draw.choice([3, 8, 12]),
            size,
            self.draw.choice([4, 9, 17]),
        )
        self.shapes = {"x": self.shape}
        for _ in range(self.draw.randint(3, 14)):
            self.step()

    def constant(self, array: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def node(self, operation: str, inputs: list[str], shapes: list[Any], **attributes: Any) -> list[str]:
        names = [f"t{len(self.shapes) + i}" for i in range(len(shapes))]
        self.nodes.append(make_node(operation, inputs, names, f"{operation}{len(self.nodes)}", attributes))
        self.shapes |= dict(zip(names, shapes, strict=True))
        return names

    def normal(self, *shape: int) -> str:
        return self.constant(self.numbers.standard_normal(shape, np.float32) / 2)

    def maps(self) -> str:
        return self.draw.choice([name for name, shape in self.shapes.items() if len(shape) == 4])

    def step(self) -> None:
        getattr(self, self.draw.choice(STEPS))(self.maps())

    def conv(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        k, taps = self.draw.choice([4, 8, c]), self.draw.choice([1, 1, 3])
        groups = c if k == c and self.draw.random() < 0.5 else 1
        pads = (taps // 2,) * 4
        inputs = [x, self.normal(k, c // groups, taps, taps)]
        inputs += [self.normal(k)] if self.draw.random() < 0.6 else []
        (y,) = self.node("Conv", inputs, [(n, k, h, w)], pads=pads, group=groups)
        if self.draw.random() < 0.6:
            numbers = [self.normal(k), self.normal(k), self.normal(k), self.constant(np.ones(k, np.float32))]
            (y,) = self.node("BatchNormalization", [y, *numbers], [(n, k, h, w)])
        if self.draw.random() < 0.5 and self.shapes[x] == self.shapes[y]:
            (y,) = self.node("Add", self.draw.sample([x, y], 2), [(n, k, h, w)])
        if self.draw.random() < 0.7:
            self.node(self.draw.choice(["Relu", "HardSwish", "Sigmoid", "Tanh"]), [y], [(n, k, h, w)])

    def transposed(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        k, taps, stride = self.draw.choice([4, c]), self.draw.choice([2, 3]), self.draw.choice([1, 2, 3])
        shape = (n, k, (h - 1) * stride + taps, (w - 1) * stride + taps)
        inputs = [x, self.normal(c, k, taps, taps)] + ([self.normal(k)] if self.draw.random() < 0.5 else [])
        if n * k * shape[2] * shape[3] > 30_000:
            return
        (y,) = self.node("ConvTranspose", inputs, [shape], strides=(stride, stride))
        if self.draw.random() < 0.6:
            numbers = [self.normal(k), self.normal(k), self.normal(k), self.constant(np.ones(k, np.float32))]
            (y,) = self.node("BatchNormalization", [y, *numbers], [shape])
            self.node("Relu", [y], [shape])

    def norm(self, x: str) -> None:
        c = self.shapes[x][1]
        numbers = [self.normal(c), self.normal(c), self.normal(c), self.constant(np.ones(c, np.float32))]
        self.node("BatchNormalization", [x, *numbers], [self.shapes[x]])

    def unary(self, x: str) -> None:
        name = self.draw.choice(
            ["Relu", "Sigmoid", "Gelu", "Neg", "LeakyRelu", "Softplus", "Erf", "Abs", "Elu"]
        )
        self.node(name, [x], [self.shapes[x]])

    def silu(self, x: str) -> None:
        (gate,) = self.node("Sigmoid", [x], [self.shapes[x]])
        self.node("Mul", [x, gate], [self.shapes[x]])

    def binary(self, x: str) -> None:
        others = [name for name, shape in self.shapes.items() if shape == self.shapes[x]]
        name = self.draw.choice(["Add", "Sub", "Mul", "Max", "Min"])
        self.node(name, [x, self.draw.choice(others)], [self.shapes[x]])

    def scaled(self, x: str) -> None:
        name = self.draw.choice(["Add", "Mul"])
        self.node(name, [x, self.normal(self.shapes[x][1], 1, 1)], [self.shapes[x]])

    def squeeze_excite(self, x: str) -> None:
        n, c, _, _ = self.shapes[x]
        (mean,) = self.node("GlobalAveragePool", [x], [(n, c, 1, 1)])
        (gate,) = self.node("Sigmoid", [mean], [(n, c, 1, 1)])
        self.node("Mul", [x, gate], [self.shapes[x]])

    def pool(self, x: str) -> None:
        name = self.draw.choice(["MaxPool", "AveragePool"])
        self.node(name, [x], [self.shapes[x]], kernel_shape=(3, 3), pads=(1, 1, 1, 1))

    def concat(self, x: str) -> None:
        n, _c, h, w = self.shapes[x]
        others = [
            y for y, shape in self.shapes.items() if len(shape) == 4 and (shape[0], *shape[2:]) == (n, h, w)
        ]
        chosen = self.draw.choices(others, k=self.draw.randint(1, 2)) + [x]
        self.node("Concat", chosen, [(n, sum(self.shapes[y][1] for y in chosen), h, w)], axis=1)

    def split(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        if c % 2 == 0:
            parts = self.constant(np.array([c // 2, c // 2]))
            self.node("Split", [x, parts], [(n, c // 2, h, w)] * 2, axis=1)

    def shuffle(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        if c % 2:
            return
        (y,) = self.node(
            "Reshape", [x, self.constant(np.array([n, 2, c // 2, h, w]))], [(n, 2, c // 2, h, w)]
        )
        (y,) = self.node("Transpose", [y], [(n, c // 2, 2, h, w)], perm=(0, 2, 1, 3, 4))
        self.node("Reshape", [y, self.constant(np.array([n, c, h, w]))], [(n, c, h, w)])

    def slice(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        if w > 2:
            ends = [self.constant(np.array(one)) for one in ([1], [w], [3])]
            self.node("Slice", [x, *ends], [(n, c, h, w - 1)])

    def softmax(self, x: str) -> None:
        self.node("Softmax", [x], [self.shapes[x]], axis=self.draw.choice([-1, 1]))

    def neighbours(self, x: str) -> None:
        self.node(
            "LRN", [x], [self.shapes[x]], size=self.draw.choice([3, 4, 5]), beta=self.draw.choice([0.75, 0.6])
        )

    def layer_norm(self, x: str) -> None:
        w = self.shapes[x][3]
        self.node("LayerNormalization", [x, self.normal(w), self.normal(w)], [self.shapes[x]])

    def linear(self, x: str) -> None:
        n, c, h, w = self.shapes[x]
        (y,) = self.node("Flatten", [x], [(n, c * h * w)])
        how = {"transB": 1} if self.draw.random() < 0.5 else {}
        weight = self.normal(7, c * h * w) if how else self.normal(c * h * w, 7)
        (y,) = self.node("Gemm", [y, weight, self.normal(7)], [(n, 7)], **how)
        self.node("Relu", [y], [(n, 7)])

    def graph(self) -> Graph:
        names = [name for name in self.shapes if name != "x"] or ["x"]
        outputs = dict.fromkeys(self.draw.choices(names, k=2) + [names[-1]])
        return Graph((Input("x", self.shape, FLOAT),), tuple(self.nodes), self.constants, tuple(outputs))


UNARY = ["Relu", "Sigmoid", "Gelu", "Neg", "LeakyRelu", "Softplus", "Erf", "Abs", "Elu"]
STEPS = [
    "conv", "conv", "conv", "transposed", "norm", "unary", "silu", "binary", "binary", "scaled",
    "squeeze_excite", "pool", "concat", "concat", "split", "shuffle", "slice", "softmax",
    "neighbours", "layer_norm", "linear",
]  # fmt: skip


def drawn_programs(seed: int, count: int) -> Iterator[tuple[Drawn, Program]]:
    """Yield random programs."""
    for number in range(count):
        drawn = Drawn(f"{seed} compiled {number}")
        graph = drawn.graph()
        yield drawn, Program(graph, {"x": Tensor(FLOAT, drawn.shape)}, graph.outputs)


def close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare results by the largest of each."""
    for name, wanted in expected.items():
        scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1.0)
        np.testing.assert_allclose(found[name] / scale, wanted / scale, rtol=1e-3, atol=2e-5)


def test_random_networks_do_what_their_steps_do(seed: int) -> None:
    for drawn, program in drawn_programs(seed, 60):
        x = drawn.numbers.standard_normal(drawn.shape, np.float32)
        compiled = Compiled(program, Shared())
        expected = step_by_step(program, {"x": x})
        first = compiled.run({"x": x})
        close(first, expected)
        kept = {name: array.copy() for name, array in first.items()}
        close(compiled.run({"x": x[..., ::-1].copy()[..., ::-1]}), expected)
        for name, array in first.items():  # a second call must not write to the first one's results
            np.testing.assert_array_equal(array, kept[name])
        close(compiled._run({"x": x}, "strict") or {}, expected)


def test_tensors_that_live_at_one_time_lie_apart(seed: int) -> None:
    for _, program in drawn_programs(seed, 40):
        layout = Layout(lower(program), program.inputs)
        lives = layout._lives()
        for one, other in itertools.combinations(lives, 2):
            if lives[one].meets(lives[other]):
                a, b = layout.offsets[one], layout.offsets[other]
                assert a + lives[one].nbytes <= b or b + lives[other].nbytes <= a


def test_arenas_are_no_larger_than_what_is_needed_at_one_time() -> None:
    chain = {str(number): Life(1 << 10, number, number + 1) for number in range(50)}
    assert arranged(chain)[1] == 2 << 10


def actions_of(network: Network) -> list[Any]:
    """Return a network's actions at its likely sizes."""
    compiled = network._program(network._sized(()), network.outputs)
    return [one.action for one in compiled.layout().placed]


def test_a_residual_block_is_nothing_but_convolutions() -> None:
    drawn = Drawn("residual")
    drawn.nodes, drawn.shapes, drawn.shape = [], {"x": (1, 8, 9, 9)}, (1, 8, 9, 9)
    for _ in range(2):
        x = list(drawn.shapes)[-1]
        (y,) = drawn.node("Conv", [x, drawn.normal(8, 8, 3, 3)], [drawn.shape], pads=(1, 1, 1, 1))
        numbers = [drawn.normal(8), drawn.normal(8), drawn.normal(8), drawn.constant(np.ones(8, np.float32))]
        (y,) = drawn.node("BatchNormalization", [y, *numbers], [drawn.shape])
        (y,) = drawn.node("Add", [y, x], [drawn.shape])
        (y,) = drawn.node("Relu", [y], [drawn.shape])
    graph = Graph((Input("x", drawn.shape, FLOAT),), tuple(drawn.nodes), drawn.constants, (y,))
    actions = actions_of(Network(graph))
    assert [type(action) for action in actions] == [Convolve, Convolve]
    assert all(action.added is not None and str(action.activation) == "relu(add(x, y))" for action in actions)


def test_what_is_joined_is_written_where_it_belongs() -> None:
    drawn = Drawn("joined")
    drawn.nodes, drawn.shapes, drawn.shape = [], {"x": (2, 8, 9, 9)}, (2, 8, 9, 9)
    parts = [drawn.node("Conv", ["x", drawn.normal(4, 8, 1, 1)], [(2, 4, 9, 9)])[0] for _ in range(3)]
    (first,) = drawn.node("Concat", parts[:2], [(2, 8, 9, 9)], axis=1)
    (second,) = drawn.node("Concat", [first, parts[2]], [(2, 12, 9, 9)], axis=1)
    graph = Graph((Input("x", drawn.shape, FLOAT),), tuple(drawn.nodes), drawn.constants, (second,))
    network = Network(graph)
    assert [type(action) for action in actions_of(network)] == [Convolve] * 3
    x = drawn.numbers.standard_normal(drawn.shape, np.float32)
    program = network._program({"x": Tensor(FLOAT, x.shape)}, network.outputs).program
    close({second: network(x)}, step_by_step(program, {"x": x}))


def test_the_direct_method_computes_anew_what_overflows_on_the_way() -> None:
    network = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), input_shape=(32, 24, 24))
    x = np.full((1, 32, 24, 24), 1e38, np.float32)
    x[:, 1:] = 0
    compiled = network._program({network.inputs[0].name: Tensor(FLOAT, x.shape)}, network.outputs)
    given = {network.inputs[0].name: x}
    assert compiled._run(given, "default") is None
    expected = step_by_step(compiled.program, given)[network.outputs[0]]
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(network(x), expected, rtol=1e-4)


def test_weights_that_are_not_finite_stay_under_zero_padding() -> None:
    drawn = Drawn("infinite")
    weight = np.zeros((1, 1, 3, 3), np.float32)
    weight[0, 0, 0, 0] = np.inf
    node = make_node("Conv", ["x", "w"], ["y"], "conv", {"pads": (1, 1, 1, 1)})
    relu = make_node("Relu", ["y"], ["z"], "relu")
    network = Network(Graph((Input("x", (1, 1, 5, 5), FLOAT),), (node, relu), {"w": weight}, ("z",)))
    x = np.abs(drawn.numbers.standard_normal((1, 1, 5, 5), np.float32)) + 1
    found = network(x)
    assert np.isinf(found[0, 0, 1:, 1:]).all()
    assert not np.isfinite(found[0, 0, 0]).any() or (found[0, 0, 0] == 0).all()


def test_sizes_share_packed_weights_and_threads_share_networks() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 1), input_shape=(3, None, None)
    )
    images = [
        np.random.default_rng(n).standard_normal((1 + n % 3, 3, 20, 20 + n), np.float32) for n in range(6)
    ]
    expected = [network(image) for image in images]
    wrong = []

    def work() -> None:
        for image, wanted in list(zip(images, expected, strict=True)) * 5:
            if not np.array_equal(network(image), wanted):
                wrong.append(image.shape)

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_idle_runners_are_few_and_hold_little(monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), input_shape=(1, None, None))
    for size in range(5, 5 + 2 * MOST_IDLE):
        network(np.zeros((1, 1, size, size), np.float32))
    idle = network._shared._idle
    assert len(idle) == MOST_IDLE
    monkeypatch.setattr(shared, "MOST_IDLE_BYTES", -1)
    network(np.zeros((1, 1, 9, 9), np.float32))
    assert len(idle) == 1


def test_bits_are_the_same_for_every_number_of_threads(seed: int) -> None:
    before = threads.get_num_threads()
    try:
        for drawn, program in drawn_programs(seed, 10):
            x, compiled = drawn.numbers.standard_normal(drawn.shape, np.float32), Compiled(program, Shared())
            found = []
            for count in (1, 2, 3):
                threads.set_num_threads(count)
                found.append(compiled.run({"x": x}))
            for other in found[1:]:
                for name, array in found[0].items():
                    np.testing.assert_array_equal(array, other[name])
    finally:
        threads.set_num_threads(before)


def test_other_dtypes_are_numpys() -> None:
    node = make_node("Relu", ["x"], ["y"], "relu")
    network = Network(Graph((Input("x", (2, 3), np.dtype(np.float64)),), (node,), {}, ("y",)))
    assert isinstance(actions_of(network)[0], Call)
    np.testing.assert_array_equal(network(np.array([[-1.0, 2, -3]] * 2)), [[0, 2, 0]] * 2)


def test_results_that_are_inputs_or_constants_are_copies() -> None:
    node = make_node("Identity", ["x"], ["y"], "same")
    network = Network(
        Graph((Input("x", (3,), FLOAT),), (node,), {"c": np.ones(2, np.float32)}, ("y", "x", "c"))
    )
    x = np.arange(3, dtype=np.float32)
    found = network(x)
    for result in found:
        result += 1
    assert x.tolist() == [0, 1, 2] and network(x)[2].tolist() == [1, 1]


def test_places() -> None:
    place = Place.dense("root", (2, 6, 4), FLOAT)
    assert place.is_dense and place.reshaped((12, 4)) == Place("root", 0, (12, 4), (16, 4), FLOAT)
    part = place.cut(1, 2, 2)
    assert part.offset == 32 and not part.is_dense
    assert part.reshaped((4, 4)) is None
    assert part.reshaped((2, 8)) == Place("root", 32, (2, 8), (96, 4), FLOAT)
    assert part.turned((2, 0, 1)).strides == (4, 96, 16)
    array = np.arange(48, dtype=np.float32)
    np.testing.assert_array_equal(part.view(array.view(np.uint8)), array.reshape(2, 6, 4)[:, 2:4])
