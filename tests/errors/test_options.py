"""Refusals of single options: stride, dilation, padding, padding_mode and the options that are names."""

import pytest

from tests.errors.refusal import SHAPE, TOO_LARGE, TYPE, VALUE, Refusal, check

REFUSALS = [
    Refusal(
        "convolve.conv2d(batch, weight, stride=0)",
        VALUE,
        "stride must be at least 1",
        "got 0",
        "use 1 or more",
    ),
    Refusal("convolve.conv2d(batch, weight, stride=-1)", VALUE, "stride must be at least 1", "got -1"),
    Refusal("convolve.conv2d(batch, weight, stride=(1, 0))", VALUE, "stride must be at least 1", "got 0"),
    Refusal(
        "convolve.conv2d(batch, weight, stride=1.5)",
        TYPE,
        "stride must be a whole number",
        "1.5",
        "write one",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, stride=True)",
        TYPE,
        "stride must be a whole number",
        "True",
        "write 1",
    ),
    Refusal("convolve.conv2d(batch, weight, stride='2')", TYPE, "stride must be a whole number", "'2'"),
    Refusal("convolve.conv2d(batch, weight, stride=None)", TYPE, "stride must be a whole number", "None"),
    Refusal(
        "convolve.conv2d(batch, weight, stride=(1, 2, 3))",
        SHAPE,
        "stride must be one number or one per",
        "2 dimensions",
        "has 3 numbers",
        "give 1",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, stride=2**41)",
        TOO_LARGE,
        "stride must be at most",
        "2199023255552",
        "smaller number",
    ),
    Refusal("convolve.conv2d(batch, weight, dilation=0)", VALUE, "dilation must be at least 1", "got 0"),
    Refusal(
        "convolve.conv2d(batch, weight, dilation=(1, -2))", VALUE, "dilation must be at least 1", "got -2"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, dilation=4)",
        SHAPE,
        "output size must be at least 1",
        "4·(3−1)",
        "less dilation",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, dilation=np.float64(2))",
        TYPE,
        "dilation must be a whole number",
        "2.0",
    ),
    Refusal("convolve.conv2d(batch, weight, padding=-1)", VALUE, "padding must be at least 0", "got -1"),
    Refusal("convolve.conv2d(batch, weight, padding=0.5)", TYPE, "padding must be a whole number", "0.5"),
    Refusal("convolve.conv2d(batch, weight, padding=None)", TYPE, "padding must be a whole number", "None"),
    Refusal(
        "convolve.conv2d(batch, weight, padding=(1, 2, 3))",
        SHAPE,
        "one number or (before, after) pair per",
        "2 dimensions",
        "3 entries",
        "give 2",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding=((1, 2, 3), 0))",
        SHAPE,
        "pair must be (before, after)",
        "(1, 2, 3) with 3 numbers",
        "give two",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding=((1, -1), 0))", VALUE, "padding must be at least 0", "got -1"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding='smae')",
        VALUE,
        "'valid', 'same'",
        "got 'smae'",
        "did you mean 'same'?",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding='SAME')",
        VALUE,
        "padding must be one of 'valid', 'same'",
        "'SAME'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding='causal')",
        VALUE,
        "'causal' needs one dimension",
        "2 spatial dimensions",
        "pairs instead",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding=2**39)",
        SHAPE,
        "height must stay below",
        "with padding, got 1099511627784",
        "less padding",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding=2**60)",
        TOO_LARGE,
        "padding must be at most",
        "1152921504606846976",
        "smaller",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding=2**22)",
        TOO_LARGE,
        "fit into memory",
        "(1, 4, 8388614, 8388615)",
        "less padding",
    ),
    Refusal(
        "convolve.conv1d([1, 2, 3], [1, 1], padding=(1, 2))",
        SHAPE,
        "pair per spatial dimension",
        "padding=(1, 2) has 2 entries",
        "write ((1, 2),)",
    ),
    Refusal(
        "convolve.conv3d(np.zeros((4, 8, 9)), np.ones((1, 1, 1)), padding='causal')",
        VALUE,
        "'causal' needs one dimension",
        "3 spatial dimensions",
        "pairs",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='wrap')", VALUE, "padding_mode", "'wrap'", "'circular'"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='nearest')",
        VALUE,
        "padding_mode",
        "'nearest'",
        "'replicate'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='edge')", VALUE, "padding_mode", "'edge'", "'replicate'"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='mirror')",
        VALUE,
        "padding_mode",
        "'mirror'",
        "'reflect'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='symm')", VALUE, "padding_mode", "'symm'", "'symmetric'"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='reflect_101')",
        VALUE,
        "padding_mode",
        "'reflect_101'",
        "'reflect'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='constant')",
        VALUE,
        "padding_mode",
        "'constant'",
        "the number itself",
        "padding_mode=0",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='relfect')",
        VALUE,
        "padding_mode must be one of",
        "'relfect'",
        "did you mean 'reflect'?",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode='purple')",
        VALUE,
        "padding_mode must be one of 'zeros', 'reflect'",
        "'purple'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode=None)",
        TYPE,
        "padding_mode must be a number or one of",
        "'zeros'",
        "got None",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode=True)",
        TYPE,
        "padding_mode must be a number or one of",
        "got True",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, padding_mode=1j)",
        VALUE,
        "padding_mode=1j is complex",
        "float64",
        "give a real number",
    ),
    Refusal(
        "convolve.conv2d(photo, kernel, padding=1, padding_mode=300)",
        VALUE,
        "padding_mode=300",
        "uint8 goes from 0 to 255",
        "choose another number or convert",
    ),
    Refusal(
        "convolve.conv2d(photo, kernel, padding=1, padding_mode=-1)",
        VALUE,
        "padding_mode=-1",
        "uint8 goes from 0 to 255",
        "convert the input",
    ),
    Refusal(
        "convolve.conv2d(photo, kernel, padding=1, padding_mode=0.5)",
        VALUE,
        "padding_mode=0.5",
        "in whole numbers",
        "convert the input",
    ),
    Refusal(
        "convolve.conv2d(photo, kernel, padding=1, padding_mode=np.nan)",
        VALUE,
        "padding_mode=nan",
        "uint8",
        "choose another number",
    ),
    Refusal(
        "convolve.conv2d(photo > 9, kernel, padding=1, padding_mode=2)",
        VALUE,
        "padding_mode=2",
        "bool goes from 0 to 1",
        "choose another number",
    ),
    Refusal(
        "convolve.conv2d(np.zeros((0, 9)), kernel, padding=3, padding_mode='reflect')",
        SHAPE,
        "'reflect' needs at least one cell",
        "height has 0",
        "use 'zeros'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, overflow='clip')",
        VALUE,
        "overflow must be one of 'raise', 'wrap', 'saturate'",
        "'clip'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, overflow='saturated')",
        VALUE,
        "overflow must be one of",
        "'saturated'",
        "did you mean 'saturate'?",
    ),
    Refusal("convolve.conv2d(batch, weight, overflow=1)", TYPE, "overflow must be one of", "got 1"),
    Refusal(
        "convolve.conv2d(batch, weight, nan='ignored')",
        VALUE,
        "nan must be one of",
        "'ignored'",
        "did you mean 'ignore'?",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, nan=0)", TYPE, "nan must be one of 'propagate', 'ignore'", "got 0"
    ),
    Refusal(
        "convolve.conv2d(batch, weight, accuracy='high')",
        VALUE,
        "accuracy must be one of 'default', 'strict'",
        "'high'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, algorithm='winogard')",
        VALUE,
        "algorithm must be one of 'auto'",
        "'winogard'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, layout='NCHW')",
        VALUE,
        "layout must be one of 'channels_first', 'channels_last'",
        "'NCHW'",
    ),
    Refusal(
        "convolve.conv2d(batch, weight, layout='channel_last')",
        VALUE,
        "layout must be one of",
        "did you mean 'channels_last'?",
    ),
    Refusal("convolve.conv2d(batch, weight, flip=1)", TYPE, "flip must be True or False", "got 1", "bool"),
    Refusal("convolve.conv2d(batch, weight, flip='yes')", TYPE, "flip must be True or False", "got 'yes'"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)
