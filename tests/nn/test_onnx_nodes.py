"""Every node case of ONNX whose operations we have: loaded as a file would be, run, compared."""

import numpy as np
import pytest

from convolve.errors import ConvolveError
from convolve.nn.onnx.reading import network_of
from tests.nn.node_cases import CORE, NAMES, as_arrays, node_cases, refusal

COUNT, CORE_ALONE, WITH_CORE = 1360, 134, 166
"""Cases that run; those of one node that is convolution, pooling, padding or resizing (all that onnx has of
these operations); those with such a node."""


def test_the_cases_are_those_that_were_looked_at() -> None:
    cases = node_cases()
    assert sorted(NAMES) == sorted(name for name in cases if refusal(name) is None)
    assert len(NAMES) == len(set(NAMES)) == COUNT
    kinds = [{node.op_type for node in cases[name].model.graph.node} for name in NAMES]
    with_core = [kind for kind in kinds if kind & set(CORE)]
    assert len(with_core) == WITH_CORE >= 150
    alone = [name for name in NAMES if len(cases[name].model.graph.node) == 1]
    assert sum(cases[name].model.graph.node[0].op_type in CORE for name in alone) == CORE_ALONE


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
