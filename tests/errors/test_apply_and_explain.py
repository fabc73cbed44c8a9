"""Refusals of apply and explain: ranks, channels, named filters, and the options that they hand on."""

import pytest

from tests.errors.refusal import DTYPE, FILTER, OVERFLOW, SHAPE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal(
        "convolve.apply(colour, kernel)",
        SHAPE,
        "same number of dimensions",
        "3: (8, 9, 3)",
        "channel_axis=-1?",
    ),
    Refusal(
        "convolve.apply(colour, 'sobel-x')", SHAPE, "same number", "the kernel 2: (3, 3)", "channel_axis=-1?"
    ),
    Refusal(
        "convolve.apply(image, np.ones((3, 3, 3)))", SHAPE, "same number of dimensions", "(8, 9)", "(3, 3, 3)"
    ),
    Refusal(
        "convolve.apply(image, kernel, channel_axis=-1)",
        SHAPE,
        "one dimension more",
        "(8, 9)",
        "drop channel_axis",
    ),
    Refusal(
        "convolve.apply(colour, kernel, channel_axis=3)",
        SHAPE,
        "between -3 and 2",
        "(8, 9, 3), got 3",
        "-1 is",
    ),
    Refusal(
        "convolve.apply(colour, kernel, channel_axis=True)", TYPE, "channel_axis must be", "True", "-1 is"
    ),
    Refusal(
        "convolve.apply(colour, kernel, channel_axis='last')", TYPE, "channel_axis must be", "'last'", "-1 is"
    ),
    Refusal(
        "convolve.apply(image, np.ones((3, 3, 3, 3)))",
        SHAPE,
        "1, 2 or 3 dimensions",
        "got 4",
        "give one filter",
    ),
    Refusal("convolve.apply(image, 5)", SHAPE, "kernel must have 1, 2 or 3 dimensions", "got 0: ()"),
    Refusal("convolve.apply(image, None)", DTYPE, "kernel has dtype object", "not defined for"),
    Refusal("convolve.apply('photo.png', kernel)", DTYPE, "image has dtype", "text"),
    Refusal(
        "convolve.apply(image, kernel, padding_mode='mirror')", VALUE, "padding_mode", "'mirror'", "'reflect'"
    ),
    Refusal("convolve.apply(image, kernel, stride=0)", VALUE, "stride must be at least 1", "got 0"),
    Refusal(
        "convolve.apply(image, kernel, out=np.empty((3, 3)))",
        SHAPE,
        "result's shape (8, 9)",
        "(3, 3)",
        "allocate",
    ),
    Refusal("convolve.apply(image, 'sobel', out=np.empty((3, 3)))", SHAPE, "result's shape (8, 9)", "(3, 3)"),
    Refusal(
        "convolve.apply(image, 'sobel', out_dtype='complex65')",
        DTYPE,
        "out_dtype must be",
        "'complex65'",
        "choose",
    ),
    Refusal("convolve.apply(image, 'sobel', overflow='up')", VALUE, "overflow must be one of", "'up'"),
    Refusal(
        "convolve.apply(photo, kernel, out_dtype='uint8', overflow='raise')",
        OVERFLOW,
        "uint8 holds 0 to 255",
        "1800",
        "overflow='saturate'",
    ),
    Refusal("convolve.apply(image, 'sobl-x')", FILTER, "no filter named 'sobl-x'", "did you mean 'sobel-x'?"),
    Refusal("convolve.apply(image, 'gaussian')", FILTER, "'gaussian:SIGMA' takes", "got 0"),
    Refusal("convolve.apply(image, 'gaussian:-1')", FILTER, "sigma must be a positive, finite number", "-1"),
    Refusal(
        "convolve.apply(image, 'gaussian:nan')", FILTER, "sigma must be a positive, finite number", "nan"
    ),
    Refusal("convolve.apply(image, 'gaussian:wide')", FILTER, "takes numbers", "'wide'", "like 1.5"),
    Refusal("convolve.apply(image, 'box:0')", FILTER, "at least 1 cell wide", "got 0"),
    Refusal(
        "convolve.apply(image, 'box:100000000')", FILTER, "at most", "10000000000000000", "use a smaller one"
    ),
    Refusal("convolve.apply(image, '1 0; 1')", FILTER, "equally long", "[2, 1]", "fill the short ones"),
    Refusal("convolve.apply(image, 'missing.npy')", FILTER, "missing.npy cannot be read", "check the path"),
    Refusal(
        "convolve.apply(image, '')", FILTER, "must be a name, rows of numbers or a file", "''", "'sobel'"
    ),
    Refusal(
        "np.asarray(convolve.filters.get('sobel'))",
        FILTER,
        "not one array",
        "magnitude of 2",
        "convolve.apply",
    ),
    Refusal("convolve.explain(batch, kernel)", SHAPE, "image and kernel must be", "(1, 3, 8, 9)", "image[0]"),
    Refusal(
        "convolve.explain(image, np.ones((9, 9)))",
        SHAPE,
        "at least 1",
        "(8 + 0 + 0 − 1·(9−1)",
        "more padding",
    ),
    Refusal("convolve.explain(image, kernel, stride=0)", VALUE, "stride must be at least 1", "got 0"),
    Refusal("convolve.explain(image, kernel, bias=[1, 2])", SHAPE, "one number per out channel", "got (2,)"),
    Refusal("convolve.explain(image, 'sobel')", FILTER, "one weight", "combines 2", "one by one"),
    Refusal(
        "convolve.explain(image, kernel, transposed='yes')", TYPE, "transposed must be True or False", "'yes'"
    ),
    Refusal(
        "convolve.explain(image, kernel, groups=2)", SHAPE, "1 channels", "expects 2", "change one of them"
    ),
    Refusal(
        "convolve.explain(image, kernel, padding_mode='wrap')", VALUE, "padding_mode", "'wrap'", "'circular'"
    ),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
