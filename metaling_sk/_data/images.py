"""Images in a table."""

from __future__ import annotations

import os
from contextlib import suppress
from io import BytesIO

import numpy as np

from metaling_sk._data.cells import Cell, CellKind

DEPTH = 2**16 - 1
"""White in an image of 16 bits."""


class ImageCell(Cell):
    """An image in a table, which is not read yet: a path, bytes, a PIL image or uint8 array."""

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
            raise self.failure("image", _in_words(error)) from error

    def content(self) -> bytes:
        """Return what decides the vector of the image: its pixels."""
        image = np.asarray(self.read())
        return str(image.shape).encode() + image.tobytes()


class Images(CellKind):
    """Images, which pillow reads."""

    name, unit, parameter = "images", "image", "image_column"
    forms = (
        "a path, a PIL image or a uint8 array of shape (height, width, 3) or, for grey, (height, "
        "width)"
    )
    cell_class = ImageCell

    def check_available(self):  # noqa: D102
        import_pillow()

    def check_several(self, X):  # noqa: D102
        if isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[2] == 3:
            raise ValueError(
                f"X is one image of shape {X.shape}; pass a list with one image: X=[image]."
            )

    def plain(self, value):  # noqa: D102
        return _find_file(super().plain(value))

    def find_problem(self, value):  # noqa: D102
        Image, _ = import_pillow()
        if isinstance(value, Image.Image):
            return None if min(value.size) else f"an image of {value.size} pixels"
        if not isinstance(value, np.ndarray):
            return f"a value of type {type(value).__name__}"
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


IMAGES = Images()


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


def _find_file(value):
    """Return the file of an image that pillow has opened and not read, and any other value.

    Pillow would keep the pixels in the image, and two threads cannot read it at the same time.
    """
    from PIL import ImageFile

    if not isinstance(value, ImageFile.ImageFile) or value.tell():
        return value
    with suppress(AssertionError, ValueError):  # There are no pixels yet, or no longer.
        if value.im is not None:
            return value
    if isinstance(value.fp, BytesIO):
        return value.fp.getvalue()
    return os.fsdecode(value.filename) if os.path.isfile(value.filename) else value


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
