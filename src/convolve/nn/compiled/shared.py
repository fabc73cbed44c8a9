"""What all sizes of a network share: packed weights, and runners that wait for the next call."""

from collections import OrderedDict
from collections.abc import Hashable, MutableMapping
from weakref import WeakValueDictionary

from convolve.compiler.plan import Code
from convolve.nn.compiled.runner import Runner
from convolve.runtime.execution import Packed
from convolve.runtime.locks import fork_safe_lock

MOST_IDLE = 16
"""Runners that wait: one for each combination of sizes that a caller is likely to come back to."""

MOST_IDLE_BYTES = 512 << 20
"""Their feature maps together; the one used last is kept however large it is (VGG-19 at batch 16: 0.4 GB)."""

_lock = fork_safe_lock()


class Shared:
    """A network's packed weights, kept as long as some runner uses them, and its idle runners."""

    def __init__(self) -> None:
        self._packed: dict[Hashable, MutableMapping[Code, Packed]] = {}
        self._idle: OrderedDict[int, tuple[Hashable, Runner]] = OrderedDict()

    def packed(self, *key: Hashable) -> MutableMapping[Code, Packed]:
        """Return what is kept of one convolution."""
        return self._packed.setdefault(key, WeakValueDictionary())

    def take(self, key: Hashable) -> Runner | None:
        """Return a runner that waits for such a call, the one used last, or None."""
        with _lock:
            for number, (own, runner) in reversed(self._idle.items()):
                if own == key:
                    del self._idle[number]
                    return runner
        return None

    def give(self, key: Hashable, runner: Runner) -> None:
        """Let a runner wait, and drop those that wait for longest if there are too many or too large ones."""
        with _lock:
            self._idle[id(runner)] = (key, runner)
            while len(self._idle) > 1 and (len(self._idle) > MOST_IDLE or self._bytes() > MOST_IDLE_BYTES):
                self._idle.popitem(last=False)

    def _bytes(self) -> int:
        return sum(runner.nbytes for _, runner in self._idle.values())
