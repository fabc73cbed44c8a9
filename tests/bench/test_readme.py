"""What the documents say about speed is what the newest committed result says."""

from pathlib import Path

import pytest

from bench import peers, plot, readme, results
from tests.bench.test_figures import records, result

MADE = result(records(1.0, torch=2.0), records(1.0, torch=0.5))


def test_the_documents_are_up_to_date() -> None:
    newest = results.newest()
    assert newest is None or readme.stale(newest) == []


def test_the_section_counts_losing_shapes_and_names_the_worst() -> None:
    section = readme.section(MADE)
    assert "slower on 0 of 1 shapes" in " ".join(section.split())
    assert "slower on 1 of 1 shapes" in " ".join(section.split())
    assert "| 3×3 of networks | 2.00 | 0.50 | resnet50.res2.3x3, 2 threads: 0.50 (PyTorch) |" in section


def test_only_the_part_between_the_markers_changes() -> None:
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n"
    assert readme.between_markers(text, "new") == f"before\n{readme.BEGIN}\nnew\n{readme.END}\nafter\n"
    with pytest.raises(ValueError, match="README.md needs the lines"):
        readme.between_markers("no markers", "new")


def test_a_losing_shape_is_bold_and_its_bar_red() -> None:
    assert "| **0.50** |" in readme.page(MADE)
    assert plot.svg(MADE).count(plot.COLOURS[False]) == 1
    assert plot.place(1.0) < plot.place(2.0) < plot.place(1e9) == plot.LEFT + plot.WIDTH


def test_results_are_kept_and_the_newest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert results.newest() is None
    older = results.write({**MADE, "date": "2026-11-22"})
    assert older.name == "2026-11-22-a-cpu-avx2.json"
    results.write(MADE)
    assert results.newest() == MADE
    held = {**MADE, "date": "2026-11-29", "avx2": True}
    assert results.write(held).name == "2026-11-29-a-cpu-avx2-held.json"
    assert results.newest() == MADE
    assert results.newest(held=True) == held


def test_every_peer_has_a_name_for_people() -> None:
    assert set(readme.NAMES) == set(peers.NAMES) - {"ours"}
