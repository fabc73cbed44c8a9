"""`convolve` itself: the table of its commands, and what every command shares: exit codes and error messages.

``convolve --help`` must answer at once, so a command's module is imported when that command is called, and
nothing here imports NumPy, an image library or rich.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

import convolve
from convolve.cli.output import fail, silence
from convolve.errors import ConvolveError

OK, FAILED, USAGE, PART_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "apply": "Filter pictures, films, volumes and arrays (.zarr, .h5, .npy).",
    "blobs": "Find round things: cells, coins, stars.",
    "cam": "Show which places of a picture speak for its class.",
    "completion": "Print the lines that teach a shell to complete this command.",
    "detect": "Find things in pictures: train, run and score detectors.",
    "explain": "Show every step of a convolution with its numbers.",
    "export": "Write a network as ONNX, or in our own form.",
    "faces": "Find faces, and tell who somebody is.",
    "filters": "List the filters that have names, or show one of them.",
    "info": "Show versions, installed extras and the machine.",
    "match": "Find what looks like a template.",
    "plan": "Show how a convolution will be computed here, and its limit.",
    "predict": "Tell what pictures show, by a trained network.",
    "score": "Score a network: confusion matrix, top-k, calibration.",
    "segment": "Label volumes: train, run and score a U-Net.",
    "size": "Work out the size of a result, with the formula.",
    "summary": "Show a network's layers, parameters, work and memory.",
    "train": "Train a network on pictures in class folders.",
    "vessels": "Show vessels: lines and tubes.",
}
"""Command -> its line in the help; each is the object ``command`` of the module of its name."""


class Program(click.Group):
    """A group that imports commands late, and turns every end of one into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"convolve.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for one that does not exist."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # after a mistake only: it takes time to load

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, **_ignored: Any) -> NoReturn:  # type: ignore[override]
        """Run the command line and exit with its code; without arguments, show the help."""
        given = sys.argv[1:] if args is None else list(args)
        _allow_any_encoding()
        sys.exit(_run(self, given or ["--help"]))


def _run(program: Program, args: Sequence[str]) -> int:
    """Run the command line and return its exit code, after a message where one is due."""
    try:
        code = click.Group.main(program, args, prog_name="convolve", standalone_mode=False)
        sys.stdout.flush()  # a pipe that is closed must be noticed here, not when Python shuts down
        return code if isinstance(code, int) else OK
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted")
        return INTERRUPTED
    except click.ClickException as refusal:
        return _show(refusal)
    except ConvolveError as refusal:
        fail(str(refusal))
    except BrokenPipeError:
        silence()
    except MemoryError:
        fail("there is not enough memory for this; use a smaller picture or a larger stride")
    except OSError as trouble:
        where = f": {trouble.filename}" if trouble.filename else ""
        fail(f"{trouble.strerror or trouble}{where}")
        if not trouble.filename:  # standard output itself: Python would try it again at its end
            silence()
    except Exception as bug:  # the last line of defence: a user must never meet a traceback
        _report(bug)
    return FAILED


def _show(refusal: click.ClickException) -> int:
    """Say what is wrong with the command line, and where its help is."""
    fail(refusal.format_message())
    context = getattr(refusal, "ctx", None)
    if context is not None:
        click.echo(f"Try '{context.command_path} --help'.", err=True)
    return refusal.exit_code


def _report(bug: Exception) -> None:
    if os.environ.get("CONVOLVE_DEBUG") == "1":
        import traceback  # after a mistake only: it takes time to load

        traceback.print_exc()
    text = " ".join(str(bug).split())
    fail(f"internal error {type(bug).__name__}: {text}, please report it (CONVOLVE_DEBUG=1 shows where)")


def _allow_any_encoding() -> None:
    """Let a terminal that cannot show × or Σ show "?" for it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(convolve.__version__, prog_name="convolve")
def main() -> None:
    """Convolve images with filters: pictures, whole folders, and small examples step by step.

    \b
    Try:
      convolve explain                                    the lesson, step by step
      convolve apply photo.jpg --kernel sobel -o edges.png
      convolve filters                                    the filters that have names
    """  # noqa: D301  # \b tells click to keep these lines
