"""Cases of the onnx wheel with convolution, pooling, padding, resizing or batch norm, counted by operator.

The list is committed (`onnx_core.txt`); ``python -m tests.nn.core_cases`` prints it anew.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.nn.node_cases import CORE, all_cases
from tests.peers import peer

LIST = Path(__file__).parent / "onnx_core.txt"
DATA = Path(peer("onnx").__file__).parent / "backend" / "test" / "data"

BY_THE_WAY = "test_attention_"
"""These pad a mask by one `Pad`, and say nothing of it: listed, and not counted among those of the core."""

KINDS = ("node", "expanded", "by the way", "converted")
"""One node alone; among the nodes of a function; the same, and no more than a help; PyTorch's layers."""


def folders() -> list[Path]:
    """Return PyTorch's layers and operations in the wheel, converted to files."""
    return sorted(path for kind in ("converted", "operator") for path in (DATA / f"pytorch-{kind}").iterdir())


def found() -> dict[tuple[str, str], list[str]]:
    """Return the names of cases by (operator, kind)."""
    onnx, table = peer("onnx"), {}
    for name, case in all_cases().items():
        nodes = case.model.graph.node
        several = "by the way" if name.startswith(BY_THE_WAY) else "expanded"
        table[name] = ("node" if len(nodes) == 1 else several, core_of(nodes))
    for folder in folders():
        table[folder.name] = ("converted", core_of(onnx.load(folder / "model.onnx").graph.node))
    return {
        (operator, kind): names
        for operator in CORE
        for kind in KINDS
        if (names := sorted(one for one, (its, held) in table.items() if its == kind and operator in held))
    }


def core_of(nodes: Iterable[Any]) -> set[str]:
    """Return the operators of the core that some nodes have."""
    return {node.op_type for node in nodes} & set(CORE)


def totals(cases: dict[tuple[str, str], list[str]]) -> dict[str, int]:
    """Return how many cases each kind has; one with two operators of the core counts once."""
    return {kind: len({one for key in cases if key[1] == kind for one in cases[key]}) for kind in KINDS}


def text() -> str:
    """Return the list: totals, then for every operator its counts and the names."""
    cases = found()
    lines = ["# onnx 1.23.2; made by: python -m tests.nn.core_cases", _counts("all", totals(cases))]
    for operator in CORE:
        own = {kind: cases[operator, kind] for kind in KINDS if (operator, kind) in cases}
        lines += ["", _counts(operator, {kind: len(names) for kind, names in own.items()})]
        lines += [f"  {kind}: {name}" for kind, names in own.items() for name in names]
    return "\n".join(lines) + "\n"


def _counts(of: str, counts: dict[str, int]) -> str:
    return f"{of}: " + (", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none")


if __name__ == "__main__":
    print(text(), end="")
