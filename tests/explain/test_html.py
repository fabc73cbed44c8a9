"""The page: one file, nothing from elsewhere, only its own program allowed; and notebooks."""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import convolve
from convolve.errors import ArgumentError, FileMissingError
from convolve.explain import html as page_module
from tests.explain.examples import EDGE, F


@pytest.fixture
def page() -> str:
    return convolve.explain(F, EDGE).to_html()


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_numbers_travel_inside(page: str) -> None:
    found = re.search(r'<script type="application/json" id="explanation">(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found[1]) == json.loads(convolve.explain(F, EDGE).to_json())
    assert "<" not in found[1]


def test_the_policy_allows_exactly_the_page_s_own_program_and_style(page: str) -> None:
    program = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert program
    assert style
    assert policy
    assert "default-src 'none'" in policy[1]
    assert f"script-src 'sha256-{digest(program[1])}'" in policy[1]
    assert f"style-src 'sha256-{digest(style[1])}'" in policy[1]
    assert "unsafe" not in policy[1]


def test_nothing_comes_from_elsewhere(page: str) -> None:
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", page)
    assert "@import" not in page


def test_without_javascript_it_is_the_text(page: str) -> None:
    found = re.search(r"<noscript><pre>(.*?)</pre></noscript>", page, re.DOTALL)
    assert found
    assert html.unescape(found[1]) == convolve.explain(F, EDGE).to_text(all=True)


def test_a_program_cannot_end_its_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "asset", lambda name: "a='</script><!--'" if name.endswith("js") else "")
    made = convolve.explain(F, EDGE).to_html()
    assert made.count("</script>") == 2  # the data's and the program's own
    safe = r"a='<\/script><\!--'"
    assert safe in made
    assert f"script-src 'sha256-{digest(safe)}'" in made


def test_data_cannot_end_its_element(monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = convolve.explain(F, EDGE)
    monkeypatch.setitem(vars(explanation), "title", "</script><script>alert(1)</script>")
    made = explanation.to_html()
    assert "<script>alert" not in made
    found = re.search(r'id="explanation">(.*?)</script>', made, re.DOTALL)
    assert found
    assert json.loads(found[1])["title"] == explanation.title


def test_too_large_is_refused_in_words() -> None:
    with pytest.raises(ArgumentError, match="choose one pixel"):
        convolve.explain(np.zeros((200, 200)), EDGE).to_html()


def test_notebooks_show_the_page_in_a_frame_of_its_own(page: str) -> None:
    shown = convolve.explain(F, EDGE)._repr_html_()
    frame = re.fullmatch(r'<iframe [^>]*sandbox="allow-scripts[^"]*"[^>]*srcdoc="([^"]*)"></iframe>', shown)
    assert frame
    assert html.unescape(frame[1]) == page


def test_notebooks_show_text_where_nothing_can_be_drawn() -> None:
    volume = convolve.explain(np.ones((2, 2, 2)), np.ones((1, 1, 1)))
    assert volume._repr_html_().startswith("<pre>1×1×1 filter on a 2×2×2 image")
    assert volume._repr_svg_() is None
    assert "<svg" in (convolve.explain(F, EDGE)._repr_svg_() or "")


def test_explain_is_the_function_even_after_its_modules_were_imported() -> None:
    program = (
        "import convolve.explain.text, convolve\nprint(convolve.explain([[1, 2]], [[1, 1]]).output.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[[3]]\n"


def test_a_missing_program_is_named_with_the_way_to_build_it() -> None:
    with pytest.raises(FileMissingError, match=r"nowhere\.js is missing.*npm run build"):
        page_module.asset("nowhere.js")
