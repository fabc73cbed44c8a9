"""What tells one computation from another, the same in every process: a hash of all that it depends on."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from convolve.nn import Network


def digest_of(facts: Any) -> str:
    """Return what tells a computation from others.

    >>> digest_of((1, np.zeros(2))) == digest_of((1, np.zeros(2))) != digest_of((1, np.ones(2)))
    True
    """
    found = hashlib.sha256()
    _add(found, facts)
    return found.hexdigest()


def _add(found: Any, fact: Any) -> None:
    """Add a fact: arrays by their numbers, records by their fields, networks by their graph."""
    if isinstance(fact, np.ndarray):
        found.update(f"{fact.dtype}{fact.shape}".encode() + np.ascontiguousarray(fact).tobytes())
    elif isinstance(fact, Network):
        _add(found, fact.graph)
    elif is_dataclass(fact):
        _add(found, (type(fact).__name__, *(getattr(fact, one.name) for one in fields(fact))))
    elif isinstance(fact, Mapping):
        _add(found, tuple(fact.items()))
    elif isinstance(fact, tuple):
        found.update(f"({len(fact)}".encode())
        for part in fact:
            _add(found, part)
    else:
        found.update(f"{fact!r};".encode())
