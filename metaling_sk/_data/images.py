"""Images in a table: they are checked at once, and read when an encoder takes them."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from inspect import signature
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from metaling_sk._utils.messages import name_rows

FORMS = (
    "a path, a PIL image or a uint8 array of shape (height, width, 3) or, for grey, (height, width)"
)

ONLY_FOR_TEXTS = ("class_descriptions", "dictionary", "max_length", "prompt", "text_column")
"""Parameters that say nothing about images."""

DEPTH = 2**16 - 1
"""White in an image of 16 bits."""


@dataclass(frozen=True, eq=False)
class ImageCell:
    """An image in a table, which is not read yet.

    Attributes
    ----------
    value : path, bytes of a file, PIL image or ndarray of uint8
    column : Hashable
        The name of the column; None where X has no columns.
    row : int
    """

    value: Any
    column: Hashable
    row: int

    def read(self):
        """Read the image in full.

        Transparent parts show white, 16 bits become 8, and the orientation that a camera has noted
        is followed.

        Returns
        -------
        PIL image
            Of mode "RGB".

        Raises
        ------
        ValueError
            If it cannot be read; the sentence names the column and the row.
        """
        Image, _ = import_pillow()
        value = BytesIO(self.value) if isinstance(self.value, bytes) else self.value
        try:
            if isinstance(value, Image.Image):
                return _to_rgb(value)
            if isinstance(value, np.ndarray):
                return Image.fromarray(value).convert("RGB")
            with Image.open(value) as image:
                return _to_rgb(image)
        except MemoryError:
            raise
        except Exception as error:  # Each format of pillow raises errors of its own.
            what = f" {str(value)!r}" if isinstance(value, (str, os.PathLike)) else ""
            reason = _in_words(error)
            raise ValueError(
                f"The image{what} in row {self.row} of {_name_column(self.column)} cannot be read: "
                f"{reason}. Replace it, or drop the row."
            ) from error

    def content(self) -> bytes:
        """Return what decides the vector of the image: the bytes of its file, or its pixels."""
        if isinstance(self.value, bytes):
            return self.value
        if isinstance(self.value, (str, os.PathLike)):
            with open(self.value, "rb") as file:
                return file.read()
        image = np.asarray(self.read())
        return str(image.shape).encode() + image.tobytes()


def import_pillow():
    """Return the modules `Image` and `ImageOps` of pillow.

    Raises
    ------
    ImportError
        If pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            '`image_column`: images need pillow: pip install "metaling_sk[image]"'
        ) from error
    return Image, ImageOps


def image_column_of(estimator) -> Hashable | None:
    """Return the name of the column of images; None for an estimator that is to read none."""
    return getattr(estimator, "image_column", None)


def read_images(X, estimator) -> tuple[np.ndarray, np.ndarray | None]:
    """Read the images and the language column of an input.

    Parameters
    ----------
    X : object
        What `unwrap` returned.
    estimator : estimator
        Gives the names of the columns.

    Returns
    -------
    images : ndarray of ImageCell, shape (n_samples,)
    language_column : ndarray of shape (n_samples,), or None
        None if X has no such column.

    Raises
    ------
    ValueError
        If there is no image, or something else than an image.
    """
    column, language = image_column_of(estimator), None
    values: Any = X
    if isinstance(X, pd.DataFrame):
        columns: list[Hashable] = list(X.columns)
        if columns.count(column) != 1:
            raise ValueError(
                f"X must have one column {column!r}, as `image_column` says; its columns are "
                f"{columns}."
            )
        values = X[column].to_numpy(dtype=object)
        if estimator.language_column in X.columns:
            language = X[estimator.language_column].to_numpy(dtype=object)
    elif isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[2] == 3:
        raise ValueError(
            f"X is one image of shape {X.shape}; pass a list with one image: X=[image]."
        )
    elif isinstance(X, pd.Series | list) or (isinstance(X, np.ndarray) and X.ndim):
        column = None
    else:
        raise ValueError(
            f"X is of type {type(X).__name__}, but `image_column` is {column!r}: pass a table with "
            f"this column, or a list of images. Each is {FORMS}."
        )
    return _check_images(list(values), column), language


