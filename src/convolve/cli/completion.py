"""`convolve completion`: the lines that teach a shell to complete `convolve`."""

import click
from click.shell_completion import get_completion_class


@click.command(short_help="Print the lines that teach a shell to complete this command.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the lines that teach a shell to complete this command.

    \b
    bash: add to ~/.bashrc:  source <(convolve completion bash)
    zsh:  add to ~/.zshrc:   source <(convolve completion zsh)
    fish: run once:          convolve completion fish > ~/.config/fish/completions/convolve.fish
    """  # noqa: D301  # \b tells click to keep these lines
    completion = get_completion_class(shell)
    if completion is None:  # the choices above are those that click knows
        raise click.UsageError(f"there is no completion for {shell!r}")
    click.echo(completion(context.find_root().command, {}, "convolve", "_CONVOLVE_COMPLETE").source())
