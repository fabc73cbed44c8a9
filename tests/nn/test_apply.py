"""Operations without a layer of their own, laid by `nn.Apply`: beside NumPy or PyTorch, and ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError
from tests.nn.test_export import beside
from tests.peers import peer

CASES: dict[str, tuple[nn.Layer, Callable[[Any], Any]]] = {
    "pad": (
        nn.Apply("Pad", np.array([0, 0, 1, 2, 0, 0, 3, 0]), mode="edge"),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 3), (2, 0)), mode="edge"),
    ),
    "slice": (
        nn.Apply("Slice", np.array([1]), np.array([7]), np.array([3]), np.array([2])),
        lambda x: x[..., 1:7:2],
    ),
    "gather": (nn.Apply("Gather", np.array([2, 0]), axis=1), lambda x: x[:, [2, 0]]),
    "squeeze": (nn.Apply("Unsqueeze", np.array([1])), lambda x: x[:, None]),
    "cast": (nn.Apply("Cast", to="int32"), lambda x: x.astype(np.int32)),
    "pow": (nn.Apply("Pow", np.float32(3)), lambda x: x**3),
    "sqrt": (nn.Apply("Sqrt"), np.sqrt),
    "reduce mean": (nn.Apply("ReduceMean", np.array([2, 3]), keepdims=0), lambda x: x.mean((2, 3))),
    "reduce max": (nn.Apply("ReduceMax", np.array([1])), lambda x: x.max(1, keepdims=True)),
    "matmul": (nn.Apply("MatMul", np.eye(8, dtype=np.float32)[::-1]), lambda x: x[..., ::-1]),
    "shape": (nn.Apply("Shape"), lambda x: np.array(x.shape)),
    "expand": (nn.Apply("Tile", np.array([1, 1, 2, 1])), lambda x: np.tile(x, (1, 1, 2, 1))),
    "erf": (
        nn.Apply("Erf"), lambda x: peer("torch").erf(peer("torch").from_numpy(x)).numpy(),
    ),
    "quantise": (
        nn.Apply("QuantizeLinear", np.float32(0.5), np.uint8(3)),
        lambda x: np.clip(np.rint(x / 0.5) + 3, 0, 255).astype(np.uint8),
    ),
    **{
        f"{mode} {size} antialiased": (
            nn.Apply(
                "Resize", None, None, np.array([2, 3, *size]), mode=ours, antialias=1, exclude_outside=1,
                cubic_coeff_a=-0.5,
            ),
            lambda x, mode=mode, size=size: peer("torch").nn.functional.interpolate(
                peer("torch").from_numpy(x), size, mode=mode, antialias=True
            ).numpy(),
        )
        for ours, mode in (("linear", "bilinear"), ("cubic", "bicubic"))
        for size in ((4, 3), (2, 5))
    },
}  # fmt: skip
"""Name -> (layer, what it is worked out from elsewhere)."""


@pytest.mark.parametrize("case", CASES)
def test_operation(case: str, tmp_path: Path) -> None:
    layer, computed = CASES[case]
    image = np.random.default_rng(7).uniform(0.1, 3, (2, 3, 6, 8)).astype(np.float32)
    fixed = nn.Sequential(layer, input_shape=(3, 6, 8))
    expected = computed(image)
    ours = fixed(image)
    assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    beside(fixed, tmp_path, image)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("factor", [0.5, (0.5, 0.25), 2.0])
def test_antialiased_layer(mode: str, factor: Any, tmp_path: Path) -> None:
    torch, image = peer("torch"), np.random.default_rng(7).normal(size=(2, 3, 12, 16)).astype(np.float32)
    network = nn.Sequential(nn.Upsample(factor, mode=mode, antialias=True), input_shape=(3, None, None))
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(image), scale_factor=factor, mode=mode, antialias=True
    )
    np.testing.assert_allclose(network(image), theirs.numpy(), rtol=1e-4, atol=1e-5)
    beside(network, tmp_path, image)


def test_quantised_and_back() -> None:
    image = np.random.default_rng(7).uniform(-1, 1, (2, 3)).astype(np.float32)
    steps = [nn.Apply(f"{way}Linear", np.float32(0.1), np.int8(0)) for way in ("Quantize", "Dequantize")]
    assert np.abs(nn.Sequential(*steps, input_shape=(3,))(image) - image).max() <= 0.0501


def test_boxes() -> None:
    random = np.random.default_rng(3)
    corner = random.uniform(0, 20, (2, 30, 2))
    boxes = np.concatenate([corner, corner + random.uniform(2, 12, (2, 30, 2))], axis=2).astype(np.float32)
    scores = random.uniform(0, 1, (2, 4, 30)).astype(np.float32)
    found = nn.non_maximum_suppression(boxes, scores, most=5, overlap=0.3, least=0.2)
    for image, label in np.ndindex(2, 4):
        kept = [int(box) for i, j, box in found if (i, j) == (image, label)]
        assert kept == by_definition(boxes[image], scores[image, label])[:5]
    with pytest.raises(ShapeError, match="boxes must be"):
        nn.non_maximum_suppression(boxes, scores[:, :, :9], most=5)


def by_definition(boxes: Any, scores: Any) -> list[int]:
    """Return the boxes that no better kept one overlaps, pair by pair."""
    kept: list[int] = []
    for one in sorted(np.flatnonzero(scores > 0.2), key=lambda place: -scores[place]):
        if all(union(boxes[one], boxes[other]) <= 0.3 for other in kept):
            kept.append(int(one))
    return kept


def union(a: Any, b: Any) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return float(shared / (area - shared))


def test_refusals() -> None:
    image = nn.Input((3, 6, 8))
    with pytest.raises(ArgumentError, match="operation must be one of ONNX's .*; got 'Nonsense'"):
        nn.Apply("Nonsense")
    with pytest.raises(ArgumentError, match=r"corners \(Pad\): mode must be one of"):
        nn.Apply("Pad", np.array([0] * 8), mode="nonsense", name="corners")(image)
    with pytest.raises(ArgumentError, match=r"NonZero \(NonZero\): the size of its result must follow"):
        nn.Apply("NonZero")(image)
    with pytest.raises(ArgumentTypeError, match="at least one value, got none"):
        nn.Apply("Sqrt")()
