"""What a film has beside its numbers is kept: times, rotation, colours, sound, subtitles, chapters."""

import signal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve.cli.film import FILM_ENDINGS
from convolve.errors import FileExistsRefusal, FileFormatError, FileMissingError
from convolve.video import filter_film, read_frames, write_frames
from convolve.video.colours import Colours
from convolve.video.containers import CONTAINERS, DECODERS
from convolve.video.pixels import PLANAR, nearest
from tests.video.making import av, decoded, film, frame, planes

UNEVEN = [3, 4, 8, 9, 10, 30, 31, 32, 33, 90, 91, 95]
BASE = Fraction(1, 12800)


def content(count: int = 12, height: int = 32, width: int = 48, pixels: str = "yuv420p") -> Any:
    """Return frames that compress well."""
    form = PLANAR[pixels]
    made = []
    for number in range(count):
        cells = [form.factors(plane) for plane in range(form.planes)]
        made.append([
            np.add.outer(np.arange(0, height, down), np.arange(0, width, across) + 9 *
            number).astype(form.dtype) for down, across in cells
        ])  # fmt: skip
    return made


def rich(path: Path, rotation: float | None = None) -> Path:
    """Write a film with everything: uneven times, sound that starts earlier, subtitles, titles, chapters."""
    with av.open(str(path), "w") as out:
        out.metadata["title"] = "Storks"
        picture = out.add_stream("h264", rate=25)
        picture.height, picture.width = 32, 48
        picture.codec_context.time_base = BASE
        Colours(1, 1, 9, 16).mark(picture.codec_context)
        if rotation is not None:
            picture.set_display_rotation(rotation)
        tone = out.add_stream("flac", rate=8000)
        tone.metadata["language"] = "deu"
        text = out.add_mux_stream("subrip") if path.suffix == ".mkv" else None
        out.set_chapters([
            {"id": 1, "start": 0, "end": 900, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
        ])  # fmt: skip
        samples = (3000 * np.sin(np.arange(8000) / 5)).astype(np.int16)[None]
        heard = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        heard.sample_rate, heard.pts = 8000, 0
        out.mux(tone.encode(heard))
        out.mux(tone.encode())
        if text is not None:
            said = av.Packet(b"Hello")
            said.stream, said.time_base = text, Fraction(1, 1000)
            said.pts, said.dts, said.duration = 200, 200, 500
            out.mux(said)
        for stamp, one in zip(UNEVEN, content(), strict=True):
            out.mux(picture.encode(frame("yuv420p", one, stamp * 512, BASE)))
        out.mux(picture.encode())
    return path


def packets(path: Path, kind: str) -> list[tuple[Any, bytes]]:
    """Return the times and bytes of a film's first stream of sound or subtitles."""
    with av.open(str(path)) as container:
        stream = next(one for one in container.streams if one.type == kind)
        found = container.demux(stream)
        return [(one.pts * one.time_base, bytes(one)) for one in found if one.dts is not None]


@pytest.mark.parametrize(("before", "after"), [("mp4", "mp4"), ("mkv", "mov"), ("mkv", "mkv")])
def test_everything_is_kept(before: str, after: str, tmp_path: Path) -> None:
    source, goal = rich(tmp_path / f"a.{before}"), tmp_path / f"b.{after}"
    report = filter_film(source, goal, "box:3")
    assert report.frames == len(UNEVEN)
    assert report.seconds == pytest.approx((95 - 3) * 0.04)
    _, times, last = decoded(goal)
    assert times == decoded(source)[1] == [Fraction(stamp, 25) for stamp in UNEVEN]
    assert Colours.of(last) == Colours(1, 1, 9, 16)
    if after != "mov":
        assert packets(goal, "audio") == packets(source, "audio")
    assert any("sound (flac) was left out" in note for note in report.notes) == (after == "mov")
    assert any("HDR" in note for note in report.notes)
    with av.open(str(goal)) as container:
        assert container.metadata["title"] == "Storks"
        assert [one["metadata"]["title"] for one in container.chapters()] == ["One"]
        assert after == "mov" or container.streams.audio[0].metadata["language"] == "deu"
    if after == "mkv":
        assert packets(goal, "subtitle") == packets(source, "subtitle") == [(Fraction(1, 5), b"Hello")]


@pytest.mark.parametrize("angle", [90, 180, -90])
def test_rotated_films_are_filtered_as_they_are_seen(angle: int, tmp_path: Path) -> None:
    """As pictures are: what is to the right for a viewer is to the right for the filter."""
    source, goal = rich(tmp_path / "a.mp4", rotation=angle), tmp_path / "b.mkv"
    seen = [array for _, array in read_frames(source)]
    assert seen[0].shape == ((32, 48, 3) if angle == 180 else (48, 32, 3))
    for kernel in ("box:3", "0 0 0; 0 0 1; 0 0 0"):  # as stored, and through RGB
        report = filter_film(source, goal, kernel, codec="ffv1", force=True)
        assert any("turned upright" in note for note in report.notes)
        found = [array for _, array in read_frames(goal)]
        wanted = convolve.apply(seen[5], kernel if "box" in kernel else np.eye(3)[[0, 2, 0]] * [[0], [1],
        [0]],
                                channel_axis=-1, out_dtype=np.uint8)  # fmt: skip
        error = np.abs(found[5].astype(int) - wanted)[2:-2, 2:-2]
        assert error.mean() < 3 < np.abs(found[5].astype(int) - found[5][::-1, ::-1]).mean()
        assert decoded(goal)[2].rotation == 0


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("range_", [1, 2])
def test_rgb_and_back_leaves_colours_as_they_were(pixels: str, range_: int, tmp_path: Path) -> None:
    """The identity written so that it goes through RGB: each plane comes back to a step or two."""
    scale = 4 if "10" in pixels else 1
    rows, columns = np.mgrid[:32, :48]
    form = PLANAR[pixels]
    down, across = form.shared
    brightness = (60 + rows + columns) * scale
    colour = (110 + rows // 4 + columns // 6)[::down, ::across] * scale
    one = [plane.astype(form.dtype) for plane in (brightness, colour, 250 * scale - colour)]
    marked = Colours(1, range_, 1, 1)
    source = film(tmp_path / "a.mkv", [one] * 2, pixels, colours=marked)
    filter_film(source, tmp_path / "b.mkv", "0 0 0; 0 1 0; 0 -0.0000001 0", codec="ffv1")
    found, _, last = decoded(tmp_path / "b.mkv")
    assert (last.format.name, Colours.of(last)) == (pixels, marked)
    for got, wanted in zip(found[0], one, strict=True):
        assert np.abs(got.astype(int) - wanted).max() <= 2 * scale


@pytest.mark.parametrize("suffix", sorted(CONTAINERS))
def test_every_suffix_is_written_and_read_again(suffix: str, tmp_path: Path) -> None:
    goal, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    picture = np.add.outer(np.arange(48), np.arange(64))[..., None].repeat(3, 2).astype(np.uint8)
    assert write_frames(goal, [picture] * 6, rate=20) == 6
    assert filter_film(goal, again, "box:3").frames == 6
    found = list(read_frames(again))
    assert [time for time, _ in found] == [Fraction(number, 20) for number in range(6)]
    assert np.abs(found[3][1].astype(int) - picture).max() < 12
    assert tuple(CONTAINERS) == FILM_ENDINGS


@pytest.mark.parametrize(("suffix", "size"), [(".mp4", (33, 45)), (".webm", (33, 45)), (".mp4", (2, 2))])
def test_odd_sizes(suffix: str, size: tuple[int, int], tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", content(3, *size))
    report = filter_film(source, tmp_path / f"b{suffix}", "box:3")
    assert decoded(tmp_path / f"b{suffix}")[0][0][0].shape == size
    assert any("is odd" in note for note in report.notes) == (suffix == ".mp4" and size[0] % 2 == 1)


def test_what_cannot_be_kept_is_said_or_refused(tmp_path: Path) -> None:
    source = rich(tmp_path / "a.mp4")
    report = filter_film(source, tmp_path / "b.webm", "box:3")
    assert any(note.startswith("the sound (flac) was left out") for note in report.notes)
    with pytest.raises(FileFormatError, match="avi files know one rate for all frames"):
        filter_film(source, tmp_path / "b.avi", "box:3")
    odd = film(tmp_path / "c.mkv", content(3), codec="ffv1", stamps=[0, 512, 1111], base=BASE)
    thirds = film(tmp_path / "d.mp4", content(3), codec="h264", stamps=[0, 1, 2], base=Fraction(1, 30))
    assert not filter_film(odd, tmp_path / "e.mp4", "box:3").notes
    assert "rounded to the milliseconds" in filter_film(thirds, tmp_path / "e.mkv", "box:3").notes[0]
    ten = film(tmp_path / "f.mkv", content(3, pixels="yuv422p10le"), "yuv422p10le")
    assert "8 bits instead of 10" in filter_film(ten, tmp_path / "g.webm", "box:3").notes[0]
    assert sorted(one.name for one in tmp_path.iterdir() if one.name[0] == ".") == []


def test_so_much_of_a_film(tmp_path: Path) -> None:
    source = rich(tmp_path / "a.mp4")
    assert filter_film(source, tmp_path / "b.mp4", "box:3", seconds=1.2).frames == 8
    assert packets(tmp_path / "b.mp4", "audio") == packets(source, "audio")
    assert filter_film(source, tmp_path / "c.mp4", "box:3", seconds=0.3).frames == 5
    assert 0 < len(packets(tmp_path / "c.mp4", "audio")) < len(packets(source, "audio"))


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", content(3))
    for name, error, words in (
        ("b.mkv", FileMissingError, "there is no file"),
        ("b.gif", FileFormatError, "the suffix of a film"),
        ("%d.png", FileMissingError, "matches no file"),
        ("device:0", FileMissingError, "there is no camera"),
    ):
        where = name if ":" in name else tmp_path / name
        with pytest.raises(error, match=words):
            filter_film(where, tmp_path / "c.mkv", "box:3")
    with pytest.raises(FileExistsRefusal, match="exists"):
        filter_film(source, source, "box:3")
    with pytest.raises(FileMissingError, match="create it first"):
        filter_film(source, tmp_path / "no" / "b.mkv", "box:3")
    playlist = tmp_path / "list.mkv"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nfile:{source}\n#EXT-X-ENDLIST\n")
    with pytest.raises(FileFormatError, match="of a kind that is not read"):
        filter_film(playlist, tmp_path / "c.mkv", "box:3")
    (tmp_path / "in1.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match="none of the formats"):
        filter_film(tmp_path / "in%d.png", tmp_path / "c.mkv", "box:3")


def test_numbered_pictures(tmp_path: Path, seed: int) -> None:
    made = planes(seed, "gbrp", 9, 12, 4)
    folder = tmp_path / "in"
    folder.mkdir()
    for number, one in zip((1, 2, 10, 11), made, strict=True):
        convolve.files.write(
            folder / f"f_{number}.png", convolve.files.Picture(np.stack(one, axis=-1), "YXC")
        )
    report = filter_film(folder, tmp_path / "out" / "%03d.png", np.ones((3, 1, 1)) / 3)
    assert report.notes == ("the numbers of the pictures have 1 gap, which the film has not",)
    stack = np.stack([np.stack(one, axis=-1) for one in made])
    wanted = convolve.apply(stack, np.ones((3, 1, 1)) / 3, channel_axis=-1, out_dtype=np.uint8)
    for number, one in enumerate(wanted):
        np.testing.assert_array_equal(
            convolve.files.read(tmp_path / "out" / f"{number + 1:03}.png").array, one
        )
    with pytest.raises(FileExistsRefusal):
        filter_film(folder, tmp_path / "out" / "%03d.png", "box:3")
    convolve.files.write(folder / "f_12.png", convolve.files.Picture(stack[0, :5], "YXC"))
    with pytest.raises(FileFormatError, match="must be alike"):
        filter_film(folder, tmp_path / "b.mp4", "box:3")
    assert not (tmp_path / "b.mp4").exists()


def test_a_camera_by_a_made_up_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's source of test pictures takes the place of the system's interface."""
    from convolve.video import devices

    made_up = ("lavfi", "testsrc2=size=48x32:rate=25,format=yuv420p")
    monkeypatch.setattr(devices, "INTERFACES", {"linux": made_up})
    monkeypatch.setattr("sys.platform", "linux")
    report = filter_film("device:0", tmp_path / "a.mp4", "box:3", seconds=2)
    assert report.frames == 50
    assert decoded(tmp_path / "a.mp4")[1] == [Fraction(number, 25) for number in range(50)]

    def press_ctrl_c(done: int, _about: int | None) -> None:
        if done == 20:
            signal.raise_signal(signal.SIGINT)

    report = filter_film("device:0", tmp_path / "b.mp4", "box:3", progress=press_ctrl_c)
    assert 20 <= report.frames == len(decoded(tmp_path / "b.mp4")[1]) < 60


def test_every_way_to_store_pixels_has_a_nearest_one() -> None:
    wanted = {
        "nv12": "yuv420p", "yuyv422": "yuv422p", "bgr24": "gbrp", "pal8": "gbrp", "rgb48be": "gbrp16le",
        "yuvj422p": "yuv422p", "p010le": "yuv420p10le", "gray10be": "gray10le", "yuva420p": "yuv420p",
        "yuv440p10le": "yuv444p10le", "gbrp10le": "gbrp10le", "yuv420p14le": "yuv420p16le", "monow": "gray",
    }  # fmt: skip
    assert {name: nearest(av.VideoFormat(name, 64, 64)).name for name in wanted} == wanted
    assert "h264" in DECODERS
