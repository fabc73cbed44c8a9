"""A folder of people, each with a folder of pictures, as faces of one size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from convolve import files
from convolve.errors import ConvolveError, FileFormatError
from convolve.faces.alignment import crop
from convolve.faces.detector import FaceDetector
from convolve.files import Picture
from convolve.nn import Data, Preprocessing
from convolve.nn.training.folders import class_folders


def face_of(
    source: str | Path | Picture,
    detector: FaceDetector | None,
    margin: float,
    several: Callable[[str], None] | None = None,
) -> Picture:
    """Return the face of a picture: cut out around the best box, or all of it without a detector.

    Parameters
    ----------
    source
        A picture, or the path of one.
    detector
        That looks for the face; None: the whole picture is one.
    margin
        Around the box, as a share of it.
    several
        Called with a sentence where there is more than one face: the one with the best score is taken.

    Raises
    ------
    FileFormatError
        If no face was found.
    """
    picture = source if isinstance(source, Picture) else files.read(source)
    if detector is None:
        return picture
    found = detector(picture)
    name = "the picture" if isinstance(source, Picture) else str(source)
    if not len(found):
        raise FileFormatError(
            f"no face was found in {name}: take a picture from the front, or cut the face out and leave the "
            "detector out"
        )
    if len(found) > 1 and several is not None:
        several(f"{len(found)} faces were found in {name}")
    return crop(picture, found.boxes[0], margin)


def people_folder(
    path: str | Path,
    preprocessing: Preprocessing,
    detector: FaceDetector | None = None,
    margin: float = 0.2,
    skipped: Callable[[str], None] | None = None,
) -> Data:
    """Read a folder with a folder of pictures for each of several people.

    Parameters
    ----------
    path
        The folder.
    preprocessing
        Size and channels of the faces.
    detector, margin
        As `face_of` takes them.
    skipped
        Told of each picture that cannot be read or shows no face; None: the first one is an error.

    Returns
    -------
    Data
        Bytes; people in alphabetical order as classes.
    """
    cells, labels, names = [], [], []
    folders = class_folders(Path(path))
    for label, folder in enumerate(folders):
        for file in files.expand([str(folder)]):
            try:
                found = preprocessing.cells(face_of(file, detector, margin))
            except ConvolveError as error:
                if skipped is None:
                    raise
                skipped(str(error))
                continue
            cells.append(found)
            labels.append(label)
            names.append(str(file))
    if not cells:
        raise FileFormatError(f"there must be a face in {path}, and none was found")
    people = tuple(folder.name for folder in folders)
    return Data(np.concatenate(cells), np.array(labels), people, tuple(names))
