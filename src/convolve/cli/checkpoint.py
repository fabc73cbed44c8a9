"""What training commands share: whether the file of a checkpoint can be what the options say."""

from pathlib import Path

import click

from convolve.cli.output import shown_path


def check(checkpoint: str | None, output: str, *, resume: bool) -> None:
    """Refuse, before anything is read, a checkpoint that is missing, in the way, or the model's own file."""
    if checkpoint is None:
        if resume:
            raise click.UsageError("--resume needs the checkpoint to go on from; add --checkpoint FILE")
        return
    path = Path(checkpoint)
    if path.resolve() == Path(output).resolve():
        raise click.UsageError(
            f"checkpoint and model must be two files, both are {shown_path(path)}; rename one"
        )
    if path.exists() and not resume:
        raise click.UsageError(
            f"the checkpoint {shown_path(path)} exists; add --resume to go on from it, or give another name"
        )
