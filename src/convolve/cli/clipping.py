"""What `convolve apply` says about values that did not fit the dtype of its result."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from convolve.cli.output import percent

if TYPE_CHECKING:
    from convolve.pictures import Report


def clipped(report: "Report", value_range: str) -> Iterator[str]:
    """Return what is to be said about values that did not fit, and which range would keep them.

    >>> from convolve.pictures import Report
    >>> list(clipped(Report(values=200, below=24, above=1, low=0, high=255), "clip"))
    ['12 % of values were negative and clipped; try --range abs', '0.5 % of values were above 255 and ...']
    """
    if report.below:
        signs = report.low == 0 and value_range == "clip"
        what, advice = ("negative", "abs") if signs else (f"below {report.low}", "scale")
        share = percent(report.below, report.values)
        yield f"{share} of values were {what} and clipped; try --range {advice}"
    if report.above:
        share = percent(report.above, report.values)
        yield f"{share} of values were above {report.high} and clipped; try --range scale"
