"""Without any other library, and without NumPy's own products, the results are the same to the last bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

POISON = """
import sys
for name in ("scipy", "cv2", "torch", "onnxruntime", "onnx", "openvino", "jax"):
    sys.modules[name] = None
import numpy as np

def refused(*arguments, **options):
    raise AssertionError("the engine must not lean on NumPy's products")

for place, names in ((np, ("matmul", "einsum", "tensordot", "dot", "inner", "convolve", "correlate", "vdot")),
                     (np.fft, [name for name in dir(np.fft) if "fft" in name])):
    for name in names:
        setattr(place, name, refused)
"""

PROGRAM = """
import hashlib, json
import numpy as np
import convolve
from convolve.runtime.execution import Workspace

ran = []
for name in ("run", "pack_and_run"):
    def counting(self, *given, original=getattr(Workspace, name)):
        ran.append(1)
        return original(self, *given)
    setattr(Workspace, name, counting)

draw = np.random.default_rng(3)
def new(*shape, dtype="float32"):
    return draw.standard_normal(shape).astype(dtype)

image, weight = new(1, 16, 20, 22), new(24, 16, 3, 3)
results = [
    convolve.conv1d(new(2, 3, 80), new(4, 3, 5), padding=2),
    convolve.conv2d(image, weight, new(24), padding=1),
    convolve.conv2d(new(1, 6, 15, 15, dtype="float64"), new(6, 1, 3, 3, dtype="float64"), groups=6, stride=2),
    convolve.conv3d(new(1, 2, 6, 7, 8), new(3, 2, 3, 3, 3), padding=1, padding_mode="reflect"),
    convolve.apply(new(60, 70), new(7, 7)),
    convolve.apply(new(60, 70, 3), "gaussian:1", channel_axis=-1),
    convolve.plan(image.shape, weight.shape, padding=1).bind(weight)(image),
]
print(json.dumps([len(ran), [hashlib.sha256(one.tobytes()).hexdigest() for one in results]]))
"""


def run(program: str) -> tuple[int, list[str]]:
    """Return how often compiled code ran, and the results' digests."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count, digests = json.loads(done.stdout)
    return count, digests


def test_the_engine_stands_alone() -> None:
    count, digests = run(PROGRAM)
    assert count == 7
    assert len(set(digests)) == 7
    assert run(POISON + PROGRAM) == (count, digests)
