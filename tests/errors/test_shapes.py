"""Refusals of arrays whose shapes, channels, groups or biases do not belong together."""

import pytest

from tests.errors.refusal import SHAPE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal(
        "convolve.conv2d(np.zeros((2, 2, 2, 8, 9)), weight)",
        SHAPE,
        "(batch, channels, height, width) or (channels, height, width)",
        "5 dimensions: (2, 2, 2, 8, 9)",
        "add or drop",
    ),
    Refusal(
        "convolve.conv2d(image, weight)",
        SHAPE,
        "input must have shape (batch, channels,",
        "2 dimensions: (8, 9)",
        "numpy.newaxis",
    ),
    Refusal(
        "convolve.conv1d(np.zeros(9), np.ones((2, 3, 3)))",
        SHAPE,
        "(batch, channels, width) or (channels, width)",
        "1 dimensions: (9,)",
    ),
    Refusal(
        "convolve.conv3d(image, np.ones((2, 1, 3, 3, 3)))",
        SHAPE,
        "(batch, channels, depth, height, width)",
        "(8, 9)",
        "add or drop",
    ),
    Refusal(
        "convolve.conv2d(image, weight, layout='channels_last')",
        SHAPE,
        "(batch, height, width, channels) or (height, width, channels)",
        "(8, 9)",
    ),
    Refusal(
        "convolve.conv2d(batch, kernel)",
        SHAPE,
        "(height, width), because the weight has only its 2",
        "(1, 3, 8, 9)",
        "out channels, in channels / groups",
    ),
    Refusal(
        "convolve.conv2d(colour, weight)",
        SHAPE,
        "input has 8 channels but the weight expects 3",
        "last dimension is 3",
        "layout='channels_last'?",
    ),
    Refusal(
        "convolve.conv2d(batch[0], weight, layout='channels_last')",
        SHAPE,
        "input has 9 channels but the weight expects 3",
        "is 3",
        "layout='channels_first'?",
    ),
    Refusal(
        "convolve.conv2d(np.zeros((1, 5, 8, 9)), weight)",
        SHAPE,
        "5 channels",
        "expects 3",
        "(1, 5, 8, 9), the weight (4, 3, 3, 3)",
        "change one of them",
    ),
    Refusal(
        "convolve.conv2d(batch, np.ones((4, 1, 3, 3)), groups=2)",
        SHAPE,
        "input has 3 channels",
        "expects 2 (1 per group × 2 groups)",
        "change one of them or groups",
    ),
    Refusal(
        "convolve.conv2d(batch, np.ones((4, 1, 3, 3)), groups=3)",
        SHAPE,
        "groups must divide the out channels",
        "4, which 3 groups do not divide",
        "use other groups",
    ),
    Refusal("convolve.conv2d(batch, weight, groups=0)", VALUE, "groups must be at least 1", "0"),
    Refusal("convolve.conv2d(batch, weight, groups=-2)", VALUE, "at least 1", "-2", "use 1"),
    Refusal("convolve.conv2d(batch, weight, groups=1.0)", TYPE, "groups must be a whole number", "1.0"),
    Refusal(
        "convolve.conv2d(batch, weight, groups=True)",
        TYPE,
        "groups must be a whole number",
        "True",
        "write 1 or 0",
    ),
    Refusal(
        "convolve.conv2d(batch, np.ones((4, 3, 3)))",
        SHAPE,
        "weight must have 2 spatial dimensions",
        "4 in all",
        "it has 3: (4, 3, 3)",
        "reshape",
    ),
    Refusal(
        "convolve.conv2d(batch, np.ones((4, 3, 0, 3)))",
        SHAPE,
        "at least one tap in every dimension",
        "(4, 3, 0, 3)",
        "give one cell",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, np.ones(3))",
        SHAPE,
        "bias must have one number per out channel, shape (4,)",
        "got (3,)",
        "reshape",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, np.ones((4, 1)))",
        SHAPE,
        "bias must have one number per out channel",
        "(4, 1)",
    ),
    Refusal("convolve.conv2d(batch, weight, 3.0)", SHAPE, "bias must have", "(4,)", "got ()"),
    Refusal(
        "convolve.conv2d(batch, np.ones((4, 3, 9, 3)))",
        SHAPE,
        "output size must be at least 1",
        "height",
        "⌊(8 + 0 + 0 − 1·(9−1) − 1) / 1⌋ + 1 = 0",
        "more padding",
    ),
    Refusal(
        "convolve.conv2d(image, kernel, stride=2, dilation=(1, 5))",
        SHAPE,
        "output size must be at least 1",
        "width",
        "5·(3−1)",
        "spans 11 cells",
        "has 9",
        "less dilation",
    ),
    Refusal(
        "convolve.conv3d(np.zeros((2, 8, 9)), np.ones((3, 3, 3)))",
        SHAPE,
        "output size must be at least 1",
        "depth",
        "(2 + 0 + 0",
        "smaller filter",
    ),
    Refusal("convolve.conv1d([1, 2, 3], [])", SHAPE, "at least one tap", "(0,)", "one cell or more"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
