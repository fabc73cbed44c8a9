"""The subcommands of `convolve faces`."""

import click

from convolve.cli.faces.detecting import detect, train
from convolve.cli.faces.recognising import enroll, forget, identify, verify
from convolve.cli.faces.scoring import embedder, score


@click.group(short_help="Find faces, and tell who somebody is.")
def command() -> None:
    """Find faces, and tell who somebody is.

    Detect, cut out, embed, compare. The models are yours, or small ones that are trained here: "train"
    makes a detector in a minute, "embedder train" an embedder from a folder of people. What they are worth
    is what "score" measures on people who were not learned from. Ask people before you enrol them.

    \b
    Examples:
      convolve faces train -o faces.safetensors
      convolve faces detect photo.jpg --model faces.safetensors -o found.png
      convolve faces embedder train people/ -o embedder.safetensors --detector faces.safetensors
      convolve faces enroll team.safetensors ada.jpg --name Ada --embedder embedder.safetensors
      convolve faces identify team.safetensors visitor.jpg --embedder embedder.safetensors
    """  # noqa: D301  # \b tells click to keep these lines


for one in (detect, train, enroll, forget, identify, verify, embedder, score):
    command.add_command(one)
