"""Large workspaces are kept up to a number of bytes in all, and those used longest ago go first."""

from types import SimpleNamespace
from typing import Any

import pytest

from convolve.runtime import execution


class Owner(SimpleNamespace):
    """What the store asks of an execution: its size, and who it is."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_kept_and_taken_again() -> None:
    store: Any = execution._Large()
    one, other = Owner(packed_bytes=10), Owner(packed_bytes=10)
    store.keep(one, "first")
    store.keep(one, "second")
    assert store.take(other) is None
    assert {store.take(one), store.take(one)} == {"first", "second"}
    assert store.take(one) is None


def test_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "MOST_LARGE_BYTES", 30)
    store: Any = execution._Large()
    owners = [Owner(packed_bytes=10) for _ in range(5)]
    for owner in owners[:3]:
        store.keep(owner, "kept")
    store.keep(owners[0], store.take(owners[0]))  # used again
    store.keep(owners[3], "kept")
    store.keep(owners[4], "kept")
    assert [store.take(owner) for owner in owners] == ["kept", None, None, "kept", "kept"]


def test_what_is_too_large_alone_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "MOST_LARGE_BYTES", 30)
    store: Any = execution._Large()
    huge = Owner(packed_bytes=31)
    store.keep(huge, "huge")
    assert store.take(huge) is None
    small = Owner(packed_bytes=30)
    store.keep(small, "small")
    assert store.take(small) == "small"
