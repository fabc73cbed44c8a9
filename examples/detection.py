"""Where are the digits? A single-shot detector from nothing: trained, scored, exported, and drawn.

``python examples/detection.py`` makes 8,000 scenes of handwritten digits on photographs, trains a small fully
convolutional detector on them, scores it by COCO's rules on scenes of digits and photographs that it has not
seen, exports it to ONNX, and compares with ONNX Runtime. With ``--picture FILE`` what it finds is drawn: in
six held-out scenes, and in one photograph that is much larger than any scene.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from convolve import detection, nn
from convolve.detection import Detector, Found, Scenes
from convolve.files import Picture, write

FRAME = (96, 96)


def trained(quick: bool) -> Detector:
    """Return a detector."""
    start = time.perf_counter()
    scenes = detection.digit_scenes(300 if quick else 8000, "train", FRAME)
    done = detection.train(scenes, FRAME, epochs=3 if quick else 6)
    print(
        f"{len(scenes)} scenes with {scenes.boxes} digits learned from in {time.perf_counter() - start:.0f} s"
    )
    return done.detector


def same_in_onnx_runtime(detector: Detector, scenes: Scenes) -> float:
    """Return the largest difference of what ONNX Runtime makes of the exported file, in pixels or scores."""
    import onnxruntime

    images = np.stack([np.moveaxis(one.source.array, 2, 0) for one in scenes.scenes[:8]])
    cells = images / np.float32(255)
    with tempfile.TemporaryDirectory() as folder:
        detector.save(Path(folder) / "digits.onnx")
        session = onnxruntime.InferenceSession(str(Path(folder) / "digits.onnx"))
        (theirs,) = session.run(None, {"input": cells})
    return float(np.abs(theirs - detector.network(cells)).max())


def boxed(detector: Detector, picture: Any, size: tuple[int, int] = FRAME) -> Any:
    """Return a picture with what is found in it, three times as large."""
    at = Detector(
        detector.network,
        detector.classes,
        nn.Preprocessing(size),
        detector.reading,
    )
    found: Found = at(picture)
    names = [detector.name(int(label)) for label in found.labels]
    return detection.drawn(picture, found, names, shortest=3 * size[0]).array


def draw(detector: Detector, scenes: Scenes, path: Path) -> None:
    """Draw six scenes, and a large one beside them."""
    small = [boxed(detector, one.source) for one in scenes.scenes[:6]]
    columns = [np.concatenate(small[k : k + 3]) for k in (0, 3)]
    large = detection.digit_scenes(1, "held-out", (288, 288), seed=4, digits=(24, 28)).scenes[0]
    whole = np.concatenate([*columns, boxed(detector, large.source, (288, 288))], axis=1)
    write(path, Picture(whole, "YXC"), force=True)


def report(quick: bool = False, picture: Path | None = None) -> dict[str, float]:
    """Print the scores, draw the picture, and return both figures and the difference in ONNX Runtime."""
    detector = trained(quick)
    held_out = detection.digit_scenes(40 if quick else 300, "held-out", FRAME)
    scores = detection.score(held_out, detection.detected(detector, held_out))
    print(scores)
    difference = same_in_onnx_runtime(detector, held_out)
    print(f"ONNX Runtime's boxes and scores differ by {difference:.1g} at most")
    if picture is not None:
        draw(detector, held_out, picture)
    return {"ap": scores.ap or 0.0, "ap50": scores.ap50 or 0.0, "difference": difference}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few scenes, few epochs")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where results are drawn (PNG)")
    given = parser.parse_args()
    report(given.quick, given.picture)


if __name__ == "__main__":
    main()
