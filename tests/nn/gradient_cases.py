"""One case and more for every operation that has a gradient, and the list of those that have none."""

from typing import Any

import numpy as np

RANDOM = np.random.default_rng(7)

NOT_DIFFERENTIABLE = {
    "And", "ArgMax", "ArgMin", "Constant", "ConstantOfShape", "ConvInteger", "DequantizeLinear",
    "DynamicQuantizeLinear", "Equal", "Greater", "GreaterOrEqual", "Hardmax", "IsInf", "IsNaN", "Less",
    "LessOrEqual", "MatMulInteger", "NonMaxSuppression", "NonZero", "Not", "Or", "QLinearConv",
    "QLinearMatMul", "QuantizeLinear", "Range", "Shape", "Size", "Xor",
}  # fmt: skip
"""Results that are whole numbers, truth values, rounded, or independent of what is learned."""


def normal(*shape: int) -> Any:
    return RANDOM.standard_normal(shape)


def positive(*shape: int) -> Any:
    return RANDOM.uniform(0.5, 2, shape)


def whole(*numbers: Any) -> Any:
    return np.array(numbers, np.int64)


def distinct(*shape: int) -> Any:
    """Return numbers that are far apart, so that no small change makes another one the largest."""
    return RANDOM.permutation(int(np.prod(shape))).reshape(shape) / 3.0 + 0.1


X = (2, 3, 5, 4)
Case = tuple[str, list[Any], dict[str, Any]]

UNARY = (
    "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Shrink", "Sigmoid", "HardSigmoid",
    "Swish", "Mish", "Gelu", "Erf", "Tanh", "Softplus", "Softsign", "Identity", "Neg", "Abs", "Sign",
    "Exp", "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Atan", "LogSoftmax", "Softmax",
)  # fmt: skip
CELLS: list[Case] = [
    *((name, [normal(3, 4)], {}) for name in UNARY),
    *((name, [positive(3, 4)], {}) for name in ("Sqrt", "Reciprocal", "Log")),
    ("HardSwish", [4 * normal(3, 4)], {}),
    ("HardSigmoid", [4 * normal(3, 4)], {"alpha": 0.3}),
    ("Gelu", [normal(3, 4)], {"approximate": "tanh"}),
    ("Swish", [normal(3, 4)], {"alpha": 1.7}),
    ("Celu", [normal(3, 4)], {"alpha": 2.0}),
    ("Softmax", [normal(3, 4, 2)], {"axis": 1}),
    ("LogSoftmax", [normal(3, 4, 2)], {"axis": 0}),
    ("PRelu", [normal(2, 3, 4), positive(3, 1)], {}),
    ("Clip", [normal(4, 5), np.array(-0.4), np.array(0.6)], {}),
    ("Clip", [normal(4, 5), None, np.array([0.2])], {}),
    ("Clip", [normal(4, 5)], {}),
    ("Cast", [normal(3, 4)], {"to": "float64"}),
    ("CastLike", [normal(3, 4), normal(1)], {}),
    ("Dropout", [normal(3, 4)], {}),
    ("DropCells", [normal(6, 7), np.array(0.4, np.float32), whole(3, 9)], {}),
    ("Add", [normal(2, 3, 4), normal(3, 1)], {}),
    ("Sub", [normal(4), normal(2, 3, 4)], {}),
    ("Mul", [normal(2, 3, 4), normal(1, 4)], {}),
    ("Mul", [normal(2, 3), normal()], {}),
    ("Div", [normal(2, 3, 4), positive(3, 1)], {}),
    ("Mod", [5 * normal(3, 4), positive(4)], {"fmod": 1}),
    ("Mod", [5 * normal(3, 4), positive(3, 1)], {}),
    ("Pow", [positive(3, 4), normal(4)], {}),
    ("Pow", [normal(3, 4), np.array(2.0)], {}),
    ("Max", [normal(3, 4), normal(4), normal(3, 1)], {}),
    ("Min", [normal(3, 4), normal(4)], {}),
    ("Sum", [normal(3, 4), normal(4), normal(1)], {}),
    ("Mean", [normal(3, 4), normal(4), normal(1)], {}),
    ("Where", [normal(3, 4) > 0, normal(3, 4), normal(4)], {}),
]

