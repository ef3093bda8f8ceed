"""Errors of the disk."""

import errno

import numpy as np
import pytest
import safetensors.numpy
from full_disk import full_disk
from tokenizers import Tokenizer, models

from metaling_sk._utils.writing import writing_to


def write_bytes(path):
    path.write_bytes(b"x" * 1000)


def write_weights(path):
    safetensors.numpy.save_file({"x": np.zeros(1000)}, path)


def write_tokenizer(path):
    vocabulary = {f"word{number}": number for number in range(1000)}
    Tokenizer(models.WordLevel(vocabulary, unk_token="word0")).save(str(path))


@pytest.mark.parametrize("write", [write_bytes, write_weights, write_tokenizer])
def test_whoever_writes_the_error_names_the_folder(write, tmp_path):
    message = rf"^`folder`: '{tmp_path}' cannot be written: .*too large.* Name another\.$"
    with (
        pytest.raises(OSError, match=message) as raised,
        full_disk(100),
        writing_to(tmp_path, "folder", "Name another."),
    ):
        write(tmp_path / "file")
    assert raised.value.errno == errno.EFBIG


def test_other_errors_are_left_as_they_are(tmp_path):
    with (
        pytest.raises(ValueError, match="^no error of the disk$"),
        writing_to(tmp_path, "folder", "Name another."),
    ):
        raise ValueError("no error of the disk")
