"""Refusals of plans, of bound weights and their inputs, of thread numbers and of environment variables."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import convolve
from tests.cli.process import convolve as command_line
from tests.errors.refusal import DATA, DTYPE, SHAPE, TOO_LARGE, TYPE, VALUE, Refusal, check

F32 = np.float32
PLANNING: dict[str, Any] = {
    "planned": convolve.plan((1, 3, 8, 9), (4, 3, 3, 3)),
    "weights": np.ones((4, 3, 3, 3), F32),
    "x": np.ones((1, 3, 8, 9), F32),
    "f32": F32,
}
DATA.update(PLANNING)
DATA["bound"] = PLANNING["planned"].bind(PLANNING["weights"])

PLAN = "convolve.plan((1, 3, 8, 9), (4, 3, 3, 3), "

REFUSALS = [
    # -- plan: shapes
    Refusal("convolve.plan(5, (4, 3, 3, 3))", TYPE, "input_shape must be a shape", "(1, 3, 224", "got 5"),
    Refusal("convolve.plan('1x3', (4, 3, 3, 3))", TYPE, "input_shape must be a shape", "'1x3'"),
    Refusal("convolve.plan((1, 3, 8, 9), None)", TYPE, "weight_shape must be a shape", "None"),
    Refusal("convolve.plan((1, 3, 8, 9.5), (4, 3, 3, 3))", TYPE, "input_shape must be a whole number", "9.5"),
    Refusal("convolve.plan((1, 3, 8, -9), (4, 3, 3, 3))", VALUE, "input_shape must be at least 0", "-9"),
    Refusal("convolve.plan((1, 3, 8, 9), (4, 3, True, 3))", TYPE, "weight_shape must be a whole", "True"),
    Refusal(
        "convolve.plan((1, 3, 8, 9), (4, 3, 3, 3, 3, 3))",
        SHAPE,
        "weight_shape must have 1 to 3 spatial dimensions",
        "(4, 3, 3, 3, 3, 3)",
        "see conv1d",
    ),
    Refusal("convolve.plan((1, 3, 8, 9), ())", SHAPE, "weight_shape must have 1 to 3", "got ()"),
    Refusal("convolve.plan((1, 3, 8, 9), (4, 3, 0, 3))", SHAPE, "at least one tap", "(4, 3, 0, 3)"),
    Refusal("convolve.plan((1, 3, 8, 9), (4, 2, 3, 3))", SHAPE, "3 channels", "expects 2", "(4, 2, 3, 3)"),
    Refusal("convolve.plan((8, 9), (4, 3, 3, 3))", SHAPE, "(batch, channels, height, width)", "(8, 9)"),
    Refusal("convolve.plan((1, 3, 8, 9), (4, 3, 9, 3))", SHAPE, "output size must be at least 1", "height"),
    Refusal(
        "convolve.plan((2**31, 2**31, 8, 9), (4, 3, 3, 3))",
        TOO_LARGE,
        "input_shape must stay below",
        "2147483648, 2147483648, 8, 9",
        "smaller pieces",
    ),
    # -- plan: options
    Refusal(PLAN + "operation='pool')", VALUE, "operation must be one of 'conv'", "'pool'"),
    Refusal(PLAN + "operation=1)", TYPE, "operation must be one of", "got 1"),
    Refusal(PLAN + "dtype='float31')", DTYPE, "dtype must be a dtype", "'float31'", "choose one of"),
    Refusal(PLAN + "dtype=object)", DTYPE, "dtype has dtype object", "not defined"),
    Refusal(PLAN + "weight_dtype='U3')", DTYPE, "weight_dtype has dtype <U3", "text"),
    Refusal(PLAN + "bias=np.ones(4))", TYPE, "bias must be True or False", "array([1., 1., 1., 1.])"),
    Refusal(PLAN + "bias='yes')", TYPE, "bias must be True or False", "'yes'"),
    Refusal(PLAN + "activation='relu7')", VALUE, "activation must be one of", "'relu7'", "did you mean"),
    Refusal(PLAN + "activation=None)", TYPE, "activation must be one of 'none'", "None"),
    Refusal(PLAN + "strides=2)", TYPE, "plan has no option 'strides'", "stride, padding"),
    Refusal(PLAN + "threads=2)", TYPE, "plan has no option 'threads'", "its options are"),
    Refusal(PLAN + "output_padding=1)", TYPE, "plan has no option 'output_padding'", "its options are"),
    Refusal(PLAN + "out=x)", VALUE, "out belongs to the call", "planned("),
    Refusal(PLAN + "stride=0)", VALUE, "stride must be at least 1", "got 0"),
    Refusal(PLAN + "stride=(1, 2, 3))", SHAPE, "stride must be one number or one per", "(1, 2, 3)", "give 1"),
    Refusal(PLAN + "padding=-1)", VALUE, "padding must be at least 0", "-1"),
    Refusal(PLAN + "padding='big')", VALUE, "padding must be one of 'valid'", "'big'"),
    Refusal(PLAN + "dilation=1.5)", TYPE, "dilation must be a whole number", "1.5"),
    Refusal(PLAN + "groups=2)", SHAPE, "3 channels", "expects 6 (3 per group × 2 groups)", "or groups"),
    Refusal(PLAN + "layout='nhwc')", VALUE, "layout must be one of", "'channels_last'", "'nhwc'"),
    Refusal(PLAN + "padding_mode='wrap')", VALUE, "padding_mode must be named as here", "'circular'"),
    Refusal(PLAN + "algorithm='winograd')", VALUE, "algorithm must be one of 'auto'", "'winograd'"),
    Refusal(PLAN + "flip=1)", TYPE, "flip must be True or False", "got 1"),
    # -- what the reference computes has no plan
    Refusal(PLAN + "algorithm='reference').routine", VALUE, "there is no plan", "was asked for"),
    Refusal(PLAN + "algorithm='reference').limit", VALUE, "there is no plan", "the reference computes"),
    Refusal(PLAN + "algorithm='reference').plan", VALUE, "there is no plan", "'reference' was asked for"),
    Refusal("convolve.plan((0, 3, 8, 9), (4, 3, 3, 3)).plan", VALUE, "no plan", "nothing to sum up"),
    # -- gradients
    Refusal(PLAN + "operation='input_grad', bias=True)", VALUE, "neither bias nor activation", "leave them"),
    Refusal(
        PLAN + "operation='weight_grad', activation='relu')", VALUE, "neither bias nor", "leave them out"
    ),
    Refusal(
        PLAN + "operation='weight_grad', output_padding=1)",
        TYPE,
        "no option 'output_padding'",
        "its options are",
    ),
    Refusal(PLAN + "operation='weight_grad').bind(weights)", VALUE, "no weight to bind", "planned(input"),
    # -- bind
    Refusal(
        "planned.bind(weights[..., :2])",
        SHAPE,
        "weight must have the shape planned, (4, 3, 3, 3)",
        "got (4, 3, 3, 2)",
        "another plan",
    ),
    Refusal("planned.bind(weights[0, 0])", SHAPE, "shape planned, (4, 3, 3, 3)", "got (3, 3)"),
    Refusal(
        "planned.bind(np.ones((4, 3, 3, 3)))",
        DTYPE,
        "weight must have the dtype planned, float32",
        "got float64",
        ".astype",
    ),
    Refusal("planned.bind(weights.astype(complex))", DTYPE, "planned, float32", "got complex128", ".astype"),
    Refusal("planned.bind('sobel-x')", DTYPE, "weight has dtype <U7", "convolve.filters.get"),
    Refusal("planned.bind(None)", DTYPE, "weight has dtype object", "Python objects"),
    Refusal("planned.bind([[1, 2], [3]])", TYPE, "weight must be something NumPy can view", "list"),
    Refusal("planned.bind(np.ma.masked_array(weights))", TYPE, "weight is a masked array", "weight.filled"),
    Refusal("planned.bind(weights, np.ones(3, f32))", SHAPE, "bias must have one number", "(4,)", "got (3,)"),
    Refusal("planned.bind(weights, np.ones((4, 1), f32))", SHAPE, "bias must have one", "(4, 1)"),
    Refusal("planned.bind(weights, 3.0)", SHAPE, "bias must have", "(4,)", "got ()"),
    Refusal("planned.bind(weights, 'b')", DTYPE, "bias has dtype <U1", "text"),
    Refusal(
        "planned.bind(weights, np.ones(4))",
        DTYPE,
        "result with this bias must have the dtype planned, float32",
        "got float64",
        ".astype",
    ),
    # -- calls of a bound plan, the first and the later ones
    Refusal("bound(x.astype(float))", DTYPE, "input must have the dtype planned, float32", "got float64"),
    Refusal("bound(x.astype(int))", DTYPE, "input must have the dtype planned, float32", "got int64"),
    Refusal("bound(x.astype('f2'))", DTYPE, "dtype planned, float32", "got float16", "another plan"),
    Refusal("bound(x.astype(complex))", DTYPE, "dtype planned, float32", "got complex128"),
    Refusal("bound(x[:, :2])", SHAPE, "2 channels", "expects 3", "(1, 2, 8, 9)"),
    Refusal("bound(x[0, 0])", SHAPE, "input must have shape (batch, channels,", "(8, 9)", "newaxis"),
    Refusal("bound(x[..., :2, :])", SHAPE, "output size must be at least 1", "height", "2 + 0 + 0"),
    Refusal("bound(None)", DTYPE, "input has dtype object", "Python objects"),
    Refusal("bound('x')", DTYPE, "input has dtype <U1", "text"),
    Refusal("bound(x, out=np.empty((1, 4, 6, 8), f32))", SHAPE, "out must have", "(1, 4, 6, 7)", "6, 8)"),
    Refusal("bound(x, out=np.empty((1, 4, 6, 7)))", DTYPE, "out must have", "float32", "got float64"),
    Refusal("bound(x, out=np.broadcast_to(f32(0), (1, 4, 6, 7)))", VALUE, "out must be writable", "copy"),
    Refusal("bound(x, out=[[0]])", TYPE, "out must be a numpy.ndarray", "got list"),
    Refusal("bound(x, out=np.ma.masked_array(np.empty((1, 4, 6, 7), f32)))", TYPE, "out is a", "out.data"),
    Refusal(
        "bound(x, out=np.lib.stride_tricks.as_strided(np.zeros(42, f32), (1, 4, 6, 7), (0, 0, 28, 4)))",
        VALUE,
        "out must have a cell of memory for every number",
        "(0, 0, 28, 4)",
        "numpy.empty",
    ),
    Refusal("planned(x, weights, np.ones(3, f32))", SHAPE, "bias must have one number", "got (3,)"),
    Refusal("planned(x[:, :1], weights)", SHAPE, "1 channels", "expects 3"),
    # -- threads
    Refusal("convolve.set_num_threads(0)", VALUE, "threads must be from 1 to 1024", "got 0"),
    Refusal("convolve.set_num_threads(-2)", VALUE, "threads must be from 1 to 1024", "got -2"),
    Refusal("convolve.set_num_threads(1025)", VALUE, "threads must be from 1 to 1024", "got 1025"),
    Refusal("convolve.set_num_threads('2')", TYPE, "threads must be a whole number", "'2', a str"),
    Refusal("convolve.set_num_threads(1.0)", TYPE, "threads must be a whole number", "1.0, a float"),
    Refusal("convolve.set_num_threads(True)", TYPE, "threads must be a whole number", "True, a bool"),
    Refusal("convolve.set_num_threads(None)", TYPE, "threads must be a whole number", "None"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_refused(refusal: Refusal) -> None:
    check(refusal)


@pytest.mark.parametrize("refusal", [one for one in REFUSALS if one.call.startswith("bound(")], ids=str)
def test_refused_after_a_call_that_was_right(refusal: Refusal) -> None:
    """The hot call remembers kinds of input; it must not take a wrong one for them."""
    right = DATA["bound"](DATA["x"])
    assert (DATA["bound"](DATA["x"], out=np.empty_like(right)) == 27).all()
    check(refusal)
    assert (DATA["bound"](DATA["x"]) == 27).all()


@pytest.mark.parametrize("activation", ["none", "relu"])
def test_an_out_that_overlaps_is_right(activation: Any) -> None:
    memory = np.arange(200, dtype=F32)
    image, out = memory[:100].reshape(1, 1, 10, 10), memory[20:84].reshape(1, 1, 8, 8)
    weight = np.ones((1, 1, 3, 3), F32)
    expected = convolve.conv2d(image.copy(), weight, algorithm="reference")
    bound = convolve.plan(image.shape, weight.shape, activation=activation).bind(weight)
    assert bound(image, out=out) is out
    assert np.array_equal(out, expected)


def test_a_plan_of_bare_shapes_is_bound_to_a_bare_weight() -> None:
    bound = convolve.plan((8, 9), (3, 3)).bind([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    image = np.arange(72, dtype=F32).reshape(8, 9)
    assert np.array_equal(bound(image), image[1:-1, 1:-1])


def test_a_weight_of_another_dtype_is_bound_as_planned() -> None:
    bound = convolve.plan((1, 3, 8, 9), (4, 3, 3, 3), weight_dtype="int8").bind(
        np.ones((4, 3, 3, 3), np.int8)
    )
    result = bound(DATA["x"])
    assert result.dtype == F32
    assert (result == 27).all()


# -- the environment -------------------------------------------------------------------------------------

CALL = """
import numpy as np, convolve
print(convolve.conv2d(np.ones((1, 3, 8, 8), "f4"), np.ones((4, 3, 3, 3), "f4")).sum())
"""


def called_with(name: str, value: str) -> "subprocess.CompletedProcess[str]":
    """Convolve in a process whose environment holds one more variable."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), name: value}
    return subprocess.run(
        [sys.executable, "-c", CALL], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CONVOLVE_TARGET", "sse9", ["CONVOLVE_TARGET='sse9'", "no such target", "choose one of", "unset"]),
        ("CONVOLVE_TARGET", "", ["CONVOLVE_TARGET=''", "no such target", "choose one of", "unset"]),
        ("CONVOLVE_TARGET", "AVX2", ["CONVOLVE_TARGET='AVX2'", "no such target", "unset"]),
        ("CONVOLVE_NUM_THREADS", "two", ["CONVOLVE_NUM_THREADS must be a whole number", "'two'", "unset"]),
        ("CONVOLVE_NUM_THREADS", "0", ["CONVOLVE_NUM_THREADS must be a whole number from 1", "'0'"]),
    ],
)
def test_a_variable_that_makes_no_sense(name: str, value: str, words: list[str]) -> None:
    done = called_with(name, value)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("convolve.errors.ArgumentError: ")
    assert all(word in last for word in words), last


