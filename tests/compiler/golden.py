"""Golden texts: what is generated must be word for word what is kept in ``tests/golden``.

A missing golden fails; ``pytest --update-goldens`` writes them, and somebody reads the difference.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "golden"
OPTION = "--update-goldens"


def check_golden(name: str, text: str, update: bool) -> None:
    """Compare a text with its golden, or write it down."""
    path = FOLDER / f"{name}.txt"
    if update:
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
    assert path.exists(), f"tests/golden/{name}.txt is missing: write it with pytest {OPTION}"
    kept = path.read_text(encoding="utf-8")
    assert text.rstrip() + "\n" == kept, f"tests/golden/{name}.txt differs: if that is meant, pytest {OPTION}"
