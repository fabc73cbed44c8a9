"""Every error that convolve raises on purpose, in one tree.

Each error also derives from the built-in exception that a caller would catch anyway::

    ConvolveError
    ├── ArgumentError ──────── ValueError       an option has a value that makes no sense
    │   ├── ShapeError                          sizes that do not fit together
    │   ├── FilterError                         a filter that cannot be found or read
    │   └── FileFormatError                     a file that is damaged, foreign or not allowed
    ├── ArgumentTypeError ──── TypeError        a value of the wrong kind
    │   └── DTypeError                          an array of a dtype that is not supported
    ├── IntegerOverflowError ─ OverflowError    an exact result does not fit its integer dtype
    ├── TooLargeError ──────── MemoryError      more memory than this machine can give
    ├── FileAccessError ────── OSError          a file that cannot be read or written: rights, a full disk
    ├── FileMissingError ───── FileNotFoundError
    ├── FileExistsRefusal ──── FileExistsError  a file would be overwritten
    ├── StepError ──────────── IndexError       a step that an explanation does not have
    ├── MissingExtraError ──── ImportError      an optional package is not installed
    ├── MissingNameError ───── AttributeError   a public name that does not exist
    └── VerificationError ──── AssertionError   compiled code that could not be proved safe: a defect of ours

A message gives the rule, then the caller's own numbers, then what to do.
"""

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ConvolveError",
    "DTypeError",
    "FileAccessError",
    "FileExistsRefusal",
    "FileFormatError",
    "FileMissingError",
    "FilterError",
    "IntegerOverflowError",
    "MissingExtraError",
    "MissingNameError",
    "ShapeError",
    "StepError",
    "TooLargeError",
    "VerificationError",
]


class ConvolveError(Exception):
    """The root: ``except ConvolveError`` catches everything that convolve refuses."""


class ArgumentError(ConvolveError, ValueError):
    """An option has a value that makes no sense; the message names the option."""


class ShapeError(ArgumentError):
    """Sizes that do not fit together, with the sizes."""


class FilterError(ArgumentError):
    """A named filter that does not exist, or a filter text or file that cannot be read."""


class FileFormatError(ArgumentError):
    """A file that is damaged, of a format that is not allowed, or that cannot hold the result."""


class ArgumentTypeError(ConvolveError, TypeError):
    """A value of the wrong kind, such as text where a number is expected."""


class DTypeError(ArgumentTypeError):
    """An array of a dtype that convolution is not defined for."""


class IntegerOverflowError(ConvolveError, OverflowError):
    """The exact result does not fit the integer dtype that it is wanted in."""


class TooLargeError(ConvolveError, MemoryError):
    """The result needs more memory than this machine has; refused before anything is allocated."""


class FileAccessError(ConvolveError, OSError):
    """A file that cannot be read or written: missing rights, a full disk."""


class FileMissingError(ConvolveError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class FileExistsRefusal(ConvolveError, FileExistsError):
    """A file that exists would be overwritten."""


class StepError(ConvolveError, IndexError):
    """A step that an explanation does not have; an IndexError, as sequences raise it."""


class MissingExtraError(ConvolveError, ImportError):
    """An optional package is missing; the message names the extra that brings it."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> "MissingExtraError":
        """Return the error for one missing package.

        >>> print(MissingExtraError.of("tifffile", "tiff", "reading TIFF files"))
        reading TIFF files needs the package tifffile: pip install "convolve[tiff]"
        """
        return cls(f'{purpose} needs the package {package}: pip install "convolve[{extra}]"')


class MissingNameError(ConvolveError, AttributeError):
    """A public name that does not exist, with the name that was probably meant."""


class VerificationError(ConvolveError, AssertionError):
    """Compiled code could not be proved to stay inside its arrays, so it is not run: a defect of convolve."""
