"""`convolve plan`: the decision in words, the code in its stages, refusals without a traceback."""

import pytest

from tests.cli.process import convolve


def test_a_plan_names_method_tile_limit_and_time() -> None:
    done = convolve("plan", "1x64x56x56", "64x64x3x3", "--padding", "1", "--threads", "1")
    assert done.returncode == 0
    lines = dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines())
    assert lines["method"] == "winograd"
    assert lines["saves"].startswith("36 multiplications instead of 144")
    assert "for the direct sum" in lines["limit"]
    assert lines["flops"] == "231,211,008"
    assert {"reason", "tile", "block", "bytes", "limit", "expected"} <= set(lines)
    assert "1 thread" in lines["target"]


def test_the_direct_sum_is_planned_where_accuracy_asks_for_it() -> None:
    done = convolve("plan", "1x64x56x56", "64x64x3x3", "--padding", "1", "--accuracy", "strict")
    assert "contract" in done.stdout.decode().splitlines()[0]


@pytest.mark.parametrize(
    ("stage", "words"), [("--nest", "share (n0"), ("--ir", "define void @"), ("--assembly", "pack:")]
)
def test_stages(stage: str, words: str) -> None:
    done = convolve("plan", "1x3x16x16", "8x3x3x3", stage)
    assert done.returncode == 0
    assert words in done.stdout.decode()


def test_what_is_converted_is_said() -> None:
    done = convolve("plan", "1x3x16x16", "8x3x3x3", "--dtype", ">f4")
    assert done.returncode == 0
    assert done.stdout.decode().startswith("method")
    assert "also     the input's byte order is turned round" in done.stdout.decode()


def test_dtypes_bias_and_rules_are_those_of_the_plan() -> None:
    photograph = ("plan", "1x3x16x16", "8x3x3x3", "--dtype", "uint8")
    said = [
        convolve(*photograph, *more).stdout.decode()
        for more in (
            ("--weight-dtype", "float32", "--bias", "--flip"),
            ("--weight-dtype", "int16", "--out-dtype", "uint8", "--overflow", "saturate"),
            ("--weight-dtype", "int64", "--out-dtype", "float16"),
            ("--weight-dtype", "float32", "--nan", "ignore"),
        )
    ]
    assert all(text.startswith("method") for text in said)
    assert "also" not in said[0] + said[1] + said[3]
    assert "also     results are made float16 in a pass of their own" in said[2]
    floats = convolve("plan", "1x3x16x16", "8x3x3x3", "--nan", "ignore").stdout.decode()
    assert "also     if there is a NaN, strips with NaN are computed once more" in floats


def test_where_there_is_nothing_to_plan_it_is_said() -> None:
    done = convolve("plan", "1x0x16x16", "8x0x3x3")
    assert done.returncode == 1
    assert "there is nothing to sum up: every result is the bias" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1x3x16x16", "8x4x3x3"), "3 channels but the weight expects 4"),
        (("1x3x16x16", "8x3x33x3"), "output size must be at least 1"),
        (("1x3xbig", "8x3x3x3"), "must be the shape of an array"),
        (("1x3x16x16", "8x3x3x3", "--dtype", "nonsense"), "dtype must be a dtype"),
        (("1x3x16x16", "8x3x3x3", "--weight-dtype", "nonsense"), "weight_dtype must be a dtype"),
        (("1x3x16x16", "8x3x3x3", "--out-dtype", "nonsense"), "out_dtype must be a dtype"),
        (("1x3x16x16", "8x3x3x3", "--overflow", "clip"), "'clip' is not one of"),
        (("1x3x16x16", "8x3x3x3", "--nan", "zero"), "'zero' is not one of"),
        (("1x3x16x16", "8x3x3x3", "--operation", "input_grad", "--bias"), "neither bias nor activation"),
        (("1x3x16x16", "8x3x3x3", "--threads", "0"), "threads"),
    ],
)
def test_refusals(arguments: tuple[str, ...], words: str) -> None:
    done = convolve("plan", *arguments)
    assert done.returncode != 0
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
