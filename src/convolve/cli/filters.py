"""`convolve filters`: the filters that have names, and what is in one of them."""

import click


@click.group(
    "filters", invoke_without_command=True, short_help="List the filters that have names, or show one."
)
@click.pass_context
def command(context: click.Context) -> None:
    """List the filters that have names, or show one of them.

    \b
    Examples:
      convolve filters
      convolve filters show gaussian:1.5
    """  # noqa: D301  # \b tells click to keep these lines
    if context.invoked_subcommand is None:
        context.invoke(list_filters)


@command.command("list")
def list_filters() -> None:
    """List the names, with the numbers that they take and what they are for."""
    from convolve import filters  # loads NumPy, which --help must not wait for

    rows = [(filters.usage(name), filters.purpose(name)[0]) for name in filters.names()]
    width = max(len(usage) for usage, _ in rows)
    for usage, purpose in rows:
        click.echo(f"{usage:<{width}}  {purpose}")


@command.command("show")
@click.argument("name")
def show_filter(name: str) -> None:
    """Show what NAME is for, where it comes from, and its weights; NAME may also be text or a file."""
    from convolve import filters  # loads NumPy, which --help must not wait for
    from convolve.explain.numbers import shown

    found = filters.get(name)
    click.echo(f"{found.name}: {found.purpose}\nsource: {found.source}")
    if found.combine:
        click.echo(f"combined: the {found.combine} of {len(found.weights)} responses")
    for weight in found.weights:
        click.echo(f"\n{' x '.join(map(str, weight.shape))}, {weight.dtype}, sum {shown(weight.sum())}")
        words = [[shown(value) for value in row] for row in weight.reshape(-1, weight.shape[-1])]
        wide = max(len(word) for row in words for word in row)
        for row in words:
            click.echo("  " + " ".join(word.rjust(wide) for word in row))
