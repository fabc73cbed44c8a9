"""The self-contained page in a real browser, opened from a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from tests.explain.browser import chromium
from tests.peers import missing

ROOT = Path(__file__).resolve().parents[2]
F = np.array([[10, 10, 10, 0, 0]] * 5)
EDGE = np.array([[1, 0, -1]] * 3)

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    """Return a function that opens an explanation's page, and check that nothing was asked of any network."""
    asked: list[str] = []
    contexts = []

    def open_page(image: Any, kernel: Any, context: dict[str, Any] | None = None, **options: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(convolve.explain(image, kernel, **options).to_html(), encoding="utf-8")
        found = browser.new_context(viewport={"width": 1100, "height": 900}, **(context or {}))
        contexts.append(found)
        page = found.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: asked.append(str(error)))
        page.on("console", lambda message: asked.append(message.text))
        page.goto(path.as_uri())
        page.wait_for_selector("[data-role=output]")
        return page

    yield open_page
    for one in contexts:
        one.close()
    assert [text for text in asked if not text.startswith("file://")] == []


def cell(page: Any, role: str, row: int, column: int) -> Any:
    return page.locator(f"[data-role={role}][data-row='{row}'][data-column='{column}']").first


def marked(page: Any, role: str) -> int:
    return int(page.locator(f"[data-role={role}].marked").count())


def outputs(page: Any) -> list[str]:
    return [text.replace("−", "-") for text in page.locator("[data-role=output]").all_inner_texts()]


def test_focusing_an_output_shows_its_sum_and_nine_cells(opened: Opened) -> None:
    page = opened(F, EDGE)
    cell(page, "output", 0, 1).focus()
    assert page.locator("#total").inner_text().endswith("= 30")
    assert marked(page, "input") == 9
    assert page.locator("#spoken").inner_text().startswith("output row 0 column 1: 10·1")
    cell(page, "output", 2, 0).hover()
    assert page.locator("#total").inner_text().endswith("= 0")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"padding": 1},
        {"dilation": 2},
        {"flip": True},
        {"padding": 1, "padding_mode": "reflect"},
    ],
)
def test_every_setting_gives_its_numbers(opened: Opened, options: dict[str, Any]) -> None:
    page = opened(F, EDGE, **options)
    expected = convolve.conv2d(F, EDGE, **options).ravel().tolist()
    assert [int(text) for text in outputs(page)] == expected
    assert page.locator("[data-role=border]").count() == (24 if options.get("padding") else 0)
    for text in convolve.explain(F, EDGE, **options).size_formula:
        assert text in page.locator(".formula").inner_text()


def test_the_border_is_hatched_and_shows_what_is_read(opened: Opened) -> None:
    page = opened(F, EDGE, padding=1, padding_mode="replicate")
    border = page.locator("[data-role=border]")
    assert border.count() == 24
    assert set(border.all_inner_texts()) == {"10", "0"}
    assert "repeating-linear-gradient" in border.first.evaluate(
        "one => getComputedStyle(one).backgroundImage"
    )


def test_what_is_never_read_is_said(opened: Opened) -> None:
    page = opened(np.arange(25).reshape(5, 5), np.ones((2, 2), int), stride=2)
    assert len(outputs(page)) == 4
    assert page.locator("#never-read").inner_text() == "1 row and 1 column are never read (floor)"
    assert page.locator("[data-role=input].unread").count() == 9
    line = opened(np.arange(5), np.ones(2, int), stride=2)
    assert line.locator("#never-read").inner_text() == "1 column is never read (floor)"


def test_hovering_an_input_marks_the_outputs_that_read_it(opened: Opened) -> None:
    page = opened(F, EDGE)
    cell(page, "input", 2, 2).hover()
    assert marked(page, "output") == 9
    assert "×1" in cell(page, "output", 2, 2).inner_text()
    assert "×−1" in cell(page, "output", 0, 0).inner_text()
    cell(page, "input", 0, 0).hover()
    assert marked(page, "output") == 1


def test_hovering_a_weight_marks_what_it_met_and_fed(opened: Opened) -> None:
    page = opened(F, EDGE)
    cell(page, "weight", 0, 2).hover()
    assert marked(page, "input") == 9
    assert marked(page, "output") == 9


def test_pinning(opened: Opened) -> None:
    page = opened(F, EDGE)
    cell(page, "output", 1, 1).click()
    cell(page, "input", 0, 0).hover()
    assert "output[1,1]" in page.locator("#step-title").inner_text()
    page.keyboard.press("Escape")
    cell(page, "output", 0, 2).hover()
    assert "output[0,2]" in page.locator("#step-title").inner_text()


