"""Images in a table: every form of them, and what is wrong with others."""

import io
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from metaling_sk import EncoderVectorizer, TransferClassifier
from metaling_sk._data.images import IMAGES, ImageCell
from metaling_sk._data.samples import check_samples

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
ESTIMATOR = SimpleNamespace(image_column="image", language_column="language")


def pixels(value):
    return np.asarray(ImageCell(value, "image", 0).read())


def read(*values):
    return IMAGES.read(pd.DataFrame({"image": list(values)}), ESTIMATOR)[0]


def saved(path, image, **options):
    image.save(path, **options)
    return path


@given(
    st.sampled_from([(), (3,)]).flatmap(
        lambda end: arrays.arrays(
            np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda size: size + end)
        )
    )
)
def test_arrays_of_every_shape_are_read_as_they_are(array):
    (cell,) = read(array)
    expected = array if array.ndim == 3 else np.stack([array] * 3, axis=-1)
    np.testing.assert_array_equal(np.asarray(cell.read()), expected)


@given(
    st.sampled_from(["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16"]),
    st.integers(1, 9),
    st.integers(1, 9),
)
def test_images_of_every_mode_become_colours_of_their_size(mode, width, height):
    image = Image.new("RGB", (width, height), (255, 255, 255))
    image = Image.new(mode, (width, height), 2**16 - 1) if mode == "I;16" else image.convert(mode)
    (cell,) = read(image)
    np.testing.assert_allclose(np.asarray(cell.read()), np.full((height, width, 3), 255), atol=1)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "webp"])
def test_files_paths_and_bytes_are_the_same_image(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    image = Image.fromarray(COLOURS)
    image = image.quantize() if suffix == "gif" else image
    path = saved(tmp_path / f"one.{suffix}", image, **options)
    expected = np.asarray(image.convert("RGB"))
    for value in (path, str(path), path.read_bytes(), image):
        np.testing.assert_array_equal(pixels(value), expected)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "ico"])
@pytest.mark.parametrize("of", [lambda path: path, lambda path: io.BytesIO(path.read_bytes())])
def test_an_image_that_pillow_has_not_read_stays_so(tmp_path, suffix, of):
    """Otherwise a table of them would grow by their pixels, and threads read one file at once."""
    path = saved(tmp_path / f"one.{suffix}", Image.fromarray(COLOURS.repeat(40, axis=0)))
    with Image.open(of(path)) as image, ThreadPoolExecutor(4) as threads:
        (cell,) = read(image)
        for found in threads.map(lambda _: np.asarray(cell.read()), range(4)):
            np.testing.assert_array_equal(found, pixels(path))
        assert (image._im is None) == (suffix != "ico")  # which pillow reads at once


def test_an_image_that_was_changed_in_place_is_not_read_again(tmp_path):
    path = saved(tmp_path / "one.png", Image.fromarray(COLOURS))
    image = Image.open(path)
    image.paste(0, (0, 0, *image.size))
    (cell,) = read(image)
    assert not np.asarray(cell.read()).any()
    frames = [Image.fromarray(each) for each in (COLOURS, 255 - COLOURS)]
    animation = tmp_path / "two.tiff"
    frames[0].save(animation, save_all=True, append_images=frames[1:])
    with Image.open(animation) as image:
        image.seek(1)
        np.testing.assert_array_equal(np.asarray(read(image)[0].read()), 255 - COLOURS)


def test_transparent_parts_are_white():
    array = np.zeros((4, 4, 4), dtype=np.uint8)
    array[0, 0, 3] = 255
    expected = np.full((4, 4, 3), 255)
    expected[0, 0] = 0
    np.testing.assert_array_equal(pixels(Image.fromarray(array)), expected)
    palette = Image.fromarray(np.array([[0, 1]], dtype=np.uint8)).convert("P")
    palette.putpalette([9, 9, 9, 0, 0, 200])
    palette.info["transparency"] = 0
    np.testing.assert_array_equal(pixels(palette)[0], [[255, 255, 255], [0, 0, 200]])


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_are_scaled_and_not_cut_off(tmp_path, suffix):
    values = np.array([[0, 255, 2**8 * 128, 2**16 - 1]], dtype=np.uint16)
    path = saved(tmp_path / f"deep.{suffix}", Image.fromarray(values))
    np.testing.assert_array_equal(pixels(path)[0, :, 0], [0, 1, 128, 255])


def test_32_bits_are_refused():
    with pytest.raises(ValueError, match="row 0 of the column 'image'.*mode is 'F'.*8 bits"):
        pixels(Image.new("F", (3, 3)))


def test_the_orientation_that_a_camera_has_noted_is_followed(tmp_path):
    image = Image.fromarray(COLOURS)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "turned.png", image, exif=exif)
    np.testing.assert_array_equal(pixels(path), np.rot90(COLOURS, -1))


def test_the_key_of_an_image_tells_its_size():
    one, other = (ImageCell(array, None, 0) for array in (GREY, GREY.reshape(7, 5)))
    assert one.content() != other.content()


