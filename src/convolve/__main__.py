"""`python -m convolve`: the command line, where the script ``convolve`` is not on the path."""

from convolve.cli import main

main()
