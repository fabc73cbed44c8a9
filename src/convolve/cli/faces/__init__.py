"""`convolve faces`: find faces, enrol people, and tell who somebody is, and why."""

from convolve.cli.faces.group import command

__all__ = ["command"]