REDUCTIONS: list[Case] = [
    ("ReduceSum", [normal(*X), whole(1, 3)], {}),
    ("ReduceSum", [normal(*X)], {"keepdims": 0}),
    ("ReduceSum", [normal(3, 4)], {"noop_with_empty_axes": 1}),
    ("ReduceMean", [normal(*X), whole(-1)], {"keepdims": 0}),
    ("ReduceMax", [distinct(*X), whole(2)], {"keepdims": 0}),
    ("ReduceMin", [distinct(*X), whole(0, 2)], {}),
    ("ReduceProd", [normal(2, 3, 4), whole(1)], {}),
    ("ReduceProd", [np.array([[0.0, 2, 3], [0, 0, 4], [1, 2, 3]]), whole(1)], {}),
    ("ReduceL1", [normal(3, 4), whole(1)], {}),
    ("ReduceL2", [normal(3, 4), whole(0)], {"keepdims": 0}),
    ("ReduceSumSquare", [normal(3, 4), whole(0)], {}),
    ("ReduceLogSum", [positive(3, 4), whole(1)], {}),
    ("ReduceLogSumExp", [normal(3, 4), whole(1)], {"keepdims": 0}),
    ("CumSum", [normal(3, 4), whole(1)], {}),
    ("CumSum", [normal(3, 4), np.array(0)], {"exclusive": 1, "reverse": 1}),
    ("TopK", [distinct(3, 6), whole(2)], {}),
    ("TopK", [distinct(6, 3), whole(3)], {"axis": 0, "largest": 0}),
]

