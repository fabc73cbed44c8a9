"""Volumes with numbers that no network can use are refused in words, never labelled as if all were well."""

from pathlib import Path

import numpy as np
import pytest

from convolve import files, medical, nn
from convolve.errors import ArgumentError, DTypeError
from convolve.files import Picture
from convolve.medical import Preparation
from convolve.medical.pairs import read_pairs
from tests.cli.process import inside
from tests.peers import peer


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_are_counted_and_found(bad: float) -> None:
    volume = np.ones((3, 8, 8))
    volume[1, 2, 3] = volume[2, 0, 0] = bad
    with pytest.raises(ArgumentError, match=r"2 of its 192 numbers are not, the first.*\(1, 2, 3\)"):
        medical.segment(volume, medical.unet(width=4))


def test_complex_volumes_and_texts_are_refused() -> None:
    for volume in (np.ones((3, 8, 8), np.complex64), np.full((3, 8, 8), "a")):
        with pytest.raises(DTypeError, match="must hold"):
            medical.segment(volume, medical.unet(width=4))


def test_scale_and_offset_do_not_matter() -> None:
    volume = medical.phantom((8, 16, 16)).image.astype(np.float64)
    for factor in (1e-9, 1e30):
        assert Preparation()(volume * factor) == pytest.approx(Preparation()(volume), abs=1e-5)


def test_answers_that_are_not_finite_are_no_labels() -> None:
    network = medical.unet(width=4)
    broken = {
        name: np.full_like(array, np.nan)
        for name, array in network.graph.constants.items()
        if array.dtype.kind == "f"
    }
    graph = network.graph
    spoilt = nn.Network(
        type(graph)(graph.inputs, graph.nodes, {**graph.constants, **broken}, graph.outputs, graph.fixed)
    )
    with pytest.raises(ArgumentError, match="answers must be finite"):
        medical.segment(np.zeros((2, 8, 8)), spoilt)


def test_the_command_line_refuses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer("safetensors")
    monkeypatch.chdir(tmp_path)
    medical.Segmenter(medical.unet(width=4), medical.LABELS).save("unet.safetensors")
    volume = np.zeros((3, 8, 8), np.float32)
    volume[0, 1, 2] = np.nan
    for name, array in (("nan.tif", volume), ("complex.npy", volume.astype(np.complex64))):
        files.write(name, Picture(array, "ZYX"))
        done = inside("segment", "run", "unet.safetensors", name, "-o", "labels.tif")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert not Path("labels.tif").exists()
        Path("pairs").mkdir(exist_ok=True)
        suffix = Path(name).suffix
        files.write(f"pairs/a_image{suffix}", Picture(array, "ZYX"))
        files.write(f"pairs/a_label{suffix}", Picture(np.zeros((3, 8, 8), np.uint8), "ZYX"))
        with pytest.raises((ArgumentError, DTypeError), match="a_image"):
            read_pairs(Path("pairs"))
        Path(f"pairs/a_image{suffix}").unlink()