def test_everything_by_keyboard(opened: Opened) -> None:
    page = opened(F, EDGE)
    page.keyboard.press("ArrowRight")
    assert "Step 2 of 9" in page.locator("#step-title").inner_text()
    page.keyboard.press("c")
    assert cell(page, "input", 2, 2).inner_text() == "9×"
    page.keyboard.press("c")
    page.keyboard.press("]")
    assert page.locator(".speed").inner_text().startswith("2×")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").count() == 0
    page.locator("[data-role=output][tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    assert "output[1,1]" in page.locator("#step-title").inner_text()
    assert page.locator("[data-role=output][tabindex='0']").count() == 1
    page.locator("[data-role=input][tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    assert marked(page, "output") == 2
    page.locator("#play").focus()
    page.keyboard.press("Enter")
    assert page.locator("#play").inner_text() == "Pause"


def test_playing_reaches_the_end(opened: Opened) -> None:
    page = opened(F, EDGE, stride=2)
    for _ in range(3):
        page.keyboard.press("]")
    page.keyboard.press(" ")
    page.locator("#step-title", has_text="Step 4 of 4").wait_for()
    page.locator("#play", has_text="Play").wait_for()


def test_scrubbing(opened: Opened) -> None:
    page = opened(F, EDGE)
    page.locator("#scrub").fill("7")
    assert "Step 7 of 9" in page.locator("#step-title").inner_text()


def test_channels_have_subtotals(opened: Opened) -> None:
    page = opened(np.stack([F, 2 * F, 3 * F]), np.stack([EDGE] * 3)[None], bias=[7])
    cell(page, "output", 0, 1).focus()
    assert page.locator("#total").inner_text() == "R 30 + G 60 + B 90 + bias 7 = 187"
    assert marked(page, "input") == 27


def test_groups_grey_out_what_is_not_connected(opened: Opened) -> None:
    page = opened(np.stack([F, F]), np.stack([EDGE, EDGE])[:, None], groups=2)
    planes = page.locator("[data-role=input-plane]")
    assert ["greyed" in (planes.nth(i).get_attribute("class") or "") for i in range(2)] == [False, True]
    page.locator("[data-role=output]").nth(9).focus()
    assert ["greyed" in (planes.nth(i).get_attribute("class") or "") for i in range(2)] == [True, False]


def test_transposed_shows_holes(opened: Opened) -> None:
    page = opened([[1, 2], [3, 4]], np.arange(1, 10).reshape(3, 3), stride=2, transposed=True)
    expected = convolve.conv_transpose2d([[1, 2], [3, 4]], np.arange(1, 10).reshape(3, 3), stride=2)
    assert [int(text) for text in outputs(page)] == expected.ravel().tolist()
    page.locator("[data-role=output]").nth(12).focus()
    assert page.locator(".hole").count() == 5
    assert page.locator("#total").inner_text().endswith(f"= {expected[2, 2]}")


def test_predicting_names_the_faulty_product(opened: Opened) -> None:
    page = opened([[2, 3], [5, 7]], [[1, 0], [0, -1]])
    page.keyboard.press("p")
    assert outputs(page) == ["?"]
    page.locator("input[name=guess]").fill("9")
    page.keyboard.press("Enter")
    assert "sign of 7·(−1) = −7 (row 1, column 1" in page.locator("#verdict").inner_text()
    page.locator("input[name=guess]").fill("-5")
    page.keyboard.press("Enter")
    page.locator("[data-role=output]", has_text="−5").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opened, scheme: str) -> None:
    axe = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        missing("axe-core", "npm ci --prefix web")
    page = opened(
        np.stack([F, -F]), np.stack([EDGE, EDGE])[None], padding=1, context={"color_scheme": scheme}
    )
    for setup in ("", "c", "p"):
        if setup:
            page.keyboard.press(setup)
        page.evaluate(axe.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []


@pytest.mark.parametrize("width", [320, 719, 1100])
def test_no_sideways_scroll(opened: Opened, width: int) -> None:
    page = opened(np.tile(F, (1, 4)), EDGE, padding=1, context={"color_scheme": "dark"})
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reduced_motion(opened: Opened) -> None:
    page = opened(F, EDGE, context={"reduced_motion": "reduce"})
    assert cell(page, "input", 0, 0).evaluate("one => getComputedStyle(one).transitionDuration") in ("0s", "")
