"""Damaged and hostile files: our error or success, quickly, in little memory, and never a traceback."""

import io
import random
import resource
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from convolve import files
from convolve.errors import (
    ArgumentTypeError,
    ConvolveError,
    FileAccessError,
    FileFormatError,
    FileMissingError,
)
from tests import seeds
from tests.files.making import decoded, encoded, numbers, specimens
from tests.peers import peer

tifffile = peer("tifffile")

MUTANTS = 200
SECONDS = 5.0
GIGABYTE = 1 << 20  # in the kilobytes of ru_maxrss
SPECIMENS = specimens()


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Return a file with one kind of damage: bits flipped, cut short, bytes added, taken out or zeroed."""
    whole, at = bytearray(data), draw.randrange(len(data))
    kind = draw.randrange(6)
    if kind == 0:
        for _ in range(draw.randint(1, 8)):
            whole[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del whole[at:]
    elif kind == 2:
        whole[at:at] = draw.randbytes(draw.randint(1, 40))
    elif kind == 3:
        del whole[at : at + draw.randint(1, 40)]
    elif kind == 4:
        whole[at : at + 8] = bytes(8)
    else:  # headers stand at the beginning and hold the sizes
        whole[draw.randrange(min(64, len(whole)))] = draw.choice([0, 1, 0x7F, 0x80, 0xFF])
    return bytes(whole)


@pytest.mark.parametrize("name", sorted(SPECIMENS))
def test_mutated_files(name: str) -> None:
    draw = random.Random(f"{seeds.seed()} {name}")
    refused, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTANTS):
        data = mutated(SPECIMENS[name], draw)
        start = time.perf_counter()
        try:
            assert decoded(data).array.size >= 0
        except ConvolveError as error:
            refused += 1
            assert len(str(error)) > 20
        assert time.perf_counter() - start < SECONDS, f"mutant {number} of {name}, seed {seeds.seed()}"
    assert refused > MUTANTS // 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIGABYTE


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def test_bombs_are_refused_by_their_header() -> None:
    for width, height in ((60000, 60000), (10000, 10000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(FileFormatError, match=r"bomb|at most"):
            decoded(png_header(width, height))
    gif = bytearray(encoded(files.Picture(numbers(9, 9), "YX"), "gif"))
    gif[6:10] = b"\xff\xff\xff\xff"
    webp = bytearray(SPECIMENS["rgba.webp"])
    bmp = bytearray(SPECIMENS["rgb.bmp"])
    bmp[18:26] = (2**31 - 1).to_bytes(4, "little") * 2
    for data in (gif, bmp):
        with pytest.raises(FileFormatError):
            decoded(bytes(data))
    assert webp[:4] == b"RIFF"


def test_a_jpeg_that_claims_more_than_it_holds() -> None:
    data = SPECIMENS["rgb.jpg"]
    at = data.index(b"\xff\xc0") + 5
    lie = data[:at] + (11000).to_bytes(2, "big") * 2 + data[at + 4 :]
    with pytest.raises(FileFormatError, match="decompression bomb"):
        decoded(lie)


def test_a_gif_whose_canvas_grows() -> None:
    whole = bytearray(SPECIMENS["film.gif"])
    second = whole.index(b"\x2c", whole.index(b"\x21\xf9", whole.index(b"\x2c") + 1))
    whole[second + 5 : second + 9] = (5000).to_bytes(2, "little") * 2
    with pytest.raises(FileFormatError, match="is damaged"):
        decoded(bytes(whole))


def test_paths_that_cannot_be_looked_up() -> None:
    for path in ("a" * 300 + ".png", "a\0b.png"):
        with pytest.raises(FileAccessError, match="can be looked up"):
            files.read(path)
        with pytest.raises(FileAccessError, match="can be looked up"):
            files.write(path, files.Picture(numbers(5, 5), "YX"))
        with pytest.raises(FileAccessError, match="can be looked up"):
            files.expand([path])


def test_endless_devices_and_text() -> None:
    with pytest.raises(FileFormatError, match="none of the formats"):
        files.read("/dev/zero")
    with pytest.raises(ArgumentTypeError, match="open for bytes"):
        files.read(io.StringIO("text"))  # type: ignore[arg-type]


def test_npy_bombs_and_objects() -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 9)}
    )
    with pytest.raises(FileFormatError, match="is damaged: its header says"):
        decoded(stream.getvalue())
    boxed = io.BytesIO()
    np.save(boxed, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="must hold numbers"):
        decoded(boxed.getvalue())


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"\x00" * 40, b"8BPS\x00\x01", b"P6 2 2 255 " + bytes(12)]
)
def test_other_formats_are_not_opened(data: bytes) -> None:
    with pytest.raises(FileFormatError, match="none of the formats"):
        decoded(data)


def test_content_counts_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    path.write_bytes(SPECIMENS["grey.png"])
    assert "is a PNG file in spite of its suffix" in files.read(path).notes[0]
    with pytest.raises(FileFormatError, match="must be a JPEG file, but its first bytes say PNG"):
        files.read(path, format="jpg")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match=r"there is no .*nothing\.png"):
        files.read(tmp_path / "nothing.png")
    with pytest.raises(FileMissingError, match="holds no picture"):
        files.expand([str(tmp_path)])
    (tmp_path / "class").mkdir()
    with pytest.raises(FileMissingError, match=r"but folders; for what is in these write '.*/\*/\*'"):
        files.expand([str(tmp_path)])
    with pytest.raises(FileMissingError, match="matches no file"):
        files.expand([str(tmp_path / "*.png")])
    with pytest.raises(FileMissingError, match="check the path"):
        files.expand(["nowhere"])


def test_folders_and_patterns(tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "c.txt"):
        (tmp_path / name).write_bytes(SPECIMENS["grey.png"])
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "d.png").write_bytes(SPECIMENS["grey.png"])
    assert [one.name for one in files.expand([str(tmp_path)])] == ["a.PNG", "b.png"]
    assert [one.name for one in files.expand([str(tmp_path / "**" / "*.png")])] == ["b.png", "d.png"]
    twice = files.expand([str(tmp_path / "b.png"), str(tmp_path)])
    assert [one.name for one in twice] == ["b.png", "a.PNG"]


def test_a_tiff_whose_pages_go_round() -> None:
    for name in ("stack.tif", "big.tif"):
        stream = io.BytesIO()
        tifffile.imwrite(stream, numbers(3, 9, 9), photometric="minisblack", bigtiff=name == "big.tif")
        whole = bytearray(stream.getvalue())
        with tifffile.TiffFile(io.BytesIO(whole)) as file:
            first, _, last = (page.offset for page in file.pages)
            form, many = file.tiff, len(file.pages[2].tags)
        end = last + form.tagnosize + many * form.tagsize
        whole[end : end + form.offsetsize] = struct.pack(form.offsetformat, first)
        with pytest.raises(FileFormatError, match=f"after 3 pages comes the one at byte {first} again"):
            decoded(bytes(whole))