def refuse_text_parameters(estimator) -> None:
    """Raise a ValueError if a parameter is set that says nothing about images."""
    defaults = signature(type(estimator).__init__).parameters
    for name in ONLY_FOR_TEXTS:
        if name not in defaults:
            continue
        value, default = getattr(estimator, name), defaults[name].default
        if value is not default and not (type(value) is type(default) and value == default):
            raise ValueError(
                f"`{name}` is about texts, but `image_column` is {estimator.image_column!r}; leave "
                f"{name}={default!r}, or give the estimator texts with image_column=None."
            )


def _check_images(values: list, column: Hashable) -> np.ndarray:
    """Return the images of a column, after a check of all that can be seen without reading them."""
    if not values:
        raise ValueError(
            "Found array with 0 sample(s): X is empty while a minimum of 1 is required."
        )
    Image, _ = import_pillow()
    values = [_plain(value) for value in values]
    problems = {
        row: problem
        for row, value in enumerate(values)
        if (problem := _find_problem(value, Image.Image)) is not None
    }
    if problems:
        rows = list(problems)
        raise ValueError(
            f"Every image must be {FORMS}, but {_name_column(column)} holds something else in "
            f"{name_rows(rows)} (row {rows[0]}: {problems[rows[0]]}). Convert these images, or "
            "drop their rows."
        )
    cells = np.empty(len(values), dtype=object)
    cells[:] = [ImageCell(value, column, row) for row, value in enumerate(values)]
    return cells


def _plain(value):
    """The image in a cell of the column type `datasets.Image`, and any other value itself."""
    if isinstance(value, Mapping) and {"bytes", "path"} >= set(value):
        content = value.get("bytes")
        return value.get("path") if content is None else content
    return value


def _find_problem(value, image_class: Any) -> str | None:
    """Say what is wrong with a value; None where it is a form of image."""
    if isinstance(value, bytes):
        return None
    if isinstance(value, (str, os.PathLike)):
        if os.path.isfile(value):
            return None
        what = "is a folder" if os.path.isdir(value) else "does not exist"
        return f"the file {str(value)!r} {what}"
    if isinstance(value, image_class):
        return None if min(value.size) else f"an image of {value.size} pixels"
    if isinstance(value, np.ndarray):
        shape = value.shape
        if value.dtype != np.uint8:
            return f"an array of {value.dtype} instead of uint8, from 0 for black to 255 for white"
        if len(shape) == 2 or (len(shape) == 3 and shape[2] == 3):
            return None if min(shape) else f"an array of shape {shape}, without pixels"
        way_out = ""
        if len(shape) == 3 and shape[0] in (1, 3, 4):
            way_out = "; numpy.moveaxis(array, 0, -1) puts colours last"
        elif len(shape) == 3 and shape[2] == 4:
            way_out = "; PIL.Image.fromarray takes transparency"
        elif len(shape) == 3 and shape[2] == 1:
            way_out = "; array[:, :, 0] is grey"
        return f"an array of shape {shape}{way_out}"
    is_missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return "NaN or None" if is_missing else f"a value of type {type(value).__name__}"


def _to_rgb(image):
    """Convert any image of pillow to "RGB"."""
    Image, ImageOps = import_pillow()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        # pillow itself would clip the values at 255.
        values = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((values * 255 + DEPTH // 2) // DEPTH).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise ValueError(
            f"its mode is {image.mode!r}, numbers of 32 bits of which none is known as white; "
            "convert it to 8 bits"
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _in_words(error: Exception) -> str:
    """Why an image could not be read."""
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no image of a format that pillow knows"
    return str(error).rstrip(".") or type(error).__name__


def _name_column(column: Hashable) -> str:
    return "X" if column is None else f"the column {column!r} of X"
