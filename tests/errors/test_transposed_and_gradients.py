"""Refusals of transposed convolutions and of the two gradients."""

import pytest

from tests.errors.refusal import SHAPE, TOO_LARGE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal(
        "convolve.conv_transpose2d(batch, up, output_padding=1)",
        VALUE,
        "output_padding must be smaller than stride or dilation",
        "1 is not below max(1, 1)",
        "larger stride",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, stride=2, output_padding=(0, 2))",
        VALUE,
        "output_padding must be smaller",
        "2 is not below max(2, 1) in width",
        "less output_padding",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, stride=2, output_padding=-1)",
        VALUE,
        "output_padding must be at least 0",
        "got -1",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, stride=2, output_padding=(1, 1, 1))",
        SHAPE,
        "output_padding must be one number or one per",
        "2 dimensions",
        "3 numbers",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, np.ones((4, 2, 3, 3)))",
        SHAPE,
        "input has 3 channels but the weight expects 4",
        "(1, 3, 8, 9), the weight (4, 2, 3, 3)",
        "change one",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, groups=2)",
        SHAPE,
        "groups must divide the in channels",
        "3, which 2 groups do not divide",
        "use other groups",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, padding=9)",
        SHAPE,
        "output size must be at least 1",
        "(8 − 1)·1 − 9 − 9",
        "= -8",
        "less padding",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, np.ones(3))",
        SHAPE,
        "bias must have one number per out channel, shape (2,)",
        "got (3,)",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, padding='same', stride=2, output_padding=1)",
        VALUE,
        "output_padding=1 and padding='same' contradict",
        "= 16",
        "leave one out",
    ),
    Refusal(
        "convolve.conv_transpose2d(batch, up, stride=2**30)",
        TOO_LARGE,
        "fit into memory",
        "needs",
        "GiB",
        "smaller",
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 3, 8, 9), weight, np.zeros((1, 4, 6, 6)))",
        SHAPE,
        "shape of the forward result, (1, 4, 6, 7)",
        "got (1, 4, 6, 6)",
        "check stride, padding and dilation",
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 4, 8, 9), weight, grad)",
        SHAPE,
        "input_shape has 4 channels but the weight expects 3",
        "(1, 4, 8, 9)",
        "change one",
    ),
    Refusal(
        "convolve.conv2d_input_grad(5, weight, grad)",
        TYPE,
        "input_shape must be a shape, such as (1, 3, 224, 224)",
        "got 5",
    ),
    Refusal(
        "convolve.conv2d_input_grad('1389', weight, grad)", TYPE, "input_shape must be a shape", "'1389'"
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 3, -8, 9), weight, grad)",
        VALUE,
        "input_shape must be at least 0",
        "got -8",
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 3, 8.5, 9), weight, grad)",
        TYPE,
        "input_shape must be a whole number",
        "8.5",
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 3, 2, 9), weight, grad)",
        SHAPE,
        "output size must be at least 1",
        "(2 + 0 + 0",
        "the filter spans 3 cells",
        "more padding",
    ),
    Refusal(
        "convolve.conv2d_input_grad((1, 3, 2**40, 2**40), weight, grad)",
        TOO_LARGE,
        "input_shape must stay below",
        "1099511627776",
        "smaller pieces",
    ),
    Refusal(
        "convolve.conv2d_input_grad((8,), weight, grad)",
        SHAPE,
        "input_shape must have shape (batch, channels, height, width)",
        "1 dimensions: (8,)",
        "add or drop",
    ),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 3, 3, 3), np.zeros((1, 4, 6, 6)))",
        SHAPE,
        "shape of the forward result, (1, 4, 6, 7)",
        "got (1, 4, 6, 6)",
        "check stride",
    ),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 2, 3, 3), grad)",
        SHAPE,
        "input has 3 channels but the weight expects 2",
        "the weight (4, 2, 3, 3)",
        "change one",
    ),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 3, 3), grad)",
        SHAPE,
        "weight_shape must have 2 spatial dimensions",
        "it has 3: (4, 3, 3)",
    ),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 3, 0, 3), grad)",
        SHAPE,
        "weight_shape must have at least one tap",
        "(4, 3, 0, 3)",
    ),
    Refusal("convolve.conv2d_weight_grad(batch, 3, grad)", TYPE, "weight_shape must be a shape", "got 3"),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 3, 3, 3), grad, groups=5)",
        SHAPE,
        "input has 3 channels",
        "expects 15 (3 per group × 5 groups)",
        "groups",
    ),
    Refusal(
        "convolve.conv2d_weight_grad(batch, (4, 3, 3, 3), grad, nan='ignore')",
        VALUE,
        "nan='ignore' has no gradient with respect to the weight",
        "to 0",
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
