"""Refusals of output_shape and receptive_field, and of public names that do not exist."""

import pytest

from tests.errors.refusal import MISSING, SHAPE, TOO_LARGE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal(
        "convolve.output_shape((5, 5), (7, 7))",
        SHAPE,
        "output size must be at least 1",
        "⌊(5 + 0 + 0 − 1·(7−1) − 1) / 1⌋ + 1 = -1",
        "more padding",
    ),
    Refusal(
        "convolve.output_shape((1, 3, 5, 5), (4, 2, 3, 3))",
        SHAPE,
        "input has 3 channels but the weight expects 2",
        "(1, 3, 5, 5)",
    ),
    Refusal("convolve.output_shape(5, (7, 7))", TYPE, "input_shape must be a shape", "got 5"),
    Refusal("convolve.output_shape((5, 5), ())", VALUE, "weight_shape must have 1 to 3", "got ()"),
    Refusal(
        "convolve.output_shape((5, 5), (3, 3), transposed='yes')",
        TYPE,
        "transposed must be True or False",
        "'yes'",
    ),
    Refusal(
        "convolve.output_shape((5, 5), (3, 3), 2, output_padding=1)",
        VALUE,
        "output_padding belongs to transposed",
        "got 1",
        "pass transposed=True",
    ),
    Refusal("convolve.output_shape((5, 5), (3, 3), dims=4)", VALUE, "1 to 3 spatial", "(3, 3)"),
    Refusal(
        "convolve.output_shape((1, 3, 2**40, 2**40), (4, 3, 3, 3))",
        TOO_LARGE,
        "input_shape must stay below",
        "1099511627776",
        "smaller pieces",
    ),
    Refusal(
        "convolve.receptive_field([{'kernel_size': 0}])", VALUE, "kernel_size must be at least 1", "got 0"
    ),
    Refusal(
        "convolve.receptive_field([{'kernel_size': 3}, {'stride': 2}])",
        VALUE,
        "layer 1 must have kernel_size",
        "it has no kernel_size",
    ),
    Refusal(
        "convolve.receptive_field([{'kernel_size': 3, 'strid': 2}])",
        VALUE,
        "layer 0",
        "may have stride, padding, dilation",
        "'strid'",
    ),
    Refusal(
        "convolve.receptive_field([3])", TYPE, "layer 0 must be a mapping such as {'kernel_size': 3", "got 3"
    ),
    Refusal("convolve.receptive_field(3)", TYPE, "one mapping per layer", "got 3", "write ["),
    Refusal(
        "convolve.receptive_field({'kernel_size': 3})",
        TYPE,
        "layers must be a list",
        "{'kernel_size': 3}",
        "write [",
    ),
    Refusal(
        "convolve.receptive_field([{'kernel_size': 3}], dims=0)", VALUE, "dims must be at least 1", "got 0"
    ),
    Refusal(
        "convolve.receptive_field([{'kernel_size': 3, 'stride': 4}] * 80)",
        TOO_LARGE,
        "must stay below 4194304 cells",
        "stride 4",
        "fewer layers",
    ),
    Refusal(
        "convolve.convolve(image, kernel)",
        MISSING,
        "convolve.convolve does not exist",
        "turn the filter by 180 degrees",
        "apply(image, kernel, flip=True)",
    ),
    Refusal("convolve.con2d", MISSING, "no attribute 'con2d'", "did you mean 'conv2d'?"),
    Refusal("convolve.avgpool2d", MISSING, "'avgpool2d'", "did you mean 'avg_pool2d'?"),
    Refusal("convolve.zebra", MISSING, "no attribute 'zebra'", "dir(convolve)"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
