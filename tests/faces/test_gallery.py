"""Galleries: who is most similar, what they are not used with, and damaged files."""

import random as python_random
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from convolve import faces, nn
from convolve.errors import (
    ArgumentError,
    ConvolveError,
    FileExistsRefusal,
    FileFormatError,
    FileMissingError,
    ShapeError,
)
from tests import seeds
from tests.files.test_hostile import mutated

MUTANTS, SECONDS, GIGABYTE = 200, 5.0, 1 << 20


def embedder(seed: int = 0) -> faces.Embedder:
    """Return an embedder that has learned nothing."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), input_shape=(1, 8, 8), seed=seed)
    return faces.Embedder(network, threshold=faces.Threshold(0.4, "measured somewhere"))


def gallery() -> faces.Gallery:
    """Return a gallery of two people."""
    ada = faces.Gallery.of("Ada", [[1, 0, 0, 0], [0, 1, 0, 0]], embedder())
    return ada.enrolled("Bob", [[0, 0, 0.6, 0.8]])


def test_similarities_are_means_over_pictures() -> None:
    assert gallery().ranked([0.6, 0.8, 0, 0]) == [("Ada", 0.7), ("Bob", 0.0)]
    assert gallery().people == ("Ada", "Bob")
    assert gallery().without("Ada").names == ("Bob",)
    with pytest.raises(ShapeError, match="must have 4 numbers"):
        gallery().ranked([1, 0])


def test_a_picture_is_enrolled_once() -> None:
    with pytest.raises(ArgumentError, match="number 2 of these is in the gallery, as 'Bob'"):
        gallery().enrolled("Ada", [[0, 0, 1, 0], [0, 0, 0.6, 0.8]])


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "team.safetensors"
    gallery().save(path)
    again = faces.Gallery.load(path)
    np.testing.assert_array_equal(again.embeddings, gallery().embeddings)
    assert again.names == ("Ada", "Ada", "Bob") and again.threshold == gallery().threshold
    with pytest.raises(FileExistsRefusal):
        gallery().save(path)
    assert b"pickle" not in path.read_bytes() and list(tmp_path.iterdir()) == [path]


def test_another_embedder_or_detector_is_refused() -> None:
    gallery().check(embedder(), "")
    with pytest.raises(ArgumentError, match="must be used with the embedder that made it"):
        gallery().check(embedder(seed=1), "")
    with pytest.raises(ArgumentError, match=r"another --size, --mean, --std or --margin makes another one"):
        gallery().check(embedder(seed=1), "")
    with pytest.raises(
        ArgumentError, match="nowhere, pictures being taken whole; here they are found by the detector 0123"
    ):
        gallery().check(embedder(), "0123456789abcdef")


def test_what_is_no_gallery(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match="there is no"):
        faces.Gallery.load(tmp_path / "nothing.safetensors")
    embedder().save(tmp_path / "embedder.safetensors")
    with pytest.raises(FileFormatError, match="no gallery"):
        faces.Gallery.load(tmp_path / "embedder.safetensors")
    with pytest.raises(ArgumentError, match="length 1"):
        gallery().enrolled("Eve", [[2, 0, 0, 0]])
    with pytest.raises(ArgumentError, match="is the last one"):
        gallery().without("Ada").without("Bob")
    with pytest.raises(ArgumentError, match="must be in the gallery, which knows Ada, Bob"):
        gallery().without("Eve")
    for name in ("", "  ", "a\nb", "\x1b[31m", "x" * 201):
        with pytest.raises(ArgumentError, match="a name must be"):
            gallery().enrolled(name, [[1, 0, 0, 0]])


def test_mutated_files(tmp_path: Path) -> None:
    path = tmp_path / "team.safetensors"
    gallery().save(path)
    data, draw = path.read_bytes(), python_random.Random(f"{seeds.seed()} gallery")
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTANTS):
        path.write_bytes(mutated(data, draw))
        start = time.perf_counter()
        try:
            assert len(faces.Gallery.load(path).names) > 0
        except ConvolveError as error:
            refused += 1
            assert len(str(error)) > 20
        assert time.perf_counter() - start < SECONDS, f"mutant {number}, seed {seeds.seed()}"
    assert refused > MUTANTS // 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE
