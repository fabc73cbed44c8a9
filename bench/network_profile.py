"""Where a network's time goes, each step timed by itself: ``python -m bench.networks --profile NAME``.

Steps run in order, so that each reads what it would; between two of them stands a return to Python, which a
whole run has not, so short steps look longer here.
"""

import statistics
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from bench.network_contenders import image
from convolve import load, set_num_threads
from convolve.nn.compiled.actions import Call, Convolve, Pool
from convolve.nn.compiled.jobs import Weights
from convolve.nn.compiled.layout import Placed
from convolve.nn.compiled.runner import Runner, _Memory
from convolve.nn.network import Network
from convolve.nn.tensor import Tensor
from convolve.runtime.conv_job import conv_plan
from convolve.runtime.job import Job

ROUNDS = 9


class Watched(Runner):
    """A runner that stops the time of every step."""

    def _steps(self, weights: Weights) -> Iterable[Job | Placed]:
        self.steps = list(super()._steps(weights))
        return self.steps

    def seconds(self, given: dict[str, Any]) -> list[float]:
        """Return the seconds of each step, in order."""
        results = self.run(given)  # held, for the last steps write there again
        memory = _Memory(self._layout, self._memory, {**given, **(results or {})})
        times = []
        for step in self.steps:
            begun = time.perf_counter()
            self._do(step, memory)
            times.append(time.perf_counter() - begun)
        return times


def steps(network: Network, x: Any) -> tuple[float, list[tuple[Placed, float]]]:
    """Return the seconds of a whole run, and each step with its own: medians."""
    (one,) = network.inputs
    given = {one.name: x}
    compiled = network._program({one.name: Tensor(x.dtype, x.shape)}, network.outputs)
    layout, packed = compiled.layout(), compiled._shared.packed
    runner = Watched(layout, partial(packed, "default"))
    whole, each = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        network(x)
        whole.append(time.perf_counter() - begun)
        each.append(runner.seconds(given))
    medians = map(statistics.median, zip(*each, strict=True))
    return statistics.median(whole), list(zip(layout.placed, medians, strict=True))


def table(path: Path, batch: int, threads: int) -> str:
    """Return a line for each step: its layers, how it is done, milliseconds, its share, and its rate."""
    set_num_threads(threads)
    whole, found = steps(load(path), image(batch))
    total = sum(seconds for _, seconds in found)
    lines = [f"{path.stem}, batch {batch}, threads {threads}", f"{'ms':>9}{'%':>7}{'GFLOP/s':>9}  step"]
    for placed, seconds in found:
        flops, words = described(placed)
        rate = f"{flops / seconds / 1e9:9.1f}" if flops else " " * 9
        lines.append(f"{1e3 * seconds:9.3f}{100 * seconds / total:7.1f}{rate}  {words}")
    lines.append(f"{1e3 * total:9.3f}  all steps one by one; {1e3 * whole:.3f} in one run")
    return "\n".join(lines)


def described(placed: Placed) -> tuple[float, str]:
    """Return a step's floating-point operations, if it is a convolution, and what it is in words."""
    action = placed.action
    if isinstance(action, Call):
        return 0.0, f"NumPy: {action.step.node.name} ({action.step.node.operation})"
    names = " + ".join(f"{node.name} ({node.operation})" for node in action.nodes) or "copy"
    if isinstance(action, Convolve):
        x, *added, out = (place.stand_in() for place in placed.places)
        plan = conv_plan(action.spec, (x, out), action.activation, added[0] if added else None)
        return plan.flops, f"{plan.code.method}: {names}"
    return 0.0, f"{'pooling' if isinstance(action, Pool) else 'pass'}: {names}"
