"""Every node case of ONNX whose operations we have: loaded as a file would be, run, compared."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convolve.errors import ConvolveError
from convolve.nn.onnx.reading import network_of
from tests.nn.core_cases import LIST, found, text, totals
from tests.nn.node_cases import NAMES, all_cases, as_arrays, node_cases, refusal

COUNT = 1360
"""Cases that run; the others have operations or dtypes that are not read."""

CASES = {"": 1858, "ai.onnx.preview": 11, "ai.onnx.preview.training": 7}
"""Cases that onnx 1.23.2 generates, by the domain of their nodes; "" is ai.onnx, and all that run are its."""


def test_the_cases_are_those_that_were_looked_at() -> None:
    assert sorted(NAMES) == sorted(name for name in node_cases() if refusal(name) is None)
    assert len(NAMES) == len(set(NAMES)) == COUNT


def test_the_cases_of_each_domain_are_as_many_as_the_documentation_says() -> None:
    domains = {name: {node.domain for node in case.model.graph.node} for name, case in all_cases().items()}
    assert Counter(domain for found in domains.values() for domain in found) == CASES
    assert all(domains[name] == {""} for name in NAMES)
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    assert f"{COUNT:,} of the {CASES['']:,} node cases of the domain ai.onnx" in " ".join(page.split())


def test_every_case_of_the_core_that_the_wheel_holds_is_listed_and_runs() -> None:
    assert LIST.read_text(encoding="utf-8") == text(), "python -m tests.nn.core_cases prints it anew"
    cases = found()
    listed = {name for (_, kind), names in cases.items() for name in names if kind != "converted"}
    assert listed <= set(NAMES)
    counts = totals(cases)
    assert counts["node"] + counts["expanded"] >= 150


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    case = node_cases()[name]
    network = network_of(case.model)
    compared = 0
    for inputs, outputs in case.data_sets:
        found = network(*as_arrays(inputs))
        results = found if isinstance(found, tuple) else (found,)
        for ours, theirs in zip(results, as_arrays(outputs), strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            if ours.dtype.kind == "V" or "float" in ours.dtype.name:
                ours, theirs = (one.astype(np.float64) for one in (ours, theirs))
            np.testing.assert_allclose(ours, theirs, rtol=case.rtol, atol=case.atol)
            compared += 1
    assert compared


@pytest.mark.parametrize("name", [name for name in node_cases() if refusal(name)])
def test_refused_case(name: str) -> None:
    case = node_cases()[name]
    with pytest.raises(ConvolveError, match=refusal(name)):
        network_of(case.model)(*(np.asarray(one) for one in case.data_sets[0][0]))