WRONG = {
    "missing": (None, "NaN or None"),
    "not a number": (np.nan, "NaN or None"),
    "no file": ("there-is-none.png", "'there-is-none.png' does not exist"),
    "a folder": (os.curdir, "'.' is a folder"),
    "a number": (3, "a value of type int"),
    "a list": ([[1, 2]], "a value of type list"),
    "floats": (np.zeros((3, 3)), "float64 instead of uint8"),
    "bools": (np.zeros((3, 3), bool), "bool instead of uint8"),
    "channels first": (np.zeros((3, 5, 5), np.uint8), "moveaxis"),
    "four channels": (np.zeros((5, 5, 4), np.uint8), "PIL.Image.fromarray"),
    "one channel": (np.zeros((5, 5, 1), np.uint8), "is grey"),
    "flat": (np.zeros(5, np.uint8), "shape \\(5,\\)"),
    "no pixels": (np.zeros((0, 5), np.uint8), "without pixels"),
    "hidden pixels": (np.ma.masked_equal(GREY, GREY[0, 0]), "a masked array that hides values"),
}


@pytest.mark.parametrize(("value", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_no_image_is_named_with_its_column_and_row(value, reason):
    values = np.empty(3, dtype=object)
    values[:] = [GREY, value, value]
    X = pd.DataFrame({"image": values})
    with pytest.raises(
        ValueError, match=rf"the column 'image' of X .*rows 1, 2 \(row 1: .*{reason}"
    ):
        IMAGES.read(X, ESTIMATOR)
    with pytest.raises(ValueError, match="but X holds something else in rows 1, 2"):
        IMAGES.read(list(values), ESTIMATOR)


def png_chunk(name, data):
    content = name + data
    return struct.pack(">I", len(data)) + content + struct.pack(">I", zlib.crc32(content))


def damaged_files():
    file = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (60, 60, 3), dtype=np.uint8)).save(file, "png")
    png = file.getvalue()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 10**5, 10**5, 8, 2, 0, 0, 0))
    return {
        "truncated": (png[: len(png) // 2], "truncated"),
        "empty": (b"", "no image of a format"),
        "text": (b"hello", "no image of a format"),
        "header alone": (png[:40], ""),
        "billions of pixels": (png[:8] + header + png_chunk(b"IEND", b""), "exceeds limit"),
    }


@pytest.mark.parametrize(("content", "reason"), damaged_files().values(), ids=damaged_files())
def test_a_damaged_file_is_named_with_its_column_and_row(tmp_path, content, reason):
    path = tmp_path / "one.png"
    path.write_bytes(content)
    X = pd.DataFrame({"scan": [GREY, path], "language": "en"})
    vectorizer = EncoderVectorizer(image_column="scan", verbose=0)
    expected = f"The image .*one.png' in row 1 of the column 'scan' of X cannot be read: .*{reason}"
    with pytest.raises(ValueError, match=expected):
        vectorizer.fit(X[:1]).transform(X)


FORMS = {
    "frame": lambda images: pd.DataFrame({"image": images, "language": "en"}),
    "polars": lambda images: pl.DataFrame(
        {"image": pl.Series(images, dtype=pl.Object), "language": ["en"] * len(images)}
    ),
    "list": lambda images: images,
    "series": lambda images: pd.Series(images),
    "array": lambda images: np.stack(images),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_tables(form):
    images = [GREY, 255 - GREY]
    samples = check_samples(
        TransferClassifier(image_column="image"), form(images), [0, 1], reset=True
    )
    assert samples.kind == "images"
    for cell, image in zip(samples.cells, images, strict=True):
        np.testing.assert_array_equal(np.asarray(cell.read())[:, :, 0], image)


def test_a_dataset_with_a_column_of_images(tmp_path):
    path = saved(tmp_path / "one.png", Image.fromarray(COLOURS))
    features = datasets.Features({"image": datasets.Image(), "language": datasets.Value("string")})
    table = datasets.Dataset.from_dict(
        {"image": [str(path), Image.fromarray(COLOURS)], "language": ["en", "en"]}, features
    )
    samples = check_samples(TransferClassifier(image_column="image"), table, [0, 1], reset=True)
    for cell in samples.cells:
        np.testing.assert_array_equal(np.asarray(cell.read()), COLOURS)


@pytest.mark.parametrize(
    ("X", "reason"),
    [
        (pd.DataFrame({"text": ["a"]}), "X must have one column 'image'.*\\['text'\\]"),
        (COLOURS, "X is one image of shape \\(5, 7, 3\\)"),
        (Image.fromarray(COLOURS), "X is of type Image.*a list of images"),
        ("one.png", "X is of type str.*a list of images"),
        ([], "0 sample"),
        (np.zeros((4, 9)), "float64 instead of uint8"),
        (np.ma.masked_equal([GREY + 1, GREY], GREY[0, 0]), "in row .*a masked array that hides"),
    ],
)
def test_what_is_no_table_of_images(X, reason):
    with pytest.raises(ValueError, match=reason):
        check_samples(TransferClassifier(image_column="image"), X, [0], reset=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", "query: "),
        ("max_length", 64),
        ("dictionary", {"a": ["b"]}),
        ("class_descriptions", {0: "zero", 1: "one"}),
        ("text_column", "review"),
    ],
)
def test_what_makes_no_sense_for_images_is_refused(name, value):
    clf = TransferClassifier(image_column="image", **{name: value})
    with pytest.raises(ValueError, match=f"`{name}` is about texts.*leave {name}="):
        clf.fit([GREY, 255 - GREY], [0, 1])


def test_the_values_that_are_not_set_are_not_refused():
    clf = TransferClassifier(image_column="image", max_length=128, prompt="auto")
    assert len(check_samples(clf, [GREY, GREY], [0, 1], reset=True)) == 2