def test_a_target_of_other_machines() -> None:
    foreign = "avx2" if os.uname().machine in ("aarch64", "arm64") else "neon"
    last = called_with("CONVOLVE_TARGET", foreign).stderr.strip().splitlines()[-1]
    assert f"CONVOLVE_TARGET='{foreign}': this CPU cannot run it; choose one of " in last


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/below", "/proc/nowhere"])
def test_a_cache_directory_that_cannot_be_costs_one_warning(place: str) -> None:
    done = called_with("CONVOLVE_CACHE_DIR", place)
    assert done.returncode == 0
    assert done.stdout == "3888.0\n"
    assert done.stderr.count("CacheWarning: convolve keeps no compiled code") == 1
    assert place in done.stderr
    assert "set CONVOLVE_CACHE_DIR to a directory of your own" in done.stderr


# -- the command line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument 'INPUT'"),
        (("1x3x8x8",), "Missing argument 'WEIGHT'"),
        (("1x3x8x8", "4x3x3x3", "more"), "unexpected extra argument (more)"),
        (("1x3x8x8", "4x3x3x3", "-s", "x"), "'--stride': 'x' must be a whole number"),
        (("1x3x8x8", "4x3x3x3", "--padding", "1:"), "'--padding': '1:' must be a name"),
        (("1x3x8x8", "4x3x3x3", "--layout", "nhwc"), "'--layout': 'nhwc' is not one of"),
        (("1x3x8x8", "4x3x3x3", "--activation", "gelu"), "'--activation': 'gelu' is not one of"),
        (("1x3x8x8", "4x3x3x3", "-t", "two"), "'--threads': 'two' is not a valid integer"),
        (("1x3x8x8", "4x3x3x3", "--groups", "1.5"), "'--groups': '1.5' is not a valid integer"),
        (("1x3x8x8", "4x3x3x3", "--unknown"), "No such option '--unknown'"),
        (("1x1x1x1x1x1", "3"), "'1x1x1x1x1x1' must be the shape of an array"),
    ],
)
def test_a_command_line_that_cannot_be_read(arguments: tuple[str, ...], words: str) -> None:
    done = command_line("plan", *arguments)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in said
    assert "Try 'convolve plan --help'" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1x3x8x8", "4x3x3x3", "-s", "0"), "stride must be at least 1, got 0"),
        (("1x3x8x8", "4x3x3x3", "-s", "1,2,3"), "stride=(1, 2, 3) has 3 numbers"),
        (("1x3x8x8", "4x3x3x3", "--padding=-1"), "padding must be at least 0, got -1"),
        (("1x3x8x8", "4x3x3x3", "-g", "2"), "expects 6 (3 per group × 2 groups)"),
        (("1x3x8x8", "4x3x3x3", "--padding-mode", "wrap"), "got 'wrap'; use 'circular'"),
        (("9", "4x3x3x3"), "it has 1 dimensions: (9,)"),
        (("99999999999x9999999999x9x9", "4x3x3x3"), "input_shape must stay below"),
    ],
)
def test_a_command_line_that_makes_no_sense(arguments: tuple[str, ...], words: str) -> None:
    done = command_line("plan", *arguments)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (1, b"")
    assert words in said
    assert len(said.splitlines()) == 1