SHAPES: list[Case] = [
    ("Reshape", [normal(3, 4), whole(2, -1)], {}),
    ("Flatten", [normal(2, 3, 4)], {}),
    ("Transpose", [normal(2, 3, 4)], {"perm": (2, 0, 1)}),
    ("Transpose", [normal(2, 3, 4)], {}),
    ("Squeeze", [normal(2, 1, 4), whole(1)], {}),
    ("Unsqueeze", [normal(2, 4), whole(1, -1)], {}),
    ("DepthToSpace", [normal(1, 8, 2, 3)], {"blocksize": 2}),
    ("DepthToSpace", [normal(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"}),
    ("SpaceToDepth", [normal(1, 2, 4, 6)], {"blocksize": 2}),
    ("SpaceToDepth", [normal(1, 2, 4, 6)], {"blocksize": 2, "mode": "CRD"}),
    ("Concat", [normal(2, 3), normal(2, 1), normal(2, 2)], {"axis": -1}),
    ("Split", [normal(2, 7), whole(2, 5)], {"axis": 1}),
    ("Slice", [normal(5, 6), whole(4, 1), whole(-9, 5), whole(0, 1), whole(-2, 3)], {}),
    ("Expand", [normal(3, 1), whole(2, 1, 4)], {}),
    ("Tile", [normal(2, 3), whole(2, 3)], {}),
    ("Pad", [normal(3, 4), whole(1, 0, 2, 3), np.array(0.5)], {}),
    ("Pad", [normal(3, 4), whole(-1, 2, 0, -1)], {}),
    *(("Pad", [normal(3, 4), whole(2, 3, 1, 2)], {"mode": mode}) for mode in ("reflect", "edge", "wrap")),
    ("Trilu", [normal(2, 4, 5), np.array(1)], {}),
    ("Trilu", [normal(4, 5)], {"upper": 0}),
]

PLACES: list[Case] = [
    ("Gather", [normal(4, 5), whole([0, 3, -1], [2, 3, 3])], {"axis": 1}),
    ("GatherElements", [normal(3, 4), whole([0, 1, 1, -1], [2, 2, 0, 0])], {"axis": 0}),
    ("GatherND", [normal(3, 4, 2), whole([0, 1], [2, 3], [0, 1])], {}),
    ("GatherND", [normal(3, 4, 2), whole([1], [2], [0])], {"batch_dims": 1}),
    ("ScatterElements", [normal(3, 4), whole([0, 1], [2, 3]), normal(2, 2)], {"axis": 1}),
    *(
        (
            "ScatterElements",
            [normal(3, 4), whole([0, 0], [2, 3]), normal(2, 2)],
            {"axis": 1, "reduction": how},
        )
        for how in ("add", "mul", "max", "min")
    ),
    ("ScatterElements", [np.zeros(3), whole(0, 0, 1), np.array([2.0, 3, 0])], {"reduction": "mul"}),
    ("ScatterND", [normal(4, 3), whole([1], [3]), normal(2, 3)], {}),
    *(
        ("ScatterND", [normal(4, 3), whole([1], [1]), normal(2, 3)], {"reduction": how})
        for how in ("add", "mul", "max", "min")
    ),
    ("OneHot", [whole(0, 2, -1), whole(3), normal(2)], {}),
]

PRODUCTS: list[Case] = [
    ("MatMul", [normal(3, 4), normal(4, 2)], {}),
    ("MatMul", [normal(2, 1, 3, 4), normal(5, 4, 2)], {}),
    ("MatMul", [normal(4), normal(2, 4, 3)], {}),
    ("MatMul", [normal(2, 3, 4), normal(4)], {}),
    ("MatMul", [normal(4), normal(4)], {}),
    ("Gemm", [normal(3, 4), normal(4, 2), normal(2)], {}),
    (
        "Gemm",
        [normal(4, 3), normal(2, 4), normal(3, 1)],
        {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0},
    ),
    ("Gemm", [normal(3, 4), normal(2, 4)], {"transB": 1}),
    ("Gemm", [normal(4, 3), normal(4, 2)], {"transA": 1}),
]

CONVOLUTIONS: list[Case] = [
    ("Conv", [normal(2, 3, 7), normal(4, 3, 3), normal(4)], {"pads": (1, 2), "strides": (2,)}),
    ("Conv", [normal(2, 4, 6, 5), normal(6, 2, 3, 2), normal(6)],
     {"group": 2, "pads": (1, 0, 2, 1), "strides": (2, 1), "dilations": (1, 2)}),
    ("Conv", [normal(1, 2, 5, 6), normal(3, 2, 3, 3)], {"auto_pad": "SAME_UPPER"}),
    ("Conv", [normal(1, 2, 3, 4, 3), normal(2, 2, 2, 3, 2)], {"pads": (0, 1, 0, 1, 1, 0)}),
    ("ConvTranspose", [normal(2, 3, 4, 3), normal(3, 2, 3, 2), normal(2)],
     {"strides": (2, 3), "pads": (1, 0, 0, 1), "output_padding": (1, 2)}),
    ("ConvTranspose", [normal(1, 4, 5), normal(4, 3, 3)], {"group": 2, "dilations": (2,), "strides": (3,)}),
    ("ConvTranspose", [normal(1, 2, 3, 3), normal(2, 1, 3, 3)],
     {"dilations": (3, 3), "output_shape": (11, 10)}),
    ("Col2Im", [normal(1, 12, 8), whole(4, 5), whole(2, 3)],
     {"strides": (2, 1), "pads": (1, 0, 0, 1), "dilations": (1, 1)}),
]  # fmt: skip

CORNERS = whole([[[5, 7], [13, 15]]])
WINDOW = {"kernel_shape": (3, 2), "strides": (2, 1), "pads": (1, 0, 1, 1)}
POOLING: list[Case] = [
    ("MaxPool", [distinct(2, 2, 5, 4)], WINDOW),
    ("MaxPool", [distinct(1, 2, 5, 4)], {"kernel_shape": (2, 2), "strides": (2, 3)}),
    ("MaxPool", [distinct(1, 2, 6, 7)], {"kernel_shape": (2, 2), "dilations": (2, 2), "storage_order": 1}),
    ("AveragePool", [normal(2, 2, 5, 4)], WINDOW),
    ("AveragePool", [normal(2, 2, 5, 4)], {**WINDOW, "count_include_pad": 1}),
    ("AveragePool", [normal(1, 2, 6, 7)], {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ("AveragePool", [normal(1, 2, 7)], {"kernel_shape": (3,), "auto_pad": "SAME_LOWER"}),
    ("LpPool", [normal(1, 2, 5, 4)], {**WINDOW, "p": 3}),
    ("GlobalAveragePool", [normal(2, 3, 4, 3)], {}),
    ("GlobalMaxPool", [distinct(2, 3, 4, 3)], {}),
    ("GlobalLpPool", [normal(2, 3, 4)], {"p": 3}),
    ("AdaptiveAveragePool", [normal(2, 2, 5, 7)], {"output_size": (3, 4)}),
    ("AdaptiveAveragePool", [normal(2, 2, 6, 4)], {"output_size": (3, 2)}),
    ("AdaptiveMaxPool", [distinct(2, 2, 5, 7)], {"output_size": (3, 4)}),
    ("MaxUnpool", [normal(1, 1, 2, 2), CORNERS], {"kernel_shape": (2, 2), "strides": (2, 2)}),
    ("MaxUnpool", [normal(1, 1, 2, 2), CORNERS, whole(1, 1, 5, 5)],
     {"kernel_shape": (2, 2), "strides": (2, 2)}),
]  # fmt: skip

BATCH = [normal(4, 3, 2, 3), positive(3), normal(3), normal(3), positive(3)]
NORMALISATION: list[Case] = [
    ("BatchNormalization", BATCH, {}),
    ("BatchNormalization", BATCH, {"training_mode": 1}),
    ("BatchNormTraining", BATCH, {"epsilon": 1e-2}),
    ("BatchNormTraining", [normal(5, 3), *BATCH[1:]], {}),
    ("InstanceNormalization", [normal(2, 3, 4, 2), positive(3), normal(3)], {}),
    ("GroupNormalization", [normal(2, 4, 3, 2), positive(4), normal(4)], {"num_groups": 2}),
    ("GroupNormalization", [normal(2, 4, 3, 2), positive(2), normal(2)], {"num_groups": 2}),
    ("LayerNormalization", [normal(2, 3, 4), positive(3, 4), normal(4)], {"axis": 1}),
    ("LayerNormalization", [normal(2, 3, 4), positive(4)], {}),
    ("RMSNormalization", [normal(2, 3, 4), positive(4)], {}),
    ("LRN", [normal(2, 5, 3)], {"size": 3, "alpha": 0.5}),
    ("LRN", [normal(2, 5, 3)], {"size": 4, "alpha": 0.7, "beta": 0.5, "bias": 2.0}),
    ("LpNormalization", [normal(3, 4)], {}),
    ("LpNormalization", [normal(3, 4)], {"axis": 0, "p": 1}),
    ("MeanVarianceNormalization", [normal(2, 3, 4, 2)], {}),
]

PART = np.array([0, 0, 0.1, -0.3, 1, 1, 0.9, 1.2], np.float32)
SCALES = np.array([1, 1, 2.0, 1.5], np.float32)
RESIZING: list[Case] = [
    *(
        ("GridSample", [normal(2, 3, 4, 5), RANDOM.uniform(-1.3, 1.3, (2, 3, 2, 2))],
         {"mode": mode, "padding_mode": padding, "align_corners": corners})
        for mode in ("linear", "cubic", "nearest")
        for padding, corners in (("zeros", 0), ("border", 1), ("reflection", 0), ("reflection", 1))
    ),
    ("GridSample", [normal(1, 2, 3, 4, 3), RANDOM.uniform(-1, 1, (1, 2, 2, 3, 3))], {}),
    ("Resize", [normal(1, 2, 3, 4), None, SCALES], {}),
    ("Resize", [normal(1, 2, 3, 4), None, SCALES], {"mode": "linear"}),
    ("Resize", [normal(1, 2, 3, 4), None, SCALES], {"mode": "cubic"}),
    ("Resize", [normal(1, 1, 6, 5), None, None, whole(1, 1, 3, 4)], {"mode": "linear", "antialias": 1}),
    ("Resize", [normal(1, 1, 4, 5), PART, None, whole(1, 1, 3, 4)],
     {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}),
]  # fmt: skip

CASES: list[Case] = [
    *CELLS, *REDUCTIONS, *SHAPES, *PLACES, *PRODUCTS, *CONVOLUTIONS, *POOLING, *NORMALISATION, *RESIZING,
]  # fmt: skip
