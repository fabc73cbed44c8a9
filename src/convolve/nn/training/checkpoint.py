"""Checkpoints: all that a training needs to go on with the same bits, in one safetensors file.

The file is a network with its best weights, too: ``convolve.load`` reads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from convolve.dtypes import Array
from convolve.errors import FileFormatError
from convolve.files.atomic import refuse_existing
from convolve.nn import storing
from convolve.nn.training.results import Epoch
from convolve.nn.training.trainer import Trainer

NOW, BEST, MEMORY = "training/now/", "training/best/", "training/memory/"


class Checkpoint:
    """The file of one training.

    Parameters
    ----------
    path
        Of the file.
    resume
        Whether to go on from it.
    settings
        What must be the same for that.
    """

    def __init__(self, path: Path, resume: bool, settings: Mapping[str, str]) -> None:
        self.path, self.settings = path, dict(settings)
        self._resume = resume and path.exists()
        refuse_existing(path, force=self._resume)
        storing.package()  # refuse now what could not be written after an hour

    def write(self, trainer: Trainer, history: Sequence[Epoch], best: Mapping[str, Array] | None) -> None:
        """Write the file anew, whole or not at all."""
        groups = ((NOW, trainer.numbers()), (BEST, best or {}), (MEMORY, trainer.memory))
        tensors = {mark + name: array for mark, group in groups for name, array in group.items()}
        facts = {
            "classes": [], "settings": self.settings, "steps": trainer.steps,
            "history": [astuple(epoch) for epoch in history],
        }  # fmt: skip
        storing.write(self.path, trainer.network(best), tensors, facts, force=True)

    def restore(self, trainer: Trainer) -> tuple[list[Epoch], dict[str, Array]] | None:
        """Put a trainer where the file left off; return history and best numbers, None at the beginning."""
        if not self._resume:
            return None
        _, tensors, facts = storing.read(self.path)
        if "settings" not in facts:
            raise FileFormatError(f"{self.path} is a network but no checkpoint; give another path")
        self._check(facts["settings"])
        try:
            trainer.put(_group(tensors, NOW))
            for name, array in _group(tensors, MEMORY).items():
                trainer.memory[name][...] = array
            trainer.steps = int(facts["steps"])
            return [Epoch(*one) for one in facts["history"]], _group(tensors, BEST)
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{self.path} is of another network, or damaged: {error!r}") from None

    def _check(self, before: Mapping[str, str]) -> None:
        """Refuse to go on with other settings: the bits could not be those of one training."""
        for name, value in self.settings.items():
            if before.get(name) != value:
                changed = f"was {before.get(name)} and is now {value}"
                what = "is not the same" if name in ("data", "validation") else changed
                raise FileFormatError(
                    f"{self.path} is of another training: {name} {what}; give the same, or another path"
                )


def _group(tensors: Mapping[str, Array], mark: str) -> dict[str, Array]:
    return {
        name.removeprefix(mark): np.array(array) for name, array in tensors.items() if name.startswith(mark)
    }
