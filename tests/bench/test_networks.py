"""What is printed of networks is what the files say; losing rows are as plain as winning ones."""

from pathlib import Path

import pytest

from bench import network_tables, networks


def row(name: str, batch: int, threads: int, ratio: str, direct: str) -> dict[str, str]:
    return {
        "network": name, "batch": str(batch), "threads": str(threads), "ours ms": "1", "direct ms": "1",
        "ONNX Runtime ms": "1", "PyTorch ms": "1", "ratio": ratio, "direct ratio": direct, "measured": "then",
    }  # fmt: skip


def test_rows_are_kept_in_the_order_of_the_networks_and_replaced(tmp_path: Path) -> None:
    path, keys = tmp_path / "rows.csv", ["network", "batch", "threads"]
    some = (
        row("vgg19", 1, 1, "2", "1"),
        row("squeezenet", 16, 1, "1", "1"),
        row("squeezenet", 1, 2, "1", "1"),
    )
    for new in some:
        networks.keep(path, new, keys)
    rows = networks.keep(path, row("vgg19", 1, 1, "3", "1"), keys)
    assert [(one["network"], one["batch"], one["ratio"]) for one in rows] == [
        ("squeezenet", "1", "1"), ("squeezenet", "16", "1"), ("vgg19", "1", "3"),
    ]  # fmt: skip
    assert network_tables.read(path) == rows


def test_means_are_geometric_and_name_the_worst() -> None:
    rows = [row("squeezenet", 1, 1, "0.5", "1"), row("vgg19", 1, 1, "2", "4"), row("vgg19", 16, 2, "3", "1")]
    lines = networks.means(rows)
    assert lines[0] == "batch 1, threads 1: 1.00 ×, direct 2.00 ×; the least 0.5 × (squeezenet)"
    assert len(lines) == 3 and lines[-1].startswith("batch all, threads all: 1.44 ×")


def test_losing_ratios_are_bold() -> None:
    lines = network_tables.table([row("squeezenet", 1, 1, "0.97", "1.00")])
    assert lines[2] == "| squeezenet | 1 | 1 | 1 | 1 | 1 | 1 | **0.97** | 1.00 |"
    assert lines[-1] == "Measured: then."


def test_without_files_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "RESULTS", tmp_path / "none")
    monkeypatch.setattr(networks, "STARTS", tmp_path / "neither")
    assert network_tables.section() == []
