"""Where `convolve detect run` puts what it finds: printed, a table, COCO's JSON, or pictures with boxes."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convolve.cli.output import note, shown_path, spare_sources

if TYPE_CHECKING:
    from convolve.detection.detector import Detector
    from convolve.detection.scenes import Found

TABLES = (".csv", ".json")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
HEADING = ("image", "class", "score", "x1", "y1", "x2", "y2")


@dataclass
class Sink:
    """Takes what is found, picture by picture.

    Attributes
    ----------
    output
        A file, or a folder for pictures; None: standard output.
    kind
        Suffix of a file; "/" for a folder; "" for standard output.
    force
        Whether files that exist may be replaced.
    """

    output: Path | None
    kind: str
    force: bool
    names: list[str] = field(default_factory=list)
    found: "list[Found]" = field(default_factory=list)

    @staticmethod
    def of(output: str | None, paths: Sequence[Path], *, force: bool) -> "Sink":
        """Return the sink that is asked for; what could not be written is refused before any work."""
        from convolve.files import atomic  # loads NumPy, which --help must not wait for

        if output is None:
            return Sink(None, "", force)
        path = Path(output)
        if path.is_dir() or output.endswith(("/", os.sep)):
            for one in paths:
                spare_sources(path / _picture_name(one), paths)
                atomic.refuse_existing(path / _picture_name(one), force=force)
            _check_names(paths)
            return Sink(path, "/", force)
        kind = path.suffix.lower()
        if kind not in (*TABLES, *PICTURES):
            raise click.UsageError(
                f"-o must be a folder, or a file {', '.join((*TABLES, *PICTURES))}; got {output!r}; "
                "the name of a new folder ends with /"
            )
        if kind in PICTURES and len(paths) > 1:
            raise click.UsageError(
                f"{len(paths)} pictures need a folder, got the one file {output!r}; write {path.stem}/"
            )
        spare_sources(path, paths)
        atomic.refuse_existing(path, force=force)
        return Sink(path, kind, force)

    def take(self, path: Path, found: "Found", detector: "Detector") -> None:
        """Take what was found in one picture."""
        self.names.append(str(path))
        self.found.append(found)
        if self.output is None or self.kind in TABLES:
            return
        from convolve import files  # here and below: --help must not wait for NumPy
        from convolve.detection.drawing import drawn

        names = [shown_path(detector.name(int(label))) for label in found.labels]
        goal = self.output
        if self.kind == "/":
            goal.mkdir(parents=True, exist_ok=True)
            goal = goal / _picture_name(path)
        files.write(goal, drawn(files.read(path), found, names), force=self.force)
        note(f"{shown_path(goal)}: {len(found)} found")

    def finish(self, detector: "Detector") -> None:
        """Print or write the table of all pictures."""
        if self.output is None:
            click.echo(self._as_csv(detector), nl=False)
        elif self.kind in TABLES:
            from convolve.detection import coco  # loads NumPy, as above
            from convolve.files import atomic

            names = [_from(self.output.parent, name) for name in self.names]
            facts = coco.found_as_json(names, self.found, detector.classes)
            data = coco.text(facts) if self.kind == ".json" else self._as_csv(detector).encode()
            atomic.write_bytes(self.output, data, force=self.force)
            note(
                f"{shown_path(self.output)}: {sum(map(len, self.found))} found in {len(self.found)} pictures"
            )

    def _as_csv(self, detector: "Detector") -> str:
        """Return a row for each box."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADING)
        for name, one in zip(self.names, self.found, strict=True):
            for box, label, score in zip(one.boxes, one.labels, one.scores, strict=True):
                sides = [f"{side:.1f}" for side in box]
                writer.writerow(
                    [shown_path(name), shown_path(detector.name(int(label))), f"{score:.4f}", *sides]
                )
        return stream.getvalue()


def _from(folder: Path, name: str) -> str:
    """Return a picture's name as a COCO file in a folder writes it: from there, if it lies below."""
    relative = os.path.relpath(name, folder)
    return name if relative.startswith(os.pardir) else relative


def _picture_name(path: Path) -> str:
    """Return the name of a drawn picture: as it was if such files can be written, else PNG."""
    return path.name if path.suffix.lower() in PICTURES else f"{path.stem}.png"


def _check_names(paths: Sequence[Path]) -> None:
    """Refuse two pictures that would have one name."""
    names = [_picture_name(one) for one in paths]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise click.UsageError(
            f"pictures must have different names to go into one folder; {twice[0]} comes twice"
        )
