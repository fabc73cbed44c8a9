"""Locks that are nobody's when a process forks: what they guard is whole in the child."""

import os
import threading
from typing import Any


def fork_safe_lock() -> Any:
    """Return a lock that a fork waits for: the child never finds it held by a thread that is not there."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
