"""The JSON: valid under the shipped schema, and the same numbers as the steps."""

import json
from importlib import resources
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.errors import ArgumentError
from tests.explain.examples import EDGE, G_FILTER, F, G
from tests.peers import peer

CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "lesson": (F, EDGE, {}),
    "many options": (
        G,
        G_FILTER,
        {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (2, 1), "flip": True},
    ),
    "transposed": (G, G_FILTER, {"transposed": True, "stride": 2, "padding": "same"}),
    "line": (np.arange(4.0), np.array([0.5, -1]), {"padding": 1, "padding_mode": "reflect"}),
    "volume": (np.ones((2, 2, 2)), np.ones((1, 2, 1)), {}),
    "colour": (np.ones((2, 3, 3)), np.ones((2, 1, 2, 2)), {"groups": 2, "bias": [1, 2]}),
    "special": (
        np.array([[np.nan, np.inf, 1e300]]),
        np.array([[1.0, -np.inf]]),
        {"padding_mode": -np.inf, "padding": 1},
    ),
    "large": (np.array([[2**60, 1]]), np.array([[3]]), {}),
    "complex": (np.array([[1 + 2j, -1e-9j]]), np.array([[1j]]), {}),
}


def schema() -> Any:
    return json.loads(
        resources.files("convolve.explain").joinpath("explanation.schema.json").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(("image", "kernel", "options"), CASES.values(), ids=CASES)
def test_valid_under_the_schema(image: Any, kernel: Any, options: dict[str, Any]) -> None:
    jsonschema = peer("jsonschema")
    data = json.loads(convolve.explain(image, kernel, **options).to_json())
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(data)


@pytest.mark.parametrize(
    ("path", "value"),
    [("version", 2), ("operation", "pool"), ("total_steps", "9"), ("bias", 3), ("steps", [{}]), ("extra", 1)],
)
def test_the_schema_refuses(path: str, value: Any) -> None:
    jsonschema = peer("jsonschema")
    data = json.loads(convolve.explain(F, EDGE).to_json()) | {path: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(data)


def test_the_lesson_in_full() -> None:
    data = json.loads(convolve.explain(F, EDGE).to_json())
    assert data["output"] == {"shape": [1, 3, 3], "values": [[[0, 30, 30]] * 3]}
    assert data["input"]["shape"] == [1, 5, 5]
    assert data["total_steps"] == 9
    assert data["steps"][1] == {
        "index": [0, 0, 1],
        "channels": [0, 1],
        "reads": [[0, 1, 2], [1, 2, 3]],
        "window": [[[10, 10, 0]] * 3],
        "weights": [[[1, 0, -1]] * 3],
        "products": [[[10, 0, 0]] * 3],
        "sums": [30],
        "bias": None,
        "total": 30,
    }


def test_borders_read_null_and_show_their_number_holes_are_null() -> None:
    border = json.loads(convolve.explain([[1]], [[1, 1]], padding=((0, 0), (1, 0))).to_json())["steps"][0]
    assert (border["reads"], border["window"], border["products"]) == (
        [[0], [None, 0]],
        [[[0, 1]]],
        [[[0, 1]]],
    )
    hole = json.loads(convolve.explain([[1]], [[1, 2]], transposed=True).to_json())["steps"][0]
    assert (hole["reads"], hole["window"], hole["weights"]) == ([[0], [None, 0]], [[[None, 1]]], [[[2, 1]]])


def test_numbers_that_json_lacks_are_strings() -> None:
    special = json.loads(convolve.explain([[np.nan, np.inf, -np.inf]], [[1.0]]).to_json())
    assert special["input"]["values"] == [[["NaN", "Infinity", "-Infinity"]]]
    large = json.loads(convolve.explain(np.array([[2**60]]), np.array([[1]])).to_json())
    assert large["steps"][0]["total"] == str(2**60)


def test_too_large_is_refused_in_words() -> None:
    explanation = convolve.explain(np.zeros((100, 100)), EDGE)
    with pytest.raises(ArgumentError, match=r"at most 8192 input cells.*choose one pixel.*crop the image"):
        explanation.to_json()
