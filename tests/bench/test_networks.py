"""What is printed of networks is what the files say; losing rows are as plain as winning ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import network_profile, network_tables, networks
from convolve import nn
from tests.peers import peer


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
    assert networks.read(path) == rows


def test_means_are_geometric_and_name_the_worst() -> None:
    rows = [row("squeezenet", 1, 1, "0.5", "1"), row("vgg19", 1, 1, "2", "4"), row("vgg19", 16, 2, "3", "1")]
    lines = networks.means(rows)
    assert (
        lines[0] == "batch 1, threads 1: 1.00 ×, direct 2.00 ×; the least 0.5 × (squeezenet); loses on 1 of 2"
    )
    assert len(lines) == 3 and lines[-1].startswith("batch all, threads all: 1.44 ×")


def test_losing_ratios_are_bold() -> None:
    lines = network_tables.table([row("squeezenet", 1, 1, "0.97", "1.00")])
    assert lines[2] == "| squeezenet | 1 | 1 | 1 | 1 | 1 | 1 | **0.97** | 1.00 |"
    assert lines[-1] == "Measured: then."


def test_without_files_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "RESULTS", tmp_path / "none")
    monkeypatch.setattr(networks, "STARTS", tmp_path / "neither")
    assert network_tables.section() == []


TURNS = {
    "ours": [1.0, 2.0, 3.0],
    "direct": [2.0, 2.0, 2.0],
    "ONNX Runtime": [2.0, 2.0, 3.0],
    "PyTorch": [4.0] * 3,
}


def test_ratios_are_the_better_peers_turn_by_turn() -> None:
    cells = networks.row("vgg19", 1, 2, TURNS)
    assert cells["ours ms"] == "2.00"
    assert (cells["ratio"], cells["direct ratio"]) == ("1.00", "1.00")


def test_a_row_that_fails_is_told_of_and_the_run_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, int, int]] = []
    fails = True

    def times(name: str, batch: int, threads: int, _quick: bool) -> dict[str, list[float]]:
        asked.append((name, batch, threads))
        if fails and threads == 1:
            raise RuntimeError("no memory")
        return {**TURNS, "ours": [3.0] * 3}

    monkeypatch.setattr(networks, "RESULTS", tmp_path / "rows.csv")
    monkeypatch.setattr(networks, "times", times)
    monkeypatch.setattr(networks, "measured", lambda: "today")
    command = ["squeeze", "resnet", "--batches", "1"]
    assert networks.main(command) == 1
    told = capsys.readouterr()
    assert "squeezenet 1 1: FAILED: no memory" in told.err
    assert "ratio 0.67" in told.out and "LOSES" in told.out
    fails = False
    asked.clear()
    assert networks.main([*command, "--resume"]) == 0
    assert asked == [("squeezenet", 1, 1), ("resnet50", 1, 1)]
    assert len(networks.read(networks.RESULTS)) == 4
    networks.RESULTS.unlink()
    assert networks.main([*command, "--quick"]) == 0 and not networks.RESULTS.exists()
    assert networks.main(["mobilenet"]) == 2


def test_wrong_results_are_refused() -> None:
    right = np.ones((1, 4), np.float32)
    networks.compare({"ONNX Runtime": right, "ours": right * np.float32(1.00005)})
    for wrong in (right * np.float32(1.001), right * np.nan):
        with pytest.raises(RuntimeError, match="ours differs from ONNX Runtime by"):
            networks.compare({"ONNX Runtime": right, "ours": wrong})


def branching() -> Any:
    """Return a network in which maps have several readers, or are seen in another shape."""
    image = nn.Input((3, 12, 12))
    first = nn.Conv2d(3, 8, 3, padding=((1, 0), (0, 1)))(image)
    normed = nn.BatchNorm2d(8)(first)
    active = nn.ReLU()(normed)
    twice = active + nn.ReLU()(nn.BatchNorm2d(8)(active))
    pooled = nn.MaxPool2d(3, 2)(nn.Concat()(twice, active + normed))
    means = nn.AdaptiveAvgPool2d(1)(nn.Conv2d(16, 16, 1)(pooled))  # of both signs
    last = nn.ReLU()(nn.Flatten()(means)) + nn.Flatten()(means)
    return nn.network(image, nn.Linear(16, 5)(last), seed=3)


def test_pytorchs_calls_in_place_spoil_nothing_that_is_read_again() -> None:
    torch = peer("torch")
    # what needs it comes after it
    from bench.peers.torch_network import torch_network

    network = branching()
    x = np.random.default_rng(0).standard_normal((2, 3, 12, 12), np.float32)
    run = torch_network(network)
    for _ in range(2):
        found = run(torch.from_numpy(x.copy()).contiguous(memory_format=torch.channels_last))
        np.testing.assert_allclose(found, network(x), rtol=1e-4, atol=1e-5)


def test_a_profile_has_every_step_with_its_time() -> None:
    network = branching()
    whole, steps = network_profile.steps(network, np.ones((1, 3, 12, 12), np.float32))
    assert whole > 0 and all(seconds > 0 for _, seconds in steps)
    words = [network_profile.described(placed) for placed, _ in steps]
    assert any(flops > 0 and "(Conv)" in text for flops, text in words)
    assert any(text.startswith("pooling: ") for _, text in words)
