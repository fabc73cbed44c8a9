"""SVG, GIF and plot: well-formed, readable in contrast, deterministic, and with the right numbers in them."""

import io
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from PIL import Image

import convolve
from convolve.errors import ArgumentError
from convolve.explain import palette
from convolve.explain.scene import Box, Word, scene, sizes_for
from tests.explain.examples import EDGE, G_FILTER, F, G
from tests.peers import peer

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_svg_shows_the_step_and_says_it_in_words() -> None:
    svg = convolve.explain(F, EDGE).to_svg((0, 1))
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Step 2/9 · output[0,1] · rows 0-2, columns 1-3"
    assert "10 × 1 + 10 × 0 + 0 × -1" in (root.findtext(f"{SVG}desc") or "")
    assert "sum 30" in words(svg)
    assert words(svg).count("×1") == 3
    assert words(svg).count("-1") == 3


def test_svg_needs_nothing_from_elsewhere() -> None:
    svg = convolve.explain(F, EDGE).to_svg()
    assert "href" not in svg
    assert svg.count("http") == 1  # the namespace


def test_svg_escapes_nothing_wrongly_and_marks_exactly_the_window() -> None:
    explanation = convolve.explain(F, EDGE)
    step = explanation.step_at((0, 1))
    drawing = scene(explanation, step, sizes_for(explanation, [step]))
    outlined = [shape for shape in drawing.shapes if isinstance(shape, Box) and shape.fill is None]
    assert len(outlined) == 9 + 1  # the window, and the output that it makes


def test_border_cells_are_hatched() -> None:
    explanation = convolve.explain(F, EDGE, padding=1)
    step = explanation.step_at((2, 2))
    drawing = scene(explanation, step, sizes_for(explanation, [step]))
    assert sum(isinstance(shape, Box) and shape.hatched for shape in drawing.shapes) == 24


@pytest.mark.parametrize(
    "options",
    [{}, {"padding": 1}, {"transposed": True, "stride": 2}, {"padding": 2, "padding_mode": "circular"}],
    ids=str,
)
def test_every_word_stands_inside_and_has_contrast(options: dict[str, Any]) -> None:
    explanation = convolve.explain(G, G_FILTER, **options)
    for step in explanation.steps[::5]:
        drawing = scene(explanation, step, sizes_for(explanation, [step]))
        boxes = [shape for shape in drawing.shapes if isinstance(shape, Box)]
        for word in drawing.shapes:
            if isinstance(word, Word):
                assert 0 <= word.left <= drawing.width
                assert 0 <= word.middle <= drawing.height
                assert palette.contrast(word.colour, ground(word, boxes)) >= 4.5


def ground(word: Word, boxes: list[Box]) -> palette.Colour:
    """Return the colour that a word stands on."""
    found = palette.PAPER
    for box in boxes:
        inside = (
            box.left <= word.left <= box.left + box.width and box.top <= word.middle <= box.top + box.height
        )
        if box.fill is not None and inside:
            found = box.fill
    return found


def test_signs_are_told_apart_without_red_and_green() -> None:
    """The ends differ in blue, which people see who lack the cones for red or for green."""
    ends = palette.tint(-1, 1), palette.tint(1, 1)
    assert abs(ends[0][2] - ends[1][2]) > 100
    assert ends[0][0] > ends[0][2], "negative is orange"
    assert ends[1][2] > ends[1][0], "positive is blue"
    assert palette.tint(0, 1) == palette.PAPER


@pytest.mark.parametrize("value", np.linspace(-1, 1, 41))
def test_ink_on_every_tint(value: float) -> None:
    colour = palette.tint(value, 1)
    assert palette.contrast(palette.ink_on(colour), colour) >= 4.5


def test_contrast_in_literal_numbers() -> None:
    assert palette.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert palette.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_gif_has_a_frame_per_step_and_the_same_bytes_twice() -> None:
    explanation = convolve.explain(F, EDGE)
    first = explanation.to_gif()
    picture = Image.open(io.BytesIO(first))
    assert picture.n_frames == first.frames == 9  # type: ignore[attr-defined]
    assert first.note == ""
    assert first == convolve.explain(F, EDGE).to_gif()
    assert picture.info["duration"] == 800
    assert picture.info["loop"] == 0


def test_gif_frames_differ_where_the_window_is() -> None:
    picture = Image.open(io.BytesIO(convolve.explain(F, EDGE).to_gif()))
    frames = []
    for number in range(9):
        picture.seek(number)
        frames.append(picture.convert("RGB").tobytes())
    assert len(set(frames)) == 9


def test_a_long_gif_is_sampled_and_says_so() -> None:
    made = convolve.explain(np.ones((16, 16), int), [[1]]).to_gif()
    assert made.frames == 200
    assert made.note == "200 of 256 steps shown, evenly chosen"


def test_gif_refuses_a_pause_that_makes_no_sense() -> None:
    with pytest.raises(ArgumentError, match="seconds must be between"):
        convolve.explain(F, EDGE).to_gif(seconds=0)


@pytest.mark.parametrize("method", ["to_svg", "to_gif", "to_html", "plot"])
def test_volumes_are_not_drawn(method: str) -> None:
    explanation = convolve.explain(np.ones((2, 2, 2)), np.ones((1, 1, 1)))
    with pytest.raises(ArgumentError, match=r"1 and 2 dimensions, but this explanation has 3.*to_text"):
        getattr(explanation, method)()


def test_too_many_channels_are_not_drawn() -> None:
    explanation = convolve.explain(np.ones((9, 2, 2)), np.ones((1, 9, 1, 1)))
    with pytest.raises(ArgumentError, match=r"at most 8 channels.*has 9"):
        explanation.to_svg()


def test_one_pixel_of_a_photograph_is_drawn() -> None:
    svg = convolve.explain(np.arange(10**6).reshape(1000, 1000) % 7, EDGE).to_svg((500, 600))
    assert len(words(svg)) < 200


def test_groups_that_are_not_read_say_so() -> None:
    svg = convolve.explain(np.ones((2, 2, 2), int), np.ones((2, 1, 1, 1), int), groups=2).to_svg()
    assert words(svg).count("another group: not read") == 1


def test_plot_draws_the_scene() -> None:
    matplotlib = peer("matplotlib")
    matplotlib.use("Agg")
    pyplot = peer("matplotlib.pyplot")
    explanation = convolve.explain(F, EDGE)
    axes = explanation.plot(step=(0, 1))
    assert "sum 30" in [text.get_text() for text in axes.texts]
    padded = convolve.explain(F, EDGE, padding=1).plot(step=(2, 2))
    assert sum(patch.get_hatch() is not None for patch in padded.patches) == 24
    _, own = pyplot.subplots()
    assert explanation.plot(own) is own
    pyplot.close("all")


def test_a_step_looks_the_same_size_in_every_frame() -> None:
    explanation = convolve.explain(G, G_FILTER, padding=1)
    sizes = sizes_for(explanation, explanation.steps)
    shapes = {
        (one.width, one.height) for one in (scene(explanation, step, sizes) for step in explanation.steps)
    }
    assert len(shapes) == 1
