"""Refusals of pooling."""

import pytest

from tests.errors.refusal import DTYPE, SHAPE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal("convolve.max_pool2d(batch, 0)", VALUE, "kernel_size must be at least 1", "got 0"),
    Refusal("convolve.avg_pool2d(batch, 2.0)", TYPE, "kernel_size must be a whole", "2.0"),
    Refusal("convolve.avg_pool2d(batch, None)", TYPE, "kernel_size must be a whole", "None"),
    Refusal(
        "convolve.max_pool2d(batch, (2, 2, 2))",
        SHAPE,
        "kernel_size must be one number or one per",
        "2 dimensions",
        "3 numbers",
        "give 1 or 2",
    ),
    Refusal(
        "convolve.max_pool2d(batch, 20)",
        SHAPE,
        "output size must be at least 1",
        "(8 + 0 + 0 − 1·(20−1) − 1) / 20",
        "more padding",
    ),
    Refusal("convolve.max_pool2d(batch, 2, stride=0)", VALUE, "stride must be at least 1", "0"),
    Refusal("convolve.max_pool2d(batch, 2, dilation=0)", VALUE, "dilation must be at least", "0"),
    Refusal(
        "convolve.max_pool2d(batch, 2, padding=2)",
        SHAPE,
        "must hold a cell of the image",
        "size 8, kernel_size=2",
        "padding=(2, 2)",
        "use less padding",
    ),
    Refusal(
        "convolve.avg_pool2d(batch, 2, padding='smae')",
        VALUE,
        "padding must be one of",
        "'smae'",
        "did you mean 'same'?",
    ),
    Refusal("convolve.avg_pool2d(batch, 2, padding=-1)", VALUE, "padding must be at least 0", "-1"),
    Refusal("convolve.max_pool2d(batch * 1j, 2)", DTYPE, "numbers with an order", "complex128", "abs("),
    Refusal(
        "convolve.max_pool2d(batch, 2, ceil_mode='yes')", TYPE, "ceil_mode must be True or False", "'yes'"
    ),
    Refusal(
        "convolve.max_pool2d(batch, 2, return_indices='no')",
        TYPE,
        "return_indices must be True or False",
        "'no'",
    ),
    Refusal(
        "convolve.avg_pool2d(batch, 2, count_include_pad=2)",
        TYPE,
        "count_include_pad must be True or False",
        "got 2",
    ),
    Refusal(
        "convolve.avg_pool2d(batch, 2, divisor_override=0)",
        VALUE,
        "divisor_override must not be 0",
        "pass None",
    ),
    Refusal(
        "convolve.avg_pool2d(batch, 2, divisor_override=1.5)",
        TYPE,
        "divisor_override must be a whole number",
        "1.5",
    ),
    Refusal(
        "convolve.max_pool2d(np.zeros(4), 2)",
        SHAPE,
        "input must have shape",
        "(4,)",
        "add or drop a dimension",
    ),
    Refusal(
        "convolve.max_pool3d(np.zeros((4, 4)), 2)",
        SHAPE,
        "(batch, channels, depth, height, width)",
        "(4, 4)",
        "add or drop",
    ),
    Refusal("convolve.max_pool2d(batch, 2, layout='last')", VALUE, "layout must be", "'last'"),
    Refusal("convolve.avg_pool1d(['a', 'b'], 1)", DTYPE, "input has dtype <U1", "text"),
    Refusal(
        "convolve.max_pool2d(np.ma.masked_array(batch), 2)", TYPE, "input is a masked array", "fill it first"
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
