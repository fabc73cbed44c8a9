"""The refusals counted: each call once, and never fewer than there were."""

from tests.errors import (
    test_apply_and_explain,
    test_arrays,
    test_options,
    test_planning,
    test_pooling,
    test_shapes,
    test_sizes_and_names,
    test_transposed_and_gradients,
)

TABLES = (
    test_apply_and_explain,
    test_arrays,
    test_options,
    test_planning,
    test_pooling,
    test_shapes,
    test_sizes_and_names,
    test_transposed_and_gradients,
)


def test_there_are_enough_of_them_and_none_twice() -> None:
    calls = [refusal.call for table in TABLES for refusal in table.REFUSALS]
    assert len(calls) == len(set(calls))
    assert len(calls) >= 280
