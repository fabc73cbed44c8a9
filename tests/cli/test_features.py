"""`convolve blobs`, `match` and `vessels`: tables, drawings, volumes with units, and what they refuse."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from convolve import features, files
from convolve.cli import main
from convolve.files import Picture
from tests.features.test_blobs import ball
from tests.peers import peer


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def rows(text: str) -> list[dict[str, float]]:
    return [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def discs() -> Any:
    image = 150 * ball((60, 80), (20, 25), 6) + 100 * ball((60, 80), (40, 60), 6)
    return np.rint(image + 20).astype(np.uint8)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    files.write(tmp_path / "discs.png", Picture(discs(), "YX"))
    return tmp_path / "discs.png"


def test_blobs_as_a_table_on_standard_output_and_in_files(picture: Path, tmp_path: Path) -> None:
    done = run("blobs", picture, "-r", "5:7")
    assert done.exit_code == 0, done.stderr
    found = rows(done.stdout)
    assert [(round(row["y"]), round(row["x"])) for row in found] == [(20, 25), (40, 60)]
    assert found[0]["radius"] == pytest.approx(6, abs=0.3)
    assert found[0]["contrast"] == pytest.approx(150, rel=0.03)
    assert done.stderr == "2 found\n"
    assert run("blobs", picture, "-r", "5:7", "-o", tmp_path / "b.csv").stdout == ""
    assert (tmp_path / "b.csv").read_text() == done.stdout
    assert run("blobs", picture, "-r", "5:7", "-t", "120", "-o", tmp_path / "b.json").exit_code == 0
    told = json.loads((tmp_path / "b.json").read_text())
    assert told["unit"] == "cells" and told["axes"] == "YX" and len(told["found"]) == 1
    assert told["found"][0]["x"] == pytest.approx(25, abs=0.1)
    nothing = run("blobs", picture, "-r", "5:7", "--dark", "-t", "100")
    assert nothing.stdout == "y,x,radius,contrast\n" and "0 found; try a lower --threshold" in nothing.stderr


def test_blobs_are_drawn(picture: Path, tmp_path: Path) -> None:
    assert run("blobs", picture, "-r", "5:7", "-o", tmp_path / "b.png").exit_code == 0
    drawn = files.read(tmp_path / "b.png").array
    assert drawn.shape == (600, 800, 3)
    yellow = (drawn[..., 0] > 200) & (drawn[..., 2] < 80)
    y, x = np.nonzero(yellow[:, :450])
    distance = np.hypot(y - 205, x - 255)  # cells are 10 pixels, and their middles 5 from their edges
    assert distance.min() > 55 and distance.max() < 66 and len(y) > 500
    assert not yellow[:300, 450:].any()


def test_volumes_have_their_units(tmp_path: Path) -> None:
    volume = (200 * ball((16, 60, 60), (8, 30, 25), 4, (1.0, 0.5, 0.5))).astype(np.uint8)
    files.write(tmp_path / "v.tif", Picture(volume, "ZYX", spacing=(1.0, 0.5, 0.5), unit="µm"))
    done = run("blobs", tmp_path / "v.tif", "-r", "3.5:4.5")
    assert "sizes are in µm; a cell is 1 × 0.5 × 0.5 µm" in done.stderr
    (found,) = rows(done.stdout)
    assert [round(found[name]) for name in "zyx"] == [8, 30, 25]
    assert found["radius"] == pytest.approx(4, abs=0.3)
    assert run("blobs", tmp_path / "v.tif", "-r", "3.5:4.5", "-o", tmp_path / "v.png").exit_code == 0
    drawn = files.read(tmp_path / "v.png").array
    assert drawn.shape == (600, 600, 3)
    done = run("vessels", tmp_path / "v.tif", "-s", "1", "-o", tmp_path / "tubes.tif")
    assert done.exit_code == 0, done.stderr
    kept = files.read(tmp_path / "tubes.tif")
    assert (kept.array.dtype, kept.axes, kept.unit) == (np.dtype("float32"), "ZYX", "µm")
    assert kept.spacing == (1.0, 0.5, 0.5)
    expected = features.vesselness(volume, 1.0, spacing=(1.0, 0.5, 0.5))
    np.testing.assert_array_equal(kept.array, expected)
    assert "tif or .npy" in run("vessels", tmp_path / "v.tif", "-o", tmp_path / "tubes.png").stderr


def test_matches_in_colours_through_transparency_and_in_grey(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (50, 60, 3)).astype(np.uint8)
    part = image[10:19, 20:32].copy()
    files.write(tmp_path / "image.png", Picture(image, "YXC"))
    files.write(tmp_path / "part.png", Picture(part, "YXC"))
    done = run("match", tmp_path / "image.png", tmp_path / "part.png")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "y,x,size_y,size_x,score\n10,20,9,12,1\n"
    shape = np.zeros((9, 12, 1), np.uint8)
    shape[2:7, 2:9] = 255
    part[shape[..., 0] == 0] = 99
    hidden = np.concatenate([part, shape], -1)
    files.write(tmp_path / "hidden.png", Picture(hidden, "YXC", alpha=True))
    done = run("match", tmp_path / "image.png", tmp_path / "hidden.png", "-n", "1", "-o", tmp_path / "m.json")
    assert done.exit_code == 0, done.stderr
    assert [json.loads((tmp_path / "m.json").read_text())["found"][0][key] for key in "yx"] == [10, 20]
    grey = np.rint(image[10:19, 20:32] @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    files.write(tmp_path / "grey.png", Picture(grey, "YX"))
    done = run("match", tmp_path / "image.png", tmp_path / "grey.png", "-o", tmp_path / "m.png")
    assert "brightness is compared" in done.stderr and "1 found" in done.stderr
    drawn = files.read(tmp_path / "m.png").array
    assert drawn.shape == (600, 720, 3)


def test_vessels_of_the_retina(tmp_path: Path) -> None:
    source = tmp_path / "retina.png"
    files.write(source, Picture(files.sample("medical").array[100:300, 100:300], "YXC"))
    options = ["--dark", "--channel", "green", "-s", "1.5,3"]
    done = run("vessels", source, *options, "-o", tmp_path / "v.png")
    assert done.exit_code == 0 and "strongest 0." in done.stderr, done.stderr
    green = files.read(source).array[..., 1]
    expected = features.vesselness(green, (1.5, 3), polarity="dark") * 255
    np.testing.assert_array_equal(files.read(tmp_path / "v.png").array, np.rint(expected).astype(np.uint8))
    spoiled = green.astype(np.float32)
    spoiled[50, 50] = np.nan
    np.save(tmp_path / "spoiled.npy", spoiled)
    done = run("vessels", tmp_path / "spoiled.npy", "--dark", "-s", "1.5", "-o", tmp_path / "w.png")
    assert "169 cells lie near NaN or infinity and are black" in done.stderr


def test_colours_count_by_their_brightness(picture: Path, tmp_path: Path) -> None:
    files.write(tmp_path / "rgb.png", Picture(np.repeat(discs()[..., None], 3, -1), "YXC"))
    assert run("blobs", tmp_path / "rgb.png", "-r", "5:7").stdout == run("blobs", picture, "-r", "5:7").stdout


def test_one_page_is_a_picture_and_several_are_refused_with_advice(picture: Path, tmp_path: Path) -> None:
    one, three, disc = (tmp_path / name for name in ("one.tif", "three.tif", "disc.png"))
    peer("tifffile").imwrite(one, discs()[None], photometric="minisblack")
    assert files.read(one).axes == "IYX"
    assert run("blobs", one, "-r", "5:7").stdout == run("blobs", picture, "-r", "5:7").stdout
    first, *others = (Image.fromarray(np.roll(discs(), 5 * number, 1)) for number in range(3))
    first.save(three, save_all=True, append_images=others)
    first.crop((15, 10, 35, 30)).save(disc)
    assert "2 found" in run("match", one, disc, "-t", "0.99").stderr
    for words in (["blobs", three], ["match", three, disc], ["vessels", three, "-o", tmp_path / "v.png"]):
        done = run(*words)
        assert done.exit_code == 1
        assert f"{three} has the axes I, Y, X: (3, 60, 80); write one of them" in done.stderr
        assert "p.array[0], 'YX')" in done.stderr and "planes: files.Picture(p.array, 'ZYX')" in done.stderr
    p = files.read(three)
    for name, array, axes in (("first.tif", p.array[0], "YX"), ("planes.tif", p.array, "ZYX")):
        files.write(tmp_path / name, Picture(array, axes))
        assert run("blobs", tmp_path / name, "-r", "5:7").exit_code == 0


def test_refusals(picture: Path, tmp_path: Path) -> None:
    peer("tifffile")
    film = np.zeros((3, 8, 8), np.uint8)
    files.write(tmp_path / "film.tif", Picture(film, "TYX"))
    files.write(tmp_path / "volume.tif", Picture(film, "ZYX"))
    files.write(tmp_path / "four.tif", Picture(np.zeros((4, 8, 8), np.uint16), "CYX"))
    out = tmp_path / "out.png"
    cases: list[tuple[list[Any], int, str]] = [
        (["blobs", picture, "-o", "finds.npy"], 2, "a picture such as .png, or into .csv"),
        (["blobs", picture, "-o", tmp_path / "four.tif"], 1, "is not overwritten unasked; pass --force"),
        (["blobs", picture, "-r", "7:5"], 2, "the smallest and the largest such as 3:20"),
        (["blobs", picture, "-r", "-3:5"], 2, "must be a radius, or the smallest and the largest"),
        (["blobs", picture, "-r", "big"], 2, "must be a radius"),
        (["blobs", picture, "--overlap", "3"], 1, "overlap must be a share from 0 to 1"),
        (["blobs", tmp_path / "none.png"], 1, "there is no"),
        (["blobs", tmp_path / "film.tif"], 1, "film.tif has the axes T, Y, X: (3, 8, 8); write one of them"),
        (["blobs", tmp_path / "four.tif"], 1, "choose one with --channel 0 to --channel 3"),
        (["blobs", tmp_path / "four.tif", "--channel", "4"], 1, "a number from 0 to 3; got '4'"),
        (["match", picture, tmp_path / "film.tif"], 1, "film.tif has the axes T, Y, X: (3, 8, 8)"),
        (["match", picture, tmp_path / "volume.tif"], 1, "or both volumes; their axes are Y, X and Z, Y, X"),
        (["match", tmp_path / "four.tif", picture], 1, "write the one channel to compare"),
        (["match", picture, picture, "-t", "2"], 2, "2.0 is not in the range"),
        (["match", picture, picture, "--scales", "1;2"], 2, "must be numbers such as 1,2,4"),
        (["match", picture, picture, "--scales", "2,3"], 1, "at one of its sizes"),
        (["vessels", picture, "-o", out, "-s", "0"], 1, "sigmas must be a positive"),
        (["vessels", picture, "-o", out, "--gamma", "-1"], 1, "gamma must be a positive"),
        (["vessels", picture, "-o", "out.csv"], 1, "the suffix of out.csv must say its format"),
        (["vessels", picture], 2, "Missing option '-o'"),
    ]  # fmt: skip
    for arguments, code, words in cases:
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (code, ""), (arguments, done.stderr)
        assert words in done.stderr.replace("\n", " "), (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert not out.exists()


def test_what_is_drawn_never_replaces_its_picture(picture: Path) -> None:
    before = picture.read_bytes()
    for command in (["blobs", picture], ["match", picture, picture], ["vessels", picture]):
        done = run(*command, "-o", picture, "--force")
        assert done.exit_code == 2 and "is never overwritten" in done.stderr
    assert picture.read_bytes() == before


def test_what_could_never_be_found_is_refused_at_once(picture: Path) -> None:
    done = run("blobs", picture, "-r", "2:100000")
    assert done.exit_code == 1 and "whose longest side is 80; got 70710.7" in done.stderr
    assert run("blobs", picture).exit_code == 0  # as far as widths go that nobody asked for
    done = run("blobs", picture, "--channel", "red")
    assert done.exit_code == 1 and "this picture has one; leave it out" in done.stderr
