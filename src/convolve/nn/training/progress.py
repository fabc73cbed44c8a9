"""A bar that shows how far a training is, with loss and accuracy, on standard error."""

import sys
from types import TracebackType
from typing import Any

from convolve.nn.training.results import Epoch


class Bar:
    """The bar of one training; a context manager."""

    def __init__(self, shown: bool | None, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._progress: Any = None
        self._task: Any = None

    def __enter__(self) -> "Bar":
        if self._shown:
            from rich.console import Console  # both take time to load, and most calls show nothing
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("epoch {task.description}"), BarColumn(), TextColumn("{task.fields[now]}"))
            self._progress = Progress(
                *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
            )
            self._progress.start()
            self._task = self._progress.add_task("", total=self.epochs * self.steps, now="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self, epoch: int, loss: float, accuracy: float) -> None:
        """Show one step more."""
        if self._progress is not None:
            self._progress.update(
                self._task, completed=self._progress.tasks[0].completed + 1,
                description=f"{epoch + 1}/{self.epochs}", now=f"loss {loss:.4f}{_share(accuracy)}",
            )  # fmt: skip

    def finish(self, epoch: Epoch) -> None:
        """Leave one line about an epoch above the bar."""
        if self._progress is not None:
            self._progress.console.print(line(epoch, self.epochs), highlight=False)


def line(epoch: Epoch, epochs: int) -> str:
    """Return an epoch as text.

    >>> line(Epoch(3, 0.25, 0.9, 0.3, 0.875, 1.5), 10)
    'epoch 3/10  loss 0.2500  accuracy 90.0 %  validation loss 0.3000  accuracy 87.5 %  1.5 s'
    """
    text = f"epoch {epoch.number}/{epochs}  loss {epoch.loss:.4f}{_share(epoch.accuracy)}"
    if epoch.validation_loss is not None:
        text += f"  validation loss {epoch.validation_loss:.4f}{_share(epoch.validation_accuracy)}"
    return f"{text}  {epoch.seconds:.1f} s"


def _share(accuracy: float | None) -> str:
    return "" if accuracy is None or accuracy != accuracy else f"  accuracy {100 * accuracy:.1f} %"
